package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
)

// logSpace is the region that rings live in. What Bytes gives stays where it
// is until that place is freed.
type logSpace interface {
	Alloc(sizeBytes int) (off int, err error)
	Free(off, sizeBytes int)
	Bytes(off, sizeBytes int) []byte
}

// noPlace is the off of a ring that has no region yet; placeTry is after how
// many lines that had no room it is asked for again.
const (
	noPlace  = -1
	placeTry = 128
)

// What all rings together may have when "option log-memory" does not say it: a
// part of the machine's memory, within bounds.
const (
	memoryPart  = 16
	memoryLeast = 1 << 20
	memoryMost  = 256 << 20
)

// defaultMemory gives that bound. In a container it is a part of the host's
// memory, as sysinfo(2) knows no other.
func defaultMemory() int {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return memoryLeast
	}
	total := uint64(s.Totalram) * uint64(max(s.Unit, 1))
	return int(min(max(total/memoryPart, memoryLeast), memoryMost))
}

// SetMemory bounds what all rings have together, 0 by the default. Rings that
// there are already stay as they are.
func (m *Logs) SetMemory(sizeBytes int) {
	if sizeBytes == 0 {
		sizeBytes = defaultMemory()
	}
	if m.memory != sizeBytes {
		m.memory, m.memorySaid = sizeBytes, false
	}
}

// pages gives what a ring takes: whole pages.
func pages(sizeBytes int) int {
	page := unix.Getpagesize()
	return (sizeBytes + page - 1) &^ (page - 1)
}

// grant gives the size that a ring may have which is to have size, and has old
// now (0 = no region): when the bound is near what is left, down to one page; 0
// is that nothing is. The first time that is said.
func (m *Logs) grant(l *UnitLog, size, old int) int {
	if m.memory == 0 || size <= old || pages(size) <= m.memory-m.used+pages(old) {
		return size
	}
	page := unix.Getpagesize()
	got := max((m.memory-m.used+pages(old))&^(page-1), old)
	if !m.memorySaid {
		m.memorySaid, m.memoryShort = true, l.name
	}
	return got
}

// sayMemory tells once which unit had to do with a smaller ring, or none.
func (m *Logs) sayMemory() {
	name := m.memoryShort
	if m.memoryShort = ""; name == "" {
		return
	}
	m.Say(MsgWarn, "log rings: the ", graph.FormatSize(m.memory), " of option log-memory are used up: the ring of ", name,
		" is smaller, and so are later ones: raise it, or write smaller sizes in log ring")
}

// resize moves the ring to a region of another size; 0 is none. If there is no
// room for it, what there is stays.
func (l *UnitLog) resize(size int) {
	old, oldSize := l.off, l.sizeBytes
	if old == noPlace || size == oldSize {
		l.sizeBytes = size
		return
	}
	if size == 0 {
		l.ring.Resize(nil)
		l.off = noPlace
	} else {
		if size = l.logs.grant(l, size, oldSize); size == oldSize {
			return
		}
		mem, off, ok := l.logs.alloc(size)
		if !ok {
			return
		}
		l.ring.Resize(mem)
		l.off = off
	}
	l.sizeBytes = size
	l.logs.free(old, oldSize)
}

// takePlace gets the region for the first line. Without one the lines count as
// dropped, and it is tried again now and then, because units come and go.
func (l *UnitLog) takePlace() {
	l.tried = true
	size := l.logs.grant(l, l.sizeBytes, 0)
	if size <= 0 {
		return
	}
	mem, off, ok := l.logs.alloc(size)
	if ok {
		l.off, l.sizeBytes, l.tried = off, size, false
		l.ring.Resize(mem)
	}
}

func (m *Logs) alloc(size int) (mem []byte, off int, ok bool) {
	if m.space == nil {
		m.used += pages(size)
		return make([]byte, size), 0, true
	}
	off, err := m.space.Alloc(size)
	if err != nil {
		m.spaceErr = err
		return nil, noPlace, false
	}
	m.spaceErr, m.spaceSaid = nil, false
	m.used += pages(size)
	return m.space.Bytes(off, size), off, true
}

func (m *Logs) free(off, size int) {
	if off == noPlace {
		return
	}
	m.used -= pages(size)
	if m.space != nil {
		m.space.Free(off, size)
	}
}
