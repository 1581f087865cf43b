package pid1

import (
	"syscall"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// sockets are those of a unit's "listen" lines. They are opened before its main
// process starts, or before the first connection does that, and stay open until
// it is at rest: who connects meanwhile waits.
type sockets struct {
	list   []unitSocket
	polled bool // for a first connection
}

// unitSocket is one of them, and what it was opened for.
type unitSocket struct {
	of   graph.Listen
	sock proc.Socket
}

// endpoint is where a "listen" line is.
func endpoint(l *graph.Listen) proc.Endpoint {
	return proc.Endpoint{Path: l.Path, IP: l.Addr.IP, V6: l.Addr.V6, UDP: l.Kind == graph.ListenUDP, Port: l.Addr.Port}
}

// same reports whether a socket that was opened for one line will do for another.
func same(a, b *graph.Listen) bool {
	return a.Kind == b.Kind && a.Addr == b.Addr && a.Path == b.Path && a.Mode == b.Mode && a.User == b.User
}

// lost reports whether nobody can connect to it any more: its file is gone, or
// another's, or who shares it has shut it down. It is opened again then.
func (s *unitSocket) lost() bool {
	return s.of.Kind == graph.ListenUnix && s.sock.Lost() || proc.Spoilt(s.sock.Fd)
}

// find gives the socket that will do for a line, or nil.
func (s *sockets) find(l *graph.Listen) *unitSocket {
	for i := range s.list {
		if same(&s.list[i].of, l) {
			return &s.list[i]
		}
	}
	return nil
}

// cut closes the sockets from n on, and takes their files away.
func (s *sockets) cut(n int) {
	for i := n; i < len(s.list); i++ {
		s.list[i].sock.Close()
	}
	s.list = s.list[:n]
}

// openSockets makes the unit's sockets those that its lines ask for now. Those
// that are open stay so. When one cannot be opened the new ones are closed
// again: nobody is to wait at a service that does not start.
func (in *Init) openSockets(id graph.ID) *refusal {
	u, io := in.world.Unit(id), &in.units[id]
	want := u.Duties().Listen
	if len(want) == 0 {
		in.closeSockets(id)
		return nil
	}
	if io.socks == nil {
		io.socks = &sockets{}
	}
	s, n := io.socks, 0
	for k := range s.list { // what goes first: its address may be asked for again
		wanted := false
		for i := range want {
			wanted = wanted || same(&want[i], &s.list[k].of)
		}
		if wanted && !s.list[k].lost() {
			s.list[n], s.list[k] = s.list[k], s.list[n]
			n++
		}
	}
	s.cut(n)
	for i := range want {
		if s.find(&want[i]) != nil {
			continue
		}
		s.list = append(s.list, unitSocket{of: want[i], sock: proc.Socket{Fd: -1}})
		if bad := in.openSocket(u, &s.list[len(s.list)-1]); bad != nil {
			if s.cut(n); n == 0 {
				io.socks = nil
			}
			return bad
		}
	}
	return nil
}

// openSocket opens one.
func (in *Init) openSocket(u *graph.Unit, s *unitSocket) *refusal {
	l := &s.of
	var err error
	if l.Kind == graph.ListenUnix {
		uid, gid := -1, -1
		if l.User != "" {
			acc, err := proc.LookupUser(l.User)
			if err != nil {
				return &refusal{stage: "listen", text: l.String() + ": " + err.Error()}
			}
			uid, gid = int(acc.Uid), int(acc.Gid)
		}
		mode := l.Mode
		if mode < 0 {
			mode = 0o777 &^ u.Umask
		}
		s.sock, err = proc.ListenUnix(l.Path, uint32(mode), uid, gid)
	} else {
		end, early := endpoint(l), false
		if s.sock.Fd, early, err = proc.ListenInet(&end); early {
			in.logs.Say(MsgWarn, u.Name, ": listen ", l.String(), ": no interface has this address: connections come once one has")
		}
	}
	if err == nil {
		return nil
	}
	bad := &refusal{stage: "listen", text: l.String() + ": " + err.Error()}
	if errno, ok := err.(syscall.Errno); ok {
		if bad.errno = errno; errno == unix.EADDRINUSE && l.Kind != graph.ListenUnix {
			end := endpoint(l)
			if who := in.portHolder(graph.None, l.Addr.Port, &end); who != "" {
				bad.text += ": it is held by " + who
			}
		}
	}
	return bad
}

// giveSockets opens the unit's sockets, if nobody else has its ports, and gives
// them to its main process.
func (in *Init) giveSockets(id graph.ID, u *graph.Unit, spec *proc.Spec, env *environ) *refusal {
	if bad := in.takePorts(id, u); bad != nil {
		return bad
	}
	if bad := in.openSockets(id); bad != nil {
		return bad
	}
	return in.handOver(id, spec, env, in.passed(id))
}

// passed gives what the unit's main process gets from descriptor 3 on, in the
// order of its lines, and what it has in keeping.
func (in *Init) passed(id graph.ID) []passedFD {
	want, kept := in.world.Unit(id).Duties().Listen, in.stored(id)
	fds := make([]passedFD, len(want), len(want)+len(kept))
	for i := range want {
		fds[i].fd = in.units[id].socks.find(&want[i]).sock.Fd
		if fds[i].name = want[i].Name; fds[i].name == "" {
			fds[i].name = in.name(id)
		}
		proc.Plain(fds[i].fd)
	}
	return append(fds, kept...)
}

// closeSockets closes what the unit has open.
func (in *Init) closeSockets(id graph.ID) {
	if s := in.units[id].socks; s != nil {
		in.unopen(id)
		s.cut(0)
		in.units[id].socks = nil
	}
}

// closeAllSockets is the end of them: what follows takes no connection.
func (in *Init) closeAllSockets() {
	for id := range in.units {
		in.closeSockets(graph.ID(id))
	}
}

// restSockets closes the sockets of a unit that has come to rest: nothing is to
// start it again by itself.
func (in *Init) restSockets(id graph.ID) {
	if in.units[id].socks == nil {
		return
	}
	switch st := in.world.Status(id); st.State {
	case graph.Inactive, graph.Exited, graph.Failed:
		if !st.Restart {
			in.closeSockets(id)
		}
	}
}

// openForFirst opens the unit's sockets and waits for a first connection. It
// stays in the queue: the service takes it.
func (in *Init) openForFirst(id graph.ID) {
	in.unopen(id)
	bad := in.openSockets(id)
	if io := &in.units[id]; bad == nil && io.socks != nil {
		io.socks.polled = true
		for i := range io.socks.list {
			s := &io.socks.list[i]
			if err := in.poll.Add(s.sock.Fd, unix.EPOLLIN, tokSocket|uint64(id)); err != nil {
				bad = &refusal{stage: "listen", text: s.of.String() + ": cannot wait for a connection: " + err.Error()}
				break
			}
		}
	}
	if bad != nil {
		in.closeSockets(id)
		in.apply(graph.Event{Kind: graph.NoSockets, Unit: id, Text: bad.words()})
	}
}

// unopen waits for no connection any more; the sockets stay.
func (in *Init) unopen(id graph.ID) {
	socks := in.units[id].socks
	if socks == nil || !socks.polled {
		return
	}
	socks.polled = false
	for i := range socks.list {
		in.poll.Remove(socks.list[i].sock.Fd)
	}
}

// connected tells the world of a first connection.
func (in *Init) connected(id graph.ID) {
	if socks := in.units[id].socks; socks == nil || !socks.polled {
		return // earlier in this turn
	}
	in.unopen(id)
	in.apply(graph.Event{Kind: graph.Connected, Unit: id})
}

// countUse looks whether anybody uses the unit's sockets.
func (in *Init) countUse(id graph.ID) {
	ev := graph.Event{Kind: graph.Counted, Unit: id, Code: 1}
	if socks := in.units[id].socks; socks != nil {
		ends := make([]proc.Endpoint, len(socks.list))
		for i := range socks.list {
			ends[i] = endpoint(&socks.list[i].of)
		}
		if !proc.InUse(ends) {
			ev.Code = 0
		}
	}
	in.apply(ev)
}

// socketOwner gives the unit, other than one, that has a socket with this inode.
func (in *Init) socketOwner(inode uint64) graph.ID {
	for id := range in.units {
		socks := in.units[id].socks
		if socks == nil {
			continue
		}
		for i := range socks.list {
			if proc.Inode(socks.list[i].sock.Fd) == inode {
				return graph.ID(id)
			}
		}
	}
	return graph.None
}
