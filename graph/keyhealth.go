package graph

import (
	"strings"
	"time"

	"mote/graph/line"
)

// The keys by which a service is looked after, health and watchdog, and those
// by which it is told to read its configuration again.

// Bounds of health and watchdog.
const (
	minHealthEvery = 100 * time.Millisecond
	minTimeout     = 10 * time.Millisecond
	minWatchdog    = 10 * time.Millisecond
	maxFails       = 1000
	maxHTTPPath    = 1024
)

const healthArgs = "tcp A:P | unix PATH | http A:P[/PATH] | exec CMD ARG... [every D] [timeout D] [fails N] [grace D]"

// healthWords are the first words of a "health" line, by kind.
var healthWords = [...]string{HealthTCP: "tcp", HealthUnix: "unix", HealthHTTP: "http", HealthExec: "exec"}

// healthOptions come last; what a command has that looks like one is quoted.
var healthOptions = [...]string{"every", "timeout", "fails", "grace"}

// defaultHealth has what a line without options asks for.
var defaultHealth = Health{Every: 10 * time.Second, Timeout: 2 * time.Second, Fails: 3}

func setHealth(b *builder, w []line.Word) {
	i := b.choice(w[0], healthWords[:]...)
	if i < 0 {
		return
	}
	h := defaultHealth
	h.Kind = HealthKind(i)
	options := 2
	if h.Kind == HealthExec {
		options = optionsFrom(w)
	}
	if options < 2 {
		b.fault(`health exec has no command before "` + w[1].Text + `": write one`)
		return
	}
	if !b.healthTarget(&h, w[1:options]) {
		return
	}
	var given [maxOptions]bool
	into := [...]*time.Duration{0: &h.Every, 1: &h.Timeout, 3: &h.Grace}
	least := [...]time.Duration{0: minHealthEvery, 1: minTimeout, 3: 0}
	for w = w[options:]; len(w) > 0; w = w[2:] {
		i := b.option(w, &given, healthOptions[:]...)
		if i < 0 {
			return
		}
		what, ok := "health "+w[0].Text, false
		if i == 2 {
			var wrong string
			h.Fails, wrong = parseNumber(w[1].Text, 1, maxFails)
			ok = b.value(what, w[1], wrong)
		} else {
			*into[i], ok = b.duration(what, w[1], least[i])
		}
		if !ok {
			return
		}
	}
	b.u.duty().Health = &h
}

// optionsFrom gives where the options of "health exec" begin: all pairs at the
// end whose first word is an option's name, no byte of it raw.
func optionsFrom(w []line.Word) int {
	i := len(w)
	for i >= 3 && isHealthOption(w[i-2].Text) && !anyRaw(w[i-2]) {
		i -= 2
	}
	return i
}

func isHealthOption(word string) bool { return contains(healthOptions[:], word) }

// anyRaw reports whether a byte of a word was escaped or single-quoted.
func anyRaw(w line.Word) bool {
	for i := range len(w.Text) {
		if w.Raw(i) {
			return true
		}
	}
	return false
}

// healthTarget takes what is asked whether it is well: a command, or one word.
func (b *builder) healthTarget(h *Health, w []line.Word) bool {
	word := w[0]
	switch h.Kind {
	case HealthExec:
		h.Cmd = b.command(w)
		return h.Cmd != nil
	case HealthUnix:
		h.Path = word.Text
		return b.socketPath("health unix", h.Path)
	case HealthHTTP:
		h.Path = "/"
		if i := strings.IndexByte(word.Text, '/'); i >= 0 {
			h.Path, word = word.Text[i:], word.Slice(0, i)
		}
		if !b.httpPath(h.Path) {
			return false
		}
	case HealthTCP:
	}
	var wrong string
	if h.Addr, wrong = ParseAddr(word.Text); wrong == "" && (word.Text[0] == ':' || word.Text[0] == '*') {
		wrong = "has no host: write " + quote("127.0.0.1:"+itoa(int(h.Addr.Port)))
	}
	return b.value("health "+healthWords[h.Kind], word, wrong)
}

// httpPath reports whether a path can stand in the first line of a request: no
// blank, no control byte, nothing but ASCII (RFC 9112, 3).
func (b *builder) httpPath(path string) bool {
	wrong := ""
	if len(path) > maxHTTPPath {
		wrong = tooLong(path, maxHTTPPath)
	}
	for i := 0; i < len(path); i++ {
		if path[i] <= ' ' || path[i] >= 0x7f {
			wrong = "has " + quote(firstRune(path[i:])) + `: write it as "%" and two hexadecimal digits`
			break
		}
	}
	return b.value("health http", line.Plain(path), wrong)
}

func resetHealth(u, def *Unit) { u.duty().Health = nil }

func showHealth(s *shower, u *Unit) {
	h := u.Duties().Health
	if h == nil {
		return
	}
	s.key("health")
	s.word(literal(healthWords[h.Kind]), false)
	switch h.Kind {
	case HealthTCP:
		s.word(literal(h.Addr.String()), false)
	case HealthUnix:
		s.word(literal(h.Path), false)
	case HealthHTTP:
		s.word(literal(h.Addr.String()+h.Path), false)
	case HealthExec:
		for _, t := range h.Cmd {
			if len(t) == 1 && t[0].Var == "" && isHealthOption(t[0].Lit) {
				s.buf = append(s.buf, " '"+t[0].Lit+"'"...)
			} else {
				s.word(t, true)
			}
		}
	}
	for i, d := range [...][2]time.Duration{{h.Every, defaultHealth.Every}, {h.Timeout, defaultHealth.Timeout},
		{time.Duration(h.Fails), time.Duration(defaultHealth.Fails)}, {h.Grace, 0}} {
		if d[0] == d[1] {
			continue
		}
		value := FormatDuration(d[0])
		if i == 2 {
			value = itoa(h.Fails)
		}
		s.word(literal(healthOptions[i]), false)
		s.word(literal(value), false)
	}
	s.end()
}

func setWatchdog(b *builder, w []line.Word) {
	if d, ok := b.duration("watchdog", w[0], minWatchdog); ok {
		b.u.duty().Watchdog = d
	}
}

func resetWatchdog(u, def *Unit) { u.duty().Watchdog = 0 }

func showWatchdog(s *shower, u *Unit) {
	d := u.Duties().Watchdog
	s.flag("watchdog", FormatDuration(d), d > 0)
}

func setReloadSignal(b *builder, w []line.Word) {
	n, ok := SignalNumber(w[0].Text)
	wrong := ""
	switch {
	case !ok:
		wrong = `is no signal: write one such as "HUP"`
	case n == sigKill || SignalName(n) == "STOP":
		wrong = `cannot be caught: write one such as "HUP"`
	}
	if b.value("reload-signal", w[0], wrong) {
		b.u.duty().ReloadSignal = n
	}
}

func resetReloadSignal(u, def *Unit) { u.duty().ReloadSignal = 0 }

func showReloadSignal(s *shower, u *Unit) {
	n := u.Duties().ReloadSignal
	s.flag("reload-signal", SignalName(n), n != 0)
}

func setReloadExec(b *builder, w []line.Word) {
	if c := b.command(w); c != nil {
		b.u.duty().ReloadExec = c
	}
}

func resetReloadExec(u, def *Unit) { u.duty().ReloadExec = nil }

func showReloadExec(s *shower, u *Unit) {
	if c := u.Duties().ReloadExec; c != nil {
		s.commands("reload-exec", [][]Text{c})
	}
}
