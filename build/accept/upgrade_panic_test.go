package accept

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The build that panics where MOTE_PANIC says (init/inject_on.go), and one that does not.
const (
	faulty = "7.7.7"
	mended = "7.7.8"
)

// panics starts a faulty init in the supervisor role.
func panics(t *testing.T, where, config string) *Init {
	t.Helper()
	return startWith(t, Options{Bin: build(t, faulty, "mote_inject"), Env: []string{"MOTE_PANIC=" + where}}, config)
}

// SPEC 9: a panic ends in a re-exec, no service notices, and the unit whose event it was
// is failed.
func TestPanic_Contained(t *testing.T) {
	const web = "service web {V} print one , waitfile {D}/go , print two , sleep\n  restart always delay 0\n"
	for _, c := range []struct {
		name, where string
		cause       func(in *Init)
		guilty      bool // web is failed
	}{
		{"an exit, half-way through its event", "apply:Ended:web", func(in *Init) { in.kill(in.unit("web").pid(), syscall.SIGKILL) }, true},
		{"an exit, while it is reaped", "reap:web", func(in *Init) { in.kill(in.unit("web").pid(), syscall.SIGKILL) }, true},
		{"a spawn", "perform:Spawn:web:2", func(in *Init) { in.ctl("restart", "web") }, true},
		{"a request", "verb:status", func(in *Init) {
			if r := in.ctl("status"); r.code == 0 {
				in.t.Errorf("status exits 0: %s", r.all())
			}
		}, false},
		{"a line of a log", "log:web:2", func(in *Init) { in.touch("go") }, true},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			in := panics(t, c.where, svc("a")+svc("b", "requires a")+web+"service after {V} sleep\n  requires web\n")
			in.settled("a", "b", "web", "after")
			in.until("the first line is read", func() bool { l, _ := in.logs("web"); return len(l) == 1 })
			ping, err := in.wire()
			must(t, err)
			defer ping.Close()
			image, was, files := in.image(), in.picture(), in.openFiles()
			c.cause(in)
			in.until("another image runs", func() bool { return in.image() != image })
			if _, err := ping.ask("ping"); err != nil {
				t.Errorf("a client that was there: %v", err)
			}
			in.contains(in.ok("logs", "mote"), "bug: injected: "+strings.TrimRight(c.where, ":2"), "goroutine ")
			if c.guilty {
				u := in.when("web", "has failed", func(u Unit) bool { return u.State == "failed" && u.Pid == nil })
				in.contains(u.reason(), "bug")
				in.contains(in.state("after", "failed").reason(), "dependency web")
				in.ok("start", "web") // and is none the worse for it
				in.state("after", "running")
			} else {
				in.same(was, in.picture())
			}
			if c.name == "a line of a log" {
				in.until("the second line was read", func() bool { l, _ := in.logs("web"); return strings.Contains(strings.Join(l, " "), "one two") })
			}
			for _, n := range []string{"a", "b"} {
				if u := in.is(n, "running"); float64(u.pid()) != was.units[n]["pid"] || u.Restarts != 0 {
					t.Errorf("%s noticed: pid %v, was %v", n, u.pid(), was.units[n]["pid"])
				}
			}
			in.noMoreFiles(files)
			in.upgrade()
			in.state("web", "running")
			in.ok("shutdown")
			if got := in.gone(2 * step); got != 0 {
				t.Errorf("the end is %d", got)
			}
			in.wantOrder("+a", "+b", "-b", "-a")
		})
	}
}

// SPEC 9: as PID 1 too.
func TestPanic_AsPID1(t *testing.T) {
	for _, mode := range []Mode{machine, container} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode, Bin: build(t, faulty, "mote_inject"), Env: []string{"MOTE_PANIC=apply:Ended:web"}},
				svc("a")+"service web {V} sleep\n  restart always delay 0\n")
			in.settled("a", "web")
			image, was := in.image(), in.picture()
			in.ok("kill", "web", "KILL")
			in.until("another image runs", func() bool { return in.image() != image })
			in.contains(in.state("web", "failed").reason(), "bug")
			if u := in.is("a", "running"); float64(u.pid()) != was.units["a"]["pid"] {
				t.Errorf("a has pid %d, had %v", u.pid(), was.units["a"]["pid"])
			}
		})
	}
}

// SPEC 9: the first events of a boot are no others than those that follow.
func TestPanic_AtBoot(t *testing.T) {
	for _, where := range []string{"apply:Boot", "perform:Spawn:web", "apply:Spawned:web"} {
		for _, mode := range []Mode{machine, supervisor} {
			t.Run(where+"_"+modeName(mode), func(t *testing.T) {
				t.Parallel()
				in := startWith(t, Options{Mode: mode, Bin: build(t, faulty, "mote_inject"), Env: []string{"MOTE_PANIC=" + where}},
					svc("a")+"service web {V} sleep\n  restart always delay 0\n")
				in.state("a", "running")
				if where == "apply:Boot" { // nobody's
					in.state("web", "running")
				} else {
					in.contains(in.state("web", "failed").reason(), "bug")
				}
				in.contains(in.ok("logs", "mote"), "bug: injected: "+where)
			})
		}
	}
}

// SPEC 9: three panics in a minute give the degraded mode: it reaps, keeps the services
// and answers; an upgrade leaves it, and what happened meanwhile is made up for.
func TestPanic_Degraded(t *testing.T) {
	t.Parallel()
	in := panics(t, "verb:show,verb:show,verb:show", svc("a")+svc("b")+"service web {V} sleep\n  restart always delay 0\n"+
		"service gone {V} waitfile {D}/go , exit 7\n  restart never\nservice off {V} sleep\n  start manual\n"+
		"service prints {V} waitfile {D}/go , print hello , sleep\ntask every {V} append {D}/every x\n  every 200ms\n")
	in.settled("a", "b", "web", "gone", "prints")
	was := in.picture()
	for i := range 3 {
		if i > 0 {
			in.is("a", "running")
			in.ok("restart", "b") // it is not degraded yet
		}
		if r := in.ctl("show", "a"); r.code == 0 {
			t.Errorf("show exits 0: %s", r.all())
		}
		in.until("it answers", func() bool { return in.ctl("ping").code == 0 })
	}
	in.until("it says so", func() bool { return strings.Contains(in.out.text(), "degraded") })
	in.contains(in.ctl("status").all(), "degraded (bug)")
	for _, words := range []string{"start off", "stop a", "restart a", "reload", "remove a"} {
		in.contains(in.must(1, strings.Fields(words)...), "degraded")
	}
	if u := in.is("a", "running"); float64(u.pid()) != was.units["a"]["pid"] || !alive(u.pid()) {
		t.Errorf("a noticed: pid %d, was %v", u.pid(), was.units["a"]["pid"])
	}
	web := in.unit("web").pid()
	in.kill(web, syscall.SIGKILL)
	in.touch("go")
	in.until("it reaps", func() bool { _, err := os.Stat("/proc/" + strconv.Itoa(web)); return err != nil })
	in.until("the log goes on", func() bool { l, _ := in.logs("prints"); return len(l) == 1 })
	in.until("no zombie", func() bool { return len(in.children("Z")) == 0 })
	runs := len(in.lines("every"))

	in.upgrade(build(t, mended, ""))
	in.contains(in.ok("version"), "init   mote "+mended)
	if strings.Contains(in.ok("status"), "degraded (bug)") {
		t.Error("it is still degraded")
	}
	u := in.when("web", "is up again", func(u Unit) bool { return u.State == "running" && u.pid() != 0 && u.pid() != web })
	if u.Restarts != 1 || u.ExitSignal == nil || *u.ExitSignal != "KILL" {
		t.Errorf("web: restarts %d, signal %v", u.Restarts, u.ExitSignal)
	}
	if u := in.state("gone", "failed"); u.exitCode() != 7 {
		t.Errorf("gone: exit code %d, want 7", u.exitCode())
	}
	if u := in.is("a", "running"); float64(u.pid()) != was.units["a"]["pid"] || u.Restarts != 0 {
		t.Errorf("a noticed: pid %d, was %v", u.pid(), was.units["a"]["pid"])
	}
	in.until("every runs again", func() bool { return len(in.lines("every")) > runs+1 })
	in.ok("start", "off")
	in.ok("stop", "a")
	in.ok("shutdown")
	if got := in.gone(2 * step); got != 0 {
		t.Errorf("the end is %d", got)
	}
}

// SPEC 9: a degraded init can still be ended, and stops its services.
func TestPanic_DegradedEnds(t *testing.T) {
	for _, mode := range []Mode{supervisor, container, machine} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode, Bin: build(t, faulty, "mote_inject"), Env: []string{"MOTE_PANIC=verb:show,verb:show,verb:show"}}, svc("a")+svc("b"))
			in.settled("a", "b")
			for range 3 {
				in.ctl("show", "a")
				in.until("it answers", func() bool { return in.ctl("ping").code == 0 })
			}
			in.contains(in.ctl("status").all(), "degraded (bug)")
			in.signal(syscall.SIGTERM)
			want := 0
			if mode == machine {
				want = rebooted
			}
			if got := in.gone(3 * step); got != want {
				t.Errorf("the end is %d, want %d\n%s", got, want, in.out.text())
			}
			if got := strings.Join(in.order(), " "); !strings.Contains(got, "-a") || !strings.Contains(got, "-b") {
				t.Errorf("order is %q", got)
			}
		})
	}
}

// SPEC 9: there is no such switch in the file that is shipped.
func TestPanic_NotInTheProduct(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(moteBin)
	must(t, err)
	if strings.Contains(string(data), "MOTE_PANIC") {
		t.Error("the file under test knows MOTE_PANIC")
	}
}
