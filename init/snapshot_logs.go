package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/graph/line"
	"mote/proc"
	"mote/state"
)

// Where a record names a log by its unit, ownLog is the init's own, and goneLog one
// of a unit that is no more.
const (
	ownLog           = graph.None
	goneLog graph.ID = ownLog - 1
)

// savedLogs is what a snapshot says of the logs. What the rings hold is not in it,
// but in the arena.
type savedLogs struct {
	arena   savedArena
	units   []savedLog // and the init's own
	journal savedJournal
	console savedSink
	files   savedSink
	feeds   []savedSink
	syslog  savedSyslog
}

// savedArena says where the rings are, and what belongs to no log alone.
type savedArena struct {
	rec       *state.Record
	FD        int
	Chunks    []int64
	Lines     uint64
	Level     MsgLevel
	Own       uint8 // sinks of the init's own messages
	Memory    int
	Short     bool // Logs.memorySaid
	NoRoom    bool // Logs.spaceSaid
	Kmsg      int
	KmsgLost  uint64
	KmsgFails bool // that was said
}

func (a *savedArena) fields(f *state.Fields) {
	state.Int(f, "arena", &a.FD)
	state.Ints(f, "chunks", &a.Chunks)
	state.Int(f, "lines", &a.Lines)
	state.Int(f, "level", &a.Level)
	state.Int(f, "own", &a.Own)
	state.Int(f, "memory", &a.Memory)
	f.Bool("short", &a.Short)
	f.Bool("no-room", &a.NoRoom)
	state.Int(f, "kmsg", &a.Kmsg)
	state.Int(f, "kmsg-lost", &a.KmsgLost)
	f.Bool("kmsg-fails", &a.KmsgFails)
}

// savedLog is a log that has something to keep, and the pipe of its unit.
type savedLog struct {
	rec   *state.Record
	ID    graph.ID
	Pid   int
	Ring  RingState
	At    int // where the ring is in the arena
	Size  int // 0: nowhere
	Part  []byte
	R     int32 // the pipe
	W     int32
	More  bool
	Ended bool
	Seek  []byte
	Tail  []byte
	Found bool
}

func (l *savedLog) fields(f *state.Fields) {
	state.Int(f, "unit", &l.ID)
	state.Int(f, "pid", &l.Pid)
	state.Int(f, "at", &l.At)
	state.Int(f, "size", &l.Size)
	state.Int(f, "head", &l.Ring.Head)
	state.Int(f, "used", &l.Ring.Used)
	state.Int(f, "count", &l.Ring.Count)
	state.Int(f, "start", &l.Ring.Start)
	state.Int(f, "total", &l.Ring.Total)
	f.Bytes("part", &l.Part)
	state.Int(f, "r", &l.R)
	state.Int(f, "w", &l.W)
	f.Bool("more", &l.More)
	f.Bool("ended", &l.Ended)
	f.Bytes("seek", &l.Seek)
	f.Bytes("tail", &l.Tail)
	f.Bool("found", &l.Found)
}

var logsPart = savedPart{
	put: putLogs,
	kinds: []savedKind{
		{"logs", func(s *saved, r *state.Record) error {
			s.logs.arena.rec = r
			return r.Load(s.logs.arena.fields)
		}},
		{"log", func(s *saved, r *state.Record) error {
			l := savedLog{rec: r}
			err := r.Load(l.fields)
			s.logs.units = append(s.logs.units, l)
			return err
		}},
		{"journal", func(s *saved, r *state.Record) error {
			s.logs.journal.rec = r
			return r.Load(s.logs.journal.fields)
		}},
		{"console", func(s *saved, r *state.Record) error { return s.logs.console.load(r) }},
		{"files", func(s *saved, r *state.Record) error { return s.logs.files.load(r) }},
		{"feed", func(s *saved, r *state.Record) error {
			s.logs.feeds = append(s.logs.feeds, savedSink{})
			return s.logs.feeds[len(s.logs.feeds)-1].load(r)
		}},
		{"syslog", func(s *saved, r *state.Record) error {
			s.logs.syslog.rec = r
			return r.Load(s.logs.syslog.fields)
		}},
	},
	check:  checkLogs,
	attach: attachLogs,
}

func putLogs(in *Init, k *keeper) {
	m := in.logs
	a := savedArena{Lines: m.lines, Level: m.level, Own: m.ownSinks, Memory: m.memory, Short: m.memorySaid, NoRoom: m.spaceSaid,
		Kmsg: max(m.kmsg.fd, 0), KmsgLost: m.kmsg.lost, KmsgFails: m.kmsg.said}
	if in.arena != nil && in.arena.FD() >= 0 {
		a.FD, a.Chunks = in.arena.FD(), in.arena.Chunks()
	}
	k.fd(a.FD)
	k.fd(a.Kmsg)
	k.Put("logs", a.fields)
	m.own.put(k, ownLog, &unitIO{})
	for id := range in.units {
		u := &in.units[id]
		u.log.put(k, graph.ID(id), u)
	}
	in.putJournal(k)
	in.putSinks(k)
}

// put writes a log, if there is anything that a new one would not have.
func (l *UnitLog) put(k *keeper, id graph.ID, u *unitIO) {
	if l.slot < 0 || l.ring.total == 0 && len(l.split.held()) == 0 && u.pipeR == 0 && u.pipeW == 0 && l.seeking == nil && l.pid == 0 {
		return
	}
	r := savedLog{ID: id, Pid: l.pid, R: u.pipeR, W: u.pipeW, More: l.more, Ended: l.ended}
	r.Ring, r.At, r.Size, r.Part = l.State()
	if r.At == noPlace {
		r.At, r.Size = 0, 0
	}
	if t := l.seeking; t != nil {
		r.Seek, r.Tail, r.Found = t.text, t.tail, t.found
	}
	k.fd(int(r.R))
	k.fd(int(r.W))
	k.Put("log", r.fields)
}

// spans gives the parts of the arena that rings have.
func (s *savedLogs) spans() []proc.Span {
	list := make([]proc.Span, 0, len(s.units))
	for i := range s.units {
		if l := &s.units[i]; l.Size != 0 {
			list = append(list, proc.Span{Off: l.At, Size: l.Size})
		}
	}
	return list
}

func checkLogs(s *saved) error {
	a := &s.logs.arena
	if a.Level > MsgWarn || a.Own&^(toConsole|toKmsg) != 0 || a.Memory < 0 {
		return a.rec.Wrong("level " + strconv.Itoa(int(a.Level)) + ", own " + strconv.Itoa(int(a.Own)) + ", memory " +
			strconv.Itoa(a.Memory) + ": no log is so")
	}
	if a.FD != 0 {
		if err := proc.CheckArena(a.Chunks, s.logs.spans()); err != nil {
			return a.rec.Wrong(err.Error())
		}
	}
	fds := &s.named
	if !fds.may(a.FD, a.Kmsg) {
		return a.rec.Wrong(badDescriptor)
	}
	last := goneLog
	for i := range s.logs.units {
		l := &s.logs.units[i]
		if l.ID <= last || int(l.ID) >= s.world.Len() {
			return l.rec.Wrong("unit " + strconv.Itoa(int(l.ID)) + ": there is none, or its place is before " + strconv.Itoa(int(last)))
		}
		last = l.ID
		if !fds.may(int(l.R), int(l.W)) {
			return l.rec.Wrong(badDescriptor)
		}
		if bad := l.wrong(); bad != "" {
			return l.rec.Wrong(bad)
		}
	}
	if err := s.logs.journal.check(s.world.Len()); err != nil {
		return err
	}
	return s.logs.checkSinks(fds, s.world.Len())
}

const badDescriptor = "a descriptor that cannot be, or is another's"

// wrong says what a log cannot have.
func (l *savedLog) wrong() string {
	switch {
	case l.Size != 0 && (l.Size < minRingBytes || !l.Ring.possible(l.Size)):
		return "a ring of " + strconv.Itoa(l.Size) + " bytes cannot be so"
	case len(l.Part) > maxPartBytes:
		return "the line that is begun has " + strconv.Itoa(len(l.Part)) + " bytes: the limit is " + strconv.Itoa(maxPartBytes)
	case l.ID == ownLog && l.R|l.W != 0:
		return "the init has no pipe to itself"
	case len(l.Seek) > line.MaxLine || len(l.Tail) > 0 && len(l.Tail) >= len(l.Seek) || l.Pid < 0:
		return "no log seeks so, or is of pid " + strconv.Itoa(l.Pid)
	}
	return ""
}

// attachLogs makes the logs of all units, and gives them what was saved.
func attachLogs(in *Init, s *saved) {
	m := in.logs
	fresh, sinks := m.takeFresh(), toRing
	if m.console.fd < 0 {
		sinks |= toConsole
	}
	err := in.takeArena(s)
	for id := len(in.units); id < in.world.Len(); id++ {
		if in.openUnit(graph.ID(id)); in.world.Gone(graph.ID(id)) {
			in.units[id].log.Close()
		}
	}
	a := &s.logs.arena
	if a.rec != nil {
		m.level, m.ownSinks = a.Level, a.Own
		m.lines, m.memory, m.memorySaid, m.spaceSaid = a.Lines, a.Memory, a.Short, a.NoRoom
	}
	lost, broken := uint64(0), 0
	for i := range s.logs.units {
		n, ok := uint64(0), false
		in.guarded(func() { n, ok = in.attachLog(s, &s.logs.units[i]) })
		if lost += n; !ok {
			broken++
		}
	}
	in.attachJournal(&s.logs.journal)
	in.attachConsole(s)
	m.replay(fresh, sinks&(toRing|m.ownSinks))
	in.attachSinks(s)
	if lost > 0 {
		why := "they were in no file"
		if err != nil {
			why = err.Error()
		}
		m.Say(MsgWarn, "log rings: ", why, ": ", lineCount(lost), " lost")
	}
	if broken > 0 {
		m.Say(MsgWarn, "log pipes: ", strconv.Itoa(broken), " were closed: what their units print is lost until they start again")
	}
}

// takeArena puts the arena of the image before in place of the new one, which is
// empty by now.
func (in *Init) takeArena(s *saved) error {
	fd := s.logs.arena.FD
	if fd == 0 || in.arena == nil {
		return nil
	}
	if !s.claim(fd, unix.S_IFREG) {
		return unix.EBADF
	}
	old, err := proc.OpenArena(fd, s.logs.arena.Chunks, s.logs.spans())
	if err != nil {
		unix.Close(fd)
		return err
	}
	in.arena.Close()
	in.arena, in.logs.space = old, old
	return nil
}

// attachLog gives a unit its ring, its partial line and its pipe. lost are the
// lines that were in a ring which is no more; ok reports whether the pipe is there,
// if there was one.
func (in *Init) attachLog(s *saved, r *savedLog) (lost uint64, ok bool) {
	l, u := in.logs.own, &unitIO{}
	if r.ID != ownLog {
		if in.world.Gone(r.ID) {
			return 0, true
		}
		u = &in.units[r.ID]
		l = u.log
	}
	ok = in.attachPipe(s, r, u)
	if injecting {
		in.inject("attach", "log", r.ID)
	}
	off := noPlace
	if r.Size > 0 && in.arena != nil && in.arena.FD() == s.logs.arena.FD {
		off = r.At
	}
	l.Adopt(r.Ring, off, r.Size, r.Part)
	lost = uint64(max(r.Ring.Count-l.ring.count, 0))
	l.pid, l.more, l.ended = r.Pid, r.More && ok, r.Ended
	if len(r.Seek) > 0 {
		l.seeking = &textSeeker{text: r.Seek, tail: r.Tail, found: r.Found}
	}
	if !ok {
		l.flush()
	}
	return lost, ok
}

// attachPipe gives a unit its pipe, and reports whether it is there, if there was one.
// It comes first: what else of a log is lost, its unit goes on.
func (in *Init) attachPipe(s *saved, r *savedLog, u *unitIO) bool {
	if r.W > 0 && s.claim(int(r.W), unix.S_IFIFO) {
		u.pipeW = r.W
	}
	if r.R == 0 {
		return true
	}
	if in.claimPolled(s, int(r.R), unix.S_IFIFO, tokLog|uint64(r.ID)) && unix.SetNonblock(int(r.R), true) == nil {
		u.pipeR = r.R
		return true
	}
	if u.pipeW > 0 { // who writes to it would be ended by PIPE
		unix.Close(int(u.pipeW))
		u.pipeW = 0
	}
	return false
}

// claimPolled takes over a descriptor and waits for what comes there.
func (in *Init) claimPolled(s *saved, fd int, kind uint32, token uint64) bool {
	if fd == 0 || !s.claim(fd, kind) {
		return false
	}
	if in.poll.Add(fd, unix.EPOLLIN, token) != nil {
		unix.Close(fd)
		return false
	}
	return true
}

// takeFresh takes the messages of this image out of the init's own ring, and gives
// the ring's place back.
func (m *Logs) takeFresh() (list []string) {
	l := m.own
	for c := l.ring.First(); ; {
		_, text, _, ok := l.ring.Next(&c)
		if !ok {
			break
		}
		list = append(list, string(text))
	}
	m.free(l.off, l.sizeBytes)
	l.off, l.tried, l.ring = noPlace, false, Ring{scratch: &m.scratch}
	return list
}

// replay puts such messages behind those of the image before. sinks are those that
// have not had them.
func (m *Logs) replay(list []string, sinks uint8) {
	m.own.sinks = sinks
	for _, text := range list {
		m.own.line([]byte(text))
	}
}
