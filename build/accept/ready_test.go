package accept

import (
	"strings"
	"syscall"
	"testing"
)

// P2: an end before it was ready is a failed start, even with status 0.
func TestB12_EndsBeforeReady(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} exit 0\n  ready fd 3\n  restart never\n  start manual\n"+
		"service b {V} exit 0\n  ready notify\n  restart never\n  start manual\n"+
		svc("c", "requires a", "start manual"))
	ev := in.watch()
	in.must(1, "start", "a")
	in.must(1, "start", "b")
	in.is("a", "failed")
	in.is("b", "failed")
	in.must(1, "start", "c")
	in.ok("ping")
	ev.until("c", "failed")
	for _, n := range []string{"a", "b", "c"} {
		if seq := ev.states(n); strings.Contains(seq, "running") {
			t.Errorf("%s went %s, expected never running", n, seq)
		}
	}
}

// The key ready: a newline on the descriptor; dependents wait for it.
func TestB13_ReadyFd(t *testing.T) {
	t.Parallel()
	for _, fd := range []string{"3", "7"} {
		in := start(t, "service a {V} waitfile {D}/go , append {D}/order ready , ready "+fd+" , sleep\n  ready fd "+fd+"\n"+svc("b", "requires a"))
		u := in.state("a", "starting")
		if u.Ready {
			t.Errorf("ready before it said so")
		}
		in.state("b", "blocked")
		in.must(3, "status", "a")
		in.touch("go")
		in.settled("a", "b")
		if !in.unit("a").Ready {
			t.Errorf("not ready after it said so")
		}
		in.wantOrder("ready", "+b")
	}
}

// The key ready: closing the descriptor without a newline is not readiness.
func TestB13_ReadyFdClosed(t *testing.T) {
	t.Parallel()
	in := start(t, "service a /bin/sh -c 'exec 3>&-; exec sleep 1000'\n  ready fd 3\n  start-timeout 500ms\n  restart never\n  start manual\n")
	in.must(1, "start", "a")
	in.is("a", "failed")
}

// The key ready: READY=1 on NOTIFY_SOCKET; STATUS= is shown.
func TestB15_ReadyNotify(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} notify 'STATUS=warming up' , waitfile {D}/go , notify 'STATUS=serving 5 clients' READY=1 X_OTHER=1 , sleep\n  ready notify\n"+
		svc("b", "requires a")+"task c {V} appendenv {D}/c NOTIFY_SOCKET\n")
	in.until("the status text is shown", func() bool { return strings.Contains(in.must(3, "status", "a"), "warming up") })
	in.is("a", "starting")
	in.is("b", "blocked")
	in.touch("go")
	in.settled("a", "b")
	in.contains(in.ok("status", "a"), "serving 5 clients")
	if got := in.appears("c", 1)[0]; got != "NOTIFY_SOCKET unset" {
		t.Errorf("a unit without ready notify has %s", got)
	}
}

// The key ready: what another user sends to the socket is not the unit's word.
func TestB15_StrangerCannotMakeReady(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := start(t, "service a {V} appendenv {D}/env NOTIFY_SOCKET , sleep\n  ready notify\n")
	name := strings.TrimPrefix(in.appears("env", 1)[0], "NOTIFY_SOCKET=")
	r := program(t, 4321, []string{"NOTIFY_SOCKET=" + name}, victimBin, "notify", "READY=1")
	in.ok("ping")
	in.ok("list")
	if u := in.unit("a"); u.State != "starting" {
		t.Errorf("a stranger's READY=1 (%d) made it %s", r.code, u.State)
	}
}

// D3: a crash after ready; the dependents go down and come back in order.
func TestB16_CrashAfterReady(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "restart always delay 300ms")+svc("b", "requires a")+svc("c", "requires b"))
	in.settled("a", "b", "c")
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	if u := in.when("a", "is not running", func(u Unit) bool { return u.State != "running" || u.Restarts > 0 }); u.Restarts == 0 && u.Ready {
		t.Errorf("ready while %s", u.State)
	}
	in.when("c", "is back", func(u Unit) bool { return u.State == "running" && len(in.order()) >= 8 })
	in.wantOrder("+a", "+b", "+c", "-c", "-b", "+a", "+b", "+c")
}

// SPEC 5: spawn is ready when the exec succeeded.
func TestB13_ReadySpawn(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} sleep\n  start manual\n")
	in.ok("start", "a")
	if u := in.is("a", "running"); !u.Ready || u.pid() == 0 || !alive(u.pid()) {
		t.Errorf("ready %v, pid %d", u.Ready, u.pid())
	}
}

// The key if: an unmet condition skips the unit, which counts as satisfied.
func TestB19_If(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "if exists {D}/there")+svc("b", "requires a")+svc("c", "if not exists {D}/there", "if exists /")+
		svc("d", "if file-has {D}/words needle")+svc("f", "if not cmdline surely-not-there"))
	in.settled("a", "b", "c", "f")
	u := in.is("a", "exited")
	in.contains(u.reason(), "skipped", "if", "exists")
	in.contains(in.ok("why", "a"), "exists")
	in.ok("status", "a")
	in.is("b", "running")
	in.is("d", "exited")
	in.touch("there")
	in.write("w/words", "hay needle hay\n")
	in.ok("restart", "a", "d")
	in.is("a", "running")
	in.is("d", "running")
}
