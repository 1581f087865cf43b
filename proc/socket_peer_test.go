package proc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	if _, ok := PeekNotify(fd, buf); ok {
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
	expect := func(want string, passed int) {
		t.Helper()
		note, ok := PeekNotify(fd, buf)
		if !ok || string(note.Text) != want || note.Pid != os.Getpid() || note.Uid != uint32(os.Getuid()) || note.Fds != (passed > 0) {
			t.Errorf("%+v, %v; want %q", note, ok, want)
		}
		if got := TakeNotify(fd, false); len(got) > 0 {
			t.Errorf("%d descriptors that nobody wanted", len(got))
		}
	}
	say("READY=1", nil)
	say("", nil)
	say(strings.Repeat("x", 65), nil) // longer than the buffer
	expect("READY=1", 0)
	expect("", 0)
	expect("", 0)

	// Descriptors that nobody wants do not even come, however many there are.
	before, _ := os.ReadDir("/proc/self/fd")
	var fds []int
	for range maxPassed {
		fds = append(fds, 0)
	}
	say("BARRIER=1", unix.UnixRights(0))
	say("MANY=1", unix.UnixRights(fds...))
	expect("BARRIER=1", 1)
	expect("MANY=1", maxPassed)
	say("WANTED=1", unix.UnixRights(fds...))
	if note, _ := PeekNotify(fd, buf); !note.Fds || string(note.Text) != "WANTED=1" {
		t.Errorf("%+v", note)
	}
	got := TakeNotify(fd, true)
	if len(got) != maxPassed || !SameFile(got[0], 0) || !SameFile(got[maxPassed-1], got[0]) {
		t.Errorf("got %d descriptors", len(got))
	}
	closeIn(t, got)
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
	if note, ok := PeekNotify(abs, buf); !ok || string(note.Text) != "A=1" || note.Pid != os.Getpid() {
		t.Errorf("%+v, %v", note, ok)
	}
}

// closeIn closes descriptors in a child and waits for its end.
func closeIn(t *testing.T, fds []int) {
	t.Helper()
	pid, err := CloseAll(fds)
	if err != nil {
		t.Fatal(err)
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil || ws.ExitStatus() != 0 {
		t.Error(err, ws)
	}
}

// A socket that lingers keeps whoever closes it waiting: neither this process nor
// its child.
func TestCloseAllLingers(t *testing.T) {
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	if err := errors.Join(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(l, 1)); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	a, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Connect(a, at), unix.SetNonblock(a, true),
		unix.SetsockoptLinger(a, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 3600})); err != nil {
		t.Fatal(err)
	}
	b, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(b)
	for buf := make([]byte, 1<<20); err == nil; { // more than b's end takes without being read
		_, err = unix.Write(a, buf)
	}
	pid, err := CloseAll([]int{a})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); !errors.Is(func() error { _, err := unix.FcntlInt(uintptr(a), unix.F_GETFD, 0); return err }(), unix.EBADF); {
		if time.Now().After(deadline) {
			t.Fatal("it is open yet")
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, ended, _ := ChildState(pid); ended {
			break
		}
		if time.Now().After(deadline) {
			t.Error("the child waits")
			break
		}
	}
	syscall.Kill(pid, syscall.SIGKILL)
	var ws syscall.WaitStatus
	syscall.Wait4(pid, &ws, 0, nil)
}

func TestKeep(t *testing.T) {
	var pipe [2]int
	memory, err1 := unix.MemfdCreate("x", unix.MFD_CLOEXEC)
	event, err2 := unix.Eventfd(0, unix.EFD_CLOEXEC)
	file, err3 := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err := errors.Join(err1, err2, err3, unix.Pipe2(pipe[:], unix.O_CLOEXEC)); err != nil {
		t.Fatal(err)
	}
	sock, err := newSocket(unix.SOCK_DGRAM)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		fd   int
		want Kept
	}{{"socket", sock, KeptPoll}, {"pipe", pipe[0], KeptPoll}, {"memfd", memory, KeptFile}, {"eventfd", event, KeptFile},
		{"a file", file, KeptFile}, {"none", 9999, KeptNot}} {
		if got := Keep(c.fd); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		unix.Close(c.fd)
	}
	unix.Close(pipe[1])
}

func TestKin(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & echo $!; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var buf [16]byte
	n, _ := out.Read(buf[:])
	child, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if !Descends(child, cmd.Process.Pid) || Descends(cmd.Process.Pid, child) || Descends(child, 1) || Descends(os.Getpid(), cmd.Process.Pid) {
		t.Error("who descends from whom")
	}
	me, sh := os.Getpid(), cmd.Process.Pid
	if Under(child, me) != sh || Under(sh, me) != sh || Under(child, sh) != child || Under(me, sh) != 0 || Under(1, me) != 0 {
		t.Error("who is under whom")
	}
	if ours, ended, _ := ChildState(cmd.Process.Pid); !ours || ended {
		t.Error("the child", ours, ended)
	}
	if ours, _, _ := ChildState(child); ours {
		t.Error("a child's child is no child")
	}
	if uid, ok := UserOf(child); !ok || int(uid) != os.Getuid() {
		t.Error(uid, ok)
	}
	if _, ok := ExitOf(child); ok || !Alive(child) {
		t.Error("it lives")
	}
	fd, gone := PidFD(child)
	if gone || fd < 0 && havePidFD {
		t.Error(fd, gone)
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if fd >= 0 {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if err := uninterrupted(func() error { _, err := unix.Poll(p, int(patience.Milliseconds())); return err }); err != nil || p[0].Revents == 0 {
			t.Error("its end is not seen", err)
		}
		unix.Close(fd)
	}
	for ended := false; !ended; {
		_, ended, _ = ChildState(cmd.Process.Pid)
	}
	if Alive(cmd.Process.Pid) {
		t.Error("a zombie is not alive")
	}
	if e, ok := ExitOf(cmd.Process.Pid); !ok || e.Signal != 9 {
		t.Error(e, ok)
	}
	cmd.Wait()
	if fd, gone := PidFD(cmd.Process.Pid); fd >= 0 || havePidFD && !gone {
		t.Error("there is no such process", fd, gone)
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

// waitAccept waits for a client.
func waitAccept(t *testing.T, listener int) int {
	t.Helper()
	ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	for end := time.Now().Add(patience); ; {
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
