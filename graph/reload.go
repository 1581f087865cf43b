package graph

import "strings"

// ChangeKind is what a reload does with one unit.
type ChangeKind uint8

const (
	UnitAdded     ChangeKind = iota // it is new; it starts if it starts by itself
	UnitRemoved                     // it is stopped in order, and then gone
	UnitRestarted                   // what its process was started with has changed
	UnitUpdated                     // the change takes effect without a restart
)

// Change is one unit of a Plan.
type Change struct {
	Kind ChangeKind
	Name string
	Keys []string // that changed, of UnitRestarted and UnitUpdated
	unit *Unit    // as it will be
}

// String gives the change as reload says it, in the future for a dry run.
func (c *Change) String() string {
	switch c.Kind {
	case UnitAdded:
		return c.Name + ": new in " + c.unit.Pos.String()
	case UnitRemoved:
		return c.Name + ": removed: stop it"
	case UnitRestarted:
		return c.Name + ": " + strings.Join(c.Keys, ", ") + " changed: restart it"
	}
	return c.Name + ": " + strings.Join(c.Keys, ", ") + " changed: no restart"
}

// softKeys are those whose change needs no other process.
var softKeys = map[string]bool{"description": true, "requires": true, "wants": true, "after": true,
	"before": true, "conflicts": true, "start": true, "class": true, "restart": true, "stop": true,
	"stop-exec": true, "kill": true, "pre": true, "post": true, "critical": true, "start-timeout": true,
	"log": true, "if": true, "reload-signal": true, "reload-exec": true, "health": true, "ports": true}

// Plan compares the world with a configuration that was read anew. A unit
// whose lines are the same is not in it. Those that the configuration does not
// have are removed unless keep says otherwise; one that has a fault stays as
// it is, with all that it requires.
func (w *World) Plan(units []*Unit, keep func(*Unit) bool) []Change {
	var plan []Change
	seen := make([]bool, len(w.nodes))
	var same []ID // for their faults
	for _, u := range units {
		id, there := w.byName[u.Name]
		if !there {
			plan = append(plan, Change{Kind: UnitAdded, Name: u.Name, unit: u})
			continue
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		old := w.nodes[id].latest()
		if u.Fault != "" && old.Fault == "" {
			same = append(same, id)
			continue
		}
		if w.nodes[id].gone { // it was removed, and still stops: it comes back
			plan = append(plan, Change{Kind: UnitAdded, Name: u.Name, unit: u})
			continue
		}
		if keys, hard := difference(old, u); len(keys) > 0 {
			kind := UnitUpdated
			if hard {
				kind = UnitRestarted
			}
			plan = append(plan, Change{Kind: kind, Name: u.Name, Keys: keys, unit: u})
		}
	}
	stay := make([]uint64, (len(w.nodes)+63)/64)
	w.requirements(stay, same)
	for id := range w.nodes {
		if n := &w.nodes[id]; !seen[id] && !n.gone && !getBit(stay, ID(id)) && !keep(n.latest()) {
			plan = append(plan, Change{Kind: UnitRemoved, Name: n.unit.Name, unit: n.unit})
		}
	}
	return plan
}

// latest is the unit as the configuration has it, though its process may still
// be of an older one.
func (n *node) latest() *Unit {
	if n.next != nil {
		return n.next
	}
	return n.unit
}

// Latest is a unit as the configuration has it; its process may still be of an
// older form, which is that of Unit.
func (w *World) Latest(id ID) *Unit { return w.nodes[id].latest() }

// difference names the keys in which two forms of a unit differ; hard reports
// whether its process has to be another for it.
func difference(a, b *Unit) (keys []string, hard bool) {
	x, y := Show(a), Show(b)
	if a.Fault != b.Fault {
		keys, hard = append(keys, "fault"), true
	}
	if a.Class != b.Class {
		keys = append(keys, "class")
	}
	for _, side := range [2][]string{x, y} {
		for _, l := range side {
			key := keyOf(l)
			if !contains(keys, key) && linesOf(x, key) != linesOf(y, key) {
				keys = append(keys, key)
				hard = hard || !softKeys[key]
			}
		}
	}
	return keys, hard
}

// keyOf gives the key of a line of Show; the header's is "command".
func keyOf(l string) string {
	if l == "" || l[0] != ' ' {
		return "command"
	}
	key, _, _ := strings.Cut(strings.TrimLeft(l, " "), " ")
	return key
}

// linesOf gives all lines of a key.
func linesOf(lines []string, key string) string {
	var b strings.Builder
	for _, l := range lines {
		if keyOf(l) == key {
			b.WriteString(l)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// reload carries a plan out. All edges and counts are made anew, which costs
// what a boot does; then settle stops and starts what has to.
func (w *World) reload(plan []Change) {
	if w.t.ending {
		return
	}
	for i := range plan {
		c := &plan[i]
		fuse(None)
		id, there := w.byName[c.Name]
		switch {
		case !there && c.Kind == UnitAdded:
			w.join(c.unit)
		case !there:
		case c.Kind == UnitRemoved:
			w.keep(id)
			n := &w.nodes[id]
			n.gone, n.s.Asked, n.s.Restart = true, false, false
		case c.Kind == UnitAdded: // again, and its stop is not over
			w.keep(id)
			n := &w.nodes[id]
			n.gone, n.s.Asked, n.s.Held = false, !c.unit.Manual, false
			w.renew(id, c)
		default:
			w.renew(id, c)
		}
	}
	w.relink()
}

// join puts a new unit into the world.
func (w *World) join(u *Unit) {
	if len(w.nodes) >= MaxUnits {
		return
	}
	id := ID(len(w.nodes))
	w.byName[u.Name] = id
	n := node{unit: u}
	n.s.Asked = !u.Manual
	if u.Fault != "" {
		n.s.State, n.s.Reason = Failed, Reason{Kind: ReasonConfig, Text: u.Fault}
	}
	w.nodes = append(w.nodes, n)
	w.t.emit(Effect{Kind: Joined, Unit: id})
}

// renew gives a unit its new form: at once, or, when its process has to be
// another, with the start that follows its stop.
func (w *World) renew(id ID, c *Change) {
	w.keep(id)
	n := &w.nodes[id]
	if n.latest().Manual && !c.unit.Manual {
		n.s.Asked = true
	}
	if c.unit.Manual && n.s.Held {
		n.s.Asked = false // as if it had been so when it was stopped
	}
	if c.Kind == UnitUpdated {
		if n.next != nil {
			n.next = c.unit
		} else {
			n.unit = c.unit
			if n.s.State == Running && contains(c.Keys, "health") {
				s := n.s
				s.checkAnew(&w.t, n.unit, id)
				s.rearm()
				w.set(id, &s, len(w.t.out))
			}
		}
		w.t.emit(Effect{Kind: Replaced, Unit: id})
		return
	}
	n.next = c.unit
	s := n.s
	switch {
	case c.unit.Fault != "": // and it was failed with another one: Plan
		s.Reason = Reason{Kind: ReasonConfig, Text: c.unit.Fault}
	case s.up():
		s.Restart = s.Want || s.Asked
	case s.done(n.unit):
		s.Undo, s.Restart = true, true
	case s.undoable(n.unit) && len(n.unit.StopExec) > 0:
		s.Undo = true
	default: // it has no process: the next start is of the new form
		s.State, s.Reason, s.Due, s.NotBefore, s.Phase = Inactive, Reason{}, 0, 0, PhaseNone
	}
	s.Delay, s.Restarts, s.WindowCount = 0, 0, 0
	w.set(id, &s, len(w.t.out))
}

// relink makes every edge, want and count anew.
func (w *World) relink() {
	for id := range w.nodes {
		w.keep(ID(id))
		w.nodes[id].s.Want = false
	}
	w.edges()
	for id := range w.nodes {
		w.touch(ID(id))
		w.mark(ID(id))
	}
	for id := range w.nodes {
		if n := &w.nodes[id]; n.s.Asked && !n.gone {
			w.want(ID(id))
		}
	}
}

// edges makes every edge anew, with the counts of a world in which nobody has
// been told of anything: touch tells.
func (w *World) edges() {
	for id := range w.nodes {
		n := &w.nodes[id]
		for _, list := range [...]*[]ID{&n.req, &n.wants, &n.after, &n.conf, &n.reqBy, &n.wantBy, &n.afterBy} {
			*list = (*list)[:0]
		}
		n.unmet, n.deadReq, n.pending, n.active, n.holdReq, n.drainAfter = 0, 0, 0, 0, 0, 0
		n.bits = 0
	}
	w.holds, w.userHold = 0, 0
	for id := range w.nodes {
		if w.inUse(ID(id)) {
			w.link(ID(id))
		}
	}
}

// unlink takes the edges away of a unit that is forgotten: it is at rest, so that
// all that its neighbours count of it is that it is not satisfied.
func (w *World) unlink(id ID) {
	n := &w.nodes[id]
	for _, y := range n.reqBy {
		w.count(y, &w.nodes[y].unmet, -1)
	}
	for i, list := range [...][]ID{n.reqBy, n.wantBy, n.afterBy, n.req, n.wants, n.after, n.conf} {
		for _, x := range list {
			m := &w.nodes[x]
			back := [...]*[]ID{&m.req, &m.wants, &m.after, &m.reqBy, &m.wantBy, &m.afterBy, &m.conf}[i]
			*back = less(*back, id)
		}
	}
	n.req, n.wants, n.after, n.conf, n.reqBy, n.wantBy, n.afterBy = nil, nil, nil, nil, nil, nil, nil
	n.unmet, n.deadReq, n.pending, n.active, n.holdReq, n.drainAfter = 0, 0, 0, 0, 0, 0
}

// less takes an id out of a list.
func less(list []ID, id ID) []ID {
	kept := list[:0]
	for _, x := range list {
		if x != id {
			kept = append(kept, x)
		}
	}
	return kept
}

// inUse reports whether the unit's name still leads to it.
func (w *World) inUse(id ID) bool {
	x, ok := w.byName[w.nodes[id].unit.Name]
	return ok && x == id
}

// Gone reports whether the unit was removed: its ID stays, and means nothing.
func (w *World) Gone(id ID) bool { return w.nodes[id].gone && !w.inUse(id) }

// rested is called when a unit has come to rest: what waited for that happens.
func (w *World) rested(id ID) {
	n := &w.nodes[id]
	if n.next != nil {
		w.touch(id) // what it held, it held in its old class
		n.unit, n.next = n.next, nil
		w.t.emit(Effect{Kind: Replaced, Unit: id})
	}
	if n.gone && w.inUse(id) {
		delete(w.byName, n.unit.Name)
		w.t.emit(Effect{Kind: Left, Unit: id, Text: n.unit.Name})
	}
}
