package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestReap(t *testing.T) {
	if pid, ok := NextExit(); ok {
		t.Fatalf("pid %d is left of another test", pid)
	}
	s := sh("exit 3")
	p, err := Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p.Result)
	waitDead(p.Pid)
	for range 3 {
		if pid, ok := NextExit(); pid != p.Pid || !ok {
			t.Errorf("NextExit is %d %t, want %d", pid, ok, p.Pid)
		}
	}
	if e, ok := Reap(p.Pid); !ok || e != (Exit{Pid: p.Pid, Code: 3}) {
		t.Errorf("%+v %t", e, ok)
	}
	if _, ok := NextExit(); ok {
		t.Error("reaped and still there")
	}
	if _, ok := Reap(p.Pid); ok {
		t.Error("reaped twice")
	}
	for _, pid := range []int{0, -1, 1} {
		if _, ok := Reap(pid); ok {
			t.Errorf("%d was reaped", pid)
		}
	}
}

func TestReapLive(t *testing.T) {
	p, err := Spawn(NewSpec([]string{"/bin/sleep"}, []string{"sleep", "60"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p.Result)
	if _, ok := NextExit(); ok {
		t.Error("a living child is reported")
	}
	if _, ok := Reap(p.Pid); ok {
		t.Error("a living child is reaped")
	}
	Kill(p.Pid, 9)
	waitDead(p.Pid)
	if e, ok := Reap(p.Pid); !ok || e.Signal != 9 {
		t.Errorf("%+v %t", e, ok)
	}
}

// The group of a dead leader can be killed until the leader is reaped.
func TestKillGroupOfDead(t *testing.T) {
	s := sh("sleep 60 & sleep 60 & exit 0")
	var pipe [2]int
	unix.Pipe2(pipe[:], unix.O_CLOEXEC)
	defer unix.Close(pipe[0])
	s.Out = pipe[1]
	p, err := Spawn(s)
	unix.Close(pipe[1])
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p.Result)
	waitDead(p.Pid)
	if err := KillGroup(p.Pid, 9); err != nil {
		t.Error(err)
	}
	var buf [1]byte
	if n, err := unix.Read(pipe[0], buf[:]); n != 0 || err != nil { // blocks while one lives
		t.Errorf("%d %v", n, err)
	}
	if e, ok := Reap(p.Pid); !ok || e.Code != 0 {
		t.Errorf("%+v", e)
	}
}

func TestKillRefuses(t *testing.T) {
	for _, pid := range []int{0, -1, -7} {
		if err := Kill(pid, 0); err != unix.EINVAL {
			t.Errorf("Kill(%d): %v", pid, err)
		}
	}
	for _, pid := range []int{1, 0, -1} {
		if err := KillGroup(pid, 0); err != unix.EINVAL {
			t.Errorf("KillGroup(%d): %v", pid, err)
		}
	}
	if err := Kill(1<<30, 0); err != unix.ESRCH {
		t.Error(err)
	}
}
