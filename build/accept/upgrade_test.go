package accept

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// everything is a set of units in as many conditions as can be brought about and
// that stay as they are until a case says so; {P} is a port.
const everything = `
service  half     {V} bytes 68616c66 , waitfile {D}/go-half , print ' a line' , sleep
service  nready   {V} notify STATUS=soon , waitfile {D}/go-notify , notify READY=1 , sleep
    ready  notify
    start-timeout 0
service  fready   {V} waitfile {D}/go-fd , ready 3 , sleep
    ready  fd 3
    start-timeout 0
service  blocked  {V} sleep
    requires nready
service  back     {V} exit 3
    restart always delay 1h max 1h
task     every    {V} append {D}/every run
    every  1h
service  fed      {V} notify READY=1 STATUS=fed , notifyd 50ms WATCHDOG=1 , sleep
    ready  notify
    watchdog 5s
service  well     {V} sleep
    health exec {V} append {D}/well ok every 100ms
service  store    {V} fdshow {D}/got , fdstore hello FDNAME=greeting , barrier {D}/stored x , notify READY=1 , sleep
    ready  notify
    restart always delay 0
service  lis      {V} serve
    listen tcp 127.0.0.1:{P}
    listen unix {D}/lis
service  dem      {V} serve
    listen unix {D}/dem
    on-demand
service  daemon   {V} daemonize setsid 'writepid {D}/daemon.pid , append {D}/order +daemon , sleep'
    ready  pidfile {D}/daemon.pid
    restart always delay 0
service  piping   {V} print one , waitfile {D}/go-half , print two , sleep
    log    pipe sink
service  sink     {V} cat {D}/piped
service  filing   {V} print one , waitfile {D}/go-half , print two , sleep
    log    file {D}/filed 10K
service  failed   {V} exit 4
    restart never
service  off      {V} sleep
    start  manual
task     done     {V} append {D}/order done
target   all
    requires s1 s2
service  x        {V} linger {D}/x TERM {D}/go-x , append {D}/order +x , ready 3 , sleep
    ready  fd 3
    stop   TERM 1h
service  y        {V} linger {D}/y TERM {D}/go-y , append {D}/order +y , ready 3 , sleep
    ready  fd 3
    stop   TERM 1h
`

// up waits until everything is in the condition that it stays in.
func (in *Init) up() {
	in.t.Helper()
	in.settled("s1", "s2", "s3", "half", "fed", "well", "store", "lis", "dem", "daemon", "piping", "sink", "filing", "done", "all", "x", "y")
	in.state("back", "backoff")
	in.state("every", "waiting")
	in.state("failed", "failed")
	in.until("nready has said something", func() bool { return in.said("nready", "status_text") == "soon" })
	in.when("well", "was looked at", func(u Unit) bool { s, _ := u.health(); return s == "ok" })
	in.appears("stored", 1)
	in.appears("filed", 1)
}

// SPEC 9: all that a re-exec must keep, with clients that wait, in all roles.
func TestG19_Everything(t *testing.T) {
	for _, mode := range []Mode{supervisor, machine, container} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			in := startWith(t, Options{Mode: mode}, svc("s1", "restart always delay 0")+svc("s2")+svc("s3")+strings.ReplaceAll(everything, "{P}", port))
			in.up()
			in.file("more.conf", in.expand("service added {V} sleep\n  env A=b\n"))
			in.ok("add", in.dir+"/w/more.conf")
			in.settled("added")
			shown := in.ok("show", "added")

			events, lines := in.watch(), in.follow("logs", "-f", "half")
			restart, stop := in.asks("restart", "x"), in.asks("stop", "y")
			wait, start := in.asks("wait", "nready"), in.asks("start", "blocked")
			in.state("x", "stopping")
			in.state("y", "stopping")
			typed := in.dial()
			defer typed.Close()
			fmt.Fprint(typed, "ping\npi")
			calls := startCaller(t, "tcp", "127.0.0.1:"+port)

			was, files := in.picture(), in.openFiles()
			for range 3 {
				in.upgrade()
				in.reexec()
			}
			in.same(was, in.picture())
			in.noMoreFiles(files)
			if calls.end(t) == 0 {
				t.Error("nobody was served")
			}

			fmt.Fprint(typed, "ng\n")
			typed.SetReadDeadline(time.Now().Add(step))
			answers := bufio.NewReader(typed)
			for range 2 {
				if l, err := answers.ReadString('\n'); l != "ok\n" {
					t.Errorf("a request in two halves: %q, %v", l, err)
				}
			}
			in.goesOn(port, restart, stop, wait, start)
			in.kept(events, lines)

			in.until("what was added is there", func() bool { return in.ok("show", "added") == shown })
			in.ok("remove", "added")
			in.must(4, "status", "added")
			in.upgrade()
			in.must(4, "status", "added")
		})
	}
}

// goesOn lets go of what waited, and looks whether each of them takes notice.
func (in *Init) goesOn(port string, restart, stop, wait, start *asked) {
	t := in.t
	t.Helper()
	old := in.unit("x").pid()
	for _, name := range []string{"half", "notify", "fd", "x", "y"} {
		in.touch("go-" + name)
	}
	for _, a := range []*asked{restart, stop, wait, start} {
		a.answered(0)
	}
	if u := in.is("x", "running"); u.pid() == old || u.Restarts != 0 {
		t.Errorf("x was restarted by name: pid %d, was %d, %d restarts", u.pid(), old, u.Restarts)
	}
	in.is("y", "inactive")
	for _, n := range []string{"nready", "fready", "blocked"} {
		in.state(n, "running")
	}
	in.until("the line is whole", func() bool { l, _ := in.logs("half"); return slices.Equal(l, []string{"half a line"}) })
	in.until("the file has both lines", func() bool { return slices.Equal(in.lines("filed"), []string{"one", "two"}) })
	in.until("the pipe has both lines", func() bool {
		l := in.lines("piped")
		return len(l) == 2 && strings.HasSuffix(l[0], "one") && strings.HasSuffix(l[1], "two")
	})

	for _, name := range []string{"s1", "store", "daemon"} {
		pid := in.unit(name).pid()
		in.ok("kill", name, "KILL")
		u := in.when(name, "is up again", func(u Unit) bool { return u.State == "running" && u.pid() != 0 && u.pid() != pid })
		if u.Restarts != 1 || u.ExitSignal == nil || *u.ExitSignal != "KILL" {
			t.Errorf("%s was killed: restarts %d, signal %v", name, u.Restarts, u.ExitSignal)
		}
	}
	if got := in.appears("got", 2)[1]; got != "n=1 names=greeting hello" {
		t.Errorf("after a crash, store got %q", got)
	}
	in.state("fed", "running")
	looked := len(in.lines("well"))
	in.until("well is looked at", func() bool { return len(in.lines("well")) > looked+1 })

	in.answers("lis", "tcp", "127.0.0.1:"+port)
	in.answers("lis", "unix", in.dir+"/w/lis")
	in.is("dem", "waiting")
	in.answers("dem", "unix", in.dir+"/w/dem")
	in.is("dem", "running")
	if got := in.lines("every"); len(got) != 1 {
		t.Errorf("every ran %d times", len(got))
	}
}

// kept looks at what was told to those who follow: all of it, and once.
func (in *Init) kept(events, lines *watcher) {
	in.t.Helper()
	events.until("dem", "running")
	for name, want := range map[string]string{"x": "stopping inactive starting running", "y": "stopping inactive", "nready": "running",
		"fready": "running", "blocked": "starting running", "s2": "", "half": "", "back": "", "done": "", "lis": ""} {
		if got := events.states(name); got != want {
			in.t.Errorf("events of %s: %q, want %q", name, got, want)
		}
	}
	in.until("the line was told", func() bool { return len(lines.texts("half")) > 0 })
	if got := lines.texts("half"); !slices.Equal(got, []string{"half a line"}) {
		in.t.Errorf("logs -f half: %q", got)
	}
}

// SPEC 9: deadlines go on; were each begun anew by a re-exec, none would ever come.
// How long they took is seen by the init's own clock, in the events.
func TestG19_Deadlines(t *testing.T) {
	t.Parallel()
	const ends = "\n  restart never\n  start manual\n"
	in := start(t, "service late {V} sleep\n  ready notify\n  start-timeout 1s"+ends+
		"service dog {V} notify READY=1 WATCHDOG=1 , sleep\n  ready notify\n  watchdog 1s"+ends+
		"service back {V} exit 3\n  restart always delay 1s max 1s limit 1\n  start manual\n"+
		"task every {V} append {D}/every run\n  every 1s\n  start manual\n"+
		"service sick {V} sleep\n  health exec {V} append {D}/sick x , exit 1 every 250ms fails 5"+ends+
		"service grace {V} sleep\n  health exec {V} append {D}/grace x every 1h grace 1s"+ends+
		"service idle {V} serve\n  listen unix {D}/idle\n  on-demand idle 1s\n"+
		stubborn("deaf", "stop TERM 500ms INT 500ms QUIT 500ms"))
	in.settled("deaf", "idle")
	w := in.watch()
	in.ok("start", "--no-wait", "late", "dog", "back", "every", "sick", "grace")
	in.answers("idle", "unix", in.dir+"/w/idle")
	stop := in.asks("stop", "deaf")
	done := func() bool {
		all := in.picture().units
		is := func(name, state string) bool { return all[name]["state"] == state }
		return is("late", "failed") && is("dog", "failed") && is("back", "failed") && is("sick", "failed") && is("deaf", "inactive") &&
			is("idle", "waiting") && len(in.lines("every")) > 2 && len(in.lines("grace")) > 0
	}
	n := 0
	in.until("each deadline has come", func() bool { in.upgrade(); n++; return done() })
	stop.answered(0)
	t.Logf("%d re-execs", n)
	for name, want := range map[string]string{"late": "start-timeout", "dog": "watchdog", "back": "limit", "sick": "health"} {
		in.contains(in.unit(name).reason(), want)
	}
	for _, c := range []struct{ unit, from, to string }{
		{"late", "starting", "stopping"}, {"dog", "running", "stopping"}, {"back", "backoff", "starting"}, {"every", "starting", "starting"}, {"idle", "running", "stopping"},
	} {
		w.until(c.unit, c.to)
		if d := w.between(c.unit, c.from, c.to); d < 995*time.Millisecond {
			t.Errorf("%s: from %s to %s: %v, want a second", c.unit, c.from, c.to, d)
		}
	}
	if got := len(in.lines("sick")); got != 5 {
		t.Errorf("sick was looked at %d times, want 5", got)
	}
	if got := in.lines("got-deaf"); !slices.Equal(got, []string{"got TERM", "got INT", "got QUIT"}) {
		t.Errorf("the deaf one got %q", got)
	}
}

// between gives the time from a unit's first event into one state to the next into
// another.
func (w *watcher) between(unit, from, to string) time.Duration {
	w.Lock()
	defer w.Unlock()
	var began time.Time
	for _, e := range w.events {
		at, err := time.Parse(time.RFC3339, e.Time)
		must(w.in.t, err)
		switch {
		case e.Unit != unit:
		case e.To == to && !began.IsZero():
			return at.Sub(began)
		case e.To == from && began.IsZero():
			began = at
		}
	}
	return 0
}

// SPEC 9: what ends while the init re-executes itself is seen, and as what it was.
func TestG19_ExitsMeanwhile(t *testing.T) {
	t.Parallel()
	const n = 60
	signals := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}
	var conf strings.Builder
	var names []string
	for i := range n {
		fmt.Fprintf(&conf, "service u%d {V} sleep\n  restart never\n", i)
		names = append(names, fmt.Sprintf("u%d", i))
	}
	in := start(t, conf.String())
	in.settled(names...)
	pids := map[string]int{}
	for _, u := range in.units() {
		pids[u.Name] = u.pid()
	}
	for i, name := range names {
		if i%3 == 0 {
			in.signal(rt0 + 25)
		}
		in.kill(pids[name], signals[i%len(signals)])
		time.Sleep(time.Duration(i%7) * time.Millisecond) // at every moment of it
	}
	want := []string{"KILL", "TERM", "INT", "HUP"}
	for i, name := range names {
		u := in.when(name, "has ended", func(u Unit) bool { return u.State == "failed" || u.State == "exited" })
		if u.ExitSignal == nil || *u.ExitSignal != want[i%len(want)] || u.ExitCode != nil {
			t.Errorf("%s: signal %v, code %v; want signal %s", name, u.ExitSignal, u.ExitCode, want[i%len(want)])
		}
	}
	in.until("no zombie", func() bool { return len(in.children("Z")) == 0 })
}

// DESIGN D1: orphans that end meanwhile are reaped, as PID 1 and as a subreaper.
func TestG19_OrphansMeanwhile(t *testing.T) {
	for _, mode := range []Mode{container, supervisor} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode}, svc("a")+"task o {V} orphans 100 50ms\n  kill process\n  start manual\n")
			in.settled("a")
			in.ok("start", "--no-wait", "o")
			for in.unit("o").State != "exited" {
				in.upgrade()
			}
			in.until("only a is left, and no zombie", func() bool { return len(in.children("")) == 1 && len(in.children("Z")) == 0 })
			in.is("a", "running")
		})
	}
}
