package graph

import "strings"

// maxCompared bounds how many names all faults together look at to find the
// nearest one.
const maxCompared = 200000

// mend gives the last part of a fault about a name that no unit has.
func (c *Config) mend(name string) string {
	if c.compared+len(c.Units) <= maxCompared {
		c.compared += len(c.Units)
		known, near := nearest(name, func(yield func(string) bool) {
			for _, u := range c.Units {
				if !yield(u.Name) {
					return
				}
			}
		})
		if near {
			return ": write " + quote(known)
		}
	}
	return ": define it or remove the name"
}

// link checks what units say of one another, and resolves it for the units
// from first on. Units before first are in force already: they are neither
// failed nor changed.
func (c *Config) link(first int) {
	for _, u := range c.Units[first:] {
		c.checkNames(u)
		c.checkPipe(u)
	}
	l := newLinker(c, first)
	l.cutCycles()
	l.checkConflicts()
	l.removeDropped()
}

// failUnit notes a fault of a unit.
func (c *Config) failUnit(u *Unit, pos Pos, text string) {
	f := Fault{Pos: pos, Text: text, Unit: u.Name}
	c.add(f)
	if u.Fault == "" {
		u.Fault = f.String()
	}
}

// checkNames looks for names that do not exist (D7) and for edges of a unit to
// itself.
func (c *Config) checkNames(u *Unit) {
	for r := range relationCount {
		for _, ref := range *u.refs(r) {
			what := relationNames[r] + " " + quote(ref.Name)
			if ref.Name == u.Name {
				if r == wants {
					c.add(Fault{Pos: ref.Pos, Text: what + " is the unit itself: remove it", Unit: u.Name, Warning: true})
				} else {
					c.failUnit(u, ref.Pos, what+" is the unit itself: remove it")
				}
				continue
			}
			if _, ok := c.index[ref.Name]; ok {
				continue
			}
			text := what + ", which does not exist" + c.mend(ref.Name)
			if r == requires {
				c.failUnit(u, ref.Pos, text)
			} else {
				c.add(Fault{Pos: ref.Pos, Text: text, Unit: u.Name, Warning: true})
			}
		}
	}
}

// edge says that unit from waits for unit to: it requires it, or is after it,
// or the other one is before it.
type edge struct {
	from, to int32
	rel      relation
	ref      *Ref // where it is written
	dropped  bool // it is no longer in the graph
	kept     bool // dropLast has let it in
}

// linker is the graph of a configuration by index into Units.
type linker struct {
	c      *Config
	first  int
	edges  []edge  // by from; of one unit: requires, then after, then before
	start  []int32 // of unit i: edges[start[i]:start[i+1]]
	failed []bool  // out of the graph: members of a cycle with a "requires"
	fails  int     // how many were failed here
	work   int     // steps of the searches so far

	// Scratch of components, by unit: Tarjan's two numbers and the next edge.
	order, low, at []int32
	inSet          []int32 // the mark of the set that a unit is in
	mark           int32   // of the set that is looked at

	// Scratch of search: the search that saw a unit, and by which edge.
	seen, via, queue []int32
	turn             int32
}

func newLinker(c *Config, first int) *linker {
	n := len(c.Units)
	l := &linker{c: c, first: first, start: make([]int32, n+1), failed: make([]bool, n)}
	l.each(func(e edge) { l.start[e.from+1]++ })
	for i := range n {
		l.start[i+1] += l.start[i]
	}
	l.edges = make([]edge, l.start[n])
	next := append([]int32(nil), l.start...)
	l.each(func(e edge) {
		l.edges[next[e.from]] = e
		next[e.from]++
	})
	for _, s := range [...]*[]int32{&l.order, &l.low, &l.at, &l.inSet, &l.seen, &l.via} {
		*s = make([]int32, n)
	}
	for i, u := range c.Units[:first] {
		l.failed[i] = u.Fault != "" // its cycles are still there
	}
	return l
}

// each gives every edge between two units that exist, requires first.
func (l *linker) each(yield func(edge)) {
	for _, r := range [...]relation{requires, afters, befores} {
		for i, u := range l.c.Units {
			list := *u.refs(r)
			for j := range list {
				k, ok := l.c.index[list[j].Name]
				switch {
				case !ok || int(k) == i:
				case r == befores:
					yield(edge{from: k, to: int32(i), rel: r, ref: &list[j]})
				default:
					yield(edge{from: int32(i), to: k, rel: r, ref: &list[j]})
				}
			}
		}
	}
}

// of gives the edges that leave a unit.
func (l *linker) of(v int32) []edge { return l.edges[l.start[v]:l.start[v+1]] }

// name gives a unit's name.
func (l *linker) name(v int32) string { return l.c.Units[v].Name }

// owner gives the unit in which an edge is written.
func (e *edge) owner() int32 {
	if e.rel == befores {
		return e.to
	}
	return e.from
}

// removeDropped takes the dropped edges out of their units.
func (l *linker) removeDropped() {
	for i := range l.edges {
		e := &l.edges[i]
		if !e.dropped {
			continue
		}
		list := l.c.Units[e.owner()].refs(e.rel)
		for j := range *list {
			if (*list)[j] == *e.ref {
				kept := make([]Ref, 0, len(*list)-1)
				*list = append(append(kept, (*list)[:j]...), (*list)[j+1:]...)
				break
			}
		}
	}
}

// checkConflicts fails units that require, at any depth, what they conflict
// with, whichever of the two says so (F10). It takes the conflicts 64 at a
// time: a bit for each unit that may be required, handed up the edges once.
func (l *linker) checkConflicts() {
	type pair struct {
		unit, other int32 // does unit require other?
		pos         Pos
	}
	var pairs []pair
	for i, u := range l.c.Units {
		for _, ref := range u.Conflicts {
			k, ok := l.c.index[ref.Name]
			if ok && int(k) != i && (i >= l.first || int(k) >= l.first) {
				pairs = append(pairs, pair{int32(i), k, ref.Pos}, pair{k, int32(i), ref.Pos})
			}
		}
	}
	if len(pairs) == 0 {
		return
	}
	order := l.requireOrder()
	reach := make([]uint64, len(l.c.Units))
	for len(pairs) > 0 {
		n := min(64, len(pairs))
		clear(reach)
		for i, p := range pairs[:n] {
			reach[p.other] |= 1 << i
		}
		for _, v := range order {
			for _, e := range l.of(v) {
				if e.rel == requires {
					reach[v] |= reach[e.to]
				}
			}
		}
		for i, p := range pairs[:n] {
			if reach[p.unit]>>i&1 == 1 && int(p.unit) >= l.first {
				l.failConflict(p.unit, p.other, p.pos, reach, uint64(1)<<i)
			}
		}
		pairs = pairs[n:]
	}
}

// requireOrder gives the units that no cycle has failed, what is required
// before what requires it.
func (l *linker) requireOrder() []int32 {
	n := int32(len(l.c.Units))
	waits := make([]int32, n)    // how many requires of a unit are not in order yet
	users := make([][]int32, n)  // who requires a unit
	order := make([]int32, 0, n) //
	for v := range n {
		for _, e := range l.of(v) {
			if e.rel == requires && !l.failed[v] && !l.failed[e.to] {
				waits[v]++
				users[e.to] = append(users[e.to], v)
			}
		}
		if waits[v] == 0 && !l.failed[v] {
			order = append(order, v)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, u := range users[order[i]] {
			if waits[u]--; waits[u] == 0 {
				order = append(order, u)
			}
		}
	}
	return order
}

// failConflict fails a unit that requires what it conflicts with; the way
// there is along units with the bit.
func (l *linker) failConflict(unit, other int32, pos Pos, reach []uint64, bit uint64) {
	var way, places []string
	for v := unit; v != other; {
		for _, e := range l.of(v) {
			if e.rel == requires && reach[e.to]&bit != 0 {
				if v = e.to; v != other {
					way = append(way, quote(l.name(v)))
				}
				places = append(places, shortPos(e.ref.Pos))
				break
			}
		}
	}
	by := ""
	if len(way) > 0 {
		by = " by way of " + strings.Join(elide(way), ", ")
	}
	text := quote(l.name(unit)) + " requires " + quote(l.name(other)) + by + ", and the two conflict: drop one (" +
		strings.Join(elide(places), ", ") + ")"
	l.c.failUnit(l.c.Units[unit], pos, text)
}

// maxShown is how many units of a path a fault shows.
const maxShown = 64

// elide leaves out the middle of a long list.
func elide(list []string) []string {
	if len(list) <= maxShown {
		return list
	}
	half := maxShown / 2
	out := append([]string(nil), list[:half]...)
	out = append(out, "("+itoa(len(list)-2*half)+" more)")
	return append(out, list[len(list)-half:]...)
}

// shortPos gives a place without its folder.
func shortPos(p Pos) string {
	p.File = p.File[strings.LastIndexByte(p.File, '/')+1:]
	return p.String()
}
