package proc

import (
	"slices"

	"golang.org/x/sys/unix"
)

// mountWatch knows whether any mount of this process can keep a caller waiting
// for a server. It holds /proc/self/mountinfo open, whose poll says that the
// table has changed (proc_pid_mounts(5)), and reads it again only then.
type mountWatch struct {
	fd    int // 0 is not open
	local bool
}

// theMounts is kept open, like theNull.
var theMounts mountWatch

// allLocal reports whether every mount is local. Without /proc, or when the
// table cannot be read, that is not known, and false.
func (w *mountWatch) allLocal() bool {
	if w.fd != 0 {
		fds := [1]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLPRI}}
		n, err := unix.Poll(fds[:], 0)
		if n == 0 && err == nil {
			return w.local
		}
	} else if !w.open() {
		return false
	}
	// What changes after the poll, or after the open, is news to the next one.
	mounts, err := ReadMounts()
	w.local = err == nil && len(mounts) > 0 &&
		!slices.ContainsFunc(mounts, func(m Mount) bool { return remoteType(m.Type) })
	return w.local
}

func (w *mountWatch) open() bool {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if fd == 0 { // a program without stdin: not a number to keep
		unix.Close(fd)
		return false
	}
	w.fd = fd
	return true
}
