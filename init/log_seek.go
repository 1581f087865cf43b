package pid1

import "bytes"

// textSeeker seeks a text in what a service writes ("ready log"). It works on
// the bytes as they come, so that a line which is cut because of its length, or
// comes in pieces, or never ends, holds the text all the same.
type textSeeker struct {
	text  []byte
	tail  []byte // the last bytes that there were, fewer than the text has
	found bool
}

// feed takes the next bytes.
func (s *textSeeker) feed(p []byte) {
	keep := len(s.text) - 1
	if s.found || keep < 0 {
		return
	}
	edge := append(s.tail, p[:min(len(p), keep)]...)
	if s.found = bytes.Contains(edge, s.text) || bytes.Contains(p, s.text); s.found {
		s.tail = nil
		return
	}
	if len(p) >= keep {
		edge = append(edge[:0], p[len(p)-keep:]...)
	}
	s.tail = append(edge[:0], edge[max(len(edge)-keep, 0):]...)
}

// Seek has the lines that come from now on sought for a text; empty for none.
func (l *UnitLog) Seek(text string) {
	if l.seeking = nil; text != "" {
		l.seeking = &textSeeker{text: []byte(text)}
	}
}

// Found reports, once, that the text has come.
func (l *UnitLog) Found() bool {
	found := l.seeking != nil && l.seeking.found
	if found {
		l.seeking = nil
	}
	return found
}
