package proc

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cloneCall is one system call that makes a child.
type cloneCall struct{ trap, a1, a2 uintptr }

// cloneArgs is struct clone_args of clone3(2). Its first version ends before
// setTID.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls uint64
	setTID, setTIDSize, cgroup                                           uint64
}

const cloneArgsFirst = unsafe.Offsetof(cloneArgs{}.setTID)

// clearSighand resets handlers, not what is ignored (clone(2),
// CLONE_CLEAR_SIGHAND, Linux 5.5).
const clearSighand = 1 << 32

// sharedFlags make a child that uses this process's memory while it sleeps.
const sharedFlags = unix.CLONE_VM | unix.CLONE_VFORK

// theCloneArgs is what a clone3 points to.
var theCloneArgs cloneArgs

// clone3Extra is a flag more, for the test of a kernel that refuses one.
var clone3Extra uint64

// haveClearSighand says that clone3 with that flag works. It is believed at
// first where clone3 is there, and given up when it fails once.
var haveClearSighand = probeClone3()

// probeClone3 asks for a clone with too small a structure: EINVAL is the answer
// of a kernel that has it. Sandboxes and emulators say EPERM or ENOSYS.
func probeClone3() bool {
	_, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	return errno == syscall.EINVAL
}

// haveIntoCgroup says that a child can begin in another cgroup than its parent
// (clone3(2), CLONE_INTO_CGROUP, Linux 5.7).
var haveIntoCgroup = haveClearSighand && probeIntoCgroup()

// probeIntoCgroup makes no child: a kernel that knows the structure says EINVAL
// to a descriptor that cannot be one, an older one E2BIG to what it does not know.
func probeIntoCgroup() bool {
	args := cloneArgs{flags: unix.CLONE_INTO_CGROUP | unix.CLONE_THREAD, cgroup: 1 << 31}
	_, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	return errno == syscall.EINVAL
}

// clone3Call is a clone3 that clears the handlers, with flags besides; into is
// the folder of a cgroup, or 0.
func clone3Call(flags uintptr, into int32) cloneCall {
	theCloneArgs = cloneArgs{flags: uint64(flags) | clearSighand | clone3Extra, exitSignal: uint64(unix.SIGCHLD)}
	size := cloneArgsFirst
	if into > 0 {
		theCloneArgs.flags |= unix.CLONE_INTO_CGROUP
		theCloneArgs.cgroup = uint64(into)
		size = unsafe.Sizeof(theCloneArgs)
	}
	return cloneCall{unix.SYS_CLONE3, uintptr(unsafe.Pointer(&theCloneArgs)), size}
}

// refused reports whether an errno is that of a kernel, or of a sandbox, that does
// not know a call or a flag of it.
func refused(errno syscall.Errno) bool {
	return errno == syscall.EINVAL || errno == syscall.ENOSYS || errno == syscall.EPERM
}

// plainCall is a clone, which every kernel has.
func plainCall(flags uintptr) cloneCall {
	flags |= uintptr(unix.SIGCHLD)
	if runtime.GOARCH == "s390x" {
		return cloneCall{unix.SYS_CLONE, 0, flags} // the first two arguments are swapped there
	}
	return cloneCall{unix.SYS_CLONE, flags, 0}
}

// start makes the child for p, which shares memory with this process until its
// exec, or not.
func (p *plan) start(shared bool) (pid uintptr, errno syscall.Errno) {
	way, flags := forkCopied, uintptr(0)
	if shared {
		way, flags = forkShared, sharedFlags
		if p.keep > 0 {
			flags |= unix.CLONE_FILES
		}
	}
	if haveClearSighand {
		rememberIgnored()
		p.cleared = true
		pid, errno = way(clone3Call(flags, p.into), runPlan, unsafe.Pointer(p))
		if p.into > 0 || !refused(errno) {
			return pid, errno
		}
		haveClearSighand = false // Linux 5.3 and 5.4 do not know the flag
	}
	p.cleared = false
	return way(plainCall(flags), runPlan, unsafe.Pointer(p))
}

// ignoredAtStart says whether HUP and INT were ignored when this image began.
// The runtime leaves these two so; of others it keeps no record.
var ignoredAtStart = [...]bool{
	unix.SIGHUP: disposition(int(unix.SIGHUP)) == sigIgn,
	unix.SIGINT: disposition(int(unix.SIGINT)) == sigIgn,
}

// ignoredNow says which signals this process ignores. Only this package
// changes dispositions, and clears ignoredKnown when it does.
var (
	ignoredNow   [signalMax + 1]bool
	ignoredKnown bool
)

func rememberIgnored() {
	if ignoredKnown {
		return
	}
	for sig := 1; sig <= signalMax; sig++ {
		ignoredNow[sig] = disposition(sig) == sigIgn
	}
	ignoredKnown = true
}
