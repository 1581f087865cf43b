package accept

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The storm of issue 4: 20 re-execs a second while services crash, log and notify,
// clients ask, connections arrive and timers run. What must have happened is known
// from files that the services write, never from the init.
func TestStorm(t *testing.T) {
	for _, mode := range []Mode{supervisor, container, rooted} {
		t.Run(modeName(mode), func(t *testing.T) {
			opt := Options{Mode: mode}
			if mode == rooted { // where each service has its cgroup
				opt.Launch, opt.Group = []string{"-cgroup"}, newGroup(t, 0)
			}
			port := freePort(t)
			in := prepareInit(t, opt, stormConf(port))
			in.touch("calm")
			in.launch()
			in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
			in.settled(append(steady, "again", "many", "one", "l00", "l49")...)
			in.until("all are up", func() bool { return in.living() == lives })
			events := in.watch()
			follow := in.follow("logs", "-f", "cring")
			in.answers("tcp", "tcp", "127.0.0.1:"+port)
			if _, c, err := call("unix", in.dir+"/w/one"); err == nil {
				c.Close() // it has been started once
			}
			in.state("one", "waiting")
			in.upgrade() // what the first one alone takes is no leak
			was, fds, memory := in.picture(), in.openFiles(), in.memory()
			in.remove("calm")
			c := &crowd{t: t, did: map[string]int{}}
			c.clients(in)
			c.visitors(in, port)
			c.reexecs(in)
			c.images(in)
			if hasOverlay(t) {
				c.flood(in)
			}
			for end := time.Now().Add(stormSeconds(t)); time.Now().Before(end) && !in.over() && !t.Failed(); {
				time.Sleep(20 * time.Millisecond)
			}
			c.end()
			in.touch("calm")
			in.touch("enough")
			if in.over() {
				t.Fatal("the init has ended")
			}
			for _, what := range slices.Sorted(maps.Keys(c.did)) {
				t.Logf("%6d %s", c.did[what], what)
			}
			if n, atLeast := c.did["images that were seen"], int(stormSeconds(t)/time.Second)*3; n < atLeast {
				t.Errorf("%d re-execs, want at least %d", n, atLeast)
			}

			in.calm()
			in.checkSteady(was)
			in.checkLives(events)
			in.checkLines(follow)
			in.checkTimers()
			in.noMoreFiles(fds)
			in.flat()
			in.upgrade() // as before the first measure
			if m := in.memory(); m > memory+1<<10 {
				t.Errorf("the init has %d kB of its own, had %d", m, memory)
			}
			in.until("no zombie", func() bool { return len(in.children("Z")) == 0 })
			if !t.Failed() && hasOverlay(t) && mode != supervisor {
				in.termFlood()
			}
		})
	}
}

func (in *Init) remove(name string) {
	in.t.Helper()
	must(in.t, syscall.Unlink(in.dir+"/w/"+name))
}

// lifeName gives the name of a service of a storm.
func lifeName(i int) string { return fmt.Sprintf("l%02d", i) }

// living counts the services of a storm whose last word is that they live.
func (in *Init) living() (n int) {
	in.t.Helper()
	for i := range lives {
		if l := in.lines(lifeName(i) + ".facts"); len(l) > 0 && strings.HasPrefix(l[len(l)-1], "start ") {
			n++
		}
	}
	return n
}

// calm waits until each service is in a life that lasts.
func (in *Init) calm() {
	in.t.Helper()
	in.until("all lives are calm", func() bool { return in.living() == lives })
	for i := range lives {
		in.state(lifeName(i), "running")
	}
}

// checkSteady wants that nothing happened to what nothing was to happen to.
func (in *Init) checkSteady(was picture) {
	in.t.Helper()
	is := in.picture()
	for _, name := range steady {
		for _, key := range []string{"state", "want", "pid", "restarts", "since", "exit_code", "exit_signal"} {
			if a, b := was.units[name][key], is.units[name][key]; a != b {
				in.t.Errorf("%s: %s was %v, is %v", name, key, a, b)
			}
		}
	}
	if got := in.order(); !slices.Equal(got, []string{"+s1", "+s2"}) {
		in.t.Errorf("order is %q", got)
	}
	if u := in.unit("again"); u.Restarts != 0 || u.State != "running" {
		in.t.Errorf("again, restarted by clients alone, is %s and has %d restarts", u.State, u.Restarts)
	}
}

// checkLives compares each end of each life with what the init has seen of it.
func (in *Init) checkLives(events *watcher) {
	in.t.Helper()
	total := 0
	units := in.picture().units
	for i := range lives {
		name := lifeName(i)
		var ends []string
		starts, pid := 0, ""
		for _, l := range in.lines(name + ".facts") {
			if end, ok := strings.CutPrefix(l, "end "); ok {
				ends = append(ends, end)
			} else if p, ok := strings.CutPrefix(l, "start "); ok {
				starts++
				pid = p
			}
		}
		total += len(ends)
		u := units[name]
		if starts != len(ends)+1 || u["restarts"] != float64(len(ends)) || fmt.Sprint(u["pid"]) != pid {
			in.t.Errorf("%s has lived %d times, ended %d times and is process %s; the init says %v restarts, pid %v", name, starts, len(ends), pid, u["restarts"], u["pid"])
		}
		if len(ends) > 0 {
			code, signal := "<nil>", "<nil>"
			last := strings.Fields(ends[len(ends)-1])
			if last[0] == "exit" {
				code = last[1]
			} else {
				signal = last[1]
			}
			if fmt.Sprint(u["exit_code"]) != code || fmt.Sprint(u["exit_signal"]) != signal {
				in.t.Errorf("%s: its last end was %v; the init says code %v, signal %v", name, last, u["exit_code"], u["exit_signal"])
			}
		}
		in.until("the events of "+name+" are told", func() bool { return len(events.ends(name)) >= len(ends) })
		if told := events.ends(name); !slices.Equal(told, ends) {
			in.t.Errorf("%s: it ended so:\n%q\nthe events say\n%q", name, ends, told)
		}
		if i%5 == 4 {
			in.checkPost(name, ends)
		}
	}
	in.t.Logf("%6d ends of services", total)
	if total < lives {
		in.t.Errorf("%d ends in all: that is no storm", total)
	}
}

// ends gives the reasons of the restarts of a unit.
func (w *watcher) ends(unit string) []string {
	w.Lock()
	defer w.Unlock()
	var all []string
	for _, e := range w.events {
		if e.Unit == unit && e.To == "backoff" && e.Reason != nil {
			reason, _, _ := strings.Cut(*e.Reason, ";")
			all = append(all, reason)
		}
	}
	return all
}

// checkPost compares what post commands were told with how a service ended.
func (in *Init) checkPost(name string, ends []string) {
	in.t.Helper()
	var want []string
	for _, e := range ends {
		how, code, _ := strings.Cut(e, " ")
		if how == "signal" {
			code = map[string]string{"KILL": "9", "TERM": "15", "USR1": "10", "ABRT": "6"}[code]
		}
		want = append(want, "MOTE_RESULT="+how+"|MOTE_CODE="+code)
	}
	if got := in.lines("post-" + name); !slices.Equal(got, want) {
		in.t.Errorf("%s: its post commands were told\n%q\nwant\n%q", name, got, want)
	}
}

// checkLines wants every line that was printed, whole, once and in its order; a ring has
// dropped as many of the oldest as it says.
func (in *Init) checkLines(follow *watcher) {
	in.t.Helper()
	for i := range lives {
		name, printed := lifeName(i), 0
		for _, l := range in.lines(name + ".facts") {
			if n, ok := strings.CutPrefix(l, "lines "); ok {
				printed += number(in.t, n)
			}
		}
		in.checkRing(name, printed)
	}
	for _, name := range []string{"cring", "cfile", "cpipe"} {
		in.until(name+" has printed its last line", func() bool {
			switch name {
			case "cring":
				l, _ := in.logs(name)
				return len(l) > 0 && l[len(l)-1] == name+" end"
			case "cfile":
				l := in.lines("cfile")
				return len(l) > 0 && l[len(l)-1] == name+" end"
			}
			l := in.lines("piped")
			return len(l) > 0 && strings.HasSuffix(l[len(l)-1], name+" end")
		})
	}
	ring, dropped := in.logs("cring")
	in.checkNumbered("cring", ring[:len(ring)-1], dropped+1)
	file := in.lines("cfile")
	in.checkNumbered("cfile", file[:len(file)-1], 1)
	var piped []string
	for _, l := range in.lines("piped") {
		piped = append(piped, l[strings.Index(l, "cpipe "):])
	}
	in.checkNumbered("cpipe", piped[:len(piped)-1], 1)
	if told := follow.texts("cring"); len(told) > 1 {
		first := number(in.t, strings.Fields(told[0])[1])
		in.checkNumbered("cring (logs -f)", told[:len(told)-1], first)
	} else {
		in.t.Errorf("logs -f told %d lines", len(told))
	}
	in.t.Logf("%6d lines to a ring, %d to a file, %d to a pipe", len(ring)+dropped-1, len(file)-1, len(piped)-1)
}

// checkRing wants the newest lines of a life's ring.
func (in *Init) checkRing(name string, printed int) {
	in.t.Helper()
	var lines []string
	dropped := 0
	in.until("the lines of "+name+" are read", func() bool { lines, dropped = in.logs(name); return dropped+len(lines) >= printed })
	if dropped+len(lines) != printed {
		in.t.Errorf("%s has printed %d lines; %d are there and %d dropped", name, printed, len(lines), dropped)
	}
	in.checkNumbered(name, lines, dropped+1)
}

// checkNumbered wants lines "NAME NUMBER ..." without a gap.
func (in *Init) checkNumbered(name string, lines []string, first int) {
	in.t.Helper()
	for i, l := range lines {
		f := strings.Fields(l)
		if len(f) < 2 || len(f[1]) != 7 || strings.Trim(l[len(f[0])+8:], " x") != "" {
			in.t.Errorf("%s, line %d of %d is not whole: %q", name, i+1, len(lines), l)
			return
		}
		if n, err := strconv.Atoi(f[1]); err != nil || n != first+i {
			in.t.Errorf("%s, line %d of %d is %q, want number %d", name, i+1, len(lines), l, first+i)
			return
		}
	}
}

// checkTimers wants that the tasks have run, and no run while another one did.
func (in *Init) checkTimers() {
	in.t.Helper()
	for i := range 3 {
		got := in.lines(fmt.Sprintf("e%d", i))
		if len(got) < int(stormSeconds(in.t)/time.Second) {
			in.t.Errorf("e%d has %d lines: %q", i, len(got), got)
		}
		for k, l := range got {
			if l != []string{"begin", "end"}[k%2] {
				in.t.Errorf("e%d: run %d overlaps another one, or has ended too early: %q", i, k/2, got[max(k-3, 0):min(k+3, len(got))])
				break
			}
		}
	}
}

// termFlood ends the init by a flood of TERM-class signals while it re-executes itself:
// one of them is honoured, once.
func (in *Init) termFlood() {
	in.t.Helper()
	defer in.keepsReexecuting()()
	for i := 0; i < 200 && !in.over(); i++ {
		syscall.Kill(in.pid(), []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR2, syscall.SIGTERM}[i%5])
		time.Sleep(time.Duration(i%3) * time.Millisecond)
	}
	if got := in.gone(3 * step); got != 0 {
		in.t.Errorf("the end is %d, want 0", got)
	}
	in.wantOrder("+s1", "+s2", "-s2", "-s1")
}

// Signals of the class of TERM, at every moment of a re-exec: each is honoured, once.
func TestStorm_TermHonouredOnce(t *testing.T) {
	mustOverlay(t)
	for i := range 12 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			mode := []Mode{container, supervisor, machine}[i%3]
			in := startWith(t, Options{Mode: mode}, svc("a")+svc("b", "requires a")+stubborn("deaf", "stop TERM 300ms"))
			in.settled("a", "b", "deaf")
			stop := in.keepsReexecuting()
			time.Sleep(time.Duration(i*7) * time.Millisecond)
			for range 100 {
				syscall.Kill(in.pid(), syscall.SIGTERM)
				time.Sleep(500 * time.Microsecond)
			}
			want := 0
			if mode == machine {
				want = rebooted
			}
			if got := in.gone(3 * step); got != want {
				t.Errorf("the end is %d, want %d\n%s", got, want, in.out.text())
			}
			stop()
			in.wantOrder("+a", "+b", "-b", "-a")
			if got := in.lines("got-deaf"); len(got) != 1 {
				t.Errorf("the deaf one got %q, want one TERM", got)
			}
		})
	}
}
