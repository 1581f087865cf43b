package accept

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// daemonConf is a service that becomes a daemon in one of the victim's ways.
func daemonConf(way, steps string, keys ...string) string {
	return "service a {V} daemonize " + way + " 'writepid {D}/pid , " + steps + "'\n  ready pidfile {D}/pid\n  " + strings.Join(keys, "\n  ") + "\n"
}

// A daemon of each way is adopted: stopped, seen to end, started again.
func TestPidfileDaemon(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"plain", "setsid", "double"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			in := start(t, daemonConf(way, "pid {D}/all , unit {D}/order a", "restart always delay 0")+svc("b", "requires a"))
			in.settled("a", "b")
			in.appears("all", 1) // it is ready before it has come so far
			in.appears("order", 2)
			u := in.unit("a")
			if got := in.lines("pid")[0]; got != strconv.Itoa(u.pid()) {
				t.Fatalf("main pid %d, the file has %s", u.pid(), got)
			}
			in.kill(u.pid(), syscall.SIGKILL)
			in.appears("all", 2)
			v := in.when("a", "is back", func(v Unit) bool { return v.State == "running" && v.pid() != u.pid() && v.pid() != 0 })
			if v.Restarts != 1 || v.ExitSignal == nil || *v.ExitSignal != "KILL" {
				t.Errorf("restarts %d, signal %v", v.Restarts, v.ExitSignal)
			}
			in.settled("b")
			in.ok("stop", "a")
			in.is("a", "inactive")
			if alive(v.pid()) {
				t.Error("the daemon lives")
			}
			in.contains(strings.Join(in.order(), " "), "-a")
		})
	}
}

// The exit code of the daemon is its own, and it is not the starter's.
func TestPidfileExitCode(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"plain", "double"} {
		in := start(t, daemonConf(way, "waitfile {D}/go , exit 7", "restart on-failure delay 10m"))
		in.settled("a")
		in.touch("go")
		if u := in.state("a", "backoff"); u.exitCode() != 7 || u.reason() != "exit 7; next try in 10m" && !strings.HasPrefix(u.reason(), "exit 7") {
			t.Errorf("%s: exit code %d, reason %q", way, u.exitCode(), u.reason())
		}
	}
}

// A daemon that has another one take its place, and its pid file, goes on as it.
func TestPidfileHandsOver(t *testing.T) {
	t.Parallel()
	in := prepareInit(t, Options{}, "service a /bin/sh {D}/d\n  ready pidfile {D}/pid\n  restart never\n")
	in.write("w/d", in.expand("sh -c 'echo $$ >{D}/pid; while [ ! -e {D}/go ]; do sleep 0.02; done; {V} unit {D}/order new & echo $! >{D}/pid; exit 3' &\n"))
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("a")
	old := in.unit("a").pid()
	in.touch("go")
	u := in.when("a", "is another process", func(u Unit) bool { return u.pid() != old })
	if u.State != "running" || u.Restarts != 0 {
		t.Errorf("%s, %d restarts", u.State, u.Restarts)
	}
	in.appears("order", 1)
	in.ok("stop", "a")
	in.wantOrder("+new", "-new")
}

// A stop reaches what the daemon has forked: its group, and the end of the daemon
// kills what did not heed the stop.
func TestPidfileGroup(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"plain", "setsid", "double"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			in := start(t, "service a {V} daemonize "+way+" 'child {D}/child , writepid {D}/pid , sleep'\n  ready pidfile {D}/pid\n  restart always delay 0\n")
			in.settled("a")
			child := func(i int) int { n, _ := strconv.Atoi(in.appears("child", i+1)[i]); return n }
			first := child(0)
			in.kill(in.unit("a").pid(), syscall.SIGKILL)
			in.until("the first one's child is gone", func() bool { return !alive(first) })
			second := child(1)
			in.settled("a")
			if !alive(second) {
				t.Fatal("the second child is gone")
			}
			in.ok("stop", "a")
			in.until("the second child is gone", func() bool { return !alive(second) })
		})
	}
}

// A service that stays in the foreground and writes a pid file is as good.
func TestPidfileForeground(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} waitfile {D}/go , writepid {D}/pid , unit {D}/order a\n  ready pidfile {D}/pid\n  restart never\n")
	in.state("a", "starting")
	in.until("the look says so", func() bool { return in.said("a", "ready_error") != nil })
	in.contains(in.must(3, "status", "a"), "pid file", "is not there")
	in.contains(in.must(0, "why", "a"), "pid file", "is not there")
	in.touch("go")
	in.settled("a")
	if s := in.said("a", "ready_error"); s != nil {
		t.Errorf("ready_error is %v", s)
	}
	in.ok("stop", "a")
	in.wantOrder("+a", "-a")
}

// Pid files that must not be believed; the last look's words are in the log and
// in the status.
func TestPidfileBad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		make func(in *Init, path string) error
		want string
	}{
		{"one", textFile("1\n"), "holds 1: that is the init"},
		{"init", textFile("{I}"), "that is the init"},
		{"dead", textFile("999999\n"), "holds 999999: there is no such process"},
		{"stranger", textFile("{S}"), "not the init's child yet"},
		{"other unit", textFile("{F}\n"), "another process that the init knows"},
		{"garbage", textFile("12 34\n"), `holds "12 34": that is no pid`},
		{"minus", textFile("-7\n"), "that is no pid"},
		{"binary", textFile("\x00\x01\xff"), "that is no pid"},
		{"empty", textFile(""), "is empty"},
		{"huge", textFile(strings.Repeat("1", 100)), "the limit is 64"},
		{"long number", textFile("123456789012345678901234567890"), "that is no pid"},
		{"fifo", func(_ *Init, path string) error { return syscall.Mkfifo(path, 0o666) }, "it is a FIFO"},
		{"directory", func(_ *Init, path string) error { return os.Mkdir(path, 0o777) }, "it is a directory"},
		{"symlink", func(in *Init, path string) error {
			in.write("w/real", "1\n")
			return os.Symlink(in.dir+"/w/real", path)
		}, "it is a symbolic link"},
		{"missing", func(*Init, string) error { return nil }, "is not there"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			in := start(t, svc("b")+"service a {V} append {D}/up x , waitfile {D}/stay\n  ready pidfile {D}/pid\n  start-timeout 700ms\n  restart never\n  start manual\n")
			in.settled("b")
			in.ok("start", "--no-wait", "a")
			in.appears("up", 1)
			must(t, c.make(in, in.dir+"/w/pid"))
			u := in.state("a", "failed")
			if u.reason() != "start-timeout" {
				t.Errorf("reason %q", u.reason())
			}
			in.soonSays("a: not ready after 700ms: pid file "+in.dir+"/w/pid ", c.want)
			in.contains(in.ctl("status", "a").all(), c.want)
			in.is("b", "running")
		})
	}
}

// textFile writes a pid file in one step.
func textFile(text string) func(*Init, string) error {
	return func(in *Init, path string) error {
		text := strings.NewReplacer("{I}", strconv.Itoa(in.pid()), "{F}", strconv.Itoa(in.unit("b").pid()), "{S}", strconv.Itoa(os.Getpid())).Replace(text)
		in.write("w/pid.tmp", text)
		return os.Rename(path+".tmp", path)
	}
}

// What an earlier run has left behind does not count, even if a process has that
// number now: the starter's own.
func TestPidfileStale(t *testing.T) {
	t.Parallel()
	in := start(t, "service a /bin/sh -c '{V} append {D}/up $$; {V} waitfile {D}/go; {V} daemonize double \"writepid {D}/pid , sleep\"'\n  ready pidfile {D}/pid\n  start manual\n  pre {V} writepid {D}/pid\n")
	in.ok("start", "--no-wait", "a")
	in.appears("up", 1)
	in.until("the look says so", func() bool { return strings.Contains(in.ctl("status", "a").all(), "is that of an earlier run") })
	in.is("a", "starting")
	in.touch("go")
	in.settled("a")
}

// The starter fails, or leaves nothing that writes the file: nothing is left.
func TestPidfileStarterFails(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} child {D}/child , exit 3\n  ready pidfile {D}/pid\n  restart never\n  start manual\n"+
		"service b {V} child {D}/b\n  ready pidfile {D}/pid\n  restart never\n  start-timeout 500ms\n  start manual\n")
	in.must(1, "start", "a", "b")
	if u := in.is("a", "failed"); u.reason() != "ended before it was ready: exit 3" {
		t.Errorf("reason %q", u.reason())
	}
	if u := in.state("b", "failed"); u.reason() != "start-timeout" {
		t.Errorf("reason %q", u.reason())
	}
	for _, f := range []string{"child", "b"} {
		n, _ := strconv.Atoi(in.appears(f, 1)[0])
		in.until("what it left is gone", func() bool { return !alive(n) })
	}
}

// The file, and the process, must be the user's.
func TestPidfileOtherUser(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted}, "service a {V} append /w/up x , waitfile /w/stay\n  user 4321\n  ready pidfile /w/pid\n  start-timeout 700ms\n  restart never\n  start manual\n"+
		"service b {V} daemonize double 'writepid /w/pidb , sleep'\n  user 4321\n  ready pidfile /w/pidb\n  start manual\n"+
		"service c {V} daemonize double 'writepid /w/stray , sleep' , waitfile /w/stray , sleep\n")
	must(t, os.Chmod(in.dir+"/w", 0o777))
	in.ok("start", "b")
	in.ok("start", "--no-wait", "a")
	in.appears("up", 1)
	in.write("w/pid", "12\n")
	must(t, os.Chown(in.dir+"/w/pid", 999, 999))
	in.state("a", "failed")
	in.contains(in.ctl("status", "a").all(), "belongs to uid 999")
	in.ok("start", "--no-wait", "a")
	in.appears("up", 2)
	stray := in.appears("stray", 1)[0]
	in.write("w/pid.tmp", stray+"\n")
	must(t, os.Chown(in.dir+"/w/pid.tmp", 0, 0))
	must(t, os.Rename(in.dir+"/w/pid.tmp", in.dir+"/w/pid"))
	in.state("a", "failed")
	in.contains(in.ctl("status", "a").all(), "holds "+stray+": that is not a process of user 4321")
	in.is("b", "running")
}

// A daemon as they are: what started it has ended when the time is over.
func TestPidfileLateWithoutProcess(t *testing.T) {
	t.Parallel()
	in := start(t, "service a /bin/sh -c 'echo hello > {D}/pid'\n  ready pidfile {D}/pid\n  start-timeout 700ms\n  restart never\n"+
		"service b {V} exit 0\n  ready pidfile {D}/never\n  start-timeout 700ms\n  restart always delay 60s max 60s\n")
	in.state("a", "failed")
	in.state("b", "backoff")
	in.soonSays("a: not ready after 700ms: pid file "+in.dir+`/w/pid holds "hello": that is no pid`, "b: not ready after 700ms: pid file "+in.dir+"/w/never is not there")
	if n := strings.Count(in.out.text(), "a: not ready"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
}

func TestReadyPath(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} waitfile {D}/go , append {D}/made x , sleep\n  ready path {D}/made\n"+svc("b", "requires a")+
		"service c {V} sleep\n  ready path {D}/never\n  start-timeout 300ms\n  restart never\n")
	in.state("c", "failed")
	in.soonSays("c: not ready after 300ms: " + in.dir + "/w/never is not there")
	in.is("a", "starting")
	in.is("b", "blocked")
	in.touch("go")
	in.settled("a", "b")
}

// A part of a line, a line that is cut because of its length, and log null.
func TestReadyLog(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} print nearly ready , waitfile {D}/go , print 'now it is really ready to serve' , sleep\n  ready log 'really ready'\n"+
		"service n {V} print 'really ready' , sleep\n  ready log 'really ready'\n  log null\n"+
		"service p {V} bytes 726561 , bytes 6479 , sleep\n  ready log ready\n"+
		"service l {V} sleep 1ms , bigline 8190 , append {D}/l x , sleep\n  ready log xxx\n"+
		"service c /bin/sh -c 'i=0; while [ $i -lt 819 ]; do printf 0123456789; i=$((i+1)); done; echo 0needle1; exec sleep 1000'\n  ready log needle\n  log ring 16K\n"+
		"service f {V} sleep\n  ready log 'never said'\n  start-timeout 300ms\n  restart never\n")
	in.state("f", "failed")
	in.soonSays(`f: not ready after 300ms: it did not write "never said"`)
	in.contains(in.ok("why", "f"), `not ready  it did not write "never said"`)
	in.settled("n", "p", "l", "c")
	in.is("a", "starting")
	in.touch("go")
	in.settled("a")
}

// The text of an earlier run does not count for the next one.
func TestReadyLogAgain(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} failuntil {D}/runs 1 , waitfile {D}/go , print up , append {D}/up x , sleep\n  ready log up\n  restart always delay 0\n")
	in.touch("go")
	in.settled("a")
	must(t, os.Remove(in.dir+"/w/go"))
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.appears("runs", 2)
	in.state("a", "starting")
	in.touch("go")
	in.settled("a")
}
