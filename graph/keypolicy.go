package graph

import (
	"time"

	"mote/graph/line"
)

// The set functions of the two keys that are little languages: stop and
// restart.

func setStop(b *builder, w []line.Word) {
	var steps []StopStep
	for i := 0; i < len(w); i += 2 {
		n, ok := SignalNumber(w[i].Text)
		switch {
		case !ok:
			b.value("stop", w[i], `is no signal: write one such as "TERM"`)
			return
		case n == sigKill && i+1 == len(w) && i > 0:
			b.u.Stop = steps
			return
		case n == sigKill:
			b.fault(`stop KILL is the end of a schedule and takes no time: write "stop TERM 5s KILL"`)
			return
		case i+1 == len(w):
			b.value("stop", w[i], "has no time: write "+quote("stop "+w[i].Text+" 5s"))
			return
		}
		d, wrong := ParseDuration(w[i+1].Text)
		if !b.value("stop "+SignalName(n), w[i+1], wrong) {
			return
		}
		steps = append(steps, StopStep{n, d})
	}
	b.u.Stop = steps
}

func setRestart(b *builder, w []line.Word) {
	i := b.choice(w[0], "always", "on-failure", "never")
	if i < 0 {
		return
	}
	r := defaultRestart
	r.Policy = Policy(i)
	given, ok := b.restartOptions(&r, w[1:])
	switch {
	case !ok:
		return
	case !given[1]:
		r.Max = max(r.Max, r.Delay)
	case r.Max < r.Delay:
		b.fault("restart max " + FormatDuration(r.Max) + " is under delay " + FormatDuration(r.Delay) +
			": raise max or lower delay")
		return
	}
	if given[4] && !given[3] {
		b.fault(`restart within has no limit: write "limit N within D"`)
		return
	}
	b.u.Restart, b.u.restartSet, b.u.limitSet = r, true, given[3]
}

// restartOptions takes "delay D max D reset D limit N within D" in any order
// and says which of the five were given.
func (b *builder) restartOptions(r *Restart, w []line.Word) (given [5]bool, ok bool) {
	into := [...]*time.Duration{0: &r.Delay, 1: &r.Max, 2: &r.Reset, 4: &r.Within}
	for ; len(w) > 0; w = w[min(2, len(w)):] {
		i := b.choice(w[0], "delay", "max", "reset", "limit", "within")
		if i < 0 {
			return given, false
		}
		name := "restart " + w[0].Text
		switch {
		case given[i]:
			b.fault(name + " is given twice: remove one")
			return given, false
		case len(w) == 1:
			b.fault(name + " has no value: write one behind it")
			return given, false
		}
		given[i] = true
		var wrong string
		if i == 3 {
			r.Limit, wrong = parseNumber(w[1].Text, 0, maxRestarts)
		} else {
			*into[i], wrong = ParseDuration(w[1].Text)
		}
		if !b.value(name, w[1], wrong) {
			return given, false
		}
	}
	return given, true
}

func resetRestart(u, def *Unit) {
	u.Restart, u.restartSet, u.limitSet = def.Restart, false, false
}
