package ctl

import (
	"strconv"
	"strings"
)

// logLine is one line of a unit's output, or, with dropped, the number of
// older lines that its ring has lost.
type logLine struct {
	unit    string
	at      number // unix milliseconds
	text    string
	dropped number
}

// decodeLog reads a log or dropped line; ok is false for any other.
func decodeLog(w []string) (l logLine, ok bool) {
	switch {
	case w[0] == "log" && len(w) >= 4:
		return logLine{unit: w[1], at: parseNumber(w[2]), text: w[3]}, true
	case w[0] == "dropped" && len(w) >= 3:
		return logLine{unit: w[1], dropped: parseNumber(w[2])}, true
	}
	return l, false
}

// doStatus shows the system, or units in full. Its exit status is 3 when a
// unit that was named is not satisfied.
func (c *client) doStatus() (int, *failure) {
	if len(c.args) == 0 {
		if c.json {
			return OK, c.doList()
		}
		return OK, c.systemStatus()
	}
	code := OK
	var units []unit
	logs := make(map[string][]logLine)
	err := c.ask(append([]string{"status"}, c.args...), func(w []string) *failure {
		if w[0] == "unit" {
			units = append(units, decodeUnit(w[1:]))
			if !units[len(units)-1].satisfied() {
				code = TimedOut
			}
		} else if l, ok := decodeLog(w); ok && !c.json {
			logs[l.unit] = append(logs[l.unit], l)
		}
		return nil
	})
	if c.json {
		if err == nil {
			c.jsonUnits(units)
		}
		return code, err
	}
	for i := range units {
		if i > 0 {
			c.out.newline()
		}
		c.block(&units[i])
		c.blockLogs(logs[units[i].name])
	}
	return code, err
}

// block shows one unit in full.
func (c *client) block(u *unit) {
	c.heading(u)
	c.field("about", u.description)
	process := ""
	if u.pid.ok {
		process = "pid " + orDash(u.pid) + ", "
		if u.ready == "yes" {
			process += "ready, "
		} else if u.ready == "no" {
			process += "not ready, "
		}
	}
	if u.restarts.ok && (u.pid.ok || u.restarts.n > 0) {
		process += count(int(u.restarts.n), "restart") + ", "
	}
	if u.reloading {
		process += "reloading, "
	}
	if u.storedFDs.ok {
		process += count(int(u.storedFDs.n), "stored descriptor")
	}
	c.field("process", strings.TrimSuffix(process, ", "))
	c.field("not ready", u.readyError)
	c.field("reason", u.why())
	c.field("says", u.statusText)
	c.field("errno", u.errno)
	c.field("health", u.checks())
	c.field("last exit", u.lastExit())
	usage := ""
	if u.memoryBytes.ok {
		usage = shortBytes(u.memoryBytes.n) + " memory"
	}
	if u.cpuMS.ok {
		if usage != "" {
			usage += ", "
		}
		usage += shortDuration(u.cpuMS.n) + " cpu"
	}
	c.field("uses", usage)
	if u.oomKills.n > 0 {
		c.field("oom kills", orDash(u.oomKills))
	}
	c.field("listen", strings.Join(u.listen, ", "))
	c.field("requires", strings.Join(u.requires, " "))
	c.field("wants", strings.Join(u.wants, " "))
	c.field("after", strings.Join(u.after, " "))
	c.field("conflicts", strings.Join(u.conflicts, " "))
	c.field("file", u.file)
}

// heading is the first line of a unit:
//
//	web - running (service, user) since 2026-01-02T03:04:05Z (2m 3s)
func (c *client) heading(u *unit) {
	t := c.term
	c.out.raw(t.safe(u.name) + " - " + t.paint(stateColour(u.state), t.safe(u.state)))
	about := u.kind
	if u.class != "" {
		about += ", " + u.class
	}
	if u.main {
		about += ", main"
	}
	if u.want != "" && u.want != usualWant(u.state) {
		about += ", wanted " + u.want
	}
	c.out.raw(" (" + t.safe(about) + ")")
	if u.since.ok {
		c.out.raw(" since " + timeOfDay(u.since.n, false))
	}
	if age := u.age(c.now); age.ok {
		c.out.raw(" (" + shortDuration(age.n) + ")")
	}
	c.out.newline()
}

// usualWant is what goes without saying for a state.
func usualWant(state string) string {
	if state == "inactive" || state == "stopping" {
		return "down"
	}
	return "up"
}

// lastExit gives how the last process ended.
func (u *unit) lastExit() string {
	switch {
	case u.exitSignal != "":
		return "signal " + u.exitSignal
	case u.exitCode.ok:
		return "code " + strconv.FormatInt(u.exitCode.n, 10)
	}
	return ""
}

// fieldIndent is where the values of a block begin.
const fieldIndent = 15

// field writes one line of a block, or nothing without a value. On a terminal
// a long value goes on below, at the blanks.
func (c *client) field(name, value string) {
	if value == "" {
		return
	}
	value = strings.TrimRight(c.term.safe(value), " ")
	c.out.raw("    " + name + blanks(fieldIndent-4-len(name)))
	for c.term.width > fieldIndent+20 {
		part, rest := fold(value, c.term.width-fieldIndent)
		if rest == "" {
			break
		}
		c.out.raw(part + "\n" + blanks(fieldIndent))
		value = rest
	}
	c.out.raw(value)
	c.out.newline()
}

// fold cuts safe text at the last blank before so many columns; without a
// blank it is not cut.
func fold(s string, width int) (part, rest string) {
	if columns(s) <= width {
		return s, ""
	}
	at, used := -1, 0
	for i, r := range s {
		if r == ' ' && (used <= width || at < 0) {
			at = i
		}
		if used += runeColumns(r); used > width && at > 0 {
			break
		}
	}
	if at <= 0 {
		return s, ""
	}
	return s[:at], strings.TrimLeft(s[at:], " ")
}

// blockLogs shows the last lines of a unit's output below its block.
func (c *client) blockLogs(lines []logLine) {
	for _, l := range lines {
		if l.dropped.ok {
			c.out.raw("    -- " + count(int(l.dropped.n), "older line") + " dropped\n")
			continue
		}
		c.out.raw("    ")
		if l.at.ok && l.at.n >= 0 && l.at.n < yearTenThousand {
			c.out.raw(timeOfDay(l.at.n, true)[len("2006-01-02T"):] + " ")
		}
		c.out.bytes(c.term, l.text)
		c.out.newline()
	}
}

// systemStatus shows the init, the faults of its configuration, and the units
// that are in trouble.
func (c *client) systemStatus() *failure {
	var units []unit
	var faults []Fault
	system := make(map[string]string)
	err := c.ask([]string{"status"}, func(w []string) *failure {
		switch w[0] {
		case "system":
			pairs(w[1:], func(key, value string) { system[key] = value })
		case "fault", "warning":
			faults = append(faults, decodeFault(w))
		case "unit":
			units = append(units, decodeUnit(w[1:]))
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.systemBlock(system)
	if len(faults) > 0 {
		c.out.newline()
	}
	for _, f := range faults {
		c.fault(f)
	}
	if len(units) > 0 {
		c.out.newline()
		c.table(units)
	}
	return nil
}

func (c *client) systemBlock(system map[string]string) {
	t := c.term
	phase := system["phase"]
	colour := ""
	switch phase {
	case "running":
		colour = green
	case "degraded", "degraded (bug)":
		colour = red
	case "starting", "stopping":
		colour = cyan
	}
	head := "mote"
	if v := system["version"]; v != "" {
		head += " " + t.safe(v)
	}
	c.out.raw(head + " - " + t.paint(colour, t.safe(phase)))
	about := system["role"]
	if pid := system["pid"]; pid != "" {
		about += ", pid " + pid
	}
	c.out.raw(" (" + t.safe(about) + ")")
	if boot := parseNumber(system["boot_ms"]); boot.ok {
		c.out.raw(" since " + timeOfDay(boot.n, false))
	}
	if up := parseNumber(system["uptime_ms"]); up.ok {
		c.out.raw(" (" + shortDuration(up.n) + ")")
	}
	c.out.newline()
	text := ""
	if n := parseNumber(system["units"]); n.ok {
		text = orDash(n)
		sep := ": "
		for _, key := range [...]string{"running", "blocked", "failed"} {
			if v := parseNumber(system[key]); v.ok && (v.n > 0 || key == "running") {
				text += sep + orDash(v) + " " + key
				sep = ", "
			}
		}
	}
	c.field("units", text)
	if n := parseNumber(system["faults"]); n.n > 0 {
		c.field("faults", orDash(n))
	}
	c.field("socket", system["socket"])
	c.field("signals", system["signals"])
	c.field("cgroups", system["cgroups"])
	if n := parseNumber(system["reexecs"]); n.n > 0 {
		text := orDash(n) + ", the last one"
		if at := parseNumber(system["reexec_ms"]); at.ok {
			text += " " + timeOfDay(at.n, false)
		}
		c.field("re-execs", text+": "+system["reexec"])
	}
}
