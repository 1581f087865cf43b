package proc

import (
	"strconv"

	"golang.org/x/sys/unix"
)

var inheritedClosed bool

// closeInherited makes every descriptor from 3 on close-on-exec, once, on a
// kernel whose close_range cannot do so for each child. All that this program
// opens itself is so from the start.
func closeInherited() {
	if inheritedClosed {
		return
	}
	inheritedClosed = true
	fds, ok := openFDs()
	if !ok {
		fds = possibleFDs()
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
}

// openFDs lists the open descriptors from 3 on, by /proc/self/fd; false where
// that is not there.
func openFDs() ([]int, bool) {
	dir, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer unix.Close(dir)
	var fds []int
	buf := make([]byte, 4096)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return fds, err == nil
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if fd, err := strconv.Atoi(name); err == nil && fd >= 3 && fd != dir {
				fds = append(fds, fd)
			}
		}
	}
}
