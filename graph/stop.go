package graph

import "time"

// lastStep is the Step of a post or undo command that was killed for its time.
const lastStep = 0xffff

// halt begins the stop of a unit that is up, or the undoing of one that exited.
func halt(t *turn, u *Unit, id ID, s *Status) {
	switch s.State {
	case Starting, Running:
		s.Stopped = true
		if u.Kind == Target {
			finish(t, u, s)
			return
		}
		stopSignals(t, u, id, s)
	case Exited, Waiting:
		s.Stopped, s.Failing = true, false
		if len(u.StopExec) > 0 && s.undoable(u) {
			s.State, s.Phase = Stopping, PhaseUndo
			s.AuxGen = t.spawn(id, RoleStop, 0)
			s.Due = t.within(s, total(u))
			return
		}
		finish(t, u, s)
	case Stopping: // PhaseLeaving: it does so by itself, and is hurried now
		s.Stopped = true
		stopSignals(t, u, id, s)
	case Inactive, Blocked, Backoff, Failed:
		t.bug(id, s, &Event{Kind: AskStop})
	}
}

// stopSignals is the first step of the stop schedule: stop-exec in place of the
// signal for a service whose main process runs.
func stopSignals(t *turn, u *Unit, id ID, s *Status) {
	inMain := s.Phase == PhaseMain
	s.steady(t, u)
	s.rest(t, id)
	if s.Phase == PhaseDaemon { // nobody knows a process of it
		s.Gen, s.Pid = 0, 0
		t.emit(Effect{Kind: Strew, Unit: id})
		after(t, u, id, s)
		return
	}
	s.State, s.Phase, s.Step = Stopping, PhaseSignals, 0
	s.Due = t.within(s, u.Stop[0].Wait)
	if inMain && u.Kind == Service && len(u.StopExec) > 0 {
		s.AuxGen = t.spawn(id, RoleStop, 0)
		return
	}
	t.schedule(u, id, s)
}

// schedule sends the stop schedule's signal of the present step; a reload may have
// made the schedule shorter than that.
func (t *turn) schedule(u *Unit, id ID, s *Status) {
	t.killMain(u, id, s, u.Stop[min(int(s.Step), len(u.Stop)-1)].Signal, false)
}

// total is how long the whole stop schedule may take.
func total(u *Unit) time.Duration {
	var d time.Duration
	for _, st := range u.Stop {
		d += st.Wait
	}
	return d
}

// postTime is how long the post commands may take together (SPEC 4, post).
func postTime(u *Unit) time.Duration {
	if len(u.Post) == 0 {
		return 0
	}
	return max(total(u), time.Second)
}

// within gives the deadline of a step of a stop that is d long as written.
func (t *turn) within(s *Status, d time.Duration) Instant {
	if s.Scale > 0 {
		d = d / 1000 * time.Duration(s.Scale)
	}
	at := t.now + Instant(d)
	if t.ending {
		at = min(at, t.by)
	}
	return at
}

// afterKill gives the time at which an unheeded KILL is reported, and nobody
// waits for the unit any longer (P3).
func (t *turn) afterKill() Instant {
	at := t.now + Instant(stuckAfter)
	if t.ending {
		at = min(at, t.over)
	}
	return at
}

// hurry bounds a stop that was under way when the shutdown began (SPEC 8).
func hurry(t *turn, u *Unit, s *Status) {
	if s.Due == 0 {
		return // stuck
	}
	rest := time.Duration(s.Due - t.now)
	switch {
	case s.Phase == PhaseKilled || s.Step == lastStep:
		s.Due = min(s.Due, t.over)
		return
	case s.Phase == PhaseLeaving: // settle stops it
		return
	case s.Phase == PhaseSignals:
		for _, st := range u.Stop[min(int(s.Step)+1, len(u.Stop)):] { // a reload may have made it shorter
			rest += st.Wait
		}
		rest += postTime(u)
	}
	s.Scale = t.scale(rest)
	s.Due = t.within(s, time.Duration(s.Due-t.now))
}

// scale gives the thousandths that a stop gets which is need long as written; 0
// is all of it.
func (t *turn) scale(need time.Duration) uint16 {
	left := time.Duration(t.by - t.now)
	if need <= left {
		return 0
	}
	return uint16(max(1, int64(left)*999/int64(need)))
}

// stepAux takes an event of the stop-exec or reload-exec process.
func stepAux(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	switch ev.Kind {
	case Spawned:
		s.AuxPid = ev.Pid
		if s.Phase == PhaseKilled || s.Step > 0 {
			t.kill(id, s.AuxGen, s.AuxPid, sigKill, true) // its time was over before it began
		}
		return
	case SpawnFailed, Ended:
	default:
		return
	}
	s.AuxGen, s.AuxPid = 0, 0
	failed := ev.Kind == SpawnFailed || ev.Code != 0 || ev.Sig != 0
	switch s.Phase {
	case PhaseUndo:
		finish(t, u, s)
	case PhaseSignals, PhaseKilled:
		if s.Gen == 0 {
			after(t, u, id, s)
			return
		}
		if failed && s.Phase == PhaseSignals && s.Step == 0 {
			t.schedule(u, id, s) // the signal that the command stood for
		}
	case PhaseMain:
		renewed(t, id, s, ev)
	case PhaseNone, PhaseCheck, PhasePre, PhaseExec, PhaseDaemon, PhaseLeaving, PhasePost:
		t.bug(id, s, ev)
	}
}

// owed sends the signal that came due before the process's pid was known.
func owed(t *turn, u *Unit, id ID, s *Status) {
	switch {
	case s.Phase == PhaseSignals:
		t.schedule(u, id, s)
	case s.Phase == PhaseKilled:
		t.killMain(u, id, s, sigKill, true)
	case s.Phase == PhasePost && s.Step == lastStep:
		t.kill(id, s.Gen, s.Pid, sigKill, true)
	}
}

// stopDue is the next step of a stop.
func stopDue(t *turn, u *Unit, id ID, s *Status) {
	if s.Phase == PhaseLeaving {
		stopSignals(t, u, id, s) // it said so, and did not
		return
	}
	if s.Phase != PhaseKilled {
		t.kill(id, s.AuxGen, s.AuxPid, sigKill, true)
	}
	switch s.Phase {
	case PhaseSignals:
		if int(s.Step)+1 < len(u.Stop) {
			s.Step++
			s.Due = t.within(s, u.Stop[s.Step].Wait)
			t.schedule(u, id, s)
			return
		}
		s.Phase = PhaseKilled
		s.Due = t.afterKill()
		t.killMain(u, id, s, sigKill, true)
		return
	case PhasePost, PhaseUndo:
		if s.Step != lastStep {
			s.Step = lastStep // what comes after this command does not run
			s.Due = t.afterKill()
			t.kill(id, s.Gen, s.Pid, sigKill, true)
			return
		}
	case PhaseKilled:
	case PhaseNone, PhaseCheck, PhasePre, PhaseExec, PhaseMain, PhaseDaemon, PhaseLeaving:
		t.bug(id, s, &Event{Kind: Due})
		return
	}
	s.Stuck = true
	t.emit(Effect{Kind: StuckAt, Unit: id, Pid: max(s.Pid, s.AuxPid)})
}

// stepBug marks the unit whose event broke the init: its processes are killed,
// and when they have ended it is failed, whatever its policy says.
func stepBug(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	if s.State == Failed && s.Reason.Kind == ReasonConfig {
		return // it cannot start in any case, and that has to be mended first
	}
	s.Reason = Reason{Kind: ReasonBug, Text: ev.Text}
	s.Failing, s.Stopped, s.Undo, s.Restart, s.Checked = true, false, false, false, false
	s.rest(t, id)
	if s.Phase == PhaseDaemon {
		s.Gen, s.Pid = 0, 0
		t.emit(Effect{Kind: Strew, Unit: id})
	}
	if !s.process() {
		s.State, s.Phase, s.Step, s.Due, s.NotBefore, s.Stuck = Failed, PhaseNone, 0, 0, 0, false
		return
	}
	s.State, s.Due = Stopping, t.afterKill()
	if s.Phase == PhaseUndo || s.Phase == PhasePost {
		s.Step = lastStep
	} else {
		s.Phase, s.Step = PhaseKilled, 0
	}
	t.killMain(u, id, s, sigKill, true)
	t.kill(id, s.AuxGen, s.AuxPid, sigKill, true)
}
