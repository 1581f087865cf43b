package ctl

import (
	"strconv"
	"unicode/utf8"
)

// jsonWriter builds one JSON text (RFC 8259). It is always valid UTF-8: bytes
// that are not become U+FFFD. What could act on a terminal is escaped.
//
// Its methods, and those of out, are not inlined: in all the places where they
// are called that costs 45 KB of the file.
type jsonWriter struct {
	buf   []byte
	comma bool // a comma is due before the next value or key
}

// open begins an object or array; close ends it.
//
//go:noinline
func (j *jsonWriter) open(bracket byte) *jsonWriter {
	j.sep()
	j.buf = append(j.buf, bracket)
	j.comma = false
	return j
}

//go:noinline
func (j *jsonWriter) close(bracket byte) {
	j.buf = append(j.buf, bracket)
	j.comma = true
}

// sep writes the comma that is due; the value that follows makes another due.
//
//go:noinline
func (j *jsonWriter) sep() {
	if j.comma {
		j.buf = append(j.buf, ',')
	}
	j.comma = true
}

//go:noinline
func (j *jsonWriter) key(name string) *jsonWriter {
	j.str(name)
	j.buf = append(j.buf, ':')
	j.comma = false
	return j
}

//go:noinline
func (j *jsonWriter) null() {
	j.sep()
	j.buf = append(j.buf, "null"...)
}

//go:noinline
func (j *jsonWriter) boolean(v bool) {
	j.sep()
	j.buf = strconv.AppendBool(j.buf, v)
}

//go:noinline
func (j *jsonWriter) num(v int64) {
	j.sep()
	j.buf = strconv.AppendInt(j.buf, v, 10)
}

// opt writes a number, or null.
//
//go:noinline
func (j *jsonWriter) opt(v number) {
	if !v.ok {
		j.null()
		return
	}
	j.num(v.n)
}

// text writes a string, or null when it is empty.
//
//go:noinline
func (j *jsonWriter) text(s string) {
	if s == "" {
		j.null()
		return
	}
	j.str(s)
}

//go:noinline
func (j *jsonWriter) strs(list []string) {
	j.open('[')
	for _, s := range list {
		j.str(s)
	}
	j.close(']')
}

// str writes a string.
func (j *jsonWriter) str(s string) {
	j.sep()
	j.buf = append(j.buf, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' {
			if c == '"' || c == '\\' {
				j.buf = append(j.buf, '\\')
			}
			j.buf = append(j.buf, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case r == '\n':
			j.buf = append(j.buf, '\\', 'n')
		case r == '\t':
			j.buf = append(j.buf, '\\', 't')
		case r < 0xa0 || turnsText(r):
			const hex = "0123456789abcdef"
			j.buf = append(j.buf, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default: // U+FFFD for what is not UTF-8
			j.buf = utf8.AppendRune(j.buf, r)
		}
	}
	j.buf = append(j.buf, '"')
}
