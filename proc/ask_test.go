package proc

import (
	"errors"
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
	// Both ways through a pseudoterminal go by a work queue of the kernel
	// (tty_flip_buffer_push, tty_buffer.c): what was written comes later.
	poll := []unix.PollFd{{Events: unix.POLLIN}}
	comes := func(what, want string) {
		t.Helper()
		var buf [512]byte
		got := ""
		for poll[0].Fd = int32(master); len(got) < len(want); {
			if n, err := unix.Poll(poll, int(patience.Milliseconds())); err == unix.EINTR {
				continue
			} else if n != 1 {
				break
			}
			n, _ := unix.Read(master, buf[:])
			got += string(buf[:max(n, 0)])
		}
		if got != want {
			t.Fatalf("%s: %q, want %q", what, got, want)
		}
	}
	unix.Write(master, []byte("typed before\n"))
	comes("the echo", "typed before\r\n")
	a, err := Ask("/dev/pts/"+utoa(uint32(n)), "a key?")
	if err != nil {
		t.Fatal(err)
	}
	comes("the question", "\r\r\na key?")
	if pressed, err := a.Pressed(); pressed || err != nil {
		t.Errorf("nothing was pressed: %v, %v", pressed, err)
	}
	unix.Write(master, []byte("x"))
	poll[0].Fd = int32(a.FD())
	for {
		if _, err := unix.Poll(poll, int(patience.Milliseconds())); err != unix.EINTR {
			break
		}
	}
	if pressed, err := a.Pressed(); !pressed || err != nil {
		t.Errorf("a key was pressed: %v, %v", pressed, err)
	}
	unix.Write(fd, []byte("end")) // what comes before it would be the key's echo
	comes("behind the key", "end")
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
