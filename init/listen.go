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

// close closes it and takes its file away.
func (s *unitSocket) close() { s.sock.Close() }

// openSockets makes the unit's sockets those that its lines ask for now. Those
// that are open stay so. When one cannot be opened the new ones are closed
// again: nobody is to wait at a service that does not start.
func (in *Init) openSockets(id graph.ID) *refusal {
	u := in.world.Unit(id)
	want := u.Duties().Listen
	io := &in.units[id]
	if len(want) == 0 {
		in.closeSockets(id)
		return nil
	}
	old := io.socks
	if old == nil {
		old = &sockets{}
	}
	list := make([]unitSocket, len(want))
	kept := make([]bool, len(want))
	for i := range want {
		list[i] = unitSocket{of: want[i], sock: proc.Socket{Fd: -1}}
	}
	for k := range old.list { // those that go first: their addresses may be asked for again
		s := &old.list[k]
		i := place(want, &s.of)
		if i < 0 || s.lost() {
			s.close()
			continue
		}
		list[i].sock, kept[i] = s.sock, true
	}
	io.socks = &sockets{list: list}
	for i := range list {
		if kept[i] {
			continue
		}
		if bad := in.openSocket(u, &list[i]); bad != nil {
			in.keepOnly(id, kept)
			return bad
		}
	}
	return nil
}

// place gives which of the lines a socket will do for, or -1.
func place(want []graph.Listen, l *graph.Listen) int {
	for i := range want {
		if same(&want[i], l) {
			return i
		}
	}
	return -1
}

// keepOnly closes the sockets that are not among the kept.
func (in *Init) keepOnly(id graph.ID, kept []bool) {
	io := &in.units[id]
	var rest []unitSocket
	for i := range io.socks.list {
		if s := &io.socks.list[i]; kept[i] {
			rest = append(rest, *s)
		} else {
			s.close()
		}
	}
	if io.socks.list = rest; len(rest) == 0 {
		io.socks = nil
	}
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
			if who := in.portHolder(graph.None, l.Addr.Port); who != "" {
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

// passed gives what the unit's main process gets from descriptor 3 on.
func (in *Init) passed(id graph.ID) []passedFD {
	socks := in.units[id].socks
	if socks == nil {
		return nil
	}
	fds := make([]passedFD, len(socks.list))
	for i := range socks.list {
		s := &socks.list[i]
		proc.Plain(s.sock.Fd)
		fds[i] = passedFD{s.sock.Fd, s.of.Name}
		if s.of.Name == "" {
			fds[i].name = in.name(id)
		}
	}
	return fds
}

// closeSockets closes what the unit has open.
func (in *Init) closeSockets(id graph.ID) {
	io := &in.units[id]
	if io.socks == nil {
		return
	}
	in.unopen(id)
	for i := range io.socks.list {
		io.socks.list[i].close()
	}
	io.socks = nil
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

// listenTexts are the unit's sockets as they are written.
func listenTexts(u *graph.Unit) []string {
	list := u.Duties().Listen
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = list[i].String()
	}
	return texts
}
