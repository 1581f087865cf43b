package proc

import (
	"strings"
	"syscall"

	"mote/proc/first"

	"golang.org/x/sys/unix"
)

var inheritedClosed bool

// closeInherited makes every descriptor from 3 on close-on-exec, once, on a
// kernel whose close_range cannot do so for each child. All that this program
// opens itself is so from the start.
func closeInherited() {
	if !inheritedClosed {
		inheritedClosed = true
		Uninherit(inheritable())
	}
}

// inheritable lists the open descriptors from 3 on that an exec leaves open. To ask
// for each number is several times cheaper than /proc/self/fd.
func inheritable() (fds []int) {
	for fd, end := 3, tableSize(); fd < end; fd++ {
		if flags, errno := fcntl(fd, unix.F_GETFD, 0); errno == 0 && flags&unix.FD_CLOEXEC == 0 {
			fds = append(fds, fd)
		}
	}
	return fds
}

// fcntl is fcntl(2) with what returns at once.
func fcntl(fd, cmd, arg int) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(unix.SYS_FCNTL, uintptr(fd), uintptr(cmd), uintptr(arg))
	return int(n), errno
}

// tableSize is above every open descriptor (proc_pid_status(5), FDSize). Without /proc
// one beyond the limit can be open only if that was higher once, and a bound keeps
// this from taking seconds.
func tableSize() int {
	text, _ := ReadSmall("/proc/self/status", 16<<10)
	_, size, _ := strings.Cut(string(text), "\nFDSize:\t")
	size, _, _ = strings.Cut(size, "\n")
	if n := parseInt(size); n > 0 {
		return int(min(n, 1<<22))
	}
	const bound = 1 << 16
	r := unix.Rlimit{Max: bound}
	unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	return int(min(max(r.Max, first.Nofile.Max), bound))
}
