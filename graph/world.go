package graph

import "time"

// node is a unit in its place: status, edges, and how many of its neighbours
// stand in its way. The counts make an evaluation independent of the number
// of edges; touch keeps them.
type node struct {
	unit *Unit
	next *Unit // its form from the next start on; nil = the same
	s    Status

	req, wants, after, conf []ID // conf goes both ways
	reqBy, wantBy, afterBy  []ID

	unmet      int32 // of req: not satisfied, or about to stop
	deadReq    int32 // of req: failed for good, or exited
	pending    int32 // of after: wanted up and has not had its chance (D5)
	active     int32 // of conf: not inactive, exited or failed (D6)
	holdReq    int32 // of reqBy: must go down before this stops or starts (D3)
	drainAfter int32 // of afterBy: going down (D5)

	bits   uint8
	gone   bool   // removed: to be stopped and forgotten
	queued bool   // in World.dirty
	acting bool   // in World.acts
	cand   bool   // in World.cands
	early  bool   // shutdown: a user unit stops after this system unit
	levels int32  // shutdown: how many levels stop after this one
	visit  uint32 // of the last walk that came by
	kept   uint32 // the event that undo has the unit of
}

// What a neighbour sees of a unit.
const (
	bitSat   = 1 << iota // satisfied and to stay so
	bitDead              // failed for good, or exited
	bitPend              // wanted up, has not had its chance
	bitAct               // in the way of what conflicts with it
	bitHold              // must go down first
	bitDrain             // going down
)

// MaxUnits bounds a World.
const MaxUnits = 65536

// World is all units and what they are. It changes by Apply alone, makes no
// system call and knows no clock.
type World struct {
	nodes  []node
	byName map[string]ID
	timers timers
	t      turn
	gen    uint64
	visit  uint32
	dirty  []ID   // neighbours have not been told of what they are now
	acts   []ID   // told; may have to stop, or want to start
	cands  []ID   // min-heap: to be started, if nothing forbids it
	stack  []ID   // of walks
	work   uint64 // units looked at and neighbours told, for the tests of cost
	undo   undo

	main     ID
	halt     Halt
	deadline Instant // of the shutdown
	ended    bool
	holds    int32 // units with bitHold
	userHold int32 // of class user

	// ShutdownTimeout is the deadline of a shutdown that the main unit's end begins.
	ShutdownTimeout time.Duration
}

// NewWorld links a configuration's units. A unit with a Fault is failed from
// the start (F10). Names that no unit has are passed over (D7).
func NewWorld(units []*Unit) *World {
	w := &World{main: None, byName: make(map[string]ID, len(units))}
	w.nodes = make([]node, 0, len(units))
	w.t.gen, w.t.zone = &w.gen, UTC
	for _, u := range units {
		if _, twice := w.byName[u.Name]; twice || len(w.nodes) >= MaxUnits {
			continue
		}
		w.byName[u.Name] = ID(len(w.nodes))
		w.nodes = append(w.nodes, node{unit: u})
	}
	for id := range w.nodes {
		w.link(ID(id))
	}
	for id := range w.nodes {
		w.enter(ID(id))
	}
	return w
}

// Add puts one more unit into the world; it is not started.
func (w *World) Add(u *Unit) (ID, bool) {
	if _, twice := w.byName[u.Name]; twice || len(w.nodes) >= MaxUnits {
		return None, false
	}
	id := ID(len(w.nodes))
	w.byName[u.Name] = id
	w.nodes = append(w.nodes, node{unit: u})
	if w.named(u.Name) { // by one that was there before it
		w.edges()
		w.enter(id)
		w.quiet()
		return id, true
	}
	w.link(id)
	n := &w.nodes[id]
	for _, x := range n.req {
		n.unmet -= one(w.nodes[x].bits & bitSat)
		n.deadReq += one(w.nodes[x].bits & bitDead)
	}
	for _, x := range n.after {
		n.pending += one(w.nodes[x].bits & bitPend)
	}
	for _, x := range n.conf {
		n.active += one(w.nodes[x].bits & bitAct)
	}
	for _, x := range n.afterBy {
		n.drainAfter += one(w.nodes[x].bits & bitDrain)
	}
	w.enter(id)
	return id, true
}

// named reports whether a unit has an edge to the name.
func (w *World) named(name string) bool {
	for id := range w.nodes {
		u := w.nodes[id].latest()
		for r := range relationCount {
			for _, ref := range *u.refs(r) {
				if ref.Name == name && w.byName[u.Name] == ID(id) && u.Name != name {
					return true
				}
			}
		}
	}
	return false
}

func one(bit uint8) int32 {
	if bit != 0 {
		return 1
	}
	return 0
}

// link makes the edges of one unit, both ways.
func (w *World) link(id ID) {
	u := w.nodes[id].latest()
	for _, r := range u.Requires {
		if x, ok := w.byName[r.Name]; ok && x != id && !has(w.nodes[id].req, x) {
			w.nodes[id].req = append(w.nodes[id].req, x)
			w.nodes[x].reqBy = append(w.nodes[x].reqBy, id)
			w.nodes[id].unmet++
		}
	}
	for _, r := range u.Wants {
		if x, ok := w.byName[r.Name]; ok && x != id && !has(w.nodes[id].wants, x) {
			w.nodes[id].wants = append(w.nodes[id].wants, x)
			w.nodes[x].wantBy = append(w.nodes[x].wantBy, id)
		}
	}
	for _, r := range u.After {
		if x, ok := w.byName[r.Name]; ok {
			w.order(id, x)
		}
	}
	for _, r := range u.Before {
		if x, ok := w.byName[r.Name]; ok {
			w.order(x, id)
		}
	}
	for _, r := range u.Conflicts {
		if x, ok := w.byName[r.Name]; ok && x != id && !has(w.nodes[id].conf, x) {
			w.nodes[id].conf = append(w.nodes[id].conf, x)
			w.nodes[x].conf = append(w.nodes[x].conf, id)
		}
	}
}

// order makes the edge "late after early".
func (w *World) order(late, early ID) {
	if late == early || has(w.nodes[late].after, early) {
		return
	}
	w.nodes[late].after = append(w.nodes[late].after, early)
	w.nodes[early].afterBy = append(w.nodes[early].afterBy, late)
}

// has reports whether a short list holds an id; in a long one two edges to the
// same unit do no harm.
func has(list []ID, id ID) bool {
	if len(list) > 32 {
		return false
	}
	for _, x := range list {
		if x == id {
			return true
		}
	}
	return false
}

// enter gives a unit its first status.
func (w *World) enter(id ID) {
	n := &w.nodes[id]
	if n.unit.Fault != "" {
		n.s.State, n.s.Reason = Failed, Reason{Kind: ReasonConfig, Text: n.unit.Fault}
	}
	w.touch(id)
}

// Len is the number of units; their IDs are 0 to Len-1.
func (w *World) Len() int { return len(w.nodes) }

// Find gives the unit of a name.
func (w *World) Find(name string) (ID, bool) {
	id, ok := w.byName[name]
	return id, ok
}

// Unit gives what the configuration says of a unit.
func (w *World) Unit(id ID) *Unit { return w.nodes[id].unit }

// Status gives a copy of what a unit is.
func (w *World) Status(id ID) Status { return w.nodes[id].s }

// State gives what a unit is in one word.
func (w *World) State(id ID) State { return w.nodes[id].s.State }

// Satisfied reports whether what requires the unit may start (SPEC 5).
func (w *World) Satisfied(id ID) bool { return w.nodes[id].bits&bitSat != 0 }

// SetMain names the unit whose end ends the init (SPEC 1).
func (w *World) SetMain(id ID) { w.main = id }

// Main is the unit whose end ends the init, or None.
func (w *World) Main() ID { return w.main }

// Ending gives the shutdown that is under way; its Kind is HaltNone when there is none.
func (w *World) Ending() Halt { return w.halt }

// Next is the earliest deadline; 0 when there is none.
func (w *World) Next() Instant {
	at := w.timers.first()
	if w.halt.Kind != HaltNone && !w.ended && (at == 0 || w.deadline < at) {
		at = w.deadline
	}
	return at
}

// set gives a unit a new status, tells of a change of state, and lets the
// neighbours know. The Changed effect goes to place "at" of the turn's
// effects: before what the change causes.
func (w *World) set(id ID, s *Status, at int) {
	w.keep(id)
	n := &w.nodes[id]
	old, asked, demanded := n.s.State, n.unit.AskFirst, n.unit.onDemand()
	if s.State != old {
		s.Since = w.t.now
		w.t.emit(Effect{})
		copy(w.t.out[at+1:], w.t.out[at:])
		w.t.out[at] = Effect{Kind: Changed, Unit: id, From: old, To: s.State, Reason: s.Reason, Gen: s.Gen}
	}
	n.s = *s
	fuse(id)
	w.timers.arm(id, s.Due)
	if (n.next != nil || n.gone) && !s.up() && (s.State == Inactive || n.next != nil) {
		w.rested(id)
	}
	w.touch(id)
	w.mark(id)
	if n.gone && !w.inUse(id) {
		w.unlink(id)
	}
	if s.State == old {
		return
	}
	if n.unit.AskFirst && s.State == Waiting {
		w.t.emit(Effect{Kind: Ask, Unit: id})
	} else if asked && old == Waiting {
		w.t.emit(Effect{Kind: Unask, Unit: id})
	}
	if n.unit.onDemand() && s.State == Waiting && s.Due == 0 {
		w.t.emit(Effect{Kind: Open, Unit: id})
	} else if demanded && old == Waiting {
		w.t.emit(Effect{Kind: Unopen, Unit: id})
	}
	if s.State == Failed && n.unit.Critical != NotCritical && w.halt.Kind == HaltNone {
		w.t.emit(Effect{Kind: Escalate, Unit: id, Critical: n.unit.Critical, Reason: s.Reason})
	}
	if id == w.main && (s.State == Failed || s.State == Exited) && w.halt.Kind == HaltNone {
		w.shutdown(Halt{Kind: HaltExit, Code: mainCode(s), Timeout: Instant(w.ShutdownTimeout)})
	}
}

// mainCode is the init's exit status after the main unit's end (SPEC 1).
func mainCode(s *Status) int {
	switch s.Reason.Kind {
	case ReasonConfig, ReasonDependency, ReasonTimeout, ReasonPre, ReasonBug:
		return 1
	case ReasonSkipped:
		return 0
	}
	code := int(s.ExitCode)
	if s.ExitSignal != 0 {
		code = 128 + int(s.ExitSignal)
	}
	if code == 0 && s.State == Failed {
		code = 1
	}
	return code
}
