package accept

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
)

// panicPoints are where a panic is looked at: each comes up in the life of web, dem, idle
// or t below.
var panicPoints = strings.Fields(`
	apply:Spawned:web apply:Executed:web apply:BecameReady:web apply:Ended:web apply:Checked:web apply:Probed:web apply:Fed:web
	apply:StatusSet:web apply:Ended:t apply:Connected:dem apply:Ended:dem apply:Counted:idle
	apply:Boot apply:AskStart apply:AskStop apply:AskRestart apply:AskSignal apply:AskRenew apply:AskReload apply:SpawnFailed:bad
	perform:Spawn:web perform:Check:web perform:Kill:web perform:Changed:web:3 perform:Changed:web:7 perform:Probe:web perform:Open:dem
	perform:Count:idle perform:Joined:more perform:Renewed:web
	settle:Ended settle:AskStart settle:AskStop settle:AskRestart settle:AskSignal
	reap:web reap:web:2 reaped:web reaped:web:3 spawned:web spawned:web:2 turn:40 turn:60
	verb:start verb:stop verb:restart verb:reload verb:kill verb:list verb:status log:web`)

const panicConf = `
service  web   {V} pid {D}/pids , print hello , notify READY=1 STATUS=x , notifyd 50ms WATCHDOG=1 , trapstay {D}/hup HUP , sleep
    start  manual
    if     exists /
    pre    {V} append {D}/pre x
    post   {V} append {D}/post x
    stop-exec {V} killenv MAINPID TERM
    ready  notify
    watchdog 5s
    health exec {V} exit 0 every 100ms
    reload-signal HUP
    restart always delay 20ms max 20ms
service  dem   {V} servemany 1
    listen unix {D}/dem
    on-demand
service  idle  {V} serve
    listen unix {D}/idle
    on-demand idle 100ms
task     t     {V} append {D}/t x
    every  100ms
service  bad   /no/such/program
    restart never
    start  manual
`

// SPEC 9: wherever it panics, once, the init lives, answers and does what it is told
// afterwards; the other services do not notice, and no service has two processes.
func TestPanic_Anywhere(t *testing.T) {
	for _, where := range panicPoints {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			in := panics(t, where, svc("a")+svc("b", "requires a")+panicConf)
			in.settled("a", "b")
			was := map[string]int{"a": in.unitOr("a").pid(), "b": in.unitOr("b").pid()}
			in.wholeLife()
			in.until("it has panicked", func() bool { return strings.Contains(in.out.text(), "injected: ") })
			in.upgrade()
			in.until("web can be started", func() bool { return in.ctl("start", "web").code == 0 })
			web := in.when("web", "is up", func(u Unit) bool { return u.State == "running" && u.pid() != 0 })
			in.until("web has one process", func() bool {
				live := slices.DeleteFunc(in.lines("pids"), func(p string) bool { return !alive(number(t, p)) })
				return len(live) == 1 && number(t, live[0]) == web.pid()
			})
			for _, n := range []string{"a", "b"} {
				if u := in.is(n, "running"); u.pid() != was[n] || u.Restarts != 0 {
					t.Errorf("%s noticed: pid %v, was %v, %d restarts", n, u.pid(), was[n], u.Restarts)
				}
			}
			in.ok("stop", "web")
			in.is("web", "inactive")
			in.until("no process of web is left", func() bool { return !alive(web.pid()) })
			in.until("no zombie", func() bool { return len(in.children("Z")) == 0 })
			in.ok("shutdown")
			if got := in.gone(2 * step); got != 0 {
				t.Errorf("the end is %d", got)
			}
			in.wantOrder("+a", "+b", "-b", "-a")
		})
	}
}

// wholeLife brings about each of panicPoints. Any answer will do, but no silence.
func (in *Init) wholeLife() {
	in.t.Helper()
	ask := func(words ...string) {
		in.t.Helper()
		if r := in.ctl(append([]string{"-t", "3s"}, words...)...); r.code == -1 || r.code == 3 && words[0] != "status" {
			in.t.Errorf("%v gets no answer: exit %d, %s", words, r.code, r.all())
		}
	}
	in.until("web is up, or failed", func() bool {
		ask("start", "web")
		u := in.unitOr("web")
		h, _ := u.health()
		return u.State == "running" && h == "ok" || u.State == "failed"
	})
	ask("status")
	ask("list")
	if c, err := net.Dial("unix", in.dir+"/w/dem"); err == nil {
		c.Close()
	}
	if c, err := net.Dial("unix", in.dir+"/w/idle"); err == nil {
		c.Close()
	}
	ask("reload", "web")
	ask("kill", "web", "KILL")
	in.until("web is up again, or failed", func() bool {
		u := in.unitOr("web")
		return u.State == "running" && u.pid() != 0 || u.State == "failed"
	})
	ask("restart", "web")
	ask("start", "bad")
	in.write("c/more.conf", in.expand("service more {V} sleep\n"))
	ask("reload")
	ask("stop", "web")
}

// unitOr is unit, but asks again when the answer is a panic.
func (in *Init) unitOr(name string) Unit {
	in.t.Helper()
	for range 2 {
		var all []Unit
		if err := json.Unmarshal([]byte(in.ctl("--json", "status", name).out), &all); err == nil && len(all) == 1 {
			return all[0]
		}
	}
	return in.unit(name)
}
