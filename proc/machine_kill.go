package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// killPlan is what the child of KillAll works with: all of its memory, since a
// forked child can allocate none (forked.go).
type killPlan struct {
	sig    uintptr
	proc   [6]byte     // "/proc" and a NUL
	path   [32]byte    // "/proc/PID/cmdline" and a NUL
	names  [8192]byte  // what getdents64 gives
	pids   [4096]int32 // those to kill, if any is spared
	owner  unix.Statx_t
	count  int
	spared bool
	blind  bool // /proc is of no use
	first  byte
}

// KillAll sends sig to every process but PID 1, for PID 1 alone: in a child,
// since kill(-1) waits for locks that a fork bomb holds. Processes of root
// whose argv[0] begins with "@" are spared: storage daemons, on which the root
// may lie (systemd.io/ROOT_STORAGE_DAEMONS). To find them /proc/PID/cmdline is
// read, which can hang on a process that is stuck; after a time-out the caller
// goes on with Child(Op{Kind: OpKillAll, Signal: sig}), which asks nobody.
// The child exits with ESRCH when there is nobody.
func KillAll(sig int) (pid int, err error) {
	if unix.Getpid() != 1 {
		return 0, &Failure{Stage: StagePrepare, Errno: unix.EPERM}
	}
	p := &killPlan{sig: uintptr(sig), blind: !ownProc()}
	copy(p.proc[:], "/proc")
	got, errno := fork(runKillAll, unsafe.Pointer(p))
	if errno != 0 {
		return 0, &Failure{Stage: StageFork, Errno: errno}
	}
	return int(got), nil
}

// runKillAll is the child of KillAll; the rules of forked.go hold.
//
//go:nosplit
//go:norace
func runKillAll(arg unsafe.Pointer) {
	p := (*killPlan)(arg)
	if !p.blind {
		p.look()
	}
	if !p.spared {
		_, _, errno := syscall.RawSyscall(unix.SYS_KILL, ^uintptr(0), p.sig, 0)
		exitChild(uintptr(errno))
	}
	errno := syscall.ESRCH
	for _, pid := range p.pids[:p.count] {
		if _, _, e := syscall.RawSyscall(unix.SYS_KILL, uintptr(pid), p.sig, 0); e == 0 {
			errno = 0
		}
	}
	exitChild(uintptr(errno))
}

// look goes through /proc. Processes beyond the size of the list come in the
// caller's next round, when these are gone.
//
//go:nosplit
//go:norace
func (p *killPlan) look() {
	fd, errno := rawOpen(&p.proc[0])
	if errno != 0 {
		return
	}
	self, _, _ := syscall.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	for {
		n, _, errno := syscall.RawSyscall(unix.SYS_GETDENTS64, fd, uintptr(unsafe.Pointer(&p.names)), unsafe.Sizeof(p.names))
		if errno != 0 || n == 0 || n > unsafe.Sizeof(p.names) {
			break
		}
		// struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name.
		for at := uintptr(0); at+20 <= n; {
			reclen := uintptr(*(*uint16)(unsafe.Pointer(&p.names[at+16])))
			if reclen < 20 || at+reclen > n {
				break
			}
			if pid := p.number(at + 19); pid > 1 && uintptr(pid) != self {
				p.judge(pid)
			}
			at += reclen
		}
	}
	syscall.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
}

// number is the pid that the name at that place stands for, or 0.
//
//go:nosplit
//go:norace
func (p *killPlan) number(at uintptr) (pid int32) {
	for ; at < uintptr(len(p.names)) && p.names[at] != 0; at++ {
		c := p.names[at]
		if c < '0' || c > '9' || pid > 1<<26 {
			return 0
		}
		pid = pid*10 + int32(c-'0')
	}
	return pid
}

//go:nosplit
//go:norace
func (p *killPlan) judge(pid int32) {
	if p.isSpared(pid) {
		p.spared = true
	} else if p.count < len(p.pids) {
		p.pids[p.count] = pid
		p.count++
	}
}

//go:nosplit
//go:norace
func (p *killPlan) isSpared(pid int32) bool {
	p.cmdlinePath(pid)
	fd, errno := rawOpen(&p.path[0])
	if errno != 0 {
		return false
	}
	p.first = 0
	syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&p.first)), 1)
	spared := p.first == '@'
	if spared {
		p.owner.Uid = 0 // what stays on a kernel without statx (before 4.11)
		syscall.RawSyscall6(unix.SYS_STATX, fd, uintptr(unsafe.Pointer(&p.proc[5])), unix.AT_EMPTY_PATH,
			unix.STATX_UID, uintptr(unsafe.Pointer(&p.owner)), 0)
		spared = p.owner.Uid == 0
	}
	syscall.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	return spared
}

// cmdlinePath writes "/proc/PID/cmdline" and a NUL.
//
//go:nosplit
//go:norace
func (p *killPlan) cmdlinePath(pid int32) {
	const tail = "/cmdline\x00"
	at := 0
	for ; at < 5; at++ {
		p.path[at] = p.proc[at]
	}
	p.path[at] = '/'
	digits := 1
	for n := pid; n >= 10; n /= 10 {
		digits++
	}
	for i := digits; i > 0; i-- {
		p.path[at+i] = byte('0' + pid%10)
		pid /= 10
	}
	at += digits + 1
	for i := 0; i < len(tail); i++ {
		p.path[at+i] = tail[i]
	}
}

//go:nosplit
//go:norace
func rawOpen(path *byte) (fd uintptr, errno syscall.Errno) {
	at := unix.AT_FDCWD
	fd, _, errno = syscall.RawSyscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(path)),
		unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0, 0, 0)
	return fd, errno
}
