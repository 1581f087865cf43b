package graph

import "time"

// stuckAfter is when an unheeded KILL is reported (P3).
const stuckAfter = 5 * time.Second

// SIGKILL has the same number on every architecture of Linux (signal(7)).
const sigKill = 9

// turn collects what one Apply wants done.
type turn struct {
	now    Instant
	gen    *uint64
	out    []Effect
	ending bool // SPEC 8: nothing starts any more

	boot, wall Instant          // what to add to now for CLOCK_BOOTTIME and CLOCK_REALTIME
	zone       func(int64) Zone // of local time

	// Of the unit whose event is on the table; the world sets them.
	going bool    // it must go down
	by    Instant // while ending: its stop schedule has to be over
	over  Instant // while ending: the next level has to begin
}

func (t *turn) emit(e Effect) { t.out = append(t.out, e) }

// spawn asks for a process of the unit and gives its generation.
func (t *turn) spawn(id ID, role Role, step uint16) uint64 {
	*t.gen++
	t.emit(Effect{Kind: Spawn, Unit: id, Role: role, Step: step, Gen: *t.gen})
	return *t.gen
}

// kill asks for a signal. One that is due before the news of the fork is sent
// when that comes; see owed.
func (t *turn) kill(id ID, gen uint64, pid int32, sig int, group bool) {
	if gen == 0 || pid == 0 {
		return
	}
	t.emit(Effect{Kind: Kill, Unit: id, Gen: gen, Pid: pid, Sig: int16(sig), Group: group})
}

// killMain asks for a signal to the main process and what the unit's key "kill"
// adds; the KILL that ends a stop reaches all there is.
func (t *turn) killMain(u *Unit, id ID, s *Status, sig int, final bool) {
	n := len(t.out)
	t.kill(id, s.Gen, s.Pid, sig, u.KillMode != KillProcess)
	if len(t.out) > n {
		t.out[n].All = u.KillMode == KillCgroup || final && u.KillMode == KillGroup
	}
}

// bug reports an event that cannot happen in the unit's state; the world goes on.
func (t *turn) bug(id ID, s *Status, ev *Event) {
	t.emit(Effect{Kind: Trouble, Unit: id, Text: "bug: " + ev.Kind.String() + " in " + s.State.String() + "/" + s.Phase.String()})
}

// step is the life of one unit: its status and an event of its own give its
// next status and what is to be done. Whether a unit may start or has to stop
// is not decided here but in settle.go, which calls begin and halt.
//
// The functions below step take the status by pointer and change it in place:
// it is the caller's own copy, and no world sees it before World.set.
func step(t *turn, u *Unit, id ID, s Status, ev Event) Status {
	stepUnit(t, u, id, &s, &ev)
	return s
}

func stepUnit(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	switch ev.Kind {
	case Spawned, SpawnFailed, Executed, BecameReady, Ended, MainPid, Fed, Starved, Extended, Leaving, Renewing:
		switch {
		case ev.Gen == 0: // of no process
		case ev.Gen == s.Gen:
			stepProcess(t, u, id, s, ev)
		case ev.Gen == s.AuxGen:
			stepAux(t, u, id, s, ev)
		} // else of an earlier incarnation (P1)
	case Checked:
		stepChecked(u, s, ev)
	case Probed:
		stepProbed(t, u, id, s, ev)
	case KeyPress, NoAsking:
		stepAsked(t, u, s, ev)
	case Connected, NoSockets, Counted:
		stepDemand(t, u, id, s, ev)
	case Due:
		stepDue(t, u, id, s)
	case StatusSet:
		if ev.Gen == s.Gen && s.Gen != 0 {
			s.Text = ev.Text
		}
	case Bug:
		stepBug(t, u, id, s, ev)
	case Boot, AskStart, AskStop, AskRestart, AskStartAll, AskStopAll, AskSignal, AskRenew, AskShutdown, AskReload, Tick, ClockSet:
		t.bug(id, s, ev) // requests are the world's
	}
	s.rearm()
}

// begin starts an incarnation; the world has found nothing that forbids it.
func begin(t *turn, u *Unit, id ID, s *Status) {
	s.Again = s.State == Waiting
	switch {
	case u.timed() && s.Reason.Kind == ReasonSkipped: // by stepChecked, a moment ago
		s.ran(t, u)
		park(t, u, s)
		return
	case u.waits() && !s.Again && !(s.Restart && u.timed()):
		s.Reason, s.HasExit = Reason{}, false
		park(t, u, s)
		return
	}
	s.ran(t, u)
	s.Reason, s.Failing, s.Stopped, s.Checked, s.Undo, s.Restart = Reason{}, false, false, false, false, false
	s.Fired, s.Reloading = false, false
	s.StartBy, s.ProbeAt, s.FedBy, s.CountAt, s.UsedAt, s.Failures = 0, 0, 0, 0, 0, 0
	s.ReadyAt, s.Due, s.NotBefore, s.Scale, s.Step, s.Text = 0, 0, 0, 0, 0, ""
	if u.Kind == Target {
		s.State, s.Phase, s.ReadyAt = Running, PhaseNone, t.now
		return
	}
	s.State = Starting
	if u.StartTimeout > 0 {
		s.StartBy = t.now + Instant(u.StartTimeout)
		s.rearm()
	}
	if len(u.Pre) > 0 {
		s.Phase, s.Gen = PhasePre, t.spawn(id, RolePre, 0)
		return
	}
	s.Phase, s.Gen = PhaseExec, t.spawn(id, RoleMain, 0)
}

// stepProcess takes an event of the unit's own process.
func stepProcess(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	switch ev.Kind {
	case Spawned:
		first := s.Pid == 0
		if s.Pid = ev.Pid; first {
			owed(t, u, id, s)
		}
	case Executed:
		if s.Phase != PhaseExec {
			return // of a pre or post command, or a stop has begun
		}
		s.Phase = PhaseMain
		if u.Kind != Task && (u.Kind == Tty || u.Ready.Kind == ReadySpawn) {
			becomeRunning(t, u, id, s)
		} else {
			s.firstLook(t, u)
		}
	case BecameReady:
		s.Reloading = false
		if s.State == Starting && u.Kind == Service && (s.Phase == PhaseMain || s.Phase == PhaseExec) {
			s.Phase = PhaseMain
			becomeRunning(t, u, id, s)
		} // else said twice, or too late
	case MainPid, Fed, Starved, Extended, Leaving, Renewing:
		stepSaid(t, u, id, s, ev)
	case SpawnFailed, Ended:
		stepEnd(t, u, id, s, ev)
	}
}

func becomeRunning(t *turn, u *Unit, id ID, s *Status) {
	s.State, s.ReadyAt = Running, t.now
	s.watch(t, u, id)
}

// stepEnd takes the end of the unit's own process, or that it never was.
func stepEnd(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	s.Gen, s.Pid = 0, 0
	clean := ev.Kind == Ended && ev.Sig == 0 && ev.Code == 0
	switch s.Phase {
	case PhasePre:
		if clean {
			nextPre(t, u, id, s)
			return
		}
		s.Failing, s.Reason = true, Reason{Kind: ReasonPre, Text: endText(ev)}
		after(t, u, id, s)
	case PhaseMain:
		if u.Ready.Kind == ReadyPidfile && s.State == Starting && clean {
			becomeDaemon(t, u, s)
			return
		}
		fallthrough
	case PhaseExec, PhaseLeaving:
		recordExit(s, ev)
		mainEnd(t, u, id, s, ev)
	case PhaseSignals, PhaseKilled:
		recordExit(s, ev)
		if !s.Stopped && !s.Failing && !u.onDemand() { // it said that it stops, and had to be made to
			s.Failing, s.Reason = !cleanEnd(ev), exitReason(ev)
		}
		if s.AuxGen != 0 {
			return // its end, or its deadline, goes on from here
		}
		after(t, u, id, s)
	case PhasePost:
		if int(s.Step)+1 < len(u.Post) {
			s.Step++
			s.Gen = t.spawnPost(u, id, s, s.Step)
			return
		}
		finish(t, u, s)
	case PhaseNone, PhaseCheck, PhaseDaemon, PhaseUndo:
		t.bug(id, s, ev)
	}
}

// recordExit notes how the main process ended; of one that never was, only what
// the init would exit with if it were the main unit (SPEC 1).
func recordExit(s *Status, ev *Event) {
	s.HasExit = ev.Kind == Ended
	s.ExitCode, s.ExitSignal = ev.Code, ev.Sig
}

// nextPre follows a pre command that exited 0. A unit that has to go down, and
// still waits for others to do so first, starts nothing more.
func nextPre(t *turn, u *Unit, id ID, s *Status) {
	if t.going {
		s.Stopped = true
		after(t, u, id, s)
		return
	}
	if int(s.Step)+1 < len(u.Pre) {
		s.Step++
		s.Gen = t.spawn(id, RolePre, s.Step)
		return
	}
	s.Step, s.Phase = 0, PhaseExec
	s.Gen = t.spawn(id, RoleMain, 0)
}

// mainEnd takes the end of the main process when nobody asked for it.
func mainEnd(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	s.steady(t, u)
	switch {
	case ev.Kind == SpawnFailed:
		s.Failing, s.Reason = true, Reason{Kind: ReasonSpawn, Text: ev.Text}
	case s.State == Starting && u.Kind == Service:
		s.Failing, s.Reason = true, Reason{Kind: ReasonUnready, Text: endText(ev)}
	default:
		s.Failing, s.Reason = !cleanEnd(ev), exitReason(ev)
	}
	after(t, u, id, s)
}

// cleanEnd is P2. The four signals have the same numbers on every architecture
// of Linux (signal(7)).
func cleanEnd(ev *Event) bool {
	switch ev.Sig {
	case 0:
		return ev.Code == 0
	case 1, 2, 13, 15: // HUP, INT, PIPE, TERM
		return true
	}
	return false
}

func exitReason(ev *Event) Reason {
	if ev.Sig != 0 {
		return Reason{Kind: ReasonSignal, Code: ev.Sig}
	}
	return Reason{Kind: ReasonExit, Code: ev.Code}
}

// endText says how a process ended, for a reason that holds another.
func endText(ev *Event) string {
	switch {
	case ev.Kind == SpawnFailed:
		return "spawn " + ev.Text
	case ev.Sig != 0:
		return "signal " + SignalName(int(ev.Sig))
	}
	return "exit " + itoa(int(ev.Code))
}

// stepChecked takes the answer to Check.
func stepChecked(u *Unit, s *Status, ev *Event) {
	if s.Phase != PhaseCheck {
		return // nobody wants it any more
	}
	s.Phase = PhaseNone
	if s.Checked = ev.Text == "" || u.timed(); s.Checked && s.Reason.Kind == ReasonSkipped {
		s.Reason = Reason{}
	}
	if ev.Text == "" {
		return
	}
	s.HasExit, s.Reason = false, Reason{Kind: ReasonSkipped, Text: ev.Text}
	if !u.timed() { // a timed task waits for its next time: begin sees to that
		s.State, s.Due, s.NotBefore, s.Restart = Exited, 0, 0, false
	}
}

// stepDue takes the passing of the unit's deadline.
func stepDue(t *turn, u *Unit, id ID, s *Status) {
	s.Due = 0
	switch s.State {
	case Starting, Running:
		upDue(t, u, id, s)
	case Stopping:
		stopDue(t, u, id, s)
	case Backoff:
		// the world starts it: no deadline is left
	case Waiting:
		waitingDue(t, u, id, s)
	case Inactive, Blocked, Exited, Failed:
		t.bug(id, s, &Event{Kind: Due})
	}
}
