package pid1

import (
	"strings"

	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/graph/line"
	"mote/proc"
)

// Bounds of the control socket (SPEC 6). With all of them used up the server
// holds at most maxClients * (line.MaxLine + readBytes + outHigh + one reply
// line) bytes, 41 MiB: that takes 128 streams of events that nobody reads. After an
// exec the rest of long answers may be among it, clientsBytes at most.
const (
	maxClients  = 128
	spareSlots  = 16        // of them for root and the init's own user alone
	readBytes   = 8 << 10   // taken of one client's requests in a turn
	outLow      = 16 << 10  // a long reply goes on below this
	outHigh     = 256 << 10 // an event stream that is not read loses events above this
	serveBudget = 4e6       // ns of a turn for all clients together
	acceptPause = graph.Instant(200e6)
)

// server is the control socket and its clients.
type server struct {
	in      *Init
	sock    proc.Socket
	path    string // what children get as MOTE_SOCKET; empty = no socket
	clients [maxClients]*client
	count   int
	words   []string      // of the request that is being carried out
	limit   int           // of clients, so that they leave descriptors for services
	first   int           // the slot that the next turn begins with
	retryAt graph.Instant // no connection is taken before this; 0 = none is waiting

	consolePolled bool
}

// listen binds the control socket; without one the init runs on (SPEC 2).
func (s *server) listen(path string) error {
	sock, err := proc.Listen(path, 0o600)
	if err != nil {
		return err
	}
	s.sock, s.path, s.retryAt = sock, path, 0
	s.limit = clientLimit()
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
		s.sock.Abandon()
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

// clientLimit gives how many clients there may be: half of the descriptors are
// for the services, whose start must not fail because of them.
func clientLimit() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return maxClients
	}
	return int(min(maxClients, r.Cur/2))
}

// accept takes new connections; one too many is told so. Without a descriptor
// for it the connection stays in the queue, and the listener, which is ready
// all the while, is left alone for a moment (accept(2), EMFILE).
func (s *server) accept() {
	for i := 0; i < acceptBudget; i++ {
		fd, err := proc.Accept(s.sock.Fd)
		if err != nil {
			s.retryAt = s.in.now + acceptPause
			s.in.poll.Modify(s.sock.Fd, 0, tokListen)
			return
		}
		if fd < 0 {
			return
		}
		s.welcome(fd)
	}
}

// tick takes connections again after a pause.
func (s *server) tick() {
	if s.retryAt == 0 || s.in.now < s.retryAt {
		return
	}
	s.retryAt = 0
	if s.path != "" {
		s.in.poll.Modify(s.sock.Fd, unix.EPOLLIN, tokListen)
	}
}

// full reports whether there is no room for a client. The last slots are for
// those who may do all, so that nobody who may only read keeps them out.
func (s *server) full(c *client) bool {
	room := s.limit
	if !s.may(c, mayAll) {
		room -= min(spareSlots, room/2)
	}
	return s.count >= room
}

func (s *server) welcome(fd int) {
	pid, uid, _, err := proc.PeerCred(fd)
	if err != nil {
		proc.HangUp(fd)
		return
	}
	c := &client{fd: fd, pid: pid, uid: int(uid), events: unix.EPOLLIN}
	if g := s.in.conf.Options.CtlGroup; g != "" {
		if gid, err := proc.LookupGroup(g); err == nil {
			c.group = proc.PeerInGroup(fd, gid)
		}
	}
	if !s.mayConnect(c) {
		proc.HangUp(fd)
		return
	}
	if s.full(c) {
		refuse := line.Append(nil, "err", "1", strconv.Itoa(s.count)+" clients are connected, which is the limit: try again later")
		unix.SendmsgN(fd, append(refuse, '\n'), nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		proc.HangUp(fd)
		return
	}
	for c.slot = range s.clients {
		if s.clients[c.slot] == nil {
			break
		}
	}
	if s.in.poll.Add(fd, c.events, tokClient|uint64(c.slot)) != nil {
		proc.HangUp(fd)
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
		s.fail(c, o.Code, s.in.withCause(o.Text))
		return
	}
	s.ok(c)
}

// answerUpgrade tells all who have asked for an upgrade what came of it: code 0 is
// done, and text says from what to what.
func (s *server) answerUpgrade(text string, code int) {
	for _, c := range s.clients {
		if c == nil || !c.upgrade {
			continue
		}
		if c.upgrade = false; code != 0 {
			s.fail(c, code, text)
			continue
		}
		c.say("note", text)
		s.ok(c)
	}
}

// withCause adds to the refusal of a start what a service that was not ready in
// time was waited for.
func (in *Init) withCause(text string) string {
	const late = "start-timeout"
	name, rest, _ := strings.Cut(text, ": ")
	id, ok := in.world.Find(name)
	if !ok || !strings.HasPrefix(rest, late) {
		return text
	}
	switch u := &in.units[id]; {
	case u.health != nil && u.health.row > 0:
		text = "health: " + u.health.text
	case u.said != nil && u.said.error != "":
		text = u.said.error
	default:
		return text
	}
	return name + ": " + late + ": " + text + rest[len(late):]
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
