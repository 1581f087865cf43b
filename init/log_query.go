package pid1

// LogItem is one step of a reader: a line, or lines that are no more. Text is
// valid until the next line is logged or read.
type LogItem struct {
	Log     *UnitLog // nil: a loss that cannot be told apart by unit
	WallNs  int64
	Text    []byte
	HasLine bool
	Lost    uint64 // without HasLine: lines that the reader came too late for
}

// LogStatus says what a reader's Next has given.
type LogStatus uint8

const (
	LogLine LogStatus = iota // an item
	LogBusy                  // nothing yet: call again, in another turn if this one's budget is used up
	LogDone                  // nothing more; a follower: nothing more now
)

// mergeSteps bounds the work of one Next.
const mergeSteps = 256

// LogReader gives the lines of many units in the order of their times, a line
// at a time, and then, if it follows, the new ones as they come. It may rest
// between any two steps while lines come and units go. It holds 48 bytes for
// each unit with lines, no lines, and nothing more once it follows all units.
//
// It trusts that each unit's lines are in order: where the clock was set back
// the order between units is as good as the clock.
type LogReader struct {
	logs    *Logs
	entries []mergeEntry // entries[:heap] are a heap by time
	heap    int
	back    int          // steps still to go back from the end; the newest is on top
	idle    []mergeEntry // followed by name, nothing new seen
	named   bool         // follows the units it was given
	all     bool         // follows all units
	place   logFollow
}

// mergeEntry is the reader's place in one unit's ring.
type mergeEntry struct {
	log    *UnitLog
	cur    ringCursor
	stop   uint64 // the first line that it does not give
	wallNs int64  // of the line at cur; while going back, of the one before
	order  int    // among lines of the same time
}

// NewReader reads the last n lines (below 0: all) of the units together; nil
// units are all units. Close it when it is done with.
func (m *Logs) NewReader(units []*UnitLog, n int, follow bool) *LogReader {
	r := &LogReader{logs: m, named: follow && units != nil, all: follow && units == nil}
	if r.all {
		r.place = m.follow()
	}
	if units == nil {
		units = m.units
	}
	reads := func(l *UnitLog) bool { return l.HasRing() && (r.named || l.ring.count > 0) }
	held, count := 0, 0
	for _, l := range units {
		if reads(l) {
			held += l.ring.count
			count++
		}
	}
	r.entries = make([]mergeEntry, 0, count)
	for i, l := range units {
		if reads(l) {
			r.entries = append(r.entries, mergeEntry{log: l, cur: l.ring.End(), stop: l.ring.total, order: i})
		}
	}
	if n < 0 || n >= held {
		for i := range r.entries {
			r.entries[i].cur = r.entries[i].log.ring.First()
		}
		n = 0
	}
	if r.back = n; n > 0 {
		r.backward()
	} else {
		r.forward()
	}
	return r
}

// Close lets go of what a follower shares with others.
func (r *LogReader) Close() {
	if r.all {
		r.logs.unfollow()
	}
	*r = LogReader{logs: r.logs}
}

// Next gives the next line or loss.
func (r *LogReader) Next() (LogItem, LogStatus) {
	for range mergeSteps {
		switch {
		case r.back > 0:
			r.stepBack()
		case r.heap > 0:
			if it, ok := r.step(); ok {
				return it, LogLine
			}
		case r.named && r.wake():
		case r.all:
			if it, ok := r.logs.next(&r.place); ok {
				return it, LogLine
			}
			return LogItem{}, LogDone
		default:
			return LogItem{}, LogDone
		}
	}
	return LogItem{}, LogBusy
}

// backward makes a heap with the unit of the newest line on top.
func (r *LogReader) backward() {
	r.heap = len(r.entries)
	for i := r.heap - 1; i >= 0; i-- {
		if e := &r.entries[i]; !e.before() {
			r.retire(i)
		}
	}
	r.heapify()
}

// before notes the time of the line before the entry's, if there is one.
func (e *mergeEntry) before() (ok bool) {
	c := e.cur
	e.wallNs, ok = e.log.ring.Prev(&c)
	return ok
}

// stepBack takes the newest line that is not taken yet.
func (r *LogReader) stepBack() {
	r.back--
	if r.heap > 0 {
		e := &r.entries[0]
		e.log.ring.Prev(&e.cur)
		if !e.before() {
			r.retire(0)
		}
		r.sift(0)
	}
	if r.back == 0 || r.heap == 0 {
		r.back = 0
		r.forward()
	}
}

// retire takes an entry out of the heap and keeps it behind.
func (r *LogReader) retire(i int) {
	r.heap--
	r.entries[i], r.entries[r.heap] = r.entries[r.heap], r.entries[i]
}

// forward makes a heap with the oldest line on top, of the units that have one.
func (r *LogReader) forward() {
	all := r.entries
	r.entries, r.heap = r.entries[:0], 0
	for _, e := range all {
		r.offer(e)
	}
	clear(all[len(r.entries):])
	r.heap = len(r.entries)
	r.heapify()
}

// offer adds an entry that has a line to give, and lets others rest.
func (r *LogReader) offer(e mergeEntry) {
	if e.ready() {
		r.entries = append(r.entries, e)
	} else if r.named {
		r.idle = append(r.idle, e)
	}
}

// ready notes the time of the entry's line and reports whether there is one.
func (e *mergeEntry) ready() bool {
	if e.cur.seq >= e.stop || e.cur.seq >= e.log.ring.total || e.log.slot < 0 {
		return false
	}
	e.wallNs, _ = e.log.ring.Peek(e.cur)
	return true
}

// wake finds the followed units that have new lines.
func (r *LogReader) wake() bool {
	idle := r.idle
	r.entries, r.idle = r.entries[:0], r.idle[:0]
	for _, e := range idle {
		if e.stop = ^uint64(0); e.log.slot >= 0 {
			r.offer(e)
		}
	}
	clear(idle[len(r.idle):])
	r.heap = len(r.entries)
	r.heapify()
	return r.heap > 0
}

// step gives the oldest line, or the loss that stands before it.
func (r *LogReader) step() (it LogItem, ok bool) {
	e := &r.entries[0]
	l, was := e.log, e.cur.seq
	it.Log = l
	if l.slot >= 0 {
		if first := l.ring.First(); first.seq > was {
			e.cur, ok = first, true
		} else {
			it.WallNs, it.Text, _, it.HasLine = l.ring.Next(&e.cur)
			ok = it.HasLine || e.cur.seq > was
		}
	}
	if ok && !it.HasLine {
		it.Lost = min(e.cur.seq, e.stop) - was
	}
	if !e.ready() {
		r.leave()
	}
	r.sift(0)
	return it, ok
}

// leave takes the top entry out of the heap.
func (r *LogReader) leave() {
	if r.named {
		r.idle = append(r.idle, r.entries[0])
	}
	r.heap--
	r.entries[0] = r.entries[r.heap]
	r.entries[r.heap] = mergeEntry{}
	r.entries = r.entries[:r.heap]
}

// first reports whether entry a belongs above b. Going back is the reverse of
// going forward, so that the last n lines are the same ones either way.
func (r *LogReader) first(a, b *mergeEntry) bool {
	if r.back > 0 {
		a, b = b, a
	}
	if a.wallNs != b.wallNs {
		return a.wallNs < b.wallNs
	}
	return a.order < b.order
}

func (r *LogReader) heapify() {
	for i := r.heap/2 - 1; i >= 0; i-- {
		r.sift(i)
	}
}

// sift lets the entry at i sink to its place.
func (r *LogReader) sift(i int) {
	for {
		c := 2*i + 1
		if c >= r.heap {
			return
		}
		if c+1 < r.heap && r.first(&r.entries[c+1], &r.entries[c]) {
			c++
		}
		if !r.first(&r.entries[c], &r.entries[i]) {
			return
		}
		r.entries[i], r.entries[c] = r.entries[c], r.entries[i]
		i = c
	}
}
