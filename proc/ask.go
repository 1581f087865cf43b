package proc

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Asking is a terminal on which a question was written. Its descriptor is
// readable, for Poll, once a key was pressed or the terminal has gone.
type Asking struct {
	fd  int
	old unix.Termios
}

// Ask opens a terminal, writes a text on a new line and has it give each key
// as it comes, unseen. What was typed before is dropped. It waits for nothing:
// no carrier, no free place for the text. An error is a *Failure of StageTTY.
func Ask(path, text string) (*Asking, error) {
	fail := func(err error) (*Asking, error) { return nil, &Failure{Stage: StageTTY, Errno: asErrno(err)} }
	if strings.IndexByte(path, 0) >= 0 {
		return fail(syscall.EINVAL)
	}
	fd, err := openFile(path, unix.O_RDWR)
	if err != nil {
		return fail(err)
	}
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		unix.Close(fd)
		return fail(err)
	}
	a := &Asking{fd, *old}
	raw := *old
	raw.Lflag &^= unix.ICANON | unix.ECHO
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		a.Close()
		return fail(err)
	}
	unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH)
	unix.Write(fd, []byte("\r\n"+text))
	return a, nil
}

// FD is the descriptor for Poll.
func (a *Asking) FD() int { return a.fd }

// Pressed takes the keys and reports whether there was one. An error, a
// *Failure of StageTTY, says that the terminal has gone.
func (a *Asking) Pressed() (bool, error) {
	var keys [256]byte
	n, err := unix.Read(a.fd, keys[:])
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return false, nil
	case err == nil && n > 0:
		return true, nil
	case err == nil:
		err = syscall.EIO // hung up (tty_ioctl(4), TIOCVHANGUP)
	}
	return false, &Failure{Stage: StageTTY, Errno: asErrno(err)}
}

// Close gives the terminal back as it was. Output that it does not take is
// dropped: a close would wait for it, on a serial line for half a minute
// (closing_wait of setserial(8)).
func (a *Asking) Close() {
	unix.IoctlSetTermios(a.fd, unix.TCSETS, &a.old)
	unix.IoctlSetInt(a.fd, unix.TCFLSH, unix.TCOFLUSH)
	unix.Close(a.fd)
}
