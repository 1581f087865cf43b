// Package line is the one codec for words on a line: the configuration, the
// control protocol and the saved state are all written in it (SPEC F1, F4,
// F11). It owns how bytes become words and words become bytes, and must never
// know what the words mean: no units, no verbs, no expansion, no input or
// output.
//
// Words are separated by blanks and tabs. "..." knows \" \\ \$ \n and \t and
// leaves any other backslash as it is, like a shell; '...' is raw; outside
// quotes \x is x. A # at the start of a word begins a comment. Bytes from 0x80
// up, and control bytes other than tab, newline and carriage return, are
// ordinary.
package line

import "errors"

// MaxLine is the longest logical line in bytes, without its line end.
const MaxLine = 64 << 10

// The two ways in which a line cannot be split.
var (
	ErrOpenDouble = errors.New(`quote " is open at the end of the line: close it`)
	ErrOpenSingle = errors.New(`quote ' is open at the end of the line: close it`)
)

// Word is one word of a line.
type Word struct {
	Text string
	raw  []bool // which bytes of Text were escaped or single-quoted; nil = none
}

// Plain gives a word of which every byte may expand.
func Plain(text string) Word { return Word{Text: text} }

// Marked gives a word with its mask, which is as long as text, or nil.
func Marked(text string, raw []bool) Word { return Word{text, raw} }

// Raw reports whether byte i was escaped or single-quoted: it never expands.
func (w Word) Raw(i int) bool { return w.raw != nil && w.raw[i] }

// Slice gives bytes i to j of the word.
func (w Word) Slice(i, j int) Word {
	s := Word{Text: w.Text[i:j]}
	if w.raw != nil {
		s.raw = w.raw[i:j]
	}
	return s
}

// Split appends the words of one logical line to dst. Words without quotes and
// backslashes share the memory of src.
func Split(dst []Word, src string) ([]Word, error) {
	for i := 0; ; {
		w, end, err := next(src, i, true)
		if err != nil || end < 0 {
			return dst, err
		}
		dst, i = append(dst, w), end
	}
}

// Words is Split for lines in which nothing expands: the wire and the state.
func Words(dst []string, src string) ([]string, error) {
	for i := 0; ; {
		w, end, err := next(src, i, false)
		if err != nil || end < 0 {
			return dst, err
		}
		dst, i = append(dst, w.Text), end
	}
}

// next gives the first word of src[i:] and where it ends; end is -1 when there
// is none.
func next(src string, i int, mark bool) (w Word, end int, err error) {
	for i < len(src) && isBlank(src[i]) {
		i++
	}
	if i == len(src) || src[i] == '#' {
		return Word{}, -1, nil
	}
	start := i
	for i < len(src) && !isBlank(src[i]) {
		switch src[i] {
		case '"', '\'', '\\':
			return slow(src, start, i, mark)
		}
		i++
	}
	return Word{Text: src[start:i]}, i, nil
}

// firstRoom is what a word with quotes is first given room for.
const firstRoom = 64

// slow is next for a word with a quote or a backslash at i.
func slow(src string, start, i int, mark bool) (w Word, end int, err error) {
	room := min(len(src)-start, i-start+firstRoom) // not all the rest: a line may have many such words
	d := decoder{text: append(make([]byte, 0, room), src[start:i]...), mark: mark}
	if mark {
		d.raw = make([]bool, i-start, room)
	}
	for i < len(src) && !isBlank(src[i]) {
		switch c := src[i]; c {
		case '\'':
			if i = d.single(src, i+1); i < 0 {
				return Word{}, -1, ErrOpenSingle
			}
		case '"':
			if i = d.double(src, i+1); i < 0 {
				return Word{}, -1, ErrOpenDouble
			}
		case '\\':
			if i+1 < len(src) {
				i++
			}
			d.put(src[i], true)
			i++
		default:
			d.put(c, false)
			i++
		}
	}
	w = Word{Text: string(d.text)}
	for _, r := range d.raw {
		if r {
			w.raw = d.raw
			break
		}
	}
	return w, i, nil
}

// decoder collects the bytes of one word.
type decoder struct {
	text []byte
	raw  []bool
	mark bool
}

func (d *decoder) put(c byte, raw bool) {
	d.text = append(d.text, c)
	if d.mark {
		d.raw = append(d.raw, raw)
	}
}

// single takes '...' from behind its first quote; it gives the index behind the
// last one, or -1 when there is none.
func (d *decoder) single(src string, i int) int {
	for ; i < len(src); i++ {
		if src[i] == '\'' {
			return i + 1
		}
		d.put(src[i], true)
	}
	return -1
}

// double is single for "...".
func (d *decoder) double(src string, i int) int {
	for ; i < len(src); i++ {
		c := src[i]
		if c == '"' {
			return i + 1
		}
		if c != '\\' || i+1 == len(src) {
			d.put(c, false)
			continue
		}
		switch e := src[i+1]; e {
		case '"', '\\', '$':
			d.put(e, true)
			i++
		case 'n':
			d.put('\n', true)
			i++
		case 't':
			d.put('\t', true)
			i++
		default:
			d.put(c, false)
		}
	}
	return -1
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// Append encodes words on one line, without the line's end: Words gives them
// back, whatever bytes they have. A blank goes between words, and before the
// first one when dst has something on its last line.
func Append(dst []byte, words ...string) []byte {
	for _, w := range words {
		if n := len(dst); n > 0 && dst[n-1] != '\n' && dst[n-1] != ' ' {
			dst = append(dst, ' ')
		}
		dst = appendWord(dst, w)
	}
	return dst
}

func appendWord(dst []byte, w string) []byte {
	if isPlain(w) {
		return append(dst, w...)
	}
	dst = append(dst, '"')
	for i := 0; i < len(w); i++ {
		switch c := w[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// isPlain reports whether a word needs no quotes.
func isPlain(w string) bool {
	if w == "" || w[0] == '#' {
		return false
	}
	for i := 0; i < len(w); i++ {
		switch c := w[i]; {
		case c <= ' ', c == 0x7f, c == '"', c == '\'', c == '\\':
			return false
		}
	}
	return true
}
