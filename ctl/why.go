package ctl

import "strings"

// doWhy shows why a unit is as it is, who holds it up, and what would go down
// with it.
func (c *client) doWhy() *failure {
	var u unit
	var causes, stops []string
	var wanted [][2]string
	seen := false
	err := c.ask([]string{"why", c.args[0]}, func(w []string) *failure {
		switch {
		case w[0] == "unit" && !seen:
			u, seen = decodeUnit(w[1:]), true
		case w[0] == "cause" && len(w) > 1:
			causes = append(causes, w[1])
		case w[0] == "wanted-by" && len(w) > 2:
			wanted = append(wanted, [2]string{w[1], w[2]})
		case w[0] == "would-stop" && len(w) > 1:
			stops = append(stops, w[1])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.json {
		c.jsonWhy(&u, causes, stops, wanted)
		return nil
	}
	c.heading(&u)
	if len(causes) == 0 {
		c.field("because", u.why())
	}
	for i, cause := range causes {
		if i == 0 {
			c.field("because", cause)
		} else {
			c.field("and", cause)
		}
	}
	c.field("not ready", u.readyError)
	by := make([]string, 0, len(wanted))
	for _, w := range wanted {
		by = append(by, wantedBy(w[0], w[1]))
	}
	if len(by) == 0 {
		by = append(by, "nobody")
	}
	c.field("wanted by", strings.Join(by, ", "))
	if len(stops) == 0 {
		stops = append(stops, "nothing else")
	}
	c.field("its stop", "takes down "+strings.Join(stops, " "))
	return nil
}

// wantedBy says in words how a unit is wanted.
func wantedBy(name, how string) string {
	switch how {
	case "boot":
		return "the boot"
	case "start":
		return "a start by name"
	}
	return name + " (" + how + ")"
}

func (c *client) jsonWhy(u *unit, causes, stops []string, wanted [][2]string) {
	var j jsonWriter
	j.open('{')
	u.json(&j)
	j.key("causes").strs(causes)
	j.key("wanted_by").open('[')
	for _, w := range wanted {
		j.open('{')
		j.key("unit").text(w[0])
		j.key("how").text(w[1])
		j.close('}')
	}
	j.close(']')
	j.key("would_stop").strs(stops)
	j.close('}')
	c.out.json(&j)
}

// doShow prints a unit in the format of the configuration: byte for byte when
// it does not go to a terminal, since it must parse to the same unit (F11).
func (c *client) doShow() *failure {
	var lines []string
	err := c.ask([]string{"show", c.args[0]}, func(w []string) *failure {
		if w[0] == "text" && len(w) > 1 {
			lines = append(lines, w[1])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if c.json {
		var j jsonWriter
		j.open('{')
		j.key("name").str(c.args[0])
		j.key("lines").strs(lines)
		j.close('}')
		c.out.json(&j)
		return nil
	}
	for _, l := range lines {
		c.out.bytes(c.term, l)
		c.out.newline()
	}
	return nil
}
