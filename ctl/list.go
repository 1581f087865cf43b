package ctl

import (
	"strconv"
	"strings"
)

// gather sends a request and keeps the units of its reply.
func (c *client) gather(request ...string) ([]unit, *failure) {
	var units []unit
	err := c.ask(request, func(w []string) *failure {
		if w[0] == "unit" {
			units = append(units, decodeUnit(w[1:]))
		}
		return nil
	})
	return units, err
}

// doList shows all units, one line each.
func (c *client) doList() *failure {
	units, err := c.gather("list")
	if err != nil {
		return err
	}
	if c.json {
		c.jsonUnits(units)
		return nil
	}
	c.table(units)
	return nil
}

func (c *client) jsonUnits(units []unit) {
	var j jsonWriter
	j.open('[')
	for i := range units {
		j.open('{')
		units[i].json(&j)
		j.close('}')
	}
	j.close(']')
	c.out.json(&j)
}

// The columns of the table. The reason is last and takes what room is left.
var heads = [...]string{"NAME", "STATE", "FOR", "PID", "RST", "REASON"}

const (
	columnName = iota
	columnState
	columnFor
	columnPid
	columnRestarts
	columnReason
)

// minReason is the least room for the reason on a terminal: names give way.
const minReason = 32

// table shows units for an 80-column line. On a terminal the name and the
// reason are cut to fit; elsewhere nothing is.
func (c *client) table(units []unit) {
	rows := make([][len(heads)]string, len(units))
	var width [len(heads)]int
	for i, h := range heads {
		width[i] = len(h)
	}
	for i := range units {
		rows[i] = c.row(&units[i])
		for k, cell := range rows[i] {
			width[k] = max(width[k], columns(cell))
		}
	}
	if c.term.width > 0 {
		fixed := 2 * (len(heads) - 1)
		for _, w := range width[columnState:columnReason] {
			fixed += w
		}
		room := max(c.term.width-fixed, 8)
		width[columnName] = min(width[columnName], max(8, room-min(width[columnReason], minReason)))
		width[columnReason] = max(20, room-width[columnName])
	}
	c.tableRow(heads, width, "")
	for i := range rows {
		c.tableRow(rows[i], width, stateColour(units[i].state))
	}
}

// row gives the cells of one unit, safe for stdout.
func (c *client) row(u *unit) (cells [len(heads)]string) {
	cells[columnName] = c.term.safe(u.name)
	cells[columnState] = c.term.safe(u.state)
	cells[columnFor] = "-"
	if age := u.age(c.now); age.ok && u.state != "inactive" {
		cells[columnFor] = shortDuration(age.n)
	}
	cells[columnPid] = orDash(u.pid)
	cells[columnRestarts] = orDash(u.restarts)
	reason := u.why()
	if u.health[healthState] == "failing" {
		reason = strings.TrimSuffix("health: "+u.health[healthError]+"; "+reason, "; ")
	}
	if u.statusText != "" {
		reason = strings.TrimPrefix(reason+"; "+u.statusText, "; ")
	}
	cells[columnReason] = c.term.safe(reason)
	return cells
}

func orDash(v number) string {
	if !v.ok {
		return "-"
	}
	return strconv.FormatInt(v.n, 10)
}

// tableRow writes one line, with its state in a colour. Numbers stand to the
// right; no line ends in blanks.
func (c *client) tableRow(cells [len(heads)]string, width [len(heads)]int, colour string) {
	for k, cell := range cells {
		if c.term.width > 0 && (k == columnName || k == columnReason) {
			cell = c.term.cut(cell, width[k])
		}
		pad := max(width[k]-columns(cell), 0)
		if k == columnReason {
			pad = 0
		}
		if k == columnPid || k == columnRestarts {
			c.out.raw(blanks(pad))
			pad = 0
		}
		if k == columnState {
			cell = c.term.paint(colour, cell)
		}
		c.out.raw(cell)
		if k < columnReason && (k < columnRestarts || cells[columnReason] != "") {
			c.out.raw(blanks(pad + 2))
		}
	}
	c.out.newline()
}

// blanks gives n of them.
func blanks(n int) string {
	const some = "                                                                "
	if n <= len(some) {
		return some[:n]
	}
	return strings.Repeat(" ", n)
}
