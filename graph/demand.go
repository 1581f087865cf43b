package graph

import "time"

const (
	// A service that ends at once, and has not taken the connection that started
	// it, is not started more often.
	demandLeast = Instant(100 * time.Millisecond)
	// How often it is looked whether a service is used: a share of "idle".
	countShare = 4
	countLeast = Instant(100 * time.Millisecond)
	countMost  = Instant(30 * time.Second)
)

func countPeriod(idle time.Duration) Instant {
	return min(max(Instant(idle)/countShare, countLeast), countMost)
}

// stepDemand takes what the sockets of an on-demand unit show.
func stepDemand(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	switch {
	case !u.onDemand():
	case s.State == Waiting && ev.Kind == Connected:
		s.Fired, s.Due, s.Reason = true, 0, Reason{}
	case s.State == Waiting && ev.Kind == NoSockets:
		s.Failing, s.Reason = true, Reason{Kind: ReasonSpawn, Text: ev.Text}
		finish(t, u, s)
	case s.State == Running && ev.Kind == Counted && s.CountAt != 0:
		if ev.Code != 0 {
			s.UsedAt = t.now
		} else if t.now-s.UsedAt >= Instant(u.Duty.Idle) {
			stopSignals(t, u, id, s)
		}
	}
}
