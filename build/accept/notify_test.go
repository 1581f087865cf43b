package accept

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// said gives one key of status --json that is not in Unit.
func (in *Init) said(name, key string) any {
	in.t.Helper()
	var all []map[string]any
	if err := json.Unmarshal([]byte(in.ctl("--json", "status", name).out), &all); err != nil || len(all) != 1 {
		in.t.Fatalf("status --json %s: %v", name, err)
	}
	return all[0][key]
}

// soonSays waits until the init has said each of the words.
func (in *Init) soonSays(words ...string) {
	in.t.Helper()
	for _, w := range words {
		in.until("the init says "+w, func() bool { return strings.Contains(in.out.text(), w) })
	}
}

func TestNotifyReloadingStopping(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} notify READY=1 , waitfile {D}/go1 , notify RELOADING=1 ERRNO=2 BUSERROR=x.y , waitfile {D}/go2 , notify READY=1 ERRNO=0 , waitfile {D}/go3 , notify STOPPING=1 , waitfile {D}/go4\n  ready notify\n  restart never\n")
	in.settled("a")
	if r := in.said("a", "reloading"); r != false {
		t.Errorf("reloading is %v", r)
	}
	in.touch("go1")
	in.until("it is reloading", func() bool { return in.said("a", "reloading") == true })
	in.is("a", "running")
	if e := in.said("a", "errno"); e != "2 ENOENT" {
		t.Errorf("errno is %v", e)
	}
	in.contains(in.ok("status", "a"), "reloading", "ENOENT")
	in.touch("go2")
	in.until("it has reloaded", func() bool { return in.said("a", "reloading") == false && in.said("a", "errno") == nil })
	in.touch("go3")
	in.state("a", "stopping")
	in.touch("go4")
	u := in.state("a", "exited")
	if u.exitCode() != 0 {
		t.Errorf("exit code %d", u.exitCode())
	}
}

// STOPPING=1 and no end: the stop schedule hurries it.
func TestNotifyStoppingNeverEnds(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} ignore TERM , notify READY=1 , notify STOPPING=1 , sleep\n  ready notify\n  restart never\n  stop TERM 200ms\n")
	in.when("a", "is down", func(u Unit) bool { return u.State == "exited" || u.State == "failed" })
}

func TestNotifyMainPid(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"plain", "setsid", "reaped"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			in := start(t, "service a {V} appendenv {D}/env NOTIFY_SOCKET , mainpid "+way+" 'pid {D}/new , unit {D}/order new' , notify READY=1 , pid {D}/old , waitfile {D}/go\n  ready notify\n  restart on-failure delay 10m\n")
			u := in.state("a", "running")
			old, new := in.appears("old", 1)[0], in.appears("new", 1)[0]
			if strconv.Itoa(u.pid()) != new {
				t.Fatalf("the main pid is %d, want %s (old %s)", u.pid(), new, old)
			}
			in.appears("order", 1)
			if way == "reaped" {
				in.kill(u.pid(), syscall.SIGKILL)
				u = in.state("a", "backoff")
				if u.ExitSignal == nil || *u.ExitSignal != "KILL" {
					if u.exitCode() != 255 { // its parent was faster than the look
						t.Errorf("exit %d, %v", u.exitCode(), u.ExitSignal)
					}
				}
				in.until("the old one is killed with it", func() bool { n, _ := strconv.Atoi(old); return !alive(n) })
				return
			}
			in.touch("go") // the old one ends: that is nobody's business
			n, _ := strconv.Atoi(old)
			in.until("the old one is gone", func() bool { return !alive(n) })
			in.ok("ping")
			if now := in.is("a", "running"); now.pid() != u.pid() {
				t.Errorf("pid %d", now.pid())
			}
			in.ok("stop", "a")
			in.wantOrder("+new", "-new")
			in.is("a", "inactive")
		})
	}
}

// The adopted process is reaped as the unit's: its code and its signal count.
func TestNotifyMainPidEnds(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} mainpid setsid 'waitfile {D}/go , exit 7' , notify READY=1 , exit 0\n  ready notify\n  restart never\n")
	in.state("a", "running")
	in.touch("go")
	if u := in.state("a", "failed"); u.exitCode() != 7 || u.reason() != "exit 7" {
		t.Errorf("exit code %d, reason %q", u.exitCode(), u.reason())
	}
}

func TestNotifyMainPidRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, pid, words string }{
		{"garbage", "12x", "no process"}, {"empty", "", "no process"}, {"one", "1", "no process"}, {"minus", "-5", "no process"},
		{"huge", "99999999999999999999", "no such process"}, {"dead", "999999", "no such process"},
		{"init", "{I}", "the init"}, {"foreign", "{F}", "another one's"}, {"stranger", "{S}", "not one of its"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := start(t, svc("b")+"service a {V} waitfile {D}/pids , notifyf {D}/pids , notify READY=1 , sleep\n  ready notify\n")
			in.settled("b")
			pid := strings.NewReplacer("{I}", strconv.Itoa(in.pid()), "{F}", strconv.Itoa(in.unit("b").pid()), "{S}", strconv.Itoa(os.Getpid())).Replace(c.pid)
			in.write("w/pids.tmp", "MAINPID="+pid)
			must(t, os.Rename(in.dir+"/w/pids.tmp", in.dir+"/w/pids"))
			u := in.state("a", "running")
			if strconv.Itoa(u.pid()) == pid {
				t.Errorf("pid %s was taken", pid)
			}
			in.until("it is said", func() bool { return strings.Contains(in.out.text(), "a: MAINPID=") })
			in.soonSays(c.words)
			if n := strings.Count(in.out.text(), "MAINPID="); n != 1 {
				t.Errorf("said %d times", n)
			}
			in.ok("stop", "a")
			in.is("b", "running")
		})
	}
}

// Whoever is not of the unit is not heard, whatever it says.
func TestNotifyForged(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} appendenv {D}/env NOTIFY_SOCKET , sleep\n  ready notify\n")
	name := strings.TrimPrefix(in.appears("env", 1)[0], "NOTIFY_SOCKET=")
	in.write("w/b.conf", in.expand("service b {V} notify READY=1 STATUS=forged MAINPID=1 FDSTORE=1 , append {D}/sent x , sleep\n  env NOTIFY_SOCKET="+name+"\n"))
	in.ok("add", in.dir+"/w/b.conf")
	in.ok("start", "b")
	in.appears("sent", 1)
	in.ok("list")
	u := in.is("a", "starting")
	if got := in.ctl("status", "a").all(); strings.Contains(got, "forged") {
		t.Errorf("pid %d: a stranger's words: %s", u.pid(), got)
	}
}

// A process below the main one that has left its session is of the unit.
func TestNotifyFromBelow(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} daemonize setsid 'notify READY=1 , append {D}/sent x , sleep' , sleep\n  ready notify\n")
	in.settled("a")
}

func TestNotifyExtendStart(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} notify EXTEND_TIMEOUT_USEC=600000000 , append {D}/up x , waitfile {D}/go , notify READY=1 , sleep\n  ready notify\n  start-timeout 1s\n  restart never\n"+
		"service b {V} sleep\n  ready notify\n  start-timeout 1500ms\n  restart never\n")
	in.appears("up", 1)
	in.state("b", "failed") // later than a's timeout would have been
	in.is("a", "starting")
	in.touch("go")
	in.settled("a")
	in.soonSays("b: not ready after 1.5s: it did not send READY=1")
}

func TestNotifyExtendStop(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} ignore TERM , notify READY=1 , waitfile {D}/asked , notify EXTEND_TIMEOUT_USEC=600000000 , append {D}/up x , waitfile {D}/go\n  ready notify\n  restart never\n  stop TERM 3s\n"+
		"service b {V} ignore TERM , append {D}/b x , sleep\n  stop TERM 4s\n")
	in.settled("a", "b")
	in.appears("b", 1)
	in.ok("stop", "--no-wait", "a")
	in.state("a", "stopping")
	in.touch("asked")
	in.appears("up", 1)
	in.ok("stop", "b") // takes longer than a's schedule as written
	in.is("a", "stopping")
	in.touch("go")
	in.state("a", "inactive")
}

// B26: a service that goes silent is killed and started again.
func TestB26_Watchdog(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} appendenv {D}/env WATCHDOG_USEC WATCHDOG_PID , pid {D}/pid , notify READY=1 WATCHDOG=1 , waitfile {D}/go , sleep\n  ready notify\n  watchdog 1s\n  restart always delay 100ms\n"+
		"service b {V} notifyd 200ms WATCHDOG=1 , sleep\n  watchdog 1s\n")
	in.appears("pid", 1)
	u := in.when("a", "was restarted", func(u Unit) bool { return u.Restarts > 0 })
	if u.State == "backoff" && u.reason() != "watchdog" {
		t.Errorf("reason %q", u.reason())
	}
	in.appears("pid", 2)
	in.soonSays("a: ended: watchdog")
	if b := in.is("b", "running"); b.Restarts != 0 {
		t.Errorf("b spoke in time and has %d restarts", b.Restarts)
	}
	env := strings.Split(in.lines("env")[0], "|")
	if env[0] != "WATCHDOG_USEC=1000000" || env[1] != "WATCHDOG_PID="+in.lines("pid")[0] {
		t.Errorf("the environment has %q", env)
	}
}

func TestWatchdogTrigger(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} notify READY=1 , waitfile {D}/go , notify WATCHDOG=trigger , sleep\n  ready notify\n  watchdog 10m\n  restart never\n")
	in.settled("a")
	in.touch("go")
	if u := in.state("a", "failed"); u.reason() != "watchdog" {
		t.Errorf("reason %q", u.reason())
	}
}

// One that talks without end slows itself.
func TestNotifyFlood(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} notify READY=1 , notifyall WATCHDOG=1 STATUS=flooding\n  ready notify\n  watchdog 10s\n"+
		"service c {V} appendenv {D}/env NOTIFY_SOCKET , notify READY=1 , sleep\n  ready notify\n"+svc("b", "start manual"))
	in.settled("a", "c")
	name := strings.TrimPrefix(in.appears("env", 1)[0], "NOTIFY_SOCKET=")
	in.write("w/f.conf", in.expand("service f {V} notifyall STATUS=forged\n  env NOTIFY_SOCKET="+name+"\n"))
	in.ok("add", in.dir+"/w/f.conf") // and another one floods a stranger's socket
	in.ok("start", "f")
	begin := time.Now()
	for range 50 {
		in.ok("ping")
	}
	for range 3 {
		in.ok("start", "b")
		in.ok("stop", "b")
	}
	t.Logf("50 pings, 3 starts and stops beside two floods: %v", time.Since(begin))
	in.is("a", "running")
	in.flat()
	in.ok("stop", "a", "f")
}

// Messages that nobody can use, and descriptors that nobody asked for.
func TestNotifyHostile(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} notify READY=1 STATUS=fine , notifybig 4096 , notify STATUS=fine2 , notifybig 4097 , notifybig 100000 , barrier {D}/b 1 , waitfile {D}/go , "+
		"notifyn 1000 1 X=1 , notifyn 20 253 STATUS=fine3 , notifyn 100 1 BARRIER=1 , notifyn 10 3 FDSTOREREMOVE=1 FDNAME=x , barrier {D}/b 2 , sleep\n  ready notify\n")
	in.appears("b", 1)
	if got := in.ok("status", "a"); !strings.Contains(got, "fine2") {
		t.Errorf("a message over 4 KiB counts:\n%s", got)
	}
	before := in.descriptors()
	in.touch("go")
	in.appears("b", 2)
	in.until("no more descriptors than before, but for the two of the runtime's poller", func() bool { return in.descriptors() <= before+2 })
	in.contains(in.ok("status", "a"), "fine3")
	in.flat()
}
