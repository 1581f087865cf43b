package pid1

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// same checks that the next image writes what this one wrote.
func (in *Init) same(t *testing.T) *Init {
	t.Helper()
	was, _ := in.logsText(t)
	next := in.reexec(t)
	if is, _ := next.logsText(t); is != was {
		t.Errorf("was\n%s\nis\n%s", was, is)
	}
	return next
}

// Each log goes on in the midst of whatever it was at.
func TestSnapshotLogStates(t *testing.T) {
	world := logsWorld(t, "service a x\n  ready log 'up and running'\nservice b x\n  log ring 8K\nservice c x\n  log null\nservice d x\n")
	in := logsInit(t, world).openAll()
	in.logs.SetOwn(MsgWarn, true, false)
	in.logs.SetMemory(1 << 20)
	null, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	in.logs.SetKmsg(null)
	in.logs.Say(MsgInfo, "one")
	a, b, c := in.units[0].log, in.units[1].log, in.units[2].log
	a.Seek("up and running")
	a.SetPid(4711)
	a.Feed([]byte("we are up an"))
	limit := b.lineLimit()
	b.Feed([]byte("first\n" + strings.Repeat("\"", limit-3) + "\x00\xffz\r")) // its line may end here, or not
	b.more, b.ended = true, true
	if _, err := in.logPipe(0); err != nil {
		t.Fatal(err)
	}
	c.SetSinks(ringSink(4096)) // and back: its ring has numbers and no place
	c.Feed([]byte("x\n"))
	c.SetSinks(nil)
	in.logs.memorySaid, in.logs.spaceSaid, in.logs.kmsg.said, in.logs.kmsg.lost = true, true, true, 5
	text, _ := in.logsText(t)
	if strings.Contains(text, "\nlog unit=3") {
		t.Errorf("a log that has nothing is written:\n%s", text)
	}
	for range 3 {
		in = in.same(t)
	}
	a, b, c = in.units[0].log, in.units[1].log, in.units[2].log
	if m := in.logs; m.level != MsgWarn || m.ownSinks != toConsole || m.kmsg.fd != null || !m.memorySaid || !m.spaceSaid || !m.kmsg.said || m.kmsg.lost != 5 || m.used != pages(16<<10)+pages(8<<10) {
		t.Errorf("level %d, own %d, kmsg %+v, %v %v, %d bytes", m.level, m.ownSinks, m.kmsg.fd, m.memorySaid, m.spaceSaid, m.used)
	}
	a.Feed([]byte("d running\n"))
	if got := ringLines(t, &a.ring); len(got) != 1 || got[0] != "we are up and running" || !a.Found() || a.pid != 4711 {
		t.Errorf("a: %q, pid %d", got, a.pid)
	}
	if !b.more || !b.ended {
		t.Error("b does not know that its unit has ended")
	}
	b.Feed([]byte("y"))
	b.more = false
	b.Flush()
	if got := ringLines(t, &b.ring); len(got) != 3 || got[0] != "first" || len(got[1]) != limit || got[2] != "\ry" {
		t.Errorf("b: %.20q", got)
	}
	if c.ring.Total() != 1 || c.Dropped() != 0 || c.off != noPlace {
		t.Errorf("c: %+v", c.ring.State())
	}
	if in.logs.SetMemory(1 << 20); !in.logs.memorySaid {
		t.Error("the same bound is said again")
	}
}

// What the next image has said before it has the logs stands behind the rest.
func TestSnapshotLogFresh(t *testing.T) {
	in := logsInit(t, logsWorld(t, "service a x\n")).openAll()
	in.logs.SetOwn(MsgInfo, true, false)
	in.logs.Say(MsgInfo, "one")
	text, _ := in.logsText(t)
	s, err := readLogs(text)
	if err != nil {
		t.Fatal(err)
	}
	next := logsInit(t, nil)
	con, w := testPipe(t)
	next.logs.Say(MsgInfo, "two")
	next.logs.Say(MsgInfo, "three")
	worldPart.attach(next, s)
	s.logs.console.rec, s.logs.console.FD = s.logs.arena.rec, w
	logsPart.attach(next, s)
	next.logs.Say(MsgInfo, "four")
	if got := strings.Join(ringLines(t, &next.logs.own.ring), " "); got != "one two three four" {
		t.Errorf("the ring has %q", got)
	}
	b := make([]byte, 1000)
	n, _ := unix.Read(con, b)
	if got := string(b[:max(n, 0)]); got != "mote: two\nmote: three\nmote: four\n" {
		t.Errorf("the console has %q", got)
	}
	if next.logs.lines != 4 || next.logs.used != pages(16<<10) {
		t.Errorf("%d lines, %d bytes", next.logs.lines, next.logs.used)
	}
}

// A follower of all units gets each line once, in order, also of a unit that goes.
func TestSnapshotLogFollow(t *testing.T) {
	in := logsInit(t, logsWorld(t, "service a x\nservice b x\nservice c x\n")).openAll()
	for id := range in.units {
		in.units[id].log.Feed([]byte("old\n"))
	}
	r := in.logs.NewReader(nil, 0, true)
	far := in.logs.NewReader(nil, 0, true)
	place, behind := r.place, far.place
	in.units[2].log.Feed([]byte("gone\n"))
	in.apply(graph.Event{Kind: graph.AskReload, Plan: []graph.Change{{Kind: graph.UnitRemoved, Name: "c"}}})
	if !in.world.Gone(2) {
		t.Fatal("c is there")
	}
	var want, got []string
	step := func(name, text string) {
		id, ok := in.world.Find(name)
		if !ok {
			t.Fatal(name)
		}
		in.units[id].log.Feed([]byte(text + "\n"))
		want = append(want, name+" "+text)
	}
	want = append(want, " lost")
	for i := range 3000 {
		step(string("aab"[i%3]), strings.Repeat("x", i%50))
		if i == 10 || i%300 == 299 {
			in = in.same(t)
			place, behind = in.logs.refollow(place), in.logs.refollow(behind)
			if in.logs.journal.readers != 2 {
				t.Fatalf("%d followers", in.logs.journal.readers)
			}
		}
		for n := i % 5; n > 0 && i > 10; n-- {
			it, ok := in.logs.next(&place)
			switch {
			case !ok:
			case it.HasLine:
				got = append(got, it.Log.Name()+" "+string(it.Text))
			case it.Lost == 1:
				got = append(got, it.Log.Name()+" lost")
			default:
				t.Fatalf("%d lost", it.Lost)
			}
		}
	}
	for it, ok := in.logs.next(&place); ok; it, ok = in.logs.next(&place) {
		got = append(got, it.Log.Name()+" "+string(it.Text))
	}
	// What the init said of the units' states is there, too.
	got, want = own(got), own(want)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("line %d is %q, want %q", i, got[i], want[i])
				break
			}
		}
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	lost, lines := uint64(0), uint64(0)
	for it, ok := in.logs.next(&behind); ok; it, ok = in.logs.next(&behind) {
		if lost += it.Lost; it.HasLine {
			lines++
		}
	}
	if begin := far.place.line; lost+lines != in.logs.lines-begin || lost == 0 || lines == 0 {
		t.Errorf("the one that is behind gets %d lines and has lost %d, of %d", lines, lost, in.logs.lines-begin)
	}
	for _, f := range []logFollow{{run: 1 << 60}, {line: 1 << 60}, {run: in.logs.journal.next, line: 1}} {
		if place := in.logs.refollow(f); place.line != in.logs.lines || place.run != in.logs.journal.next {
			t.Errorf("%+v is taken: %+v", f, place)
		}
	}
	for f := (logFollow{line: 2, cur: ringCursor{1, 1 << 40}}); ; { // of another image: nothing breaks
		if _, ok := in.logs.next(&f); !ok {
			break
		}
	}
}

// own leaves out the init's own lines.
func own(lines []string) (out []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, OwnLogName+" ") {
			out = append(out, l)
		}
	}
	return out
}

// The socket of syslog, whose lines wait, and what the child sends meanwhile.
func TestSnapshotSyslog(t *testing.T) {
	in := logsInit(t, logsWorld(t, "service a x\nservice b x\n")).openAll()
	y := &in.syslog
	path := t.TempDir() + "/log"
	var err error
	if y.sock, err = proc.ListenDatagrams(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := y.connect(); err != nil {
		t.Fatal(err)
	}
	y.path, y.stdin = path, y.sock.Fd
	for i := range syslogEnded + 3 {
		in.syslog.remember(100+i, graph.ID(i%2))
	}
	send := func(text string) {
		if err := unix.Send(in.syslog.out, []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	y.buf = []byte("166 166 0 one\n165 1 0 two\n")
	y.rest = y.buf
	send("166 166 0 three\n165 165 0 four\n100 100 0 none\n")
	for range 3 {
		in = in.same(t)
	}
	y = &in.syslog
	if y.sock.Lost() || y.sock.Path != path || y.wait != nil || !in.again {
		t.Errorf("the socket is %+v", y.sock)
	}
	in.turn()
	send("166 166 0 five\n")
	in.turn()
	if got := strings.Join(ringLines(t, &in.units[0].log.ring), " "); got != "one three five" {
		t.Errorf("a: %q", got)
	}
	if got := strings.Join(ringLines(t, &in.units[1].log.ring), " "); got != "two four" {
		t.Errorf("b: %q", got)
	}
	if got := strings.Join(ringLines(t, &in.logs.own.ring), " "); got != "syslog: none" {
		t.Errorf("mote: %q", got)
	}
	y.sock.Close()
	var st unix.Stat_t
	if unix.Lstat(path, &st) != unix.ENOENT {
		t.Error("the file of the socket stays")
	}
}

// A child that nobody takes over is started again, at once or when it was to be.
func TestSnapshotWorker(t *testing.T) {
	in := logsInit(t, logsWorld(t, "service a x\n  log file /x\n")).openAll()
	in.units[0].log.Feed([]byte("x\n"))
	in.units[0].log.flushSinks()
	for _, c := range []struct {
		retry, want graph.Instant
		over        bool
	}{{0, -1, false}, {9e9, 9e9, false}, {1 << 60, in.now + workerMost, false}, {0, 0, true}} {
		w := &worker{in: in, stdin: in.filer.out, out: in.filer.out}
		w.takeOver(&savedWorker{Retry: c.retry, Over: c.over, Delay: 3, Started: 4})
		if c.want < 0 {
			c.want = in.now
		}
		if w.retry != c.want && c.retry != 9e9 || w.over != c.over || w.delay != 3 || w.since != 4 {
			t.Errorf("%+v: %+v", c, w)
		}
		if w.adopt(&process{}); w.retry != 0 {
			t.Error("a child that is adopted is started again")
		}
	}
}
