package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/graph/line"
	"mote/proc"
	"mote/state"
)

// What the clients take of a snapshot: those that have more than bigClient to be
// written may have clientsBytes together. One that is over it, because it reads
// none of a very long answer, is hung up.
const (
	bigClient    = 64 << 10
	clientsBytes = 40 << 20
)

// savedClients is the control socket and its clients.
type savedClients struct {
	control server // of it: the socket, its path and first
	clients []*savedClient
}

// savedClient is a client, with its wait and its reader as plain values.
type savedClient struct {
	client
	waits  bool
	until  graph.SavedWait
	reader savedReader
}

var clientsPart = savedPart{
	put: putClients,
	kinds: []savedKind{
		{"control", (*saved).takeControl},
		{"client", (*saved).takeClient},
	},
	attach: attachClients,
}

func (s *server) fields(f *state.Fields) {
	f.Text("path", &s.path)
	state.Int(f, "fd", &s.sock.Fd)
	state.Int(f, "dev", &s.sock.Dev)
	state.Int(f, "ino", &s.sock.Ino)
	state.Int(f, "first", &s.first)
}

func (v *savedClient) fields(f *state.Fields) {
	state.Int(f, "slot", &v.slot)
	state.Int(f, "fd", &v.fd)
	state.Int(f, "uid", &v.uid)
	state.Int(f, "pid", &v.pid)
	f.Bool("group", &v.group)
	f.Bytes("in", &v.in)
	f.Bytes("out", &v.out)
	f.Bool("closed", &v.closed)
	f.Bool("last", &v.last)
	f.Bool("feed", &v.feed)
	f.Bool("upgrade", &v.upgrade)
	state.Int(f, "lost", &v.lost)
	state.Int(f, "reply", &v.reply.kind)
	state.Int(f, "next", &v.reply.next)
	state.Ints(f, "ids", &v.reply.ids)
	if f.Bool("waits", &v.waits); v.waits {
		w := &v.until
		state.Int(f, "for", &w.Kind)
		state.Int(f, "state", &w.State)
		f.Bool("unseen", &w.First)
		state.Int(f, "at", &w.At)
		state.Ints(f, "names", &w.Names)
		state.Ints(f, "also", &w.Also)
	}
	if k := v.reply.kind; k == replyLogs || k == replyFollow {
		v.reader.fields(f)
	}
}

func putClients(in *Init, k *keeper) {
	s := &in.server
	if s.path != "" {
		k.fd(s.sock.Fd)
	}
	k.Put("control", s.fields)
	room := clientsBytes
	for _, c := range s.clients {
		if c == nil {
			continue
		}
		v := s.save(c)
		if n := v.size(); n > bigClient {
			if n > room {
				continue
			}
			room -= n
		}
		k.fd(c.fd)
		k.Put("client", v.fields)
	}
}

// save gives a client as it is written. What is known of its answer already is
// among the bytes for it; the rest is what it was.
func (s *server) save(c *client) *savedClient {
	v := &savedClient{client: *c}
	switch r := &v.reply; r.kind {
	case replyFaults, replySystem, replyWhy, replyShow:
		v.out = v.out[:len(v.out):len(v.out)]
		for ; len(v.out) <= clientsBytes && s.replyLine(&v.client, r.next); r.next++ {
		}
		kind := replyEnd
		if r.kind == replySystem {
			kind = replyTroubled
		}
		*r = reply{kind: kind}
	case replyLogs, replyFollow:
		s.in.saveReader(&v.reader, c.tail)
	}
	if c.wait != nil {
		v.waits, v.until = true, c.wait.Save()
	}
	return v
}

// size is about how many bytes a client takes of a snapshot.
func (v *savedClient) size() int {
	return 2*(len(v.in)+len(v.out)) + 7*(len(v.reply.ids)+len(v.until.Names)+len(v.until.Also)) +
		10*(len(v.reader.entries)+len(v.reader.idle))
}

func (s *saved) takeControl(r *state.Record) error {
	c := &s.control
	if err := r.Load(c.fields); err != nil {
		return err
	}
	if c.first < 0 || c.first >= maxClients || c.path != "" && (c.sock.Fd == 0 || s.wrongFD(c.sock.Fd) != "") {
		return r.Wrong("there is no such socket")
	}
	return nil
}

func (s *saved) takeClient(r *state.Record) error {
	v := &savedClient{}
	if err := r.Load(v.fields); err != nil {
		return err
	}
	for _, o := range s.clients {
		if o.slot == v.slot {
			return r.Wrong("its slot is another's")
		}
	}
	for _, id := range v.reply.ids {
		if id < 0 || int(id) >= s.world.Len() {
			return r.Wrong("it asks for a unit that does not exist")
		}
	}
	if v.slot < 0 || v.slot >= maxClients || v.fd <= 2 || v.reply.kind > replyFollow || v.reply.next < 0 || v.lost < 0 ||
		len(v.in) > line.MaxLine+readBytes || len(v.out) > clientsBytes {
		return r.Wrong("there is no such client")
	}
	if wrong := s.wrongFD(v.fd); wrong != "" {
		return r.Wrong(wrong)
	}
	if v.waits {
		var err error
		if v.wait, err = s.world.LoadWait(&v.until); err != nil {
			return r.Wrong(err.Error())
		}
	}
	if wrong := v.reader.wrong(&s.logs, s.world.Len()); wrong != "" {
		return r.Wrong(wrong)
	}
	s.clients = append(s.clients, v)
	return nil
}

func attachClients(in *Init, s *saved) {
	in.server.attach(s)
	gone := 0
	for _, v := range s.clients {
		if !s.claim(v.fd, unix.S_IFSOCK) {
			gone++
		} else if !in.guarded(func() { in.server.takeOver(v) }) {
			gone++
			proc.HangUp(v.fd)
		}
	}
	if j := in.logs.journal; j != nil && j.readers == 0 {
		in.logs.journal = nil
	}
	if gone > 0 {
		in.logs.Say(MsgWarn, "clients that did not come through and are gone: ", strconv.Itoa(gone))
	}
	in.again = in.again || len(s.clients) > 0 // the rest of their answers
}

// attach takes the control socket over. One that has not come through is bound
// again.
func (s *server) attach(v *saved) {
	s.limit = clientLimit()
	s.first = v.control.first
	path := v.control.path
	if path == "" {
		return
	}
	if sock := v.control.sock; v.claim(sock.Fd, unix.S_IFSOCK) {
		sock.Path = path
		if s.in.poll.Add(sock.Fd, unix.EPOLLIN, tokListen) == nil {
			s.sock, s.path = sock, path
			return
		}
		unix.Close(sock.Fd)
	}
	if err := s.listen(path); err != nil {
		s.in.logs.Say(MsgWarn, "the control socket did not come through: ", err.Error(), ": send HUP to try again")
	}
}

// takeOver takes one client over.
func (s *server) takeOver(v *savedClient) {
	if injecting {
		s.in.inject("attach", "client", graph.None)
	}
	c := v.client
	c.events = c.wanted()
	if s.in.poll.Add(c.fd, c.events, tokClient|uint64(c.slot)) != nil {
		unix.Close(c.fd)
		return
	}
	if k := c.reply.kind; k == replyLogs || k == replyFollow {
		c.tail = v.reader.load(s.in)
	}
	s.clients[c.slot] = &c
	s.count++
}
