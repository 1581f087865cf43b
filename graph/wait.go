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
)

// Wait is what a client waits for, and decides when that has come (SPEC 6).
// It sees each Changed effect after the world has settled.
type Wait struct {
	Kind  WaitKind
	State State
	names []ID
	all   []ID // names and what they require, at any depth
}

// Outcome is a Wait's answer. Code is the client's exit status.
type Outcome struct {
	Done bool
	Code int
	Text string
}

// NewWait begins a wait for the named units, right after the request was applied.
func (w *World) NewWait(kind WaitKind, state State, names []ID) *Wait {
	wt := &Wait{Kind: kind, State: state, names: append([]ID(nil), names...)}
	if kind != WaitStart && kind != WaitRestart {
		return wt
	}
	w.visit++
	queue := append([]ID(nil), names...)
	for i := 0; i < len(queue); i++ {
		n := &w.nodes[queue[i]]
		if n.visit == w.visit {
			continue
		}
		n.visit = w.visit
		wt.all = append(wt.all, queue[i])
		queue = append(queue, n.req...)
	}
	return wt
}

// Saw takes one change; a start whose attempt failed is answered by it.
func (wt *Wait) Saw(w *World, e *Effect) Outcome {
	switch {
	case wt.Kind == WaitStop && e.Kind == StuckAt && hasAny(wt.names, e.Unit):
		return Outcome{true, 1, w.name(e.Unit) + ": pid " + itoa(int(e.Pid)) + " does not end after KILL"}
	case e.Kind != Changed || wt.Kind != WaitStart && wt.Kind != WaitRestart:
		return Outcome{}
	case e.To != Backoff && e.To != Failed || !hasAny(wt.all, e.Unit):
		return Outcome{}
	case wt.Kind == WaitRestart && w.nodes[e.Unit].s.Restart:
		return Outcome{} // the end of the old incarnation
	}
	t := w.name(e.Unit) + ": " + w.ReasonText(e.Reason)
	if e.To == Backoff {
		t += "; next try in " + roundText(w.nodes[e.Unit].s.Due-w.t.now)
	}
	return Outcome{true, 1, t}
}

// Check looks at the units as they are now.
func (wt *Wait) Check(w *World) Outcome {
	for _, id := range wt.names {
		if o := wt.checkOne(w, id); !o.Done || o.Code != 0 {
			return o
		}
	}
	return Outcome{Done: true}
}

func (wt *Wait) checkOne(w *World, id ID) Outcome {
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
			return Outcome{true, 1, w.name(id) + ": pid " + itoa(int(max(s.Pid, s.AuxPid))) + " does not end after KILL"}
		}
		done = s.State == Inactive || s.State == Failed && s.Reason.Kind == ReasonConfig
		if !done && s.Want {
			return Outcome{true, 1, w.name(id) + ": started again meanwhile"}
		}
	case WaitStart, WaitRestart:
		return wt.checkStart(w, id)
	}
	return Outcome{Done: done}
}

func (wt *Wait) checkStart(w *World, id ID) Outcome {
	n := &w.nodes[id]
	s := &n.s
	switch {
	case n.bits&bitSat != 0 && !s.Restart:
		return Outcome{Done: true}
	case s.State == Failed:
		return Outcome{true, 1, w.name(id) + ": " + w.ReasonText(s.Reason)}
	case s.State == Exited && !s.Undo:
		return Outcome{true, 1, w.name(id) + ": ended with " + w.ReasonText(s.Reason)}
	case w.t.ending:
		return Outcome{true, 1, w.name(id) + ": the init is shutting down"}
	case !s.Want:
		return Outcome{true, 1, w.name(id) + ": stopped meanwhile"}
	}
	for _, x := range wt.all {
		if c := w.Conflicting(x); c != None {
			return Outcome{true, 1, w.name(x) + ": blocked: conflicts with " + w.name(c) + ", which is " + w.State(c).String()}
		}
	}
	return Outcome{}
}
