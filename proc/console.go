package proc

import "golang.org/x/sys/unix"

// EnsureStdio leaves descriptors 0, 1 and 2 open, so that nothing that is
// opened later gets one of these numbers. With console set, for a machine,
// those that lead nowhere are put on /dev/console, else (1 and 2) on the
// kernel's log; it is called again once /dev is mounted. With an empty /dev
// there is still something to hold each number: it reads as the end of a file
// and takes nothing.
func EnsureStdio(console bool) {
	for fd := range 3 {
		kind := stdioKind(fd)
		if kind == stdioUsed || kind == stdioNowhere && !console {
			continue
		}
		if console && openAs(fd, "/dev/console", unix.O_RDWR) {
			continue
		}
		if console && fd > 0 && openAs(fd, "/dev/kmsg", unix.O_WRONLY) {
			continue
		}
		if kind == stdioNowhere {
			continue
		}
		if null := openNull(); null >= 0 {
			moveTo(null, fd)
		} else {
			occupy(fd)
		}
	}
}

type stdio uint8

const (
	stdioClosed  stdio = iota
	stdioNowhere       // open, but of no use
	stdioUsed
)

// stdioKind looks at one of the standard descriptors. /dev/null, which Go's
// runtime opens for what is closed at its start, and what occupy makes lead
// nowhere. A folder is no better than closed: nobody starts a program so, but
// it is the one thing that a runtime can open where there is no /dev/null.
func stdioKind(fd int) stdio {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return stdioClosed
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return stdioClosed
	case unix.S_IFCHR:
		if uint64(st.Rdev) == unix.Mkdev(1, 3) {
			return stdioNowhere
		}
	case unix.S_IFIFO:
		if fd == 0 {
			return stdioNowhere
		}
	case 0: // an anonymous inode has no type
		return stdioNowhere
	}
	return stdioUsed
}

// openAs opens path at the number fd, for the next image too.
func openAs(fd int, path string, flags int) bool {
	got, err := openFile(path, flags)
	if err != nil {
		return false
	}
	moveTo(got, fd)
	return true
}

// moveTo moves a descriptor to the number fd and clears close-on-exec.
func moveTo(got, fd int) {
	if got == fd {
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		return
	}
	unix.Dup3(got, fd, 0)
	unix.Close(got)
}

// occupy holds the number fd without any file: 0 by a pipe that nobody writes
// to, the others by an eventfd, which refuses all but writes of eight bytes.
func occupy(fd int) {
	if fd > 0 {
		if got, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err == nil {
			moveTo(got, fd)
		}
		return
	}
	var p [2]int
	if unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return
	}
	moveTo(p[0], fd)
	if p[1] != fd {
		unix.Close(p[1])
	}
}

// SaneTTY puts a terminal into the state that a login expects, whatever the
// last program left, and keeps its speed and framing. It does not wait for
// output to drain, which a line without a reader never does.
func SaneTTY(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return cannot("set the terminal", err)
	}
	for _, c := range [...][2]uint8{{unix.VINTR, 'C' & 31}, {unix.VQUIT, '\\' & 31}, {unix.VERASE, 127}, {unix.VKILL, 'U' & 31},
		{unix.VEOF, 'D' & 31}, {unix.VSTART, 'Q' & 31}, {unix.VSTOP, 'S' & 31}, {unix.VSUSP, 'Z' & 31}} {
		t.Cc[c[0]] = c[1]
	}
	t.Line = 0
	t.Cflag &= unix.CBAUD | unix.CSIZE | unix.CSTOPB | unix.PARENB | unix.PARODD | unix.CRTSCTS
	t.Cflag |= unix.CREAD | unix.HUPCL | unix.CLOCAL
	t.Iflag = unix.ICRNL | unix.IXON | unix.IXOFF
	t.Oflag = unix.OPOST | unix.ONLCR
	t.Lflag = unix.ISIG | unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE | unix.IEXTEN
	return cannot("set the terminal", unix.IoctlSetTermios(fd, unix.TCSETS, t))
}
