package graph

import (
	"testing"
	"time"
)

func TestBootCheck(t *testing.T) {
	type look struct {
		at        int // seconds after the start
		satisfied bool
		want      Verdict
		next      int // seconds; -1 = never
	}
	for _, c := range []struct {
		name    string
		limited bool
		looks   []look
	}{
		{"held", true, []look{{0, false, BootOpen, 60}, {3, true, BootOpen, 13}, {12, true, BootOpen, 13}, {13, true, BootGood, -1}, {14, false, BootOpen, -1}}},
		{"at once", true, []look{{0, true, BootOpen, 10}, {10, true, BootGood, -1}}},
		{"does not hold", true, []look{{3, true, BootOpen, 13}, {5, false, BootOpen, 60}, {6, true, BootOpen, 16}, {16, true, BootGood, -1}}},
		{"never", true, []look{{1, false, BootOpen, 60}, {60, false, BootBad, -1}, {61, true, BootOpen, -1}, {99, true, BootOpen, -1}}},
		{"late, and holds", true, []look{{59, true, BootOpen, 69}, {60, true, BootOpen, 69}, {69, true, BootGood, -1}}},
		{"late, and does not hold", true, []look{{59, true, BootOpen, 69}, {68, false, BootBad, -1}}},
		{"no limit", false, []look{{1, false, BootOpen, -1}, {600, false, BootOpen, -1}, {700, true, BootOpen, 710}, {710, true, BootGood, -1}}},
	} {
		const start = Instant(5 * time.Second)
		at := func(seconds int) Instant { return start + Instant(time.Duration(seconds)*time.Second) }
		var b BootCheck
		b.Begin(start, c.limited)
		for _, l := range c.looks {
			if got := b.See(at(l.at), l.satisfied); got != l.want {
				t.Errorf("%s: at %d s: %d, want %d", c.name, l.at, got, l.want)
			}
			next := Instant(0)
			if l.next >= 0 {
				next = at(l.next)
			}
			if b.Next() != next {
				t.Errorf("%s: at %d s: next look at %d, want %d", c.name, l.at, b.Next(), next)
			}
		}
	}
	var b BootCheck
	b.Begin(1, true)
	b.End()
	if b.Open || b.Next() != 0 || b.See(Instant(time.Hour), true) != BootOpen {
		t.Error("one that was given up says something")
	}
}
