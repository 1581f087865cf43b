package pid1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// fakeSinks is a Logs whose child is the test.
type fakeSinks struct {
	t     *testing.T
	m     *Logs
	sock  int // the child's end
	held  map[string]bool
	block map[int]bool
	got   map[string]string // by head
}

func newFakeSinks(t *testing.T) *fakeSinks {
	f := &fakeSinks{t: t, m: NewLogs(nil), held: map[string]bool{}, block: map[int]bool{}, got: map[string]string{}}
	f.m.SetClock(1e18, 1e9)
	f.m.OnHold = func(l *UnitLog, held bool) {
		if f.held[l.name] == held || l.Held() != held {
			t.Fatalf("%s: held %v twice", l.name, held)
		}
		f.held[l.name] = held
	}
	f.m.OnBlocked = func(slot, fd int, on bool) {
		if f.block[slot] == on {
			t.Fatalf("slot %d: blocked %v twice", slot, on)
		}
		f.block[slot] = on
	}
	f.m.OnFile = func() int {
		ours, theirs, err := fileSocket()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(ours); unix.Close(theirs) })
		f.sock = theirs
		return ours
	}
	return f
}

// take is the child: it takes up to n messages, and reports whether there were so many.
func (f *fakeSinks) take(n int) bool {
	f.t.Helper()
	buf := make([]byte, 4*sinkBatch)
	for range n {
		got, _, err := unix.Recvfrom(f.sock, buf, unix.MSG_DONTWAIT)
		if err != nil {
			return false
		}
		head, lines, ok := bytes.Cut(buf[:got], newline)
		if !ok || len(lines) == 0 || lines[len(lines)-1] != '\n' || got > 2*sinkBatch {
			f.t.Fatalf("message of %d bytes: %.100q", got, buf[:got])
		}
		f.got[string(head)] += string(lines)
	}
	return true
}

func fileSink(path string) []graph.Sink {
	return []graph.Sink{{Kind: graph.SinkRing, SizeBytes: 4096}, {Kind: graph.SinkFile, Path: path, SizeBytes: 8192, Files: 3}}
}

// feedText reads text through a pipe, with turns of the child in between.
func (f *fakeSinks) feedText(l *UnitLog, text []byte, turn func()) {
	f.t.Helper()
	r, w := testPipe(f.t)
	for len(text) > 0 || !f.idle(l, r) {
		n, err := unix.Write(w, text)
		if err == nil {
			text = text[n:]
		}
		f.idle(l, r)
		turn()
	}
	l.Flush()
}

// idle reads what may be read and reports whether the pipe is empty.
func (f *fakeSinks) idle(l *UnitLog, r int) bool {
	for !l.Held() {
		if _, again, _ := l.ReadFrom(r, 4096); !again {
			break
		}
	}
	return !l.Held() && !l.more
}

// Two units, slow child: nothing is lost, every message has lines of one file.
func TestFileSinkWaits(t *testing.T) {
	f := newFakeSinks(t)
	a, b := f.m.Open("a", fileSink("/x/a")), f.m.Open("b", fileSink("/x/b b"))
	var text, small bytes.Buffer
	for i := range 40000 {
		fmt.Fprintf(&text, "line %d %s\n", i, strings.Repeat("-", i%97))
	}
	text.WriteString(strings.Repeat("\n", 5000) + strings.Repeat("x", 3*maxLineBytes) + "\n")
	waits := 0
	f.feedText(a, text.Bytes(), func() {
		if f.held["a"] {
			waits++
		}
		if small.Len() < 5000 {
			b.Feed([]byte("b\n"))
			b.Flush()
			small.WriteString("b\n")
		}
		f.take(3)
		f.m.files.drain()
		if n := f.m.files.buffered(); n > sinkBytes {
			t.Fatalf("%d bytes wait", n)
		}
	})
	for f.take(1) || f.m.files.buffered() > 0 {
		f.m.files.drain()
	}
	want, _, _ := strings.Cut(text.String(), "x")
	for left := 3 * maxLineBytes; left > 0; left -= a.lineLimit() {
		want += strings.Repeat("x", min(left, a.lineLimit())) + "\n"
	}
	if f.got["8192 3 /x/a"] != want || f.got["8192 3 /x/b b"] != small.String() {
		t.Errorf("a: %d bytes of %d, b: %d of %d", len(f.got["8192 3 /x/a"]), len(want), len(f.got["8192 3 /x/b b"]), small.Len())
	}
	if waits == 0 || f.m.files.lost != 0 || f.block[0] {
		t.Errorf("a waited %d times, %d lost, blocked %v", waits, f.m.files.lost, f.block[0])
	}
}

// A child that takes nothing for a second: whole lines are dropped, counted,
// and reported when it goes on; with stamps too.
func TestFileSinkStalls(t *testing.T) {
	f := newFakeSinks(t)
	sinks := fileSink("/x/a")
	sinks[1].Stamp = true
	a := f.m.Open("a", sinks)
	var text bytes.Buffer
	const lines = 20000
	for i := range lines {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	now := graph.Instant(1e9)
	f.feedText(a, text.Bytes(), func() {
		now += 1e8
		f.m.SetClock(1e18, now)
		f.m.Expire(now)
		f.m.files.drain()
	})
	if !f.m.files.stalled || f.m.files.lost == 0 {
		t.Fatalf("stalled %v, lost %d", f.m.files.stalled, f.m.files.lost)
	}
	if f.m.Deadline() != 0 {
		t.Error("there is a deadline still")
	}
	lost := int(f.m.files.lost)
	for f.take(1) || f.m.files.buffered() > 0 {
		f.m.files.drain()
	}
	got := f.got["8192 3 /x/a"]
	if n := strings.Count(got, "\n"); n+lost != lines {
		t.Errorf("%d lines came, %d are lost, of %d", n, lost, lines)
	}
	for l := range strings.Lines(got) {
		if !strings.HasPrefix(l, "2001-09-09T") || !strings.Contains(l, "Z line ") {
			t.Fatalf("%q", l)
		}
	}
	own := linesOf(f.m.Own())
	if want := fmt.Sprintf("log files: %d lines dropped: it did not take them in time", lost); len(own) != 2 || own[1] != want {
		t.Errorf("said %q, want %q", own, want)
	}
	if n := linesOf(a); n[len(n)-1] != fmt.Sprintf("line %d", lines-1) {
		t.Errorf("the ring ends with %q", n[len(n)-1])
	}
}

// linesOf gives what a ring holds.
func linesOf(l *UnitLog) (out []string) {
	for c := l.ring.First(); ; {
		_, text, _, ok := l.ring.Next(&c)
		if !ok {
			return out
		}
		out = append(out, string(text))
	}
}

// Units into one service, some of which go away; a service that does not read.
func TestFeed(t *testing.T) {
	f := newFakeSinks(t)
	to := []graph.Sink{{Kind: graph.SinkPipe, To: "s"}}
	a, b := f.m.Open("a", to), f.m.Open("b", to)
	fd, ok, err := f.m.FeedOf("s")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, ok, _ := f.m.FeedOf("t"); ok {
		t.Error("t has a feed")
	}
	for i := range 10 {
		a.Feed(fmt.Appendf(nil, "a %d\nbegun", i))
		a.flushSinks()
		b.Feed(fmt.Appendf(nil, "b %d\n", i))
		b.flushSinks()
		a.Flush()
	}
	buf := make([]byte, 1<<20)
	n, _ := unix.Read(fd, buf)
	if got := string(buf[:n]); strings.Count(got, "\n") != 30 || !strings.HasPrefix(got, "a 0\nb 0\nbegun\na 1\n") {
		t.Errorf("%q", got)
	}
	now := graph.Instant(1e9)
	text := bytes.Repeat([]byte("0123456789\n"), 30000)
	f.feedText(a, text, func() {
		now += 1e8
		f.m.SetClock(1e18, now)
		f.m.Expire(now)
		a.pipe.drain()
	})
	lost := a.pipe.lost
	if lost == 0 || !f.block[1] {
		t.Fatalf("lost %d, blocked %v", lost, f.block[1])
	}
	feed := a.pipe
	unix.SetNonblock(feed.r, true)
	n = 0
	for feed.buffered() > 0 {
		got, err := unix.Read(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(buf[:got], newline)
		feed.drain()
	}
	if got, err := unix.Read(fd, buf); err == nil {
		n += bytes.Count(buf[:got], newline)
	}
	if n+int(lost) != 30000 {
		t.Errorf("%d lines came, %d are lost", n, lost)
	}
	if own := linesOf(f.m.Own()); len(own) != 2 || !strings.HasPrefix(own[1], "log pipe s: ") {
		t.Errorf("said %q", own)
	}
	a.SetSinks(ringSink(4096))
	if f.m.feedOf("s") == nil {
		t.Fatal("the feed went before its last unit")
	}
	b.Close()
	if f.m.feedOf("s") != nil || f.block[1] {
		t.Error("the feed is left")
	}
	if f.m.Open("c", to).pipe.slot != 1 {
		t.Error("the slot is not used again")
	}
}

// SetSinks and Close let go of a unit that waits.
func TestFileSinkReleases(t *testing.T) {
	for _, end := range []func(l *UnitLog){func(l *UnitLog) { l.SetSinks(ringSink(4096)) }, (*UnitLog).Close} {
		f := newFakeSinks(t)
		a := f.m.Open("a", fileSink("/x/a"))
		r, w := testPipe(t)
		line := bytes.Repeat([]byte("0123456789\n"), 100)
		for !a.Held() {
			unix.Write(w, line)
			f.idle(a, r)
		}
		if end(a); a.Held() || f.held["a"] || len(f.m.files.held) > 0 {
			t.Error("it is held still")
		}
	}
}
