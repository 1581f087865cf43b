package graph

// boot starts what starts by itself, and the main unit; with a root, only that
// and what it pulls in.
func (w *World) boot(root ID) {
	if w.t.ending {
		return // a signal came first
	}
	w.t.out = make([]Effect, 0, 2*len(w.nodes))    // a spawn and a change for each
	w.undo.nodes = make([]undone, 0, len(w.nodes)) // and each is changed
	for id := range w.nodes {
		n := &w.nodes[id]
		if ID(id) == root || root == None && !n.gone && (!n.unit.Manual || ID(id) == w.main) {
			w.keep(ID(id))
			n.s.Asked = true
		}
	}
	for id := range w.nodes {
		if w.nodes[id].s.Asked {
			w.want(ID(id))
		}
		w.mark(ID(id))
	}
	for id := range w.nodes {
		n := &w.nodes[id]
		if !n.s.Want || n.unit.Fault == "" {
			continue
		}
		if n.unit.Critical != NotCritical {
			w.t.emit(Effect{Kind: Escalate, Unit: ID(id), Critical: n.unit.Critical, Reason: n.s.Reason})
		}
		if ID(id) == w.main {
			w.shutdown(Halt{Kind: HaltExit, Code: 1, Timeout: Instant(w.ShutdownTimeout)})
			return
		}
	}
}

// want makes a unit and what it pulls in wanted up; what the operator stopped
// stays down (D4).
func (w *World) want(id ID) {
	w.stack = append(w.stack[:0], id)
	for len(w.stack) > 0 {
		x := w.pop()
		n := &w.nodes[x]
		if n.s.Want || n.s.Held || n.gone {
			continue
		}
		w.keep(x)
		n.s.Want = true
		w.touch(x)
		w.mark(x)
		w.stack = append(w.stack, n.req...)
		w.stack = append(w.stack, n.wants...)
	}
}

// unwant makes units wanted down, and with them what only they pulled in (D8).
// Units that want one another in a ring go too: what counts is whether a unit
// outside still wants one of them.
func (w *World) unwant(ids []ID) {
	w.stack = w.stack[:0]
	for _, id := range ids {
		if n := &w.nodes[id]; n.s.Want {
			w.drop(id)
			w.stack = append(append(w.stack, n.req...), n.wants...)
		}
	}
	loose := w.loosened()
	inside := w.visit // loosened has marked its members with this visit
	w.visit++
	kept := w.visit
	w.stack = w.stack[:0]
	for _, x := range loose {
		if w.wantedFromOutside(x, inside, kept) {
			w.stack = append(w.stack, x)
		}
	}
	for len(w.stack) > 0 {
		m := &w.nodes[w.pop()]
		if m.visit != inside {
			continue
		}
		m.visit = kept
		w.stack = append(append(w.stack, m.req...), m.wants...)
	}
	for _, x := range loose {
		if w.nodes[x].visit == inside {
			w.drop(x)
		}
	}
}

// drop makes one unit wanted down.
func (w *World) drop(id ID) {
	w.keep(id)
	n := &w.nodes[id]
	n.s.Want, n.s.Restart = false, false
	w.touch(id)
	w.mark(id)
}

// pop takes a unit from the stack of a walk.
func (w *World) pop() ID {
	w.work++
	x := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	return x
}

// loosened gives the units at any depth below the stack that are wanted only
// because others want them; each carries the current visit.
func (w *World) loosened() []ID {
	w.visit++
	var loose []ID
	for len(w.stack) > 0 {
		x := w.pop()
		m := &w.nodes[x]
		if !m.s.Want || m.s.Asked || m.visit == w.visit {
			continue
		}
		m.visit = w.visit
		loose = append(loose, x)
		w.stack = append(append(w.stack, m.req...), m.wants...)
	}
	return loose
}

// wantedFromOutside reports whether a wanted unit that carries neither visit
// wants x.
func (w *World) wantedFromOutside(x ID, inside, kept uint32) bool {
	m := &w.nodes[x]
	for _, list := range [2][]ID{m.reqBy, m.wantBy} {
		for _, p := range list {
			if q := &w.nodes[p]; q.s.Want && q.visit != inside && q.visit != kept {
				return true
			}
		}
	}
	return false
}

// askStart starts units by name, with what they require.
func (w *World) askStart(ids []ID) {
	if w.t.ending {
		return
	}
	ids = w.here(ids)
	for _, id := range ids {
		w.keep(id)
		w.nodes[id].s.Asked = true
	}
	w.start(ids)
}

// here gives the units that are not about to leave (reload).
func (w *World) here(ids []ID) []ID {
	for i, id := range ids {
		if w.nodes[id].gone {
			rest := append([]ID(nil), ids[:i]...)
			for _, id := range ids[i+1:] {
				if !w.nodes[id].gone {
					rest = append(rest, id)
				}
			}
			return rest
		}
	}
	return ids
}

// start wants units and what they require at any depth, out of an operator's
// hold and out of an earlier failure (D4, P2).
func (w *World) start(ids []ID) {
	w.visit++
	all := make([]ID, 0, len(ids))
	add := func(list []ID) {
		for _, x := range list {
			if n := &w.nodes[x]; n.visit != w.visit && !n.gone {
				n.visit = w.visit
				all = append(all, x)
			}
		}
	}
	add(ids)
	named := len(all)
	for i := 0; i < len(all); i++ {
		w.retry(all[i], i < named)
		add(w.nodes[all[i]].req)
	}
	for _, x := range all {
		w.want(x)
	}
}

// retry gives a unit a new chance. A service that exited gets it only by its
// own name (SPEC 6: it blocks the start of what requires it).
func (w *World) retry(id ID, named bool) {
	w.work++
	w.keep(id)
	n := &w.nodes[id]
	n.s.Held = false
	s := n.s
	switch s.State {
	case Failed:
		if s.Reason.Kind != ReasonConfig {
			s.State = Inactive
		}
	case Exited:
		switch {
		case s.skipped():
			if n.holdReq == 0 {
				s.State = Inactive // its "if" lines may hold now
			}
		case !s.satisfied(n.unit) && (named || n.unit.Kind == Task):
			s.State = Inactive
		}
	case Backoff:
		s.Due = 0
	case Waiting:
		if s.Reason.Kind == ReasonTerminal {
			s.Due = w.t.now
		}
	}
	if s.State != Starting && s.State != Running {
		s.Delay, s.Restarts, s.WindowCount, s.NotBefore = 0, 0, 0, 0
	}
	if s.State == Inactive {
		s.Reason = Reason{}
	}
	w.set(id, &s, len(w.t.out))
}

func (w *World) askStop(ids []ID) {
	for _, x := range w.dependents(ids, true) {
		n := &w.nodes[x]
		if n.s.stops(n.unit) {
			w.t.emit(Effect{Kind: Also, Unit: x})
		}
		if n.s.stays(n.unit) {
			w.keep(x)
			n.s.Undo = true // D3: only a stop makes a done task run again
			w.touch(x)
			w.mark(x)
		}
	}
	for _, id := range ids {
		w.keep(id)
		n := &w.nodes[id]
		n.s.Held = true
		if n.latest().Manual {
			n.s.Asked = false
		}
		w.mark(id)
	}
	w.unwant(ids)
}

// stays reports whether the unit stays satisfied when what it requires is not:
// there is no process that could miss it (D3).
func (s *Status) stays(u *Unit) bool { return s.done(u) || s.skipped() || s.State == Waiting }

// dependents gives the units that require one of ids at any depth, without ids
// themselves, each after those that require it. A walk for a crash or restart
// does not go through what stays satisfied; that for a stop does.
func (w *World) dependents(ids []ID, stop bool) []ID {
	type frame struct {
		id   ID
		next int // of reqBy
	}
	w.visit++
	for _, id := range ids {
		w.nodes[id].visit = w.visit
	}
	var order []ID
	var path []frame
	for _, id := range ids {
		path = append(path, frame{id: id})
		for len(path) > 0 {
			f := &path[len(path)-1]
			if by := w.nodes[f.id].reqBy; f.next < len(by) {
				y := by[f.next]
				f.next++
				w.work++
				if n := &w.nodes[y]; n.visit != w.visit && (stop || !n.s.stays(n.unit)) {
					n.visit = w.visit
					path = append(path, frame{id: y})
				}
				continue
			}
			if len(path) > 1 {
				order = append(order, f.id)
			}
			path = path[:len(path)-1]
		}
	}
	return order
}

func (w *World) askRestart(ids []ID) {
	if w.t.ending {
		return
	}
	ids = w.here(ids)
	for _, x := range w.dependents(ids, false) {
		if w.nodes[x].s.up() {
			w.t.emit(Effect{Kind: Also, Unit: x})
		}
	}
	for _, id := range ids {
		n := &w.nodes[id]
		s := n.s
		switch {
		case s.up():
			s.Restart = true
		case s.stays(n.unit):
			s.Restart, s.Undo = true, true
		}
		s.Delay, s.Restarts, s.WindowCount = 0, 0, 0
		s.Asked = s.Asked || !s.Want
		w.set(id, &s, len(w.t.out))
	}
	w.start(ids)
}

// askStartAll starts the user class anew: no operator's hold is left in it.
func (w *World) askStartAll() {
	if w.t.ending {
		return
	}
	var ids, freed []ID
	for id := range w.nodes {
		n := &w.nodes[id]
		if n.unit.Class != User || n.gone {
			continue
		}
		if !n.latest().Manual {
			ids = append(ids, ID(id))
		}
		if n.s.Held {
			w.keep(ID(id))
			n.s.Held = false
			freed = append(freed, ID(id))
		}
	}
	w.askStart(ids)
	for _, id := range freed {
		if req, wants := w.WantedBy(id); len(req)+len(wants) > 0 {
			w.want(id)
		}
	}
}

func (w *World) askStopAll() {
	var ids []ID
	for id := range w.nodes {
		if n := &w.nodes[id]; n.unit.Class == User && !n.gone {
			ids = append(ids, ID(id))
		}
	}
	w.askStop(ids)
}

func (w *World) askSignal(ev Event) {
	for _, id := range ev.IDs {
		n := &w.nodes[id]
		if n.s.Gen != 0 {
			w.t.kill(id, n.s.Gen, n.s.Pid, int(ev.Sig), n.unit.KillMode == KillGroup)
		}
	}
}
