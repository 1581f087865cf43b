package pid1

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
)

const (
	// sinkBytes bounds what waits in the init for one sink: all files
	// together, or one service that others pipe to. Beyond it the kernel holds
	// the socket's buffer (sinkSocket) or the pipe's (64 KiB, pipe(7)).
	sinkBytes = 64 << 10
	// sinkShare is what one unit may have in a backlog before it is taken for
	// one that floods, and sinkReserve what those may not fill.
	sinkShare   = 4 << 10
	sinkReserve = 16 << 10
	sinkLow     = 16 << 10 // the units that wait go on when no more is left
	sinkLeast   = 64       // the fewest bytes worth reading
	// sinkBatch is what is read from a pipe, and put into a message, at once.
	sinkBatch = 8 << 10
	// sinkPatience is how long a full sink may take nothing (SPEC L1).
	sinkPatience = graph.Instant(time.Second)
)

// backlog is what waits for a sink behind a descriptor: the child that writes
// the files, or the stdin of a service. It never blocks.
//
// While it is full and the sink still takes something, the units that fill it
// are not read from, so that their own pipes slow them and no line is lost.
// When it has taken nothing for a second while full, it is stalled: everything
// is read again, and lines that do not fit are dropped whole and counted.
type backlog struct {
	logs    *Logs
	what    string // for messages
	fd      int    // -1 = none
	slot    int    // for the loop: of the files 0, of feeds from 1
	bit     uint8  // in UnitLog.held
	packets bool   // buf holds messages: their length in 4 bytes, then they
	buf     []byte
	off     int
	last    int      // where the message begins that a line may join; -1 = none
	lastOf  *UnitLog // whose lines it has
	blocked bool     // the last write said EAGAIN; it is in Logs.blocked
	full    bool
	stalled bool
	since   graph.Instant // when it got full, or last took something
	epoch   uint32        // counts the backlogs, for shares
	lost    uint64
	took    bool // it took something after a loss: time to report that
	held    []*UnitLog
}

// share is what one unit has in a backlog.
type share struct {
	epoch uint32
	bytes int
}

func (b *backlog) buffered() int { return len(b.buf) - b.off }

// room gives how many bytes may be read from l so that none of the lines they
// make has to be dropped, if each byte makes at most perByte; 0 is that it must
// wait. over is what else the lines may cost.
func (b *backlog) room(l *UnitLog, s *share, perByte, over int) int {
	if b.stalled || b.fd < 0 || b.logs.OnHold == nil {
		return logReadBytes
	}
	most := sinkBytes
	if s.epoch == b.epoch && s.bytes >= sinkShare {
		most -= sinkReserve
	}
	room := (most-b.buffered()-over-len(l.split.held()))/perByte - 1
	if room < sinkLeast {
		return 0
	}
	return min(room, sinkBatch)
}

// hold makes l wait until there is room.
func (b *backlog) hold(l *UnitLog) {
	if l.held&b.bit != 0 {
		return
	}
	b.held = append(b.held, l)
	if !b.full {
		b.full, b.since = true, b.logs.now
	}
	b.logs.setHeld(l, b.bit, true)
}

// release lets one unit go on; releaseAll all that are held.
func (b *backlog) release(l *UnitLog) {
	for i, h := range b.held {
		if h == l {
			last := len(b.held) - 1
			b.held[i], b.held[last] = b.held[last], nil
			b.held = b.held[:last]
			b.logs.setHeld(l, b.bit, false)
			return
		}
	}
}

func (b *backlog) releaseAll() {
	if len(b.held) == 0 {
		return
	}
	b.epoch++
	for i, l := range b.held {
		b.held[i] = nil
		b.logs.setHeld(l, b.bit, false)
	}
	b.held = b.held[:0]
}

// line adds the pieces of one line of l, or drops it. Of a sink with packets
// the line joins the last message if that is l's, else it begins one with head.
func (b *backlog) line(l *UnitLog, s *share, head string, pieces ...[]byte) {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	joins := !b.packets || b.last >= b.off && b.last >= 0 && b.lastOf == l && len(b.buf)-b.last+size <= sinkBatch
	need := size
	if !joins {
		need += 4 + len(head)
	}
	if b.fd < 0 || b.buffered()+need > sinkBytes {
		b.lost++
		return
	}
	b.grow(need)
	if !joins {
		b.last, b.lastOf = len(b.buf), l
		b.buf = append(b.buf, 0, 0, 0, 0)
		b.buf = append(b.buf, head...)
	}
	for _, p := range pieces {
		b.buf = append(b.buf, p...)
	}
	if b.packets {
		binary(b.buf[b.last:b.last+4], uint64(len(b.buf)-b.last-4))
	}
	if s.epoch != b.epoch {
		*s = share{epoch: b.epoch}
	}
	s.bytes += need
}

// grow makes space for size more bytes at the end of buf.
func (b *backlog) grow(size int) {
	if len(b.buf)+size <= cap(b.buf) {
		return
	}
	if b.off > 0 {
		b.last = max(b.last-b.off, -1)
		b.buf = b.buf[:copy(b.buf, b.buf[b.off:])]
		b.off = 0
	}
	if need := len(b.buf) + size; need > cap(b.buf) {
		n := max(cap(b.buf), 4<<10)
		for n < need {
			n *= 2
		}
		grown := make([]byte, len(b.buf), n)
		copy(grown, b.buf)
		b.buf = grown
	}
}

// drain gives the sink what it takes, and lets units go on for which there is
// room now.
func (b *backlog) drain() {
	b.flush()
	if b.buffered() <= sinkLow {
		b.full = false
		b.releaseAll()
		b.report()
	}
}

// flush writes until nothing is left or the sink takes no more.
func (b *backlog) flush() {
	for b.fd >= 0 && b.buffered() > 0 {
		n, err := b.write()
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			b.block(true)
			return
		case err != nil || n <= 0:
			b.lost += uint64(bytes.Count(b.buf[b.off:], []byte{'\n'})) // cannot happen: both ends are ours
			n = b.buffered()
		}
		b.off += n
		b.since, b.stalled = b.logs.now, false
		b.took = b.lost > 0
	}
	if b.buffered() == 0 {
		b.empty()
	}
}

// write gives the next message, or as much as there is, and says how much of
// buf that was.
func (b *backlog) write() (int, error) {
	p := b.buf[b.off:]
	if !b.packets {
		return unix.Write(b.fd, p)
	}
	n := int(p[0]) | int(p[1])<<8 | int(p[2])<<16
	if b.last == b.off {
		b.last = -1
	}
	_, err := unix.SendmsgN(b.fd, p[4:4+n], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return 4 + n, err
}

// empty begins a new backlog; a buffer that grew with the last one goes.
func (b *backlog) empty() {
	if len(b.buf) > 0 {
		b.epoch++
	}
	b.buf, b.off, b.last, b.stalled = b.buf[:0], 0, -1, false
	if cap(b.buf) > 2*sinkBatch {
		b.buf = nil
	}
	b.block(false)
}

// block notes whether the sink has to be waited for.
func (b *backlog) block(on bool) {
	m := b.logs
	if b.blocked == on {
		return
	}
	b.blocked = on
	if on {
		m.blocked = append(m.blocked, b)
	} else {
		for i, x := range m.blocked {
			if x == b {
				m.blocked = append(m.blocked[:i], m.blocked[i+1:]...)
				break
			}
		}
	}
	if m.OnBlocked != nil {
		m.OnBlocked(b.slot, b.fd, on)
	}
}

// deadline gives when the sink is to be given up; 0 is never.
func (b *backlog) deadline() graph.Instant {
	if b.full && !b.stalled && len(b.held) > 0 {
		return b.since + sinkPatience
	}
	return 0
}

// expire gives up a sink that is full and took nothing for a second.
func (b *backlog) expire() {
	if at := b.deadline(); at == 0 || b.logs.now < at {
		return
	}
	b.drain()
	if at := b.deadline(); at == 0 || b.logs.now < at {
		return // it took something after all
	}
	b.stalled = true
	b.releaseAll()
	b.logs.Say(MsgWarn, b.what, ": nothing was taken for a second: lines are dropped until it goes on")
}

// report says once what was lost.
func (b *backlog) report() {
	if !b.took || b.lost == 0 {
		return
	}
	n := b.lost
	b.lost, b.took = 0, false
	b.logs.Say(MsgWarn, b.what, ": ", lineCount(n), " dropped: it did not take them in time")
}
