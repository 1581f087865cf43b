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
	w.findEarly()
	w.findLevels()
	for id := range w.nodes {
		n := &w.nodes[id]
		n.s.Want, n.s.Restart = false, false
		w.touch(ID(id))
		w.mark(ID(id))
	}
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
// the longest way down over what it requires and comes after, and for a user
// unit the system class as a whole. Units come in the order in which they have
// no dependent left, so that each edge is seen once.
func (w *World) findLevels() {
	below := w.chain(System, 0)
	if below > 0 || w.anyUp(System) {
		below++
	}
	w.chain(User, below)
}

func (w *World) anyUp(c Class) bool {
	for id := range w.nodes {
		if n := &w.nodes[id]; n.unit.Class == c && n.bits&bitHold != 0 {
			return true
		}
	}
	return false
}

// chain sets levels of one class over the floor and gives the highest.
func (w *World) chain(c Class, floor int32) int32 {
	left := make([]int32, len(w.nodes)) // edges to units whose level is not known
	var queue []ID
	for id := range w.nodes {
		n := &w.nodes[id]
		if n.unit.Class != c {
			continue
		}
		n.levels = floor
		for _, list := range [2][]ID{n.req, n.after} {
			for _, x := range list {
				if w.nodes[x].unit.Class == c {
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
		add := int32(0)
		if n.bits&bitHold != 0 {
			add = 1
		}
		top = max(top, n.levels)
		for _, list := range [2][]ID{n.reqBy, n.afterBy} {
			for _, y := range list {
				m := &w.nodes[y]
				if m.unit.Class != c {
					continue
				}
				m.levels = max(m.levels, n.levels+add)
				if left[y]--; left[y] == 0 {
					queue = append(queue, y)
				}
			}
		}
	}
	return top
}

// scale gives the thousandths of its stop schedule that a unit gets: all of
// it as long as every level after it keeps its share of the deadline.
func (w *World) scale(n *node) uint16 {
	left := time.Duration(w.deadline-w.t.now) - levelShare*time.Duration(n.levels+1)
	need := total(n.unit)
	if len(n.unit.Post) > 0 {
		need *= 2 // the post commands may take as long again
	}
	if need <= left {
		return 0
	}
	if left <= 0 {
		return 1
	}
	return uint16(max(1, int64(left)*999/int64(need)))
}
