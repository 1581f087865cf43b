package proc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestReadNotify(t *testing.T) {
	path := shortDir(t) + "/notify"
	fd, err := NewNotify(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if st, err := os.Lstat(path); err != nil || st.Mode().Perm() != 0o666 {
		t.Error(st, err)
	}
	buf := make([]byte, 64)
	if _, _, _, ok := ReadNotify(fd, buf); ok {
		t.Error("nothing was sent")
	}
	send, err := newSocket(unix.SOCK_DGRAM)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(send)
	to := &unix.SockaddrUnix{Name: path}
	say := func(text string, rights []byte) {
		t.Helper()
		if err := unix.Sendmsg(send, []byte(text), rights, to, 0); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want string) {
		t.Helper()
		n, pid, uid, ok := ReadNotify(fd, buf)
		if !ok || string(buf[:n]) != want || pid != os.Getpid() || uid != uint32(os.Getuid()) {
			t.Errorf("%q, pid %d, uid %d, %v; want %q", buf[:n], pid, uid, ok, want)
		}
	}
	say("READY=1", nil)
	say("", nil)
	say(strings.Repeat("x", 65), nil) // longer than the buffer
	expect("READY=1")
	expect("")
	expect("")

	// Descriptors that come along are closed, as many as may come.
	before, _ := os.ReadDir("/proc/self/fd")
	var fds []int
	for range maxPassed {
		fds = append(fds, 0)
	}
	say("BARRIER=1", unix.UnixRights(0))
	say("MANY=1", unix.UnixRights(fds...))
	expect("BARRIER=1")
	expect("MANY=1")
	after, _ := os.ReadDir("/proc/self/fd")
	if len(before) != len(after) {
		t.Errorf("%d descriptors before, %d after", len(before), len(after))
	}

	again, err := NewNotify(path) // replaces what is there
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(again)
	name := "@mote-test/n" + filepath.Base(filepath.Dir(path))
	abs, err := NewNotify(name)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(abs)
	to = &unix.SockaddrUnix{Name: name}
	say("A=1", nil)
	if n, pid, _, ok := ReadNotify(abs, buf); !ok || string(buf[:n]) != "A=1" || pid != os.Getpid() {
		t.Error(n, pid, ok)
	}
}

func init() { helpers["connect"] = helperConnect }

// helperConnect connects to the socket that is named and waits for its end.
func helperConnect() {
	fd, err := newSocket(unix.SOCK_STREAM)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: os.Getenv("SOCKET")})
	}
	if err != nil {
		os.Stderr.WriteString("connect: " + err.Error() + "\n")
		os.Exit(1)
	}
	unix.SetNonblock(fd, false)
	unix.Read(fd, make([]byte, 1))
}

// The supplementary groups of another user's process count, as the kernel has
// them, and those that only the file gives do not, while the kernel answers.
func TestPeerInGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to run a process with other groups")
	}
	accountRoot(t, "u:x:60001:60002::/:\n", "g:x:60005:u\n")
	s, err := Listen("@mote-test/"+filepath.Base(shortDir(t)), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	groups := make([]uint32, 40) // more than the first buffer takes
	for i := range groups {
		groups[i] = uint32(61000 + i)
	}
	// The file itself may lie in a folder that the other user cannot enter.
	cmd := exec.Command("/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{exe}
	cmd.Env = []string{helperVar + "=connect", "SOCKET=" + s.Path}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 60001, Gid: 60002, Groups: groups}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	fd := waitAccept(t, s.Fd)
	defer unix.Close(fd)
	if _, uid, gid, err := PeerCred(fd); uid != 60001 || gid != 60002 || err != nil {
		t.Error(uid, gid, err)
	}
	for gid, want := range map[uint32]bool{60002: true, 61000: true, 61039: true, 61040: false, 60005: false, 0: false} {
		if got := PeerInGroup(fd, gid); got != want {
			t.Errorf("group %d: %v", gid, got)
		}
	}
}

// waitAccept waits for a client, five seconds at most.
func waitAccept(t *testing.T, listener int) int {
	t.Helper()
	ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	for end := time.Now().Add(5 * time.Second); ; {
		left := time.Until(end).Milliseconds()
		if n, err := unix.Poll(ready, int(max(left, 0))); err == unix.EINTR && left > 0 {
			continue
		} else if n != 1 {
			t.Fatal("nobody connects:", n, err)
		}
		fd, err := Accept(listener)
		if err != nil || fd < 0 {
			t.Fatal(fd, err)
		}
		return fd
	}
}

// Receive gives every datagram with its sender, an empty one too, what fitted of
// a long one, and the end behind all of them.
func TestReceive(t *testing.T) {
	path := t.TempDir() + "/log"
	s, err := ListenDatagrams(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ListenDatagrams(path, 0o666); !errors.Is(err, ErrAnswered) {
		t.Errorf("a second one: %v", err)
	}
	buf := make([]byte, 8)
	if _, _, _, ok := Receive(s.Fd, buf, false); ok {
		t.Error("something is there")
	}
	c, err := newSocket(unix.SOCK_DGRAM)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(c)
	if err := unix.Connect(c, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "", "longer than it"} {
		if err := unix.Sendto(c, []byte(text), 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.SetNonblock(s.Fd, false); err != nil {
		t.Fatal(err)
	}
	unix.Shutdown(s.Fd, unix.SHUT_RD)
	for _, want := range []string{"one", "", "longer t"} {
		n, pid, uid, ok := Receive(s.Fd, buf, true)
		if !ok || string(buf[:n]) != want || pid != unix.Getpid() || int(uid) != unix.Getuid() {
			t.Errorf("%q of pid %d, uid %d, %v; want %q", buf[:n], pid, uid, ok, want)
		}
	}
	if n, _, _, ok := Receive(s.Fd, buf, true); ok || n != 0 {
		t.Error("there is no end")
	}
	s.Close()
	if Exists(path) {
		t.Error("the file is still there")
	}
}
