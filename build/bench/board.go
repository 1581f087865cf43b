package main

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slotSize is the size of struct slot in service.c and base.c, in bytes.
const slotSize = 32

// A board is the file in which services stamp their starts, mapped shared.
// Slot 0 belongs to the launcher, slot I to service I.
type board struct{ mem []byte }

// newBoard makes the file at path, with slots 0 to n.
func newBoard(path string, n int) (*board, error) {
	if err := os.WriteFile(path, make([]byte, (n+1)*slotSize), 0o600); err != nil {
		return nil, err
	}
	return openBoard(path)
}

func openBoard(path string) (*board, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &board{mem}, nil
}

func (b *board) close() { unix.Munmap(b.mem) }

// stamp gives ns of CLOCK_MONOTONIC, and pid the process that wrote it. Both
// are valid once count has been seen to grow: the writer adds to it last.
func (b *board) stamp(i int) int64 {
	return int64(binary.NativeEndian.Uint64(b.mem[i*slotSize:]))
}

func (b *board) pid(i int) int {
	return int(binary.NativeEndian.Uint32(b.mem[i*slotSize+8:]))
}

func (b *board) counter(i int) *uint32 {
	return (*uint32)(unsafe.Pointer(&b.mem[i*slotSize+12]))
}

func (b *board) count(i int) uint32 { return atomic.LoadUint32(b.counter(i)) }

// write is what service.c does, for the fallback without a C compiler.
func (b *board) write(i int, stamp int64, pid int) {
	binary.NativeEndian.PutUint64(b.mem[i*slotSize:], uint64(stamp))
	binary.NativeEndian.PutUint32(b.mem[i*slotSize+8:], uint32(pid))
	atomic.AddUint32(b.counter(i), 1)
}

// started gives how many of services 1 to n have started, and the first and
// the last stamp of these in ns.
func (b *board) started(n int) (up int, first, last int64) {
	for i := 1; i <= n; i++ {
		if b.count(i) == 0 {
			continue
		}
		s := b.stamp(i)
		if up == 0 || s < first {
			first = s
		}
		last = max(last, s)
		up++
	}
	return up, first, last
}

// starts gives the sum of all starts of services 1 to n.
func (b *board) starts(n int) (sum int64) {
	for i := 1; i <= n; i++ {
		sum += int64(b.count(i))
	}
	return sum
}

// now reads CLOCK_MONOTONIC, the clock of the stamps, in ns.
func now() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}
