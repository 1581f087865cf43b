package graph

import (
	"strings"

	"mote/graph/line"
)

// The key "log": see keyRows.

const logArgs = "ring [SIZE] | file PATH [SIZE] [xN] [stamp] | pipe UNIT | kmsg | console | null"

// sinkWords are the first words of a "log" line, by kind.
var sinkWords = [...]string{SinkRing: "ring", SinkConsole: "console", SinkKmsg: "kmsg", SinkNull: "null",
	SinkFile: "file", SinkPipe: "pipe"}

func setLog(b *builder, w []line.Word) {
	i := b.choice(w[0], sinkWords[:]...)
	if i < 0 {
		return
	}
	sink := Sink{Kind: SinkKind(i)}
	rest := w[1:]
	switch sink.Kind {
	case SinkRing:
		sink.SizeBytes = DefaultRingBytes
		if len(rest) > 0 {
			n, wrong := ParseSize(rest[0].Text, minRingBytes, maxRingBytes)
			if !b.value("log ring", rest[0], wrong) {
				return
			}
			sink.SizeBytes, rest = n, rest[1:]
		}
	case SinkFile:
		words := make([]string, len(rest))
		for i := range rest {
			words[i] = rest[i].Text
		}
		var wrong string
		if sink, wrong = ParseLogFile(words); wrong != "" {
			b.fault("log file " + wrong)
			return
		}
		rest = nil
	case SinkPipe:
		if len(rest) == 0 {
			b.fault(`log pipe has no unit: write "log pipe UNIT" with a service that reads the lines`)
			return
		}
		sink.To, rest = rest[0].Text, rest[1:]
		if wrong := CheckName(sink.To); wrong != "" {
			b.fault("log pipe: " + wrong)
			return
		}
	case SinkConsole, SinkKmsg, SinkNull:
	}
	if len(rest) > 0 {
		b.fault("log " + sinkWords[i] + " takes no further word: remove " + quote(rest[0].Text))
		return
	}
	for _, s := range b.u.Log {
		if s.Kind == sink.Kind {
			b.fault("log " + sinkWords[i] + ` is given already: remove one, or write "!log" before this line`)
			return
		}
	}
	if sink.Kind == SinkPipe {
		b.u.pipePos = b.pos
	}
	b.u.Log = append(b.u.Log, sink)
}

// ParseLogFile reads PATH [SIZE] [xN] [stamp], the words behind "log file", in
// the configuration and on the command line. wrong is empty, or what is wrong
// and how to mend it, to be put behind these two words.
func ParseLogFile(w []string) (s Sink, wrong string) {
	s = Sink{Kind: SinkFile, SizeBytes: DefaultFileBytes, Files: DefaultFiles}
	if len(w) == 0 {
		return s, `has no path: write "log file /var/log/NAME.log"`
	}
	s.Path, w = w[0], w[1:]
	switch {
	case !strings.HasPrefix(s.Path, "/"):
		return s, quote(s.Path) + ` is no absolute path: write one that begins with "/"`
	case strings.HasSuffix(s.Path, "/") || len(s.Path) > maxLogPath || strings.ContainsAny(s.Path, "\x00\n"):
		return s, quote(s.Path) + " is not the path of a file: correct it"
	}
	if len(w) > 0 && w[0] != "" && w[0][0] >= '0' && w[0][0] <= '9' {
		if s.SizeBytes, wrong = ParseSize(w[0], minFileBytes, maxFileBytes); wrong != "" {
			return s, quote(w[0]) + " " + wrong
		}
		w = w[1:]
	}
	if len(w) > 0 && strings.HasPrefix(w[0], "x") {
		if s.Files, wrong = parseNumber(w[0][1:], 1, maxLogFiles); wrong != "" {
			return s, quote(w[0]) + " is no number of files: write one from \"x1\" to \"x" + itoa(maxLogFiles) + "\""
		}
		w = w[1:]
	}
	if len(w) > 0 && w[0] == "stamp" {
		s.Stamp, w = true, w[1:]
	}
	if len(w) > 0 {
		return s, quote(w[0]) + ` is not understood: write "log file PATH [SIZE] [xN] [stamp]", such as "log file ` +
			`/var/log/web.log 1M x3"`
	}
	return s, ""
}

// maxLogPath leaves room for ".99" (PATH_MAX is 4096 with the NUL).
const maxLogPath = 1024

// Words gives a "log" line as it is written behind "log".
func (s *Sink) Words() []string {
	w := []string{sinkWords[s.Kind]}
	switch s.Kind {
	case SinkRing:
		w = append(w, FormatSize(s.SizeBytes))
	case SinkFile:
		w = append(w, s.Path, FormatSize(s.SizeBytes), "x"+itoa(s.Files))
		if s.Stamp {
			w = append(w, "stamp")
		}
	case SinkPipe:
		w = append(w, s.To)
	case SinkConsole, SinkKmsg, SinkNull:
	}
	return w
}

func showLog(s *shower, u *Unit) {
	if len(u.Log) == 1 && u.Log[0] == defaultLog[0] {
		return
	}
	for i := range u.Log {
		s.line("log", u.Log[i].Words()...)
	}
}

// pipeTo gives the service that a unit's lines go to, or "".
func (u *Unit) pipeTo() string {
	for i := range u.Log {
		if u.Log[i].Kind == SinkPipe {
			return u.Log[i].To
		}
	}
	return ""
}

// checkPipe looks whether what "log pipe" leads to can read it.
func (c *Config) checkPipe(u *Unit) {
	to := u.pipeTo()
	if to == "" {
		return
	}
	what := "log pipe " + quote(to)
	i, ok := c.index[to]
	switch {
	case to == u.Name:
		c.failUnit(u, u.pipePos, what+" is the unit itself: remove it")
	case !ok:
		c.failUnit(u, u.pipePos, what+", which does not exist"+c.mend(to))
	case c.Units[i].Kind != Service:
		c.failUnit(u, u.pipePos, what+", which is a "+c.Units[i].Kind.String()+": name a service that reads its input")
	case c.Units[i].Stdin.Kind != InputNull:
		c.failUnit(u, u.pipePos, what+", which has a stdin of its own: remove that")
	}
}
