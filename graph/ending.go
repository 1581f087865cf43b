package graph

import "time"

// levelShare is what the shutdown's deadline keeps back for every level that
// still has to stop (SPEC 8).
const levelShare = 200 * time.Millisecond

// shutdown makes every want down, once; a second one changes nothing (SPEC 7).
func (w *World) shutdown(h Halt) {
	if w.halt.Kind != HaltNone {
		return
	}
	w.halt, w.t.ending = h, true
	w.deadline = w.t.now + h.Timeout
	for id := range w.nodes {
		w.keep(ID(id))
		n := &w.nodes[id]
		n.s.Want, n.s.Restart = false, false
		w.touch(ID(id))
		w.mark(ID(id))
	}
	w.findEarly()
	w.findLevels()
	for id := range w.nodes {
		if n := &w.nodes[id]; n.s.State == Stopping {
			w.bound(n)
			s := n.s
			hurry(&w.t, n.unit, &s)
			w.set(ID(id), &s, len(w.t.out))
		}
	}
}

// bound tells the turn what holds for a unit whatever its event is: whether it
// must go down, and in a shutdown by when. While each level that still has to
// stop can have its share of what is left, the unit may take the rest; when
// there is less, all levels get the same. A quarter is for KILL to be heeded.
func (w *World) bound(n *node) {
	w.t.going = w.going(n)
	if !w.t.ending {
		return
	}
	left, levels := max(w.deadline-w.t.now, 0), Instant(n.levels)
	slot := left / (levels + 1)
	w.t.by = w.t.now + max(left-Instant(levelShare)*(levels+1), slot/4*3)
	w.t.over = w.t.now + max(left-Instant(levelShare)*levels, slot)
}

// findEarly marks the system units before whose end a user unit must not
// stop: those that require, or come after, a user unit at any depth. All other
// system units wait for the whole user class.
func (w *World) findEarly() {
	var queue []ID
	for id := range w.nodes {
		if w.nodes[id].unit.Class == User {
			queue = append(queue, ID(id))
		}
	}
	for i := 0; i < len(queue); i++ {
		n := &w.nodes[queue[i]]
		for _, list := range [2][]ID{n.reqBy, n.afterBy} {
			for _, y := range list {
				if m := &w.nodes[y]; m.unit.Class == System && !m.early {
					m.early = true
					queue = append(queue, y)
				}
			}
		}
	}
}

// findLevels counts for every unit that is up how many levels stop after it:
// the longest way down over what it requires and comes after, and for those
// that stop before the system class, that as a whole. Units come in the order
// in which they have no dependent left, so that each edge is seen once.
func (w *World) findLevels() {
	w.chain(true, w.chain(false, 0))
}

// chain sets the levels of the units that stop first, or last, over the floor,
// and gives the number of levels with them.
func (w *World) chain(first bool, floor int32) int32 {
	among := func(id ID) bool {
		n := &w.nodes[id]
		return (n.unit.Class == User || n.early) == first
	}
	left := make([]int32, len(w.nodes)) // edges to units whose level is not known
	var queue []ID
	for id := range w.nodes {
		n := &w.nodes[id]
		if !among(ID(id)) {
			continue
		}
		n.levels = floor
		for _, list := range [2][]ID{n.req, n.after} {
			for _, x := range list {
				if among(x) {
					left[id]++
				}
			}
		}
		if left[id] == 0 {
			queue = append(queue, ID(id))
		}
	}
	top := floor
	for i := 0; i < len(queue); i++ {
		n := &w.nodes[queue[i]]
		next := n.levels
		if n.bits&bitHold != 0 {
			next++
		}
		top = max(top, next)
		for _, list := range [2][]ID{n.reqBy, n.afterBy} {
			for _, y := range list {
				if !among(y) {
					continue
				}
				m := &w.nodes[y]
				m.levels = max(m.levels, next)
				if left[y]--; left[y] == 0 {
					queue = append(queue, y)
				}
			}
		}
	}
	return top
}
