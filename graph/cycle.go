package graph

import (
	"slices"
	"strings"

	"mote/graph/line"
)

// maxWork bounds the steps that the search for single cycles takes. Finding
// the knots is linear; taking a knot of many cycles apart is not.
const maxWork = 5000000

// cutCycles fails the members of each cycle that has a "requires" in it, and
// drops the last edge, in file order, of each one that has none (F10). What is
// left among the units that were not failed has no cycle.
func (l *linker) cutCycles() {
	all := make([]int32, len(l.c.Units))
	for i := range all {
		all[i] = int32(i)
	}
	for knots := l.components(all); len(knots) > 0; {
		knot := knots[len(knots)-1]
		knots = knots[:len(knots)-1]
		inner := l.inner(knot)
		if !slices.ContainsFunc(inner, func(e *edge) bool { return e.rel == requires }) {
			l.dropLast(inner)
			continue
		}
		before := l.fails
		l.failCycles(knot, inner)
		if l.fails == before {
			continue // only units in force: nothing may be changed
		}
		knots = append(knots, l.components(knot)...)
	}
}

// components gives the strongly connected components of more than one unit
// among the given ones that are not failed: Tarjan's algorithm with a stack of
// its own, because a chain of ten thousand units is ordinary.
func (l *linker) components(set []int32) [][]int32 {
	var found [][]int32
	var stack, path []int32 // of the algorithm; of the walk
	l.mark++
	for _, v := range set {
		l.inSet[v], l.order[v] = l.mark, 0
	}
	count := int32(0)
	enter := func(v int32) {
		count++
		l.order[v], l.low[v], l.at[v] = count, count, l.start[v]
		stack, path = append(stack, v), append(path, v)
	}
	for _, root := range set {
		if l.order[root] != 0 || l.failed[root] {
			continue
		}
		enter(root)
		for len(path) > 0 {
			v := path[len(path)-1]
			if l.at[v] < l.start[v+1] {
				e := &l.edges[l.at[v]]
				l.at[v]++
				switch w := e.to; {
				case e.dropped || l.inSet[w] != l.mark || l.failed[w]:
				case l.order[w] == 0:
					enter(w)
				default:
					l.low[v] = min(l.low[v], l.order[w])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				u := path[len(path)-1]
				l.low[u] = min(l.low[u], l.low[v])
			}
			if l.low[v] < l.order[v] {
				continue
			}
			i := len(stack) - 1
			for stack[i] != v {
				i--
			}
			if len(stack)-i > 1 {
				knot := stack[i:]
				sorted := make([]int32, len(knot))
				for i, from := range line.Order(len(knot), func(a, b int) bool { return knot[a] < knot[b] }) {
					sorted[i] = knot[from]
				}
				found = append(found, sorted)
			}
			for _, w := range stack[i:] {
				l.inSet[w] = 0 // done: no longer on the stack
			}
			stack = stack[:i]
		}
	}
	return found
}

// inner gives the edges inside a knot in file order, and marks its units.
func (l *linker) inner(knot []int32) []*edge {
	l.mark++
	for _, v := range knot {
		l.inSet[v] = l.mark
	}
	var inner []*edge
	for _, v := range knot {
		for i := l.start[v]; i < l.start[v+1]; i++ {
			if e := &l.edges[i]; l.inKnot(e) {
				inner = append(inner, e)
			}
		}
	}
	// Units that are in force already come first: what is new gives way.
	isNew := func(e *edge) int { return min(1, max(0, int(e.owner())-l.first+1)) }
	order := line.Order(len(inner), func(i, j int) bool {
		a, b := inner[i], inner[j]
		if x, y := isNew(a), isNew(b); x != y {
			return x < y
		}
		return l.c.before(a.ref.Pos, b.ref.Pos)
	})
	sorted := make([]*edge, len(inner))
	for i, from := range order {
		sorted[i] = inner[from]
	}
	l.work += len(inner)
	return sorted
}

// failCycles fails, for each "requires" inside a knot that inner has marked,
// the members of the shortest cycle through it. Where both ends were failed
// before, one cycle is said of them already.
func (l *linker) failCycles(knot []int32, inner []*edge) {
	var pos Pos
	var text string
	for _, e := range inner {
		if e.rel != requires || l.failed[e.from] && l.failed[e.to] {
			continue
		}
		if text != "" && (l.work > maxWork || l.first > 0) {
			text = "one of " + itoa(len(knot)) + " units with many cycles: " + text
			for _, v := range knot {
				l.fail(v, pos, text)
			}
			return
		}
		cycle := append([]*edge{e}, l.search(e.to, e.from, l.inKnot)...)
		// The member that comes first in the configuration begins.
		least := 0
		for i := range cycle {
			if cycle[i].from < cycle[least].from {
				least = i
			}
		}
		cycle = append(append([]*edge(nil), cycle[least:]...), cycle[:least]...)
		pos, text = cycle[0].ref.Pos, l.cycleText(cycle)
		for _, e := range cycle {
			l.fail(e.from, pos, text)
		}
	}
}

// fail takes a unit out of the graph, unless it is in force already.
func (l *linker) fail(v int32, pos Pos, text string) {
	if int(v) >= l.first && !l.failed[v] {
		l.failed[v] = true
		l.fails++
		l.c.failUnit(l.c.Units[v], pos, text)
	}
}

// search gives the shortest path between two units along the edges that it may
// take, or nil.
func (l *linker) search(from, to int32, may func(e *edge) bool) []*edge {
	l.turn++
	l.seen[from] = l.turn
	queue := append(l.queue[:0], from)
	for i := 0; l.seen[to] != l.turn && i < len(queue); i++ {
		v := queue[i]
		for k := l.start[v]; k < l.start[v+1]; k++ {
			l.work++
			if e := &l.edges[k]; l.seen[e.to] != l.turn && may(e) {
				l.seen[e.to], l.via[e.to] = l.turn, k
				queue = append(queue, e.to)
			}
		}
	}
	l.queue = queue
	if l.seen[to] != l.turn {
		return nil
	}
	var path []*edge
	for v := to; v != from; v = path[len(path)-1].from {
		path = append(path, &l.edges[l.via[v]])
	}
	slices.Reverse(path)
	return path
}

// inKnot reports whether an edge is in the graph and leads to the marked knot.
func (l *linker) inKnot(e *edge) bool { return !e.dropped && l.inSet[e.to] == l.mark }

// cycleText says which way a cycle goes and where its edges are written.
func (l *linker) cycleText(cycle []*edge) string {
	var has [relationCount]bool
	var kinds []string
	for _, e := range cycle {
		has[e.rel] = true
	}
	for r, name := range relationNames {
		if has[r] {
			kinds = append(kinds, quote(name))
		}
	}
	names, places := l.cyclePath(cycle)
	return "cycle " + names + ": drop one " + strings.Join(kinds, " or ") + " (" + places + ")"
}

func (l *linker) cyclePath(cycle []*edge) (names, places string) {
	var n, p []string
	for _, e := range cycle {
		n = append(n, l.name(e.from))
		p = append(p, shortPos(e.ref.Pos))
	}
	return strings.Join(append(elide(n), l.name(cycle[0].from)), " -> "), strings.Join(elide(p), ", ")
}

// dropLast makes a knot of "after" and "before" alone acyclic: it adds the
// edges one by one in file order and drops each one that would close a cycle,
// of which it is the last edge then.
func (l *linker) dropLast(inner []*edge) {
	isKept := func(e *edge) bool { return e.kept }
	for _, e := range inner {
		if l.work > maxWork {
			l.dropMany(inner)
			return
		}
		path := l.search(e.to, e.from, isKept)
		if path == nil {
			e.kept = true
			continue
		}
		names, places := l.cyclePath(append([]*edge{e}, path...))
		l.drop(e, "cycle "+names+": ", places)
	}
}

// dropMany is dropLast when the work is over: order in the configuration, or
// what is in force already, is an order without cycles.
func (l *linker) dropMany(inner []*edge) {
	for _, e := range inner {
		if !e.dropped && (l.first == 0 && e.to > e.from || l.first > 0 && int(e.owner()) >= l.first) {
			l.drop(e, "too many cycles: ", shortPos(e.ref.Pos))
		}
	}
}

// drop takes an edge out of the graph and says so.
func (l *linker) drop(e *edge, why, places string) {
	e.dropped = true
	l.c.add(Fault{Pos: e.ref.Pos, Unit: l.name(e.owner()), Warning: true,
		Text: why + quote(relationNames[e.rel]+" "+e.ref.Name) + " is ignored: drop one of them (" + places + ")"})
}
