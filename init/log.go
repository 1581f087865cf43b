package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
)

// logReadBytes is the shared buffer that pipes are read into: what a pipe
// holds by default (pipe(7)).
const logReadBytes = 64 << 10

// The sinks of a log as a set.
const (
	toRing uint8 = 1 << iota
	toConsole
	toKmsg
	toFile
	toPipe
)

// Logs owns the rings of all units, the console and the kernel's log. It
// never blocks: it reads only descriptors that are O_NONBLOCK, and what a sink
// does not take at once waits in a bounded buffer or is lost and counted.
//
// The loop sets the clock once a turn, reads pipes through UnitLog.ReadFrom,
// and looks after the console: see sink_console.go.
type Logs struct {
	space   logSpace // nil: rings are on the heap
	units   []*UnitLog
	wallNs  int64
	now     graph.Instant
	buf     []byte // logReadBytes long, made at the first read
	parts   partPool
	scratch [maxLineBytes]byte

	lines   uint64      // lines ever put into any ring, for followers
	journal *logJournal // nil while nobody follows all units
	console consoleSink
	held    []*UnitLog // wait for room on the console
	kmsg    kmsgSink
	files   backlog    // to the child that writes all files
	feeds   []*feed    // by slot-1; nil where one was
	blocked []*backlog // that have to be waited for
	stamp   []byte

	// OnHold asks the loop to stop (or go on) polling the pipe of a unit whose
	// lines a sink cannot take yet. Without it such lines are dropped.
	OnHold func(l *UnitLog, held bool)
	// OnBlocked asks the loop to wait (or no longer) until the descriptor of a
	// sink takes more, and to call Drain then.
	OnBlocked func(slot, fd int, on bool)
	// OnFile asks for the socket to the child that writes files, -1 for none.
	OnFile func() int

	own      *UnitLog // the init's own messages
	level    MsgLevel
	ownSinks uint8
	msg      []byte // the message that is being put together

	spaceErr  error // to be said: no room for a ring
	spaceSaid bool

	memory      int // what all rings may have together; 0 = no bound
	used        int // what they have
	memorySaid  bool
	memoryShort string // to be said: whose ring is smaller
}

// NewLogs gives the logs with the init's own one open. A nil space puts rings
// on the heap, which a re-exec loses.
func NewLogs(space logSpace) *Logs {
	m := &Logs{space: space, level: MsgInfo}
	m.console.fd, m.kmsg.fd = -1, -1
	m.files = backlog{logs: m, what: "log files", fd: -1, bit: heldFile, packets: true, last: -1}
	m.own = m.Open(OwnLogName, []graph.Sink{{Kind: graph.SinkRing, SizeBytes: graph.DefaultRingBytes}})
	return m
}

// SetClock says what time it is for the lines of this turn: wall time as ns
// since 1970, and the monotonic one that deadlines count on.
func (m *Logs) SetClock(wallNs int64, now graph.Instant) { m.wallNs, m.now = wallNs, now }

// UnitLog is one unit's log: it outlives the unit's processes (SPEC L1).
type UnitLog struct {
	logs  *Logs
	slot  int // its index in logs.units, -1 when closed
	name  string
	pid   int // of the main process, for kmsg; 0 = none
	sinks uint8
	prio  uint8
	held  uint8 // by whom; the loop was asked not to poll the pipe
	more  bool  // the last ReadFrom left something in the pipe, or may have
	ended bool  // Flush was asked for before the pipe was empty

	ring      Ring
	seeking   *textSeeker // nil: nobody seeks a text in it
	off       int         // the region's place in the space
	sizeBytes int         // the region's size; it exists from the first line on
	tried     bool        // there was no room for it
	split     splitter

	shareEpoch uint32 // of the console's backlog that share is about
	share      int    // bytes of it that are this unit's

	fileHead  string // where the lines go
	filePath  string
	stamp     bool
	fileShare share
	pipe      *feed
	pipeShare share
}

// Open begins a log with the sinks of a unit; no memory is taken for its ring
// until there is a line.
func (m *Logs) Open(name string, sinks []graph.Sink) *UnitLog {
	l := &UnitLog{logs: m, slot: len(m.units), name: name, prio: kmsgInfo, off: noPlace}
	l.ring.scratch = &m.scratch
	l.sinks, l.sizeBytes = sinkSet(sinks)
	l.setOuter(sinks)
	m.units = append(m.units, l)
	return l
}

// sinkSet gives the sinks as a set and the size of the ring.
func sinkSet(sinks []graph.Sink) (set uint8, ringBytes int) {
	for _, s := range sinks {
		switch s.Kind {
		case graph.SinkRing:
			set |= toRing
			ringBytes = max(s.SizeBytes, minRingBytes)
		case graph.SinkConsole:
			set |= toConsole
		case graph.SinkKmsg:
			set |= toKmsg
		case graph.SinkFile:
			set |= toFile
		case graph.SinkPipe:
			set |= toPipe
		case graph.SinkNull:
		}
	}
	return set, ringBytes
}

// Name is the unit's name.
func (l *UnitLog) Name() string { return l.name }

// SetPid says which process kmsg lines are from; 0 is none.
func (l *UnitLog) SetPid(pid int) { l.pid = pid }

// Discards reports whether no sink wants the lines, so that the unit needs no
// pipe at all (log null).
func (l *UnitLog) Discards() bool { return l.sinks == 0 }

// HasRing reports whether lines are kept.
func (l *UnitLog) HasRing() bool { return l.sinks&toRing != 0 }

// Held reports whether the loop was asked to stop polling the unit's pipe.
func (l *UnitLog) Held() bool { return l.held != 0 }

// Dropped is the number of lines that the ring had to drop.
func (l *UnitLog) Dropped() uint64 {
	if !l.HasRing() {
		return 0
	}
	return l.ring.Dropped()
}

// SetSinks changes the sinks (reload); the newest lines move to the new ring.
func (l *UnitLog) SetSinks(sinks []graph.Sink) {
	set, size := sinkSet(sinks)
	l.sinks = set
	if set&toConsole == 0 {
		l.logs.release(l)
	}
	l.setOuter(sinks)
	l.resize(size)
}

// Close ends the log of a unit that is gone from the configuration. Readers
// that still have it get nothing more from it.
func (l *UnitLog) Close() {
	m := l.logs
	if l.slot < 0 {
		return
	}
	m.release(l)
	l.setOuter(nil)
	l.split.drop(&m.parts)
	l.ring.Resize(nil)
	m.free(l.off, l.sizeBytes)
	l.off, l.sinks = noPlace, 0
	last := len(m.units) - 1
	m.units[l.slot] = m.units[last]
	m.units[l.slot].slot = l.slot
	m.units[last] = nil
	m.units = m.units[:last]
	l.slot = -1
}

// ReadFrom takes up to budget bytes from the unit's pipe, which must be
// O_NONBLOCK. n is what it took. again reports that the budget was used up and
// more may be there. eof reports that the last writer is gone, or that the
// descriptor is no good. When the console has to be waited for, Held is true
// and nothing more is taken.
func (l *UnitLog) ReadFrom(fd, budget int) (n int, again, eof bool) {
	m := l.logs
	if m.buf == nil {
		m.buf = make([]byte, logReadBytes)
	}
	defer l.flushSinks()
	l.more = true
	for n < budget {
		want := min(budget-n, len(m.buf))
		if l.sinks&toConsole != 0 {
			if want = min(want, m.consoleRoom(l)); want == 0 {
				m.hold(l)
				return n, false, false
			}
		}
		if l.sinks&(toFile|toPipe) != 0 {
			if want = min(want, l.outerRoom()); want == 0 {
				return n, false, false
			}
		}
		got, err := unix.Read(fd, m.buf[:want])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			got = 0
		case err != nil || got <= 0:
			l.more = false
			l.flush()
			return n, false, true
		}
		l.Feed(m.buf[:got])
		n += got
		if got < want { // a pipe that gives less is empty
			if l.more = false; l.ended {
				l.flush()
			}
			return n, false, false
		}
	}
	return n, true, false
}

// Flush makes a line of what was begun: the unit has ended, or the pipe has.
// Read from the pipe first. When that left something in it, because of the
// budget or the console, the end of the line may be there, and Flush takes
// effect in the ReadFrom that finds the pipe empty.
func (l *UnitLog) Flush() {
	if l.more {
		l.ended = true
		return
	}
	l.flush()
	l.flushSinks()
}

func (l *UnitLog) flush() {
	l.ended = false
	for {
		line, ok := l.split.flush(l.lineLimit(), &l.logs.parts)
		if !ok {
			return
		}
		l.line(line)
	}
}

func (l *UnitLog) lineLimit() int {
	if !l.HasRing() {
		return maxLineBytes
	}
	return ringLineLimit(l.sizeBytes)
}

// line gives one line to the sinks, the ring first (SPEC L1).
func (l *UnitLog) line(text []byte) {
	m := l.logs
	if l.sinks&toRing != 0 {
		if l.off == noPlace && (!l.tried || l.ring.total%placeTry == 0) {
			l.takePlace()
		}
		if m.journal != nil {
			m.journal.add(l, m.lines)
		}
		m.lines++
		m.wallNs++ // so that the lines of one turn keep their order among units
		l.ring.Append(m.wallNs, text)
	}
	if l.sinks&toConsole != 0 {
		m.consoleLine(l, text)
	}
	if l.sinks&toKmsg != 0 {
		m.kmsg.line(l.prio, l.name, l.pid, text, m.now)
	}
	if l.sinks&toFile != 0 {
		l.fileLine(text)
	}
	if l.sinks&toPipe != 0 {
		l.pipeLine(text)
	}
}

// State gives what a snapshot must keep of the log: the ring's place and
// numbers, and the bytes that wait for the end of their line.
func (l *UnitLog) State() (s RingState, off, sizeBytes int, part []byte) {
	return l.ring.State(), l.off, l.sizeBytes, l.split.held()
}

// maxPartBytes is the longest partial line (splitter.part).
const maxPartBytes = maxLineBytes + 2

// Adopt takes over the ring of the incarnation before (State), in the size that
// it had. The caller has made sure that the region lies in the space and is no
// other ring's. It reports whether the numbers can be true; if not, or if there
// is no region, the lines count as dropped.
func (l *UnitLog) Adopt(s RingState, off, sizeBytes int, part []byte) bool {
	m := l.logs
	l.split.drop(&m.parts)
	l.split.hold(part[:min(len(part), maxPartBytes)], maxLineBytes, &m.parts)
	if off == noPlace || m.space == nil {
		return l.ring.restore(nil, s)
	}
	l.off, l.sizeBytes = off, sizeBytes
	m.used += pages(sizeBytes)
	return l.ring.restore(m.space.Bytes(off, sizeBytes), s)
}
