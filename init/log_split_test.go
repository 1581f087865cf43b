package pid1

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// splitWhole is what the splitter must give, from all bytes at once.
func splitWhole(p []byte, limit int) []string {
	var want []string
	lines := bytes.Split(p, []byte("\n"))
	for i, l := range lines {
		if i == len(lines)-1 && len(l) == 0 {
			break // nothing begun
		}
		if n := len(l); n > 0 && l[n-1] == '\r' {
			l = l[:n-1]
		}
		for len(l) > limit {
			want = append(want, string(l[:limit]))
			l = l[limit:]
		}
		want = append(want, string(l))
	}
	return want
}

// splitChunks feeds p in pieces whose lengths next gives.
func splitChunks(p []byte, limit int, next func(left int) int) []string {
	var s splitter
	var pool partPool
	var got []string
	for len(p) > 0 {
		n := next(len(p))
		chunk := p[:n]
		for {
			line, rest, ok := s.next(chunk, limit, &pool)
			if !ok {
				break
			}
			got = append(got, string(line))
			chunk = rest
		}
		p = p[n:]
	}
	for {
		line, ok := s.flush(limit, &pool)
		if !ok {
			return got
		}
		got = append(got, string(line))
	}
}

func TestSplitTable(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", `[]`},
		{"\n", `[""]`},
		{"a", `["a"]`},
		{"a\nb\n", `["a" "b"]`},
		{"a\r\nb\r", `["a" "b"]`},
		{"\r\r\n", `["\r"]`},
		{"a\rb\n", `["a\rb"]`},
		{"1234\n", `["1234"]`},
		{"1234\r\n", `["1234"]`},
		{"1234\r", `["1234"]`},
		{"12345\n", `["1234" "5"]`},
		{"12345\r\n", `["1234" "5"]`},
		{"12345678\n9", `["1234" "5678" "9"]`},
		{"1234\r5\n", `["1234" "\r5"]`},
		{"1234\r\r\n", `["1234" "\r"]`},
		{"\xff\x00\xfe\n", `["\xff\x00\xfe"]`},
	} {
		for n := 1; n <= max(1, len(c.in)); n++ {
			got := splitChunks([]byte(c.in), 4, func(left int) int { return min(n, left) })
			if s := fmt.Sprintf("%q", got); s != c.want {
				t.Errorf("%q by %d: %s, want %s", c.in, n, s, c.want)
			}
		}
		if s := fmt.Sprintf("%q", splitWhole([]byte(c.in), 4)); s != c.want {
			t.Errorf("%q at once: %s, want %s", c.in, s, c.want)
		}
	}
}

// TestSplitChunks: the lines depend on the bytes and never on the reads.
func TestSplitChunks(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		checkSplit(t, seed, randomStream(rnd, rnd.IntN(300)), 1+rnd.IntN(40))
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(uint64(1), []byte("one\ntwo\r\n\nthree"), 3)
	f.Add(uint64(9), bytes.Repeat([]byte("\r"), 30), 2)
	f.Fuzz(func(t *testing.T, seed uint64, in []byte, limit int) {
		if limit < 1 || limit > maxLineBytes {
			return
		}
		checkSplit(t, seed, in, limit)
	})
}

func checkSplit(t *testing.T, seed uint64, in []byte, limit int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 5))
	most := 1 + rnd.IntN(60)
	got := splitChunks(in, limit, func(left int) int { return 1 + rnd.IntN(min(left, most)) })
	if want := splitWhole(in, limit); !slices.Equal(got, want) {
		t.Fatalf("seed %d limit %d: %q\ngot  %q\nwant %q", seed, limit, in, got, want)
	}
}

// randomStream has line ends of both kinds, lone ones and long lines.
func randomStream(rnd *rand.Rand, n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		switch rnd.IntN(6) {
		case 0:
			b = append(b, '\n')
		case 1:
			b = append(b, "\r\n"...)
		case 2:
			b = append(b, '\r')
		default:
			for range rnd.IntN(30) {
				b = append(b, byte(rnd.Uint32()))
			}
		}
	}
	return b
}

// TestSplitLimitShrinks: a ring that gets smaller has a smaller limit while a
// line is held.
func TestSplitLimitShrinks(t *testing.T) {
	var s splitter
	var pool partPool
	if _, _, ok := s.next([]byte("123456789"), 20, &pool); ok {
		t.Fatal("a line without an end")
	}
	var got []string
	p := []byte("ab\n")
	for {
		line, rest, ok := s.next(p, 4, &pool)
		if !ok {
			break
		}
		got, p = append(got, string(line)), rest
	}
	if want := `["1234" "5678" "9ab"]`; fmt.Sprintf("%q", got) != want {
		t.Fatalf("got %q, want %s", got, want)
	}
}

// TestSplitMemory: what is held is bounded, and nothing is held when no line
// is begun.
func TestSplitMemory(t *testing.T) {
	var s splitter
	var pool partPool
	for range 1000 {
		p := bytes.Repeat([]byte("x"), 777)
		for ok := true; ok; {
			_, p, ok = s.next(p, maxLineBytes, &pool)
		}
		if cap(s.part) > maxLineBytes+2 {
			t.Fatalf("%d bytes for a part of a line", cap(s.part))
		}
	}
	for ok := true; ok; {
		_, ok = s.flush(maxLineBytes, &pool)
	}
	if s.part != nil {
		t.Fatal("a buffer is held without a line begun")
	}
}
