package accept

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// SPEC 6: reload without a change touches nothing and tells no event.
func TestD4_ReloadWithoutChange(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+svc("b", "requires a")+"task c {V} print hello\n")
	in.settled("a", "b")
	in.state("c", "exited")
	before := in.units()
	w := in.watch()
	in.contains(in.ok("reload"), "nothing has changed")
	in.signal(syscall.SIGHUP)
	in.ok("restart", "b") // an event that must be the first one
	w.until("b", "running")
	w.Lock()
	if first := w.events[0]; first.Unit != "b" {
		t.Errorf("the first event is %+v", first)
	}
	w.Unlock()
	for _, u := range before {
		if now := in.unit(u.Name); u.Name != "b" && now.pid() != u.pid() {
			t.Errorf("%s: pid %d, was %d", u.Name, now.pid(), u.pid())
		}
	}
}

// SPEC 6: one command changed: that unit alone restarts, and reload says so.
func TestD5_OneCommandChanged(t *testing.T) {
	t.Parallel()
	config := svc("a") + svc("b") + svc("c", "restart always delay 200ms")
	in := start(t, config)
	in.settled("a", "b", "c")
	a, b, c := in.unit("a").pid(), in.unit("b").pid(), in.unit("c").pid()
	config = strings.Replace(config, "order b 3", "order b2 3", 1)
	config = strings.Replace(config, "delay 200ms", "delay 300ms", 1)
	in.write("c/test.conf", in.expand(config))
	plan := in.ok("reload", "--dry-run")
	in.contains(plan, "b: command changed", "c: restart changed: no restart")
	if in.unit("b").pid() != b {
		t.Error("--dry-run restarted b")
	}
	if text := in.ok("reload"); text != plan {
		t.Errorf("reload said %q, its dry run %q", text, plan)
	}
	in.when("b", "is another process", func(u Unit) bool { return u.State == "running" && u.pid() != b })
	if in.unit("a").pid() != a || in.unit("c").pid() != c {
		t.Error("a unit that did not change has another process")
	}
	in.contains(in.ok("show", "c"), "300ms")
}

// SPEC 6: units of a file that is removed are stopped, then gone; a faulty
// configuration changes nothing unless forced.
func TestD7_FileRemoved(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+svc("b", "requires a")+svc("c"))
	in.settled("a", "b", "c")
	pid := in.unit("c").pid()
	in.write("c/test.conf", in.expand(svc("c")+"service bad\n  afer c\n"))
	r := in.ctl("reload")
	if r.code != 1 || !strings.Contains(r.all(), "unknown key \"afer\"") {
		t.Errorf("a faulty configuration: %s", r.all())
	}
	in.contains(in.must(1, "reload", "--dry-run"), "unknown key \"afer\"", "a: removed: stop it", "reload would change nothing: the configuration has 2 faults: mend it, or use --force")
	in.contains(in.ok("reload", "--dry-run", "--force"), "a: removed: stop it")
	in.is("a", "running")
	in.ok("reload", "--force")
	in.until("a and b are gone", func() bool { return in.ctl("status", "a").code == 4 && in.ctl("status", "b").code == 4 })
	in.wantFirst("+a", "+b")
	if order := strings.Join(in.order(), " "); strings.Index(order, "-b") > strings.Index(order, "-a") {
		t.Errorf("a was stopped before b, which requires it: %s", order)
	}
	in.is("bad", "failed")
	if in.unit("c").pid() != pid {
		t.Error("c has another process")
	}
}

// SPEC 6: units at run time, which a reload keeps and remove takes away.
func TestD14_AddAndRemove(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	path := in.dir + "/w/more.conf"
	must(t, os.WriteFile(path, []byte(in.expand(svc("r", "requires a")+svc("s"))), 0o644))
	in.contains(in.ok("add", path), "r: new", "s: new")
	in.settled("r", "s")
	in.must(1, "add", path) // defined already
	in.must(1, "remove", "a")
	in.contains(in.ok("reload"), "nothing has changed")
	in.is("r", "running")
	in.ok("remove", "r")
	in.must(4, "status", "r")
	in.contains(in.ok("reload"), "nothing has changed")
	in.is("s", "running")
	// A file comes to define s: its own wins when forced, and remove takes away
	// what was added, however far the exchange is.
	in.write("c/s.conf", in.expand("service s {V} ignore TERM , sleep\n  stop TERM 700ms\n"))
	in.contains(in.must(1, "reload"), `"s" is defined already (`+in.dir+"/c/s.conf:1)")
	in.contains(in.ok("reload", "--force"), "s: command, ready, stop changed: restart it")
	in.contains(in.ok("remove", "s"), "s: that of "+in.dir+"/c/s.conf:1 stays")
	in.must(1, "remove", "s")
	in.contains(in.ok("reload"), "nothing has changed")
	in.settled("s")
	in.contains(in.ok("show", "s"), "ignore TERM")
	in.contains(in.ok("status", "s"), "c/s.conf:1")
	must(t, os.WriteFile(path, []byte("service x\n  afer a\n"), 0o644))
	in.contains(in.must(1, "add", path), "more.conf:2: unknown key \"afer\"")
	in.must(4, "status", "x")
	in.must(2, "add")
	in.must(1, "add", "/no/such/file")
}
