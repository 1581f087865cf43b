package graph

import "time"

// When a boot is good: what is wanted up has been satisfied for bootHold. It is
// bad when that has not begun bootLimit after the start.
const (
	bootHold  = Instant(10 * time.Second)
	bootLimit = Instant(time.Minute)
)

// Verdict is what a BootCheck says.
type Verdict uint8

const (
	BootOpen Verdict = iota // not yet, or said before
	BootGood
	BootBad
)

// BootCheck decides once how a boot has gone (option boot-good, boot-bad).
type BootCheck struct {
	Open  bool    // there is a verdict to come
	Limit Instant // when it is bad; 0 = never
	Since Instant // when all was satisfied; 0 = it is not
}

// Begin starts the check. Without a limit a boot takes as long as it takes.
func (b *BootCheck) Begin(now Instant, limited bool) {
	*b = BootCheck{Open: true}
	if limited {
		b.Limit = now + bootLimit
	}
}

// End gives it up: the verdict does not matter any more, or is known.
func (b *BootCheck) End() { b.Open = false }

// See takes a look at the world: after something has changed, and at Next.
func (b *BootCheck) See(now Instant, satisfied bool) Verdict {
	switch {
	case !b.Open:
		return BootOpen
	case !satisfied:
		b.Since = 0
		if b.Limit == 0 || now < b.Limit {
			return BootOpen
		}
		b.Open = false
		return BootBad
	case b.Since == 0:
		b.Since = now
	}
	if now-b.Since < bootHold {
		return BootOpen
	}
	b.Open = false
	return BootGood
}

// Next is when to look again if nothing changes; 0 is never.
func (b *BootCheck) Next() Instant {
	switch {
	case !b.Open:
		return 0
	case b.Since != 0:
		return b.Since + bootHold
	}
	return b.Limit
}

// AllSatisfied reports whether everything that is wanted up is satisfied.
func (w *World) AllSatisfied() bool {
	for id := range w.nodes {
		if n := &w.nodes[id]; n.s.Want && !n.gone && n.bits&bitSat == 0 {
			return false
		}
	}
	return true
}
