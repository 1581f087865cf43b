package pid1

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/graph/line"
	"mote/proc"
)

// client is one connection. It has one request at a time: what comes behind it
// waits in the socket.
type client struct {
	slot   int
	fd     int
	uid    int
	pid    int
	group  bool // member of option ctl-group
	in     []byte
	seen   int // of in: has no newline
	out    []byte
	events uint32 // polled for
	closed bool   // the peer will send no more
	last   bool   // close when out is written

	wait  *graph.Wait
	reply reply
	idle  bool       // the reply has nothing until something happens
	tail  *LogReader // of logs
	feed  bool       // events
	lost  int        // events that did not fit

	upgrade bool // waits for the end of the upgrade that it has asked for
}

// reading reports whether the next request may be looked at.
func (c *client) reading() bool {
	return c.wait == nil && c.reply.kind == replyNone && !c.feed && !c.last && !c.upgrade
}

// hasLine reports whether a whole request has come.
func (c *client) hasLine() bool {
	i := bytes.IndexByte(c.in[c.seen:], '\n')
	if i < 0 {
		c.seen = len(c.in)
		return false
	}
	c.seen += i
	return true
}

func (s *server) drop(c *client) {
	if s.clients[c.slot] != c {
		return
	}
	if c.tail != nil {
		c.tail.Close()
	}
	s.in.poll.Remove(c.fd)
	proc.HangUp(c.fd)
	s.clients[c.slot] = nil
	s.count--
}

// ready serves one client whose descriptor is.
func (s *server) ready(slot int, events uint32) {
	c := s.clients[slot]
	if c == nil {
		return // closed earlier in this turn
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP) != 0 {
		s.read(c)
	}
	// HUP: both directions are closed, nobody reads an answer any more, and a
	// request that waits ends. Who only says that it will send nothing more
	// (shutdown(2), SHUT_WR) still gets its answers.
	if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		s.requests(c)
		s.drop(c)
	}
}

// takes reports whether more of the client's requests may be read: it reads
// its answers, and all that it asked before is done.
func (c *client) takes() bool {
	return c.reading() && !c.closed && len(c.out) < outLow && !c.hasLine()
}

// read takes what a client sent, one buffer a turn; serve looks at it.
func (s *server) read(c *client) {
	if !c.takes() {
		return
	}
	var buf [readBytes]byte
	n, strange, err := proc.ReadPlain(c.fd, buf[:])
	switch {
	case strange:
		s.drop(c)
		return
	case err == unix.EINTR || err == unix.EAGAIN:
		return
	case err != nil:
		s.drop(c)
		return
	case n == 0:
		c.closed = true
	}
	c.in = append(c.in, buf[:n]...)
}

// requests carries out the whole lines that have come, as far as their answers
// have room.
func (s *server) requests(c *client) {
	done := 0 // bytes of in
	for c.reading() && len(c.out) < outLow {
		if !c.hasLine() {
			if c.closed {
				c.last = true // nothing more will come, half a line is nothing
			}
			break
		}
		text := c.in[done:c.seen]
		c.seen++
		done = c.seen
		if len(text) > line.MaxLine {
			s.tooLong(c)
			break
		}
		s.request(c, string(text))
	}
	c.in = c.in[:copy(c.in, c.in[done:])]
	c.seen -= done
	if len(c.in) > line.MaxLine && !c.hasLine() && c.reading() {
		s.tooLong(c)
	}
	if len(c.in) == 0 && cap(c.in) > 4096 {
		c.in = nil
	}
}

// tooLong ends a client whose request has no end.
func (s *server) tooLong(c *client) {
	s.fail(c, 2, "the request is longer than "+strconv.Itoa(line.MaxLine)+" bytes: shorten it")
	c.last = true
}

// say adds one line of words to a client's answer.
func (c *client) say(words ...string) {
	c.out = append(line.Append(c.out, words...), '\n')
}

func (s *server) ok(c *client) { c.say("ok") }

func (s *server) fail(c *client, code int, text string) {
	c.say("err", strconv.Itoa(code), text)
}

// serve goes on with requests and long replies and writes what is due; it
// never blocks. When all clients together have had their time, the rest has to
// wait for the next turn: what else PID 1 has to do comes first.
func (s *server) serve() {
	if s.count == 0 {
		return
	}
	end := proc.Now() + serveBudget
	for range maxClients {
		slot := s.first
		s.first = (s.first + 1) % maxClients
		c := s.clients[slot]
		if c == nil {
			continue
		}
		s.in.work.client = c
		s.serveOne(c)
		s.in.work.client = nil
		if proc.Now() > end {
			s.in.again = true
			return
		}
	}
}

func (s *server) serveOne(c *client) {
	c.idle = false
	s.goOn(c)
	s.requests(c)
	s.flush(c)
	if s.clients[c.slot] != c || len(c.out) >= outLow {
		return
	}
	if c.reply.kind != replyNone && !c.idle || c.reading() && c.hasLine() {
		s.in.again = true // the rest in the next turn, after the others
	}
}

// flush writes what the socket takes and asks the poll for what is wanted next.
func (s *server) flush(c *client) {
	for len(c.out) > 0 {
		n, err := unix.SendmsgN(c.fd, c.out, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			break
		}
		if err != nil || n <= 0 {
			s.drop(c)
			return
		}
		c.out = c.out[:copy(c.out, c.out[n:])]
	}
	if len(c.out) == 0 {
		if c.last {
			s.drop(c)
			return
		}
		if cap(c.out) > outLow {
			c.out = nil
		}
		if c.lost > 0 && c.feed {
			c.say("warn", strconv.Itoa(c.lost)+" events were lost: they came faster than they were read")
			c.lost = 0
		}
	}
	if want := c.wanted(); want != c.events {
		c.events = want
		s.in.poll.Modify(c.fd, want, tokClient|uint64(c.slot))
	}
}

// wanted is what a client is to be polled for; HUP and ERR are always told.
func (c *client) wanted() (events uint32) {
	if c.takes() {
		events |= unix.EPOLLIN
	}
	if len(c.out) > 0 {
		events |= unix.EPOLLOUT
	}
	return events
}
