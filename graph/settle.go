package graph

// keepEffects is how many effects a World keeps the memory for.
const keepEffects = 64

// Apply takes one event and gives what is to be done, in order. The slice is
// good until the next call. It never blocks, reads no clock, and costs what
// the units cost that the event touches.
func (w *World) Apply(now Instant, ev Event) []Effect {
	if w.t.now, w.t.out = now, w.t.out[:0]; cap(w.t.out) > keepEffects {
		w.t.out = nil // of a boot, say
	}
	w.begin(&ev)
	switch ev.Kind {
	case Spawned, SpawnFailed, Executed, BecameReady, Ended, Checked, Probed, MainPid, Fed, Starved, Extended, Leaving, Renewing,
		KeyPress, NoAsking, Connected, NoSockets, Counted, StatusSet, Bug:
		if ev.Unit >= 0 && int(ev.Unit) < len(w.nodes) {
			w.feed(ev.Unit, ev)
		}
	case Due, Tick:
		w.tick(now)
	case ClockSet:
		w.clockSet(ev)
	case Boot:
		w.boot(ev.Unit)
	case AskStart:
		w.askStart(ev.IDs)
	case AskStop:
		w.askStop(ev.IDs)
	case AskRestart:
		w.askRestart(ev.IDs)
	case AskStartAll:
		w.askStartAll()
	case AskStopAll:
		w.askStopAll()
	case AskSignal:
		w.askSignal(ev)
	case AskRenew:
		w.askRenew(ev.Unit)
	case AskShutdown:
		w.shutdown(*ev.Halt)
	case AskReload:
		w.reload(ev.Plan)
	}
	w.settle()
	w.undo.done()
	return w.t.out
}

// feed gives a unit an event of its own.
func (w *World) feed(id ID, ev Event) {
	w.undo.unit = id
	n := &w.nodes[id]
	w.bound(n)
	at := len(w.t.out)
	s := step(&w.t, n.unit, id, n.s, ev)
	w.set(id, &s, at)
}

// tick fires the deadlines that have passed, earliest first.
func (w *World) tick(now Instant) {
	for {
		at := w.timers.first()
		if at == 0 || at > now {
			break
		}
		w.feed(w.timers.heap[0].id, Event{Kind: Due})
		w.settle()
	}
	if w.halt.Kind != HaltNone && !w.ended && now >= w.deadline {
		w.end()
	}
}

// settle goes on until nothing more follows from what has happened: first
// every neighbour is told, then what must stop begins to, and only then what
// may start does, in the order of the configuration (D6, D9). It uses lists
// and no recursion: a chain of 10,000 units is ordinary.
func (w *World) settle() {
	for {
		switch {
		case len(w.dirty) > 0:
			for i := 0; i < len(w.dirty); i++ {
				id := w.dirty[i]
				n := &w.nodes[id]
				n.queued = false
				w.touch(id)
				if !n.acting {
					n.acting = true
					w.acts = append(w.acts, id)
				}
			}
			w.dirty = w.dirty[:0]
		case len(w.acts) > 0:
			for i := 0; i < len(w.acts); i++ {
				id := w.acts[i]
				w.nodes[id].acting, w.undo.unit = false, id
				w.act(id)
			}
			w.acts = w.acts[:0]
		case len(w.cands) > 0:
			w.undo.unit = w.popCand()
			w.tryStart(w.undo.unit)
		default:
			if w.halt.Kind != HaltNone && !w.ended && w.holds == 0 {
				w.end()
			}
			return
		}
	}
}

func (w *World) end() {
	w.ended = true
	w.t.emit(Effect{Kind: End, Halt: &w.halt})
}

// act does what a unit's own state and the counts of its neighbours ask for,
// but for a start, which it puts on the list.
func (w *World) act(id ID) {
	w.work++
	n := &w.nodes[id]
	s := &n.s
	switch s.State {
	case Inactive, Blocked, Backoff:
		switch {
		case !s.Want || w.t.ending:
			if s.State != Inactive || s.Phase == PhaseCheck || n.gone && w.inUse(id) {
				w.inactive(id)
			}
		case s.Phase == PhaseCheck: // its answer comes
		case s.State == Backoff && s.Due > w.t.now && n.unmet == 0 && n.deadReq == 0:
		default:
			w.pushCand(id)
		}
	case Starting, Running:
		if w.going(n) && w.mayStop(n) {
			w.halt1(id)
		}
	case Stopping: // its processes' ends and its deadlines go on from here
		if s.Phase == PhaseLeaving && (!s.Want || s.Restart || n.unmet > 0) && w.mayStop(n) {
			w.halt1(id)
		}
	case Exited:
		if w.going(n) && w.mayStop(n) {
			w.halt1(id)
		}
	case Waiting:
		switch {
		case w.going(n):
			if w.mayStop(n) {
				w.halt1(id)
			}
		case s.Phase == PhaseCheck: // its answer comes
		case s.Fired:
			w.pushCand(id)
		}
	case Failed:
		switch {
		case s.Reason.Kind == ReasonConfig && !n.gone:
		case !s.Want || w.t.ending:
			w.inactive(id)
		case s.Reason.Kind != ReasonDependency:
		case n.deadReq == 0 || w.nodes[s.Reason.Other].bits&bitDead == 0:
			w.pushCand(id) // D2: what it failed with has another chance
		}
	}
}

// mayStop reports whether nothing has to go down before the unit (D3, D5, SPEC 8).
func (w *World) mayStop(n *node) bool {
	if n.holdReq > 0 || n.drainAfter > 0 {
		return false
	}
	return !w.t.ending || n.unit.Class == User || n.early || w.userHold == 0
}

// halt1 begins the stop of one unit; in a shutdown within what is left of the deadline.
func (w *World) halt1(id ID) {
	n := &w.nodes[id]
	s := n.s
	w.bound(n)
	if w.t.ending {
		s.Scale = w.t.scale(total(n.unit) + postTime(n.unit))
	}
	at := len(w.t.out)
	halt(&w.t, n.unit, id, &s)
	w.set(id, &s, at)
}

// inactive puts a unit without a process to rest.
func (w *World) inactive(id ID) {
	s := w.nodes[id].s
	s.State, s.Phase, s.Reason, s.Due, s.NotBefore = Inactive, PhaseNone, Reason{}, 0, 0
	s.Checked, s.Restart, s.Delay = false, false, 0
	w.set(id, &s, len(w.t.out))
}

// tryStart starts a unit that wants to, or says what it waits for.
func (w *World) tryStart(id ID) {
	w.work++
	n := &w.nodes[id]
	s, at := n.s, len(w.t.out)
	switch s.State {
	case Inactive, Blocked, Backoff, Failed:
	case Waiting: // and it goes on to do so, if it may not start
		if w.going(n) || !s.Fired || n.unmet > 0 || n.pending > 0 || n.active > 0 {
			return
		}
	default:
		return
	}
	if !s.Want || w.t.ending || s.Phase == PhaseCheck && n.deadReq == 0 {
		return
	}
	switch {
	case n.deadReq > 0:
		x := w.firstDead(n)
		r := Reason{Kind: ReasonDependency, Other: x, Exited: w.nodes[x].s.State == Exited}
		if s.State == Failed && s.Reason == r {
			return
		}
		s.State, s.Reason, s.Due, s.NotBefore, s.Checked, s.Restart = Failed, r, 0, 0, false, false
	case n.unmet > 0 || n.pending > 0 || n.active > 0 || n.holdReq > 0 && s.State != Waiting:
		if s.State == Blocked {
			return
		}
		if s.State == Backoff && s.Due > w.t.now {
			s.NotBefore = s.Due
		}
		if s.State == Failed || s.Reason.Kind == ReasonSkipped {
			s.Reason = Reason{}
		}
		s.State, s.Due, s.Checked, s.Restart = Blocked, 0, false, false
	case s.State == Backoff && s.Due > w.t.now:
		return
	case s.NotBefore > w.t.now:
		s.State, s.Due, s.NotBefore = Backoff, s.NotBefore, 0
	case len(n.unit.If) > 0 && !s.Checked:
		s.Phase, s.Due = PhaseCheck, 0
		if s.State == Failed { // with a dependency that is well again
			s.State, s.Reason = Inactive, Reason{}
		}
		w.t.emit(Effect{Kind: Check, Unit: id})
	default:
		begin(&w.t, n.unit, id, &s)
	}
	w.set(id, &s, at)
}

// firstDead names the first of the failed or exited units that n requires.
func (w *World) firstDead(n *node) ID {
	for _, x := range n.req {
		if w.nodes[x].bits&bitDead != 0 {
			return x
		}
	}
	return None
}

// pushCand puts a unit on the heap of those to be started: the one that comes
// first in the configuration is tried first (D6).
func (w *World) pushCand(id ID) {
	n := &w.nodes[id]
	if n.cand {
		return
	}
	n.cand = true
	w.cands = append(w.cands, id)
	for i := len(w.cands) - 1; i > 0; {
		p := (i - 1) / 2
		if w.cands[p] <= w.cands[i] {
			return
		}
		w.cands[p], w.cands[i] = w.cands[i], w.cands[p]
		i = p
	}
}

func (w *World) popCand() ID {
	h := w.cands
	id := h[0]
	last := len(h) - 1
	h[0] = h[last]
	w.cands = h[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && h[c+1] < h[c] {
			c++
		}
		if h[i] <= h[c] {
			break
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
	w.nodes[id].cand = false
	return id
}
