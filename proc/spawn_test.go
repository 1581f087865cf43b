package proc

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// outcome is what a test sees of one child.
type outcome struct {
	out  string
	fail *Failure
	exit Exit
}

// finish waits, with a deadline, for the child's result and its end.
func finish(t *testing.T, p Process) (fail *Failure, exit Exit) {
	t.Helper()
	poll, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	fail = p.Fail
	if p.Result >= 0 {
		defer unix.Close(p.Result)
		if err := poll.Add(p.Result, unix.EPOLLIN, 1); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.AfterFunc(patience, func() { Kill(p.Pid, 9) })
	defer deadline.Stop()
	var ready [1]Ready
	for done := p.Result < 0; !done; {
		if _, err := poll.Wait(ready[:]); err != nil {
			t.Fatal(err)
		}
		done, fail = ReadResult(p.Result)
	}
	var info unix.Siginfo
	for unix.Waitid(unix.P_PID, p.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	exit, ok := Reap(p.Pid)
	if !ok {
		t.Fatalf("pid %d has ended and cannot be reaped", p.Pid)
	}
	return fail, exit
}

// outcomeOf gives the news of the exec of a child that has ended.
func outcomeOf(p Process) (done bool, fail *Failure) {
	if p.Result < 0 {
		return true, p.Fail
	}
	defer unix.Close(p.Result)
	return ReadResult(p.Result)
}

// run spawns s with its output in a pipe, unless s says otherwise, and reads it.
func run(t *testing.T, s *Spec) outcome {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if s.Out == -1 {
		s.Out = int(w.Fd())
	}
	p, err := Spawn(s)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { Kill(p.Pid, 9) })
	defer timer.Stop()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	fail, exit := finish(t, p)
	return outcome{string(out), fail, exit}
}

func sh(script string) *Spec {
	return NewSpec([]string{"/bin/sh"}, []string{"sh", "-c", script}, []string{"PATH=/usr/bin:/bin"})
}

// status is a field of /proc/self/status as a child that was spawned sees it.
func status(t *testing.T, s *Spec, field string) string {
	t.Helper()
	got := run(t, s)
	for line := range strings.Lines(got.out) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("no %s in %q (%v, %v)", field, got.out, got.fail, got.exit)
	return ""
}

func catStatus() *Spec {
	return NewSpec([]string{"/bin/cat"}, []string{"cat", "/proc/self/status"}, nil)
}

func TestSpawnExit(t *testing.T) {
	for _, tc := range []struct {
		script string
		want   Exit
	}{
		{"exit 0", Exit{}},
		{"exit 42", Exit{Code: 42}},
		{"kill -TERM $$", Exit{Signal: 15}},
		{"kill -KILL $$", Exit{Signal: 9}},
	} {
		got := run(t, sh(tc.script))
		tc.want.Pid = got.exit.Pid
		if got.exit != tc.want || got.fail != nil {
			t.Errorf("%s: %+v, %v", tc.script, got.exit, got.fail)
		}
	}
}

func TestSpawnIsSilentOnOutput(t *testing.T) {
	got := run(t, sh("echo out; echo err >&2; cat; echo end"))
	if got.out != "out\nerr\nend\n" {
		t.Errorf("%q", got.out)
	}
}

// The fields of P5 that a stock program can show.
func TestSpawnClean(t *testing.T) {
	for field, want := range map[string]string{
		"SigBlk": "0000000000000000",
		"SigIgn": "0000000000000000",
		"SigCgt": "0000000000000000",
	} {
		if got := status(t, catStatus(), field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
}

func TestSpawnSession(t *testing.T) {
	// pid pgrp session of the shell itself, from /proc/self/stat of the shell.
	stat := "read -r p c s pp pg sid rest </proc/$$/stat; echo $p $pg $sid"
	for _, tc := range []struct {
		group Group
		check func(pid, pgrp, sid int) bool
	}{
		{GroupSession, func(pid, pgrp, sid int) bool { return pgrp == pid && sid == pid }},
		{GroupOwn, func(pid, pgrp, sid int) bool { return pgrp == pid && sid == ownSession() }},
		{GroupForeground, func(pid, pgrp, sid int) bool { return pgrp == pid && sid == ownSession() }},
		{GroupSame, func(pid, pgrp, sid int) bool { return pgrp == unix.Getpgrp() && sid == ownSession() }},
	} {
		s := sh(stat)
		s.Group = tc.group
		got := run(t, s)
		var pid, pgrp, sid int
		fmt.Sscan(got.out, &pid, &pgrp, &sid)
		if pid != got.exit.Pid || !tc.check(pid, pgrp, sid) {
			t.Errorf("group %d: %q", tc.group, got.out)
		}
	}
}

func ownSession() int {
	sid, _ := unix.Getsid(0)
	return sid
}

func TestSpawnDescriptors(t *testing.T) {
	// Files of our own that are not close-on-exec, as inherited ones are.
	var kept []int
	defer func() {
		for _, fd := range kept {
			unix.Close(fd)
		}
	}()
	for range 3 {
		fd, err := unix.Open("/etc/passwd", unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, fd)
	}
	for _, old := range []bool{false, true} {
		haveClose := haveCloseRange
		if old {
			haveCloseRange, inheritedClosed = false, false
		}
		got := run(t, sh("exec ls /proc/self/fd"))
		haveCloseRange = haveClose
		// ls opens the folder as 3.
		if fields := strings.Fields(got.out); strings.Join(fields, " ") != "0 1 2 3" {
			t.Errorf("old kernel %t: %q", old, fields)
		}
	}
	// Declared ones, with every kind of collision: 3 and 4 change places, and
	// a high one comes from the middle.
	temp := func(text string) int {
		name := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	a, b, c := temp("a"), temp("b"), temp("c")
	defer unix.Close(a)
	defer unix.Close(b)
	defer unix.Close(c)
	s := sh(fmt.Sprintf("cd /proc/self/fd; cat %d %d 99 %d", a, b, c))
	s.Fds = []FD{{a, b}, {b, a}, {c, c}, {c, 99}}
	if got := run(t, s); got.out != "bacc" {
		t.Errorf("exchanged descriptors: %q %v", got.out, got.fail)
	}
}

func TestSpawnManyDescriptors(t *testing.T) {
	s := sh("cat <&9")
	r, w, _ := os.Pipe()
	defer r.Close()
	w.WriteString("through")
	w.Close()
	for to := 9; to < 9+60; to++ {
		s.Fds = append(s.Fds, FD{int(r.Fd()), to})
	}
	if got := run(t, s); got.out != "through" {
		t.Errorf("%q %v", got.out, got.fail)
	}
}

func TestSpawnEmptyWords(t *testing.T) {
	s := sh(`printf '%s|' "$#" "$@" "$E"`)
	s.Argv = append(s.Argv, "zero", "", "two words", "")
	s.Env = append(s.Env, "E=")
	if got := run(t, s); got.out != "3||two words|||" {
		t.Errorf("%q", got.out)
	}
}

func TestSpawnContext(t *testing.T) {
	s := sh("pwd; umask")
	s.Dir, s.Umask = "/usr", 0o27
	if got := run(t, s); got.out != "/usr\n0027\n" {
		t.Errorf("%q", got.out)
	}
}

func TestSpawnCredentials(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root to become others")
	}
	s := sh("id -u; id -g; id -G")
	s.Cred, s.Uid, s.Gid, s.Groups = true, 70001, 70002, []uint32{70003, 70004}
	if got := run(t, s); got.out != "70001\n70002\n70002 70003 70004\n" {
		t.Errorf("%q %v", got.out, got.fail)
	}
	s = sh("id -G")
	s.Cred, s.Uid, s.Gid = true, 70001, 70002
	if got := run(t, s); got.out != "70002\n" {
		t.Errorf("without supplementary groups: %q %v", got.out, got.fail)
	}
}

// waitDead waits until pid is a zombie.
func waitDead(pid int) {
	var info unix.Siginfo
	for unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

func TestSpawnStdinFIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := sh("read -r line; echo got $line")
	s.StdinPath = fifo
	r, w, _ := os.Pipe()
	defer r.Close()
	s.Out = int(w.Fd())
	p, err := Spawn(s)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(fifo, os.O_WRONLY, 0) // blocks until the child has it open
	if err != nil {
		t.Fatal(err)
	}
	writer.WriteString("word\n")
	writer.Close()
	out, _ := io.ReadAll(r)
	if fail, exit := finish(t, p); string(out) != "got word\n" || fail != nil || exit.Code != 0 {
		t.Errorf("%q %v %v", out, fail, exit)
	}
}

func TestSpawnStdinFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in")
	os.WriteFile(name, []byte("text\n"), 0o600)
	s := sh("cat; grep flags /proc/self/fdinfo/0")
	s.StdinPath = name
	got := run(t, s)
	text, flags, _ := strings.Cut(got.out, "flags:")
	var n uint64
	fmt.Sscanf(strings.TrimSpace(flags), "%o", &n)
	if text != "text\n" || n&unix.O_NONBLOCK != 0 {
		t.Errorf("%q", got.out)
	}
}

func TestSpawnNofile(t *testing.T) {
	if got := helperWith(t, "nofile", []string{"/bin/sh", "-c", `ulimit -n 777; exec "$0"`}); got != "777 777\n" {
		t.Errorf("the child's limits: %q, want those that the init was started with", got)
	}
}

func helperNofile() {
	s := sh("echo $(ulimit -Sn) $(ulimit -Hn) >&1")
	s.Out = 1
	p, err := Spawn(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	waitDead(p.Pid)
}

func TestSpawnKillEarly(t *testing.T) {
	for range 200 {
		p, err := Spawn(NewSpec([]string{"/bin/sleep"}, []string{"sleep", "60"}, nil))
		if err != nil {
			t.Fatal(err)
		}
		// It may be anywhere between fork and exec.
		if err := KillGroup(p.Pid, int(unix.SIGTERM)); err != nil {
			t.Fatal(err)
		}
		if fail, exit := finish(t, p); fail != nil || exit.Signal != int(unix.SIGTERM) {
			t.Fatalf("%v %+v", fail, exit)
		}
	}
}

func TestSpawnAllocations(t *testing.T) {
	s := NewSpec([]string{"/bin/true"}, []string{"true"}, []string{"A=B"})
	if n := testing.AllocsPerRun(20, func() {
		p, err := Spawn(s)
		if err != nil {
			t.Fatal(err)
		}
		waitDead(p.Pid)
		Reap(p.Pid)
		outcomeOf(p)
	}); n > 3 {
		t.Errorf("a spawn allocates %v times", n)
	}
}

func TestSpawnWithoutDevNull(t *testing.T) {
	old := theNull
	fd, err := sealedNull()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(int(fd))
	theNull = fd
	defer func() { theNull = old }()
	s := sh("cat; echo x >&2; echo $?")
	r, w, _ := os.Pipe()
	defer r.Close()
	s.Out = int(w.Fd())
	p, err := Spawn(s)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(r)
	finish(t, p)
	if !bytes.Equal(out, []byte("x\n0\n")) {
		t.Errorf("%q", out)
	}
}
