package graph

import (
	"strings"

	"mote/graph/line"
)

// ExpandText gives a word with its variables (SPEC F5). lookup gives a
// variable's value; unset, which may be nil, is called for each one that has
// neither a value nor a default. As in a shell, the word of ${NAME:-word}
// stands for an empty value too.
func ExpandText(t Text, lookup func(string) (string, bool), unset func(name string)) string {
	switch {
	case len(t) == 0:
		return ""
	case len(t) == 1 && t[0].Var == "":
		return t[0].Lit
	}
	var out strings.Builder
	for _, p := range t {
		if p.Var == "" {
			out.WriteString(p.Lit)
			continue
		}
		value, ok := lookup(p.Var)
		if value == "" && p.HasDef {
			value, ok = p.Def, true
		}
		if !ok && unset != nil {
			unset(p.Var)
		}
		out.WriteString(value)
	}
	return out.String()
}

// literal gives the Text that never expands.
func literal(s string) Text {
	if s == "" {
		return nil
	}
	return Text{{Lit: s}}
}

// parseText finds ${NAME}, ${NAME:-word} and $$ in a word; any other $ is
// literal. Neighbouring literal bytes are one part.
func parseText(w line.Word) Text {
	if strings.IndexByte(w.Text, '$') < 0 {
		return literal(w.Text)
	}
	var t Text
	var lit []byte
	for i := 0; i < len(w.Text); {
		p, n := variable(w.Slice(i, len(w.Text)))
		switch {
		case n == 0:
			lit = append(lit, w.Text[i])
			n = 1
		case p.Var == "":
			lit = append(lit, '$')
		default:
			if len(lit) > 0 {
				t, lit = append(t, Part{Lit: string(lit)}), lit[:0]
			}
			t = append(t, p)
		}
		i += n
	}
	if len(lit) > 0 {
		t = append(t, Part{Lit: string(lit)})
	}
	return t
}

// variable gives the variable that w begins with and its length in bytes; a
// part without name is "$$". The length is 0 when w begins with neither.
func variable(w line.Word) (p Part, n int) {
	s := w.Text
	if len(s) < 2 || s[0] != '$' || w.Raw(0) || w.Raw(1) {
		return p, 0
	}
	if s[1] == '$' {
		return p, 2
	}
	if s[1] != '{' {
		return p, 0
	}
	i := 2
	for i < len(s) && isVarByte(s[i], i == 2) && !w.Raw(i) {
		i++
	}
	name := s[2:i]
	if name == "" {
		return p, 0
	}
	if strings.HasPrefix(s[i:], ":-") && !w.Raw(i) && !w.Raw(i+1) {
		p.HasDef = true
		i += 2
	}
	for end := i; end < len(s); end++ {
		if s[end] != '}' || w.Raw(end) {
			if p.HasDef {
				continue
			}
			break
		}
		p.Var, p.Def = name, s[i:end]
		return p, end + 1
	}
	return Part{}, 0
}

// isVarByte reports whether c may be in the NAME of ${NAME}.
func isVarByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && c >= '0' && c <= '9'
}

// percent replaces %i, %n and %% in a word. It reports whether the word asked
// for an instance; without one (and for a "set" line, which has no unit's name
// either) keep leaves the letters as they are.
func percent(w line.Word, name, instance string, keep bool) (line.Word, bool) {
	if strings.IndexByte(w.Text, '%') < 0 {
		return w, false
	}
	asked := false
	text := make([]byte, 0, len(w.Text)+len(name))
	raw := make([]bool, 0, len(w.Text)+len(name))
	put := func(s string, isRaw bool) {
		for i := 0; i < len(s); i++ {
			text, raw = append(text, s[i]), append(raw, isRaw)
		}
	}
	for i := 0; i < len(w.Text); i++ {
		c := w.Text[i]
		if c != '%' || w.Raw(i) || i+1 == len(w.Text) || w.Raw(i+1) {
			put(w.Text[i:i+1], w.Raw(i))
			continue
		}
		switch e := w.Text[i+1]; {
		case e == '%':
			put("%", true)
		case e == 'n' && !keep:
			put(name, true)
		case e == 'i' && !keep:
			put(instance, true)
			asked = true
		default:
			put("%", false)
			continue
		}
		i++
	}
	return line.Marked(string(text), raw), asked
}
