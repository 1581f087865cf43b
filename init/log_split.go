package pid1

import "bytes"

// splitter cuts the bytes of a pipe into lines. What it gives depends on the
// bytes alone, never on how they were cut into reads: a line ends at "\n", one
// "\r" before that is dropped, and a text longer than the limit is cut at
// each limit bytes. A line of exactly the limit is one line.
type splitter struct {
	part  []byte // begun and not ended, at most limit+2 bytes; nil when nothing is
	spent int    // bytes of part that the last next gave away
}

// partPool keeps a few buffers of partial lines for the next unit that needs
// one, so that a flood of lines across reads makes no garbage.
type partPool struct {
	free [4][]byte
	n    int
}

// firstPartBytes is a partial line's first buffer.
const firstPartBytes = 256

// next gives the first whole line of what is held and p, and what is left of
// p. ok is false when there is none: then all of p is held. The line is valid
// until the next call.
func (s *splitter) next(p []byte, limit int, pool *partPool) (line, rest []byte, ok bool) {
	s.settle(pool)
	if len(s.part) == 0 {
		return s.direct(p, limit, pool)
	}
	if room := limit + 2 - len(s.part); room > 0 {
		w := p[:min(len(p), room)]
		i := bytes.IndexByte(w, '\n')
		if i < 0 {
			s.hold(w, limit, pool)
			p = p[len(w):]
		} else {
			s.hold(w[:i], limit, pool)
			p = p[i:] // the newline itself stays until its line is given
			if line := dropCR(s.part); len(line) <= limit {
				s.spent = len(s.part)
				return line, p[1:], true
			}
		}
	}
	if overlong(s.part, limit) {
		s.spent = limit
		return s.part[:limit], p, true
	}
	return nil, nil, false
}

// direct is next when nothing is held: lines are given where they are.
func (s *splitter) direct(p []byte, limit int, pool *partPool) (line, rest []byte, ok bool) {
	w := p[:min(len(p), limit+2)]
	if i := bytes.IndexByte(w, '\n'); i >= 0 {
		if line = dropCR(w[:i]); len(line) <= limit {
			return line, p[i+1:], true
		}
		return p[:limit], p[limit:], true
	}
	if overlong(w, limit) {
		return p[:limit], p[limit:], true
	}
	s.hold(p, limit, pool)
	return nil, nil, false
}

// overlong reports whether b, without a newline, is certain to be longer than the
// limit: one "\r" too many may be a line end's first half.
func overlong(b []byte, limit int) bool {
	return len(b) > limit+1 || len(b) == limit+1 && b[limit] != '\r'
}

// flush gives what is held as a line, because no more will come; it is called
// until ok is false.
func (s *splitter) flush(limit int, pool *partPool) (line []byte, ok bool) {
	s.settle(pool)
	if len(s.part) == 0 {
		return nil, false
	}
	if line = dropCR(s.part); len(line) > limit {
		s.spent = limit
		return s.part[:limit], true
	}
	s.spent = len(s.part)
	return line, true
}

// held gives the bytes that wait for the end of their line.
func (s *splitter) held() []byte { return s.part[s.spent:] }

// settle lets go of what the last call gave away.
func (s *splitter) settle(pool *partPool) {
	if s.spent == 0 {
		return
	}
	n := copy(s.part, s.part[s.spent:])
	s.part, s.spent = s.part[:n], 0
	if n == 0 {
		pool.put(s.part)
		s.part = nil
	}
}

// drop forgets what is held.
func (s *splitter) drop(pool *partPool) {
	s.spent = len(s.part)
	s.settle(pool)
}

// hold adds b to what is held, in a buffer that grows to limit+2 and no more.
func (s *splitter) hold(b []byte, limit int, pool *partPool) {
	if len(b) == 0 {
		return
	}
	need := len(s.part) + len(b)
	if s.part == nil {
		s.part = pool.get()
	}
	if need > cap(s.part) {
		n := max(cap(s.part), firstPartBytes)
		for n < need {
			n *= 2
		}
		grown := make([]byte, len(s.part), max(need, min(n, limit+2)))
		copy(grown, s.part)
		s.part = grown
	}
	s.part = append(s.part, b...)
}

func (p *partPool) get() []byte {
	if p.n == 0 {
		return nil
	}
	p.n--
	b := p.free[p.n]
	p.free[p.n] = nil
	return b
}

func (p *partPool) put(b []byte) {
	if p.n < len(p.free) && cap(b) > 0 {
		p.free[p.n] = b[:0]
		p.n++
	}
}

func dropCR(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}

// Feed takes bytes as they came from the unit.
func (l *UnitLog) Feed(p []byte) {
	if l.seeking != nil {
		l.seeking.feed(p)
	}
	limit := l.lineLimit()
	for {
		line, rest, ok := l.split.next(p, limit, &l.logs.parts)
		if !ok {
			return
		}
		l.line(line)
		p = rest
	}
}
