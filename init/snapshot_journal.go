package pid1

import (
	"strconv"

	"mote/graph"
	"mote/state"
)

// savedJournal is the order of the lines of all units, of which followers are
// somewhere in the midst.
type savedJournal struct {
	rec  *state.Record
	Next uint64
	IDs  []int64 // of the runs, the oldest first
	Seq  []uint64
	At   []uint64
	Line []uint64
}

func (j *savedJournal) fields(f *state.Fields) {
	state.Int(f, "next", &j.Next)
	state.Ints(f, "units", &j.IDs)
	state.Ints(f, "seq", &j.Seq)
	state.Ints(f, "at", &j.At)
	state.Ints(f, "line", &j.Line)
}

func (in *Init) putJournal(k *keeper) {
	j := in.logs.journal
	if j == nil {
		return
	}
	s := savedJournal{Next: j.next}
	for i := j.next - min(j.next, journalRuns); i < j.next; i++ {
		r := &j.runs[i%journalRuns]
		s.IDs = append(s.IDs, int64(in.logUnit(r.log)))
		s.Seq = append(s.Seq, r.cur.seq)
		s.At = append(s.At, r.cur.at)
		s.Line = append(s.Line, r.line)
	}
	k.Put("journal", s.fields)
}

// logUnit gives the unit of a log, or what stands for it in a record.
func (in *Init) logUnit(l *UnitLog) graph.ID {
	if l == in.logs.own {
		return ownLog
	}
	if id, ok := in.world.Find(l.name); ok && in.units[id].log == l {
		return id
	}
	return goneLog
}

// unitLog gives the log that a record names: of none that is there, one that is
// closed.
func (in *Init) unitLog(id graph.ID) *UnitLog {
	switch {
	case id == ownLog:
		return in.logs.own
	case id >= 0:
		return in.units[id].log
	}
	return &UnitLog{logs: in.logs, slot: -1}
}

func (j *savedJournal) check(units int) error {
	n := len(j.IDs)
	if j.rec == nil {
		return nil
	}
	if len(j.Seq) != n || len(j.At) != n || len(j.Line) != n || uint64(n) != min(j.Next, journalRuns) {
		return j.rec.Wrong(badBounds)
	}
	return knownUnits(j.rec, j.IDs, int64(goneLog), units)
}

// knownUnits makes sure that all units are there, of which the lowest stand for
// something else.
func knownUnits(r *state.Record, ids []int64, lowest int64, units int) error {
	for _, id := range ids {
		if id < lowest || id >= int64(units) {
			return r.Wrong("unit " + strconv.FormatInt(id, 10) + ": there is none")
		}
	}
	return nil
}

// attachJournal makes it again, for followers that come back (refollow).
func (in *Init) attachJournal(s *savedJournal) {
	if s.rec == nil {
		return
	}
	j := &logJournal{next: s.Next}
	for i := range s.IDs {
		at := s.Next - uint64(len(s.IDs)-i)
		j.runs[at%journalRuns] = logRun{in.unitLog(graph.ID(s.IDs[i])), ringCursor{s.Seq[i], s.At[i]}, s.Line[i]}
	}
	in.logs.journal = j
}

// refollow takes up the place that a follower had in the image before; one that
// cannot be goes to the end.
func (m *Logs) refollow(f logFollow) logFollow {
	end := m.follow()
	if f.run > end.run || f.line > end.line || f.run == end.run && f.line < end.line {
		return end
	}
	return f
}
