package pid1

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func newTestRing(sizeBytes int) *Ring {
	r := &Ring{scratch: new([maxLineBytes]byte)}
	r.Resize(make([]byte, sizeBytes))
	return r
}

// ringLines reads all that is held from the oldest line on.
func ringLines(t *testing.T, r *Ring) []string {
	t.Helper()
	var got []string
	c := r.First()
	for {
		_, text, lost, ok := r.Next(&c)
		if lost != 0 {
			t.Fatalf("reading what is held lost %d lines", lost)
		}
		if !ok {
			return got
		}
		got = append(got, string(text))
	}
}

func randomText(rnd *rand.Rand, most int) []byte {
	n := rnd.IntN(most + 1)
	if rnd.IntN(3) > 0 {
		n = rnd.IntN(min(most, 60) + 1)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// TestRingModel appends, resizes and reads at random and compares with a list
// of all lines: what is held is always the newest lines that fit, and lines
// in are lines held and lines dropped.
func TestRingModel(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		size := minRingBytes + rnd.IntN(20000)
		r := newTestRing(size)
		var all []string
		mayHold := 0 // lines that no resize has pushed out
		cursors := make([]ringCursor, 4)
		for step := range 3000 {
			if rnd.IntN(300) == 0 {
				size = minRingBytes + rnd.IntN(20000)
				r.Resize(make([]byte, size))
				mayHold = r.Count()
			}
			text := randomText(rnd, ringLineLimit(size))
			r.Append(int64(step), text)
			all = append(all, string(text))
			mayHold++
			if uint64(len(all)) != r.Total() || r.Dropped()+uint64(r.Count()) != r.Total() {
				t.Fatalf("seed %d step %d: %d in, %d held, %d dropped", seed, step, len(all), r.Count(), r.Dropped())
			}
			if step%7 == 0 {
				checkNewest(t, r, all, mayHold)
			}
			for i := range cursors {
				if rnd.IntN(40*(i+1)) == 0 {
					readOn(t, r, &cursors[i], all, rnd.IntN(30))
				}
			}
		}
	}
}

// checkNewest compares what is held with the tail of all lines.
func checkNewest(t *testing.T, r *Ring, all []string, mayHold int) {
	t.Helper()
	bytes, want := 0, 0
	for want < mayHold && bytes+len(all[len(all)-1-want])+ringRecordBytes <= len(r.mem) {
		bytes += len(all[len(all)-1-want]) + ringRecordBytes
		want++
	}
	got := ringLines(t, r)
	if len(got) != want || r.used != bytes {
		t.Fatalf("held %d lines in %d bytes, want %d in %d", len(got), r.used, want, bytes)
	}
	for i, s := range got {
		if s != all[len(all)-want+i] {
			t.Fatalf("line %d from the end differs", want-i)
		}
	}
}

// readOn reads up to n lines and checks the lines and the losses.
func readOn(t *testing.T, r *Ring, c *ringCursor, all []string, n int) {
	t.Helper()
	for ; n > 0; n-- {
		seq := c.seq
		_, text, lost, ok := r.Next(c)
		if first := r.First().seq; seq < first && lost != first-seq || seq >= first && lost != 0 {
			t.Fatalf("at line %d, oldest %d: lost %d", seq, first, lost)
		}
		if !ok {
			if c.seq != r.Total() {
				t.Fatalf("end at line %d of %d", c.seq, r.Total())
			}
			return
		}
		if c.seq != seq+lost+1 || string(text) != all[c.seq-1] {
			t.Fatalf("line %d is not what was written", c.seq-1)
		}
	}
}

func TestRingTail(t *testing.T) {
	r := newTestRing(1000)
	for i := range 500 {
		r.Append(int64(i), fmt.Appendf(nil, "line %d", i))
	}
	for n := -1; n < 70; n++ {
		want := n
		if n < 0 || n > r.Count() {
			want = r.Count()
		}
		c := r.Tail(n)
		if got := int(r.Total() - c.seq); got != want {
			t.Fatalf("Tail(%d) begins %d lines before the end, want %d", n, got, want)
		}
		for i := 500 - want; i < 500; i++ {
			ns, text, _, ok := r.Next(&c)
			if !ok || ns != int64(i) || string(text) != fmt.Sprintf("line %d", i) {
				t.Fatalf("Tail(%d): got %d %q %v, want line %d", n, ns, text, ok, i)
			}
		}
	}
}

// TestRingState hands the region and the numbers to another Ring, as a re-exec
// does, and to ones that get wrong numbers.
func TestRingState(t *testing.T) {
	r := newTestRing(700)
	for i := range 300 {
		r.Append(int64(i), fmt.Appendf(nil, "line %d", i))
	}
	next := &Ring{scratch: new([maxLineBytes]byte)}
	if !next.restore(r.mem, r.State()) {
		t.Fatal("a true state was refused")
	}
	if got, want := fmt.Sprint(ringLines(t, next)), fmt.Sprint(ringLines(t, r)); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	s := r.State()
	for name, bad := range map[string]RingState{
		"head under": {-1, s.Used, s.Count, s.Start, s.Total},
		"head over":  {len(r.mem), s.Used, s.Count, s.Start, s.Total},
		"used over":  {s.Head, len(r.mem) + 1, s.Count, s.Start, s.Total},
		"used under": {s.Head, -5, s.Count, s.Start, s.Total},
		"count over": {s.Head, s.Used, s.Used, s.Start, s.Total},
		"no bytes":   {s.Head, 0, s.Count, s.Start, s.Total},
		"no lines":   {s.Head, s.Used, 0, s.Start, s.Total},
		"total":      {s.Head, s.Used, s.Count, s.Start, 1},
		"start":      {s.Head, s.Used, s.Count, 1 << 63, s.Total},
	} {
		b := &Ring{scratch: new([maxLineBytes]byte)}
		if b.restore(r.mem, bad) {
			t.Errorf("%s: accepted", name)
		}
		if b.Count() != 0 || b.Dropped() != bad.Total {
			t.Errorf("%s: %d held, %d dropped of %d", name, b.Count(), b.Dropped(), bad.Total)
		}
		b.Append(0, []byte("x"))
		if got := ringLines(t, b); len(got) != 1 {
			t.Errorf("%s: %q after one line", name, got)
		}
	}
}

// FuzzRingCorrupt scribbles over the region between all operations: nothing
// may panic or hang, and the count stays exact.
func FuzzRingCorrupt(f *testing.F) {
	f.Add(uint64(1), []byte{0, 0, 255, 255, 10, 2, 3})
	f.Add(uint64(2), bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(scribble)
}

func TestRingCorrupt(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		junk := make([]byte, 1+rnd.IntN(60))
		for i := range junk {
			junk[i] = byte(rnd.Uint32()) >> (rnd.Uint32() % 8)
		}
		scribble(t, seed, junk)
	}
}

func scribble(t *testing.T, seed uint64, junk []byte) {
	if len(junk) == 0 {
		return
	}
	rnd := rand.New(rand.NewPCG(seed, 3))
	r := newTestRing(minRingBytes + rnd.IntN(800))
	var cursors [3]ringCursor
	lines := uint64(0)
	for range 400 {
		switch c := &cursors[rnd.IntN(3)]; rnd.IntN(9) {
		case 0:
			copy(r.mem[rnd.IntN(len(r.mem)):], junk)
		case 1:
			seq := min(c.seq, r.total)
			_, _, lost, ok := r.Next(c)
			if next := seq + lost; ok && c.seq != next+1 || !ok && c.seq != next {
				t.Fatalf("at %d: lost %d, ok %v, now at %d", seq, lost, ok, c.seq)
			}
		case 2:
			r.Prev(c)
		case 3:
			*c = r.Tail(rnd.IntN(40))
		case 4:
			if rnd.IntN(10) == 0 {
				r.Resize(make([]byte, minRingBytes+rnd.IntN(800)))
			}
		case 5:
			*c = ringCursor{rnd.Uint64N(r.total + 2), r.start + rnd.Uint64N(uint64(r.used)+20) - rnd.Uint64N(3)}
		default:
			r.Append(1, randomText(rnd, 300))
			lines++
		}
		if r.Total() != lines || r.Dropped()+uint64(r.Count()) != lines || r.used > len(r.mem) || r.head >= len(r.mem) {
			t.Fatalf("%d lines: %+v", lines, r.State())
		}
		r.Peek(cursors[0])
	}
}

func TestRingNoAlloc(t *testing.T) {
	r := newTestRing(16 << 10)
	line := bytes.Repeat([]byte("x"), 70)
	c := r.First()
	if n := testing.AllocsPerRun(2000, func() {
		r.Append(1, line)
		r.Append(1, line[:3])
		r.Next(&c)
		r.Tail(2)
	}); n != 0 {
		t.Fatalf("%v allocations a line", n)
	}
}

func BenchmarkRingAppend(b *testing.B) {
	for _, n := range []int{0, 60, 400} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			r := newTestRing(16 << 10)
			line := bytes.Repeat([]byte("x"), n)
			b.ReportAllocs()
			for b.Loop() {
				r.Append(1, line)
			}
		})
	}
}

func BenchmarkRingTail10(b *testing.B) {
	r := newTestRing(1 << 20)
	for range 50000 {
		r.Append(1, []byte("a line of some length, as services write them"))
	}
	for b.Loop() {
		c := r.Tail(10)
		for {
			if _, _, _, ok := r.Next(&c); !ok {
				break
			}
		}
	}
}
