package graph

import "time"

// undo is what an event has changed so far: should the event break the init in
// the midst of it, the world is made again as it was before (DESIGN D6). Only
// what Save gives is kept; the rest follows from it. A copy of each unit that an
// event changes costs less than to write the whole state down after each.
type undo struct {
	open  bool // an event is under way
	event uint32
	unit  ID // whose turn it is; None: nobody's
	nodes []undone
	count int // units there were

	gen             uint64
	halt            Halt
	deadline        Instant
	ended           bool
	shutdownTimeout time.Duration
	boot, wall      Instant
}

// undone is a unit as it was.
type undone struct {
	at ID
	as SavedUnit
}

// keepUndone is how many units a World keeps the memory for.
const keepUndone = 64

// begin notes what the world is before an event.
func (w *World) begin(ev *Event) {
	u := &w.undo
	u.open, u.unit, u.count = true, None, len(w.nodes)
	if u.event++; u.event == 0 {
		u.event++ // 0 is that of no unit
	}
	if ev.Kind <= Counted || ev.Kind == StatusSet || ev.Kind == Bug {
		u.unit = ev.Unit
	}
	u.gen, u.halt, u.deadline, u.ended = w.gen, w.halt, w.deadline, w.ended
	u.shutdownTimeout, u.boot, u.wall = w.ShutdownTimeout, w.t.boot, w.t.wall
}

// done forgets it: the event is over.
func (u *undo) done() {
	u.open = false
	if clear(u.nodes); cap(u.nodes) > keepUndone {
		u.nodes = nil
	}
	u.nodes = u.nodes[:0]
}

// keep notes a unit before it is changed; the first time in an event counts.
func (w *World) keep(id ID) {
	n := &w.nodes[id]
	if !w.undo.open || n.kept == w.undo.event || int(id) >= w.undo.count {
		return
	}
	n.kept = w.undo.event
	w.undo.nodes = append(w.undo.nodes, undone{id, w.SaveUnit(id)})
}

// Recover makes the world as it was before the event in which Apply has
// panicked, and gives the unit whose turn it was, None if it was nobody's. It
// reports false, and does nothing, when no event was under way.
func (w *World) Recover() (guilty ID, broken bool) {
	u := &w.undo
	if !u.open {
		return None, false
	}
	guilty = u.unit
	s := w.Save()
	s.Units = s.Units[:min(u.count, len(s.Units))]
	for i := range u.nodes {
		s.Units[u.nodes[i].at] = u.nodes[i].as
	}
	s.Gen, s.Halt, s.Deadline, s.Ended = u.gen, u.halt, u.deadline, u.ended
	s.ShutdownTimeout, s.Boot, s.Wall = u.shutdownTimeout, u.boot, u.wall
	zone := w.t.zone
	old, err := s.Load()
	if err != nil { // not seen: it was a world a moment ago
		u.done()
		return guilty, true
	}
	*w = *old
	w.t.gen, w.t.zone = &w.gen, zone
	if int(guilty) >= len(w.nodes) {
		guilty = None
	}
	return guilty, true
}
