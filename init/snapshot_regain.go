package pid1

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// attachUnits takes all of savedUnits over. What the world is to be told waits in the
// queue. A bug that one unit or process shows must not cost the others.
func attachUnits(in *Init, s *saved) {
	in.busy = true
	defer func() { in.busy = false }()
	for id := range min(len(s.units), len(in.units)) {
		in.guarded(func() { in.attachUnit(s, graph.ID(id)) })
	}
	for i := range s.asks {
		in.guarded(func() { in.attachAsk(s, &s.asks[i]) })
	}
	in.ports = s.ports
	in.keeping.full = s.whole.full
	in.guarded(func() { in.attachGroups(s) })
	in.clocks.boot, in.clocks.wall = s.worldIn.Saved().Boot, s.worldIn.Saved().Wall
	in.guarded(in.findTimed)
	for i := range s.procs {
		in.guarded(func() { in.takeBack(s, s.procs[i]) })
	}
	for i := range s.spawns {
		list := &in.spawns
		if s.spawns[i].Role == graph.RoleHealth {
			list = &in.checks
		}
		*list = append(*list, s.spawns[i])
	}
	in.goOn(s)
	in.signaled = true
}

// took takes a descriptor of a unit over and waits for it; without a token it is only
// kept. If that cannot be the unit goes on as if its other side had ended.
func (in *Init) took(s *saved, id graph.ID, what string, fd int32, kind uint32, token uint64) bool {
	if token != 0 && in.claimPolled(s, int(fd), kind, token|uint64(id)) || token == 0 && s.claim(int(fd), kind) {
		return true
	}
	in.logs.Say(MsgWarn, "re-exec: ", in.name(id), ": its ", what, " is lost")
	return false
}

func (in *Init) attachUnit(s *saved, id graph.ID) {
	u, io := &s.units[id], &in.units[id]
	u.log, u.pipeR, u.pipeW = io.log, io.pipeR, io.pipeW
	*io = *u
	if io.notify > 0 && !in.took(s, id, "notify socket", io.notify, unix.S_IFSOCK, tokNotify) {
		io.notify = 0
	}
	if io.ready > 0 && !in.took(s, id, "ready pipe", io.ready, unix.S_IFIFO, tokReady) {
		io.ready = 0
	}
	if in.world.Unit(id).Duties().Health == nil {
		io.health = nil
	}
	if io.said != nil {
		in.attachStored(s, id, io.said)
	}
	if io.socks != nil {
		in.attachSockets(s, id, io)
	}
}

// attachStored takes over what the unit has in keeping. What kind of file it is nobody
// asks: its server could hold the init up.
func (in *Init) attachStored(s *saved, id graph.ID, w *said) {
	list := w.store
	w.store = list[:0]
	for _, one := range list {
		if !in.took(s, id, "descriptor "+one.name, int32(one.fd), 0, 0) {
			continue
		}
		one.polled = one.polled && in.poll.Add(one.fd, 0, tokStored|uint64(id)<<32|uint64(one.fd)) == nil
		w.store = append(w.store, one)
		in.keeping.count++
	}
}

// attachSockets takes those over that are what they were: bound to their path.
func (in *Init) attachSockets(s *saved, id graph.ID, io *unitIO) {
	socks, token := io.socks, uint64(0)
	if socks.polled {
		token = tokSocket
	}
	list := socks.list
	socks.list = list[:0]
	for _, one := range list {
		if one.of.Kind == graph.ListenUnix && proc.SocketName(one.sock.Fd) != one.of.Path {
			one.sock.Fd = 0 // another's
		}
		if in.took(s, id, "socket "+one.of.String(), int32(one.sock.Fd), unix.S_IFSOCK, token) {
			socks.list = append(socks.list, one)
		}
	}
	if len(socks.list) == 0 {
		io.socks = nil
	}
}

// attachAsk goes on waiting for a key; the question stands there.
func (in *Init) attachAsk(s *saved, a *savedAsk) {
	if a.mute != "" {
		in.mute[a.id] = a.mute
	}
	if a.fd > 0 && in.took(s, a.id, "terminal", int32(a.fd), unix.S_IFCHR, tokAsk) {
		in.asks[a.id] = proc.KeptAsking(a.fd, a.old)
	}
}

// attachGroups takes the init's own cgroup over: its place must not be looked for
// from the leaf in which the init is by now, and its lock is one of the descriptor.
func (in *Init) attachGroups(s *saved) {
	w := &s.whole
	in.cgroups = cgroups{tried: w.tried, at: w.at}
	if !w.looked {
		return
	}
	if g := &w.groups; g.Lock > 0 && !s.claim(g.Lock, unix.S_IFDIR) {
		g.Lock = -1
		in.logs.Say(MsgWarn, "re-exec: the lock of ", g.Own, " is lost: another init could take it for its own")
	}
	in.cgroups.own = w.groups.Cgroups()
}

// dropPart is what is to be closed, by a child: what services gave and was dropped,
// and what children of the image before were about to close when it was executed,
// which they do for themselves alone from then on. It comes last: a number among the
// latter may be another descriptor's by now.
var dropPart = savedPart{
	put: func(in *Init, k *keeper) {
		var known claims
		for _, fd := range k.fds {
			known.note(fd)
		}
		fds := slices.Clone(in.keeping.dropped)
		for _, p := range in.procs {
			fds = append(fds, p.fds...)
		}
		ascend(fds)
		for _, fd := range fds {
			if flagsOf(fd) >= 0 && known.note(fd) {
				k.Put("dropped", func(f *state.Fields) { state.Int(f, "fd", &fd) })
				k.fd(fd)
			}
		}
	},
	kinds: []savedKind{{"dropped", func(s *saved, r *state.Record) error {
		fd := 0
		err := r.Load(func(f *state.Fields) { state.Int(f, "fd", &fd) })
		wrong := s.wrongFD(max(fd, 1)) // 0 is none
		if s.drops = append(s.drops, fd); len(s.drops) > maxDrops {
			wrong = "more than " + strconv.Itoa(maxDrops)
		}
		if err == nil && wrong != "" {
			err = r.Wrong(wrong)
		}
		return err
	}}},
	attach: func(in *Init, s *saved) {
		for _, fd := range s.drops {
			// It may have been closed after all, and the number be that of what this
			// image has opened for itself, which is closed by an exec already.
			if flagsOf(fd)&unix.FD_CLOEXEC == 0 && s.claim(fd, 0) {
				in.keeping.count++
				in.drop(fd)
			}
		}
	},
}

// maxDrops bounds what is to be closed: what is kept, dropped, and in the hands of
// children.
const maxDrops = 4 * storeAll
