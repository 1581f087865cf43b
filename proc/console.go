package proc

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// EnsureStdio leaves descriptors 0, 1 and 2 open, so that nothing that is
// opened later gets one of these numbers. With console set, for a machine,
// those that lead nowhere are put on /dev/console, else (1 and 2) on the
// kernel's log; it is called again once /dev is mounted. With an empty /dev
// there is still something to hold each number: it reads as the end of a file
// and takes nothing.
func EnsureStdio(console bool) {
	for fd := range 3 {
		open := isOpen(fd)
		if open && !(console && leadsNowhere(fd)) {
			continue
		}
		if console && openAs(fd, "/dev/console", unix.O_RDWR) {
			continue
		}
		if console && fd > 0 && openAs(fd, "/dev/kmsg", unix.O_WRONLY) {
			continue
		}
		if !open && !openAs(fd, "/dev/null", unix.O_RDWR) {
			occupy(fd)
		}
	}
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

// leadsNowhere reports whether fd is /dev/null, which Go's runtime opens for
// what is closed at its start, or one of occupy.
func leadsNowhere(fd int) bool {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		return uint64(st.Rdev) == unix.Mkdev(1, 3)
	case unix.S_IFIFO:
		return fd == 0
	}
	return st.Mode&unix.S_IFMT == 0 // an anonymous inode has no type
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

// Outlet is where the init's own messages go. Write never blocks.
type Outlet struct {
	fd     int
	shared bool // others have the same open file: it is not ours to make non-blocking
}

// OpenConsole opens /dev/console for messages.
func OpenConsole() (*Outlet, error) {
	fd, err := openFile("/dev/console", unix.O_WRONLY)
	if err != nil {
		return nil, cannot("open /dev/console", err)
	}
	return &Outlet{fd: fd}, nil
}

// OpenStderr gives what descriptor 2 leads to. O_NONBLOCK belongs to the open
// file, which a shell may share, so a terminal or a pipe is opened anew
// through /proc; anything else, or one that cannot be opened (the terminal of
// another user), is written to in small pieces when poll says that there is
// room.
func OpenStderr() (*Outlet, error) {
	var st unix.Stat_t
	if err := unix.Fstat(2, &st); err != nil {
		return nil, cannot("use descriptor 2", err)
	}
	if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFCHR || kind == unix.S_IFIFO {
		if fd, err := openFile("/proc/self/fd/2", unix.O_WRONLY); err == nil {
			return &Outlet{fd: fd}, nil
		}
	}
	fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, cannot("use descriptor 2", err)
	}
	return &Outlet{fd: fd, shared: true}, nil
}

// sharedPiece is what fits when poll says that a pipe or a socket has room
// (PIPE_BUF is 4096), and nearly always for a terminal.
const sharedPiece = 512

// Write takes what there is room for and says how much; 0 is a full or broken
// outlet. SIGPIPE is the caller's to block.
func (o *Outlet) Write(p []byte) (n int) {
	for n < len(p) {
		piece := p[n:]
		if o.shared {
			piece = piece[:min(len(piece), sharedPiece)]
			ready := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}
			if got, err := unix.Poll(ready, 0); err != nil || got != 1 || ready[0].Revents&unix.POLLOUT == 0 {
				return n
			}
		}
		var wrote int
		err := uninterrupted(func() (err error) {
			wrote, err = unix.Write(o.fd, piece)
			return err
		})
		if err != nil || wrote <= 0 {
			return n
		}
		n += wrote
	}
	return n
}

// FD is the descriptor, for Poll.
func (o *Outlet) FD() int { return o.fd }

// Close gives the outlet up; descriptor 2 stays.
func (o *Outlet) Close() { unix.Close(o.fd) }

// maxKmsg is what one record of the kernel's log holds less its head; more is
// EINVAL (kernel/printk/printk.c, devkmsg_write, PRINTKRB_RECORD_MAX 1024).
const maxKmsg = 960

// logDaemon is the syslog facility in the place of the priority (syslog(3)).
const logDaemon = 3 << 3

// OpenKmsg opens the kernel's log for WriteKmsg.
func OpenKmsg() (fd int, err error) {
	if fd, err = openFile("/dev/kmsg", unix.O_WRONLY); err != nil {
		return -1, cannot("open /dev/kmsg", err)
	}
	return fd, nil
}

// WriteKmsg writes one record, "NAME: line", of a syslog level from 0
// (emergency) to 7 (debug); what is too long is cut. The kernel drops records
// that come too fast unless printk.devkmsg=on, and says so itself.
func WriteKmsg(fd, level int, name string, line []byte) error {
	record := make([]byte, 0, 8+len(name)+min(len(line), maxKmsg))
	record = append(record, '<')
	record = strconv.AppendInt(record, int64(logDaemon|level&7), 10)
	record = append(record, '>')
	record = append(record, name...)
	record = append(record, ": "...)
	record = append(record, line...)
	record = record[:min(len(record), maxKmsg)]
	return uninterrupted(func() error {
		_, err := unix.Write(fd, record)
		return err
	})
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
