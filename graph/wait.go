package graph

// WaitKind is what a client waits for.
type WaitKind uint8

const (
	WaitStart   WaitKind = iota // all named are satisfied
	WaitStop                    // all named are inactive
	WaitRestart                 // all named were stopped and are satisfied again
	WaitState                   // all named are in State
	WaitUp                      // all named are satisfied, whatever happens on the way
	WaitDown                    // no named unit has a process
	WaitRenew                   // the reload of the one that is named is over
)

// Wait is what a client waits for, and decides when that has come (SPEC 6).
// It sees each Changed effect after the world has settled. What it costs does
// not depend on the number of names, but for one look at them all.
type Wait struct {
	Kind  WaitKind
	State State
	names []ID
	at    int      // in names: the first that has not come yet
	named []uint64 // a bit for each unit: it is in names
	all   []uint64 // and these count too: what a start requires, what a stop takes down
	first bool     // nothing was looked at yet
}

// Outcome is a Wait's answer. Code is the client's exit status.
type Outcome struct {
	Done bool
	Code int
	Text string
}

// NewWait begins a wait for the named units, right before the request is applied
// or right after.
func (w *World) NewWait(kind WaitKind, state State, names []ID) *Wait {
	words := (len(w.nodes) + 63) / 64
	wt := &Wait{Kind: kind, State: state, names: append([]ID(nil), names...), first: true,
		named: make([]uint64, words), all: make([]uint64, words)}
	for _, id := range names {
		putBit(wt.named, id)
	}
	switch kind {
	case WaitStart, WaitRestart:
		w.requirements(wt.all, names)
	case WaitStop:
		copy(wt.all, wt.named)
		for _, id := range w.dependents(names, true) {
			putBit(wt.all, id)
		}
	case WaitState, WaitUp, WaitDown, WaitRenew:
	}
	return wt
}

// requirements puts units and what they require at any depth into a set.
func (w *World) requirements(set []uint64, ids []ID) {
	queue := append([]ID(nil), ids...)
	for i := 0; i < len(queue); i++ {
		if id := queue[i]; !getBit(set, id) {
			putBit(set, id)
			queue = append(queue, w.nodes[id].req...)
		}
	}
}

func putBit(set []uint64, id ID) { set[id/64] |= 1 << (id % 64) }

// getBit reports whether a unit is in the set; one that was added to the world
// later is in none.
func getBit(set []uint64, id ID) bool {
	return int(id/64) < len(set) && set[id/64]&(1<<(id%64)) != 0
}

// Saw takes one change; a start whose attempt failed is answered by it.
func (wt *Wait) Saw(w *World, e *Effect) Outcome {
	switch {
	case e.Kind == StuckAt && getBit(wt.all, e.Unit):
		return w.stuckOutcome(e.Unit)
	case e.Kind == Renewed && wt.Kind == WaitRenew && e.Unit == wt.names[0]:
		if e.Text != "" {
			return Outcome{true, 1, w.name(e.Unit) + ": " + e.Text}
		}
		return Outcome{Done: true}
	case e.Kind != Changed:
	case wt.Kind == WaitStop && getBit(wt.named, e.Unit):
		if o := wt.look(w, e.Unit); o.Code != 0 {
			return o
		}
	case wt.Kind == WaitStart || wt.Kind == WaitRestart:
		return wt.sawStart(w, e)
	}
	return Outcome{}
}

// sawStart looks at a change of one unit during a start.
func (wt *Wait) sawStart(w *World, e *Effect) Outcome {
	n := &w.nodes[e.Unit]
	for _, y := range n.conf { // the change may have put it into their way
		if o := wt.conflict(w, y); o.Done {
			return o
		}
	}
	switch {
	case !getBit(wt.all, e.Unit):
	case wt.Kind == WaitRestart && n.s.Restart: // the end of the old incarnation
	case e.To == Backoff || e.To == Failed:
		t := w.name(e.Unit) + ": " + w.ReasonText(e.Reason)
		if e.To == Backoff && n.s.State == Backoff {
			t += "; next try in " + roundText(n.s.Due-w.t.now)
		}
		return Outcome{true, 1, t}
	case e.To == Waiting && n.unit.timed() && e.Reason.FailedRun():
		return Outcome{true, 1, w.name(e.Unit) + ": " + w.ReasonText(e.Reason)}
	case e.To == Blocked:
		return wt.conflict(w, e.Unit)
	case !n.s.Want || getBit(wt.named, e.Unit):
		if o := wt.lookStart(w, e.Unit); o.Code != 0 {
			return o
		}
	}
	return Outcome{}
}

// Check looks at the units as they are now.
func (wt *Wait) Check(w *World) Outcome {
	start := wt.Kind == WaitStart || wt.Kind == WaitRestart
	if start && w.t.ending && len(wt.names) > 0 {
		return Outcome{true, 1, w.name(wt.names[wt.at]) + ": the init is shutting down"}
	}
	if wt.first {
		wt.first = false
		if o := wt.refused(w, start); o.Code != 0 {
			return o
		}
	}
	for again := wt.at > 0; ; again = false {
		for ; wt.at < len(wt.names); wt.at++ {
			o := wt.look(w, wt.names[wt.at])
			if !o.Done && w.t.ending && wt.comesNoMore() {
				return Outcome{true, 1, w.name(wt.names[wt.at]) + ": the init is shutting down"}
			}
			if !o.Done || o.Code != 0 {
				return o
			}
		}
		wt.at = 0
		if !again { // otherwise the first ones may have gone again
			return Outcome{Done: true}
		}
	}
}

// comesNoMore reports whether a shutdown leads away from what is waited for.
func (wt *Wait) comesNoMore() bool {
	switch wt.Kind {
	case WaitUp:
		return true
	case WaitState:
		switch wt.State {
		case Blocked, Starting, Running, Backoff:
			return true
		}
	}
	return false
}

// refused looks at all units once, for what will not come soon.
func (wt *Wait) refused(w *World, start bool) Outcome {
	for _, id := range wt.names {
		if o := wt.look(w, id); o.Code != 0 {
			return o
		}
	}
	for id := range w.nodes {
		if start && getBit(wt.all, ID(id)) {
			if w.nodes[id].s.Stuck {
				return w.stuckOutcome(ID(id))
			}
			if o := wt.conflict(w, ID(id)); o.Done {
				return o
			}
		}
	}
	return Outcome{}
}

// look looks at one named unit.
func (wt *Wait) look(w *World, id ID) Outcome {
	n := &w.nodes[id]
	s := &n.s
	done := false
	switch wt.Kind {
	case WaitState:
		done = s.State == wt.State
	case WaitUp:
		done = n.bits&bitSat != 0
	case WaitDown:
		done = !s.process()
	case WaitStop:
		if s.Stuck {
			return w.stuckOutcome(id)
		}
		done = s.State == Inactive || s.State == Failed && s.Reason.Kind == ReasonConfig
		if !done && s.Want {
			return Outcome{true, 1, w.name(id) + ": started again meanwhile"}
		}
	case WaitStart, WaitRestart:
		return wt.lookStart(w, id)
	}
	if !done && (wt.Kind == WaitState || wt.Kind == WaitUp) && w.Gone(id) {
		return Outcome{true, 4, w.name(id) + ": it was removed"}
	}
	return Outcome{Done: done}
}

func (w *World) stuckOutcome(id ID) Outcome {
	s := &w.nodes[id].s
	return Outcome{true, 1, w.name(id) + ": pid " + itoa(int(max(s.Pid, s.AuxPid))) + " does not end after KILL"}
}

// lookStart reports whether a unit's start has come, or will not.
func (wt *Wait) lookStart(w *World, id ID) Outcome {
	n := &w.nodes[id]
	s := &n.s
	switch {
	case n.bits&bitSat != 0 && !s.Restart:
		return Outcome{Done: true}
	case s.Stuck:
		return w.stuckOutcome(id)
	case s.State == Failed:
		return Outcome{true, 1, w.name(id) + ": " + w.ReasonText(s.Reason)}
	case s.State == Exited && !w.going(n):
		return Outcome{true, 1, w.name(id) + ": ended with " + w.ReasonText(s.Reason)}
	case w.t.ending:
		return Outcome{true, 1, w.name(id) + ": the init is shutting down"}
	case !s.Want:
		return Outcome{true, 1, w.name(id) + ": stopped meanwhile"}
	}
	return Outcome{}
}

// conflict says that a unit of the start is kept from it by an active one.
func (wt *Wait) conflict(w *World, id ID) Outcome {
	if !getBit(wt.all, id) {
		return Outcome{}
	}
	c := w.Conflicting(id)
	if c == None {
		return Outcome{}
	}
	return Outcome{true, 1, w.name(id) + ": blocked: conflicts with " + w.name(c) + ", which is " + w.State(c).String()}
}
