package pid1

import (
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// written gives the state of an init as it is read by the next image.
func written(in *Init) (*saved, []int, error) {
	var text strings.Builder
	_, fds, err := in.putState(func(b []byte) error { text.Write(b); return nil })
	if err != nil {
		return nil, nil, err
	}
	s, err := readState(text.String())
	return s, fds, err
}

// nextImage gives an init of the same configuration that goes on where the parts of
// this file have been. Its processes are those of in, and its descriptors too.
func nextImage(t *testing.T, in *Init, config string) *Init {
	t.Helper()
	s, fds, err := written(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.snap.Unknown) > 0 {
		t.Errorf("nobody reads %q", s.snap.Unknown)
	}
	next := testInit(t, config)
	next.role, next.now = in.role, in.now
	for _, fd := range fds {
		in.poll.Remove(fd)
	}
	headPart.attach(next, s)
	restPart.attach(next, s)
	for pid, p := range in.procs {
		next.procs[pid] = p
		switch p {
		case in.end.child:
			next.end.child = p
		case in.critical.child:
			next.critical.child = p
		case in.booted.child:
			next.booted.child = p
		}
	}
	return next
}

// What was written is the same when it is read and written again.
func TestRestGoesOn(t *testing.T) {
	const config = "service a x\n"
	in := testInit(t, config)
	in.role = Machine
	in.opt = Options{Config: []string{"/a b", "", "/c\n"}, Socket: "@x", Target: "t@1", Main: "m", Machine: true, Container: true, Rescue: true}
	in.env = []string{"A=1", "EMPTY=", "B=x y\n\"'\\#", "TZ=:UTC"}
	in.texts = []runText{{runPrefix + "2-stdin", "service n /bin/n\n\t# a note\n"}, {runPrefix + "3-x", ""}}
	in.added, in.rescuing, in.reexecs = 3, true, reexecs{7, "panic", in.now - 5}
	for _, v := range []reflect.Value{reflect.ValueOf(in.opt), reflect.ValueOf(in.reexecs)} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s.%s is not tried", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
	next := nextImage(t, nextImage(t, in, config), config)
	for what, pair := range map[string][2]any{
		"the options":   {in.opt, next.opt},
		"environment":   {in.env, next.env},
		"texts":         {in.texts, next.texts},
		"their number":  {in.added, next.added},
		"the rescue":    {in.rescuing, next.rescuing},
		"the re-execs":  {in.reexecs, next.reexecs},
		"the start":     {in.born, next.born},
		"the trim":      {in.now + trimAfter, next.trimAt},
		"the watchdog":  {in.dog.path, next.dog.path},
		"no end":        {in.end.stage, next.end.stage},
		"nothing to do": {graph.Instant(0), next.critical.deadline() + next.booted.deadline() + next.end.deadline},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %#v, want %#v", what, pair[1], pair[0])
		}
	}
}

// What the init runs with itself is nothing for its children, however often it
// was executed.
func TestEnvironmentStays(t *testing.T) {
	list := []string{"PATH=/bin", "MOTE_STAGE=1", "MOTE_GOMAXPROCS=3", "NOTIFY_SOCKET=x", "LISTEN_FDS=1", "noise", "=x"}
	in := testInit(t, "")
	in.env = inherited(list)
	for range 3 {
		in = nextImage(t, in, "")
	}
	if len(in.env) != 1 || in.env[0] != "PATH=/bin" {
		t.Errorf("it is %q", in.env)
	}
	for _, bad := range list[1:] {
		in.env = []string{bad}
		want := "snapshot: env: " + strconv.Quote(bad) + " is no variable that units get"
		if _, _, err := written(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// absent is a step that fails at once, wherever it is done.
func absent(t *testing.T, what string, limit time.Duration) proc.Step {
	return proc.Step{What: what, Limit: limit, Op: proc.Op{Kind: proc.OpUmount, Paths: []string{t.TempDir() + "/none"}}}
}

// The last steps go on with the one under way, and none is done twice.
func TestLastStepsGoOn(t *testing.T) {
	in := testInit(t, "")
	in.role = Machine
	e := &in.end
	e.halt, e.stage = graph.Halt{Kind: graph.HaltHalt, Arg: "x", Timeout: 5}, lastSteps
	e.steps = &proc.End{Power: proc.PowerHalt, Arg: "x", Phase: proc.EndDone, Owner: true, Round: 2, Last: 3, Deadline: int64(in.now),
		Queue: []proc.Step{absent(t, "first", time.Second), absent(t, "second", 2*time.Second), absent(t, "third", 3*time.Second)}}
	e.next()
	next := nextImage(t, in, "")
	if got, want := next.end.steps, e.steps; !reflect.DeepEqual(got, want) {
		t.Errorf("it goes on with %+v, want %+v", got, want)
	}
	if got := &next.end; got.halt != e.halt || !reflect.DeepEqual(got.step, e.step) || got.deadline != in.now+1e9 || got.child == nil {
		t.Errorf("it is in %+v, want %+v", got, e)
	}
	next.until(t, "it is over", func() bool { return next.end.stage == over })
	const want = "first: no such file or directory\nsecond\nsecond: no such file or directory\nthird\nthird: no such file or directory\n" +
		"the machine did not end: switch it off"
	got := strings.ReplaceAll(next.own(), "cannot ", "")
	if got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if in.own() != "first" {
		t.Errorf("before it says %q", in.own())
	}
	last := nextImage(t, next, "")
	if last.end.stage != over || last.end.deadline != 0 {
		t.Errorf("at the end it is %+v", last.end)
	}
}

// A step that hangs is given up when its time is up, in whichever image that is.
func TestHangingStepGoesOn(t *testing.T) {
	in := testInit(t, "")
	in.role = Machine
	in.end.halt.Kind, in.end.stage, in.end.step = graph.HaltReboot, lastSteps, absent(t, "hang", time.Second)
	in.end.steps = &proc.End{Power: proc.PowerReboot, Phase: proc.EndDone}
	in.end.deadline = in.now + 1e9
	in.end.child = &process{unit: graph.None, result: -1, helper: helpStep}
	in.procs[1<<30] = in.end.child
	next := nextImage(t, in, "")
	if next.end.tick(); next.end.child == nil || next.own() != "" {
		t.Errorf("too early it says %q", next.own())
	}
	next.now += 1e9
	next.end.tick()
	if want := "hang: no answer in 1s: going on\nthe machine did not end: switch it off"; next.own() != want || next.end.stage != over {
		t.Errorf("it says %q", next.own())
	}
}

// The copy of the program that takes too long is given up; one that a bug came
// between is made once more.
func TestCopyOfTheProgram(t *testing.T) {
	in := testInit(t, "")
	in.role = Machine
	e := &in.end
	e.halt.Kind, e.steps = graph.HaltPoweroff, &proc.End{Phase: proc.EndDone}
	if e.copySelf(); e.stage != copySelf || e.deadline != in.now+selfLimit {
		t.Fatalf("it is in %+v", e)
	}
	next := nextImage(t, in, "")
	if got := &next.end; got.stage != killLeft || got.until > in.now || got.deadline != in.now || got.steps != nil {
		t.Errorf("it goes on in %+v", got)
	}
	if e.turn(); e.stage != copySelf || e.child == nil {
		t.Errorf("it does not wait: %+v", e)
	}
	in.now += selfLimit
	e.turn()
	if e.stage != over || e.child != nil || !strings.Contains(in.own(), "cannot go on from memory: no answer in 5s: the disk") {
		t.Errorf("stage %d, it says %q", e.stage, in.own())
	}
	in.until(t, "the child has ended", func() bool { return len(in.procs) == 0 })
}

// What is left is waited for as long as before.
func TestLeftoversGoOn(t *testing.T) {
	for _, at := range []stage{termLeft, killLeft} {
		in := testInit(t, "")
		in.end.halt, in.end.stage = graph.Halt{Kind: graph.HaltExit, Code: 3}, at
		in.end.until, in.end.deadline = in.now+9e9, in.now+8e9
		child, err := proc.Spawn(proc.NewSpec([]string{"/bin/sleep"}, []string{"sleep", "1000"}, nil))
		if err != nil {
			t.Fatal(err)
		}
		in.end.take(child.Pid, helpKill)
		next := nextImage(t, in, "")
		e := &next.end
		if e.halt != in.end.halt || e.stage != at || e.until != in.end.until || e.deadline != in.end.deadline || e.steps != nil || e.child == nil {
			t.Errorf("it is %+v, want %+v", e, in.end)
		}
		proc.Kill(child.Pid, int(unix.SIGKILL))
		next.until(t, "the child has ended", func() bool { return e.child == nil })
		if e.stage != at || len(next.procs) != 0 {
			t.Errorf("then it is in stage %d", e.stage)
		}
		if child.Result >= 0 {
			unix.Close(child.Result)
		}
	}
}

// A reboot that is to come, one that is being counted, and the time after which
// all are forgotten.
func TestCriticalGoesOn(t *testing.T) {
	in := testInit(t, twoCritical)
	in.role, in.now = Machine, graph.Instant(10e9)
	in.escalate(&graph.Effect{Unit: in.unit(t, "b"), Critical: graph.CriticalReboot})
	in.critical.goodAt = in.now + criticalGood
	next := nextImage(t, in, twoCritical)
	if c := next.critical; c.dueAt != rescueUptime || c.unit != in.unit(t, "b") || c.goodAt != in.now+criticalGood || c.until != 0 {
		t.Errorf("it is %+v", c)
	}
	next.now = rescueUptime
	next.critical.tick()
	if !strings.HasSuffix(next.own(), "critical unit b is inactive now: no reboot") {
		t.Errorf("it says %q", next.own())
	}

	spec := proc.NewSpec([]string{"/bin/sh"}, []string{"sh", "-c", "exit " + strconv.Itoa(criticalStop)}, nil)
	child, err := proc.Spawn(spec)
	if err != nil {
		t.Fatal(err)
	}
	in = testInit(t, twoCritical)
	in.role = Machine
	p := &process{helper: helpCount}
	in.help(&child, p)
	in.critical.unit, in.critical.child, in.critical.until = in.unit(t, "a"), p, in.now+criticalLimit
	next = nextImage(t, in, twoCritical)
	if next.critical.until != in.critical.until || next.critical.child != p {
		t.Errorf("it is %+v", next.critical)
	}
	if p.result >= 0 {
		in.poll.Remove(p.result)
		next.poll.Add(p.result, unix.EPOLLIN, tokResult|uint64(child.Pid))
	}
	next.until(t, "it is counted", func() bool { return next.critical.child == nil })
	if !strings.Contains(next.own(), "critical unit a is failed: no reboot, three have not helped") || next.critical.deadline() != 0 {
		t.Errorf("it says %q", next.own())
	}
}

// The verdict is to come, or its command runs: neither begins anew.
func TestBootCheckGoesOn(t *testing.T) {
	const config = goodAndBad + "task a /bin/true\n"
	in := booted(t, config[len(goodAndBad):], 30)
	next := nextImage(t, in, config)
	if got := next.booted.check; got != in.booted.check || !got.Open || got.Limit != in.now+30e9 || next.booted.look != in.booted.look {
		t.Errorf("it is %+v, want %+v", got, in.booted.check)
	}
	in.until(t, "a is done", func() bool { return in.world.State(in.unit(t, "a")) == graph.Exited })
	in.booted.tick()
	next = nextImage(t, in, config)
	if got := next.booted.check; got.Since != in.now || next.booted.deadline() != in.now+10e9 {
		t.Errorf("it is %+v", got)
	}

	in = testInit(t, config)
	in.role = Machine
	in.booted.name = badName
	gate := t.TempDir() + "/gate"
	if err := in.booted.start([]string{"/bin/sh", "-c", "echo one; printf half; until [ -e " + gate + " ]; do sleep 0.01; done; echo ' line'; exit 3"}); err != nil {
		t.Fatal(err)
	}
	in.until(t, "half a line is there", func() bool { return string(in.booted.text) == "half" })
	next = nextImage(t, in, config)
	os.WriteFile(gate, nil, 0o600)
	next.until(t, "it is over", func() bool { return next.booted.child == nil })
	if next.own() != "boot-bad: half line\nboot-bad: exit 3" || next.booted.deadline() != 0 || next.booted.out != 0 || next.booted.taken != 14 {
		t.Errorf("it says %q, %+v", next.own(), next.booted)
	}

	// A number that is nobody's here is not killed.
	in.booted = bootCheck{in: in, name: goodName, pid: os.Getpid(), until: in.now}
	next = nextImage(t, in, config)
	if next.booted.tick(); next.own() != "" || next.booted.deadline() != 0 {
		t.Errorf("it says %q", next.own())
	}
}

// What no init has written is refused, with a word where it is.
func TestRestHostile(t *testing.T) {
	ending := func(in *Init) {
		in.role = Machine
		in.end.halt.Kind, in.end.stage, in.end.deadline, in.end.step = graph.HaltReboot, lastSteps, in.now, proc.Step{What: "x", Limit: 1}
		in.end.steps = &proc.End{}
	}
	dog := func(in *Init) {
		in.dog.path, in.dog.dev = "/dev/dog", &proc.Watchdog{FD: 9, Seconds: 1}
	}
	for want, change := range map[string]func(in *Init){
		"text: more than 256 files":              func(in *Init) { in.texts = manyTexts(maxTexts + 1) },
		"text: more than 256 files of 1048576":   func(in *Init) { in.texts = []runText{{runPrefix + "1", strings.Repeat("x", maxTextBytes+1)}} },
		`text: "/etc/x" is no name`:              func(in *Init) { in.texts = []runText{{"/etc/x", ""}} },
		`text: "(run-time)/1" is no name`:        func(in *Init) { in.texts = []runText{{runPrefix + "1", ""}, {runPrefix + "1", ""}} },
		"self: its count":                        func(in *Init) { in.added = -1 },
		"self: its count or":                     func(in *Init) { in.reexecs.Count = -1 },
		"self: its count or its last":            func(in *Init) { in.reexecs.Last = "bug" },
		"end: there is no such end":              func(in *Init) { ending(in); in.end.stage = over + 1 },
		"end: there is no such":                  func(in *Init) { ending(in); in.end.halt.Kind = graph.HaltNone },
		"end: there is no":                       func(in *Init) { ending(in); in.end.halt.Kind = graph.HaltHalt + 1 },
		"end: there is":                          func(in *Init) { ending(in); in.role = Container },
		"end: it would never go on":              func(in *Init) { ending(in); in.end.deadline = 0 },
		"end: its deadline -1 is none":           func(in *Init) { ending(in); in.end.deadline = -1 },
		"end: its deadline 3600":                 func(in *Init) { ending(in); in.end.until = in.now + saveFar + 1 },
		"end: there is no such power or phase":   func(in *Init) { ending(in); in.end.steps.Phase = proc.EndDone + 1 },
		"end-now: there is no such step":         func(in *Init) { ending(in); in.end.step.Limit = time.Hour },
		"end-step: there is no such step":        func(in *Init) { ending(in); in.end.steps.Queue = []proc.Step{{}} },
		"critical: there is no unit 77":          func(in *Init) { in.critical.unit, in.critical.until = 77, 1 },
		"critical: there is no unit -1":          func(in *Init) { in.critical.unit = -1 },
		"critical: its deadline -9":              func(in *Init) { in.critical.goodAt = -9 },
		"boot-check: its command is neither":     func(in *Init) { in.booted.name = "x" },
		"boot-check: its process, or what":       func(in *Init) { in.booted.until, in.booted.pid = 1, 1 },
		"boot-check: its process, or":            func(in *Init) { in.booted.text = make([]byte, bootCommandBytes+1) },
		"boot-check: its process":                func(in *Init) { in.booted.taken = -1 },
		"boot-check: descriptor 2 cannot be":     func(in *Init) { in.booted.out = 2 },
		"boot-check: its deadline -8":            func(in *Init) { in.booted.check.Since = -8 },
		`watchdog: "dog" is no absolute path`:    func(in *Init) { dog(in); in.dog.path = "dog" },
		"watchdog: its times cannot":             func(in *Init) { dog(in); in.dog.wait = dogMost + 1 },
		"watchdog: its times":                    func(in *Init) { dog(in); in.dog.limit = -1 },
		"watchdog: its":                          func(in *Init) { dog(in); in.dog.dev.Seconds = 0 },
		"watchdog: its times cannot be":          func(in *Init) { dog(in); in.dog.dev.Seconds = maxDogSeconds + 1 },
		"watchdog: descriptor 1048576 cannot be": func(in *Init) { dog(in); in.dog.dev.FD = maxClaim },
		"watchdog: its deadline -7 is none":      func(in *Init) { dog(in); in.dog.next = -7 },
	} {
		in := testInit(t, "service a x\n")
		in.now = 1
		change(in)
		if _, _, err := written(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

func manyTexts(n int) (list []runText) {
	for i := range n {
		list = append(list, runText{path: runPrefix + strconv.Itoa(i)})
	}
	return list
}

// Records that only a stranger writes.
func TestRestStrange(t *testing.T) {
	var text strings.Builder
	in := testInit(t, "")
	k := keeper{Writer: state.NewWriter(Version, func(b []byte) error { text.Write(b); return nil })}
	headPart.put(in, &k)
	worldPart.put(in, &k)
	k.Put("end-step", func(*state.Fields) {})
	k.Close()
	if _, err := readState(text.String()); err == nil || !strings.HasSuffix(err.Error(), ": end-step: there is no end") {
		t.Errorf("%v", err)
	}
}

// The status says when the init was started, and what became of it since.
func TestStatusOfReexecs(t *testing.T) {
	in := testInit(t, "service a x\n")
	in.born, in.reexecs = in.now-60e9, reexecs{2, "upgrade", in.now - 4e9}
	next := nextImage(t, in, "service a x\n")
	p := connect(t, next)
	p.send("status\n")
	next.until(t, "it answers", func() bool { p.read(); return strings.HasSuffix(p.got.String(), "ok\n") })
	at := func(ago graph.Instant) string {
		return strconv.FormatInt((next.wall-int64(next.now-in.now+ago))/1e6/1000, 10)
	}
	for _, want := range []string{"boot_ms " + at(60e9), "uptime_ms 60", "reexecs 2 reexec upgrade reexec_ms " + at(4e9)} {
		if !strings.Contains(p.got.String(), want) {
			t.Errorf("no %q in %s", want, p.got.String())
		}
	}
}
