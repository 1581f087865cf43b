package line

import (
	"errors"
	"strconv"
	"strings"
)

// ErrNUL is what a line with a NUL byte gives.
var ErrNUL = errors.New("NUL byte in the line: remove it")

// Reader gives the logical lines of a file (SPEC F1): lines end in LF or CRLF,
// and one with an odd number of backslashes at its end joins the next.
type Reader struct {
	src  string
	line int // physical lines that were read
}

// NewReader reads from the whole text of a file.
func NewReader(src string) *Reader { return &Reader{src: src} }

// Next gives a logical line without its line end and the number, from 1, of its
// first physical line; ok is false behind the last one. A line with a NUL or
// over MaxLine comes with an error, cut to MaxLine, and does not end the
// reading. A line that joins nothing shares the memory of the file.
func (r *Reader) Next() (text string, number int, ok bool, err error) {
	if r.src == "" {
		return "", 0, false, nil
	}
	number = r.line + 1
	text, joins := r.physical()
	if joins {
		joined := append(make([]byte, 0, 2*len(text)), text...)
		for joins && r.src != "" {
			text, joins = r.physical()
			joined = append(joined, text...)
		}
		text = string(joined)
	}
	if strings.IndexByte(text, 0) >= 0 {
		err = ErrNUL
	}
	if n := len(text); n > MaxLine {
		text = text[:MaxLine]
		err = errors.New("line of " + strconv.Itoa(n) + " bytes: the limit is " + strconv.Itoa(MaxLine) + ": split it")
	}
	return text, number, true, err
}

// physical takes one line from the file, without its end, and reports whether
// it joins the next one; the backslash that says so is gone.
func (r *Reader) physical() (text string, joins bool) {
	if end := strings.IndexByte(r.src, '\n'); end >= 0 {
		text, r.src = r.src[:end], r.src[end+1:]
	} else {
		text, r.src = r.src, ""
	}
	r.line++
	text = strings.TrimSuffix(text, "\r")
	slashes := len(text) - len(strings.TrimRight(text, `\`))
	if slashes%2 == 1 {
		return text[:len(text)-1], true
	}
	return text, false
}
