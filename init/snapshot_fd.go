package pid1

import (
	"golang.org/x/sys/unix"
)

// claims are the descriptors that the image before has left open and that are
// taken over; what is in none is closed when all parts are attached.
type claims struct {
	set []uint64 // a bit for each
}

// maxClaim bounds the number of a descriptor in a snapshot (fs.nr_open by default).
const maxClaim = 1 << 20

// claim takes over a descriptor. kind is the file type that it must have
// (S_IFIFO, S_IFSOCK, ... of inode(7)), 0 for any. It reports whether it is that,
// and was not taken over before; from then on it is the caller's, and closed by an
// exec.
func (c *claims) claim(fd int, kind uint32) bool {
	var st unix.Stat_t
	if flags := flagsOf(fd); flags < 0 || kind != 0 && (unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != kind) || !c.note(fd) {
		return false
	}
	unix.CloseOnExec(fd)
	return true
}

// flagsOf gives the flags of a descriptor (FD_CLOEXEC), -1 of one that is not open. It
// asks nobody but the kernel: fstat(2) would ask the server of a file on the network.
func flagsOf(fd int) int {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil {
		return -1
	}
	return flags
}

// note adds a descriptor and reports whether it can be one, and was not there.
func (c *claims) note(fd int) bool {
	if fd <= 2 || fd >= maxClaim || c.has(fd) {
		return false
	}
	for len(c.set) <= fd/64 {
		c.set = append(c.set, 0)
	}
	c.set[fd/64] |= 1 << (fd % 64)
	return true
}

// all lists them.
func (c *claims) all() (fds []int) {
	for fd := range 64 * len(c.set) {
		if c.has(fd) {
			fds = append(fds, fd)
		}
	}
	return fds
}

// may notes descriptors of records and reports whether they can be, and no other
// record had them; 0 is none.
func (c *claims) may(fds ...int) bool {
	for _, fd := range fds {
		if fd != 0 && !c.note(fd) {
			return false
		}
	}
	return true
}

// has reports whether a descriptor was taken over.
func (c *claims) has(fd int) bool {
	return fd >= 0 && fd/64 < len(c.set) && c.set[fd/64]&(1<<(fd%64)) != 0
}
