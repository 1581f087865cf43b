package pid1

import (
	"mote/graph"
	"mote/state"
)

// savedReader is a LogReader as plain values. A place in a ring is a number of a
// line and of a byte that the ring's next image counts on from.
type savedReader struct {
	heap, back int
	named, all bool
	entries    []int64 // entryNumbers for each
	idle       []int64
	place      []int64 // of a follower of all units: run, line, and the cursor's two
}

// entryNumbers is how many numbers stand for an entry: the unit of its log, as
// logUnit has it, and what else is in it.
const entryNumbers = 6

func (v *savedReader) fields(f *state.Fields) {
	state.Int(f, "heap", &v.heap)
	state.Int(f, "back", &v.back)
	f.Bool("named", &v.named)
	f.Bool("all", &v.all)
	state.Ints(f, "rings", &v.entries)
	state.Ints(f, "idle", &v.idle)
	state.Ints(f, "place", &v.place)
}

func (in *Init) saveReader(v *savedReader, r *LogReader) {
	v.heap, v.back, v.named, v.all = r.heap, r.back, r.named, r.all
	v.entries, v.idle = in.saveEntries(r.entries), in.saveEntries(r.idle)
	if p := &r.place; r.all {
		v.place = []int64{int64(p.run), int64(p.line), int64(p.cur.seq), int64(p.cur.at)}
	}
}

func (in *Init) saveEntries(list []mergeEntry) []int64 {
	numbers := make([]int64, 0, entryNumbers*len(list))
	for i := range list {
		e := &list[i]
		numbers = append(numbers, int64(in.logUnit(e.log)), int64(e.cur.seq), int64(e.cur.at), int64(e.stop), e.wallNs, int64(e.order))
	}
	return numbers
}

func (v *savedReader) load(in *Init) *LogReader {
	r := &LogReader{logs: in.logs, heap: v.heap, back: v.back, named: v.named, all: v.all,
		entries: in.loadEntries(v.entries), idle: in.loadEntries(v.idle)}
	r.heapify()
	if p := v.place; r.all {
		r.place = in.logs.refollow(logFollow{uint64(p[0]), uint64(p[1]), ringCursor{uint64(p[2]), uint64(p[3])}})
	}
	return r
}

func (in *Init) loadEntries(list []int64) []mergeEntry {
	entries := make([]mergeEntry, len(list)/entryNumbers)
	for i := range entries {
		n := (*[entryNumbers]int64)(list[i*entryNumbers:])
		entries[i] = mergeEntry{in.unitLog(graph.ID(n[0])), ringCursor{uint64(n[1]), uint64(n[2])}, uint64(n[3]), n[4], int(n[5])}
	}
	return entries
}

// wrong says what a reader cannot be.
func (v *savedReader) wrong(logs *savedLogs, units int) string {
	n := len(v.entries) / entryNumbers
	for _, list := range [2][]int64{v.entries, v.idle} {
		if len(list)%entryNumbers != 0 || len(list)/entryNumbers > units+1 {
			return "its reader has a wrong number of places"
		}
		for i := 0; i < len(list); i += entryNumbers {
			if list[i] < int64(goneLog) || list[i] >= int64(units) {
				return "its reader is in the log of a unit that does not exist"
			}
		}
	}
	switch {
	case v.heap < 0 || v.heap > n || v.back < 0:
		return "there is no such reader"
	case v.all && (len(v.place) != 4 || !logs.has(uint64(v.place[0]), uint64(v.place[1]))):
		return "its reader is where no line is"
	}
	return ""
}

// has reports whether a follower can be at a line in a run of the journal, whose
// runs it looks at: each has a line at least.
func (s *savedLogs) has(run, line uint64) bool {
	j, end := &s.journal, s.arena.Lines
	for i := len(j.Line) - 1; i >= 0; i-- {
		if j.Line[i] >= end {
			return false
		}
		end = j.Line[i]
	}
	first := j.Next - uint64(len(j.Line))
	switch {
	case run >= j.Next:
		return run == j.Next && line == s.arena.Lines
	case run < first:
		return line <= end
	case run+1 < j.Next && line > j.Line[run+1-first]:
		return false
	}
	return j.Line[run-first] <= line && line <= s.arena.Lines
}
