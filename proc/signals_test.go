package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wantMode is the mode of this build once Early has run.
func wantMode() string {
	if hasOverlay() {
		return "signalfd"
	}
	return "runtime"
}

// silent are the signals of 1 to 64 that are never reported: faults, what the
// runtime keeps for itself and what C libraries do. 9 and 19 are not sent.
var silent = []int{4, 5, 7, 8, 11, 23, 27, 32, 33, 34}

// Every signal that a process can send leaves an init alive and in place, in
// both modes, and is reported if it is one for the loop.
func TestSignalsAll(t *testing.T) {
	for _, name := range []string{"signals", "signalslate"} {
		t.Run(name, func(t *testing.T) {
			mode := wantMode()
			if name == "signalslate" {
				mode = "runtime" // without Early there is no full mask
			}
			testSignalsAll(t, name, mode)
		})
	}
}

func testSignalsAll(t *testing.T, name, mode string) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), helperVar+"="+name)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	timer := time.AfterFunc(patience, func() { unix.Kill(pid, unix.SIGKILL) })
	defer timer.Stop()
	lines := bufio.NewScanner(stdout)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() {
			state, _ := cmd.Process.Wait()
			t.Fatalf("the helper has ended (%v) before it said %q", state, want)
		}
		if lines.Text() != want {
			t.Fatalf("the helper said %q, not %q", lines.Text(), want)
		}
	}
	expect("mode " + mode)
	sender := fmt.Sprintf(" from %d", os.Getpid())
	if mode == "runtime" {
		sender = " from 0"
	}
	for sig := 1; sig <= 64; sig++ {
		if sig == 9 || sig == 19 {
			continue
		}
		if err := unix.Kill(pid, unix.Signal(sig)); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(silent, sig) {
			expect(fmt.Sprint(sig, sender))
		}
	}
	// Those with their own threads as targets too.
	for _, sig := range silent {
		unix.Tgkill(pid, pid, unix.Signal(sig))
	}
	unix.Kill(pid, 64)
	expect("64" + sender)
	unix.Kill(pid, unix.SIGKILL)
	cmd.Wait()
}

func helperSignals() {
	Early()
	helperSignalsLate()
}

func helperSignalsLate() {
	s, err := OpenSignals()
	if err != nil {
		fmt.Println(err)
		return
	}
	poll, _ := NewPoll()
	poll.Add(s.FD(), unix.EPOLLIN, 7)
	var ready [4]Ready
	if s.Mode() == "signalfd" { // the probe's own CHLD, which the test's would join
		poll.Wait(ready[:])
		if sig, _ := s.Next(); sig != (Signal{Number: int(unix.SIGCHLD), Pid: os.Getpid(), Uid: os.Getuid()}) {
			fmt.Println("the first signal is", sig)
		}
	}
	fmt.Println("mode", s.Mode())
	for {
		poll.Wait(ready[:])
		for {
			sig, ok := s.Next()
			if !ok {
				break
			}
			fmt.Println(sig.Number, "from", sig.Pid)
		}
	}
}

// A real fault still panics.
func TestSignalsFault(t *testing.T) {
	if got := helper(t, "fault"); !strings.Contains(got, "nil pointer dereference") {
		t.Errorf("%q", got)
	}
}

func helperFault() {
	Early()
	if _, err := OpenSignals(); err != nil {
		fmt.Println(err)
	}
	defer func() { fmt.Println(recover()) }()
	var p *int
	*p = 1
}

// After everything that Early and OpenSignals do, a child is as clean as ever.
func TestSignalsChild(t *testing.T) {
	before := []string{"/bin/sh", "-c", `trap '' HUP INT TERM CHLD PIPE USR2 TSTP TTIN CONT; exec "$0"`}
	got := helperWith(t, "child", before)
	for _, want := range []string{"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "SigPnd:\t0000000000000000"} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in %q", want, got)
		}
	}
	// The wrapper's child keeps what nohup(1) has done.
	got = helperWith(t, "childinherit", before)
	for _, want := range []string{"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000003"} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("inherit: no %q in %q", want, got)
		}
	}
}

func helperChild() { childStatus(false) }

func helperChildInherit() { childStatus(true) }

func childStatus(inherit bool) {
	Early()
	if _, err := OpenSignals(); err != nil {
		fmt.Println(err)
	}
	s := NewSpec([]string{"/bin/cat"}, []string{"cat", "/proc/self/status"}, nil)
	s.Out, s.Inherit = 1, inherit
	p, err := Spawn(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	waitDead(p.Pid)
	Reap(p.Pid)
}

// One CHLD may stand for many exits; none may be missed for want of one.
func TestSignalsExits(t *testing.T) {
	for _, name := range []string{"exits", "exitslate"} {
		want := "3000 exits, mode " + wantMode() + "\n"
		if name == "exitslate" {
			want = "3000 exits, mode runtime\n"
		}
		if got := helper(t, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func helperExits() {
	Early()
	helperExitsLate()
}

func helperExitsLate() {
	s, err := OpenSignals()
	if err != nil {
		fmt.Println(err)
		return
	}
	poll, _ := NewPoll()
	poll.Add(s.FD(), unix.EPOLLIN, 0)
	timer, _ := NewTimer()
	poll.Add(timer.FD(), unix.EPOLLIN, 1)
	true_ := NewSpec([]string{"/bin/true"}, []string{"true"}, nil)
	started, ended := 0, 0
	running := map[int]Process{}
	var ready [8]Ready
	for ended < 3000 {
		for started < 3000 && len(running) < 1+started%40 {
			p, err := Spawn(true_)
			if err != nil {
				fmt.Println(err)
				return
			}
			running[p.Pid] = p
			started++
		}
		timer.Arm(Now() + int64(patience)) // if it fires, an exit was missed
		n, _ := poll.Wait(ready[:])
		for _, r := range ready[:n] {
			if r.Token == 1 {
				fmt.Println("no signal for", len(running), "children after", ended)
				return
			}
		}
		for _, ok := s.Next(); ok; _, ok = s.Next() {
		}
		for pid, ok := NextExit(); ok; pid, ok = NextExit() {
			e, _ := Reap(pid)
			if done, fail := outcomeOf(running[pid]); !done || fail != nil || e.Code != 0 || e.Signal != 0 {
				fmt.Println("bad end", e, done, fail)
			}
			delete(running, pid)
			ended++
		}
	}
	fmt.Println(ended, "exits, mode", s.Mode())
}

// DefaultSignals undoes what the overlay does to the other roles.
func TestDefaultSignals(t *testing.T) {
	exe, _ := os.Executable()
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT} {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), helperVar+"=ordinary")
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		bufio.NewReader(out).ReadString('\n')
		unix.Kill(cmd.Process.Pid, sig)
		timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		ws := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal })
		if ws.Signal() != sig {
			t.Errorf("%v: ended with %v", sig, cmd.ProcessState)
		}
	}
}

func helperOrdinary() {
	DefaultSignals()
	fmt.Println("ready")
	time.Sleep(time.Minute)
}
