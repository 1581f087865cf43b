package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Everything in this file runs in a forked child, or around its birth. After
// beforeFork the stack must not grow, nothing may be allocated, and only raw
// system calls work: every function is nosplit and norace.
//
// The order of the steps, each with its reason:
//
//  0. the cgroup, where the clone could not begin there: all that follows counts
//     in it, and nothing of it needs the init's own
//  1. dispositions: all default, while every signal is still blocked; and the
//     pid into the environment
//  2. session or process group; the terminal's foreground group
//  3. every descriptor close-on-exec, then the terminal, stdin, and all
//     declared ones at their numbers
//  4. the OOM score, a file in /proc: the chroot may have none, and a limit of
//     files may leave no descriptor to open it
//  5. the limits, with the one of open files that the init was started with;
//     earlier it would have kept step 3 from high numbers. Before the
//     priorities, which the limits nice and rtprio may allow
//  6. nice, io priority, scheduler, processors: as the init, who may
//  7. chroot, then the directory inside it, and umask, still as the init, who
//     can reach them
//  8. keeping capabilities over step 9, securebits, and the bounding set, for
//     which CAP_SETPCAP is needed
//  9. groups, then gid, then uid: the last takes the right to the others
// 10. the permitted, effective and inheritable sets, which step 9 has emptied,
//     then the ambient one, which may hold what is in both others
// 11. no new privileges, which nothing above must meet
// 12. the empty mask, last: a signal that came meanwhile now has its default
//     effect and meets no handler
// 13. exec of the candidates in order, inside the chroot; EAGAIN there is the
//     limit of processes, which the kernel counts for the new user

// The runtime's side of a fork, under the names that it keeps for others
// (runtime/proc.go, go.dev/issue/67401). AfterForkInChild is not needed: it
// resets what has a handler and restores a mask, and steps 1 and 12 do more.
//
//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

// fork runs child(arg), which never returns, in a copy of this process.
func fork(child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno) {
	return forkCopied(plainCall(0), child, arg)
}

// forkCopied is fork by the call c.
//
//go:noinline
//go:norace
//go:nocheckptr
func forkCopied(c cloneCall, child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno) {
	beforeFork()
	pid, _, errno = syscall.RawSyscall6(c.trap, c.a1, c.a2, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		child(arg)
		exitChild(127)
	}
	afterFork()
	return pid, errno
}

//go:nosplit
//go:norace
func exitChild(code uintptr) {
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, code, 0, 0)
	}
}

// runPlan is the child of Spawn.
//
//go:nosplit
//go:norace
func runPlan(arg unsafe.Pointer) {
	p := (*plan)(arg)
	if p.probe {
		p.shares, p.unshares = true, haveCloseRange && canUnshare()
	}
	stage, errno := p.run()
	p.message = [3]uint32{uint32(stage), uint32(errno), p.item}
	if p.result >= 0 { // else the parent shares p
		syscall.RawSyscall(unix.SYS_WRITE, uintptr(p.result),
			uintptr(unsafe.Pointer(&p.message)), unsafe.Sizeof(p.message))
	}
	exitChild(127)
}

// run returns only if a step fails.
//
//go:nosplit
//go:norace
func (p *plan) run() (Stage, syscall.Errno) {
	if p.joinFD > 0 {
		if _, _, errno := syscall.RawSyscall(unix.SYS_WRITE, uintptr(p.joinFD), uintptr(unsafe.Pointer(&itself)), 1); errno != 0 && !p.mayMiss {
			return StageCgroup, errno
		}
	}
	p.resetDispositions()
	for _, at := range p.pidAt {
		if at > 0 {
			p.sayPid(at)
		}
	}
	if errno := p.join(); errno != 0 {
		return StageSetsid, errno
	}
	if !p.inherit {
		if stage, errno := p.descriptors(); errno != 0 {
			return stage, errno
		}
	}
	if stage, errno := p.resourcesOf(); errno != 0 {
		return stage, errno
	}
	if p.root != nil {
		if _, _, errno := syscall.RawSyscall(unix.SYS_CHROOT, uintptr(unsafe.Pointer(p.root)), 0, 0); errno != 0 {
			return StageChroot, errno
		}
	}
	if p.dir != nil {
		if _, _, errno := syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(p.dir)), 0, 0); errno != 0 {
			return StageChdir, errno
		}
	}
	if p.umask >= 0 {
		syscall.RawSyscall(unix.SYS_UMASK, uintptr(p.umask), 0, 0)
	}
	if stage, errno := p.narrow(); errno != 0 {
		return stage, errno
	}
	if p.cred {
		if stage, errno := p.credentials(); errno != 0 {
			return stage, errno
		}
	}
	if stage, errno := p.finish(); errno != 0 {
		return stage, errno
	}
	return StageExec, p.exec()
}

// itself is what a process writes to cgroup.procs to move itself there.
var itself = [1]byte{'0'}

// resetDispositions gives every signal its default effect, so that none meets
// a handler of the init once the mask is empty, and none stays ignored over the
// exec. After a clone that has cleared the handlers only the ignored ones are
// left; 60 calls fewer make a spawn a tenth faster.
//
//go:nosplit
//go:norace
func (p *plan) resetDispositions() {
	for sig := 1; sig <= signalMax; sig++ {
		act := &sigactionDefault
		switch {
		case p.inherit && sig < len(ignoredAtStart) && ignoredAtStart[sig]:
			act = &sigactionIgnore
		case p.cleared && !ignoredNow[sig]:
			continue
		}
		// KILL and STOP give EINVAL.
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
			uintptr(unsafe.Pointer(act)), 0, sigsetBytes, 0, 0)
	}
}

// sayPid writes the child's pid into its environment, as LISTEN_PID has it
// (sd_listen_fds(3)), and WATCHDOG_PID (sd_watchdog_enabled(3)). The NUL behind it
// ends the word.
//
//go:nosplit
//go:norace
func (p *plan) sayPid(at int) {
	pid, _, _ := syscall.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	digits := 1
	for n := pid; n >= 10; n /= 10 {
		digits++
	}
	p.buf[at+digits] = 0
	for i := at + digits - 1; i >= at; i-- {
		p.buf[i] = byte('0' + pid%10)
		pid /= 10
	}
}

//go:nosplit
//go:norace
func (p *plan) join() (errno syscall.Errno) {
	switch p.group {
	case GroupSession:
		_, _, errno = syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
	case GroupForeground, GroupOwn:
		_, _, errno = syscall.RawSyscall(unix.SYS_SETPGID, 0, 0, 0)
	}
	if errno == 0 && p.group == GroupForeground {
		// TTOU is blocked, so a background group may do this (tcsetpgrp(3)).
		// Descriptor 0 need not be a terminal, and not ours.
		pid, _, _ := syscall.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
		p.number = int32(pid)
		syscall.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSPGRP, uintptr(unsafe.Pointer(&p.number)))
	}
	return errno
}

//go:nosplit
//go:norace
func (p *plan) credentials() (Stage, syscall.Errno) {
	var groups unsafe.Pointer
	if len(p.groups) > 0 {
		groups = unsafe.Pointer(&p.groups[0])
	}
	if _, _, errno := syscall.RawSyscall(sysSetgroups, uintptr(len(p.groups)), uintptr(groups), 0); errno != 0 {
		return StageSetgroups, errno
	}
	if _, _, errno := syscall.RawSyscall(sysSetgid, uintptr(p.gid), 0, 0); errno != 0 {
		return StageSetgid, errno
	}
	_, _, errno := syscall.RawSyscall(sysSetuid, uintptr(p.uid), 0, 0)
	return StageSetuid, errno
}

var emptySet unix.Sigset_t

// exec tries the candidates as execvp(3) does: a file that is not there gives
// way to the next, one that may not be executed is remembered. There is no
// shell for a file without a magic number.
//
//go:nosplit
//go:norace
func (p *plan) exec() (errno syscall.Errno) {
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(&emptySet)), 0, sigsetBytes, 0, 0)
	denied := false
	for _, file := range p.path {
		_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(file)),
			uintptr(unsafe.Pointer(&p.argv[0])), uintptr(unsafe.Pointer(&p.env[0])))
		switch errno {
		case syscall.EACCES:
			denied = true
		case syscall.ENOENT, syscall.ENOTDIR, syscall.ESTALE, syscall.ENODEV, syscall.ETIMEDOUT:
		default:
			return errno
		}
	}
	if denied {
		return syscall.EACCES
	}
	return errno
}
