package pid1

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
)

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext":              "plain\ttext",
		"caf\u00e9 \u4e16":         "caf\u00e9 \u4e16",
		"\x1b[2J":                  `\x1b[2J`,
		"\x00\x07\x08\x7f":         `\x00\x07\x08\x7f`,
		"a\rb":                     `a\x0db`,
		"\xff\xc3":                 `\xff\xc3`,
		"\x9b2J":                   `\x9b2J`,
		"\u009b2J":                 `\xc2\x9b2J`,
		`back\slash`:               `back\slash`,
		"":                         "",
		"\xf0\x9f\x98\x80\xf0\x9f": "\U0001f600" + `\xf0\x9f`,
	} {
		got, whole := appendClean(nil, []byte(in), 1000)
		if string(got) != want || !whole || cleanLen([]byte(in)) != len(want) {
			t.Errorf("%q: %q, length %d, want %q", in, got, cleanLen([]byte(in)), want)
		}
		for most := range len(want) {
			got, whole := appendClean(nil, []byte(in), most)
			if whole || len(got) > most || !strings.HasPrefix(want, string(got)) {
				t.Errorf("%q in %d bytes: %q %v", in, most, got, whole)
			}
		}
	}
}

// conTest is a console of one page, a clock, and a record of who is held.
type conTest struct {
	*testing.T
	m    *Logs
	con  int // where the console's bytes come out
	seen []byte
	held map[string]bool
	now  graph.Instant
}

func newConTest(t *testing.T, hold bool) *conTest {
	c := &conTest{T: t, m: NewLogs(nil), held: map[string]bool{}}
	r, w := testPipe(t)
	if _, err := unix.FcntlInt(uintptr(w), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	own, err := OpenConsole(w)
	if err != nil {
		t.Fatal(err)
	}
	c.con = r
	c.m.SetConsole(own)
	c.m.SetOwn(MsgInfo, true, false)
	if hold {
		c.m.OnHold = func(l *UnitLog, held bool) {
			if c.held[l.name] == held || l.Held() != held {
				t.Fatalf("%s: held %v twice", l.name, held)
			}
			c.held[l.name] = held
		}
	}
	c.pass(1)
	return c
}

func (c *conTest) pass(ns graph.Instant) {
	c.now += ns
	c.m.SetClock(int64(c.now), c.now)
}

// take reads up to n bytes of the console and lets the loop see it writable.
func (c *conTest) take(n int) int {
	b := make([]byte, n)
	got, _ := unix.Read(c.con, b)
	c.seen = append(c.seen, b[:max(got, 0)]...)
	if _, want := c.m.ConsoleFD(); want {
		c.m.FlushConsole()
	}
	return got
}

func (c *conTest) drain() {
	for c.take(4096) > 0 {
	}
}

func (c *conTest) open(name string) *UnitLog {
	return c.m.Open(name, append(ringSink(1<<20), graph.Sink{Kind: graph.SinkConsole}))
}

// TestConsoleSlow: a console that takes little, but something, loses nothing;
// the unit that floods waits, a unit that says a line does not.
func TestConsoleSlow(t *testing.T) {
	c := newConTest(t, true)
	flood, quiet := c.open("flood"), c.open("quiet")
	fr, fw := testPipe(t)
	qr, qw := testPipe(t)
	var want []string
	quietLines := 0
	held := false
	for len(want) < 20000 || c.m.console.buffered() > 0 {
		for len(want) < 20000 {
			s := fmt.Sprintf("%d \x1b[1m %s", len(want), strings.Repeat("y", len(want)%90))
			if n, _ := unix.Write(fw, []byte(s+"\n")); n <= 0 {
				break
			}
			want = append(want, s)
		}
		if !flood.Held() {
			flood.ReadFrom(fr, 64<<10)
		}
		if held = held || flood.Held(); flood.Held() && quietLines < 100 {
			quietLines++
			fmt.Fprintf(fdWriter(qw), "quiet %d\n", quietLines)
			if quiet.ReadFrom(qr, 1000); int(quiet.ring.Total()) != quietLines {
				t.Fatalf("line %d of a quiet unit waits for the console", quietLines)
			}
		}
		if c.m.console.buffered() > consoleBytes || cap(c.m.console.buf) > consoleBytes {
			t.Fatalf("the console's buffer has %d bytes", cap(c.m.console.buf))
		}
		// A pipe of one page takes something again when that is read up.
		c.pass(consolePatience / 4)
		c.m.Expire(c.now)
		c.take(1500)
	}
	c.drain()
	if !held {
		t.Fatal("the flood never waited")
	}
	got := map[string][]string{}
	for _, s := range strings.Split(strings.TrimSuffix(string(c.seen), "\n"), "\n") {
		name, text, _ := strings.Cut(s, ": ")
		got[name] = append(got[name], strings.ReplaceAll(text, `\x1b`, "\x1b"))
	}
	if !slices.Equal(got["flood"], want) || len(got["quiet"]) != quietLines || len(got["mote"]) != 0 {
		t.Fatalf("flood %d of %d lines, quiet %d of %d, mote %q", len(got["flood"]), len(want), len(got["quiet"]), quietLines, got["mote"])
	}
}

type fdWriter int

func (fd fdWriter) Write(p []byte) (int, error) { return unix.Write(int(fd), p) }

// TestConsoleStalled: a console that takes nothing for a second loses whole
// lines, the ring has them all, the unit goes on, and the loss is reported.
func TestConsoleStalled(t *testing.T) {
	c := newConTest(t, true)
	l := c.open("web")
	r, w := testPipe(t)
	line := []byte("0123456789 0123456789 0123456789 0123456789\n")
	in := bytes.Repeat(line, 6000)
	rest := in
	feed := func() {
		for !l.Held() && len(rest) > 0 {
			n, _ := unix.Write(w, rest)
			rest = rest[max(n, 0):]
			l.ReadFrom(r, 64<<10)
		}
	}
	feed()
	due := c.m.Deadline()
	if !l.Held() || due != c.now+consolePatience || len(rest) == 0 {
		t.Fatalf("held %v, deadline %d at %d, %d bytes left", l.Held(), due, c.now, len(rest))
	}
	c.pass(consolePatience - 1)
	if c.m.Expire(c.now); !l.Held() {
		t.Fatal("gave up before its time")
	}
	c.pass(1)
	if c.m.Expire(c.now); l.Held() || c.m.Deadline() != 0 {
		t.Fatalf("held %v, deadline %d after a second", l.Held(), c.m.Deadline())
	}
	feed()
	l.ReadFrom(r, 1<<20)
	if len(rest) != 0 || l.ring.Total() != 6000 || l.ring.Count() != 6000 {
		t.Fatalf("%d bytes left, the ring has %d lines of %d", len(rest), l.ring.Count(), l.ring.Total())
	}
	c.drain()
	lines := strings.Split(strings.TrimSuffix(string(c.seen), "\n"), "\n")
	shown := len(lines) - 1
	for _, s := range lines[:shown] {
		if s != "web: "+string(line[:len(line)-1]) {
			t.Fatalf("a line is not whole: %q", s)
		}
	}
	if want := fmt.Sprintf("mote: console: %d lines dropped: it did not take them in time", 6000-shown); lines[shown] != want {
		t.Fatalf("%d lines shown, then %q", shown, lines[shown])
	}
	feed()
	l.Feed([]byte("later\n"))
	c.m.FlushConsole()
	if c.drain(); !bytes.HasSuffix(c.seen, []byte("\nweb: later\n")) {
		t.Fatal("it does not go on")
	}
}

// TestConsoleWithoutHold: a loop that cannot stop polling drops at once.
func TestConsoleWithoutHold(t *testing.T) {
	c := newConTest(t, false)
	l := c.open("web")
	for range 5000 {
		l.Feed([]byte("0123456789 0123456789 0123456789\n"))
	}
	if c.m.console.buffered() > consoleBytes || c.m.console.lost == 0 {
		t.Fatalf("%d bytes wait, %d lines are lost", c.m.console.buffered(), c.m.console.lost)
	}
	c.drain()
	lost := strings.Count(string(c.seen), "\n") - 1
	if want := fmt.Sprintf("mote: console: %d lines dropped: it did not take them in time\n", 5000-lost); !bytes.HasSuffix(c.seen, []byte(want)) {
		t.Fatalf("no %q", want)
	}
	if cap(c.m.console.buf) > 2*consoleBatch {
		t.Fatalf("%d bytes are kept", cap(c.m.console.buf))
	}
}

// TestConsoleGone: a console that hung up costs no turn and no memory.
func TestConsoleGone(t *testing.T) {
	c := newConTest(t, true)
	l := c.open("web")
	unix.Close(c.con)
	for range 3000 {
		l.Feed([]byte("0123456789 0123456789 0123456789\n"))
		c.m.FlushConsole()
	}
	if _, want := c.m.ConsoleFD(); want || c.m.console.buffered() != 0 || c.m.console.lost != 3000 {
		t.Fatalf("want write %v, %d bytes wait, %d lost", want, c.m.console.buffered(), c.m.console.lost)
	}
	r, w := testPipe(t)
	c.con = r
	c.m.SetConsole(w)
	l.Feed([]byte("back\n"))
	c.m.FlushConsole()
	c.drain()
	if want := "web: back\nmote: console: 3000 lines dropped: it did not take them in time\n"; string(c.seen) != want {
		t.Fatalf("got %q", c.seen)
	}
	c.m.SetConsole(-1)
	l.Feed([]byte("nobody\n"))
}

// TestConsoleHeldEnds: the unit ends, is closed or loses its console while it
// is held; what was begun is a line when the pipe is drained.
func TestConsoleHeldEnds(t *testing.T) {
	c := newConTest(t, true)
	l := c.open("web")
	r, w := testPipe(t)
	for !l.Held() {
		unix.Write(w, bytes.Repeat([]byte("z\n"), 1000))
		l.ReadFrom(r, 64<<10)
	}
	fmt.Fprint(fdWriter(w), "begun")
	l.Flush()
	before := l.ring.Total()
	for c.take(4096) > 0 || !l.Held() && l.ended {
		if !l.Held() {
			l.ReadFrom(r, 64<<10)
		}
	}
	cur := l.ring.Tail(1)
	if _, text, _, _ := l.ring.Next(&cur); string(text) != "begun" || l.ring.Total() == before {
		t.Fatalf("the last line is %q", text)
	}
	for !l.Held() {
		unix.Write(w, bytes.Repeat([]byte("z\n"), 1000))
		l.ReadFrom(r, 64<<10)
	}
	l.SetSinks(ringSink(4096))
	if l.Held() || len(c.m.held) != 0 {
		t.Fatal("held without a console")
	}
	l.Close()
}

// TestOpenConsole: the open file that is shared with others stays as it is.
func TestOpenConsole(t *testing.T) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{p[1], pair[1]} {
		own, err := OpenConsole(fd)
		if err != nil {
			t.Fatal(err)
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 {
			t.Error("the lent open file is O_NONBLOCK now")
		}
		m := NewLogs(nil)
		m.SetConsole(own)
		m.SetOwn(MsgInfo, true, false)
		for range 10000 {
			m.Say(MsgInfo, "a message that fills what nobody reads, and must not block")
		}
		if _, want := m.ConsoleFD(); !want {
			t.Error("it does not wait for the console")
		}
		m.SetConsole(-1)
	}
	for _, fd := range []int{p[0], p[1], pair[0], pair[1]} {
		unix.Close(fd)
	}
	if _, err := OpenConsole(-1); err == nil {
		t.Error("a console at -1")
	}
}
