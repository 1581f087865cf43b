package accept

import (
	"strings"
	"syscall"
	"testing"
)

// SPEC 6: reload NAME by reload-signal: the main process alone gets it.
func TestReloadUnitBySignal(t *testing.T) {
	t.Parallel()
	in := start(t, "service a /bin/sh -c '{V} trapstay {D}/child HUP , append {D}/up child , sleep & exec {V} trapstay {D}/main HUP , append {D}/up main , sleep'\n  reload-signal HUP\n")
	in.appears("up", 2)
	pid := in.unit("a").pid()
	in.ok("reload", "a")
	in.appears("main", 1)
	in.ok("reload", "--no-wait", "a")
	in.appears("main", 2)
	if got := in.lines("child"); len(got) != 0 {
		t.Errorf("its child got %v", got)
	}
	if u := in.is("a", "running"); u.pid() != pid || u.Restarts != 0 {
		t.Errorf("%+v", u)
	}
	in.contains(in.ok("logs", "mote"), "a: reloaded")
}

// SPEC 6: reload NAME by reload-exec: it waits for the command, which has
// MAINPID and the unit's output.
func TestReloadUnitByExec(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} trapstay {D}/got HUP , append {D}/up up , sleep\n"+
		"  reload-exec {V} print reloading , waitfile {D}/go , killenv MAINPID HUP\n"+
		"service bad {V} sleep\n  reload-exec {V} exit 1\nservice worse {V} sleep\n  reload-exec {V} die KILL\n"+
		"service none {V} sleep\n  reload-exec /no/such/command\nservice plain {V} sleep\nservice off {V} sleep\n  start manual\n  reload-signal HUP\n"+
		"service slow {V} sleep\n  start-timeout 2s\n  reload-exec {V} child {D}/slow , sleep\n")
	in.appears("up", 1)
	in.must(3, "-t", "200ms", "reload", "a")
	in.ok("reload", "--no-wait", "a") // the one that is under way is meant
	if got := in.lines("got"); len(got) != 0 {
		t.Errorf("reloaded before its time: %v", got)
	}
	in.touch("go")
	in.ok("reload", "a")
	in.appears("got", 1)
	in.contains(in.ok("logs", "a"), "reloading")
	for name, want := range map[string]string{
		"bad": "bad: reload-exec exit 1", "worse": "worse: reload-exec signal KILL",
		"none":  "none: reload-exec spawn exec ENOENT: /no/such/command: no such file or directory",
		"plain": "plain: it has neither reload-signal nor reload-exec: write one, or restart it",
		"off":   "off: it is inactive, not running",
		"slow":  "slow: reload-exec was not over after 2s",
	} {
		in.contains(in.must(1, "reload", name), want)
	}
	in.contains(in.must(1, "reload", "--no-wait", "off"), "it is inactive")
	for _, line := range in.appears("slow", 1) {
		in.until("the child of reload-exec is gone", func() bool { return !alive(number(t, line)) })
	}
	in.must(4, "reload", "nosuch")
	in.must(2, "reload", "--dry-run", "a")
	in.must(2, "reload", "a", "bad")
	for _, n := range []string{"a", "bad", "worse", "none", "plain", "slow"} {
		if u := in.is(n, "running"); u.Restarts != 0 {
			t.Errorf("%s was restarted", n)
		}
	}
	in.contains(in.ok("logs", "mote"), "bad: reload failed: reload-exec exit 1")
}

// What goes down while it is reloaded ends the reload, and its command.
func TestReloadUnitThatGoesDown(t *testing.T) {
	t.Parallel()
	keys := "  reload-exec {V} child {D}/pids , sleep\n  restart never\n"
	in := start(t, "service a {V} sleep\n"+keys+"service b {V} sleep\n"+keys)
	in.settled("a", "b")
	answers := make(chan result, 2)
	for _, n := range []string{"a", "b"} {
		go func() { answers <- in.ctl("reload", n) }()
	}
	pids := in.appears("pids", 2)
	in.ok("stop", "a")
	in.kill(in.unit("b").pid(), syscall.SIGKILL)
	for range 2 {
		if r := <-answers; r.code != 1 || !strings.Contains(r.err, "it went down meanwhile") {
			t.Errorf("exit %d: %s", r.code, r.all())
		}
	}
	for _, p := range pids {
		in.until("what reload-exec has started is gone", func() bool { return !alive(number(t, p)) })
	}
}
