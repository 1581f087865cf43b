package ctl

import (
	"slices"
	"strings"
)

// maxDepth bounds the indentation of a tree on paper: a chain of 10,000 units
// would else be 10,000 lines of up to 40,000 blanks.
const maxDepth = 60

// branch is one line of a tree.
type branch struct {
	name  string
	depth int
	edge  string // requires or wants; empty for a root
	unit  *unit  // nil when no unit has this name
	again bool   // its own branches were shown before
	more  bool   // another branch of the same parent follows
	deep  bool   // its own branches lie too deep
}

// doTree shows what requires and wants what.
func (c *client) doTree() *failure {
	units, err := c.gather("list")
	if err != nil {
		return err
	}
	roots := findRoots(units)
	if len(c.args) == 1 {
		roots = nil
		for i := range units {
			if units[i].name == c.args[0] {
				roots = []int{i}
			}
		}
		if roots == nil {
			return noUnit(c.args[0], units)
		}
	}
	limit := maxDepth
	if c.json {
		limit = len(units) + 1
	}
	branches := grow(units, roots, limit, len(c.args) == 0)
	if c.json {
		c.jsonTree(branches)
		return nil
	}
	c.drawTree(branches)
	return nil
}

// noUnit names the nearest unit to one that is not there.
func noUnit(name string, units []unit) *failure {
	names := make([]string, len(units))
	for i := range units {
		names[i] = units[i].name
	}
	text := "no such unit: " + quote(name)
	if near := nearest(name, names); near != "" {
		text += ": did you mean " + quote(near) + "?"
	}
	return fail(NoUnit, text)
}

// findRoots gives the units that no other one requires or wants.
func findRoots(units []unit) []int {
	held := make(map[string]bool)
	for i := range units {
		for _, edges := range [...][]string{units[i].requires, units[i].wants} {
			for _, name := range edges {
				if name != units[i].name {
					held[name] = true
				}
			}
		}
	}
	var roots []int
	for i := range units {
		if !held[units[i].name] {
			roots = append(roots, i)
		}
	}
	return roots
}

// grow walks the units from the roots, depth first, with a stack of its own,
// since a chain may be as long as there are units. A unit's branches are
// given once; so a cycle ends. With all, what no root reaches, which are
// cycles and what hangs on them, follows as further roots.
func grow(units []unit, roots []int, limit int, all bool) []branch {
	index := make(map[string]int, len(units))
	for i := range units {
		index[units[i].name] = i
	}
	shown := make([]bool, len(units))
	var done, todo []branch
	walk := func(root int) {
		todo = append(todo[:0], branch{name: units[root].name})
		for len(todo) > 0 {
			b := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if i, ok := index[b.name]; ok {
				b.unit = &units[i]
				leaf := len(b.unit.requires)+len(b.unit.wants) == 0
				switch {
				case leaf:
					shown[i] = true
				case shown[i]:
					b.again = true
				case b.depth >= limit:
					b.deep = true
				default:
					shown[i] = true
					todo = append(todo, children(&units[i], b.depth+1)...)
				}
			}
			done = append(done, b)
		}
	}
	for _, r := range roots {
		walk(r)
	}
	for i := range units {
		if all && !shown[i] {
			walk(i)
		}
	}
	return done
}

// children gives the branches of a unit, last first, as a stack wants them. A
// name that is both required and wanted counts as required.
func children(u *unit, depth int) []branch {
	var list []branch
	for _, name := range u.requires {
		list = append(list, branch{name: name, depth: depth, edge: "requires", more: true})
	}
	for _, name := range u.wants {
		if !slices.Contains(u.requires, name) {
			list = append(list, branch{name: name, depth: depth, edge: "wants", more: true})
		}
	}
	list[len(list)-1].more = false
	slices.Reverse(list)
	return list
}

// drawTree writes the branches with lines of the terminal's character set.
func (c *client) drawTree(branches []branch) {
	bar, tee, end := "|   ", "|-- ", "`-- "
	if c.term.utf8 {
		bar, tee, end = "\u2502   ", "\u251c\u2500\u2500 ", "\u2514\u2500\u2500 "
	}
	var more []bool // for each level, whether another branch follows
	for _, b := range branches {
		more = append(more[:min(b.depth, len(more))], b.more)
		for level := 1; level < b.depth; level++ {
			if more[level] {
				c.out.raw(bar)
			} else {
				c.out.raw("    ")
			}
		}
		if b.depth > 0 && b.more {
			c.out.raw(tee)
		} else if b.depth > 0 {
			c.out.raw(end)
		}
		c.out.raw(c.leaf(&b))
		c.out.newline()
	}
}

// leaf gives what a line of the tree says of its unit.
func (c *client) leaf(b *branch) string {
	text := c.term.safe(b.name) + " "
	if b.unit == nil {
		text += c.term.paint(red, "no such unit")
	} else {
		text += c.term.paint(stateColour(b.unit.state), c.term.safe(b.unit.state))
	}
	if b.edge == "wants" {
		text += " (wanted)"
	}
	if b.again {
		text += " (see above)"
	}
	if b.deep && len(c.args) == 0 {
		text += " (see below)" // as a root of its own
	} else if b.deep {
		text += " (deeper: tree " + c.term.safe(b.name) + ")"
	}
	return text
}

// jsonTree writes the branches as a flat array in the order of the tree: a
// nested one would be too deep for many readers.
func (c *client) jsonTree(branches []branch) {
	var j jsonWriter
	j.open('[')
	for _, b := range branches {
		j.open('{')
		j.key("name").str(b.name)
		j.key("depth").num(int64(b.depth))
		j.key("edge").text(b.edge)
		j.key("state")
		if b.unit == nil {
			j.null()
		} else {
			j.text(b.unit.state)
		}
		j.key("repeated").boolean(b.again)
		j.close('}')
	}
	j.close(']')
	c.out.json(&j)
}

// doGraph writes the dependencies for Graphviz dot.
func (c *client) doGraph() *failure {
	units, err := c.gather("list")
	if err != nil {
		return err
	}
	if c.json {
		c.jsonGraph(units)
		return nil
	}
	c.out.raw("digraph mote {\n\trankdir=LR;\n\tnode [shape=box];\n")
	for i := range units {
		u := &units[i]
		c.out.raw("\t" + c.dot(u.name) + " [label=" + c.dot(u.name+"\n"+u.state) + dotColour(u.state) + "];\n")
	}
	eachEdge(units, func(from, to, kind string) {
		style := ""
		switch kind {
		case "wants":
			style = " [style=dashed]"
		case "after":
			style = " [style=dotted]"
		case "conflicts":
			style = " [color=red, dir=none]"
		}
		c.out.raw("\t" + c.dot(from) + " -> " + c.dot(to) + style + ";\n")
	})
	c.out.raw("}\n")
	return nil
}

func eachEdge(units []unit, edge func(from, to, kind string)) {
	for i := range units {
		u := &units[i]
		for _, list := range [...]struct {
			kind  string
			names []string
		}{{"requires", u.requires}, {"wants", u.wants}, {"after", u.after}, {"conflicts", u.conflicts}} {
			for _, to := range list.names {
				edge(u.name, to, list.kind)
			}
		}
	}
}

// dot quotes a label; a line end in it is dot's own \n.
func (c *client) dot(s string) string {
	head, tail, two := strings.Cut(s, "\n")
	text := dotEscape(c.term.safe(head))
	if two {
		text += `\n` + dotEscape(c.term.safe(tail))
	}
	return `"` + text + `"`
}

func dotEscape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`)
}

func dotColour(state string) string {
	switch stateColour(state) {
	case green:
		return ", color=green"
	case red:
		return ", color=red"
	case yellow:
		return ", color=orange"
	case cyan:
		return ", color=blue"
	case dim:
		return ", color=gray"
	}
	return ""
}

func (c *client) jsonGraph(units []unit) {
	var j jsonWriter
	j.open('{')
	j.key("nodes").open('[')
	for i := range units {
		j.open('{')
		j.key("name").str(units[i].name)
		j.key("state").text(units[i].state)
		j.close('}')
	}
	j.close(']')
	j.key("edges").open('[')
	eachEdge(units, func(from, to, kind string) {
		j.open('{')
		j.key("from").str(from)
		j.key("to").str(to)
		j.key("kind").str(kind)
		j.close('}')
	})
	j.close(']')
	j.close('}')
	c.out.json(&j)
}
