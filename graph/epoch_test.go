package graph

import (
	"testing"
	"time"
)

// TestAtOfTheFirstSecond: a board without a clock may begin before 1970; midnight
// of its first day is a time that comes, not "none".
func TestAtOfTheFirstSecond(t *testing.T) {
	c := loadText("task a /bin/a\n    at 0 0 * * *\n")
	if c.HasFaults() {
		t.Fatal(c.Faults)
	}
	w := NewWorld(c.Units)
	now := Instant(time.Hour)
	w.Apply(now, Event{Kind: ClockSet, Wall: -now - Instant(time.Minute)}) // it is 23:59 of 1969
	w.Apply(now, Event{Kind: Boot, Unit: None})
	if s := w.Status(0); s.State != Waiting || s.Due < now+Instant(time.Minute) || s.Due > now+Instant(2*time.Minute) {
		t.Errorf("it is %v and due %v from now", s.State, time.Duration(s.Due-now))
	}
}
