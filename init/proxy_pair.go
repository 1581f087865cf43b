package pid1

import (
	"golang.org/x/sys/unix"

	"mote/proc"
)

const (
	acceptTurn = 64 // connections of one listener in a turn
	pumpBudget = 32 // fills and drains of one way in a turn

	// Edge triggered (epoll(7)): what a socket can do is remembered until it
	// says EAGAIN, so that one that can do it always wakes nobody for nothing.
	pairEvents = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&(1<<32-1)
)

// pairState is how far a connection has come.
type pairState uint8

const (
	pairFree       pairState = iota
	pairWaiting              // for the unit, or for a next try
	pairConnecting           // EINPROGRESS
	pairOpen
)

// The two ends of a pair.
const (
	endClient = iota
	endBackend
)

// pairEnd is one end, and the way from it to the other.
type pairEnd struct {
	fd                 int
	readable, writable bool     // until EAGAIN
	eof                bool     // it will send no more
	over               bool     // the other end knows, or takes no more
	hold               *transit // what is on its way; nil = no bytes
}

// pair is one connection of a client and its way to the backend.
type pair struct {
	slot   int
	gen    uint32 // part of the token: what came for an earlier pair is nothing to this one
	state  pairState
	since  int64 // of the first try to reach the backend; 0 = none
	queued bool  // is in again: has more to move in the next turn
	ends   [2]pairEnd
}

func (c *pair) token(end int) uint64 { return uint64(c.gen)<<32 | uint64(c.slot)<<1 | uint64(end) }

// accept takes waiting connections. At the limit, and without a descriptor for
// one, they stay in the queue of the kernel, and nobody looks at the listener.
func (p *relay) accept(listener int) {
	for i := 0; i < acceptTurn && p.open < p.o.max; i++ {
		fd, err := proc.Accept(listener)
		if err != nil {
			p.acceptAt = p.now + int64(acceptPause)
			p.grumble(err.Error() + ": tried again")
			break
		}
		if fd < 0 {
			break
		}
		p.welcome(fd)
	}
	p.watch()
}

// welcome makes the pair of a new connection.
func (p *relay) welcome(fd int) {
	var c *pair
	if last := len(p.free) - 1; last >= 0 {
		c = p.free[last]
		p.free = p.free[:last]
	} else {
		c = &pair{slot: len(p.pairs)}
		p.pairs = append(p.pairs, c)
	}
	p.gen = max(p.gen+1, 1)
	*c = pair{slot: c.slot, gen: p.gen, state: pairWaiting, queued: c.queued}
	c.ends[endClient].fd, c.ends[endBackend].fd = fd, -1
	p.open++
	p.waiting++
	p.total++
	p.idleAt = 0
	p.changed()
	// A peer that has gone without a word is found in the end (tcp(7)).
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := p.poll.Add(fd, pairEvents, c.token(endClient)); err != nil {
		p.fail(c, err.Error())
		return
	}
	p.begin(c)
}

// begin takes the next step to the backend, for a pair that waits. It reports
// whether it is worth trying for another one.
func (p *relay) begin(c *pair) bool {
	if p.o.unit != "" && !p.ask.up {
		p.soon()
		p.question("start")
		return false
	}
	if c.since == 0 {
		c.since = p.now
	}
	fd, err := failure(unix.Socket(p.o.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0))
	under := false
	if err == 0 {
		c.ends[endBackend] = pairEnd{fd: fd}
		c.state = pairConnecting
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		_, err = failure(0, unix.Connect(fd, p.o.to))
		if under = err == unix.EINPROGRESS || err == unix.EINTR; err == 0 || under {
			_, err = failure(0, p.poll.Add(fd, pairEvents, c.token(endBackend)))
		}
	}
	switch {
	case err != 0:
		p.refused(c, err)
	case under:
		p.soon()
	default:
		p.connected(c)
	}
	return err == 0
}

// refused notes why the backend was not reached. It is tried again for a while:
// who listens there may just be starting (ECONNREFUSED, ENOENT), or be busy
// (EAGAIN of a Unix socket). What no time mends ends the pair.
func (p *relay) refused(c *pair, err unix.Errno) {
	if e := &c.ends[endBackend]; e.fd >= 0 {
		p.poll.Remove(e.fd)
		unix.Close(e.fd)
		e.fd = -1
	}
	c.state = pairWaiting
	p.lastErr = err
	p.soon()
	switch err {
	case unix.EACCES, unix.EPERM, unix.EPROTOTYPE, unix.EAFNOSUPPORT:
		p.fail(c, p.o.name+": "+err.Error())
	case unix.ECONNREFUSED, unix.ENOENT:
		if p.o.unit != "" && p.now >= p.ask.notBefore {
			p.ask.up = false // it may have ended meanwhile
			p.question("start")
		}
	}
}

// connected opens the pair.
func (p *relay) connected(c *pair) {
	c.state = pairOpen
	p.waiting--
	p.pause, p.retryAt = minPause, 0
	if p.waiting > 0 || p.ask.verb != "" {
		p.retryAt = p.now // the others need not wait for their moment
	}
	p.move(c)
}

// pairEvent is news of a socket of a pair.
func (p *relay) pairEvent(c *pair, end int, events uint32) {
	gone := events&(unix.EPOLLERR|unix.EPOLLHUP) != 0
	e := &c.ends[end]
	e.readable = e.readable || gone || events&(unix.EPOLLIN|unix.EPOLLRDHUP) != 0
	e.writable = e.writable || gone || events&unix.EPOLLOUT != 0
	switch {
	case c.state == pairOpen:
		p.move(c)
	case end == endClient:
		if events&unix.EPOLLERR != 0 { // reset; who has only stopped sending still waits
			p.failed++
			p.end(c, true)
		}
	case e.writable:
		code, _ := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if code != 0 {
			p.refused(c, unix.Errno(code))
		} else {
			p.connected(c)
		}
	}
}

// move passes on what can be, both ways. A reset of one end is one of the other.
func (p *relay) move(c *pair) {
	if !p.pump(c, endClient) || !p.pump(c, endBackend) {
		p.failed++
		p.end(c, true)
		return
	}
	if c.ends[0].over && c.ends[1].over {
		p.end(c, false)
	}
}

// pump moves bytes from one end of an open pair to the other, until one of them
// can do no more or the turn's share is used up. False: the sender was reset.
func (p *relay) pump(c *pair, end int) bool {
	from, to := &c.ends[end], &c.ends[1-end]
	for round := 0; !from.over; round++ {
		if round == pumpBudget {
			p.later(c)
			break
		}
		if from.hold != nil && from.hold.n > 0 {
			if !to.writable {
				break
			}
			switch err := p.drain(from.hold, to.fd); err {
			case 0:
			case unix.EAGAIN:
				to.writable = false
			default: // it takes no more; what it has sent still reaches the other
				from.over = true
				to.readable = true
				p.later(c)
			}
			continue
		}
		if from.eof {
			unix.Shutdown(to.fd, unix.SHUT_WR)
			from.over = true
			continue
		}
		if !from.readable {
			break
		}
		if from.hold == nil {
			from.hold = p.takeHold()
		}
		switch n, err := p.fill(from.hold, from.fd); {
		case err == unix.EAGAIN:
			from.readable = false
		case err != 0:
			return false
		case n == 0:
			from.eof = true
		default:
			p.moved[end] += uint64(n)
			p.changed()
		}
	}
	if from.hold != nil && (from.over || from.hold.n == 0) {
		p.giveHold(from.hold)
		from.hold = nil
	}
	return true
}

// later has a pair moved again in the next turn.
func (p *relay) later(c *pair) {
	if !c.queued {
		c.queued = true
		p.again = append(p.again, c)
	}
}

// fail ends a pair that has not reached the backend.
func (p *relay) fail(c *pair, why string) {
	p.failed++
	p.grumble(why)
	p.end(c, true)
}

// end closes a pair. With reset both peers learn that it was no orderly end:
// half of an answer must not look like a whole one (socket(7), SO_LINGER).
func (p *relay) end(c *pair, reset bool) {
	if c.state != pairOpen {
		p.waiting--
	}
	c.state = pairFree
	for i := range c.ends {
		e := &c.ends[i]
		if e.hold != nil {
			p.giveHold(e.hold)
			e.hold = nil
		}
		if e.fd < 0 {
			continue
		}
		if reset {
			unix.SetsockoptLinger(e.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		}
		p.poll.Remove(e.fd)
		unix.Close(e.fd)
	}
	p.free = append(p.free, c)
	p.changed()
	if p.open--; p.open == 0 {
		p.beIdle()
	}
	p.watch()
}
