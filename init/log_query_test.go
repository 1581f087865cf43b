package pid1

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// queryTest is units that write numbered lines, and all lines in their order.
type queryTest struct {
	*testing.T
	rnd  *rand.Rand
	m    *Logs
	logs []*UnitLog
	n    int
	ns   int64
}

func newQueryTest(t *testing.T, seed uint64, units, ringBytes int) *queryTest {
	q := &queryTest{T: t, rnd: rand.New(rand.NewPCG(seed, 7)), m: NewLogs(nil)}
	for i := range units {
		q.logs = append(q.logs, q.m.Open("u"+strconv.Itoa(i), ringSink(ringBytes)))
	}
	return q
}

// write logs one line; many lines share a time, as those of one turn do.
func (q *queryTest) write(l *UnitLog) {
	if q.rnd.IntN(3) == 0 {
		q.ns++
	}
	q.m.SetClock(q.ns, 0)
	q.n++
	l.Feed(fmt.Appendf(nil, "%d\n", q.n))
}

func (q *queryTest) any() *UnitLog { return q.logs[q.rnd.IntN(len(q.logs))] }

// readAll reads to the end: the lines as "unit number", and the losses by unit.
func (q *queryTest) readAll(r *LogReader) (lines []string, lost map[string]int) {
	q.Helper()
	lost = map[string]int{}
	for busy := 0; busy < 100000; {
		switch it, st := r.Next(); {
		case st == LogDone:
			return lines, lost
		case st == LogBusy:
			busy++
		case it.HasLine:
			lines = append(lines, it.Log.Name()+" "+string(it.Text))
		case it.Log != nil:
			lost[it.Log.Name()] += int(it.Lost)
		default:
			lost[""] += int(it.Lost)
		}
	}
	q.Fatal("it never ends")
	return nil, nil
}

// TestReaderMerge: all lines that are held come in the order of their times,
// those of one unit in their own; the last n are the last n of these.
func TestReaderMerge(t *testing.T) {
	for seed := range uint64(30) {
		q := newQueryTest(t, seed, 1+int(seed%7), 400)
		for range q.rnd.IntN(300) {
			q.write(q.any())
		}
		all, lost := q.readAll(q.m.NewReader(nil, -1, false))
		held := 0
		for _, l := range q.m.units {
			held += l.ring.Count()
		}
		if len(all) != held || len(lost) != 0 {
			t.Fatalf("seed %d: %d of %d lines, lost %v", seed, len(all), held, lost)
		}
		checkOrder(t, q, all)
		for n := 0; n < held+3; n++ {
			last, _ := q.readAll(q.m.NewReader(nil, n, false))
			if want := all[len(all)-min(n, len(all)):]; !slices.Equal(last, want) {
				t.Fatalf("seed %d, last %d: %q, want %q", seed, n, last, want)
			}
		}
		one, _ := q.readAll(q.m.NewReader(q.logs[:1], 5, false))
		if got, want := fmt.Sprint(one), fmt.Sprint(unitLines(q.logs[0], 5)); got != want {
			t.Fatalf("one unit: %s, want %s", got, want)
		}
	}
}

func unitLines(l *UnitLog, n int) (lines []string) {
	c := l.ring.Tail(n)
	for {
		_, text, _, ok := l.ring.Next(&c)
		if !ok {
			return lines
		}
		lines = append(lines, l.name+" "+string(text))
	}
}

// checkOrder: a line is never before one of an earlier time.
func checkOrder(t *testing.T, q *queryTest, lines []string) {
	t.Helper()
	times := map[string]int64{}
	for _, l := range q.m.units {
		c := l.ring.First()
		for {
			ns, text, _, ok := l.ring.Next(&c)
			if !ok {
				break
			}
			times[l.name+" "+string(text)] = ns
		}
	}
	for i := 1; i < len(lines); i++ {
		if times[lines[i-1]] > times[lines[i]] {
			t.Fatalf("%s is before %s", lines[i-1], lines[i])
		}
	}
}

// TestReaderRests: while a reader rests, lines come and rings drop; it gives
// what was there when it began and is still there, and says what is not.
func TestReaderRests(t *testing.T) {
	for seed := range uint64(60) {
		q := newQueryTest(t, seed, 5, 600)
		for range 400 {
			q.write(q.any())
		}
		want := -1
		if seed%2 == 0 {
			want = q.rnd.IntN(100)
		}
		began := q.n
		r := q.m.NewReader(nil, want, false)
		expect := want
		if want < 0 {
			expect = 0
			for _, l := range q.logs {
				expect += l.ring.Count()
			}
		}
		given, lost := 0, 0
		for {
			it, st := r.Next()
			if st == LogDone {
				break
			}
			if n, _ := strconv.Atoi(string(it.Text)); n > began {
				t.Fatalf("seed %d: line %d is newer than the reader", seed, n)
			}
			if it.HasLine {
				given++
			}
			lost += int(it.Lost)
			for range q.rnd.IntN(4) {
				q.write(q.any())
			}
		}
		if given+lost != expect {
			t.Fatalf("seed %d: %d given, %d lost of %d", seed, given, lost, expect)
		}
	}
}

// TestReaderFollow follows all units and some by name, with pauses: what each
// gets is all that was written since, in order, less what it is told of.
func TestReaderFollow(t *testing.T) {
	for seed := range uint64(60) {
		q := newQueryTest(t, seed, 6, 300+int(seed)*40)
		for range q.rnd.IntN(100) {
			q.write(q.any())
		}
		readers := []*LogReader{
			q.m.NewReader(nil, 0, true),
			q.m.NewReader(q.logs[:2], 0, true),
			q.m.NewReader(q.logs[5:], 0, true),
		}
		began := q.n
		wrote := map[string][]string{}
		got := make([]map[string][]string, len(readers))
		for i := range got {
			got[i] = map[string][]string{}
		}
		for range 300 {
			for range q.rnd.IntN(20) {
				l := q.any()
				q.write(l)
				wrote[l.name] = append(wrote[l.name], l.name+" "+strconv.Itoa(q.n))
			}
			for i, r := range readers {
				if q.rnd.IntN(8) > 0 {
					continue
				}
				q.follow(r, got[i], i == 0 && seed > 50)
			}
		}
		for i, r := range readers {
			q.follow(r, got[i], false)
			for name, lines := range got[i] {
				if !slices.Equal(lines, withLosses(wrote[name], lines)) {
					t.Fatalf("seed %d, reader %d, %s: after line %d\ngot  %q\nwrote %q", seed, i, name, began, lines, wrote[name])
				}
			}
			r.Close()
		}
		if len(got[0]) != 6 || len(got[1]) != 2 || len(got[2]) != 1 {
			t.Fatalf("seed %d: units %d %d %d", seed, len(got[0]), len(got[1]), len(got[2]))
		}
		if q.m.journal != nil {
			t.Fatal("the journal is kept without followers")
		}
	}
}

// follow adds what r gives to got: lines, and "lost" once for each lost line.
func (q *queryTest) follow(r *LogReader, got map[string][]string, ordered bool) {
	q.Helper()
	last := 0
	for {
		it, st := r.Next()
		if st == LogDone {
			return
		}
		if st == LogBusy {
			continue
		}
		if it.Log == nil {
			q.Fatal("a loss of no unit")
		}
		name := it.Log.Name()
		for range it.Lost {
			got[name] = append(got[name], "lost")
		}
		if !it.HasLine {
			continue
		}
		got[name] = append(got[name], name+" "+string(it.Text))
		n, _ := strconv.Atoi(string(it.Text))
		if ordered && n <= last {
			q.Fatalf("line %d after line %d", n, last)
		}
		last = n
	}
}

// withLosses gives wrote with "lost" where got has it.
func withLosses(wrote, got []string) []string {
	want := slices.Clone(wrote)
	for i, s := range got {
		if s == "lost" && i < len(want) {
			want[i] = s
		}
	}
	return want
}

// TestReaderFarBehind: a follower of all units that is more runs behind than
// the journal has is told how many lines it missed, and goes on.
func TestReaderFarBehind(t *testing.T) {
	q := newQueryTest(t, 1, 3, 1<<20)
	r := q.m.NewReader(nil, 0, true)
	defer r.Close()
	for i := range 5000 {
		q.write(q.logs[i%3])
	}
	lines, lost := q.readAll(r)
	if len(lines)+lost[""] != 5000 || len(lines) != journalRuns || lines[len(lines)-1] != "u1 5000" {
		t.Fatalf("%d lines, lost %v", len(lines), lost)
	}
	for range 30000 { // a flood of one unit is one run
		q.write(q.logs[0])
	}
	if lines, lost = q.readAll(r); len(lines) != 30000 || len(lost) != 0 {
		t.Fatalf("flood: %d lines, lost %v", len(lines), lost)
	}
}

// TestReaderUnitsGo: units are closed and opened while readers rest.
func TestReaderUnitsGo(t *testing.T) {
	for seed := range uint64(20) {
		q := newQueryTest(t, seed, 5, 2000)
		for range 100 {
			q.write(q.any())
		}
		all := q.m.NewReader(nil, 50, true)
		named := q.m.NewReader(slices.Clone(q.logs), 50, true)
		for i := range 200 {
			all.Next()
			named.Next()
			if i%20 == 19 {
				k := q.rnd.IntN(len(q.logs))
				q.logs[k].Close()
				q.logs[k] = q.m.Open("new"+strconv.Itoa(i), ringSink(2000))
			}
			q.write(q.any())
		}
		q.readAll(all)
		q.readAll(named)
		fresh := q.logs[0]
		q.write(fresh)
		if lines, _ := q.readAll(all); len(lines) != 1 || lines[0] != fresh.name+" "+strconv.Itoa(q.n) {
			t.Fatalf("seed %d: %q", seed, lines)
		}
		all.Close()
		named.Close()
		all.Next()
	}
}

// TestReaderCorrupt: a region full of junk ends readers, not the init.
func TestReaderCorrupt(t *testing.T) {
	for seed := range uint64(100) {
		q := newQueryTest(t, seed, 3, 500)
		for range 200 {
			q.write(q.any())
		}
		all := q.m.NewReader(nil, 20, true)
		named := q.m.NewReader(q.logs, -1, true)
		for range 50 {
			for i := range q.logs[0].ring.mem {
				if q.rnd.IntN(20) == 0 {
					q.logs[0].ring.mem[i] = byte(q.rnd.Uint32())
				}
			}
			q.write(q.any())
			q.readAll(all)
			q.readAll(named)
		}
		all.Close()
	}
}

func BenchmarkReaderLast10(b *testing.B) {
	m := NewLogs(nil)
	for i := range 1000 {
		l := m.Open("u"+strconv.Itoa(i), ringSink(16<<10))
		for k := range 200 {
			m.SetClock(int64(k*1000+i), 0)
			l.Feed([]byte("a line of some length, as services write them\n"))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		r := m.NewReader(nil, 10, false)
		for st := LogLine; st != LogDone; {
			_, st = r.Next()
		}
	}
}
