package pid1

import (
	"strconv"

	"mote/graph"
	"mote/proc"
)

// Bounds of what services give into keeping (sd_notify(3), FDSTORE).
const (
	storeUnit   = 64  // descriptors of one unit
	storeAll    = 512 // of all, and as many again whose close is not over
	maxFDName   = 255 // bytes of FDNAME
	maxClosers  = 8   // children that close what was dropped; one may hang
	defaultName = "stored"
)

// storedFD is one that a service has given into keeping.
type storedFD struct {
	passedFD
	polled bool // its end is waited for
}

// keeping is what the init keeps for all units.
type keeping struct {
	count   int // open ones, those to be closed too
	full    bool
	dropped []int // to be closed
	closers int
}

// store keeps the descriptors that came with FDSTORE=1. One that is kept already
// is not kept twice, so that a service may send all it has at each start.
func (in *Init) store(id graph.ID, m *message, fds []int) {
	w := in.word(id)
	name := string(m.name)
	if !fdName(name) {
		name = defaultName
	}
	k := &in.keeping
	for _, fd := range fds {
		k.count++
		how := proc.Keep(fd)
		switch {
		case w.holds(fd):
			in.drop(fd)
		case how == proc.KeptNot:
			in.drop(fd)
			if !w.warned {
				w.warned = true
				in.logs.Say(MsgWarn, in.name(id), ": FDSTORE: a file that is on a network or FUSE mount is not kept: its server could hold the init up")
			}
		case !in.room(id): // they came in one message
			in.drop(fd)
		default:
			s := storedFD{passedFD: passedFD{fd: fd, name: name}}
			s.polled = how == proc.KeptPoll && !m.unpolled && in.poll.Add(fd, 0, tokStored|uint64(id)<<32|uint64(fd)) == nil
			w.store = append(w.store, s)
		}
	}
}

// room reports whether the unit may give one more into keeping, and says once that
// it may not. Without room none is even received.
func (in *Init) room(id graph.ID) bool {
	w, k := in.word(id), &in.keeping
	most := in.storeLimit(id)
	unit, all := len(w.store) < most, k.count-len(k.dropped) <= storeAll && len(k.dropped) <= storeAll
	if !unit && !w.full {
		w.full = true
		in.logs.Say(MsgWarn, in.name(id), ": FDSTORE: ", strconv.Itoa(most),
			" descriptors are kept for it, which is the limit: take some out with FDSTOREREMOVE=1")
	}
	if unit && !all && !k.full {
		k.full = true
		in.logs.Say(MsgWarn, in.name(id), ": FDSTORE: ", strconv.Itoa(storeAll), " descriptors are kept for all units, which is the limit")
	}
	return unit && all
}

// storeLimit is how many descriptors can be kept for a unit: they and its sockets
// must be given back below that of "ready fd".
func (in *Init) storeLimit(id graph.ID) int {
	u := in.world.Unit(id)
	if u.Ready.Kind == graph.ReadyFD {
		return max(0, min(storeUnit, u.Ready.FD-firstFD-len(u.Duties().Listen)))
	}
	return storeUnit
}

// fdName reports whether FDNAME is one that LISTEN_FDNAMES can hold
// (sd_pid_notify_with_fds(3)).
func fdName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return name != "" && len(name) <= maxFDName
}

func (w *said) holds(fd int) bool {
	for i := range w.store {
		if proc.SameFile(w.store[i].fd, fd) {
			return true
		}
	}
	return false
}

// stored gives what a unit has in keeping, in the order in which it came.
func (in *Init) stored(id graph.ID) []passedFD {
	w := in.units[id].said
	if w == nil || len(w.store) == 0 {
		return nil
	}
	list := make([]passedFD, min(len(w.store), in.storeLimit(id)))
	for i := range list {
		list[i] = w.store[i].passedFD
	}
	return list
}

// unstore takes out what has the name.
func (in *Init) unstore(id graph.ID, name string) {
	in.dropIf(id, func(s *storedFD) bool { return s.name == name })
}

// storedEnd takes out one whose other end is gone: nobody can use it any more.
func (in *Init) storedEnd(id graph.ID, fd int) {
	in.dropIf(id, func(s *storedFD) bool { return s.fd == fd })
}

// dropStored takes all out: the unit has stopped for good.
func (in *Init) dropStored(id graph.ID) {
	in.dropIf(id, func(*storedFD) bool { return true })
}

func (in *Init) dropIf(id graph.ID, which func(*storedFD) bool) {
	w := in.units[id].said
	if w == nil {
		return
	}
	kept := w.store[:0]
	for i := range w.store {
		s := &w.store[i]
		if !which(s) {
			kept = append(kept, *s)
			continue
		}
		if s.polled {
			in.poll.Remove(s.fd)
		}
		in.drop(s.fd)
	}
	if len(kept) < len(w.store) {
		w.full, in.keeping.full = false, false
	}
	if w.store = kept; len(kept) == 0 {
		w.store = nil
	}
}

func (in *Init) drop(fd int) { in.keeping.dropped = append(in.keeping.dropped, fd) }

// closeDropped has what was dropped closed by a child; see proc.CloseAll. While
// many of these hang, or none can be made, what is dropped waits, and counts as
// kept.
func (in *Init) closeDropped() {
	k := &in.keeping
	if len(k.dropped) == 0 || k.closers >= maxClosers {
		return
	}
	pid, err := proc.CloseAll(k.dropped)
	if err != nil {
		return // there are too many processes: the next turn tries again
	}
	in.procs[pid] = &process{unit: graph.None, result: -1, helper: helpClose, fds: k.dropped}
	k.closers++
	k.dropped = nil
}

// forgetStored takes all out of keeping of a unit that has stopped for good.
func (in *Init) forgetStored(id graph.ID) {
	if w := in.units[id].said; w != nil && len(w.store) > 0 {
		if st := in.world.Status(id); !storing(&st) {
			in.dropStored(id)
		}
	}
}

// storing reports whether the unit will have use for what is kept: it is up, or
// starts again by itself.
func storing(st *graph.Status) bool {
	switch st.State {
	case graph.Exited, graph.Failed:
		return st.Restart
	case graph.Inactive:
		return st.Restart || st.Want
	}
	return true
}
