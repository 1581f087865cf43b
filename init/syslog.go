package pid1

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

const (
	// syslogBudget bounds the messages taken of a turn from the child, each of
	// sinkBatch bytes and as many lines as fit.
	syslogBudget = 8
	// syslogEnded is how many processes of units are remembered that have
	// ended, and syslogMemory for how long: what they said last comes after.
	syslogEnded  = 64
	syslogMemory = graph.Instant(10e9)
)

// syslog files what comes in on the socket of "option syslog". The init makes
// the socket and keeps it, so that it outlives the child; "mote log syslog"
// takes the datagrams, and sends lines of "PID SID UID TEXT". When the init has
// no time for them the child waits, and then those that log: nobody else is
// slowed.
type syslog struct {
	worker
	sock proc.Socket // while stdin is not 0
	path string
	ours int      // the end for what the child says; 0 = none
	buf  []byte   // what was taken last
	rest []byte   // of buf, still to be filed
	wait *UnitLog // has to take the next line first; nil = none
	own  []byte   // a line for the init's own log
	gone [syslogEnded]endedProcess
	last int // in gone

	// The last look-up by user, which goes through all units.
	uid    uint32
	uidID  graph.ID
	uidFor graph.Instant // the turn that it is right in
}

// endedProcess is one that the init has reaped; its number is not used again
// within syslogMemory but by a machine that forks all numbers through.
type endedProcess struct {
	pid int
	id  graph.ID
	at  graph.Instant
}

// listen makes the socket of the option, or takes it away; it is the same again
// if nothing has changed and nobody has removed its file.
func (s *syslog) listen(path string) {
	if s.over || path == s.path && (path == "" || s.stdin > 0 && !s.sock.Lost()) {
		return
	}
	s.shut()
	if s.path = path; path == "" {
		return
	}
	err := s.open(path)
	switch {
	case errors.Is(err, proc.ErrAnswered):
		s.in.logs.Say(MsgWarn, "option syslog: another daemon answers on ", path, ": stop it, then reload")
	case err != nil:
		s.in.logs.Say(MsgWarn, "option syslog: ", err.Error(), ": reload tries again")
	}
}

func (s *syslog) open(path string) error {
	if proc.OnNetworkOrFuse(path[:strings.LastIndexByte(path, '/')+1]) {
		return errors.New(path + " is on a network or FUSE mount, for which process 1 cannot wait: choose another path")
	}
	sock, err := proc.ListenDatagrams(path, 0o666)
	if err != nil {
		return err
	}
	if err = unix.SetNonblock(sock.Fd, false); err == nil && s.ours == 0 { // the child waits there
		err = s.connect()
	}
	if err != nil {
		sock.Close()
		return err
	}
	s.sock, s.stdin, s.delay = sock, sock.Fd, 0
	s.start()
	return nil
}

// connect makes the socket between init and child.
func (s *syslog) connect() error {
	ours, theirs, err := fileSocket()
	if err != nil {
		return err
	}
	if err = s.in.poll.Add(ours, unix.EPOLLIN, tokSyslog); err != nil {
		unix.Close(ours)
		unix.Close(theirs)
		return err
	}
	s.ours, s.out = ours, theirs
	return nil
}

// shut lets the child go once it has read what is there: it finds the end of
// the socket behind that.
func (s *syslog) shut() {
	if s.stdin == 0 {
		return
	}
	unix.Shutdown(s.stdin, unix.SHUT_RD)
	s.sock.Close()
	s.stdin, s.retry = 0, 0
	if !s.over {
		s.child.forget()
		s.child = nil
	}
}

// finish takes the last lines at the end, and reports whether there can be no
// more. It is called again and again; the bounds of the end are also its own.
func (s *syslog) finish() bool {
	if !s.over {
		if s.retry != 0 {
			s.start()
		}
		s.over = true
		s.shut()
	}
	done := s.child == nil
	for s.file(); s.ours > 0 && s.take(); {
		s.file()
	}
	return done
}

// remember keeps whose process it was that was reaped.
func (s *syslog) remember(pid int, id graph.ID) {
	if s.ours == 0 || id == graph.None {
		return
	}
	s.last = (s.last + 1) % syslogEnded
	s.gone[s.last] = endedProcess{pid, id, s.in.now}
}

// ready files what the child has sent.
func (s *syslog) ready() {
	for i := 0; i < syslogBudget && s.wait == nil; i++ {
		if len(s.rest) == 0 && !s.take() {
			return
		}
		s.file()
	}
}

// tick starts the child again when it is time, and goes on with what waited.
func (s *syslog) tick() {
	s.worker.tick()
	if len(s.rest) > 0 && s.wait == nil {
		s.ready()
	}
}

// take takes one message off the socket.
func (s *syslog) take() bool {
	if s.buf == nil {
		s.buf = make([]byte, sinkBatch)
	}
	for {
		n, _, err := unix.Recvfrom(s.ours, s.buf, unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return false
		}
		s.rest = s.buf[:n]
		return true
	}
}

// file puts the lines of a message into the logs of their units. A log whose
// sinks are full is waited for, and with it the child; at the end nothing is.
func (s *syslog) file() {
	var last *UnitLog
	for len(s.rest) > 0 {
		text, rest, _ := bytes.Cut(s.rest, newline)
		pid, text, ok1 := leadingNumber(text)
		sid, text, ok2 := leadingNumber(text)
		uid, text, ok3 := leadingNumber(text)
		l := s.in.logs.own
		if !ok1 || !ok2 || !ok3 { // a panic, say
			s.in.logs.Say(MsgWarn, "syslog: ", string(s.rest))
			s.rest = nil
			break
		}
		if id := s.in.senderUnit(pid, sid, uint32(uid)); id != graph.None {
			l = s.in.units[id].log
		}
		if last != nil && l != last {
			last.flushSinks()
		}
		last = l
		if !s.over && !l.takes() {
			s.wait = l
			s.in.poll.Remove(s.ours)
			return
		}
		s.rest = rest
		s.put(l, uint32(uid), text)
	}
	if last != nil {
		last.flushSinks()
	}
}

// put adds a line. One of a process of no unit goes to the ring of the init's
// own log, and says that it is not the init's.
func (s *syslog) put(l *UnitLog, uid uint32, text []byte) {
	if l != s.in.logs.own {
		l.Put(text)
		return
	}
	l.sinks, l.prio = toRing, kmsgInfo
	s.own = append(s.own[:0], "syslog"...)
	if int(uid) != s.in.uid {
		s.own = strconv.AppendUint(append(s.own, " uid "...), uint64(uid), 10)
	}
	l.Put(append(append(s.own, ": "...), text...))
}

// resume goes on when the log that it waited for takes lines again.
func (s *syslog) resume(l *UnitLog) {
	if s.wait == nil || s.wait != l {
		return
	}
	s.wait = nil
	if s.in.poll.Add(s.ours, unix.EPOLLIN, tokSyslog) != nil {
		s.in.logs.Say(MsgWarn, "syslog: cannot be read any more")
	}
	s.in.again = true
}

// leadingNumber reads the digits before the first blank.
func leadingNumber(b []byte) (n int, rest []byte, ok bool) {
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9' && i < 10; i++ {
		n = n*10 + int(b[i]-'0')
	}
	if i == 0 || i == len(b) || b[i] != ' ' {
		return 0, b, false
	}
	return n, b[i+1:], true
}

// senderUnit gives the unit of a process: its own one, or that of its session; None
// if it has none. Without a session, 0, the process was gone when it was asked
// for; then the user says whose it was, if only one unit runs as that one.
func (in *Init) senderUnit(pid, sid int, uid uint32) graph.ID {
	for _, n := range [...]int{pid, sid} {
		if p := in.procs[n]; n != 0 && p != nil && p.unit != graph.None {
			return p.unit
		}
	}
	s := &in.syslog
	for i := range s.gone {
		g := &s.gone[(s.last+syslogEnded-i)%syslogEnded]
		if g.at == 0 || in.now-g.at > syslogMemory {
			break
		}
		if (g.pid == pid || g.pid == sid) && !in.world.Gone(g.id) {
			return g.id
		}
	}
	if sid != 0 || int(uid) == in.uid {
		return graph.None
	}
	if s.uid != uid || s.uidFor != in.now {
		s.uid, s.uidFor, s.uidID = uid, in.now, in.onlyUnitOf(uid)
	}
	return s.uidID
}

// onlyUnitOf gives the unit whose main process runs as a user, None if there is
// none, or more than one.
func (in *Init) onlyUnitOf(uid uint32) graph.ID {
	found := graph.None
	for id := range in.units {
		if u := &in.units[id]; u.main != 0 && u.uid == uid {
			if found != graph.None {
				return graph.None
			}
			found = graph.ID(id)
		}
	}
	return found
}
