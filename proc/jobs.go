package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a wrapper needs of job control (credentials(7), tty_ioctl(4)).

// Foreground is the process group that the terminal fd obeys; false when fd is
// not this process's controlling terminal. 0 is a group outside this pid
// namespace.
func Foreground(fd int) (pgrp int, ok bool) {
	pgrp, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return pgrp, err == nil
}

// SetForeground makes a group of this session the one that the terminal obeys.
// TTOU is blocked meanwhile, so that a background group may do it too
// (tcsetpgrp(3)).
func SetForeground(fd, pgrp int) error {
	var set, old unix.Sigset_t
	addSignal(&set, int(unix.SIGTTOU))
	unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old)
	err := unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, pgrp)
	setMask(&old)
	return err
}

// GroupGone reports whether no process is in a group any more.
func GroupGone(pgrp int) bool { return pgrp <= 1 || unix.Kill(-pgrp, 0) == unix.ESRCH }

// Stopped reports whether the child pid was stopped since it was last asked
// (waitid(2), WSTOPPED). It never blocks.
func Stopped(pid int) bool {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOHANG, nil)
		if err != unix.EINTR {
			return err == nil && *(*int32)(unsafe.Add(unsafe.Pointer(&info), siginfoPid)) != 0
		}
	}
}

// Suspend stops this process's group, as a ^Z at the terminal would, and returns
// when it is continued; at once where nobody could do that (an orphaned group:
// the kernel discards the signal). CONT then waits among the signals.
func Suspend() {
	var act, old sigaction
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTSTP),
		uintptr(unsafe.Pointer(&act)), uintptr(unsafe.Pointer(&old)), sigsetBytes, 0, 0)
	var set, mask unix.Sigset_t
	addSignal(&set, int(unix.SIGTSTP))
	unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, &mask)
	unix.Kill(0, unix.SIGTSTP)
	setMask(&mask)
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTSTP),
		uintptr(unsafe.Pointer(&old)), 0, sigsetBytes, 0, 0)
}
