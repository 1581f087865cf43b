package accept

import (
	"strings"
	"syscall"
	"testing"
)

// SPEC 9: a bug in what takes the state over costs what is known of services, and none
// of them: a further image adopts what lives.
func TestPanic_InTheNextImage(t *testing.T) {
	for _, part := range []string{"init", "world", "logs", "options", "io", "control", "panics", "dropped"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			in := panics(t, "attach:"+part, svc("a")+svc("b", "requires a")+"service web {V} waitfile {D}/go , print heard , sleep\n  restart always delay 0\n")
			in.settled("a", "b", "web")
			was := in.picture()
			in.signal(rt0 + 25)
			in.soonSays("injected: attach:"+part, "3 units that live go on")
			in.until("it answers", func() bool { return in.ctl("ping").code == 0 })
			for _, n := range []string{"a", "b", "web"} {
				if u := in.state(n, "running"); float64(u.pid()) != was.units[n]["pid"] {
					t.Errorf("%s noticed: pid %d, was %v", n, u.pid(), was.units[n]["pid"])
				}
			}
			in.touch("go")
			in.until("the line is read", func() bool { l, _ := in.logs("web"); return len(l) == 1 && l[0] == "heard" })
			web := in.unit("web").pid()
			in.kill(web, syscall.SIGKILL)
			in.when("web", "is up again", func(u Unit) bool { return u.State == "running" && u.pid() != 0 && u.pid() != web })
			in.upgrade()
			in.ok("shutdown")
			if got := in.gone(2 * step); got != 0 {
				t.Errorf("the end is %d", got)
			}
			in.wantOrder("+a", "+b", "-b", "-a")
		})
	}
}

// SPEC 8: nothing may hang the end, not even a bug of its own.
func TestPanic_TheEndItself(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container, Bin: build(t, faulty, "mote_inject"), Env: []string{"MOTE_PANIC=" + strings.Repeat("end,", 600)}}, svc("a"))
	in.settled("a")
	in.ok("shutdown")
	if got := in.gone(6 * step); got != 1 {
		t.Errorf("the end is %d, want 1", got)
	}
	in.wantOrder("+a", "-a")
}
