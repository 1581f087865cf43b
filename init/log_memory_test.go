package pid1

import (
	"fmt"
	"strings"
	"testing"
)

// The bound holds whatever comes and goes; what is left is given, in pages, and
// said once.
func TestLogMemory(t *testing.T) {
	m := NewLogs(newTestSpace(1 << 20))
	m.SetOwn(MsgInfo, false, false)
	m.Say(MsgInfo, "here") // 16K for the init itself
	m.SetMemory(64 << 10)
	var logs []*UnitLog
	open := func(size int) *UnitLog {
		l := m.Open(fmt.Sprint("u", len(logs)), ringSink(size))
		l.Feed([]byte("line\n"))
		m.notices()
		logs = append(logs, l)
		return l
	}
	wants := func(what string, sizes ...int) {
		t.Helper()
		sum := pages(m.own.sizeBytes)
		for i, l := range logs {
			got := l.sizeBytes
			if l.off == noPlace {
				got = 0
			}
			if got != sizes[i] {
				t.Errorf("%s: ring %d has %d bytes, want %d", what, i, got, sizes[i])
			}
			sum += pages(got)
		}
		if m.used != sum || sum > 64<<10 {
			t.Errorf("%s: %d bytes are used, counted %d", what, sum, m.used)
		}
	}
	open(32 << 10)
	open(1 << 10) // a page all the same
	wants("room for all", 32<<10, 1<<10)
	open(16 << 10)
	open(16 << 10)
	wants("what is left, then none", 32<<10, 1<<10, 12<<10, 0)
	if said := ownText(m); strings.Count(said, "option log-memory") != 1 || !strings.Contains(said, "64K of option log-memory are used up: the ring of u2 is smaller") {
		t.Errorf("it says %q", said)
	}
	logs[0].SetSinks(ringSink(48 << 10))
	wants("one that cannot grow", 32<<10, 1<<10, 12<<10, 0)
	logs[0].SetSinks(ringSink(8 << 10))
	wants("one that shrinks", 8<<10, 1<<10, 12<<10, 0)
	for range placeTry {
		logs[3].Feed([]byte("line\n"))
	}
	wants("one that had none", 8<<10, 1<<10, 12<<10, 16<<10)
	logs[2].SetSinks(ringSink(64 << 10))
	wants("one that grows into the rest", 8<<10, 1<<10, 20<<10, 16<<10)
	m.SetMemory(16 << 10)
	logs[2].SetSinks(ringSink(4 << 10))
	wants("under a lower bound", 8<<10, 1<<10, 4<<10, 16<<10)
	for _, l := range logs {
		l.Close()
	}
	if m.used != pages(m.own.sizeBytes) {
		t.Errorf("%d bytes are used when all are closed", m.used)
	}
}

func TestDefaultMemory(t *testing.T) {
	if n := defaultMemory(); n < memoryLeast || n > memoryMost {
		t.Errorf("%d bytes", n)
	}
}

// ownText gives what the init's own ring holds.
func ownText(m *Logs) string {
	var text strings.Builder
	for c := m.own.ring.First(); ; {
		_, line, _, ok := m.own.ring.Next(&c)
		if !ok {
			return text.String()
		}
		text.Write(line)
		text.WriteByte('\n')
	}
}
