package pid1

import (
	"strconv"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// savedUnits is what the loop keeps for units, and their processes.
type savedUnits struct {
	units  []unitIO // by graph.ID, without what is the log's
	asks   []savedAsk
	ports  []portUser
	procs  []savedProc
	spawns []graph.Effect
	gens   map[uint64]bool // that have a process, or are to have one
	whole  savedWhole
	drops  []int
}

// savedAsk is a terminal on which a key is waited for, or that cannot be asked on.
type savedAsk struct {
	id   graph.ID
	fd   int // 0 = nothing is asked
	old  []byte
	mute string
}

// savedWhole is what there is once.
type savedWhole struct {
	full   bool // of keeping
	tried  bool // of cgroups
	at     graph.Instant
	looked bool // the groups were looked for
	groups proc.KeptCgroups
}

var unitsPart = savedPart{
	put: putUnits, attach: attachUnits,
	kinds: []savedKind{{"io", takeUnit}, {"said", takeUnit}, {"health", takeUnit}, {"socket", takeUnit}, {"stored", takeUnit},
		{"asking", takeUnit}, {"port", takeUnit}, {"loop", takeLoop}, {"process", takeProc}, {"spawn", takeSpawn}},
}

func (u *unitIO) fields(f *state.Fields) {
	state.Int(f, "notify", &u.notify)
	state.Int(f, "ready", &u.ready)
	state.Int(f, "ready-gen", &u.gen)
	f.Bool("fed", &u.fed)
	state.Int(f, "uid", &u.uid)
	state.Int(f, "sid", &u.sid)
	state.Int(f, "starter", &u.starter)
	state.Int(f, "cgroup", &u.cgroup)
	state.Int(f, "removals", &u.removals)
	state.Int(f, "oom-seen", &u.oomSeen)
	state.Int(f, "oom-kills", &u.oomKills)
}

func (w *said) fields(f *state.Fields) {
	state.Int(f, "errno", &w.errno)
	f.Text("error", &w.error)
	f.Text("stale", &w.stale)
	state.Int(f, "fed", &w.fed)
	f.Bool("warned", &w.warned)
	f.Bool("full", &w.full)
}

func (h *health) fields(f *state.Fields) {
	state.Int(f, "gen", &h.gen)
	state.Int(f, "began", &h.began)
	state.Int(f, "at", &h.at)
	state.Int(f, "took", &h.took)
	state.Int(f, "row", &h.row)
	f.Bool("blind", &h.blind)
	state.Int(f, "failed", &h.failed)
	f.Text("text", &h.text)
}

// fields of a socket have its line in full: a reload may have changed the unit's.
func (s *unitSocket) fields(f *state.Fields) {
	state.Int(f, "fd", &s.sock.Fd)
	state.Int(f, "dev", &s.sock.Dev)
	state.Int(f, "ino", &s.sock.Ino)
	l := &s.of
	state.Int(f, "kind", &l.Kind)
	state.Int(f, "mode", &l.Mode)
	f.Text("user", &l.User)
	f.Text("name", &l.Name)
	where, wrong := l.Path, ""
	if l.Kind != graph.ListenUnix && !f.Reading() {
		where = l.Addr.String()
	}
	if f.Text("at", &where); !f.Reading() {
		return
	}
	switch l.Kind {
	case graph.ListenUnix:
		if l.Path, s.sock.Path = where, where; where == "" || where[0] != '/' && where[0] != '@' {
			wrong = "is no path of a socket"
		}
	case graph.ListenTCP, graph.ListenUDP:
		l.Addr, wrong = graph.ParseAddr(where)
	default:
		wrong = "is of no kind that there is"
	}
	if wrong != "" {
		f.Fail(strconv.Quote(where) + " " + wrong)
	}
}

func (s *storedFD) fields(f *state.Fields) {
	state.Int(f, "fd", &s.fd)
	f.Text("name", &s.name)
	f.Bool("polled", &s.polled)
}

func (a *savedAsk) fields(f *state.Fields) {
	state.Int(f, "fd", &a.fd)
	f.Bytes("old", &a.old)
	f.Text("mute", &a.mute)
}

func (w *savedWhole) fields(f *state.Fields) {
	f.Bool("store-full", &w.full)
	f.Bool("groups-tried", &w.tried)
	state.Int(f, "groups-at", &w.at)
	f.Bool("groups", &w.looked)
	g := &w.groups
	state.Int(f, "mode", &g.Mode)
	f.Text("base", &g.Base)
	f.Text("why", &g.Why)
	f.Text("own", &g.Own)
	state.Int(f, "lock", &g.Lock)
	f.Bool("left", &g.Left)
	f.Bool("into", &g.Into)
}

func putUnits(in *Init, k *keeper) {
	for id := range in.units {
		in.putUnit(graph.ID(id), k)
	}
	for i := range in.ports {
		p := &in.ports[i]
		k.ofUnit("port", p.unit, func(f *state.Fields) { state.Int(f, "port", &p.port) })
	}
	w := savedWhole{full: in.keeping.full, tried: in.cgroups.tried, at: in.cgroups.at}
	if own := in.cgroups.own; own != nil {
		w.looked, w.groups = true, own.Keep()
		k.fd(w.groups.Lock)
	}
	k.Put("loop", w.fields)
	putProcs(in, k)
}

// ofUnit writes a record of a unit.
func (k *keeper) ofUnit(kind string, id graph.ID, visit func(*state.Fields)) {
	k.Put(kind, func(f *state.Fields) { state.Int(f, "unit", &id); visit(f) })
}

func (in *Init) putUnit(id graph.ID, k *keeper) {
	u := &in.units[id]
	io := *u
	io.log, io.pipeR, io.pipeW, io.said, io.socks, io.health = nil, 0, 0, nil, nil, nil
	io.main, io.renew, io.taker = 0, 0, 0 // they come with the processes
	if io != (unitIO{}) {
		k.ofUnit("io", id, io.fields)
		k.fd(int(u.notify))
		k.fd(int(u.ready))
	}
	if w := u.said; w != nil {
		k.ofUnit("said", id, w.fields)
		for i := range w.store {
			k.ofUnit("stored", id, w.store[i].fields)
			k.fd(w.store[i].fd)
		}
	}
	if h := u.health; h != nil {
		k.ofUnit("health", id, h.fields)
	}
	if s := u.socks; s != nil {
		for i := range s.list {
			one := &s.list[i]
			k.ofUnit("socket", id, func(f *state.Fields) { f.Bool("polled", &s.polled); one.fields(f) })
			k.fd(one.sock.Fd)
		}
	}
	a := savedAsk{mute: in.mute[id]}
	if asking := in.asks[id]; asking != nil {
		a.fd, a.old = asking.Keep()
		k.fd(a.fd)
	}
	if a.fd > 0 || a.mute != "" {
		k.ofUnit("asking", id, a.fields)
	}
}

// isUnit reports whether a record can name a unit so.
func (s *saved) isUnit(id graph.ID) bool { return id >= 0 && int(id) < s.world.Len() }

// wrongFD says that a number is none of a descriptor that was kept, or that another
// record has it; 0 is none.
func (s *saved) wrongFD(fds ...int) string {
	for _, fd := range fds {
		if fd != 0 && !s.named.note(fd) {
			return "descriptor " + strconv.Itoa(fd) + " cannot be one that was kept, or is there twice"
		}
	}
	return ""
}

// takeUnit reads a record of a unit.
func takeUnit(s *saved, r *state.Record) error {
	if s.units == nil {
		s.units = make([]unitIO, s.world.Len())
	}
	var id graph.ID
	return r.Load(func(f *state.Fields) {
		wrong := ""
		if state.Int(f, "unit", &id); s.isUnit(id) {
			wrong = s.takeOf(r.Kind, id, f)
		} else {
			wrong = "there is no unit " + strconv.Itoa(int(id))
		}
		if wrong != "" {
			f.Fail(wrong)
		}
	})
}

// takeOf reads the rest of it, and says what is wrong.
func (s *saved) takeOf(kind string, id graph.ID, f *state.Fields) (wrong string) {
	u, bad, last := &s.units[id], false, s.worldIn.Saved().Gen
	switch kind {
	case "io":
		u.fields(f)
		wrong = s.wrongFD(int(u.notify), int(u.ready))
		bad = u.gen > last || u.sid < 0 || u.starter < 0 || u.starter == 1 || u.cgroup >= cgroupOOM<<1 || u.removals > groupTries
	case "said":
		bad = u.said != nil
		u.said = &said{}
		u.said.fields(f)
		bad = bad || u.said.errno < 0 || u.said.errno > maxErrno
	case "stored":
		if u.said == nil {
			return "nothing that its unit has said stands before it"
		}
		var one storedFD
		one.fields(f)
		wrong = s.wrongFD(one.fd)
		bad = one.fd == 0 || !fdName(one.name) || len(u.said.store) >= storeUnit
		u.said.store = append(u.said.store, one)
	case "health":
		bad = u.health != nil
		u.health = &health{}
		u.health.fields(f)
		bad = bad || u.health.gen > last || u.health.row < 0
	case "socket":
		if u.socks == nil {
			u.socks = &sockets{}
		}
		var one unitSocket
		f.Bool("polled", &u.socks.polled)
		one.fields(f)
		wrong = s.wrongFD(one.sock.Fd)
		bad = one.sock.Fd == 0 || one.of.Mode < -1 || one.of.Mode > 0o7777 || one.of.Name != "" && !fdName(one.of.Name)
		u.socks.list = append(u.socks.list, one)
	case "asking":
		a := savedAsk{id: id}
		a.fields(f)
		wrong = s.wrongFD(a.fd)
		bad = a.fd != 0 && proc.KeptAsking(a.fd, a.old) == nil
		s.asks = append(s.asks, a)
	case "port":
		p := portUser{unit: id}
		state.Int(f, "port", &p.port)
		s.ports = append(s.ports, p)
	}
	if bad && wrong == "" {
		wrong = "it cannot be, or is there twice"
	}
	return wrong
}

func takeLoop(s *saved, r *state.Record) error {
	err := r.Load(s.whole.fields)
	wrong := s.wrongFD(s.whole.groups.Lock)
	if err == nil && !s.whole.groups.Valid() {
		wrong = "its cgroup cannot be one that it has made"
	}
	if err == nil && wrong != "" {
		return r.Wrong(wrong)
	}
	return err
}
