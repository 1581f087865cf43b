package graph

// ruleReader reads the parts of a rule; bad says that one was not there.
type ruleReader struct {
	s   string
	bad bool
}

// parseZoneRule reads STD OFFSET [DST [OFFSET] [,START[/TIME],END[/TIME]]] as
// tzset(3) has it.
func parseZoneRule(s string) (r zoneRule, ok bool) {
	p := ruleReader{s: s}
	p.name()
	r.std = -p.clock()
	r.dst = r.std
	if p.s == "" || p.bad {
		return r, !p.bad
	}
	p.name()
	r.dst = r.std + 3600
	if p.s != "" && p.s[0] != ',' {
		r.dst = -p.clock()
	}
	if p.s == "" {
		p.s = ",M3.2.0,M11.1.0" // what the C library takes
	}
	p.skip(',')
	r.start = p.date()
	p.skip(',')
	r.end = p.date()
	return r, !p.bad && p.s == ""
}

// take takes one byte if it is there.
func (p *ruleReader) take(c byte) bool {
	if p.s == "" || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

func (p *ruleReader) skip(c byte) { p.bad = !p.take(c) || p.bad }

// name passes over three letters or more, or anything in <>.
func (p *ruleReader) name() {
	n, quoted := 0, p.take('<')
	for n < len(p.s) && (quoted && p.s[n] != '>' || p.s[n]|0x20 >= 'a' && p.s[n]|0x20 <= 'z') {
		n++
	}
	p.s = p.s[n:]
	if p.bad = p.bad || n < 3; quoted {
		p.skip('>')
	}
}

func (p *ruleReader) number(most int) int {
	n := 0
	for n < len(p.s) && p.s[n] >= '0' && p.s[n] <= '9' {
		n++
	}
	v, ok := digits(p.s[:n], int64(most))
	p.bad = p.bad || !ok || v > int64(most)
	p.s = p.s[n:]
	return int(v)
}

// clock reads [+-]HH[:MM[:SS]] in seconds.
func (p *ruleReader) clock() int64 {
	minus := p.take('-')
	if !minus {
		p.take('+')
	}
	t := int64(p.number(167)) * 3600
	if p.take(':') {
		t += int64(p.number(59)) * 60
		if p.take(':') {
			t += int64(p.number(59))
		}
	}
	if minus {
		return -t
	}
	return t
}

// date reads Mm.w.d, Jn or n, and the time behind it.
func (p *ruleReader) date() zoneDate {
	d := zoneDate{form: 'N', second: 2 * 3600}
	switch {
	case p.take('M'):
		d.form, d.month = 'M', p.number(12)
		p.skip('.')
		d.week = p.number(5)
		p.skip('.')
		d.day = p.number(6)
		p.bad = p.bad || d.month == 0 || d.week == 0
	case p.take('J'):
		d.form, d.day = 'J', p.number(365)
		p.bad = p.bad || d.day == 0
	default:
		d.day = p.number(365)
	}
	if p.take('/') {
		d.second = p.clock()
	}
	return d
}
