package accept

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// C13, SPEC 9: who is in a unit's cgroup is there after a re-exec, and dies with it.
func TestG19_Cgroups(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		in := startWith(t, opt, "service a {V} daemon {D}/d , daemon {D}/d , append {D}/up up , sleep\n  kill cgroup\n  restart always delay 0\n"+
			"service b {V} daemon {D}/b , append {D}/upb up , waitfile {D}/go\n  kill cgroup\n  restart never\n")
		in.appears("up", 1)
		in.appears("upb", 1)
		a, b := in.procsOf("a", 3), in.procsOf("b", 2)
		was := in.picture()
		for range 3 {
			in.upgrade()
		}
		in.same(was, in.picture())
		if now := in.procsOf("a", 3); !slices.Equal(a, now) {
			t.Errorf("the group of a has %v, had %v", now, a)
		}
		in.ok("kill", "a", "KILL")
		in.appears("up", 2)
		now := in.procsOf("a", 3)
		if slices.ContainsFunc(now, func(p int) bool { return slices.Contains(a, p) }) {
			t.Errorf("the group of a has %v after its end, had %v", now, a)
		}
		in.touch("go")
		in.state("b", "exited")
		for _, p := range b {
			in.until("what b has started is gone", func() bool { return !alive(p) })
		}
		in.upgrade()
		in.ok("stop", "a")
		for _, p := range now {
			in.until("what a has started is gone", func() bool { return !alive(p) })
		}
		in.until("the groups are gone", func() bool { return !exists(opt.Group+"/mote/a.unit") && !exists(opt.Group+"/mote/b.unit") })
	})
}

// F3, L1: messages to syslog and lines to the console come through, whole and in order.
func TestG19_SyslogAndConsole(t *testing.T) {
	t.Parallel()
	const n = 3000
	in := start(t, "option syslog {D}/log\nservice a {V} floodlog {D}/log 3000 , waitfile {D}/enough , sendlog {D}/log '<13>Oct 11 22:14:15 flood: the last' , sleep\n  log ring 1M\n"+
		"service c {V} count c 2ms {D}/enough , sleep\n  log console\n")
	in.settled("a", "c")
	lines := 0
	in.until("the flood has come", func() bool {
		in.upgrade()
		l, _ := in.logs("a")
		lines = len(l)
		return lines >= n
	})
	in.touch("enough")
	in.logHas("a", "the last")
	got, dropped := in.logs("a")
	if len(got) != n+1 || dropped != 0 {
		t.Errorf("%d messages, %d dropped; want %d", len(got), dropped, n+1)
	}
	for i, l := range got[:min(n, len(got))] {
		if !strings.Contains(l, fmt.Sprintf("line %07d", i+1)) {
			t.Fatalf("message %d is %q", i+1, l)
		}
	}
	in.soonSays("c: c end")
	var said []string
	for l := range strings.Lines(in.out.text()) {
		if _, text, ok := strings.Cut(l, "c: c "); ok && !strings.Contains(text, "end") {
			said = append(said, "c "+strings.TrimSpace(text))
		}
	}
	in.checkNumbered("c", said, 1)
}

// SPEC 4: a key that is pressed after a re-exec starts what waits for one, and a tty's
// process is kept.
func TestG19_Tty(t *testing.T) {
	t.Parallel()
	_, runs := openPty(t)
	m, asks := openPty(t)
	in := start(t, "tty runs {V} append {D}/runs run , waitfile {D}/go\n  tty "+runs+"\n  restart always delay 0\n"+
		"tty asks {V} append {D}/asked run , sleep\n  tty "+asks+"\n  askfirst 'press a key'\n")
	in.appears("runs", 1)
	in.state("asks", "waiting")
	was := in.picture()
	in.upgrade()
	in.upgrade()
	in.same(was, in.picture())
	if got := in.lines("asked"); got != nil {
		t.Errorf("asks was started: %q", got)
	}
	_, err := m.Write([]byte("\n"))
	must(t, err)
	in.appears("asked", 1)
	in.state("asks", "running")
	in.touch("go")
	in.appears("runs", 2)
}

// SPEC 6, F10: faults, what was read of the configuration, and times of day are as they
// were; only what has changed is touched.
func TestG19_Configuration(t *testing.T) {
	t.Parallel()
	conf := svc("a") + "service bad {V} sleep\n  afer a\nservice twice {V} sleep\nservice twice {V} exit 1\ntask at {V} append {D}/at x\n  at 0 4 1 1 *\n" +
		"service gone {V} sleep\n  requires nobody\nset X one\nservice env {V} appendenv {D}/env X Y , sleep\n  env Y=two\n"
	in := start(t, conf)
	in.settled("a", "twice", "env")
	in.state("bad", "failed")
	was, faults := in.picture(), in.ctl("reload", "--dry-run").all()
	in.upgrade()
	in.same(was, in.picture())
	if now := in.ctl("reload", "--dry-run").all(); now != faults {
		t.Errorf("reload --dry-run says\n%s\nsaid\n%s", now, faults)
	}
	in.ok("reload", "--force")
	in.same(was, in.picture())
	in.ok("restart", "env")
	if got := in.appears("env", 2); got[1] != "X=one|Y=two" {
		t.Errorf("the environment is %q", got)
	}
	was = in.picture()
	in.write("c/test.conf", in.expand(strings.Replace(conf, "afer a", "after a", 1)))
	in.upgrade() // reads no configuration
	in.is("bad", "failed")
	in.ok("reload", "--force")
	in.state("bad", "running")
	for _, name := range []string{"a", "twice", "env"} {
		if now := in.unit(name).pid(); float64(now) != was.units[name]["pid"] {
			t.Errorf("%s has pid %d, had %v", name, now, was.units[name]["pid"])
		}
	}
}

// P5: what a unit starts with is the same before and after, in a world with limits and
// ignored signals of its own.
func TestG19_WhatUnitsStartWith(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Launch: []string{"-nofile", "777", "-ignore", "HUP,USR1", "-block", "USR2"}, Env: []string{"GOMAXPROCS=7", "GODEBUG=panicnil=1", "A=b"}},
		"service a {V} report {D}/r , sleep\n  ready spawn\ntask limits /bin/cat /proc/self/limits\n")
	look := func() Report {
		r := in.report("r")
		r.Pid, r.Pgid, r.Sid = 0, 0, 0
		for k := range r.Status {
			if !strings.HasPrefix(k, "Sig") && !strings.HasPrefix(k, "Cap") && k != "NoNewPrivs" && k != "Umask" && k != "Groups" {
				delete(r.Status, k)
			}
		}
		delete(r.Status, "SigQ")
		delete(r.Fds, "1") // another pipe's number is another one
		delete(r.Fds, "2")
		for fd, to := range r.Fds {
			if strings.HasPrefix(to, "/proc/") { // the list that is read
				delete(r.Fds, fd)
			}
		}
		slices.Sort(r.Env)
		must(t, os.Remove(in.dir+"/w/r"))
		return r
	}
	limits := in.limits("limits")
	before := look()
	for range 2 {
		in.upgrade()
		in.ok("restart", "a", "limits")
		if after := look(); !reflect.DeepEqual(before, after) {
			t.Errorf("it starts with\n%+v\nand did with\n%+v", after, before)
		}
		if now := in.limits("limits"); !maps.Equal(limits, now) {
			t.Errorf("its limits are\n%v\nand were\n%v", now, limits)
		}
	}
	for _, want := range []string{"GOMAXPROCS=7", "GODEBUG=panicnil=1", "A=b"} {
		if !slices.Contains(before.Env, want) {
			t.Errorf("%s is not in its environment: %q", want, before.Env)
		}
	}
}

// Who the kernel says the init is stays the same: its name, its words, its environment
// and its place in the process tree.
func TestG19_TheProcessItself(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Launch: []string{"-nofile", "777"}}, svc("a"))
	in.settled("a")
	look := func() string {
		var all []string
		for _, f := range []string{"comm", "cmdline", "cgroup", "oom_score_adj", "loginuid"} {
			data, _ := os.ReadFile("/proc/" + strconv.Itoa(in.pid()) + "/" + f)
			all = append(all, f+"="+strings.ReplaceAll(string(data), "\x00", " "))
		}
		data, err := os.ReadFile("/proc/" + strconv.Itoa(in.pid()) + "/status")
		must(t, err)
		for l := range strings.Lines(string(data)) {
			for _, k := range []string{"PPid", "Uid", "Groups", "SigBlk", "SigIgn", "SigCgt", "Umask", "NoNewPrivs"} {
				if strings.HasPrefix(l, k+":") {
					all = append(all, strings.TrimSpace(l))
				}
			}
		}
		to, _ := os.Readlink("/proc/" + strconv.Itoa(in.pid()) + "/cwd")
		return strings.Join(append(all, "cwd="+to), "\n")
	}
	in.upgrade() // the first image of all was started in another way
	before := look()
	limits := in.initLimits()
	for range 3 {
		in.upgrade()
	}
	if after := look(); after != before {
		t.Errorf("the init is\n%s\nand was\n%s", after, before)
	}
	if now := in.initLimits(); now != limits {
		t.Errorf("its limits are\n%s\nand were\n%s", now, limits)
	}
	if err := syscall.Kill(in.pid(), 0); err != nil {
		t.Error(err)
	}
}

func (in *Init) initLimits() string {
	in.t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(in.pid()) + "/limits")
	must(in.t, err)
	return string(data)
}
