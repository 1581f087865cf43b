package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Exit says how a child ended: by Code, or by Signal when that is not 0.
type Exit struct {
	Pid    int
	Code   int
	Signal int
	Core   bool // it left a core dump
}

// siginfoPid is where si_pid lies in siginfo_t: after three ints, aligned to
// the size of a pointer (asm-generic/siginfo.h; mips swaps two of the ints,
// which changes nothing here).
const siginfoPid = (3*4 + unsafe.Sizeof(uintptr(0)) - 1) &^ (unsafe.Sizeof(uintptr(0)) - 1)

// NextExit reports a child that has ended and is not yet reaped, and leaves
// it there (waitid(2), WNOWAIT). The same pid comes back until Reap takes it.
// It never blocks; no child, or none that has ended, is false.
func NextExit() (pid int, ok bool) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, false // ECHILD is the end, not an error
		}
		// Without a dead child waitid succeeds and leaves si_pid 0.
		pid = int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), siginfoPid)))
		return pid, pid != 0
	}
}

// AnyChild reports whether this process has a child, dead or alive. Without
// one a subreaper has no descendant either: orphans become its children.
func AnyChild() bool {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// Reap takes the dead child pid off the kernel's table and says how it ended.
// It reports false, and never blocks, when pid is alive or no child of ours.
func Reap(pid int) (Exit, bool) {
	var ws syscall.WaitStatus
	if pid <= 0 {
		return Exit{}, false // wait4 would take a whole group, or anyone
	}
	for {
		got, err := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || got != pid {
			return Exit{}, false
		}
		e := Exit{Pid: pid}
		if ws.Signaled() {
			e.Signal, e.Core = int(ws.Signal()), ws.CoreDump()
		} else {
			e.Code = ws.ExitStatus()
		}
		return e, true
	}
}

// Subreaper makes orphans below this process its children, as they are those
// of PID 1 by nature (prctl(2), PR_SET_CHILD_SUBREAPER, Linux 3.4).
func Subreaper() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// Kill sends sig to the process pid. Errors are errnos; a pid below 1, which
// kill(2) takes for groups and for everybody, is EINVAL.
func Kill(pid, sig int) error {
	if pid <= 0 {
		return unix.EINVAL
	}
	return unix.Kill(pid, unix.Signal(sig))
}

// KillGroup sends sig to the process group of pid, which must be a child that
// is not reaped yet, so that the number cannot be a stranger's. A child that
// has not come as far as setsid leads no group: it gets the signal alone, and
// acts on it, at the latest, just before its exec.
func KillGroup(pid, sig int) error {
	if pid <= 1 {
		return unix.EINVAL // -1 is everybody
	}
	err := unix.Kill(-pid, unix.Signal(sig))
	if err == unix.ESRCH {
		err = unix.Kill(pid, unix.Signal(sig))
	}
	return err
}
