package graph

import (
	"strings"

	"mote/graph/line"
)

// The key "ready": see keyRows.

// readyWords are the first words of a "ready" line, by kind.
var readyWords = [...]string{ReadySpawn: "spawn", ReadyNotify: "notify", ReadyFD: "fd", ReadyPidfile: "pidfile",
	ReadyPath: "path", ReadyLog: "log", ReadyHealth: "health"}

// maxReadyText bounds what is sought in every line of output.
const maxReadyText = 256

func setReady(b *builder, w []line.Word) {
	i := b.choice(w[0], readyWords[:]...)
	if i < 0 {
		return
	}
	r, what := Ready{Kind: ReadyKind(i)}, "ready "+w[0].Text
	has := r.Kind >= ReadyFD && r.Kind <= ReadyLog // a word behind it
	switch {
	case has && len(w) == 1:
		b.fault(what + " has nothing behind it: write " +
			[...]string{ReadyFD: `"ready fd 3"`, ReadyPidfile: `"ready pidfile PATH"`, ReadyPath: `"ready path PATH"`, ReadyLog: `"ready log TEXT"`}[i])
		return
	case !has && len(w) > 1:
		b.fault(what + " takes no further word: remove " + quote(w[1].Text))
		return
	case has:
		r.Arg = w[1].Text
	}
	var wrong string
	switch r.Kind {
	case ReadyFD:
		r.Arg = ""
		r.FD, wrong = parseNumber(w[1].Text, 3, maxReadyFD)
	case ReadyPidfile, ReadyPath:
		if !b.absolute(what, r.Arg) {
			return
		}
	case ReadyLog:
		switch {
		case r.Arg == "":
			wrong = "is empty: write what stands in the line"
		case len(r.Arg) > maxReadyText:
			wrong = tooLong(r.Arg, maxReadyText)
		case strings.IndexByte(r.Arg, '\n') >= 0:
			wrong = "is more than one line: write a part of one"
		}
	case ReadySpawn, ReadyNotify, ReadyHealth:
	}
	if has && !b.value(what, w[1], wrong) {
		return
	}
	b.u.Ready = r
}

func resetReady(u, def *Unit) { u.Ready = def.Ready }

func showReady(s *shower, u *Unit) {
	r := u.Ready
	switch r.Kind {
	case ReadySpawn:
		return
	case ReadyFD:
		r.Arg = itoa(r.FD)
	case ReadyNotify, ReadyHealth, ReadyPidfile, ReadyPath, ReadyLog:
	}
	words := []string{readyWords[r.Kind], r.Arg}
	if r.Arg == "" {
		words = words[:1]
	}
	s.line("ready", words...)
}
