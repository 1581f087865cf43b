package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestMatrix writes out what each event does in each state and phase, for one
// unit of each kind: read the diff of testdata/matrix-*.txt. "bug:" may stand
// only where the world never brings the two together.
func TestMatrix(t *testing.T) {
	full := "    pre /bin/one\n    pre /bin/two\n    post /bin/three\n    post /bin/four\n    stop-exec /bin/stop\n    stop INT 1s TERM 2s\n"
	for _, m := range []struct{ name, text string }{
		{"service", "service u /bin/u\n    ready notify\n    restart on-failure delay 1s\n"},
		{"service-full", "service u /bin/u\n" + full},
		{"task", "task u /bin/u\n" + full},
		{"tty", "tty u /bin/u\n    tty /dev/tty1\n"},
		{"tty-askfirst", "tty u /bin/u\n    tty /dev/tty1\n    askfirst\n"},
		{"task-every", "task u /bin/u\n    every 1m\n    post /bin/post\n    stop-exec /bin/stop\n"},
		{"task-at", "task u /bin/u\n    at 0 4 * * *\n"},
		{"service-watched", "service u /bin/u\n    ready health\n    health tcp 127.0.0.1:80 every 2s timeout 1s fails 2\n    watchdog 3s\n    reload-exec /bin/r\n"},
		{"service-daemon", "service u /bin/u\n    ready pidfile /run/u.pid\n"},
		{"service-demand", "service u /bin/u\n    listen tcp :80\n    on-demand idle 4s\n"},
		{"target", "target u\n"},
	} {
		t.Run(m.name, func(t *testing.T) {
			golden(t, "testdata/matrix-"+m.name+".txt", matrix(t, mustWorld(t, m.text)))
		})
	}
}

// cell is a status to start from.
type cell struct {
	name string
	s    Status
}

// cells are the statuses that a unit of a kind can have.
func cells(u *Unit) []cell {
	proc := func(state State, phase Phase, step uint16) Status {
		s := Status{State: state, Phase: phase, Step: step, Want: true, Gen: 7, Pid: 70}
		if state == Starting || state == Stopping {
			s.Due = epoch + Instant(time.Second)
		}
		if state == Starting {
			s.StartBy = s.Due
		}
		s.Stopped = state == Stopping
		return s
	}
	list := []cell{
		{"inactive", Status{Want: true}},
		{"inactive/check", Status{Want: true, Phase: PhaseCheck}},
		{"blocked", Status{State: Blocked, Want: true}},
		{"failed", Status{State: Failed, Want: true, Reason: Reason{Kind: ReasonExit, Code: 1}}},
	}
	if u.Kind == Target {
		return append(list, cell{"running", Status{State: Running, Want: true}})
	}
	list = append(list, cell{"exited", Status{State: Exited, Want: true}})
	if u.timed() || u.AskFirst || u.onDemand() {
		next := int64(epoch) + int64(time.Minute)
		if u.At != nil {
			next = 4 * 3600
		}
		wait := Status{State: Waiting, Want: true, Next: next}
		fired, check := wait, wait
		wait.Due = epoch + Instant(time.Minute)
		fired.Fired, check.Fired, check.Phase = true, true, PhaseCheck
		again := proc(Starting, PhaseMain, 0)
		again.Again, again.Next = true, next
		list = append(list, cell{"waiting", wait}, cell{"waiting, fired", fired}, cell{"waiting/check", check}, cell{"starting/main again", again})
	}
	if u.Kind != Task {
		list = append(list, cell{"backoff", Status{State: Backoff, Want: true, Due: epoch + 1}},
			cell{"running", proc(Running, PhaseMain, 0)})
	}
	if len(u.Pre) > 0 {
		list = append(list, cell{"starting/pre 0", proc(Starting, PhasePre, 0)}, cell{"starting/pre 1", proc(Starting, PhasePre, 1)})
	}
	list = append(list, cell{"starting/exec", proc(Starting, PhaseExec, 0)}, cell{"starting/main", proc(Starting, PhaseMain, 0)},
		cell{"stopping/signals 0", proc(Stopping, PhaseSignals, 0)})
	list = append(list, watchCells(u, proc)...)
	if len(u.Stop) > 1 {
		list = append(list, cell{"stopping/signals 1", proc(Stopping, PhaseSignals, 1)})
	}
	forked := proc(Stopping, PhaseSignals, 0)
	forked.Pid = 0
	list = append(list, cell{"stopping/signals no pid yet", forked})
	failing := proc(Stopping, PhaseSignals, 0)
	failing.Stopped, failing.Failing, failing.Reason = false, true, Reason{Kind: ReasonTimeout}
	list = append(list, cell{"stopping/signals failing", failing}, cell{"stopping/killed", proc(Stopping, PhaseKilled, 0)})
	if len(u.StopExec) > 0 && u.Kind == Service {
		both := proc(Stopping, PhaseSignals, 0)
		both.AuxGen, both.AuxPid = 8, 80
		alone, late := both, both
		alone.Gen, alone.Pid = 0, 0
		late.Phase = PhaseKilled
		list = append(list, cell{"stopping/signals stop-exec", both}, cell{"stopping/signals stop-exec alone", alone}, cell{"stopping/killed stop-exec", late})
	}
	if len(u.StopExec) > 0 && u.Kind == Task {
		undo := proc(Stopping, PhaseUndo, 0)
		undo.Gen, undo.Pid, undo.AuxGen, undo.AuxPid = 0, 0, 8, 80
		late := undo
		late.Step = lastStep
		list = append(list, cell{"stopping/undo", undo}, cell{"stopping/undo late", late})
	}
	if len(u.Post) > 0 {
		list = append(list, cell{"stopping/post 0", proc(Stopping, PhasePost, 0)}, cell{"stopping/post 1", proc(Stopping, PhasePost, 1)},
			cell{"stopping/post late", proc(Stopping, PhasePost, lastStep)})
	}
	return list
}

// watchCells are those of a service that is looked after.
func watchCells(u *Unit, proc func(State, Phase, uint16) Status) (list []cell) {
	now := epoch + Instant(time.Second)
	add := func(name string, s Status) {
		s.rearm()
		list = append(list, cell{name, s})
	}
	d := u.Duties()
	if u.Ready.Kind == ReadyPidfile {
		look := proc(Starting, PhaseMain, 0)
		look.Probe, look.ProbeAt = 9, now+Instant(lookTime)
		add("starting/main, look under way", look)
		look.Phase, look.Pid = PhaseDaemon, 0
		add("starting/daemon, look under way", look)
		look.Probe, look.ProbeAt, look.StartBy = 0, now, now+1
		add("starting/daemon, look due", look)
	}
	if d.Health != nil {
		check := proc(Starting, PhaseMain, 0)
		check.Probe, check.ProbeAt, check.StartBy = 9, now+Instant(d.Health.Timeout), now+Instant(time.Minute)
		add("starting/main, check under way", check)
		check = proc(Running, PhaseMain, 0)
		check.Probe, check.ProbeAt, check.FedBy, check.Failures = 9, now+Instant(d.Health.Timeout), now+Instant(d.Watchdog), 1
		add("running, check under way", check)
		check.ProbeAt = now
		add("running, check late", check)
		check.Probe, check.Failures = 0, 0
		add("running, check due", check)
		check.ProbeAt, check.FedBy = now+1, now
		add("running, not fed", check)
		check.FedBy, check.AuxGen, check.AuxPid, check.StartBy = now+2, 8, 80, now
		add("running, reload-exec late", check)
		add("stopping/leaving", proc(Stopping, PhaseLeaving, 0))
	}
	if d.OnDemand {
		used := proc(Running, PhaseMain, 0)
		used.CountAt, used.UsedAt = now, now-Instant(d.Idle)
		add("running, count due", used)
		quiet := proc(Stopping, PhaseSignals, 0)
		quiet.Stopped, quiet.Again = false, true
		add("stopping/signals, not used", quiet)
	}
	return list
}

// matrixEvents are the events; of those of a process, each is also tried with
// the generation of the stop-exec.
var matrixEvents = []struct {
	name string
	ev   Event
}{
	{"Spawned", Event{Kind: Spawned, Pid: 71}},
	{"SpawnFailed", Event{Kind: SpawnFailed, Code: 127, Text: "exec ENOENT"}},
	{"Executed", Event{Kind: Executed}},
	{"BecameReady", Event{Kind: BecameReady}},
	{"Ended exit 0", Event{Kind: Ended}},
	{"Ended exit 1", Event{Kind: Ended, Code: 1}},
	{"Ended TERM", Event{Kind: Ended, Sig: 15}},
	{"Ended KILL", Event{Kind: Ended, Sig: 9}},
	{"Checked ok", Event{Kind: Checked}},
	{"Checked unmet", Event{Kind: Checked, Text: "if exists /x"}},
	{"Due", Event{Kind: Due}},
	{"KeyPress", Event{Kind: KeyPress}},
	{"NoAsking", Event{Kind: NoAsking, Text: "tty EIO"}},
	{"Probed", Event{Kind: Probed}},
	{"Probed pid 72", Event{Kind: Probed, Pid: 72}},
	{"Probed bad", Event{Kind: Probed, Text: "connection refused"}},
	{"Probed not", Event{Kind: Probed, Code: 1}},
	{"MainPid 73", Event{Kind: MainPid, Pid: 73}},
	{"Fed", Event{Kind: Fed}},
	{"Starved", Event{Kind: Starved}},
	{"Extended 9s", Event{Kind: Extended, Wait: 9e9}},
	{"Leaving", Event{Kind: Leaving}},
	{"Renewing", Event{Kind: Renewing}},
	{"Connected", Event{Kind: Connected}},
	{"NoSockets", Event{Kind: NoSockets, Text: "listen EADDRINUSE"}},
	{"Counted 0", Event{Kind: Counted}},
	{"Counted 1", Event{Kind: Counted, Code: 1}},
	{"Bug", Event{Kind: Bug, Text: "text"}},
}

func matrix(t *testing.T, w *World) string {
	u := w.Unit(0)
	var b strings.Builder
	for _, c := range cells(u) {
		fmt.Fprintf(&b, "%s\n", c.name)
		for _, e := range matrixEvents {
			ofProcess := e.ev.Kind <= Ended || e.ev.Kind >= MainPid && e.ev.Kind <= Renewing
			if !ofProcess || c.s.Gen != 0 {
				matrixLine(t, &b, w, c, e.name, e.ev, c.s.Gen)
			}
			if ofProcess && c.s.AuxGen != 0 {
				matrixLine(t, &b, w, c, "stop-exec "+e.name, e.ev, c.s.AuxGen)
			}
			if ofProcess {
				stale := c.s
				if stepOnce(w, &stale, e.ev, 3) != "" || stale != c.s {
					t.Errorf("%s: %s of an earlier incarnation changed something (P1)", c.name, e.name)
				}
			}
		}
	}
	return b.String()
}

// stepOnce gives one event to a status, and the effects in words.
func stepOnce(w *World, s *Status, ev Event, gen uint64) string {
	n := uint64(100)
	turn := turn{now: epoch + Instant(time.Second), gen: &n, zone: UTC}
	if ev.Gen = gen; ev.Kind == Probed {
		ev.Gen = s.Probe
	}
	*s = step(&turn, w.Unit(0), 0, *s, ev)
	var out []string
	for i := range turn.out {
		out = append(out, strings.TrimPrefix(effectText(w, &turn.out[i]), "u: "))
	}
	return strings.Join(out, ", ")
}

func matrixLine(t *testing.T, b *strings.Builder, w *World, c cell, name string, ev Event, gen uint64) {
	s := c.s
	effects := stepOnce(w, &s, ev, gen)
	if strings.Contains(effects, "bug:") {
		switch {
		case ev.Kind == Due && c.s.Due == 0: // the world fires no deadline that is not there
		case ev.Kind == Due && c.s.Due > epoch+Instant(time.Second): // or before its time
		case c.s.Phase == PhaseDaemon && ev.Kind <= Ended: // nobody has its generation yet
		default:
			t.Errorf("%s: %s: %s", c.name, name, effects)
		}
	}
	if effects == "" && s == c.s {
		return // nothing
	}
	now := s.State.String()
	if s.Phase != PhaseNone {
		now += "/" + s.Phase.String()
		switch s.Step {
		case 0:
		case lastStep:
			now += " late"
		default:
			now += fmt.Sprintf(" %d", s.Step)
		}
	}
	if r := w.ReasonText(s.Reason); r != "" && s.Reason != c.s.Reason {
		now += " (" + r + ")"
	}
	if s.Due != 0 && s.Due != c.s.Due {
		now += fmt.Sprintf(", due in %v", time.Duration(s.Due-epoch)-time.Second)
	}
	if s.Fired && !c.s.Fired {
		now += ", fired"
	}
	if s.Stuck {
		now += ", stuck"
	}
	if effects != "" {
		now += ": " + effects
	}
	fmt.Fprintf(b, "    %-22s %s\n", name, now)
}
