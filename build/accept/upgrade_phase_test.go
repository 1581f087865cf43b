package accept

import (
	"slices"
	"strings"
	"syscall"
	"testing"
)

// SPEC 9: what is under way goes on, and nothing of it is done a second time: each
// command waits for a file, and writes down that it was run.
func TestG19_InEveryPhase(t *testing.T) {
	t.Parallel()
	say := func(name string) string { return "{V} append {D}/order " + name + " , waitfile {D}/go" }
	in := start(t, "service pre {V} unit {D}/order pre 3\n  ready fd 3\n  start manual\n  pre "+say("pre1")+"\n  pre {V} append {D}/order pre2\n"+
		"service post {V} unit {D}/order post 3\n  ready fd 3\n  stop TERM 1h\n  post "+say("post1")+"\n  post {V} appendenv {D}/result MOTE_RESULT MOTE_CODE\n"+
		"service stopx {V} unit {D}/order stopx 3\n  ready fd 3\n  stop-exec "+say("stop-exec")+" , killenv MAINPID TERM\n  stop TERM 1h\n"+
		"service reload {V} trapstay {D}/reloaded HUP , ready 3 , sleep\n  ready fd 3\n  reload-exec "+say("reload-exec")+" , killenv MAINPID HUP\n"+
		"task task "+say("task")+" , exit 9\n  start manual\n"+
		"task undo {V} append {D}/order done\n  stop-exec "+say("undo")+"\n  stop TERM 1h\n"+
		"service well {V} sleep\n  health exec {V} append {D}/checks x , waitfile {D}/go every 100ms timeout 1h\n"+
		"service path {V} append {D}/order +path , sleep\n  ready path {D}/go\n  start-timeout 0\n  start manual\n"+
		"service text {V} append {D}/order +text , bytes 6e6f7720 , waitfile {D}/go , print it is up , sleep\n  ready log 'now it is up'\n  start-timeout 0\n  start manual\n"+
		"service late "+say("+late")+" , sleep\n  ready health\n  health exec {V} waitfile {D}/go every 100ms timeout 1h\n  start-timeout 0\n  start manual\n"+
		svc("low")+stubborn("high", "requires low", "stop TERM 300ms"))
	in.settled("post", "stopx", "reload", "undo", "low", "high", "well")
	clients := map[string]*asked{}
	for _, words := range []string{"start pre", "stop post", "stop stopx", "reload reload", "start task", "stop undo", "start path", "start text", "start late", "restart low"} {
		clients[words] = in.asks(strings.Fields(words)...)
	}
	begun := []string{"+late", "+path", "+text", "pre1", "post1", "reload-exec", "stop-exec", "task", "undo"}
	in.until("all of it is under way", func() bool {
		got := in.order()
		return !slices.ContainsFunc(begun, func(w string) bool { return !slices.Contains(got, w) })
	})
	in.appears("checks", 1)
	for range 4 {
		in.upgrade()
	}
	if n := len(in.lines("checks")); n != 1 {
		t.Errorf("%d checks were begun, and none has ended", n)
	}
	in.touch("go")
	for words, a := range clients {
		code := 0
		if words == "start task" {
			code = 1
		}
		a.answered(code)
	}
	for name, state := range map[string]string{"pre": "running", "post": "inactive", "stopx": "inactive", "reload": "running", "undo": "inactive",
		"path": "running", "text": "running", "late": "running", "low": "running", "high": "running"} {
		in.state(name, state)
	}
	if u := in.state("task", "failed"); u.exitCode() != 9 {
		t.Errorf("the task's exit code is %d, want 9", u.exitCode())
	}
	in.when("well", "was looked at", func(u Unit) bool { s, _ := u.health(); return s == "ok" })
	in.appears("reloaded", 1)
	if got := in.lines("result"); len(got) != 1 || !strings.Contains(got[0], "MOTE_CODE=0") {
		t.Errorf("post was told %q", got)
	}
	if l, _ := in.logs("text"); len(l) != 1 || l[0] != "now it is up" {
		t.Errorf("text printed %q", l)
	}
	got := in.order()
	for _, w := range append(begun, "pre2", "+pre", "-post", "-stopx", "-low") {
		if n := strings.Count("|"+strings.Join(got, "|")+"|", "|"+w+"|"); n != 1 {
			t.Errorf("%s is in the order %d times: %q", w, n, got)
		}
	}
	in.wantFirst("pre1", "pre2", "+pre")
	in.wantFirst("stop-exec", "-stopx")
	in.wantFirst("+low", "-low", "+low")
	if got := in.lines("got-high"); len(got) != 1 || got[0] != "got TERM" {
		t.Errorf("what requires low got %q", got)
	}
}

// SPEC 9: an exec that has no end yet is waited for by the next image.
func TestG19_SpawnUnderWay(t *testing.T) {
	t.Parallel()
	dir, end := hungMount(t, false) // who asks for its root waits
	in := start(t, svc("a")+"service hung "+dir+"/x\n  restart never\n  start-timeout 0\nservice dir {V} sleep\n  dir "+dir+"/x\n  restart never\n  start-timeout 0\n")
	in.settled("a")
	in.state("hung", "starting")
	in.state("dir", "starting")
	was := in.picture()
	in.upgrade()
	in.upgrade()
	in.same(was, in.picture())
	end()
	in.contains(in.state("hung", "failed").reason(), "spawn exec")
	in.contains(in.state("dir", "failed").reason(), "spawn chdir")
}

// SPEC 9: an upgrade during a shutdown is refused, and the shutdown goes on.
func TestG19_Shutdown(t *testing.T) {
	for _, mode := range []Mode{supervisor, container, machine} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode}, svc("low")+svc("mid", "requires low")+
				"service slow {V} linger {D}/slow TERM {D}/go , ready 3 , sleep\n  ready fd 3\n  stop TERM 1h\n  requires mid\noption shutdown-timeout 1h\n")
			in.settled("low", "mid", "slow")
			verb, want := "shutdown", 0
			if mode == machine {
				verb, want = "reboot", 128+1
			}
			in.begins(verb)
			in.appears("slow", 1)
			was := in.image()
			in.contains(in.must(1, "upgrade"), "motectl: ")
			in.signal(rt0 + 25)
			in.ok("ping")
			in.ok("ping")
			if in.image() != was {
				t.Error("it re-executed itself")
			}
			in.is("slow", "stopping")
			in.is("mid", "running")
			in.touch("go")
			if got := in.gone(2 * step); got != want {
				t.Errorf("the end is %d, want %d\n%s", got, want, in.out.text())
			}
			in.wantOrder("+low", "+mid", "-mid", "-low")
		})
	}
}

// A check that ends with all else at the end of a shutdown is not told as a fault of
// the program.
func TestUpgradeEndedByShutdown(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	c := in.begins("upgrade", in.program("new", moody(t, "hang")))
	in.until("the check runs", func() bool { return len(in.children("")) == 2 })
	in.ok("shutdown")
	r := c.result(step)
	in.contains(r.err, "shutdown is under way: the old init goes on")
	if r.code != 1 || strings.Contains(in.out.text(), "memory") {
		t.Errorf("exit %d\n%s", r.code, in.out.text())
	}
}

// SPEC 1: the main unit, the units that were asked for and the options outlive it.
func TestG19_MainUnit(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container, Args: []string{"--main", "m", "-t", "m"}},
		svc("a")+svc("other")+"service m {V} waitfile {D}/go , exit 7\n  requires a\n  after a\n")
	in.settled("m", "a")
	in.is("other", "inactive")
	in.upgrade()
	in.reexec()
	in.is("other", "inactive")
	in.ok("reload")
	in.is("other", "inactive")
	in.touch("go")
	if got := in.gone(2 * step); got != 7 {
		t.Errorf("the init exits %d, want 7", got)
	}
	in.wantOrder("+a", "-a")
}

// SPEC 7, 6: who sends HUP, or asks for a reload, at the time is heard.
func TestG19_ReloadMeanwhile(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	pid := in.unit("a").pid()
	for i := range 10 {
		name := "n" + string(rune('a'+i))
		in.write("c/test.conf", in.expand(svc("a")+svc(name)))
		if i%2 == 0 {
			in.signal(syscall.SIGHUP)
			in.signal(rt0 + 25)
		} else {
			in.signal(rt0 + 25)
			in.signal(syscall.SIGHUP)
		}
		in.until(name+" is there", func() bool { return in.ctl("status", name).code == 0 })
	}
	if u := in.is("a", "running"); u.pid() != pid || u.Restarts != 0 {
		t.Errorf("a has pid %d, had %d", u.pid(), pid)
	}
}
