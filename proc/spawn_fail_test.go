package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSpawnFailures(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	plain := write("plain", "#!/bin/sh\n", 0o644)
	noMagic := write("nomagic", "echo hi\n", 0o755)
	noInterp := write("nointerp", "#!/does/not/exist\n", 0o755)
	good := write("good", "#!/bin/sh\nexit 7\n", 0o755)
	missing := filepath.Join(dir, "missing")

	path := func(names ...string) func(*Spec) { return func(s *Spec) { s.Path = names } }
	for _, tc := range []struct {
		name string
		set  func(*Spec)
		want string // "" is a good exec
	}{
		{"missing", path(missing), "exec: no such file or directory"},
		{"not executable", path(plain), "exec: permission denied"},
		{"no magic", path(noMagic), "exec: exec format error"},
		{"no interpreter", path(noInterp), "exec: no such file or directory"},
		{"directory", path(dir), "exec: permission denied"},
		{"not a directory", path(plain + "/x"), "exec: not a directory"},
		{"denied outranks missing", path(plain, missing), "exec: permission denied"},
		{"missing, then good", path(missing, plain, plain+"/x", good), ""},
		{"chdir", func(s *Spec) { s.Dir = missing }, "chdir: no such file or directory"},
		{"chdir to a file", func(s *Spec) { s.Dir = plain }, "chdir: not a directory"},
		{"stdin", func(s *Spec) { s.StdinPath = missing }, "stdin: no such file or directory"},
		{"tty missing", func(s *Spec) { s.TTY = missing }, "tty: no such file or directory"},
		{"tty is none", func(s *Spec) { s.TTY = "/dev/null" }, "tty: inappropriate ioctl for device"},
		{"fd", func(s *Spec) { s.Fds = []FD{{9999, 3}} }, "fd: bad file descriptor"},
		{"nofile", func(s *Spec) { s.Fds = []FD{{0, maxPlaceTo}}; lowerLimit(t) }, "fd: invalid argument"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewSpec([]string{good}, []string{"x"}, nil)
			tc.set(s)
			got := run(t, s)
			text := ""
			if got.fail != nil {
				text = got.fail.Error()
			}
			if text != tc.want {
				t.Errorf("%q, want %q", text, tc.want)
			}
			if want := map[bool]int{true: 7, false: 127}[tc.want == ""]; got.exit.Code != want {
				t.Errorf("exit %+v, want code %d", got.exit, want)
			}
		})
	}
}

// lowerLimit leaves the test too few descriptors for maxPlaceTo.
func lowerLimit(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	low := old
	low.Cur = 256
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &low, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Prlimit(0, unix.RLIMIT_NOFILE, &old, nil) })
}

func TestSpawnRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec Spec
		want string
	}{
		{"no candidate", Spec{Argv: []string{"x"}}, "prepare: invalid argument"},
		{"no argv", Spec{Path: []string{"/bin/true"}}, "prepare: invalid argument"},
		{"NUL in argv", Spec{Path: []string{"/bin/true"}, Argv: []string{"a\x00b"}}, "prepare: invalid argument"},
		{"NUL in env", Spec{Path: []string{"/bin/true"}, Argv: []string{"a"}, Env: []string{"A=\x00"}}, "prepare: invalid argument"},
		{"NUL in dir", Spec{Path: []string{"/bin/true"}, Argv: []string{"a"}, Dir: "/\x00"}, "prepare: invalid argument"},
		{"fd twice", Spec{Path: []string{"/bin/true"}, Argv: []string{"a"}, Fds: []FD{{0, 3}, {0, 3}}}, "prepare: file exists"},
		{"fd below 3", Spec{Path: []string{"/bin/true"}, Argv: []string{"a"}, Fds: []FD{{0, 2}}}, "prepare: bad file descriptor"},
	} {
		_, err := Spawn(&tc.spec)
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
}

// A child that fails to fork is an error and leaves nothing behind.
func TestSpawnForkFails(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root: RLIMIT_NPROC binds a uid of its own")
	}
	out := helper(t, "forkfails")
	if out != "fork: resource temporarily unavailable\n" {
		t.Errorf("%q", out)
	}
}

func helperForkFails() {
	for _, err := range []error{
		unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: 1}),
		syscall.Setgid(61234), syscall.Setuid(61234),
	} {
		if err != nil {
			fmt.Println(err)
		}
	}
	_, err := Spawn(NewSpec([]string{"/bin/true"}, []string{"true"}, nil))
	var f *Failure
	if errors.As(err, &f) {
		fmt.Println(f)
	}
}

func TestSpawnCredentialsRefused(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root to start as someone else")
	}
	if got := helper(t, "credrefused"); got != "setgroups: operation not permitted\n" {
		t.Errorf("%q", got)
	}
}

func helperCredRefused() {
	syscall.Setgroups(nil)
	syscall.Setgid(61234)
	syscall.Setuid(61234)
	s := NewSpec([]string{"/bin/true"}, []string{"true"}, nil)
	s.Cred = true
	p, err := Spawn(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	waitDead(p.Pid)
	_, fail := outcomeOf(p)
	fmt.Println(fail)
}
