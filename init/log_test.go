package pid1

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// testSpace is a logSpace in a slice that does not reuse places, and that can
// be full.
type testSpace struct {
	mem  []byte
	used int
	live map[int]int
}

func newTestSpace(sizeBytes int) *testSpace {
	return &testSpace{mem: make([]byte, sizeBytes), live: map[int]int{}}
}

func (s *testSpace) Alloc(sizeBytes int) (int, error) {
	if s.used+sizeBytes > len(s.mem) {
		return 0, errors.New("the space is full")
	}
	off := s.used
	s.used += sizeBytes
	s.live[off] = sizeBytes
	return off, nil
}

func (s *testSpace) Free(off, sizeBytes int) {
	if s.live[off] != sizeBytes {
		panic("free of what was not given")
	}
	clear(s.mem[off : off+sizeBytes])
	delete(s.live, off)
}

func (s *testSpace) Bytes(off, sizeBytes int) []byte { return s.mem[off : off+sizeBytes] }

func ringSink(sizeBytes int) []graph.Sink {
	return []graph.Sink{{Kind: graph.SinkRing, SizeBytes: sizeBytes}}
}

// testPipe gives a non-blocking pipe.
func testPipe(t testing.TB) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(p[0])
		unix.Close(p[1])
	})
	return p[0], p[1]
}

// pour writes all of p to the pipe and lets l read whenever it is full.
func pour(t testing.TB, l *UnitLog, r, w int, p []byte, budget int) {
	t.Helper()
	for len(p) > 0 {
		n, err := unix.Write(w, p)
		if err != nil && err != unix.EAGAIN {
			t.Fatal(err)
		}
		if n > 0 {
			p = p[n:]
		}
		for again := true; again; {
			var eof bool
			if n, again, eof = l.ReadFrom(r, budget); eof || n > budget {
				t.Fatalf("read %d of %d, eof %v", n, budget, eof)
			}
		}
	}
}

// TestLogE1: 1 MiB of lines into a ring of 64K leaves the newest whole lines
// and the count of the others.
func TestLogE1(t *testing.T) {
	arena := proc.NewArena()
	defer arena.Close()
	m := NewLogs(arena)
	l := m.Open("flood", ringSink(64<<10))
	r, w := testPipe(t)
	var in []byte
	var lines []string
	for i := 0; len(in) < 1<<20; i++ {
		s := fmt.Sprintf("%07d %s", i, strings.Repeat("x", i%150))
		lines = append(lines, s)
		in = append(append(in, s...), '\n')
	}
	pour(t, l, r, w, in, 10000)
	got := ringLines(t, &l.ring)
	if !slices.Equal(got, lines[len(lines)-len(got):]) {
		t.Fatal("the ring does not hold the newest lines")
	}
	if d := l.Dropped(); d != uint64(len(lines)-len(got)) {
		t.Fatalf("%d lines, %d held, %d dropped", len(lines), len(got), d)
	}
	if l.ring.used < 63<<10 {
		t.Fatalf("only %d bytes are used", l.ring.used)
	}
}

// TestLogE9: bytes that are not UTF-8 pass, a line of 1 MiB is split at the
// limit and nowhere else.
func TestLogE9(t *testing.T) {
	m := NewLogs(newTestSpace(4 << 20))
	l := m.Open("bytes", ringSink(2<<20))
	r, w := testPipe(t)
	rnd := rand.New(rand.NewPCG(1, 9))
	long := make([]byte, 1<<20)
	for i := range long {
		for long[i] = '\n'; long[i] == '\n'; {
			long[i] = byte(rnd.Uint32())
		}
	}
	long[len(long)-1] = 'x'
	pour(t, l, r, w, slices.Concat([]byte("a\xff\xfe\x00b\n"), long, []byte("\nend\n")), 64<<10)
	got := ringLines(t, &l.ring)
	if len(got) != 1+256+1 || got[0] != "a\xff\xfe\x00b" || got[257] != "end" {
		t.Fatalf("%d lines, the first %q, the last %q", len(got), got[0], got[len(got)-1])
	}
	for i, s := range got[1:257] {
		if len(s) != maxLineBytes || s != string(long[i*maxLineBytes:][:maxLineBytes]) {
			t.Fatalf("piece %d has %d bytes", i, len(s))
		}
	}
}

// TestLogTail writes random bytes in random pieces through a pipe: what is
// held is the tail of what was written, split at the limit and nowhere else.
func TestLogTail(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		m := NewLogs(newTestSpace(1 << 20))
		size := rnd.IntN(12000)
		l := m.Open("u", ringSink(size))
		r, w := testPipe(t)
		in := randomStream(rnd, rnd.IntN(60000))
		for p := in; len(p) > 0; {
			n := 1 + rnd.IntN(min(len(p), 9000))
			pour(t, l, r, w, p[:n], 1+rnd.IntN(70000))
			p = p[n:]
		}
		l.Flush()
		want := splitWhole(in, ringLineLimit(max(size, minRingBytes)))
		got := ringLines(t, &l.ring)
		if len(got)+int(l.Dropped()) != len(want) || !slices.Equal(got, want[len(want)-len(got):]) {
			t.Fatalf("seed %d: %d lines held, %d dropped, %d written", seed, len(got), l.Dropped(), len(want))
		}
	}
}

func TestLogReadFrom(t *testing.T) {
	m := NewLogs(nil)
	l := m.Open("u", ringSink(16<<10))
	r, w := testPipe(t)
	check := func(name string, budget, n int, again, eof bool) {
		t.Helper()
		gotN, gotAgain, gotEOF := l.ReadFrom(r, budget)
		if gotN != n || gotAgain != again || gotEOF != eof {
			t.Fatalf("%s: %d again=%v eof=%v, want %d %v %v", name, gotN, gotAgain, gotEOF, n, again, eof)
		}
	}
	check("nothing there", 100, 0, false, false)
	unix.Write(w, []byte("one\ntwo\nthr"))
	check("budget", 5, 5, true, false)
	check("the rest", 100, 6, false, false)
	unix.Write(w, []byte("ee\nfour"))
	unix.Close(w)
	check("before the end", 100, 7, false, false)
	check("end", 100, 0, false, true)
	if got := fmt.Sprintf("%q", ringLines(t, &l.ring)); got != `["one" "two" "three" "four"]` {
		t.Fatalf("got %s", got)
	}
}

// TestLogFlush: what a process leaves without a newline is a line when the
// unit ends.
func TestLogFlush(t *testing.T) {
	m := NewLogs(nil)
	l := m.Open("u", ringSink(4<<10))
	l.Feed([]byte("panic: no newline"))
	if l.ring.Count() != 0 {
		t.Fatal("a line before its end")
	}
	l.Flush()
	l.Flush()
	l.Feed([]byte("next\n"))
	if got := fmt.Sprintf("%q", ringLines(t, &l.ring)); got != `["panic: no newline" "next"]` {
		t.Fatalf("got %s", got)
	}
}

// TestLogFlushLate: the unit has ended with more in the pipe than a turn's
// budget: the line that the budget ends in is not split.
func TestLogFlushLate(t *testing.T) {
	m := NewLogs(nil)
	l := m.Open("u", ringSink(4<<10))
	r, w := testPipe(t)
	unix.Write(w, []byte("one\ntwo\nthree"))
	if _, again, _ := l.ReadFrom(r, 6); !again {
		t.Fatal("all of it in one turn")
	}
	l.Flush()
	l.ReadFrom(r, 6)
	l.ReadFrom(r, 6)
	if got := fmt.Sprintf("%q", ringLines(t, &l.ring)); got != `["one" "two" "three"]` {
		t.Fatalf("got %s", got)
	}
}

func TestLogSinks(t *testing.T) {
	m := NewLogs(nil)
	null := m.Open("n", []graph.Sink{{Kind: graph.SinkNull}})
	null.Feed([]byte("x\n"))
	if !null.Discards() || null.HasRing() || null.Dropped() != 0 {
		t.Fatal("log null keeps something")
	}
	both := m.Open("b", []graph.Sink{{Kind: graph.SinkNull}, {Kind: graph.SinkRing, SizeBytes: 1}})
	both.Feed([]byte("x\n"))
	if both.Discards() || both.ring.Count() != 1 {
		t.Fatal("a ring beside null keeps nothing")
	}
}

// TestLogPlaces: a region is taken at the first line, moved by a reload,
// given back at the end, and its lack is said once and lines are counted.
func TestLogPlaces(t *testing.T) {
	s := newTestSpace(60000)
	m := NewLogs(s)
	l := m.Open("u", ringSink(4096))
	if len(s.live) != 0 {
		t.Fatalf("regions before a line: %v", s.live)
	}
	for i := range 500 {
		l.Feed(fmt.Appendf(nil, "line %d\n", i))
	}
	held := ringLines(t, &l.ring)
	l.SetSinks(ringSink(8192))
	if got := ringLines(t, &l.ring); !slices.Equal(got, held) {
		t.Fatal("a larger ring lost lines")
	}
	l.SetSinks(ringSink(1024))
	got := ringLines(t, &l.ring)
	if !slices.Equal(got, held[len(held)-len(got):]) || l.Dropped() != uint64(500-len(got)) {
		t.Fatalf("a smaller ring has %d lines, %d dropped", len(got), l.Dropped())
	}
	l.SetSinks(ringSink(1 << 20))
	if again := ringLines(t, &l.ring); !slices.Equal(again, got) {
		t.Fatal("a ring that there is no room for lost lines")
	}
	big := m.Open("big", ringSink(1<<20))
	big.Feed([]byte("a\nb\n"))
	m.FlushConsole()
	m.FlushConsole()
	if big.Dropped() != 2 {
		t.Fatalf("%d of 2 lines dropped", big.Dropped())
	}
	if own := fmt.Sprintf("%q", ringLines(t, &m.own.ring)); own != `["no room for a log ring: the space is full: write smaller sizes in log ring"]` {
		t.Fatalf("said %s", own)
	}
	for i := range 3 * placeTry {
		big.Feed(fmt.Appendf(nil, "%d\n", i))
		if i == placeTry {
			s.mem = make([]byte, 4<<20) // other units went
		}
	}
	if big.ring.Count() == 0 || big.ring.Total() != 2+3*placeTry {
		t.Fatal("no ring although there is room now")
	}
	l.SetSinks([]graph.Sink{{Kind: graph.SinkNull}})
	big.Close()
	l.Close()
	l.Close()
	if len(m.units) != 1 || len(s.live) != 1 {
		t.Fatalf("%d logs, regions %v", len(m.units), s.live)
	}
}

// TestLogAdopt hands logs to the next incarnation.
func TestLogAdopt(t *testing.T) {
	s := newTestSpace(1 << 20)
	m := NewLogs(s)
	l := m.Open("u", ringSink(4096))
	for i := range 500 {
		l.Feed(fmt.Appendf(nil, "line %d\n", i))
	}
	l.Feed([]byte("begun "))
	state, off, size, part := l.State()

	for _, ring := range []int{4096, 2000, 9000} { // what the unit asks for; it had less
		space := &testSpace{slices.Clone(s.mem), s.used, map[int]int{off: size}}
		m2 := NewLogs(space)
		l2 := m2.Open("u", ringSink(ring))
		if !l2.Adopt(state, off, size, part) {
			t.Fatal("a true state was refused")
		}
		l2.Feed([]byte("and ended\n"))
		got := ringLines(t, &l2.ring)
		if got[len(got)-1] != "begun and ended" || got[len(got)-2] != "line 499" {
			t.Fatalf("ring %d: ends with %q", ring, got[len(got)-2:])
		}
		if l2.Dropped() != uint64(501-len(got)) || l2.sizeBytes != size || m2.used != pages(size) {
			t.Fatalf("ring %d: %d held, %d dropped, %d bytes used", l2.sizeBytes, len(got), l2.Dropped(), m2.used)
		}
	}
}

// A ring that was taken away and comes back holds the first line that it gets.
func TestLogRingAgain(t *testing.T) {
	m := NewLogs(nil)
	l := m.Open("u", ringSink(4096))
	for range 2 {
		l.Feed([]byte("a\nb\n"))
		l.SetSinks(nil)
		l.SetSinks(ringSink(4096))
		l.Feed([]byte("c\n"))
		if got := ringLines(t, &l.ring); len(got) != 1 || got[0] != "c" {
			t.Errorf("the ring has %q", got)
		}
	}
}

func TestLogSay(t *testing.T) {
	m := NewLogs(nil)
	con, w := testPipe(t)
	m.SetConsole(w)
	said := func() string {
		b := make([]byte, 1000)
		n, _ := unix.Read(con, b)
		return string(b[:max(n, 0)])
	}
	for _, c := range []struct {
		word    string
		level   MsgLevel
		console string
		kept    int
	}{
		{"info", MsgDebug, "", 0},
		{"info", MsgInfo, "mote: web: up\n", 1},
		{"info", MsgWarn, "mote: web: up\n", 1},
		{"debug", MsgDebug, "mote: web: up\n", 1},
		{"quiet", MsgInfo, "", 1},
		{"quiet", MsgWarn, "mote: web: up\n", 1},
	} {
		level, ok := ParseMsgLevel(c.word)
		m.SetOwn(level, true, false)
		before := m.own.ring.Total()
		m.Say(c.level, "web", ": ", "up")
		if got, kept := said(), int(m.own.ring.Total()-before); !ok || got != c.console || kept != c.kept {
			t.Errorf("%s, level %d: console %q, kept %d", c.word, c.level, got, kept)
		}
	}
	m.SetOwn(MsgInfo, true, false)
	m.Say(MsgWarn, "bug: panic\ngoroutine 1\n", "\tmain.go:7")
	if got := said(); got != "mote: bug: panic\nmote: goroutine 1\nmote: \tmain.go:7\n" {
		t.Errorf("many lines: %q", got)
	}
	if _, ok := ParseMsgLevel("loud"); ok {
		t.Error("loud is a level")
	}
}

// TestLogNoAlloc: reading, splitting, holding partial lines and showing them
// makes no garbage once it runs.
func TestLogNoAlloc(t *testing.T) {
	m := NewLogs(newTestSpace(1 << 20))
	a := m.Open("a", append(ringSink(16<<10), graph.Sink{Kind: graph.SinkConsole}))
	b := m.Open("b", ringSink(16<<10))
	null, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.SetConsole(null)
	m.SetOwn(MsgInfo, true, false)
	r, w := testPipe(t)
	text := bytes.Repeat([]byte("a line of a service\nanother\r\nand one that does not e"), 40)
	long := bytes.Repeat([]byte("z"), 9000)
	run := func() {
		for _, l := range []*UnitLog{a, b} {
			unix.Write(w, text)
			l.ReadFrom(r, 64<<10)
			unix.Write(w, long)
			l.ReadFrom(r, 64<<10)
		}
		a.Flush()
		m.Say(MsgInfo, "web", ": ", "up")
	}
	for range 20 {
		run()
	}
	if n := testing.AllocsPerRun(200, run); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkLogReadFrom(b *testing.B) {
	m := NewLogs(nil)
	l := m.Open("a", ringSink(16<<10))
	r, w := testPipe(b)
	text := bytes.Repeat([]byte("a line of a service that has some sixty bytes, as many have\n"), 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		unix.Write(w, text)
		l.ReadFrom(r, len(text))
	}
}
