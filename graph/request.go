package graph

// boot starts what starts by itself, or, with a root, only that and what it
// pulls in.
func (w *World) boot(root ID) {
	for id := range w.nodes {
		n := &w.nodes[id]
		if root == None && !n.unit.Manual || ID(id) == root {
			n.s.Asked = true
		}
	}
	for id := range w.nodes {
		n := &w.nodes[id]
		if n.s.Asked {
			w.want(ID(id))
		}
		if n.s.Asked && n.unit.Fault != "" {
			if n.unit.Critical != NotCritical {
				w.t.emit(Effect{Kind: Escalate, Unit: ID(id), Critical: n.unit.Critical, Reason: n.s.Reason})
			}
			if ID(id) == w.main {
				w.shutdown(Halt{Kind: HaltExit, Code: 1, Timeout: Instant(w.ShutdownTimeout)})
				return
			}
		}
		w.mark(ID(id))
	}
}

// want makes a unit and what it pulls in wanted up; what the operator stopped
// stays down (D4).
func (w *World) want(id ID) {
	w.stack = append(w.stack[:0], id)
	for len(w.stack) > 0 {
		x := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		n := &w.nodes[x]
		if n.s.Want || n.s.Held {
			continue
		}
		n.s.Want = true
		w.touch(x)
		w.mark(x)
		w.stack = append(w.stack, n.req...)
		w.stack = append(w.stack, n.wants...)
	}
}

// unwant makes a unit wanted down, and with it what only it pulled in (D8).
// Units that want one another in a ring go too: what counts is whether a unit
// outside still wants one of them.
func (w *World) unwant(id ID) {
	n := &w.nodes[id]
	if !n.s.Want {
		return
	}
	n.s.Want = false
	w.touch(id)
	w.mark(id)
	loose := w.loosened(n)
	if len(loose) == 0 {
		return
	}
	inside := w.visit // loosened has marked its members with this visit
	w.visit++
	kept := w.visit
	w.stack = w.stack[:0]
	for _, x := range loose {
		if w.wantedFromOutside(x, inside) {
			w.stack = append(w.stack, x)
		}
	}
	for len(w.stack) > 0 {
		x := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		m := &w.nodes[x]
		if m.visit != inside {
			continue
		}
		m.visit = kept
		w.stack = append(w.stack, m.req...)
		w.stack = append(w.stack, m.wants...)
	}
	for _, x := range loose {
		if m := &w.nodes[x]; m.visit == inside {
			m.s.Want = false
			w.touch(x)
			w.mark(x)
		}
	}
}

// loosened gives the units that are wanted only because others want them and
// that n's own want may have held up; each carries the current visit.
func (w *World) loosened(n *node) []ID {
	w.visit++
	var loose []ID
	w.stack = append(append(w.stack[:0], n.req...), n.wants...)
	for len(w.stack) > 0 {
		x := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		m := &w.nodes[x]
		if !m.s.Want || m.s.Asked || m.visit == w.visit {
			continue
		}
		m.visit = w.visit
		loose = append(loose, x)
		w.stack = append(w.stack, m.req...)
		w.stack = append(w.stack, m.wants...)
	}
	return loose
}

func (w *World) wantedFromOutside(x ID, inside uint32) bool {
	m := &w.nodes[x]
	for _, p := range m.reqBy {
		if q := &w.nodes[p]; q.s.Want && q.visit != inside {
			return true
		}
	}
	for _, p := range m.wantBy {
		if q := &w.nodes[p]; q.s.Want && q.visit != inside {
			return true
		}
	}
	return false
}

// retry takes the unit, and what it requires at any depth, out of an
// operator's hold and out of an earlier failure (D4, P2), and gives them all.
func (w *World) retry(id ID) []ID {
	w.visit++
	seen := w.visit
	var all []ID
	w.stack = append(w.stack[:0], id)
	for len(w.stack) > 0 {
		x := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		n := &w.nodes[x]
		if n.visit == seen {
			continue
		}
		n.visit = seen
		all = append(all, x)
		n.s.Held = false
		s := n.s
		switch s.State {
		case Failed:
			if s.Reason.Kind != ReasonConfig {
				s.State = Inactive
			}
		case Exited:
			if !s.satisfied(n.unit) || s.skipped() && n.holdReq == 0 {
				s.State = Inactive
			}
		}
		if s.State != Starting && s.State != Running {
			s.Delay, s.Restarts, s.WindowCount, s.NotBefore = 0, 0, 0, 0
		}
		if s.State == Backoff {
			s.Due = 0
		}
		if s.State == Inactive {
			s.Reason = Reason{}
		}
		w.set(x, s, len(w.t.out))
		w.stack = append(w.stack, n.req...)
	}
	return all
}

func (w *World) askStart(id ID) {
	if w.t.ending {
		return
	}
	w.nodes[id].s.Asked = true
	for _, x := range w.retry(id) {
		w.want(x)
	}
}

func (w *World) askStop(ids []ID) {
	w.visit++
	named := w.visit
	for _, id := range ids {
		w.nodes[id].visit = named
	}
	for _, x := range w.dependents(ids, named, true) {
		n := &w.nodes[x]
		if n.s.up() || n.s.done(n.unit) {
			w.t.emit(Effect{Kind: Also, Unit: x})
		}
		if n.s.done(n.unit) {
			n.s.Undo = true // D3: only a stop makes a done task run again
			w.touch(x)
			w.mark(x)
		}
	}
	for _, id := range ids {
		n := &w.nodes[id]
		n.s.Held, n.s.Restart = true, false
		if n.unit.Manual {
			n.s.Asked = false
		}
		w.unwant(id)
		w.mark(id)
	}
}

// dependents gives the units that require one of ids at any depth, nearest
// last, without those that carry the visit "named". A walk for a crash or
// restart does not go through a done task, which stays done; a stop's does.
func (w *World) dependents(ids []ID, named uint32, through bool) []ID {
	var order []ID
	queue := append([]ID(nil), ids...)
	for i := 0; i < len(queue); i++ {
		for _, y := range w.nodes[queue[i]].reqBy {
			n := &w.nodes[y]
			if n.visit == named || !through && n.s.done(n.unit) {
				continue
			}
			n.visit = named
			order = append(order, y)
			queue = append(queue, y)
		}
	}
	for i, j := 0, len(order)-1; i < j; i, j = i+1, j-1 {
		order[i], order[j] = order[j], order[i]
	}
	return order
}

func (w *World) askRestart(ids []ID) {
	if w.t.ending {
		return
	}
	w.visit++
	named := w.visit
	for _, id := range ids {
		w.nodes[id].visit = named
	}
	for _, x := range w.dependents(ids, named, false) {
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
		case s.done(n.unit) || s.skipped():
			s.Restart, s.Undo = true, true
		}
		s.Delay, s.Restarts, s.WindowCount = 0, 0, 0
		w.set(id, s, len(w.t.out))
		w.askStart(id)
	}
}

func (w *World) askStartAll() {
	for id := range w.nodes {
		if n := &w.nodes[id]; n.unit.Class == User && !n.unit.Manual {
			w.askStart(ID(id))
		}
	}
}

func (w *World) askStopAll() {
	var ids []ID
	for id := range w.nodes {
		if n := &w.nodes[id]; n.unit.Class == User {
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
