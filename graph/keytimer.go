package graph

import (
	"time"

	"mote/graph/line"
)

// Bounds and defaults of the keys by which something other than a request
// starts a unit.
const (
	minEvery = 100 * time.Millisecond // a task that cannot run is tried no faster (P2)
	askText  = "Please press a key to activate this console."
)

func setEvery(b *builder, w []line.Word) {
	if d, ok := b.duration("every", w[0], minEvery); ok {
		b.u.Every = d
	}
}

func setAt(b *builder, w []line.Word) {
	var words [cronFields]string
	for f := range words {
		words[f] = w[f].Text
	}
	c, wrong := parseCron(words)
	if wrong != "" {
		b.fault(wrong)
		return
	}
	b.u.At = c
}

func setAskFirst(b *builder, w []line.Word) {
	b.u.AskFirst, b.u.AskText = true, ""
	if len(w) > 0 && w[0].Text != askText {
		b.u.AskText = w[0].Text
	}
}

// Question gives the text of askfirst.
func (u *Unit) Question() string {
	if u.AskText == "" {
		return askText
	}
	return u.AskText
}

// checkTimers sees to what the keys of this file ask of one another.
func (b *builder) checkTimers() {
	u := b.u
	if u.Every > 0 && u.At != nil {
		b.fault("there are every and at: remove one")
	}
	if u.AskFirst && u.Tty == "" {
		b.fault(`askfirst has no terminal to ask on: write a key "tty" with its path`)
	}
}
