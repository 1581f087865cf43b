package graph

import (
	"strings"
)

// Show gives the lines of a unit in the configuration's format; parsed again
// they make the same unit (SPEC F11). What is the default is not written.
func Show(u *Unit) []string {
	s := shower{}
	s.begin(pad(u.Kind.String(), 9))
	s.word(literal(u.Name), false)
	if len(u.Exec) > 0 && !u.Sh {
		s.words(u.Exec)
	}
	s.end()
	for i := range keyRows {
		if keyRows[i].Kinds.Has(u.Kind) {
			keyRows[i].show(&s, u)
		}
	}
	return s.lines
}

// shower writes the lines of a unit.
type shower struct {
	lines []string
	buf   []byte
}

func pad(s string, width int) string {
	if len(s) < width {
		s += strings.Repeat(" ", width-len(s))
	}
	return s
}

func (s *shower) begin(first string) { s.buf = append(s.buf[:0], first...) }

func (s *shower) end() { s.lines = append(s.lines, string(s.buf)) }

// key starts a key line.
func (s *shower) key(name string) { s.begin("    " + pad(name, 10)) }

// line writes a whole key line of words that do not expand at a start.
func (s *shower) line(key string, words ...string) {
	s.key(key)
	for _, w := range words {
		s.word(literal(w), false)
	}
	s.end()
}

// text writes a key with one word, if there is one.
func (s *shower) text(key, word string) {
	if word != "" {
		s.line(key, word)
	}
}

// flag writes a key with its word, if it is so.
func (s *shower) flag(key, word string, so bool) {
	if so {
		s.line(key, word)
	}
}

// list writes words on as many lines as are easy to read, none for no words.
func (s *shower) list(key string, words []string) {
	const width = 100
	for i, w := range words {
		if i > 0 && len(s.buf)+len(w) >= width {
			s.end()
		}
		if i == 0 || len(s.buf)+len(w) >= width {
			s.key(key)
		}
		s.word(literal(w), false)
	}
	if len(words) > 0 {
		s.end()
	}
}

func (s *shower) words(c []Text) {
	for _, t := range c {
		s.word(t, true)
	}
}

// commands writes a line for each command.
func (s *shower) commands(key string, all [][]Text) {
	for _, c := range all {
		s.key(key)
		s.words(c)
		s.end()
	}
}

// word writes a blank and a word. In a word that expands at a start a literal
// "$" is written so that it does not.
func (s *shower) word(t Text, expands bool) {
	if n := len(s.buf); n > 0 && s.buf[n-1] != ' ' {
		s.buf = append(s.buf, ' ')
	}
	s.buf = appendText(s.buf, t, expands)
}

// appendText encodes one word: as it is, in single quotes, or in double ones.
func appendText(dst []byte, t Text, expands bool) []byte {
	if len(t) == 0 {
		return append(dst, `""`...)
	}
	plain, single := true, true
	for i, p := range t {
		if p.Var != "" {
			single = false
			plain = plain && isPlain(p.Def, false) && strings.IndexByte(p.Def, '}') < 0
			continue
		}
		plain = plain && isPlain(p.Lit, expands) && (i > 0 || !strings.HasPrefix(p.Lit, "#"))
		single = single && strings.IndexByte(p.Lit, '\'') < 0 && strings.IndexByte(p.Lit, '\n') < 0
	}
	switch {
	case plain:
		return appendParts(dst, t, expands, false)
	case single:
		dst = append(dst, '\'')
		for _, p := range t {
			dst = append(dst, p.Lit...)
		}
		return append(dst, '\'')
	}
	return append(appendParts(append(dst, '"'), t, expands, true), '"')
}

// isPlain reports whether text means itself outside quotes.
func isPlain(text string, expands bool) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c <= ' ', c == 0x7f, c == '"', c == '\'', c == '\\':
			return false
		case c == '%' && i+1 < len(text) && strings.IndexByte("%in", text[i+1]) >= 0:
			return false
		case c == '$' && expands && (i+1 == len(text) || text[i+1] == '{' || text[i+1] == '$'):
			return false
		}
	}
	return true
}

func appendParts(dst []byte, t Text, expands, quoted bool) []byte {
	for _, p := range t {
		if p.Var == "" {
			dst = appendBytes(dst, p.Lit, expands, quoted)
			continue
		}
		dst = append(append(dst, "${"...), p.Var...)
		if p.HasDef {
			dst = append(dst, ":-"...)
			for i, piece := range strings.Split(p.Def, "}") {
				if i > 0 {
					dst = append(dst, `"\}"`...) // no escape inside double quotes
				}
				dst = appendBytes(dst, piece, false, quoted)
			}
		}
		dst = append(dst, '}')
	}
	return dst
}

// appendBytes writes literal bytes outside single quotes.
func appendBytes(dst []byte, text string, expands, quoted bool) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '%' && !isPlain(text[i:min(i+2, len(text))], false):
			dst = append(dst, '%', '%')
		case c == '$' && expands && !isPlain(text[i:min(i+2, len(text))], true):
			dst = append(dst, '$', '$')
		case quoted && (c == '"' || c == '\\'):
			dst = append(dst, '\\', c)
		case quoted && c == '\n':
			dst = append(dst, '\\', 'n')
		case quoted && c == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
