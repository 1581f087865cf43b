package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The child's descriptors; the rules of forked.go hold here too.

const openFlags = unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC | unix.O_LARGEFILE

// haveCloseRange says that close_range(2) knows CLOSE_RANGE_CLOEXEC (Linux
// 5.11). Without it closeInherited has done the same once for all.
var haveCloseRange = probeCloseRange()

func probeCloseRange() bool {
	const last = ^uint32(0) // a range that holds nothing
	return unix.CloseRange(uint(last), uint(last), unix.CLOSE_RANGE_CLOEXEC) == nil
}

// descriptors gives the child exactly those of p.places.
//
//go:nosplit
//go:norace
func (p *plan) descriptors() (Stage, syscall.Errno) {
	if p.keep > 0 {
		if _, _, errno := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, uintptr(p.keep), uintptr(^uint32(0)), unix.CLOSE_RANGE_UNSHARE); errno != 0 {
			return StageFD, errno
		}
	}
	if haveCloseRange {
		syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 3, uintptr(^uint32(0)), unix.CLOSE_RANGE_CLOEXEC)
	}
	if p.tty != nil {
		fd, errno := openTTY(p.tty)
		if errno != 0 {
			return StageTTY, errno
		}
		p.opened(fromTTY, fd)
	}
	if p.places[0].from == fromStdin {
		fd, errno := openStdin(p.stdin)
		if errno != 0 {
			return StageStdin, errno
		}
		p.opened(fromStdin, fd)
	}
	return StageFD, p.place()
}

// canUnshare asks close_range for a range that holds nothing, in a process with
// a table of its own.
//
//go:nosplit
//go:norace
func canUnshare() bool {
	last := uintptr(^uint32(0))
	_, _, errno := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, last, last, unix.CLOSE_RANGE_UNSHARE)
	return errno == 0
}

//go:nosplit
//go:norace
func (p *plan) opened(what, fd int32) {
	for i := range p.places {
		if p.places[i].from == what {
			p.places[i].from = fd
		}
	}
}

// openTTY opens the terminal without waiting for a carrier and takes it as the
// controlling one, from another session if root may (ioctl_tty(2)).
//
//go:nosplit
//go:norace
func openTTY(path *byte) (int32, syscall.Errno) {
	fd, errno := openat(path, unix.O_RDWR|openFlags)
	if errno != 0 {
		return -1, errno
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_IOCTL, fd, unix.TIOCSCTTY, 1); errno != 0 {
		return -1, errno
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_FCNTL, fd, unix.F_SETFL, unix.O_RDWR)
	return int32(fd), errno
}

// openStdin opens what the unit reads, and never blocks on a FIFO: that is
// opened for writing too, so that it neither waits for a writer nor ends with
// one (fifo(7)).
//
//go:nosplit
//go:norace
func openStdin(path *byte) (int32, syscall.Errno) {
	fd, errno := openat(path, unix.O_RDONLY|openFlags)
	if errno != 0 {
		return -1, errno
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_FCNTL, fd, unix.F_GETPIPE_SZ, 0); errno == 0 {
		both, errno := openat(path, unix.O_RDWR|openFlags)
		if errno != 0 {
			return -1, errno
		}
		fd = both
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_FCNTL, fd, unix.F_SETFL, 0)
	return int32(fd), errno
}

//go:nosplit
//go:norace
func openat(path *byte, flags uintptr) (uintptr, syscall.Errno) {
	const cwd = unix.AT_FDCWD
	dir := cwd // not a constant: it is negative
	for {
		fd, _, errno := syscall.RawSyscall6(unix.SYS_OPENAT, uintptr(dir),
			uintptr(unsafe.Pointer(path)), flags, 0, 0, 0)
		if errno != syscall.EINTR {
			return fd, errno
		}
	}
}

// place moves every descriptor to its number. What lies below floor, where a
// target may be, is first copied above it, the result pipe included.
//
//go:nosplit
//go:norace
func (p *plan) place() syscall.Errno {
	if p.result >= 0 && p.result < p.floor {
		fd, errno := dupAbove(p.result, p.floor)
		if errno != 0 {
			return errno
		}
		p.result = fd
	}
	for i := range p.places {
		from := &p.places[i].from
		if *from >= p.floor || *from == p.places[i].to {
			continue
		}
		fd, errno := dupAbove(*from, p.floor)
		if errno != 0 {
			return errno
		}
		*from = fd
	}
	for i := range p.places {
		var errno syscall.Errno
		from, to := uintptr(p.places[i].from), uintptr(p.places[i].to)
		if from == to {
			_, _, errno = syscall.RawSyscall(unix.SYS_FCNTL, to, unix.F_SETFD, 0)
		} else {
			_, _, errno = syscall.RawSyscall(unix.SYS_DUP3, from, to, 0)
		}
		if errno != 0 {
			return errno
		}
	}
	return 0
}

//go:nosplit
//go:norace
func dupAbove(fd, floor int32) (int32, syscall.Errno) {
	got, _, errno := syscall.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_DUPFD_CLOEXEC, uintptr(floor))
	return int32(got), errno
}
