package accept

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pidOf waits for a file with one pid.
func (in *Init) pidOf(name string) int {
	in.t.Helper()
	pid, err := strconv.Atoi(in.appears(name, 1)[0])
	if err != nil || pid < 2 {
		in.t.Fatalf("no pid in %s", name)
	}
	return pid
}

// stubborn is a service that ignores TERM and is ready once it does.
func stubborn(name string, keys ...string) string {
	s := "service " + name + " {V} trapstay {D}/got-" + name + " TERM,INT,QUIT,HUP , ready 3 , sleep\n  ready fd 3\n"
	for _, k := range keys {
		s += "  " + k + "\n"
	}
	return s
}

// P3 and the key stop: KILL ends what does not listen, after its time.
func TestB7_TermIgnored(t *testing.T) {
	t.Parallel()
	in := start(t, stubborn("a", "stop TERM 500ms KILL"))
	in.settled("a")
	pid := in.unit("a").pid()
	at := time.Now()
	in.ok("stop", "--no-wait", "a")
	if u := in.unit("a"); u.State != "stopping" && time.Since(at) < 500*time.Millisecond {
		t.Errorf("a is %s, expected stopping", u.State)
	}
	in.state("a", "inactive")
	if d := time.Since(at); d < 500*time.Millisecond {
		t.Errorf("gone after %v, expected 500ms", d)
	}
	if alive(pid) {
		t.Errorf("process %d is alive", pid)
	}
	if got := in.lines("got-a"); len(got) != 1 || got[0] != "got TERM" {
		t.Errorf("it got %v, expected one TERM", got)
	}
}

// The key stop: KILL always ends it, written or not; a stop that waits says 0.
func TestB7_ScheduleWithoutKill(t *testing.T) {
	t.Parallel()
	in := start(t, stubborn("a", "stop HUP 100ms INT 100ms TERM 100ms"))
	in.settled("a")
	in.ok("stop", "a")
	in.is("a", "inactive")
	if got := strings.Join(in.lines("got-a"), " "); got != "got HUP got INT got TERM" {
		t.Errorf("it got %q, expected HUP, INT and TERM", got)
	}
}

// The key stop with another signal.
func TestB8_StopQuit(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} trap {D}/got QUIT,TERM , ready 3 , sleep\n  ready fd 3\n  stop QUIT 5s KILL\n")
	in.settled("a")
	in.ok("stop", "a")
	if got := in.lines("got"); len(got) != 1 || got[0] != "got QUIT" {
		t.Errorf("it got %v, expected QUIT", got)
	}
	in.is("a", "inactive")
}

// The key stop-exec: in place of the first signal, MAINPID in its environment.
func TestB9_StopExec(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} trap {D}/got USR1,TERM , ready 3 , sleep\n  ready fd 3\n"+
		"  stop-exec {V} appendenv {D}/env MAINPID , killenv MAINPID USR1\n")
	in.settled("a")
	pid := in.unit("a").pid()
	in.ok("stop", "a")
	in.is("a", "inactive")
	if got := in.lines("env"); len(got) != 1 || got[0] != "MAINPID="+strconv.Itoa(pid) {
		t.Errorf("stop-exec saw %v, expected MAINPID=%d", got, pid)
	}
	if got := in.lines("got"); len(got) != 1 || got[0] != "got USR1" {
		t.Errorf("it got %v, expected USR1 alone", got)
	}
}

// The key stop-exec: one that hangs is ended with the schedule.
func TestB10_StopExecHangs(t *testing.T) {
	t.Parallel()
	in := start(t, stubborn("a", "stop-exec {V} ignore TERM , pid {D}/pid , sleep", "stop TERM 1s"))
	in.settled("a")
	main := in.unit("a").pid()
	in.ok("stop", "a")
	in.is("a", "inactive")
	for _, p := range []int{main, in.pidOf("pid")} {
		if alive(p) {
			t.Errorf("process %d is alive", p)
		}
	}
}

// The key stop-exec: one that cannot be started does not keep the unit up.
func TestB10_StopExecDoesNotExist(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "stop-exec /no/such/program", "stop TERM 500ms"))
	in.settled("a")
	in.ok("stop", "a")
	in.is("a", "inactive")
}

// P3: stop during starting ends in inactive with no process left.
func TestB7_StopWhileStarting(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} pid {D}/pid , sleep\n  ready fd 3\n"+
		"service b {V} exit 0\n  pre {V} pid {D}/pidb , sleep\n"+"task c {V} pid {D}/pidc , sleep\n")
	for _, n := range []string{"a", "b", "c"} {
		in.state(n, "starting")
	}
	pids := []int{in.pidOf("pid"), in.pidOf("pidb"), in.pidOf("pidc")}
	in.ok("stop", "a", "b", "c")
	for i, n := range []string{"a", "b", "c"} {
		in.is(n, "inactive")
		if alive(pids[i]) {
			t.Errorf("process %d of %s is alive", pids[i], n)
		}
	}
}

// P3: a stop while it stops, and a start while it stops.
func TestB7_StartWhileStopping(t *testing.T) {
	t.Parallel()
	in := start(t, stubborn("a", "stop TERM 400ms"))
	in.settled("a")
	old := in.unit("a").pid()
	in.ok("stop", "--no-wait", "a")
	in.ok("stop", "--no-wait", "a")
	in.ok("start", "a")
	u := in.is("a", "running")
	if u.pid() == old || alive(old) {
		t.Errorf("pid %d, was %d, which lives: %v", u.pid(), old, alive(old))
	}
	if u.Restarts != 0 {
		t.Errorf("restarts is %d, expected 0: nobody crashed", u.Restarts)
	}
}

// P3: restart waits for the stop, then starts.
func TestB7_Restart(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+svc("down", "start manual"))
	in.settled("a")
	old := in.unit("a").pid()
	in.ok("restart", "a")
	if u := in.is("a", "running"); u.pid() == old {
		t.Errorf("pid is still %d", old)
	}
	in.wantOrder("+a", "-a", "+a")
	in.ok("restart", "down")
	in.is("down", "running")
}

// P4: what is left of the group goes with the main process.
func TestB7_GroupGoesWithTheMainProcess(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} child {D}/child , ready 3 , waitfile {D}/die\n  ready fd 3\n  restart never\n"+
		"service b {V} child {D}/childb , trap {D}/got TERM , ready 3 , sleep\n  ready fd 3\n")
	in.settled("a", "b")
	a, b := in.pidOf("child"), in.pidOf("childb")
	in.touch("die")
	in.state("a", "exited")
	in.until("the child of a is gone", func() bool { return !alive(a) })
	in.ok("stop", "b")
	in.until("the child of b is gone", func() bool { return !alive(b) })
}

// The key kill: with process the group is left alone (and ends with the init).
func TestB7_KillProcess(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} child {D}/child , trap {D}/got TERM , ready 3 , sleep\n  ready fd 3\n  kill process\n")
	in.settled("a")
	child := in.pidOf("child")
	in.ok("stop", "a")
	in.is("a", "inactive")
	if !alive(child) {
		t.Errorf("the child was killed")
	}
	in.ok("shutdown")
	in.gone(3 * step)
	in.until("the child is gone with the init", func() bool { return !alive(child) })
}

// The key pre: a failure of it is a failed start, and says so.
func TestB19_PreFails(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/order main\n  pre {V} append {D}/order pre1\n  pre {V} append {D}/order pre2 , exit 42\n  pre {V} append {D}/order pre3\n  restart never\n  start manual\n")
	in.contains(in.must(1, "start", "a"), "pre", "42")
	in.contains(in.is("a", "failed").reason(), "pre", "exit 42")
	in.wantOrder("pre1", "pre2")
}

// The key post: MOTE_RESULT and MOTE_CODE, after each end.
func TestB21_PostSeesTheResult(t *testing.T) {
	t.Parallel()
	post := "\n  restart never\n  post {V} appendenv {D}/post-%s MOTE_RESULT MOTE_CODE\n"
	in := start(t, "service exit {V} exit 7"+strings.ReplaceAll(post, "%s", "exit")+
		"service clean {V} exit 0"+strings.ReplaceAll(post, "%s", "clean")+
		"service signal {V} die KILL"+strings.ReplaceAll(post, "%s", "signal")+
		"service stop {V} unit {D}/order stop 3\n  ready fd 3"+strings.ReplaceAll(post, "%s", "stop"))
	in.settled("stop")
	in.ok("stop", "stop")
	got := map[string]string{}
	for _, n := range []string{"exit", "clean", "signal", "stop"} {
		got[n] = in.appears("post-"+n, 1)[0]
	}
	in.contains(got["exit"], "MOTE_CODE=7")
	in.contains(got["clean"], "MOTE_CODE=0")
	in.contains(got["signal"], "MOTE_RESULT=signal")
	seen := map[string]bool{}
	for n, v := range got {
		if seen[v] {
			t.Errorf("two ends look the same: %v", got)
		}
		if strings.Contains(v, "unset") {
			t.Errorf("%s: %s", n, v)
		}
		seen[v] = true
	}
}

// The key post: one that hangs or is missing keeps nothing up.
func TestB21_PostHangs(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "post {V} pid {D}/pid , ignore TERM , sleep", "stop TERM 500ms")+svc("b", "post /no/such/program"))
	in.settled("a", "b")
	in.ok("stop", "a", "b")
	in.is("a", "inactive")
	in.is("b", "inactive")
	if p := in.pidOf("pid"); alive(p) {
		t.Errorf("post command %d is alive", p)
	}
}

// A task that succeeded is done: start does nothing, restart runs it again.
func TestB23_TaskThatSucceeded(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} append {D}/order run\n")
	in.state("a", "exited")
	in.ok("start", "a")
	in.wantOrder("run")
	in.ok("restart", "a")
	in.wantOrder("run", "run")
	u := in.is("a", "exited")
	if u.exitCode() != 0 || !u.Ready {
		t.Errorf("code %d, ready %v; expected 0 and true", u.exitCode(), u.Ready)
	}
	in.ok("stop", "a")
	in.is("a", "inactive")
	in.ok("start", "a")
	in.wantOrder("run", "run", "run")
}

// SPEC 6: kill sends a signal and changes no want.
func TestF8_Kill(t *testing.T) {
	t.Parallel()
	in := start(t, stubborn("a", "stop TERM 200ms")+svc("b", "start manual"))
	in.settled("a")
	for i, s := range []string{"HUP", "SIGINT", "3"} {
		in.ok("kill", "a", s)
		in.appears("got-a", i+1)
	}
	in.ok("kill", "a") // TERM
	in.appears("got-a", 4)
	if got := fmt.Sprint(in.lines("got-a")); got != "[got HUP got INT got QUIT got TERM]" {
		t.Errorf("it got %s", got)
	}
	in.is("a", "running")
	in.must(1, "kill", "b") // no process
	in.must(4, "kill", "ghost")
	in.must(2, "kill", "a", "NOSUCHSIGNAL")
	old := in.unit("a").pid()
	in.ok("kill", "a", "KILL")
	in.when("a", "is restarted by its policy", func(u Unit) bool { return u.State == "running" && u.pid() != old })
}

// P1: what an earlier process says changes nothing (the start timer of a
// process that ended does not end the next one).
func TestB12_OldTimersChangeNothing(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/runs run , waitfile {D}/go , trap {D}/got TERM , ready 3 , sleep\n  ready fd 3\n  start-timeout 1s\n  restart always delay 0\n")
	in.appears("runs", 1)
	pid := in.state("a", "starting").pid()
	in.touch("go")
	in.settled("a")
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	u := in.when("a", "runs again", func(u Unit) bool { return u.State == "running" && u.pid() != pid })
	in.when("a", "outlives the old timer", func(u2 Unit) bool { return u2.UptimeMs != nil && *u2.UptimeMs > 1200 && u2.pid() == u.pid() })
}
