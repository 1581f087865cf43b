package graph

import "time"

// Bounds of a restart after a failed spawn, which the configuration does not name.
const (
	spawnFloor = 100 * time.Millisecond // no command that cannot run is tried faster (P2)
	spawnCap   = time.Second            // and its delay may grow to this, whatever "max" says
)

// after follows the end of the last process before the post commands.
func after(t *turn, u *Unit, id ID, s *Status) {
	s.rest(t, id)
	s.Due, s.Step = 0, 0
	if len(u.Post) == 0 {
		finish(t, u, s)
		return
	}
	s.State, s.Phase = Stopping, PhasePost
	s.Due = t.within(s, postTime(u))
	s.Gen = t.spawnPost(u, id, s, 0)
}

// spawnPost asks for a post command with what its environment says of the end.
func (t *turn) spawnPost(u *Unit, id ID, s *Status, step uint16) uint64 {
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
	case s.Failing && s.Reason.Kind == ReasonHealth:
		e.Result = "health"
	case s.Failing && s.Reason.Kind == ReasonWatchdog:
		e.Result = "watchdog"
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
func finish(t *turn, u *Unit, s *Status) {
	s.Phase, s.Step, s.Due, s.Stuck, s.Undo, s.Scale, s.Fired = PhaseNone, 0, 0, false, false, 0, false
	s.Gen, s.Pid, s.AuxGen, s.AuxPid = 0, 0, 0, 0
	stopped, failing := s.Stopped, s.Failing
	s.Stopped, s.Failing = false, false
	switch {
	case t.ending || !s.Want || s.Restart || stopped && !failing:
		// Restart stays until begin: what conflicts with the unit must not
		// slip in between.
		s.State, s.Reason = Inactive, Reason{}
		s.Restart = s.Restart && s.Want && !t.ending
		return
	case failing && s.Reason.Kind == ReasonBug:
		s.State = Failed
		return
	case u.timed() || u.onDemand() && !failing:
		park(t, u, s)
		return
	case u.Kind == Task || u.Kind == Target:
		s.State = Exited
		if failing {
			s.State = Failed
		}
		return
	case u.Restart.Policy == Always || u.Restart.Policy == OnFailure && failing:
		backOff(t, u, s)
		return
	case failing:
		s.State = Failed
		return
	}
	s.State = Exited
}

// steady puts the back-off to its beginning when the incarnation that ends now
// has been up for long enough.
func (s *Status) steady(t *turn, u *Unit) {
	if s.State == Running && t.now-s.ReadyAt >= Instant(u.Restart.Reset) {
		s.Delay = 0
	}
}

// backOff counts a restart against its limit and sets its time (P2).
func backOff(t *turn, u *Unit, s *Status) {
	r := &u.Restart
	if r.Limit > 0 {
		if s.WindowCount == 0 || r.Within > 0 && t.now-s.WindowStart > Instant(r.Within) {
			s.WindowStart, s.WindowCount = t.now, 0
		}
		if int(s.WindowCount) >= r.Limit {
			s.State, s.Reason = Failed, Reason{Kind: ReasonLimit}
			return
		}
		s.WindowCount++
	}
	if s.Delay == 0 {
		s.Delay = int64(r.Delay)
	}
	d, limit := s.Delay, max(int64(r.Max), int64(r.Delay))
	if s.Reason.Kind == ReasonSpawn {
		d, limit = max(d, int64(spawnFloor)), max(limit, int64(spawnCap))
	}
	s.Delay = min(2*d, limit)
	s.State, s.Due = Backoff, t.now+Instant(d)
	s.Restarts++
}
