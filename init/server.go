package pid1

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/graph/line"
	"mote/proc"
)

// Bounds of the control socket (SPEC 6). With all of them used up the server
// holds at most maxClients * (line.MaxLine + outHigh + one reply line) bytes.
const (
	maxClients = 128
	outLow     = 16 << 10  // a long reply goes on below this
	outHigh    = 256 << 10 // an event stream that is not read loses events above this
	pageBudget = 64        // units or lines of a long reply in one turn
)

// server is the control socket and its clients.
type server struct {
	in      *Init
	sock    proc.Socket
	path    string // what children get as MOTE_SOCKET; empty = no socket
	clients [maxClients]*client
	count   int
	busy    int // clients that have something left to do without being ready

	consolePolled bool
}

// client is one connection. It has one request at a time: what comes behind it
// waits in the socket.
type client struct {
	slot   int
	fd     int
	uid    int
	pid    int
	group  bool // member of option ctl-group
	in     []byte
	out    []byte
	events uint32 // polled for
	closed bool   // the peer will send no more
	last   bool   // close when out is written

	wait *graph.Wait
	more func() bool // the rest of a long reply; reports that it is over
	idle bool        // more has nothing until something happens
	tail *LogReader  // of logs
	feed bool        // events
	lost int         // events that did not fit
}

// reading reports whether the next request may be looked at.
func (c *client) reading() bool { return c.wait == nil && c.more == nil && !c.feed && !c.last }

// listen binds the control socket; without one the init runs on (SPEC 2).
func (s *server) listen(path string) error {
	sock, err := proc.Listen(path, 0o600)
	if err != nil {
		return err
	}
	s.sock, s.path = sock, path
	if mode, _ := s.permit(); mode != 0o600 { // widened only now: never open to the wrong group
		s.permitAgain()
	}
	if err := s.in.poll.Add(sock.Fd, unix.EPOLLIN, tokListen); err != nil {
		s.sock.Close()
		s.path = ""
		return err
	}
	return nil
}

// permit gives the socket's mode and group as the options ask for (SPEC 6).
func (s *server) permit() (mode uint32, gid int) {
	mode, gid = 0o600, -1
	o := &s.in.conf.Options
	if o.CtlGroup != "" {
		g, err := proc.LookupGroup(o.CtlGroup)
		if err != nil {
			s.in.logs.Say(MsgWarn, "option ctl-group: ", err.Error(), ": only root and this user may connect")
		} else {
			mode, gid = 0o660, int(g)
		}
	}
	if o.CtlReadAll {
		mode = 0o666
	}
	return mode, gid
}

// permitAgain sets mode and group as the options have them now.
func (s *server) permitAgain() {
	if s.path == "" {
		return
	}
	if err := s.sock.Permit(s.permit()); err != nil {
		s.in.logs.Say(MsgWarn, err.Error(), ": only root and this user may connect")
	}
}

// rebind makes a lost socket again (SPEC 7, HUP).
func (s *server) rebind() {
	if s.path != "" && !s.sock.Lost() {
		return
	}
	path := s.path
	if path == "" {
		path = s.in.opt.Socket
	} else {
		s.in.poll.Remove(s.sock.Fd)
		unix.Close(s.sock.Fd) // not Close: the file is somebody else's, or gone
		s.path = ""
	}
	if err := s.listen(path); err != nil {
		s.in.logs.Say(MsgWarn, err.Error(), ": the client cannot reach this init; send HUP to try again")
		return
	}
	s.in.logs.Say(MsgInfo, "control socket ", path, " is bound again")
}

// close takes the socket away at the end of the init.
func (s *server) close() {
	for _, c := range s.clients {
		if c != nil {
			s.flush(c)
		}
	}
	if s.path != "" {
		s.sock.Close()
		s.path = ""
	}
}

// accept takes new connections; one too many is told so.
func (s *server) accept() {
	for i := 0; i < acceptBudget; i++ {
		fd, err := proc.Accept(s.sock.Fd)
		if err != nil || fd < 0 {
			return
		}
		if s.count == maxClients {
			refuse := line.Append(nil, "err", "1", "more than "+strconv.Itoa(maxClients)+" clients: try again later")
			unix.SendmsgN(fd, append(refuse, '\n'), nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			unix.Close(fd)
			continue
		}
		s.welcome(fd)
	}
}

func (s *server) welcome(fd int) {
	pid, uid, _, err := proc.PeerCred(fd)
	if err != nil {
		unix.Close(fd)
		return
	}
	c := &client{fd: fd, pid: pid, uid: int(uid), events: unix.EPOLLIN}
	if g := s.in.conf.Options.CtlGroup; g != "" {
		if gid, err := proc.LookupGroup(g); err == nil {
			c.group = proc.PeerInGroup(fd, gid)
		}
	}
	if !s.mayConnect(c) {
		unix.Close(fd)
		return
	}
	for c.slot = range s.clients {
		if s.clients[c.slot] == nil {
			break
		}
	}
	if s.in.poll.Add(fd, c.events, tokClient|uint64(c.slot)) != nil {
		unix.Close(fd)
		return
	}
	s.clients[c.slot] = c
	s.count++
}

// mayConnect is what the file's mode says of a socket that has one; an
// abstract name has none (unix(7)).
func (s *server) mayConnect(c *client) bool {
	return s.path[0] != '@' || s.may(c, mayAll) || c.group || s.in.conf.Options.CtlReadAll
}

func (s *server) drop(c *client) {
	if s.clients[c.slot] != c {
		return
	}
	if c.tail != nil {
		c.tail.Close()
	}
	s.in.poll.Remove(c.fd)
	unix.Close(c.fd)
	s.clients[c.slot] = nil
	s.count--
}

// ready serves one client whose descriptor is.
func (s *server) ready(slot int, events uint32) {
	c := s.clients[slot]
	if c == nil {
		return // closed earlier in this turn
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP) != 0 && c.reading() {
		s.read(c)
	}
	// HUP: both directions are closed, nobody reads an answer any more, and a
	// request that waits ends. Who only says that it will send nothing more
	// (shutdown(2), SHUT_WR) still gets its answers.
	if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		s.drop(c)
	}
}

// read takes what a client sent, one buffer a turn.
func (s *server) read(c *client) {
	if len(c.out) >= outLow {
		return // it does not read its answers: neither do we read it
	}
	var buf [8 << 10]byte
	n, err := unix.Read(c.fd, buf[:])
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return
	case err != nil:
		s.drop(c)
		return
	case n == 0:
		c.closed = true
	}
	c.in = append(c.in, buf[:n]...)
	s.requests(c)
}

// requests carries out the whole lines that have come.
func (s *server) requests(c *client) {
	for c.reading() && len(c.out) < outLow {
		i := bytes.IndexByte(c.in, '\n')
		if i < 0 {
			if len(c.in) > line.MaxLine {
				s.fail(c, 2, "the request is longer than "+strconv.Itoa(line.MaxLine)+" bytes: shorten it")
				c.last = true
			}
			break
		}
		if i > line.MaxLine {
			s.fail(c, 2, "the request is longer than "+strconv.Itoa(line.MaxLine)+" bytes: shorten it")
			c.last = true
			break
		}
		text := string(c.in[:i])
		c.in = c.in[:copy(c.in, c.in[i+1:])]
		s.request(c, text)
	}
	if len(c.in) == 0 && cap(c.in) > 4096 {
		c.in = nil
	}
	if c.closed && c.reading() && bytes.IndexByte(c.in, '\n') < 0 {
		c.last = true // nothing more will come, half a line is nothing
	}
}

// say adds one line of words to a client's answer.
func (c *client) say(words ...string) {
	c.out = append(line.Append(c.out, words...), '\n')
}

func (s *server) ok(c *client) { c.say("ok") }

func (s *server) fail(c *client, code int, text string) {
	c.say("err", strconv.Itoa(code), text)
}

// serve goes on with long replies and writes what is due; it never blocks.
func (s *server) serve() {
	if s.count == 0 {
		return
	}
	for _, c := range s.clients {
		if c == nil {
			continue
		}
		if c.more != nil && len(c.out) < outLow {
			c.idle = false
			if c.more() {
				c.more = nil
			}
		}
		s.flush(c)
		if c.more != nil && !c.idle && len(c.out) < outLow {
			s.in.again = true // the rest in the next turn, after the others
		}
		if s.clients[c.slot] == c && c.reading() && len(c.in) > 0 && len(c.out) < outLow {
			s.requests(c)
			s.flush(c)
		}
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
		if c.lost > 0 && c.feed {
			c.say("warn", strconv.Itoa(c.lost)+" events were lost: they came faster than they were read")
			c.lost = 0
		}
		if c.last && len(c.out) == 0 {
			s.drop(c)
			return
		}
		if cap(c.out) > outLow {
			c.out = nil
		}
	}
	var want uint32 // HUP and ERR are always told
	if c.reading() && !c.closed && len(c.out) < outLow {
		want |= unix.EPOLLIN
	}
	if len(c.out) > 0 {
		want |= unix.EPOLLOUT
	}
	if want != c.events {
		c.events = want
		s.in.poll.Modify(c.fd, want, tokClient|uint64(c.slot))
	}
}

// settle answers the clients that wait for units (SPEC 6).
func (s *server) settle(effects []graph.Effect) {
	if s.count == 0 {
		return
	}
	for _, c := range s.clients {
		if c == nil || c.wait == nil {
			continue
		}
		for i := range effects {
			if o := c.wait.Saw(s.in.world, &effects[i]); o.Done {
				s.answer(c, o)
				break
			}
		}
		if c.wait != nil {
			if o := c.wait.Check(s.in.world); o.Done {
				s.answer(c, o)
			}
		}
	}
}

func (s *server) answer(c *client, o graph.Outcome) {
	c.wait = nil
	if o.Code != 0 {
		s.fail(c, o.Code, o.Text)
		return
	}
	s.ok(c)
}

// event tells those who listen of a transition.
func (s *server) event(e *graph.Effect) {
	if s.count == 0 {
		return
	}
	for _, c := range s.clients {
		if c == nil || !c.feed {
			continue
		}
		if len(c.out) > outHigh {
			c.lost++
			continue
		}
		want := "down"
		if s.in.world.Status(e.Unit).Want {
			want = "up"
		}
		c.say("event", strconv.FormatInt(s.in.wall/1e6, 10), s.in.name(e.Unit), e.From.String(), e.To.String(),
			want, s.in.world.ReasonText(e.Reason))
	}
}
