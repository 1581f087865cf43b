package accept

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// P2: restart always, with its delay.
func TestB1_RestartAfterKill(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "restart always delay 200ms", "pre {V} stamp {D}/starts"))
	in.settled("a")
	old := in.unit("a")
	if old.Restarts != 0 {
		t.Errorf("restarts is %d before any", old.Restarts)
	}
	at := time.Now()
	in.kill(old.pid(), syscall.SIGKILL)
	u := in.when("a", "has a new process", func(u Unit) bool { return u.State == "running" && u.pid() != old.pid() })
	if d := time.Since(at); d < 200*time.Millisecond {
		t.Errorf("restarted after %v, expected not before 200ms", d)
	}
	if u.Restarts != 1 {
		t.Errorf("restarts is %d, expected 1", u.Restarts)
	}
	if stamps := in.lines("starts"); len(stamps) != 2 {
		t.Errorf("%d starts, expected 2", len(stamps))
	}
}

// P2: in backoff the unit says why and how it ended.
func TestB1_BackoffSaysHowItEnded(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "restart always delay 1h")+svc("b", "restart always delay 1h"))
	in.settled("a", "b")
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	u := in.state("a", "backoff")
	if u.Pid != nil || u.ExitSignal == nil || *u.ExitSignal != "KILL" || u.ExitCode != nil {
		t.Errorf("pid %v, signal %v, code %v; expected null, KILL, null", u.Pid, u.ExitSignal, u.ExitCode)
	}
	in.contains(u.reason(), "KILL")
	in.contains(in.must(3, "status", "a"), "KILL", "backoff")
	// P3: a stop during backoff ends in inactive, a start does not wait for the delay.
	in.ok("stop", "a")
	in.is("a", "inactive")
	in.kill(in.unit("b").pid(), syscall.SIGKILL)
	in.state("b", "backoff")
	in.ok("start", "b")
	in.is("b", "running")
}

// P2: the limit ends it, the exit code is kept. B3: a manual start resets it.
func TestB2_LimitAndB3_ManualStartResets(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/runs run , exit 1\n  restart always delay 100ms limit 3 within 10s\n")
	u := in.state("a", "failed")
	in.contains(u.reason(), "limit")
	if u.exitCode() != 1 || u.Restarts != 3 {
		t.Errorf("exit code %d and %d restarts, expected 1 and 3", u.exitCode(), u.Restarts)
	}
	if n := len(in.lines("runs")); n != 4 {
		t.Errorf("%d runs, expected 4", n)
	}
	in.contains(in.ok("why", "a"), "3 restarts", "10s")
	in.ok("start", "a") // ready when the exec succeeds
	in.when("a", "failed again", func(u Unit) bool { return u.State == "failed" && len(in.lines("runs")) >= 8 })
	if n := len(in.lines("runs")); n != 8 {
		t.Errorf("%d runs, expected 8", n)
	}
}

// P2: on-failure leaves a clean end alone; clean is 0, HUP, INT, TERM, PIPE.
func TestB2_WhatIsClean(t *testing.T) {
	t.Parallel()
	ends := map[string]bool{"exit 0": true, "die HUP": true, "die INT": true, "die TERM": true, "die PIPE": true,
		"exit 1": false, "exit 255": false, "die USR1": false, "die QUIT": false, "die KILL": false, "die ABRT": false, "die ALRM": false}
	var text string
	for _, how := range sortedKeys(ends) {
		text += "service " + strings.ReplaceAll(how, " ", "-") + " {V} " + how + "\n  restart on-failure delay 1h\n"
	}
	in := start(t, text)
	for _, how := range sortedKeys(ends) {
		want := "backoff"
		if ends[how] {
			want = "exited"
		}
		in.state(strings.ReplaceAll(how, " ", "-"), want)
	}
}

// P2: a restart without a delay is told as one.
func TestB1_RestartAtOnceIsTold(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "restart always delay 0"))
	in.settled("a")
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.when("a", "was restarted", func(u Unit) bool { return u.Restarts == 1 })
	in.contains(in.ok("logs", "mote"), "a: ended: signal KILL; next try in 0ms")
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// P2: restart never, for both ends; a service's death by TERM that nobody asked for is clean.
func TestB2_RestartNever(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} exit 3\n  restart never\nservice b {V} exit 0\n  restart never\n"+svc("c", "restart never"))
	u := in.state("a", "failed")
	in.contains(u.reason(), "exit", "3")
	if u.exitCode() != 3 {
		t.Errorf("exit code %d, expected 3", u.exitCode())
	}
	in.state("b", "exited")
	in.must(3, "status", "b")
	in.settled("c")
	in.kill(in.unit("c").pid(), syscall.SIGKILL)
	in.contains(in.state("c", "failed").reason(), "KILL")
}

// P2: a spawn that cannot succeed is told at once, with its stage.
func TestB5_CommandDoesNotExist(t *testing.T) {
	t.Parallel()
	in := start(t, "service never /no/such/program\n  restart never\n  start manual\n"+
		"service always /no/such/program\n  pre {V} stamp {D}/tries\n  restart always delay 100ms max 400ms\n  start manual\n"+
		"service path no-such-program-in-path\n  restart never\n  start manual\n"+
		"service dir {D}\n  restart never\n  start manual\n"+
		"service text {D}/text\n  restart never\n  start manual\n")
	in.contains(in.must(1, "start", "never"), "exec", "no such file", "/no/such/program")
	in.contains(in.is("never", "failed").reason(), "exec", "ENOENT")
	in.contains(in.must(1, "start", "path"), "no-such-program-in-path")
	in.is("path", "failed")
	in.must(1, "start", "dir")
	in.contains(in.is("dir", "failed").reason(), "exec")
	in.write("w/text", "#!/no/such/interpreter\n")
	in.must(1, "start", "text")
	in.contains(in.is("text", "failed").reason(), "exec", "EACCES")

	at := time.Now()
	in.must(1, "start", "always")
	in.contains(in.is("always", "backoff").reason(), "exec", "ENOENT")
	for i, least := range []time.Duration{100, 200, 400, 400} {
		if d := gap(t, in.appears("tries", i+2), i); d < least*time.Millisecond {
			t.Errorf("try %d came %v after the one before, expected not before %v", i+2, d, least*time.Millisecond)
		}
	}
	if u := in.unit("always"); u.Restarts > 5+int(time.Since(at)/(400*time.Millisecond)) {
		t.Errorf("%d restarts in %v: a storm", u.Restarts, time.Since(at))
	}
	in.ok("stop", "always")
	in.is("always", "inactive")
}

// P2: a start timeout is a failure, and the process goes.
func TestB6_StartTimeout(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} pid {D}/pid , sleep\n  start-timeout 300ms\n"+
		"service b {V} pid {D}/pidb , ignore TERM , sleep\n  ready fd 3\n  start-timeout 300ms\n  stop TERM 200ms\n  restart never\n")
	u := in.state("a", "failed")
	in.contains(u.reason(), "start-timeout")
	in.contains(in.state("b", "failed").reason(), "start-timeout")
	for _, f := range []string{"pid", "pidb"} {
		if l := in.lines(f); len(l) == 1 {
			pid, _ := strconv.Atoi(l[0])
			if alive(pid) {
				t.Errorf("process %d is still alive", pid)
			}
		}
	}
}

// SPEC 4: a task has no start timeout unless one is written.
func TestB6_TaskStartExitsOneAtTimeout(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} sleep\n  start-timeout 100ms\n  start manual\n")
	in.contains(in.must(1, "start", "a"), "start-timeout")
	in.contains(in.is("a", "failed").reason(), "start-timeout")
}

// P2: the growth of the backoff, its maximum, and its reset after a long life.
func TestB31_BackoffGrowsAndResets(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} stamp {D}/starts , waitfile {D}/die , exit 1\n"+
		"  restart always delay 100ms max 1600ms reset 1s\n")
	in.touch("die")
	stamps := in.appears("starts", 6)
	for i, least := range []time.Duration{100, 200, 400, 800, 1600} {
		if d := gap(t, stamps, i); d < least*time.Millisecond {
			t.Errorf("start %d came %v after the one before, expected not before %v", i+2, d, least*time.Millisecond)
		}
	}
	// Now it lives for longer than reset, then dies: the delay begins again.
	must(t, syscall.Unlink(in.dir+"/w/die"))
	in.when("a", "has lived for longer than its reset", func(u Unit) bool { return u.State == "running" && u.UptimeMs != nil && *u.UptimeMs > 1100 })
	n := len(in.lines("starts"))
	at := time.Now()
	in.touch("die")
	in.appears("starts", n+1)
	if d := time.Since(at); d > 1600*time.Millisecond {
		t.Errorf("the start after a long life came after %v, expected about 100ms", d)
	}
}

// gap gives the time between the stamps i and i+1.
func gap(t *testing.T, stamps []string, i int) time.Duration {
	t.Helper()
	a, err := strconv.ParseInt(stamps[i], 10, 64)
	must(t, err)
	b, err := strconv.ParseInt(stamps[i+1], 10, 64)
	must(t, err)
	return time.Duration(b - a)
}

// P2: the default is one second, doubling.
func TestB31_DefaultDelay(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} stamp {D}/starts , exit 1\n")
	stamps := in.appears("starts", 3)
	if d := gap(t, stamps, 0); d < time.Second {
		t.Errorf("the first restart came after %v, expected 1s", d)
	}
	if d := gap(t, stamps, 1); d < 2*time.Second {
		t.Errorf("the second restart came after %v, expected 2s", d)
	}
}

// P1, P2: a thousand kills leave one child with the right pid.
func TestB24_ThousandKills(t *testing.T) {
	if testing.Short() {
		t.Skip("short: takes seconds")
	}
	in := start(t, "service a {V} sleep\n  restart always delay 0\n")
	in.settled("a")
	const kills = 1000
	for i := range kills {
		u := in.when("a", "runs", func(u Unit) bool { return u.State == "running" && u.Restarts == i })
		if !alive(u.pid()) {
			t.Fatalf("kill %d: pid %d is not alive", i, u.pid())
		}
		in.kill(u.pid(), syscall.SIGKILL)
	}
	u := in.when("a", "runs", func(u Unit) bool { return u.State == "running" && u.Restarts == kills })
	in.until("one child is left, and it is the unit's", func() bool {
		c := in.children("")
		return len(c) == 1 && c[0] == u.pid()
	})
	in.flat()
	if n := in.descriptors(); n > 64 {
		t.Errorf("the init has %d descriptors", n)
	}
}
