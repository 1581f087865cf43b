package graph

import (
	"strings"
	"time"

	"mote/graph/line"
)

// The keys of what a service is started by and what it may not share: listen,
// on-demand and ports.

// Bounds of these keys.
const (
	maxListen  = 32  // sockets of a unit
	maxPorts   = 64  // ports of a unit
	maxSunPath = 107 // sun_path without its NUL (unix(7))
	maxFDName  = 255 // sd_listen_fds_with_names(3)
	minIdle    = minEvery
)

const listenArgs = "tcp A:P | udp A:P | unix PATH [mode OCTAL] [user USER] [name NAME]"

// listenWords are the first words of a "listen" line, by kind.
var listenWords = [...]string{ListenTCP: "tcp", ListenUDP: "udp", ListenUnix: "unix"}

func setListen(b *builder, w []line.Word) {
	i := b.choice(w[0], listenWords[:]...)
	if i < 0 {
		return
	}
	l, what := Listen{Kind: ListenKind(i), Mode: -1}, "listen "+w[0].Text
	if l.Kind == ListenUnix {
		if l.Path = w[1].Text; !b.socketPath(what, l.Path) {
			return
		}
	} else {
		var wrong string
		if l.Addr, wrong = ParseAddr(w[1].Text); !b.value(what, w[1], wrong) {
			return
		}
	}
	if !b.listenOptions(&l, what, w[2:]) {
		return
	}
	d := b.u.duty()
	for _, other := range d.Listen {
		if l.meets(other) {
			b.fault(what + " " + quote(l.where()) + " takes the same address as " + quote(other.where()) + ": remove one")
			return
		}
	}
	if len(d.Listen) == maxListen {
		b.fault(what + " " + quote(l.where()) + " is one too many: the limit is " + itoa(maxListen) + " sockets")
		return
	}
	d.Listen = append(d.Listen, l)
}

// listenOptions takes what stands behind an address, in any order.
func (b *builder) listenOptions(l *Listen, what string, w []line.Word) bool {
	var given [maxOptions]bool
	for ; len(w) > 0; w = w[2:] {
		i := b.option(w, &given, "mode", "user", "name")
		if i < 0 {
			return false
		}
		wrong, option := "", "listen "+w[0].Text
		switch {
		case i < 2 && (l.Kind != ListenUnix || l.Path[0] == '@'):
			b.fault(what + " " + quote(l.where()) + " is no file that has a " + w[0].Text + ": remove it")
			return false
		case i == 0:
			l.Mode, wrong = parseOctal(w[1].Text)
		case i == 1:
			if l.User = w[1].Text; !b.account(w[1]) {
				return false
			}
		default:
			l.Name, wrong = w[1].Text, wrongFDName(w[1].Text)
		}
		if !b.value(option, w[1], wrong) {
			return false
		}
	}
	return true
}

// wrongFDName gives what is wrong with a name in LISTEN_FDNAMES, where ":"
// stands between them (sd_listen_fds_with_names(3)).
func wrongFDName(name string) string {
	if name == "" {
		return "is empty: write one"
	}
	if len(name) > maxFDName {
		return tooLong(name, maxFDName)
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < ' ' || c >= 0x7f || c == ':' {
			return "has " + quote(firstRune(name[i:])) + `: use letters, digits and signs other than ":"`
		}
	}
	return ""
}

// socketPath reports whether a word can be the address of a unix socket, a path
// or "@" and an abstract name, and says so if not.
func (b *builder) socketPath(what, path string) bool {
	wrong := ""
	switch {
	case len(path) > maxSunPath:
		wrong = tooLong(path, maxSunPath)
	case path == "@":
		wrong = `has no name behind the "@": write one`
	case strings.HasPrefix(path, "@"):
	case !strings.HasPrefix(path, "/"):
		wrong = `is no path of a socket: begin it with "/", or with "@" for an abstract name`
	case strings.HasSuffix(path, "/"):
		wrong = "is a folder: write a name behind it"
	}
	return b.value(what, line.Plain(path), wrong)
}

// where gives the address of a socket as it is written.
func (l *Listen) where() string {
	if l.Kind == ListenUnix {
		return l.Path
	}
	return l.Addr.String()
}

// String gives the kind and the address.
func (l *Listen) String() string { return listenWords[l.Kind] + " " + l.where() }

// sockets gives all of a unit's.
func (u *Unit) sockets() string {
	text := ""
	for i := range u.Duties().Listen {
		if i > 0 {
			text += ", "
		}
		text += u.Duty.Listen[i].String()
	}
	return text
}

// meets reports whether two sockets cannot be there together.
func (l *Listen) meets(other Listen) bool {
	if l.Kind != other.Kind {
		return false
	}
	if l.Kind == ListenUnix {
		return l.Path == other.Path
	}
	return l.Addr.meets(other.Addr)
}

func resetListen(u, def *Unit) { u.duty().Listen = nil }

func showListen(s *shower, u *Unit) {
	list := u.Duties().Listen
	for i := range list {
		l := &list[i]
		w := []string{listenWords[l.Kind], l.where()}
		if l.Mode >= 0 {
			w = append(w, "mode", formatOctal(l.Mode))
		}
		if l.User != "" {
			w = append(w, "user", l.User)
		}
		if l.Name != "" {
			w = append(w, "name", l.Name)
		}
		s.line("listen", w...)
	}
}

func setOnDemand(b *builder, w []line.Word) {
	var idle time.Duration
	if len(w) > 0 {
		var given [maxOptions]bool
		if b.option(w, &given, "idle") < 0 {
			return
		}
		var wrong string
		if idle, wrong = ParseDuration(w[1].Text); wrong == "" && idle > 0 && idle < minIdle {
			wrong = "is under the least of " + FormatDuration(minIdle) + `: raise it, or write "0" for never`
		}
		if !b.value("on-demand idle", w[1], wrong) {
			return
		}
	}
	d := b.u.duty()
	d.OnDemand, d.Idle = true, idle
}

func resetOnDemand(u, def *Unit) {
	d := u.duty()
	d.OnDemand, d.Idle = false, 0
}

func showOnDemand(s *shower, u *Unit) {
	switch d := u.Duties(); {
	case d.Idle > 0:
		s.line("on-demand", "idle", FormatDuration(d.Idle))
	case d.OnDemand:
		s.begin("    on-demand")
		s.end()
	}
}

func setPorts(b *builder, w []line.Word) {
	d := b.u.duty()
	for _, word := range w {
		n, wrong := parseNumber(word.Text, 1, maxPort)
		switch {
		case !b.value("ports", word, wrong) || hasPort(d.Ports, n):
		case len(d.Ports) == maxPorts:
			b.value("ports", word, "is one too many: the limit is "+itoa(maxPorts)+" ports")
			return
		default:
			d.Ports = append(d.Ports, uint16(n))
		}
	}
}

func hasPort(ports []uint16, n int) bool {
	for _, p := range ports {
		if int(p) == n {
			return true
		}
	}
	return false
}

func resetPorts(u, def *Unit) { u.duty().Ports = nil }

func showPorts(s *shower, u *Unit) {
	ports := u.Duties().Ports
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = itoa(int(p))
	}
	s.list("ports", words)
}

// checkDuty sees to what the keys of a Duty, and ready, ask of one another.
func (b *builder) checkDuty() {
	u := b.u
	d := u.Duties()
	if d.Health == nil && d.Watchdog == 0 && len(d.Listen)+len(d.Ports)+len(d.ReloadExec) == 0 && !d.OnDemand && d.ReloadSignal == 0 {
		u.Duty = nil // "!key" left nothing
	}
	if u.Ready.Kind == ReadyHealth && d.Health == nil && !b.wrote("health") {
		b.fault(`ready health has no check: write a key "health"`)
	}
	if n := 3 + len(d.Listen); u.Ready.Kind == ReadyFD && u.Ready.FD < n {
		b.fault("ready fd " + itoa(u.Ready.FD) + " is a socket of listen: write " + quote("ready fd "+itoa(n)) + " or more")
	}
	if d.OnDemand && len(d.Listen) == 0 && !b.wrote("listen") {
		b.fault(`on-demand has no socket to wait at: write a key "listen"`)
	}
	for i := range d.Listen {
		if l := &d.Listen[i]; l.Kind == ListenUDP && d.Idle > 0 {
			b.fault("on-demand idle cannot see who uses listen udp " + quote(l.where()) + `: remove "idle"`)
			break
		}
	}
	if d.ReloadSignal != 0 && d.ReloadExec != nil {
		b.fault("there are reload-signal and reload-exec: remove one")
	}
}
