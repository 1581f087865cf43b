package pid1

// journalRuns is how many runs of lines a follower of all units may be behind.
const journalRuns = 1024

// logRun is lines of one unit that came one after the other.
type logRun struct {
	log  *UnitLog
	cur  ringCursor // of its first line
	line uint64     // that line's number among all lines (Logs.lines)
}

// logJournal remembers in which order units wrote, for `logs -f` of all of
// them: it is shared by its followers and exists only while there are any. One
// run is one entry however many lines it has, so a unit that floods does not
// push the others out.
type logJournal struct {
	runs    [journalRuns]logRun
	next    uint64   // runs ever begun
	last    *UnitLog // whose run the next line may prolong
	readers int
}

// add notes that the next line, number n of all, is a line of l; it is called
// before the line is in the ring.
func (j *logJournal) add(l *UnitLog, n uint64) {
	if j.last == l {
		return
	}
	j.last = l
	j.runs[j.next%journalRuns] = logRun{l, l.ring.End(), n}
	j.next++
}

// logFollow is the place of a follower of all units.
type logFollow struct {
	run  uint64 // the run it is in
	line uint64 // the next line, among all
	cur  ringCursor
}

// follow begins at the line to come.
func (m *Logs) follow() logFollow {
	if m.journal == nil {
		m.journal = new(logJournal)
	}
	m.journal.readers++
	m.journal.last = nil // so that the next line begins a run
	return logFollow{run: m.journal.next, line: m.lines}
}

// unfollow lets the journal go with its last follower.
func (m *Logs) unfollow() {
	if m.journal.readers--; m.journal.readers == 0 {
		m.journal = nil
	}
}

// next gives the follower's next line, or a loss: of one unit when its ring
// was overrun, of no unit in particular when the follower was too far behind.
func (m *Logs) next(f *logFollow) (LogItem, bool) {
	j := m.journal
	for f.line < m.lines {
		if oldest := j.next - min(j.next, journalRuns); f.run < oldest {
			r := &j.runs[oldest%journalRuns]
			lost := r.line - f.line
			f.run, f.line = oldest, r.line
			return LogItem{Lost: lost}, true
		}
		r := &j.runs[f.run%journalRuns]
		end := m.lines
		if f.run+1 < j.next {
			end = j.runs[(f.run+1)%journalRuns].line
		}
		if f.line == end {
			f.run++
			continue
		}
		if f.line == r.line {
			f.cur = r.cur
		}
		return f.read(r.log, r.cur.seq+(f.line-r.line), end-f.line), true
	}
	return LogItem{}, false
}

// read gives line seq of l, of which left lines are in the follower's run. The
// ring may have lost more lines than those: the rest is the next run's to say.
func (f *logFollow) read(l *UnitLog, seq, left uint64) LogItem {
	gone := left
	if first := l.ring.First().seq; l.slot >= 0 && first < seq+left {
		gone = first - min(first, seq)
	}
	if gone > 0 {
		f.line += gone
		f.cur.seq = seq + gone
		return LogItem{Log: l, Lost: gone}
	}
	wallNs, text, lost, ok := l.ring.Next(&f.cur)
	if !ok {
		f.line += left // the ring was found corrupted
		return LogItem{Log: l, Lost: min(lost, left)}
	}
	f.line++
	return LogItem{Log: l, WallNs: wallNs, Text: text, HasLine: true}
}
