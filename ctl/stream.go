package ctl

// doLogs shows output of units as it comes. The name of the unit is left out
// when one alone was asked for.
func (c *client) doLogs() *failure {
	request := []string{"logs"}
	if c.follow {
		request = append(request, "-f")
	}
	if c.lines != "" {
		request = append(request, "-n", c.lines)
	}
	one := len(c.args) == 1
	return c.ask(append(request, c.args...), func(w []string) *failure {
		l, ok := decodeLog(w)
		switch {
		case !ok:
		case c.json:
			c.jsonLog(&l)
		default:
			c.logLine(&l, one)
		}
		return nil
	})
}

// logLine writes TIME UNIT: TEXT, or what was dropped. The text goes out byte
// for byte unless stdout is a terminal.
func (c *client) logLine(l *logLine, one bool) {
	if l.dropped.ok {
		c.out.raw("-- ")
		c.out.text(c.term, l.unit)
		c.out.raw(": " + count(int(l.dropped.n), "older line") + " dropped\n")
		return
	}
	c.stamp(l.at)
	if !one {
		c.out.text(c.term, l.unit)
		c.out.raw(": ")
	}
	c.out.bytes(c.term, l.text)
	c.out.newline()
}

// stamp begins a line with a time of day in UTC: whole for a file or a pipe,
// without year and milliseconds on a terminal, where columns are dear.
func (c *client) stamp(at number) {
	if !at.ok {
		return
	}
	s := timeOfDay(at.n, true)
	if c.term.tty && len(s) > len("2026-01-02T15:04:05") {
		c.out.raw(s[5:10] + " " + s[11:19] + " ")
		return
	}
	c.out.raw(s + " ")
}

func (c *client) jsonLog(l *logLine) {
	var j jsonWriter
	j.open('{')
	j.key("time").time(l.at)
	j.key("unit").str(l.unit)
	if l.dropped.ok {
		j.key("dropped").opt(l.dropped)
	} else {
		j.key("text").str(l.text)
	}
	j.close('}')
	c.out.json(&j)
}

// doEvents shows every transition as it happens.
func (c *client) doEvents() *failure {
	return c.ask([]string{"events"}, func(w []string) *failure {
		if w[0] != "event" || len(w) < 6 {
			return nil
		}
		at, reason := parseNumber(w[1]), ""
		if len(w) > 6 {
			reason = w[6]
		}
		if c.json {
			var j jsonWriter
			j.open('{')
			j.key("time").time(at)
			j.key("unit").str(w[2])
			j.key("from").str(w[3])
			j.key("to").str(w[4])
			j.key("want").str(w[5])
			j.key("reason").text(reason)
			j.close('}')
			c.out.json(&j)
			return nil
		}
		t := c.term
		c.stamp(at)
		c.out.raw(t.safe(w[2]) + ": " + t.safe(w[3]) + " -> " + t.paint(stateColour(w[4]), t.safe(w[4])))
		if w[5] != usualWant(w[4]) {
			c.out.raw(" (wanted " + t.safe(w[5]) + ")")
		}
		if reason != "" {
			c.out.raw(": " + t.safe(reason))
		}
		c.out.newline()
		return nil
	})
}
