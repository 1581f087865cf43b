package graph

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"
)

// generator makes right units at random.
type generator struct{ *rand.Rand }

func (g generator) one(words ...string) string { return words[g.IntN(len(words))] }

// maybe reports true once in three times.
func (g generator) maybe() bool { return g.IntN(3) == 0 }

// bytes gives text of the bytes that matter to the codec.
func (g generator) bytes() string {
	const all = "aZ09 \t\n\r\"'\\$${{}}%%in:-#=/@.\x01\x1b\x7f\x80\xff\xc3\xa9"
	b := make([]byte, g.IntN(9))
	for i := range b {
		b[i] = all[g.IntN(len(all))]
	}
	return string(b)
}

// text gives a Text in the form that the parser gives it.
func (g generator) text() Text {
	var t Text
	for range g.IntN(4) {
		if g.IntN(2) == 0 {
			p := Part{Var: g.one("A", "HOME", "x_1")}
			if g.maybe() {
				p.HasDef, p.Def = true, g.bytes()
			}
			t = append(t, p)
		} else if s := g.bytes(); s != "" && (len(t) == 0 || t[len(t)-1].Var != "") {
			t = append(t, Part{Lit: s})
		}
	}
	return t
}

func (g generator) command() []Text {
	c := []Text{append(Text{{Lit: "/"}}, g.text()...)}
	if len(c[0]) > 1 && c[0][1].Var == "" {
		c[0] = c[0][1:]
	}
	for range g.IntN(4) {
		c = append(c, g.text())
	}
	return c
}

func (g generator) commands() (all [][]Text) {
	for range g.IntN(3) {
		all = append(all, g.command())
	}
	return all
}

func (g generator) refs() (list []Ref) {
	for i := range g.IntN(4) {
		list = append(list, Ref{Name: g.one("a", "b-b", "c_c", "d.d@1") + itoa(i)})
	}
	if g.IntN(20) == 0 {
		for i := range 200 {
			list = append(list, Ref{Name: "unit-" + itoa(i)})
		}
	}
	return list
}

func (g generator) duration() time.Duration {
	unit := [...]time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour}[g.IntN(4)]
	return time.Duration(g.IntN(120)) * unit
}

func (g generator) path() string { return "/" + g.bytes() }

func (g generator) unit() Unit {
	u := newUnit(g.one("web", "getty@ttyS0", "a.b-c_d"), Kind(g.IntN(4)), User)
	u.Log = []Sink{{Kind: SinkRing, SizeBytes: DefaultRingBytes}}
	u.Manual = g.maybe()
	u.Class = Class(g.IntN(2))
	u.Description = g.bytes()
	for r := range relationCount {
		*u.refs(r) = g.refs()
	}
	for range g.IntN(4) {
		c := Cond{Not: g.maybe(), Kind: CondKind(g.IntN(4))}
		if c.Kind == CondExists || c.Kind == CondFileHas {
			c.Path = g.path()
		}
		if c.Kind == CondCmdline || c.Kind == CondFileHas {
			c.Word = g.bytes()
		}
		u.If = append(u.If, c)
	}
	if u.Kind != Target {
		g.process(&u)
	}
	if u.Kind == Service || u.Kind == Task {
		g.noTty(&u)
	}
	switch {
	case u.Kind == Task && g.maybe():
		u.Every = minEvery + g.duration()
	case u.Kind == Task && g.maybe():
		u.At, _ = parseCron([cronFields]string{g.one("*", "*/7", "0,30"), g.one("*", "1-5/2"), g.one("*", "13"), g.one("*", "JAN-mar"), g.one("*", "fri-sun,2")})
	case u.Kind == Tty && u.Tty != "":
		if u.AskFirst = g.maybe(); u.AskFirst {
			u.AskText = g.bytes()
		}
	}
	if u.Kind == Service || u.Kind == Tty {
		g.restart(&u)
	}
	return u
}

// process fills what units with a process have.
func (g generator) process(u *Unit) {
	if u.Exec = g.command(); g.maybe() {
		u.Sh, u.Exec = true, u.Exec[:1]
	}
	if g.maybe() {
		u.Dir = append(Text{{Var: "HOME"}}, g.text()...)
	}
	u.Umask = g.IntN(0o1000)
	for i := range g.IntN(3) {
		u.Env = append(u.Env, Var{g.one("A", "app.mode", "B-b") + itoa(i), g.text()})
	}
	for range g.IntN(3) {
		u.EnvFiles = append(u.EnvFiles, EnvFile{literal(g.path()), g.maybe()})
	}
	if g.maybe() {
		u.User, u.Group = g.one("www-data", "0", "\xffx"), g.one("", "adm")
	}
	if g.maybe() {
		u.Groups, u.GroupsSet = []string{"adm", "4294967294"}, true
	}
	if g.maybe() {
		u.Tty = g.path()
		u.Stdin.Kind = defaultStdin(u)
	}
	switch {
	case g.maybe():
		u.Stdin = Input{Kind: InputPath, Path: g.path()}
	case g.maybe():
		u.Stdin = Input{Kind: InputNull}
	case g.maybe() && u.Tty != "":
		u.Stdin = Input{Kind: InputTty}
	}
	if g.maybe() {
		g.context(u)
	}
	u.KillMode = KillMode(g.IntN(3))
	if g.maybe() {
		u.Stop = nil
		for range 1 + g.IntN(3) {
			n := 1 + g.IntN(signalMax)
			if n == sigKill {
				n++
			}
			u.Stop = append(u.Stop, StopStep{n, g.duration()})
		}
	}
}

// context fills what a Context has.
func (g generator) context(u *Unit) {
	var c Context
	if g.maybe() {
		c.Chroot = g.path()
	}
	for n := range c.Limits {
		if g.maybe() {
			c.LimitsSet |= 1 << n
			c.Limits[n] = Limit{g.limit(), Infinity}
			if g.maybe() {
				c.Limits[n].Hard = c.Limits[n].Soft
			}
		}
	}
	if c.NiceSet = g.maybe(); c.NiceSet {
		c.Nice = int8(g.IntN(40) - 20)
	}
	if c.OOMSet = g.maybe(); c.OOMSet {
		c.OOM = int16(g.IntN(2001) - 1000)
	}
	if c.SchedSet = g.maybe(); c.SchedSet {
		c.SchedPolicy = []uint8{0, 1, 2, 3, 5}[g.IntN(5)]
		if c.SchedPolicy == 1 || c.SchedPolicy == 2 {
			c.SchedPriority = uint8(1 + g.IntN(99))
		}
	}
	if g.maybe() {
		c.IOPrio = uint16((1+g.IntN(3))<<13 | g.IntN(8))
	}
	if g.maybe() {
		c.CPUs = g.one("0", "0-3,5", "1023,0-1023,7")
	}
	c.Securebits, c.NoNewPrivs = uint8(g.IntN(64)), g.maybe()
	if c.CapsSet = g.maybe(); c.CapsSet && g.maybe() {
		c.Caps = g.Uint64() & (1<<41 - 1)
	}
	for i := range g.IntN(3) {
		c.Cgroup += g.one("memory.max", "io.max", "hugetlb.2MB.max") + itoa(i) + "=" + g.one("1", "max", "8:0 rbps=1", "a=b%n", "'\"\\", "\xff\t${A}") + "\n"
	}
	if c != noContext {
		u.Context = &c
	}
}

// limit gives half of a limit.
func (g generator) limit() uint64 {
	if g.maybe() {
		return Infinity
	}
	return uint64(g.IntN(5000)) << g.IntN(30)
}

// noTty fills what services and tasks have.
func (g generator) noTty(u *Unit) {
	u.Pre, u.Post = g.commands(), g.commands()
	if g.maybe() {
		u.StopExec = g.command()
	}
	u.StartTimeout = g.duration()
	u.Critical = Critical(g.IntN(4))
	if u.Kind == Service {
		if g.maybe() {
			g.duties(u)
		}
		g.ready(u)
	}
	if g.maybe() {
		u.Log = nil
		for _, k := range g.Perm(6)[:1+g.IntN(6)] {
			s := Sink{Kind: SinkKind(k)}
			switch s.Kind {
			case SinkRing:
				s.SizeBytes = minRingBytes + g.IntN(1<<20)
			case SinkFile:
				s = Sink{Kind: SinkFile, SizeBytes: minFileBytes + g.IntN(1<<20), Path: "/" + g.one("a", "b c", "${A}", "x2", "\xff"),
					Files: 1 + g.IntN(maxLogFiles), Stamp: g.maybe()}
			case SinkPipe:
				s.To = g.one("logger", "l@1")
			}
			u.Log = append(u.Log, s)
		}
	}
}

// ready fills the key of that name; of a Duty it takes notice.
func (g generator) ready(u *Unit) {
	d := u.Duties()
	switch k := ReadyKind(g.IntN(7)); k {
	case ReadyFD:
		u.Ready = Ready{Kind: k, FD: 3 + len(d.Listen) + g.IntN(60-len(d.Listen))}
	case ReadyPidfile, ReadyPath:
		u.Ready = Ready{Kind: k, Arg: g.path()}
	case ReadyLog:
		u.Ready = Ready{Kind: k, Arg: "x" + strings.ReplaceAll(g.bytes(), "\n", "")}
	case ReadyHealth:
		if d.Health != nil {
			u.Ready.Kind = k
		}
	default:
		u.Ready.Kind = k
	}
}

// duties fills what a Duty has.
func (g generator) duties(u *Unit) {
	var d Duty
	if g.maybe() {
		h := Health{Kind: HealthKind(g.IntN(4)), Every: minHealthEvery + g.duration(), Timeout: minTimeout + g.duration(), Fails: 1 + g.IntN(maxFails), Grace: g.duration()}
		switch h.Kind {
		case HealthTCP:
			h.Addr = g.addr()
		case HealthUnix:
			h.Path = g.one("/", "@") + "x" + strings.ReplaceAll(g.bytes(), "/", "") // "/" at the end is none
		case HealthHTTP:
			h.Addr, h.Path = g.addr(), g.one("/", "/a'b?c=$d#e", `/%20"\`)
		case HealthExec:
			h.Cmd = g.command()
			for range g.IntN(3) {
				h.Cmd = append(h.Cmd, literal(g.one("every", "timeout", "fails", "grace", "5s", "5")))
			}
		}
		d.Health = &h
	}
	if g.maybe() {
		d.Watchdog = minWatchdog + g.duration()
	}
	for range g.IntN(4) {
		l := Listen{Kind: ListenKind(g.IntN(3)), Mode: -1, Name: g.one("", "a b", "#")}
		if l.Kind == ListenUnix {
			l.Path = g.one("/", "@") + "x" + strings.ReplaceAll(g.bytes(), "/", "")
			if l.Path[0] == '/' && g.maybe() {
				l.Mode, l.User = g.IntN(0o1000), g.one("", "www-data", "0")
			}
		} else {
			l.Addr = g.addr()
		}
		if !slices.ContainsFunc(d.Listen, func(o Listen) bool { return l.meets(o) }) {
			d.Listen = append(d.Listen, l)
		}
	}
	d.OnDemand = len(d.Listen) > 0 && g.maybe()
	if d.OnDemand && !slices.ContainsFunc(d.Listen, func(l Listen) bool { return l.Kind == ListenUDP }) {
		d.Idle = time.Duration(g.IntN(2)) * (minIdle + g.duration())
	}
	for i := range g.IntN(maxPorts + 1) {
		d.Ports = append(d.Ports, uint16(maxPort-i))
	}
	switch {
	case g.maybe():
		if n := 1 + g.IntN(signalMax); n != sigKill && SignalName(n) != "STOP" {
			d.ReloadSignal = n
		}
	case g.maybe():
		d.ReloadExec = g.command()
	}
	if !reflect.DeepEqual(d, Duty{}) {
		u.Duty = &d
	}
}

func (g generator) addr() Addr {
	a := Addr{Port: uint16(1 + g.IntN(maxPort)), V6: g.maybe()}
	for i := range a.IP {
		if (a.V6 || i < 4) && g.IntN(2) == 0 {
			a.IP[i] = byte(g.IntN(256))
		}
	}
	return a
}

func (g generator) restart(u *Unit) {
	if u.Critical != NotCritical {
		u.Restart.Limit, u.Restart.Within = criticalLimit, criticalWithin
	}
	if g.maybe() {
		return
	}
	u.Restart = Restart{Policy: Policy(g.IntN(3)), Delay: g.duration(), Reset: g.duration(), Limit: g.IntN(4)}
	u.Restart.Max = u.Restart.Delay + g.duration()
	if g.maybe() {
		u.Restart.Within = g.duration()
	}
}
