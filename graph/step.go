package graph

import "time"

// Bounds of the steps that the configuration does not name.
const (
	stuckAfter = 5 * time.Second        // an unheeded KILL is reported (P3)
	spawnFloor = 100 * time.Millisecond // no command that cannot run is tried faster (P2)
	spawnCap   = time.Second            // and its delay may grow to this, whatever "max" says
)

// SIGKILL has the same number on every architecture of Linux (signal(7)).
const sigKill = 9

// lastStep is the Step of a post or undo command that was killed for its time.
const lastStep = 0xffff

// turn collects what one Apply wants done.
type turn struct {
	now    Instant
	gen    *uint64
	out    []Effect
	ending bool // SPEC 8: nothing starts any more
}

func (t *turn) emit(e Effect) { t.out = append(t.out, e) }

// spawn asks for a process of the unit and gives its generation.
func (t *turn) spawn(id ID, role Role, step uint16) uint64 {
	*t.gen++
	t.emit(Effect{Kind: Spawn, Unit: id, Role: role, Step: step, Gen: *t.gen})
	return *t.gen
}

func (t *turn) kill(id ID, gen uint64, pid int32, sig int, group bool) {
	t.emit(Effect{Kind: Kill, Unit: id, Gen: gen, Pid: pid, Sig: int16(sig), Group: group})
}

// bug reports an event that cannot happen in the unit's state; the world goes on.
func (t *turn) bug(id ID, s *Status, ev Event) {
	t.emit(Effect{Kind: Trouble, Unit: id, Text: "bug: " + ev.Kind.String() + " in " + s.State.String() + "/" + s.Phase.String()})
}

// step is the life of one unit: its status and an event of its own give its
// next status and what is to be done. Whether a unit may start or has to stop
// is not decided here but in settle.go, which calls begin and halt.
func step(t *turn, u *Unit, id ID, s Status, ev Event) Status {
	switch ev.Kind {
	case Spawned, SpawnFailed, Executed, BecameReady, Ended:
		switch {
		case ev.Gen == 0: // of no process
			return s
		case ev.Gen == s.Gen:
			return stepProcess(t, u, id, s, ev)
		case ev.Gen == s.AuxGen:
			return stepAux(t, u, id, s, ev)
		}
		return s // of an earlier incarnation (P1)
	case Checked:
		return stepChecked(t, s, ev)
	case Due:
		return stepDue(t, u, id, s)
	case StatusSet:
		if ev.Gen == s.Gen && s.Gen != 0 {
			s.Text = ev.Text
		}
		return s
	case Bug:
		return stepBug(t, id, s, ev)
	case Boot, AskStart, AskStop, AskRestart, AskStartAll, AskStopAll, AskSignal, AskShutdown, Tick:
		t.bug(id, &s, ev) // requests are the world's
	}
	return s
}

// begin starts an incarnation; the world has found nothing that forbids it.
func begin(t *turn, u *Unit, id ID, s Status) Status {
	s.Reason, s.Failing, s.Stopped, s.Checked, s.Undo, s.Restart = Reason{}, false, false, false, false, false
	s.ReadyAt, s.Due, s.NotBefore, s.Scale, s.Step, s.Text = 0, 0, 0, 0, 0, ""
	if u.Kind == Target {
		s.State, s.Phase, s.ReadyAt = Running, PhaseNone, t.now
		return s
	}
	s.State = Starting
	if u.StartTimeout > 0 {
		s.Due = t.now + Instant(u.StartTimeout)
	}
	if len(u.Pre) > 0 {
		s.Phase, s.Gen = PhasePre, t.spawn(id, RolePre, 0)
		return s
	}
	s.Phase, s.Gen = PhaseExec, t.spawn(id, RoleMain, 0)
	return s
}

// halt begins the stop of a unit that is up, or the undoing of a done task.
func halt(t *turn, u *Unit, id ID, s Status) Status {
	switch s.State {
	case Starting, Running:
		s.Stopped = !s.Failing
		if u.Kind == Target {
			return finish(t, u, s)
		}
		return stopSignals(t, u, id, s)
	case Exited:
		if s.Undo && len(u.StopExec) > 0 && s.done(u) {
			s.State, s.Phase, s.Stopped, s.Failing = Stopping, PhaseUndo, true, false
			s.AuxGen = t.spawn(id, RoleStop, 0)
			s.Due = t.now + scaled(s, total(u))
			return s
		}
		s.Stopped = true
		return finish(t, u, s)
	case Inactive, Blocked, Stopping, Backoff, Failed:
		t.bug(id, &s, Event{Kind: AskStop})
	}
	return s
}

// stopSignals is the first step of the stop schedule: stop-exec in place of the
// signal for a service whose main process runs.
func stopSignals(t *turn, u *Unit, id ID, s Status) Status {
	inMain := s.Phase == PhaseMain
	s.State, s.Phase, s.Step = Stopping, PhaseSignals, 0
	s.Due = t.now + scaled(s, u.Stop[0].Wait)
	if inMain && u.Kind == Service && len(u.StopExec) > 0 {
		s.AuxGen = t.spawn(id, RoleStop, 0)
		return s
	}
	t.kill(id, s.Gen, s.Pid, u.Stop[0].Signal, u.KillMode == KillGroup)
	return s
}

// total is how long the whole stop schedule may take.
func total(u *Unit) time.Duration {
	var d time.Duration
	for _, st := range u.Stop {
		d += st.Wait
	}
	return d
}

func scaled(s Status, d time.Duration) Instant {
	if s.Scale > 0 {
		d = d / 1000 * time.Duration(s.Scale)
	}
	return Instant(d)
}

// stepProcess takes an event of the unit's own process.
func stepProcess(t *turn, u *Unit, id ID, s Status, ev Event) Status {
	switch ev.Kind {
	case Spawned:
		s.Pid = ev.Pid
		return s
	case Executed:
		if s.Phase != PhaseExec {
			return s // of a pre or post command, or a stop has begun
		}
		s.Phase = PhaseMain
		if u.Kind != Task && (u.Kind == Tty || u.Ready.Kind == ReadySpawn) {
			return becomeRunning(t, s)
		}
		return s
	case BecameReady:
		if s.State == Starting && u.Kind == Service && (s.Phase == PhaseMain || s.Phase == PhaseExec) {
			s.Phase = PhaseMain
			return becomeRunning(t, s)
		}
		return s // said twice, or too late
	case SpawnFailed, Ended:
		return stepEnd(t, u, id, s, ev)
	}
	return s
}

func becomeRunning(t *turn, s Status) Status {
	s.State, s.ReadyAt, s.Due = Running, t.now, 0
	return s
}

// stepEnd takes the end of the unit's own process, or that it never was.
func stepEnd(t *turn, u *Unit, id ID, s Status, ev Event) Status {
	s.Gen, s.Pid = 0, 0
	clean := ev.Kind == Ended && ev.Sig == 0 && ev.Code == 0
	switch s.Phase {
	case PhasePre:
		if clean {
			return nextPre(t, u, id, s)
		}
		s.Failing, s.Reason = true, Reason{Kind: ReasonPre, Text: endText(ev)}
		return after(t, u, id, s, false)
	case PhaseExec, PhaseMain:
		return mainEnd(t, u, id, recordExit(s, ev), ev)
	case PhaseSignals, PhaseKilled:
		s = recordExit(s, ev)
		if s.AuxGen != 0 {
			return s // its end, or its deadline, goes on from here
		}
		return after(t, u, id, s, false)
	case PhasePost:
		if int(s.Step)+1 < len(u.Post) {
			s.Step++
			s.Gen = t.spawnPost(u, id, s, s.Step)
			return s
		}
		return finish(t, u, s)
	case PhaseNone, PhaseCheck, PhaseUndo:
		t.bug(id, &s, ev)
	}
	return s
}

// recordExit notes how the main process ended; of one that never was, only what
// the init would exit with if it were the main unit (SPEC 1).
func recordExit(s Status, ev Event) Status {
	s.HasExit = ev.Kind == Ended
	s.ExitCode, s.ExitSignal = ev.Code, ev.Sig
	return s
}

func nextPre(t *turn, u *Unit, id ID, s Status) Status {
	if int(s.Step)+1 < len(u.Pre) {
		s.Step++
		s.Gen = t.spawn(id, RolePre, s.Step)
		return s
	}
	s.Step, s.Phase = 0, PhaseExec
	s.Gen = t.spawn(id, RoleMain, 0)
	return s
}

// mainEnd takes the end of the main process when nobody asked for it.
func mainEnd(t *turn, u *Unit, id ID, s Status, ev Event) Status {
	switch {
	case ev.Kind == SpawnFailed:
		s.Failing, s.Reason = true, Reason{Kind: ReasonSpawn, Text: ev.Text}
	case s.State == Starting && u.Kind == Service:
		s.Failing, s.Reason = true, Reason{Kind: ReasonUnready, Text: endText(ev)}
	default:
		s.Failing, s.Reason = !cleanEnd(ev), exitReason(ev)
	}
	return after(t, u, id, s, true)
}

// cleanEnd is P2. The four signals have the same numbers on every architecture
// of Linux (signal(7)).
func cleanEnd(ev Event) bool {
	switch ev.Sig {
	case 0:
		return ev.Code == 0
	case 1, 2, 13, 15: // HUP, INT, PIPE, TERM
		return true
	}
	return false
}

func exitReason(ev Event) Reason {
	if ev.Sig != 0 {
		return Reason{Kind: ReasonSignal, Code: ev.Sig}
	}
	return Reason{Kind: ReasonExit, Code: ev.Code}
}

// endText says how a process ended, for a reason that holds another.
func endText(ev Event) string {
	switch {
	case ev.Kind == SpawnFailed:
		return "spawn " + ev.Text
	case ev.Sig != 0:
		return "signal " + SignalName(int(ev.Sig))
	}
	return "exit " + itoa(int(ev.Code))
}

// after follows the end of the last process before the post commands.
func after(t *turn, u *Unit, id ID, s Status, itself bool) Status {
	s.Due, s.Step = 0, 0
	if len(u.Post) == 0 {
		return finish(t, u, s)
	}
	s.State, s.Phase = Stopping, PhasePost
	s.Due = t.now + scaled(s, max(total(u), time.Second))
	s.Gen = t.spawnPost(u, id, s, 0)
	return s
}

// spawnPost asks for a post command with what its environment says of the end.
func (t *turn) spawnPost(u *Unit, id ID, s Status, step uint16) uint64 {
	gen := t.spawn(id, RolePost, step)
	e := &t.out[len(t.out)-1]
	e.Code = s.ExitCode
	if s.ExitSignal != 0 {
		e.Code = s.ExitSignal
	}
	switch {
	case s.Stopped:
		e.Result = "stop"
	case s.Failing && s.Reason.Kind == ReasonTimeout:
		e.Result = "start-timeout"
	case s.Failing && s.Reason.Kind == ReasonPre:
		e.Result, e.Code = "pre", 0
	case s.Failing && s.Reason.Kind == ReasonSpawn:
		e.Result = "spawn"
	case s.ExitSignal != 0:
		e.Result = "signal"
	default:
		e.Result = "exit"
	}
	return gen
}

// finish ends an incarnation: no process of the unit is left.
func finish(t *turn, u *Unit, s Status) Status {
	s.Phase, s.Step, s.Due, s.Stuck, s.Undo, s.Scale = PhaseNone, 0, 0, false, false, 0
	s.Gen, s.Pid, s.AuxGen, s.AuxPid = 0, 0, 0, 0
	stopped, failing := s.Stopped, s.Failing
	s.Stopped, s.Failing = false, false
	switch {
	case t.ending || !s.Want || s.Restart || stopped && !failing:
		// Restart stays until begin: what conflicts with the unit must not
		// slip in between.
		s.State, s.Reason = Inactive, Reason{}
		s.Restart = s.Restart && s.Want && !t.ending
		return s
	case u.Kind == Task || u.Kind == Target:
		s.State = Exited
		if failing {
			s.State = Failed
		}
		return s
	case u.Restart.Policy == Always || u.Restart.Policy == OnFailure && failing:
		return backOff(t, u, s)
	case failing:
		s.State = Failed
		return s
	}
	s.State = Exited
	return s
}

// backOff counts a restart against its limit and sets its time (P2).
func backOff(t *turn, u *Unit, s Status) Status {
	r := &u.Restart
	if r.Limit > 0 {
		if s.WindowCount == 0 || r.Within > 0 && t.now-s.WindowStart > Instant(r.Within) {
			s.WindowStart, s.WindowCount = t.now, 0
		}
		if int(s.WindowCount) >= r.Limit {
			s.State, s.Reason = Failed, Reason{Kind: ReasonLimit}
			return s
		}
		s.WindowCount++
	}
	if s.Delay == 0 || s.ReadyAt != 0 && t.now-s.ReadyAt >= Instant(r.Reset) {
		s.Delay = int64(r.Delay)
	}
	limit := int64(r.Max)
	d := s.Delay
	if s.Reason.Kind == ReasonSpawn {
		d, limit = max(d, int64(spawnFloor)), max(limit, int64(spawnCap))
	}
	s.Delay = min(2*d, max(limit, int64(r.Delay)))
	s.State, s.Due = Backoff, t.now+Instant(d)
	s.Restarts++
	return s
}

// stepAux takes an event of the stop-exec process.
func stepAux(t *turn, u *Unit, id ID, s Status, ev Event) Status {
	switch ev.Kind {
	case Spawned:
		s.AuxPid = ev.Pid
		return s
	case Executed, BecameReady:
		return s
	}
	s.AuxGen, s.AuxPid = 0, 0
	failed := ev.Kind == SpawnFailed || ev.Code != 0 || ev.Sig != 0
	switch s.Phase {
	case PhaseUndo:
		return finish(t, u, s)
	case PhaseSignals, PhaseKilled:
		if s.Gen == 0 {
			return after(t, u, id, s, false)
		}
		if failed && s.Phase == PhaseSignals && s.Step == 0 {
			// The command did not do its work: the signal that it stood for does.
			t.kill(id, s.Gen, s.Pid, u.Stop[0].Signal, u.KillMode == KillGroup)
		}
		return s
	case PhaseNone, PhaseCheck, PhasePre, PhaseExec, PhaseMain, PhasePost:
		t.bug(id, &s, ev)
	}
	return s
}

// stepChecked takes the answer to Check.
func stepChecked(t *turn, s Status, ev Event) Status {
	if s.Phase != PhaseCheck {
		return s // stopped meanwhile
	}
	s.Phase = PhaseNone
	if ev.Text == "" {
		s.Checked = true
		return s
	}
	if s.Want && !t.ending {
		s.State, s.Reason = Exited, Reason{Kind: ReasonSkipped, Text: ev.Text}
		s.HasExit, s.Due, s.NotBefore, s.Restart = false, 0, 0, false
	}
	return s
}

// stepDue takes the passing of the unit's deadline.
func stepDue(t *turn, u *Unit, id ID, s Status) Status {
	s.Due = 0
	switch s.State {
	case Starting:
		s.Failing, s.Reason = true, Reason{Kind: ReasonTimeout}
		return stopSignals(t, u, id, s)
	case Stopping:
		return stopDue(t, u, id, s)
	case Backoff:
		return s // the world starts it: no deadline is left
	case Inactive, Blocked, Running, Exited, Failed:
		t.bug(id, &s, Event{Kind: Due})
	}
	return s
}

// stopDue is the next step of a stop.
func stopDue(t *turn, u *Unit, id ID, s Status) Status {
	if s.AuxGen != 0 && s.Phase != PhaseKilled {
		t.kill(id, s.AuxGen, s.AuxPid, sigKill, true)
	}
	switch s.Phase {
	case PhaseSignals:
		if int(s.Step)+1 < len(u.Stop) {
			s.Step++
			s.Due = t.now + scaled(s, u.Stop[s.Step].Wait)
			if s.Gen != 0 {
				t.kill(id, s.Gen, s.Pid, u.Stop[s.Step].Signal, u.KillMode == KillGroup)
			}
			return s
		}
		s.Phase = PhaseKilled
		s.Due = t.now + Instant(stuckAfter)
		if s.Gen != 0 {
			t.kill(id, s.Gen, s.Pid, sigKill, u.KillMode == KillGroup)
		}
		return s
	case PhasePost, PhaseUndo:
		if s.Step != lastStep {
			s.Step = lastStep // what comes after this command does not run
			s.Due = t.now + Instant(stuckAfter)
			if s.Gen != 0 {
				t.kill(id, s.Gen, s.Pid, sigKill, true)
			}
			return s
		}
	case PhaseKilled:
	case PhaseNone, PhaseCheck, PhasePre, PhaseExec, PhaseMain:
		t.bug(id, &s, Event{Kind: Due})
		return s
	}
	s.Stuck = true
	pid := s.Pid
	if pid == 0 {
		pid = s.AuxPid
	}
	t.emit(Effect{Kind: StuckAt, Unit: id, Pid: pid})
	return s
}

// stepBug marks the unit whose event broke the init; its process is ended.
func stepBug(t *turn, id ID, s Status, ev Event) Status {
	if s.Gen != 0 {
		t.kill(id, s.Gen, s.Pid, sigKill, true)
	}
	if s.AuxGen != 0 {
		t.kill(id, s.AuxGen, s.AuxPid, sigKill, true)
	}
	s.Gen, s.Pid, s.AuxGen, s.AuxPid = 0, 0, 0, 0
	s.Phase, s.Due, s.Stuck = PhaseNone, 0, false
	s.State, s.Reason = Failed, Reason{Kind: ReasonBug, Text: ev.Text}
	return s
}
