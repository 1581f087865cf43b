package proc

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A question, its key, and the terminal as it was.
func TestAsk(t *testing.T) {
	master, fd := pty(t)
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	unix.Write(master, []byte("typed before\n"))
	read := func() string {
		var buf [512]byte
		n, _ := unix.Read(master, buf[:])
		return string(buf[:max(n, 0)])
	}
	read()
	a, err := Ask("/dev/pts/"+utoa(uint32(n)), "a key?")
	if err != nil {
		t.Fatal(err)
	}
	poll := []unix.PollFd{{Fd: int32(master), Events: unix.POLLIN}}
	unix.Poll(poll, 5000)
	if s := read(); !strings.HasSuffix(s, "\r\na key?") {
		t.Errorf("it asks %q", s)
	}
	if pressed, err := a.Pressed(); pressed || err != nil {
		t.Errorf("nothing was pressed: %v, %v", pressed, err)
	}
	unix.Write(master, []byte("x"))
	poll[0].Fd = int32(a.FD())
	unix.Poll(poll, 5000)
	if pressed, err := a.Pressed(); !pressed || err != nil {
		t.Errorf("a key was pressed: %v, %v", pressed, err)
	}
	if s := read(); s != "" {
		t.Errorf("the key is echoed: %q", s)
	}
	a.Close()
	if after, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil || *after != *before {
		t.Errorf("the terminal is %+v, it was %+v, %v", after, before, err)
	}
}

func TestAskFails(t *testing.T) {
	for path, want := range map[string]syscall.Errno{"/no/such/tty": syscall.ENOENT, "/dev/null": syscall.ENOTTY, "/dev/nu\x00ll": syscall.EINVAL} {
		var f *Failure
		if _, err := Ask(path, ""); !errors.As(err, &f) || f.Stage != StageTTY || f.Errno != want {
			t.Errorf("%q: %v, expected %v", path, err, want)
		}
	}
}
