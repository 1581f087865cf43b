package graph

import (
	"math"
	"time"
)

// noTime is the Next of an "at" that never comes. The first second of 1970 is
// a time like any other: boards without a clock begin there.
const noTime = math.MinInt64

const (
	// askAgain is how long a terminal that cannot be asked on is left alone.
	askAgain = Instant(10 * time.Second)
	// A step of the wall clock, or a sleep of the machine, over less than this
	// leaves out no run and repeats none, as in Debian's cron(8): a longer one
	// sets a clock that was wrong.
	smallStep = 3 * 3600 // s
	// atLate is how much later than its minute a run of "at" begins, so that
	// the two clocks' readings, which lie a moment apart, never make it early.
	atLate = Instant(2 * time.Millisecond)
)

// waits reports whether the unit waits before its first start.
func (u *Unit) waits() bool { return u.At != nil || u.AskFirst || u.onDemand() }

// park lets a unit wait for its time, for a key or for a connection.
func park(t *turn, u *Unit, s *Status) {
	quick := u.onDemand() && s.ReadyAt != 0 && t.now-s.ReadyAt < demandLeast
	if u.onDemand() {
		s.Reason = Reason{} // it ended well; only a timed task's last run is of interest
	}
	s.State, s.Phase, s.Step = Waiting, PhaseNone, 0
	s.Fired, s.Checked, s.Restart, s.Undo, s.Failing, s.Stopped = false, false, false, false, false, false
	s.ReadyAt, s.NotBefore, s.Due, s.Scale, s.Text = 0, 0, 0, 0, ""
	switch {
	case u.Every > 0:
		if now, d := int64(t.now+t.boot), int64(u.Every); s.Next <= now {
			s.Next += ((now-s.Next)/d + 1) * d
		}
	case u.At != nil:
		s.nextAt(t, u)
	}
	if s.Due = t.due(u, s); quick {
		s.Due = t.now + demandLeast // then its sockets are watched again
	}
}

// ran notes that a run begins, or that its "if" lines leave it out.
func (s *Status) ran(t *turn, u *Unit) {
	switch {
	case u.Every > 0 && s.State != Waiting:
		s.Next = int64(t.now + t.boot)
	case u.At != nil && s.State == Waiting:
		s.Ran = s.Next
	}
}

// nextAt finds the next run of an "at". Where the clock was put back a little,
// the run that was is not repeated.
func (s *Status) nextAt(t *turn, u *Unit) {
	after := floorDiv(int64(t.now+t.wall), int64(time.Second))
	repeats := int64(smallStep)
	if u.At.hourly() {
		repeats = 60
	}
	if s.Ran != 0 && s.Ran > after && s.Ran-after <= repeats {
		after = s.Ran
	}
	var ok bool
	if s.Next, ok = u.At.Next(after, t.zone); !ok {
		s.Next = noTime
	}
}

// due gives the moment of a timed task's next run; 0 when it has none.
func (t *turn) due(u *Unit, s *Status) Instant {
	switch {
	case u.Every > 0:
		return max(Instant(s.Next)-t.boot, t.now)
	case u.At != nil && s.Next != noTime:
		return max(Instant(s.Next)*Instant(time.Second)-t.wall+atLate, t.now)
	}
	return 0
}

// waitingDue takes the passing of a deadline of a unit that waits.
func waitingDue(t *turn, u *Unit, id ID, s *Status) {
	switch {
	case u.timed():
		s.Fired = true
	case u.onDemand() && !s.Fired:
		t.emit(Effect{Kind: Open, Unit: id})
	case u.AskFirst && !s.Fired:
		s.Reason = Reason{}
		t.emit(Effect{Kind: Ask, Unit: id})
	}
}

// stepAsked takes what came of the question to a terminal.
func stepAsked(t *turn, u *Unit, s *Status, ev *Event) {
	switch {
	case s.State != Waiting || !u.AskFirst || s.Fired: // too late
	case ev.Kind == KeyPress:
		s.Fired, s.Due, s.Reason = true, 0, Reason{}
	default:
		s.Reason, s.Due = Reason{Kind: ReasonTerminal, Text: ev.Text}, t.now+askAgain
	}
}

// clockSet takes new readings of the clocks: they were set, or the machine has
// slept. A time of "at" that a small step has passed over is made up for once.
func (w *World) clockSet(ev Event) {
	w.t.boot, w.t.wall = ev.Boot, ev.Wall
	for id := range w.nodes {
		n := &w.nodes[id]
		s, u := n.s, n.unit
		if s.State != Waiting || !u.timed() || s.Fired {
			continue
		}
		if u.At != nil {
			now := floorDiv(int64(w.t.now+w.t.wall), int64(time.Second))
			if s.Next == noTime || now < s.Next || now-s.Next > smallStep {
				s.nextAt(&w.t, u)
			}
		}
		s.Due = w.t.due(u, &s)
		w.set(ID(id), &s, len(w.t.out))
	}
}

// SetZone gives the world local time; without it that is UTC. It holds from the
// next ClockSet on.
func (w *World) SetZone(zone func(int64) Zone) { w.t.zone = zone }

// Timed reports whether the unit runs "every" D, or "at" times of the day, and
// so needs the clocks of ClockSet.
func (w *World) Timed(id ID) (every, at bool) {
	u := w.nodes[id].latest()
	return u.Every > 0, u.At != nil
}

// FailedRun reports whether a reason is that of a run that was no success.
func (r *Reason) FailedRun() bool {
	return r.Kind != NoReason && r.Kind != ReasonSkipped && (r.Kind != ReasonExit || r.Code != 0)
}

func (w *World) whyWaiting(n *node, now Instant, say func(string)) {
	s, u := &n.s, n.unit
	switch {
	case w.going(n):
	case s.Fired:
		say("it is to start, and waits for others")
		w.whyBlocked(n, now, say)
	case u.AskFirst && s.Reason.Kind == ReasonTerminal:
		say("cannot ask on " + u.Tty + ": " + s.Reason.Text + "; next try in " + roundText(s.Due-now))
	case u.AskFirst:
		say("waits for a key press on " + u.Tty)
	case u.onDemand():
		say("waits for a connection to " + u.sockets())
	case s.Due != 0:
		say("waits for its time: it runs in " + roundText(s.Due-now))
	}
	if u.timed() && s.Reason.Kind == ReasonSkipped {
		say("its last run was left out: " + s.Reason.Text + " does not hold")
	} else if u.timed() && s.Reason.FailedRun() {
		say("its last run ended with " + w.ReasonText(s.Reason))
	}
}
