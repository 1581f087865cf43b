package ctl

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// term is what stdout can show.
type term struct {
	tty    bool
	width  int // columns; 0 = no limit
	colour bool
	utf8   bool // the locale says so
}

// findTerm looks at stdout once. A serial line knows no size (0 columns): then
// COLUMNS counts, else it is taken to be 80 wide.
func findTerm(fd int, getenv func(string) string) term {
	t := term{utf8: utf8Locale(getenv)}
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return t
	}
	t.tty = true
	t.width = int(size.Col)
	if t.width == 0 {
		t.width, _ = strconv.Atoi(getenv("COLUMNS"))
	}
	if t.width <= 0 || t.width > 10000 {
		t.width = 80
	}
	name := getenv("TERM")
	t.colour = name != "" && name != "dumb" && getenv("NO_COLOR") == ""
	return t
}

// utf8Locale reports whether the locale's character set is UTF-8, by the
// variables of setlocale(3) in their order.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range [...]string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// The colours of the states.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
	dim    = "2"
)

//go:noinline
func stateColour(state string) string {
	switch state {
	case "running":
		return green
	case "failed":
		return red
	case "blocked", "backoff":
		return yellow
	case "starting", "stopping", "waiting":
		return cyan
	case "inactive":
		return dim
	}
	return ""
}

// paint wraps text that is already safe in a colour.
//
//go:noinline
func (t term) paint(colour, text string) string {
	if !t.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// safe gives one cell of text of the init's.
//
//go:noinline
func (t term) safe(s string) string {
	if plain(s) {
		return s
	}
	return string(appendSafe(nil, s, t.utf8 || !t.tty, false))
}

// plain reports whether s is printable ASCII.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// appendSafe appends s so that it cannot do anything to a terminal but show:
// control bytes (C0, DEL, C1) and bytes that are not UTF-8 become \xNN, the
// characters that turn the direction of text or end a line U+FFFD. Without
// utf8, a terminal that reads single bytes is assumed, where a byte from 0x80
// to 0x9f is a control too, so that all that is not ASCII becomes \xNN.
func appendSafe(dst []byte, s string, utf8ok, tabs bool) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' || c == '\t' && tabs {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case c < utf8.RuneSelf || !utf8ok || r == utf8.RuneError && n == 1 || r < 0xa0:
			for ; n > 0; n-- {
				dst = appendByte(dst, s[i])
				i++
			}
			continue
		case turnsText(r):
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

func appendByte(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'x', hex[c>>4], hex[c&15])
}

// turnsText reports whether a character is one of the bidirectional controls
// (Unicode 15, UAX 9, Bidi_Control), a line or paragraph separator, or a mark
// without width that begins a file.
func turnsText(r rune) bool {
	switch {
	case r == 0x061c, r == 0x200e, r == 0x200f, r == 0x2028, r == 0x2029, r == 0xfeff:
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// columns counts the columns that safe text takes.
func columns(s string) int {
	if plain(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns gives 2 for the wide blocks of East Asian text and pictures
// (Unicode 15, UAX 11, in outline), 0 for the common combining marks, else 1.
func runeColumns(r rune) int {
	switch {
	case r >= 0x300 && r <= 0x36f, r >= 0x200b && r <= 0x200d, r >= 0xfe00 && r <= 0xfe0f:
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// cut shortens safe text to so many columns, and shows that it did.
func (t term) cut(s string, width int) string {
	if width <= 0 || columns(s) <= width {
		return s
	}
	mark := "..."
	if t.utf8 {
		mark = "\u2026"
	}
	room := width - columns(mark)
	if room < 0 {
		return mark[:width]
	}
	for i, r := range s {
		room -= runeColumns(r)
		if room < 0 {
			return s[:i] + mark
		}
	}
	return s
}
