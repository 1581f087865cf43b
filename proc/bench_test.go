package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkSpawn is the median time of fork, exec, exit and reap of a tiny
// static program: by the plain fork, by the shared one of the overlay, and by
// package syscall, in turns in one run, so that their ratios can be trusted. A
// heap of 64 MB shows what a plain fork costs an init that is not kept small.
func BenchmarkSpawn(b *testing.B) {
	exe := tiny(b)
	b.Run("small", func(b *testing.B) { benchSpawn(b, exe) })
	heap := make([]byte, 64<<20)
	for i := 0; i < len(heap); i += 4096 {
		heap[i] = 1
	}
	b.Run("64MB", func(b *testing.B) { benchSpawn(b, exe) })
	if heap[4096] != 1 {
		b.Fatal("the heap was dropped")
	}
}

func benchSpawn(b *testing.B, exe string) {
	spec := NewSpec([]string{exe}, []string{exe}, nil)
	attr := &syscall.ProcAttr{
		Files: []uintptr{uintptr(theNull), uintptr(theNull), uintptr(theNull)},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	ours := func() int {
		p, err := Spawn(spec)
		if err != nil {
			b.Fatal(err)
		}
		unix.Close(p.Result)
		return p.Pid
	}
	ways := []struct {
		name  string
		start func() int
	}{
		{"plain-us", func() int { neverShare = true; return ours() }},
		{"shared-us", func() int { neverShare = false; return ours() }},
		{"syscall-us", func() int {
			pid, err := syscall.ForkExec(exe, spec.Argv, attr)
			if err != nil {
				b.Fatal(err)
			}
			return pid
		}},
	}
	times := make([][]float64, len(ways))
	for b.Loop() {
		for i, way := range ways {
			begin := time.Now()
			pid := way.start()
			waitDead(pid)
			Reap(pid)
			times[i] = append(times[i], float64(time.Since(begin).Nanoseconds())/1000)
		}
	}
	neverShare = false
	for i, way := range ways {
		slices.Sort(times[i])
		b.ReportMetric(times[i][len(times[i])/2], way.name)
	}
	b.ReportMetric(0, "ns/op")
}

// tiny builds a program that only ends, with a C compiler on amd64, else it is
// /bin/true.
func tiny(b *testing.B) string {
	dir := b.TempDir()
	src, out := filepath.Join(dir, "tiny.c"), filepath.Join(dir, "tiny")
	const text = `void _start(void) { __asm__ volatile("syscall" :: "a"(231), "D"(0)); }`
	if os.WriteFile(src, []byte(text), 0o600) != nil ||
		exec.Command("gcc", "-O1", "-static", "-nostdlib", "-o", out, src).Run() != nil {
		return "/bin/true"
	}
	return out
}
