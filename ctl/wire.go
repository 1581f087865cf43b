package ctl

import (
	"strconv"

	"mote/graph/line"
)

// The exit statuses of the client, which are the codes of an err line too
// (SPEC 6). NoInit is the client's alone.
const (
	OK       = 0 // done
	Failed   = 1 // refused or failed
	Usage    = 2 // wrong words
	TimedOut = 3 // not in time; for status: not satisfied
	NoUnit   = 4 // no such unit
	NoInit   = 5 // nobody answers at the socket
)

// appendLine appends one line of the wire, newline included.
func appendLine(dst []byte, words ...string) []byte {
	return append(line.Append(dst, words...), '\n')
}

// failure is an error with the exit status that it means.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

//go:noinline
func fail(code int, text string) *failure { return &failure{code, text} }

// decodeReply splits one line of a reply. For data lines, words holds the tag
// and what follows, and end is false. For an end line it returns end and, if
// that was an err line, its failure. A line that is none of these is a
// failure too, since then the peer does not speak this protocol.
func decodeReply(dst []string, src string) (words []string, end bool, err *failure) {
	words, e := line.Words(dst, src)
	if e != nil {
		return nil, true, fail(Failed, "cannot read the reply: "+e.Error()+": is mote at this socket?")
	}
	if len(words) == 0 {
		return nil, true, fail(Failed, "cannot read the reply: a line without words: is mote at this socket?")
	}
	switch words[0] {
	case "ok":
		return words, true, nil
	case "err":
		if len(words) < 3 {
			return nil, true, fail(Failed, "cannot read the reply: err without code and message: is mote at this socket?")
		}
		code, e := strconv.Atoi(words[1])
		if e != nil || code < Failed || code > NoInit {
			code = Failed
		}
		return words, true, fail(code, words[2])
	}
	return words, false, nil
}
