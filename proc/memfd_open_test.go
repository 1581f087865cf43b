package proc

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What was taken over has the same bytes, the same parts free, and goes on.
func TestOpenArena(t *testing.T) {
	for name, a := range arenas(t) {
		if a.fd < 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(3, 4))
			var used []Span
			for i := range 300 {
				size := 1 + rnd.IntN(60_000)
				if i%100 == 0 {
					size = arenaChunk + rnd.IntN(arenaChunk)
				}
				off, err := a.Alloc(size)
				if err != nil {
					t.Fatal(err)
				}
				copy(a.Bytes(off, size), "begins")
				used = append(used, Span{off, size})
				if k := rnd.IntN(len(used)); i%3 == 0 {
					a.Free(used[k].Off, used[k].Size)
					used = append(used[:k], used[k+1:]...)
				}
			}
			fd, err := unix.FcntlInt(uintptr(a.fd), unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				t.Fatal(err)
			}
			b, err := OpenArena(fd, a.Chunks(), used)
			if err != nil {
				unix.Close(fd)
				t.Fatal(err)
			}
			defer b.Close()
			if b.FD() != fd || b.Size() != a.Size() || b.backed != a.backed || len(b.free) != len(a.free) {
				t.Fatalf("%d bytes of %d, backed %v, %d parts free of %d", b.Size(), a.Size(), b.backed, len(b.free), len(a.free))
			}
			for i, s := range a.free {
				if g := b.free[i]; g.off != s.off || g.size != s.size || g.base != s.base {
					t.Errorf("free: %d bytes at %d, want %d at %d", g.size, g.off, s.size, s.off)
				}
			}
			for _, u := range used {
				if got := b.Bytes(u.Off, u.Size); u.Size > 6 && string(got[:6]) != "begins" {
					t.Errorf("%d bytes at %d: %q", u.Size, u.Off, got[:6])
				}
			}
			off, err := b.Alloc(3 * arenaChunk)
			if err != nil || off != a.Size() {
				t.Errorf("a new chunk is at %d: %v", off, err)
			}
			for _, u := range used {
				b.Free(u.Off, u.Size)
			}
		})
	}
}

func TestOpenArenaRefuses(t *testing.T) {
	const mb = arenaChunk
	named, err := os.Create(t.TempDir() + "/named")
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	if err := named.Truncate(mb); err != nil {
		t.Fatal(err)
	}
	memory, err := NewMemfd("x")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(memory)
	unix.Ftruncate(memory, 2*mb)
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	page := unix.Getpagesize()
	for _, c := range []struct {
		name   string
		fd     int
		chunks []int64
		used   []Span
		want   string // "" is that it is taken
	}{
		{"good", -1, []int64{mb, mb}, []Span{{mb, mb}, {0, 1}}, ""},
		{"overlap", 0, []int64{mb}, []Span{{0, page + 1}, {page, 1}}, "another one has them"},
		{"twice", 0, []int64{mb}, []Span{{0, 1}, {0, 1}}, "another one has them"},
		{"across", 0, []int64{mb, mb}, []Span{{mb - page, page + 1}}, "no chunk has them all"},
		{"behind", 0, []int64{mb}, []Span{{mb, 1}}, "pages up to 1048576"},
		{"before", 0, []int64{mb}, []Span{{-page, 1}}, "pages up to 1048576"},
		{"no page", 0, []int64{mb}, []Span{{1, 1}}, "pages up to 1048576"},
		{"no size", 0, []int64{mb}, []Span{{0, 0}}, "pages up to 1048576"},
		{"negative", 0, []int64{mb}, []Span{{0, -1 << 31}}, "pages up to 1048576"},
		{"no chunks", 0, nil, []Span{{0, 1}}, "pages up to 0"},
		{"largest", 0, []int64{mb}, []Span{{0, 1<<31 - 1}}, "no chunk has them all"},
		{"small chunk", 0, []int64{int64(page)}, nil, "1048576 at least"},
		{"negative chunk", 0, []int64{-mb}, nil, "1048576 at least"},
		{"half a page", 0, []int64{mb + 1}, nil, "whole pages"},
		{"huge chunk", 0, []int64{mb, 1 << 62}, nil, "a chunk has 4611686018427387904 bytes behind 1048576"},
		{"too large", 0, []int64{maxArena, mb}, nil, "1073741824 for all"},
		{"a name", int(named.Fd()), []int64{mb}, nil, "no file without a name of 1048576 bytes"},
		{"short", memory, []int64{mb, mb, mb}, nil, "no file without a name of 3145728 bytes"},
		{"a pipe", p[0], []int64{mb}, nil, "no file without a name"},
		{"not open", 1 << 19, []int64{mb}, nil, "bad file descriptor"},
	} {
		if c.fd < 1 {
			err := CheckArena(c.chunks, c.used)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: checked: %v", c.name, err)
			}
			c.fd = memory
			if c.want == "" {
				continue
			}
		}
		a, err := OpenArena(c.fd, c.chunks, c.used)
		if err == nil {
			a.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "cannot take over the arena: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := unix.FcntlInt(uintptr(memory), unix.F_GETFD, 0); err != nil {
		t.Error("what was refused is closed")
	}
}
