package graph

import "time"

// ReasonText gives a unit's reason in the words of SPEC 5; empty when it has none.
func (w *World) ReasonText(r Reason) string {
	switch r.Kind {
	case ReasonExit:
		return "exit " + itoa(int(r.Code))
	case ReasonSignal:
		return "signal " + SignalName(int(r.Code))
	case ReasonPre:
		return "pre " + r.Text
	case ReasonUnready:
		return "ended before it was ready: " + r.Text
	case ReasonTimeout:
		return "start-timeout"
	case ReasonHealth:
		return "health"
	case ReasonWatchdog:
		return "watchdog"
	case ReasonDependency:
		t := "dependency " + w.name(r.Other)
		if r.Exited {
			t += " (exited)"
		}
		return t
	case ReasonSpawn:
		return "spawn " + r.Text
	case ReasonConfig:
		return "config " + r.Text
	case ReasonLimit:
		return "limit"
	case ReasonSkipped:
		return "skipped: " + r.Text
	case ReasonBug:
		return "bug " + r.Text
	case ReasonTerminal:
		return r.Text
	}
	return ""
}

// reasonWords is ReasonText with what the last check said.
func (w *World) reasonWords(s *Status) string {
	switch s.Reason.Kind {
	case ReasonHealth, ReasonWatchdog:
		return w.ReasonText(s.Reason) + withReason(s.Reason.Text)
	}
	return w.ReasonText(s.Reason)
}

// endWords is a sentence's verb and reasonWords.
func (w *World) endWords(s *Status) string {
	if s.Reason.Kind == ReasonUnready {
		return w.ReasonText(s.Reason) // which has the verb
	}
	return "ended with " + w.reasonWords(s)
}

func (w *World) name(id ID) string {
	if id >= 0 && int(id) < len(w.nodes) {
		return w.nodes[id].unit.Name
	}
	return "?"
}

// WaitingOn names the units that a blocked unit, or one that is to stop, waits
// for, in the order of its edges, each once.
func (w *World) WaitingOn(id ID) []ID {
	n := &w.nodes[id]
	w.visit++
	var list []ID
	add := func(ids []ID, bit uint8, want bool) {
		for _, x := range ids {
			if m := &w.nodes[x]; (m.bits&bit != 0) == want && m.visit != w.visit {
				m.visit = w.visit
				list = append(list, x)
			}
		}
	}
	switch {
	case n.s.State == Blocked || n.s.State == Waiting && n.s.Fired && !w.going(n):
		add(n.req, bitSat, false)
		add(n.after, bitPend, true)
		add(n.conf, bitAct, true)
		if n.s.State == Blocked { // who requires one that waits goes on
			add(n.reqBy, bitHold, true)
		}
	case (n.s.State == Starting || n.s.State == Running || n.s.State == Waiting) && w.going(n):
		add(n.reqBy, bitHold, true)
		add(n.afterBy, bitDrain, true)
	}
	return list
}

// Conflicting names the first active unit that keeps a blocked one from
// starting; None when it waits for something else.
func (w *World) Conflicting(id ID) ID {
	n := &w.nodes[id]
	if n.s.State == Blocked && n.active > 0 {
		for _, x := range n.conf {
			if w.nodes[x].bits&bitAct != 0 {
				return x
			}
		}
	}
	return None
}

// WantedBy names the wanted units that pull a unit in, and how.
func (w *World) WantedBy(id ID) (requires, wants []ID) {
	n := &w.nodes[id]
	for _, x := range n.reqBy {
		if w.nodes[x].s.Want {
			requires = append(requires, x)
		}
	}
	for _, x := range n.wantBy {
		if w.nodes[x].s.Want {
			wants = append(wants, x)
		}
	}
	return requires, wants
}

// WouldStop names what a stop of the unit would take down with it, in the
// order in which it would stop.
func (w *World) WouldStop(id ID) []ID {
	var list []ID
	for _, x := range w.dependents([]ID{id}, true) {
		if n := &w.nodes[x]; n.s.stops(n.unit) {
			list = append(list, x)
		}
	}
	return list
}

// Why gives the causes of a unit's being what it is, most important first, one
// sentence each.
func (w *World) Why(id ID, now Instant) []string {
	n := &w.nodes[id]
	s := &n.s
	var out []string
	say := func(t string) { out = append(out, t) }
	if s.Held {
		say("stopped by the operator: start it by name, or a unit that requires it")
	} else if !s.Want && s.State != Failed {
		if n.unit.Manual {
			say("start manual, and no wanted unit requires or wants it")
		} else if w.halt.Kind != HaltNone {
			say("the init is shutting down")
		} else {
			say("nobody has asked for it")
		}
	}
	switch s.State {
	case Blocked:
		w.whyBlocked(n, now, say)
	case Waiting:
		w.whyWaiting(n, now, say)
	case Starting:
		words := phaseWords(s)
		if n.unit.Kind == Task && s.Phase == PhaseMain {
			words = "process runs" // nobody expects a task to get ready
		}
		say("its " + words + forAsLong(now-s.Since) + untilText(n.unit, s, now))
	case Running:
		if !w.going(n) {
			say("it is running" + forAsLong(now-s.Since))
		}
	case Stopping:
		if s.Stuck {
			say("pid " + itoa(int(max(s.Pid, s.AuxPid))) + " does not end after KILL: it hangs in the kernel")
		} else {
			say("its stop is under way: " + stopWords(n.unit, s, now))
		}
	case Backoff:
		say(w.endWords(s) + "; starts again in " + roundText(s.Due-now))
	case Exited:
		if s.skipped() {
			say("skipped: " + s.Reason.Text + " does not hold")
		} else if s.done(n.unit) {
			say("done: it exited 0")
		} else {
			say("it ended with " + w.ReasonText(s.Reason) + ", and its restart policy leaves it so")
		}
	case Failed:
		w.whyFailed(n, say)
	}
	if (s.State == Running || s.State == Starting || s.State == Waiting) && w.going(n) {
		for _, x := range w.WaitingOn(id) {
			say("it is to stop, after " + w.name(x))
		}
	}
	return out
}

func (w *World) whyBlocked(n *node, now Instant, say func(string)) {
	for _, x := range n.req {
		if m := &w.nodes[x]; m.bits&bitSat == 0 {
			t := "requires " + w.name(x) + ", which is " + m.s.State.String()
			switch {
			case m.s.Held:
				t += " (stopped by the operator)"
			case m.s.State == Backoff:
				t += withReason(w.reasonWords(&m.s)) + "; next try in " + roundText(m.s.Due-now)
			}
			say(t)
		}
	}
	for _, x := range n.after {
		if m := &w.nodes[x]; m.bits&bitPend != 0 {
			say("comes after " + w.name(x) + ", which is " + m.s.State.String())
		}
	}
	for _, x := range n.conf {
		if m := &w.nodes[x]; m.bits&bitAct != 0 {
			say("conflicts with " + w.name(x) + ", which is " + m.s.State.String())
		}
	}
	for _, x := range n.reqBy {
		if m := &w.nodes[x]; m.bits&bitHold != 0 && n.s.State == Blocked {
			say(w.name(x) + " requires it and has to stop first: it is " + m.s.State.String())
		}
	}
}

func (w *World) whyFailed(n *node, say func(string)) {
	s := &n.s
	switch s.Reason.Kind {
	case ReasonConfig:
		say(s.Reason.Text)
	case ReasonDependency:
		x := s.Reason.Other
		say("requires " + w.name(x) + ", which is " + w.nodes[x].s.State.String() + withReason(w.ReasonText(w.nodes[x].s.Reason)))
		for seen := 0; w.nodes[x].s.Reason.Kind == ReasonDependency && seen < 100; seen++ {
			x = w.nodes[x].s.Reason.Other
			say("because of " + w.name(x) + withReason(w.ReasonText(w.nodes[x].s.Reason)))
		}
	case ReasonLimit:
		say("limit: it ended too often, more than " + itoa(n.unit.Restart.Limit) + " restarts" + withinText(n.unit.Restart.Within) + "; start it by name to try again")
	default:
		say("it " + w.endWords(s) + " and is not to be restarted")
	}
}

func withReason(t string) string {
	if t == "" {
		return ""
	}
	return ": " + t
}

func withinText(d time.Duration) string {
	if d == 0 {
		return " since the last manual start"
	}
	return " within " + roundText(Instant(d))
}

func phaseWords(s *Status) string {
	switch s.Phase {
	case PhasePre:
		return "pre command runs"
	case PhaseExec:
		return "process was forked, its exec has not finished"
	case PhaseMain:
		return "process runs and is not ready"
	case PhaseDaemon:
		return "process has ended, and there is no good pid file of what it left behind"
	case PhaseLeaving:
		return "it said that it stops by itself"
	case PhaseKilled:
		return "KILL was sent"
	case PhaseUndo:
		return "stop-exec runs"
	case PhasePost:
		return "post command runs"
	}
	return s.Phase.String()
}

// stopWords says how far a stop is, and what comes next.
func stopWords(u *Unit, s *Status, now Instant) string {
	switch {
	case s.Phase != PhaseSignals:
		return phaseWords(s)
	case s.AuxGen != 0:
		return phaseWords(&Status{Phase: PhaseUndo})
	}
	step := min(int(s.Step), len(u.Stop)-1) // a reload may have made it shorter
	next := "KILL"
	if step+1 < len(u.Stop) {
		next = SignalName(u.Stop[step+1].Signal)
	}
	done := SignalName(u.Stop[step].Signal) + " was sent"
	if step == 0 && u.Kind == Service && len(u.StopExec) > 0 {
		done = "stop-exec was run"
	}
	return done + "; " + next + " in " + roundText(s.Due-now)
}

func untilText(u *Unit, s *Status, now Instant) string {
	switch {
	case u.Kind == Task && s.StartBy == 0:
		return ": it is done when it exits 0"
	case s.StartBy == 0:
		return ""
	}
	return "; start-timeout in " + roundText(s.StartBy-now)
}

func forAsLong(d Instant) string { return " for " + roundText(d) }

// roundText gives a span for people: whole milliseconds below a second, whole
// seconds above.
func roundText(d Instant) string {
	t := time.Duration(max(d, 0))
	if t < time.Second {
		return itoa(int(t/time.Millisecond)) + "ms"
	}
	t = t / time.Second * time.Second
	h, m, sec := int(t/time.Hour), int(t/time.Minute)%60, int(t/time.Second)%60
	switch {
	case h >= 24:
		return itoa(h/24) + "d " + itoa(h%24) + "h"
	case h > 0:
		return itoa(h) + "h " + itoa(m) + "m"
	case m > 0:
		return itoa(m) + "m " + itoa(sec) + "s"
	}
	return itoa(sec) + "s"
}
