package accept

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// nextRun gives the seconds to a unit's next run, from the wire: they are not in
// the JSON.
func (in *Init) nextRun(name string) float64 {
	in.t.Helper()
	c := in.dial()
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * step))
	fmt.Fprintf(c, "why %s\n", name)
	line, err := bufio.NewReader(c).ReadString('\n')
	must(in.t, err)
	_, rest, ok := strings.Cut(line, " next_ms ")
	if !ok {
		in.t.Fatalf("%s has no next run: %s", name, line)
	}
	ms, err := strconv.Atoi(strings.Fields(rest)[0])
	must(in.t, err)
	return float64(ms) / 1000
}

// The key every: at once, again and again, and waiting in between.
func TestT1_Every(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} append {D}/order a\n  every 300ms\n"+svc("b")+"  requires a\n")
	in.settled("b")
	pid := in.is("b", "running").Pid
	in.until("six runs", func() bool { return len(in.order()) >= 6 })
	in.is("b", "running")
	if p := in.is("b", "running").Pid; *p != *pid {
		t.Errorf("who requires the task was restarted: %d, %d", *pid, *p)
	}
	in.ok("-t", "5s", "wait", "--for", "waiting", "a")
	in.contains(in.ok("show", "a"), "every", "300ms")
	in.ok("stop", "a")
	in.is("a", "inactive")
}

// The key every: a run that takes longer than D is not overtaken, and one that
// fails is followed by the next; its end can be seen.
func TestT1_EveryOverlapAndFailure(t *testing.T) {
	t.Parallel()
	in := start(t, "task long {V} append {D}/long start , sleep 700ms , append {D}/long end\n  every 200ms\n"+
		"task bad {V} exit 3\n  every 1h\ntask none /no/such/program\n  every 1h\n")
	u := in.state("bad", "waiting")
	if u.ExitCode == nil || *u.ExitCode != 3 || !strings.Contains(u.reason(), "exit 3") || u.Restarts != 0 {
		t.Errorf("it is %+v, expected exit 3 as its last run", u)
	}
	if s := in.nextRun("bad"); s < 3500 || s > 3600 {
		t.Errorf("the next run is in %v s, expected an hour", s)
	}
	in.contains(in.ok("why", "bad"), "exit 3", "runs in")
	in.contains(in.ok("list"), "waiting", "exit 3; next run in 59m")
	in.ok("status", "bad") // waiting is satisfied: exit status 0
	in.contains(in.state("none", "waiting").reason(), "ENOENT")
	in.contains(in.must(1, "restart", "bad"), "exit 3")
	in.until("three runs", func() bool { return strings.Count(strings.Join(in.lines("long"), " "), "end") >= 3 })
	in.ok("stop", "long")
	if runs := strings.Join(in.lines("long"), " "); strings.Contains(runs, "start start") {
		t.Errorf("runs overlap: %s", runs)
	}
}

// The key at: it waits for its minute of local time, and restart runs it now.
func TestT2_At(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Env: []string{"TZ=XYZ-5:30"}}, "task a {V} append {D}/order a\n  at 0 * * * *\n"+
		"task day {V} append {D}/order day\n  at 0 0 * * *\n"+svc("b")+"  requires a\n")
	in.settled("b")
	in.is("a", "waiting")
	now := time.Now().UTC()
	hour, day := 3600-float64((now.Minute()+30)%60*60+now.Second()), 86400-float64((now.Hour()*3600+now.Minute()*60+now.Second()+19800)%86400)
	if s := in.nextRun("a"); s > hour+3 || s < hour-60 {
		t.Errorf("the next hour is in %v s, expected %v", s, hour)
	}
	if s := in.nextRun("day"); s > day+3 || s < day-61 {
		t.Errorf("the next day is in %v s, expected %v", s, day)
	}
	in.ok("start", "a") // it is satisfied: nothing to do
	in.wantOrder("+b")
	in.ok("restart", "a")
	in.is("a", "waiting")
	in.until("it ran", func() bool { return strings.Contains(strings.Join(in.order(), " "), "a") })
	in.contains(in.ok("why", "a"), "runs in")
}

// A later run of a timed task is no start of the system.
func TestT2_LaterRunIsNoStart(t *testing.T) {
	t.Parallel()
	in := start(t, "task a /bin/sh -c 'if [ -e {D}/first ]; then touch {D}/second; exec sleep 1000; fi; while [ ! -e {D}/go ]; do sleep 0.05; done; touch {D}/first'\n  every 200ms\n")
	in.state("a", "starting")
	in.contains(in.ok("status"), " - starting (")
	in.touch("go")
	in.until("the second run", func() bool { _, err := os.Stat(in.dir + "/w/second"); return err == nil })
	in.is("a", "starting")
	in.contains(in.ok("status"), " - running (")
}

// A timer runs nothing once the end has begun, and idle waiting costs nothing.
func TestT3_ShutdownCancels(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} append {D}/order a\n  every 200ms\n"+
		"service slow {V} ignore TERM , sleep\n  stop TERM 700ms KILL\n")
	in.until("a run", func() bool { return len(in.order()) > 0 })
	in.settled("slow")
	in.ok("shutdown")
	at := len(in.order())
	in.gone(10 * time.Second)
	if n := len(in.order()); n > at+1 {
		t.Errorf("%d runs after the shutdown was asked for", n-at)
	}
}

// The key askfirst: text, a key, the process with the terminal; each time anew.
func TestT4_AskFirst(t *testing.T) {
	t.Parallel()
	m, path := openPty(t)
	in := start(t, "tty t {V} report {D}/r , append {D}/runs run , waitfile {D}/go\n  tty "+path+"\n  askfirst 'Any key, please.'\n  restart always delay 0\n"+svc("b")+"  requires t\n")
	in.state("t", "waiting")
	in.settled("b") // waiting is satisfied
	var seen bytes.Buffer
	in.readUntil(m, &seen, "Any key, please.")
	in.contains(in.ok("why", "t"), "key press", path)
	if len(in.lines("runs")) != 0 {
		t.Error("it runs before a key was pressed")
	}
	_, err := m.WriteString("x")
	must(t, err)
	in.state("t", "running")
	in.appears("runs", 1)
	if r := in.report("r"); r.Fds["0"] != path || r.Sid != r.Pid {
		t.Errorf("descriptors are %v, session %d of pid %d", r.Fds, r.Sid, r.Pid)
	}
	if strings.Contains(seen.String(), "x") {
		t.Errorf("the key is echoed: %q", seen.String())
	}
	in.touch("go")
	in.state("t", "waiting")
	seen.Reset()
	in.readUntil(m, &seen, "Any key, please.")
	in.ok("stop", "t")
	in.is("t", "inactive")
}

// The key askfirst: a terminal that is not there, or goes away, is no storm.
func TestT4_AskFirstDead(t *testing.T) {
	t.Parallel()
	m, path := openPty(t)
	in := start(t, "tty gone {V} sleep\n  tty /dev/no-such-tty\n  askfirst\ntty null {V} sleep\n  tty /dev/null\n  askfirst\n"+
		"tty hung {V} sleep\n  tty "+path+"\n  askfirst\n")
	in.until("a reason", func() bool { return strings.Contains(in.state("gone", "waiting").reason(), "ENOENT") })
	in.contains(in.state("null", "waiting").reason(), "tty")
	in.contains(in.ok("why", "gone"), "/dev/no-such-tty", "next try in")
	var seen bytes.Buffer
	in.readUntil(m, &seen, "activate this console")
	m.Close()
	in.until("the hang-up is seen", func() bool { return strings.Contains(in.state("hung", "waiting").reason(), "tty") })
	before := switches(t, in.pid())
	time.Sleep(500 * time.Millisecond)
	if n := switches(t, in.pid()) - before; n > 3 {
		t.Errorf("%d wake-ups in half a second with dead terminals", n)
	}
	in.ok("stop", "gone", "null", "hung")
}

// readUntil reads a terminal until a text has come.
func (in *Init) readUntil(m *os.File, seen *bytes.Buffer, text string) {
	in.t.Helper()
	buf := make([]byte, 4096)
	for end := time.Now().Add(2 * step); !strings.Contains(seen.String(), text); {
		if time.Now().After(end) {
			in.t.Fatalf("%q does not come; there is %q", text, seen.String())
		}
		m.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := m.Read(buf)
		if err != nil && n <= 0 {
			time.Sleep(10 * time.Millisecond) // nobody has the other end yet
		}
		seen.Write(buf[:max(n, 0)])
	}
}

// switches gives how often a process has gone to sleep.
func switches(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(data), "\nvoluntary_ctxt_switches:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	must(t, err)
	return n
}

// Wrong keys are faults with their place, and nothing of the unit runs.
func TestT5_WrongTimers(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} append {D}/order a\n  every 0\ntask b {V} append {D}/order b\n  at 0 25 * * *\n"+svc("c"))
	in.settled("c")
	in.contains(in.is("a", "failed").reason(), "every", "100ms")
	in.contains(in.is("b", "failed").reason(), "HOUR", "25")
	in.wantOrder("+c")
}
