package graph

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// bare gives a unit without what Show does not carry: places, faults, and
// whether "restart" was written.
func bare(u *Unit) Unit {
	b := *u
	b.Pos, b.Fault, b.restartSet, b.limitSet, b.pipePos = Pos{}, "", false, false, Pos{}
	for r := range relationCount {
		list := slices.Clone(*b.refs(r))
		for i := range list {
			list[i].Pos = Pos{}
		}
		*b.refs(r) = list
	}
	return b
}

// checkShow: what Show prints parses to the same unit (SPEC F11).
func checkShow(t *testing.T, u *Unit) {
	t.Helper()
	text := strings.Join(Show(u), "\n") + "\n"
	c := load(text)
	again := c.Unit(u.Name)
	if again == nil {
		t.Fatalf("no unit comes of\n%s\n%q", text, faults(c))
	}
	if a, b := bare(u), bare(again); !reflect.DeepEqual(a, b) {
		t.Fatalf("%s\nwas %+v\nis  %+v\n%q", text, a, b, faults(c))
	}
	if u.Fault == "" && again.Fault != "" && !strings.Contains(again.Fault, "does not exist") {
		t.Fatalf("%s\n%s", text, again.Fault)
	}
}

func TestShowRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	for range 3000 {
		u := g.unit()
		checkShow(t, &u)
	}
}

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
	u.KillMode = KillMode(g.IntN(2))
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
		u.Ready.Kind = ReadyKind(g.IntN(3))
		if u.Ready.Kind == ReadyFD {
			u.Ready.FD = 3 + g.IntN(60)
		}
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

func TestShow(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"quotes and expansions", `service a /bin/a "b c" '$x' "\${A}" '${A}' ${A} "${A:-b c}" ${A:-\}} $$ 100% '%i' %%n "it's" "" \#`,
			`service  a /bin/a 'b c' $x '${A}' '${A}' ${A} "${A:-b c}" "${A:-"\}"}" '$' 100% '%i' '%n' "it's" "" '#'`},
		{"sh", "service a\n sh 'echo \"$HOME\" | cat'", "service  a\n    sh        'echo \"$HOME\" | cat'"},
		{"newline", "service a\n sh \"a\\nb\\tc '\"", "service  a\n    sh        \"a\\nb\\tc '\""},
		{"instance", "tty g@ getty %i %n\n tty /dev/%i\nextend g@x\n", "tty      g@x getty x g@x\n    tty       /dev/x"},
		{"implied limit", "service a x\n critical reboot\n restart always delay 0", "service  a x\n    critical  reboot\n    restart   always delay 0"},
		{"written limit", "service a x\n critical reboot\n restart always limit 0", "service  a x\n    critical  reboot\n    restart   always limit 0"},
		{"max follows delay", "service a x\n restart always delay 1m", "service  a x\n    restart   always delay 1m"},
		{"stdin", "tty a x\n tty /dev/a\n stdin null", "tty      a x\n    tty       /dev/a\n    stdin     null"},
		{"context", "service a x\n caps CAP_KILL chown\n limit CORE infinity\n limit as 1048576:4G\n cpus 5,0-1,1,3,2\n nice +0\n oom -0\n sched rr 7\n ionice idle:4\n no-new-privs yes\n securebits noroot-locked noroot\n chroot /srv",
			"service  a x\n    chroot    /srv\n    caps      chown kill\n    no-new-privs yes\n    securebits noroot noroot-locked\n    limit     core infinity\n" +
				"    limit     as 1M:4G\n    nice      0\n    oom       0\n    sched     rr 7\n    cpus      5,0-1,1,3,2\n    ionice    idle"},
		{"context that is none", "service a x\n no-new-privs no\n chroot /x\n caps chown\n limit core 0\n nice 1\n oom 1\n sched idle\n cpus 1\n ionice idle\n securebits noroot\n" +
			" !chroot\n !caps\n !limit\n !nice\n !oom\n !sched\n !cpus\n !ionice\n !securebits\n !no-new-privs", "service  a x"},
		{"caps add up", "service a x\n caps chown\n caps none\n limit core 1\n limit core 2\nextend a\n caps kill\n nice 3", "service  a x\n    caps      chown kill\n    limit     core 2\n    nice      3"},
		{"no caps", "service a x\n caps none", "service  a x\n    caps      none"},
		{"every", "task a x\n every 120s", "task     a x\n    every     2m"},
		{"at", "task a x\n at */5 0 * JAN mon-fri", "task     a x\n    at        */5 0 * JAN mon-fri"},
		{"askfirst", "tty a x\n tty /dev/a\n askfirst", "tty      a x\n    tty       /dev/a\n    askfirst"},
		{"askfirst with a text", "tty a x\n tty /dev/a\n askfirst 'a key'", "tty      a x\n    tty       /dev/a\n    askfirst  'a key'"},
		{"extended", "service a x\n env A=1 B=2\n after b\nextend a\n env A=3\n !after\n exec y", "service  a y\n    env       A=3\n    env       B=2"},
	}
	for _, tt := range tests {
		c := load(tt.text)
		if len(c.Units) != 1 {
			t.Fatalf("%s: %q", tt.name, faults(c))
		}
		if got := strings.Join(Show(c.Units[0]), "\n"); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
		checkShow(t, c.Units[0])
	}
}

// FuzzLoad: no input panics; faults fit on a line; what is shown of any unit
// parses to it.
func FuzzLoad(f *testing.F) {
	f.Add("service web /bin/web -f\n    requires db\n    stop QUIT 5s KILL\ntask db x\n")
	f.Add("tty g@ getty %i\n    tty /dev/%i\nextend g@1\n    env A=${B:-\"\\}\"}\n")
	f.Add("include *.conf\nset A 'b c'\nmain web@1\noption shutdown-timeout 5s\n\\\n  \x00\xff")
	f.Add("service a x\n    restart always delay 1m limit 3 within 0\n    critical shell\n    log ring 1K\n    log null\n    if not file-has /a b\n")
	f.Add("service a x\n caps KILL cap_bpf\n caps none\n limit nofile 5:infinity\n cpus 0-3,5\n nice -5\n oom 1\n sched rr 5\n ionice idle:7\n securebits noroot\n no-new-privs yes\n chroot /x\n")
	f.Add("task a x\n every 5s\ntask b x\n at */5,7 1-5/2 * jan fri-sun\ntty c x\n tty /dev/c\n askfirst 'a b'\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := load(text)
		c.SetMain("web@2")
		c.Instantiate("g@2")
		for _, s := range faults(c) {
			if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("control bytes in %q", s)
			}
		}
		for _, u := range c.Units {
			checkShow(t, u)
		}
	})
}
