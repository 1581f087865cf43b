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
func (b *builder) restartOptions(r *Restart, w []line.Word) (given [maxOptions]bool, ok bool) {
	into := [...]*time.Duration{0: &r.Delay, 1: &r.Max, 2: &r.Reset, 4: &r.Within}
	for ; len(w) > 0; w = w[2:] {
		i := b.option(w, &given, "delay", "max", "reset", "limit", "within")
		if i < 0 {
			return given, false
		}
		var wrong string
		if i == 3 {
			r.Limit, wrong = parseNumber(w[1].Text, 0, maxRestarts)
		} else {
			*into[i], wrong = ParseDuration(w[1].Text)
		}
		if !b.value("restart "+w[0].Text, w[1], wrong) {
			return given, false
		}
	}
	return given, true
}

// maxOptions is how many options NAME VALUE a key has at most.
const maxOptions = 5

// option takes the name in front of w, which has a value behind it, and notes
// that it is given. It gives its index among the known ones, or says what is
// wrong and gives -1.
func (b *builder) option(w []line.Word, given *[maxOptions]bool, known ...string) int {
	i := b.choice(w[0], known...)
	if i < 0 {
		return -1
	}
	name := b.key.Name + " " + w[0].Text
	switch {
	case given[i]:
		b.fault(name + " is given twice: remove one")
		return -1
	case len(w) == 1:
		b.fault(name + " has no value: write one behind it")
		return -1
	}
	given[i] = true
	return i
}

// duration takes one that has a least.
func (b *builder) duration(what string, w line.Word, least time.Duration) (d time.Duration, ok bool) {
	d, wrong := ParseDuration(w.Text)
	if wrong == "" && d < least {
		wrong = "is under the least of " + FormatDuration(least) + ": raise it"
	}
	return d, b.value(what, w, wrong)
}

func resetRestart(u, def *Unit) {
	u.Restart, u.restartSet, u.limitSet = def.Restart, false, false
}
