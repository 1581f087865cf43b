package proc

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// arenas are the three kinds that NewArena can make.
func arenas(t *testing.T) map[string]*Arena {
	page := unix.Getpagesize()
	fd, err := unlinkedFile()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*Arena{
		"memfd":     NewArena(),
		"file":      {fd: fd, page: page, backed: true},
		"anonymous": {fd: -1, page: page},
	}
	for _, a := range all {
		t.Cleanup(a.Close)
	}
	if all["memfd"].fd < 0 || all["memfd"].backed {
		t.Fatal("NewArena has no memfd here")
	}
	return all
}

// Allocations never overlap, keep their bytes while others come and go, and
// are zero at first.
func TestArenaRandom(t *testing.T) {
	for name, a := range arenas(t) {
		t.Run(name, func(t *testing.T) {
			type block struct {
				off, size int
				fill      byte
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			var live []block
			for i := range 3000 {
				if len(live) > 40 || len(live) > 0 && rnd.IntN(3) == 0 {
					k := rnd.IntN(len(live))
					b := live[k]
					if got := a.Bytes(b.off, b.size); got[0] != b.fill || got[b.size-1] != b.fill {
						t.Fatalf("step %d: block %+v changed", i, b)
					}
					a.Free(b.off, b.size)
					live = append(live[:k], live[k+1:]...)
					continue
				}
				size := 1 + rnd.IntN(100_000)
				if rnd.IntN(50) == 0 {
					size = arenaChunk + rnd.IntN(arenaChunk)
				}
				off, err := a.Alloc(size)
				if err != nil {
					t.Fatal(err)
				}
				mem := a.Bytes(off, size)
				if mem[0] != 0 || mem[size/2] != 0 || mem[size-1] != 0 || cap(mem) != size {
					t.Fatalf("step %d: not zero", i)
				}
				for j := 0; j < size; j += 512 {
					mem[j] = byte(i)
				}
				mem[size-1] = byte(i)
				mem[0] = byte(i)
				live = append(live, block{off, size, byte(i)})
			}
			for _, b := range live {
				a.Free(b.off, b.size)
			}
			total := 0
			for i, s := range a.free {
				total += s.size
				if i > 0 && s.base == a.free[i-1].base {
					t.Errorf("neighbours not joined: %+v %+v", a.free[i-1], s)
				}
			}
			if total != a.Size() || len(a.free) != len(a.chunks) {
				t.Errorf("%d of %d bytes free in %d spans and %d chunks", total, a.Size(), len(a.free), len(a.chunks))
			}
		})
	}
}

// What is freed goes back to the kernel, and what was never written costs
// nothing.
func TestArenaMemory(t *testing.T) {
	for name, a := range arenas(t) {
		if a.fd < 0 {
			continue // no file to ask
		}
		blocks := func() int64 {
			var st unix.Stat_t
			if err := unix.Fstat(a.fd, &st); err != nil {
				t.Fatal(err)
			}
			return int64(st.Blocks) * 512
		}
		off, err := a.Alloc(8 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if got := blocks(); name == "memfd" && got != 0 {
			t.Errorf("%s: %d bytes before the first write", name, got)
		}
		mem := a.Bytes(off, 8<<20)
		copy(mem, bytes.Repeat([]byte{1}, len(mem)))
		if got := blocks(); got < 8<<20 {
			t.Errorf("%s: %d bytes when full", name, got)
		}
		a.Free(off, 8<<20)
		if got := blocks(); got != 0 {
			t.Errorf("%s: %d bytes after Free", name, got)
		}
	}
}

func TestArenaDontFork(t *testing.T) {
	for name, a := range arenas(t) {
		if _, err := a.Alloc(4096); err != nil {
			t.Fatal(err)
		}
		want := "VmFlags:"
		smaps, err := os.ReadFile("/proc/self/smaps")
		if err != nil {
			t.Skip("no smaps:", err)
		}
		found := false
		for _, line := range strings.Split(string(smaps), "\n") {
			found = found || strings.HasPrefix(line, want) && strings.Contains(line, " dc ") && strings.Contains(line, " sh ")
		}
		if !found {
			t.Errorf("%s: no shared mapping that is not forked", name)
		}
	}
}

func TestArenaLimits(t *testing.T) {
	a := NewArena()
	defer a.Close()
	for _, size := range []int{0, -1, maxArena + 1} {
		if _, err := a.Alloc(size); err == nil || !strings.HasSuffix(err.Error(), "the limit is 1073741824") {
			t.Errorf("%d: %v", size, err)
		}
	}
	a.size = maxArena - 1000
	if _, err := a.Alloc(1); text(err) != "cannot allocate 4096 bytes: the arena has 1073740824 bytes: the limit is 1073741824" {
		t.Error(err)
	}
	a.size = 0
}
