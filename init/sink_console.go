package pid1

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
)

const (
	// consoleBytes bounds what waits for the console, of all units together.
	consoleBytes = 64 << 10
	// consoleBatch is what is collected before a write while the console
	// takes all it gets; the buffer is no larger then.
	consoleBatch = 4 << 10
	// consoleShare is what one unit may have in a backlog before it is taken
	// for one that floods, and consoleReserve what those may not fill: who
	// floods waits, who says a line does not.
	consoleShare   = 4 << 10
	consoleReserve = 16 << 10
	// consoleLeast is the fewest bytes worth reading. With the longest name
	// and a whole line begun it is less than what consoleRoom gives as soon as
	// the units that wait are let go, at consoleLow.
	consoleLeast = 64
	consoleLow   = 16 << 10
	// consolePatience is how long a full console may take nothing (SPEC L1).
	consolePatience = graph.Instant(time.Second)
)

// consoleSink is the terminal, serial line or stderr that lines are shown on,
// as "name: text". It never blocks. What it does not take at once waits in buf.
//
// When buf is full while the console still takes something, the units that
// fill it are not read from (Logs.OnHold), so that their own pipes slow them
// and no line is lost. When it has taken nothing for a second while full, it
// is stalled: everything is read again, and lines that do not fit are dropped
// whole, counted, and reported once it takes what is left.
type consoleSink struct {
	fd      int // -1 = none
	socket  bool
	buf     []byte
	off     int  // what of buf is written
	blocked bool // the last write said EAGAIN
	full    bool // a unit is held, or lines are dropped; since counts
	stalled bool
	since   graph.Instant // when it got full, or last took something
	epoch   uint32        // counts the backlogs, for UnitLog.share
	lost    uint64
	took    bool // it took something after a loss: time to report that
}

// OpenConsole gives a descriptor of its own for what fd shows: O_NONBLOCK
// belongs to the open file, and the shell that lent us its terminal must not
// find it changed (open(2)). Only where the file cannot be opened again is fd's
// own open file used.
func OpenConsole(fd int) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return -1, err
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFCHR || kind == unix.S_IFIFO {
		var path [32]byte
		b := strconv.AppendInt(append(path[:0], "/proc/self/fd/"...), int64(fd), 10)
		flags := unix.O_WRONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
		if own, err := unix.Open(string(b), flags, 0); err == nil {
			return own, nil
		}
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, err
	}
	// A regular file keeps its place and never says EAGAIN; a socket is
	// written with MSG_DONTWAIT.
	if kind == unix.S_IFCHR || kind == unix.S_IFIFO {
		err = unix.SetNonblock(own, true)
	}
	return own, err
}

// SetConsole gives the console, a descriptor that never blocks (OpenConsole)
// and then is Logs' own; -1 is none. What waits goes to the new one.
func (m *Logs) SetConsole(fd int) {
	c := &m.console
	if c.fd >= 0 && c.fd != fd {
		unix.Close(c.fd)
	}
	var st unix.Stat_t
	c.fd, c.blocked = fd, false
	c.socket = fd >= 0 && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK
	if fd < 0 {
		c.discard()
	}
	m.FlushConsole()
}

// ConsoleFD gives the console's descriptor, -1 for none, and whether the loop
// must poll it for EPOLLOUT now. It must not be in the epoll set otherwise: a
// line that hung up is always ready.
func (m *Logs) ConsoleFD() (fd int, wantWrite bool) {
	return m.console.fd, m.console.fd >= 0 && m.console.blocked
}

// Deadline gives when Expire has something to do; 0 is never.
func (m *Logs) Deadline() graph.Instant {
	at := m.consoleDeadline()
	for _, b := range m.blocked {
		if d := b.deadline(); d != 0 && (at == 0 || d < at) {
			at = d
		}
	}
	return at
}

func (m *Logs) consoleDeadline() graph.Instant {
	if c := &m.console; c.full && !c.stalled && len(m.held) > 0 {
		return c.since + consolePatience
	}
	return 0
}

// Expire gives up sinks that are full and took nothing for a second.
func (m *Logs) Expire(now graph.Instant) {
	if due := m.Deadline(); due == 0 || now < due {
		return
	}
	m.now = now
	for i := len(m.blocked) - 1; i >= 0; i-- {
		if i < len(m.blocked) { // one that took all after all is gone
			m.blocked[i].expire()
		}
	}
	if due := m.consoleDeadline(); due == 0 || now < due {
		return
	}
	m.FlushConsole()
	if due := m.consoleDeadline(); due == 0 || now < due {
		return // it took something after all
	}
	m.console.stalled = true
	m.releaseAll()
}

// FlushConsole writes what the console takes: when it is writable, and at the
// end of whatever made lines.
func (m *Logs) FlushConsole() {
	c := &m.console
	c.flush(m.now)
	if c.buffered() <= consoleLow {
		c.full = false
		m.releaseAll()
	}
	m.notices()
}

// consoleLine shows a line of a unit.
func (m *Logs) consoleLine(l *UnitLog, text []byte) {
	c := &m.console
	if l.shareEpoch != c.epoch {
		l.shareEpoch, l.share = c.epoch, 0
	}
	l.share += c.line(l.name, text, m.now)
}

// consoleRoom gives how many bytes may be read from a unit so that none of
// the lines they make has to be dropped; 0 is that it must wait.
func (m *Logs) consoleRoom(l *UnitLog) int {
	c := &m.console
	if c.fd < 0 || c.stalled || m.OnHold == nil {
		return logReadBytes
	}
	most := consoleBytes
	if l.shareEpoch == c.epoch && l.share >= consoleShare {
		most -= consoleReserve
	}
	// At worst each byte ends a line or is shown as \xHH.
	prefix := len(l.name) + len(": \n")
	room := (most - c.buffered() - 4*len(l.split.held()) - 2*prefix) / (prefix + 4)
	if room < consoleLeast {
		return 0
	}
	return min(room, consoleBatch)
}

// hold asks the loop to leave a unit's pipe alone until the console has room.
func (m *Logs) hold(l *UnitLog) {
	if l.held&heldConsole != 0 {
		return
	}
	m.held = append(m.held, l)
	if c := &m.console; !c.full {
		c.full, c.since = true, m.now
	}
	m.setHeld(l, heldConsole, true)
}

// release lets one unit go on; releaseAll all that are held.
func (m *Logs) release(l *UnitLog) {
	if l.held&heldConsole == 0 {
		return
	}
	for i, h := range m.held {
		if h == l {
			m.held[i] = m.held[len(m.held)-1]
			m.held[len(m.held)-1] = nil
			m.held = m.held[:len(m.held)-1]
			break
		}
	}
	m.setHeld(l, heldConsole, false)
}

func (m *Logs) releaseAll() {
	if len(m.held) == 0 {
		return
	}
	m.console.epoch++
	for i, l := range m.held {
		m.held[i] = nil
		m.setHeld(l, heldConsole, false)
	}
	m.held = m.held[:0]
}

func (c *consoleSink) buffered() int { return len(c.buf) - c.off }

// line adds "name: text" and gives its size, or drops it and gives 0.
func (c *consoleSink) line(name string, text []byte, now graph.Instant) int {
	if c.fd < 0 {
		return 0
	}
	size := len(name) + len(": \n") + cleanLen(text)
	if !c.blocked && c.buffered()+size > consoleBatch {
		c.flush(now)
	}
	if c.buffered()+size > consoleBytes {
		c.lost++
		return 0
	}
	c.room(size)
	c.buf = append(c.buf, name...)
	c.buf = append(c.buf, ": "...)
	c.buf, _ = appendClean(c.buf, text, size)
	c.buf = append(c.buf, '\n')
	return size
}

// room makes space for size more bytes at the end of buf.
func (c *consoleSink) room(size int) {
	if len(c.buf)+size <= cap(c.buf) {
		return
	}
	if c.off > 0 {
		c.buf = c.buf[:copy(c.buf, c.buf[c.off:])]
		c.off = 0
	}
	if need := len(c.buf) + size; need > cap(c.buf) {
		n := max(cap(c.buf), consoleBatch)
		for n < need {
			n *= 2
		}
		grown := make([]byte, len(c.buf), n)
		copy(grown, c.buf)
		c.buf = grown
	}
}

// flush writes until nothing is left or the console takes no more.
func (c *consoleSink) flush(now graph.Instant) {
	for c.fd >= 0 && c.buffered() > 0 {
		n, err := c.write(c.buf[c.off:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			c.blocked = true
			return
		case err != nil || n <= 0:
			c.discard() // hung up: whoever comes back finds what is new
			return
		}
		c.off += n
		c.since, c.stalled = now, false
		c.took = c.lost > 0
	}
	c.empty()
}

func (c *consoleSink) write(p []byte) (int, error) {
	if c.socket {
		return unix.SendmsgN(c.fd, p, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}
	return unix.Write(c.fd, p)
}

// discard loses what waits.
func (c *consoleSink) discard() {
	c.lost += uint64(bytes.Count(c.buf[c.off:], []byte{'\n'}))
	c.empty()
}

// empty begins a new backlog; a buffer that grew with the last one goes.
func (c *consoleSink) empty() {
	if len(c.buf) > 0 {
		c.epoch++
	}
	c.buf, c.off, c.blocked, c.stalled = c.buf[:0], 0, false, false
	if cap(c.buf) > 2*consoleBatch {
		c.buf = nil
	}
}
