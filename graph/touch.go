package graph

// look computes what a neighbour sees of a unit.
func (w *World) look(n *node) uint8 {
	s := &n.s
	var b uint8
	going := w.going(n)
	if s.satisfied(n.unit) && !going {
		b |= bitSat
	}
	if s.dead(n.unit) {
		b |= bitDead
	}
	switch s.State {
	case Inactive, Blocked, Starting, Stopping:
		if s.Want && !s.rerun(n.unit) {
			b |= bitPend
		}
	}
	if s.up() || s.State == Waiting || s.State == Backoff || s.State == Inactive && s.Restart {
		b |= bitAct
	}
	if (s.up() || (s.State == Exited || s.State == Waiting) && going) && !s.Stuck {
		b |= bitHold
		if going {
			b |= bitDrain
		}
	}
	return b
}

// going reports whether a unit that is up or waiting, or a task that is done,
// must go down: nobody wants it, what it requires is not there, or it is to start anew.
func (w *World) going(n *node) bool {
	s := &n.s
	switch s.State {
	case Starting, Running:
		return !s.Want || n.unmet > 0 || s.Restart
	case Stopping:
		return !s.Want || s.Restart || !s.rerun(n.unit)
	case Exited:
		return !s.Want || s.Undo
	case Waiting:
		return !s.Want || s.Undo || n.deadReq > 0
	}
	return false
}

// touch compares what neighbours see of a unit with what they were told last.
func (w *World) touch(id ID) {
	n := &w.nodes[id]
	b := w.look(n)
	d := b ^ n.bits
	if d == 0 {
		return
	}
	n.bits = b
	sign := func(bit uint8) int32 {
		if b&bit != 0 {
			return 1
		}
		return -1
	}
	if d&(bitSat|bitDead) != 0 {
		for _, y := range n.reqBy {
			m := &w.nodes[y]
			if d&bitSat != 0 {
				w.count(y, &m.unmet, -sign(bitSat))
			}
			if d&bitDead != 0 {
				m.deadReq += sign(bitDead)
				w.mark(y) // its reason may have to name another one
			}
		}
	}
	if d&bitPend != 0 {
		for _, y := range n.afterBy {
			w.count(y, &w.nodes[y].pending, sign(bitPend))
		}
	}
	if d&bitAct != 0 {
		for _, y := range n.conf {
			w.count(y, &w.nodes[y].active, sign(bitAct))
		}
	}
	if d&bitHold != 0 {
		for _, x := range n.req {
			w.count(x, &w.nodes[x].holdReq, sign(bitHold))
		}
		w.countHold(n, sign(bitHold))
	}
	if d&bitDrain != 0 {
		for _, x := range n.after {
			w.count(x, &w.nodes[x].drainAfter, sign(bitDrain))
		}
	}
}

// count changes one of a unit's counts. Whether it is 0 is all that decides
// anything, so the unit has to be looked at only when that changes: of 10,000
// that a target requires, only the last one wakes it.
func (w *World) count(id ID, c *int32, by int32) {
	w.work++
	was := *c
	*c += by
	if (was == 0) != (*c == 0) {
		w.mark(id)
	}
}

func (w *World) countHold(n *node, by int32) {
	w.holds += by
	if n.unit.Class != User {
		return
	}
	w.userHold += by
	if w.userHold == 0 && w.halt.Kind != HaltNone {
		for id := range w.nodes { // once a shutdown: the system class may go
			if w.nodes[id].unit.Class == System {
				w.mark(ID(id))
			}
		}
	}
}

// mark puts a unit on the list of those that settle looks at.
func (w *World) mark(id ID) {
	if n := &w.nodes[id]; !n.queued {
		n.queued = true
		w.dirty = append(w.dirty, id)
	}
}
