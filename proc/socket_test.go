package proc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSocketPath(t *testing.T) {
	for _, c := range []struct {
		uid  int
		env  map[string]string
		want string
	}{
		{0, nil, "/run/mote/ctl.sock"},
		{0, map[string]string{"XDG_RUNTIME_DIR": "/x"}, "/run/mote/ctl.sock"},
		{1000, map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}, "/run/user/1000/mote/ctl.sock"},
		{1000, map[string]string{"XDG_RUNTIME_DIR": "relative"}, "/tmp/mote-1000/ctl.sock"},
		{1000, nil, "/tmp/mote-1000/ctl.sock"},
		{0, map[string]string{"MOTE_SOCKET": "/a"}, "/a"},
		{1000, map[string]string{"MOTE_SOCKET": "@mote/1", "XDG_RUNTIME_DIR": "/x"}, "@mote/1"},
	} {
		if got := SocketPath(c.uid, func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%d %v: %s", c.uid, c.env, got)
		}
	}
	if AbstractName(7) != "@mote/7" {
		t.Error(AbstractName(7))
	}
}

// shortDir is a folder whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func dial(t *testing.T, path string) (fd int, err error) {
	t.Helper()
	fd, err = newSocket(unix.SOCK_STREAM)
	if err != nil {
		t.Fatal(err)
	}
	if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd, nil
}

func TestListen(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	path := filepath.Join(shortDir(t), "new", "ctl.sock")
	s, err := Listen(path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mode := func(path string) os.FileMode {
		st, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return st.Mode()
	}
	wantDir := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		wantDir = 0o755
	}
	if got := mode(filepath.Dir(path)).Perm(); got != wantDir {
		t.Errorf("folder has mode %o", got)
	}
	if got := mode(path); got != 0o660|os.ModeSocket {
		t.Errorf("socket has mode %v", got)
	}
	if fd, err := Accept(s.Fd); fd != -1 || err != nil {
		t.Error("nobody there:", fd, err)
	}
	if _, err := dial(t, path); err != nil {
		t.Fatal(err)
	}
	fd, err := Accept(s.Fd)
	if err != nil || fd < 0 {
		t.Fatal(fd, err)
	}
	defer unix.Close(fd)
	if n, err := unix.Read(fd, make([]byte, 1)); err != unix.EAGAIN {
		t.Error("not non-blocking:", n, err)
	}
	pid, uid, gid, err := PeerCred(fd)
	if pid != os.Getpid() || uid != uint32(os.Getuid()) || gid != uint32(os.Getgid()) || err != nil {
		t.Error(pid, uid, gid, err)
	}
	if !PeerInGroup(fd, uint32(os.Getgid())) || PeerInGroup(fd, 4242) {
		t.Error("PeerInGroup")
	}

	if _, err := Listen(path, 0o600); !errors.Is(err, ErrAnswered) || text(err) != "cannot listen on "+path+": another init answers there" {
		t.Error("taken:", err)
	}
	if s.Lost() {
		t.Error("not lost")
	}
	if err := s.Permit(0o666, os.Getgid()); err != nil || mode(path) != 0o666|os.ModeSocket {
		t.Error(err, mode(path))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if !s.Lost() || text(s.Permit(0o600, -1)) != "cannot set the mode of "+path+": no such file or directory" {
		t.Error("lost")
	}
	// Bound again while the old listener lives, as after a HUP.
	again, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // leaves the new one's file
	if again.Lost() {
		t.Error("the old socket took the new one's file away")
	}
	again.Close()
	if Exists(path) {
		t.Error("Close leaves the file")
	}
}

func TestListenStaleAndStrange(t *testing.T) {
	dir := shortDir(t)
	path := dir + "/s"
	fd, err := bindSocket(unix.SOCK_STREAM, &unix.SockaddrUnix{Name: path}, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd) // nobody listens any more
	s, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal("stale:", err)
	}
	s.Close()

	write(t, dir+"/file", "precious")
	fd, err = NewNotify(dir + "/dgram")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	long := dir + "/" + strings.Repeat("x", 108-len(dir)-1)
	for path, want := range map[string]string{
		dir + "/file":     "cannot listen on " + dir + "/file: something that is not a socket is there: remove it, or choose another path",
		dir + "/dgram":    "cannot listen on " + dir + "/dgram: a socket of another kind is there: choose another path",
		dir + "/none/a/b": "cannot listen on " + dir + "/none/a/b: no such file or directory",
		dir + "/file/s":   "cannot listen on " + dir + "/file/s: not a directory",
		long:              "cannot listen on " + long + ": the path has 108 bytes: the limit is 107",
		"":                `cannot listen on "": the path is empty`,
		"/proc/s":         "cannot listen on /proc/s: no such file or directory",
		"a\x00b":          `cannot listen on "a\x00b": the path has a NUL`,
	} {
		if s, err := Listen(path, 0o600); text(err) != want || s.Fd != -1 {
			t.Errorf("%q: %v; want %s", path, err, want)
		}
	}
	if got, _ := os.ReadFile(dir + "/file"); string(got) != "precious" {
		t.Error("the file is gone")
	}
}

func TestListenLocked(t *testing.T) {
	dir := shortDir(t)
	fd, err := openFile(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(dir+"/s", 0o600); text(err) != "cannot listen on "+dir+"/s: another process is just binding it" {
		t.Error(err)
	}
}

func TestListenAbstract(t *testing.T) {
	name := "@mote-test/" + filepath.Base(shortDir(t))
	s, err := Listen(name, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := dial(t, name); err != nil {
		t.Error(err)
	}
	if _, err := Listen(name, 0o600); !errors.Is(err, ErrAnswered) {
		t.Error(err)
	}
	if s.Lost() || s.Permit(0o666, -1) != nil {
		t.Error("an abstract name has no file to lose")
	}
}

// In a place where others may write, the folder must be a real one, ours, and
// closed to them.
func TestSocketDirShared(t *testing.T) {
	place := shortDir(t)
	if err := os.Chmod(place, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	good := place + "/good"
	s, err := Listen(good+"/s", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Symlink("good", place+"/link"); err != nil {
		t.Fatal(err)
	}
	open := place + "/open"
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o775); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		place + "/link": place + "/link is not a folder, or a link to one, in a place where others may write",
		open:            "others may write in " + open + ": chmod go-w it",
	}
	if os.Geteuid() == 0 {
		foreign := place + "/foreign"
		if err := os.Mkdir(foreign, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		cases[foreign] = foreign + " belongs to uid 65534, in a place where others may write"
	}
	for dir, want := range cases {
		if _, err := Listen(dir+"/s", 0o600); text(err) != "cannot listen on "+dir+"/s: "+want {
			t.Errorf("%s: %v", dir, err)
		}
		if Exists(dir + "/s") {
			t.Error("a socket was left in", dir)
		}
	}
}
