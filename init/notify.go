package pid1

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// Bounds of what services say.
const (
	notifyBudget  = 64                  // datagrams taken from one unit in a turn
	lookBudget    = 64                  // senders looked up in a turn, of all units
	maxNote       = 4096                // bytes of one; a longer one is dropped
	maxStale      = 4096                // datagrams of an earlier incarnation that are dropped
	maxStatus     = 256                 // bytes of STATUS=
	maxExtendUsec = 7 * 24 * 3600 * 1e6 // of EXTEND_TIMEOUT_USEC; the world takes less
	maxErrno      = 4095                // MAX_ERRNO (linux/err.h)
)

// said is what is known of a unit by its own word, or by the looks at what it
// was to leave; most units have none.
type said struct {
	errno  int           // ERRNO=
	error  string        // why the last look did not find it ready
	stale  string        // of a pid file that was there before the start: fileMark
	fed    graph.Instant // of the last WATCHDOG=1
	warned bool          // something was refused: that was said
	full   bool          // and so was it that the store takes no more
	former []int32       // the main processes that another one has followed
	looker int           // the child of the last look at a far path
	store  []storedFD
}

// word gives a unit's said, made if need be.
func (in *Init) word(id graph.ID) *said {
	u := &in.units[id]
	if u.said == nil {
		u.said = &said{}
	}
	return u.said
}

// unheard forgets what the incarnation before has said, but not what it has
// stored.
func (u *unitIO) unheard() {
	switch s := u.said; {
	case s == nil:
	case len(s.store) == 0:
		u.said = nil
	default:
		*s = said{store: s.store, full: s.full}
	}
}

// freshMain prepares for a new main process of a unit.
func (in *Init) freshMain(u *graph.Unit, id graph.ID) {
	in.units[id].unheard()
	in.units[id].starter = 0
	in.seekReady(id)
	if u.Ready.Kind == graph.ReadyPidfile && !proc.OnNetworkOrFuse(u.Ready.Arg) {
		if text, st, err := proc.ReadOwned(u.Ready.Arg, maxPidFile); err == nil {
			in.word(id).stale = fileMark(text, &st)
		}
	}
}

// putSaid gives a client what a unit has said.
func (in *Init) putSaid(c *client, id graph.ID) {
	w := in.units[id].said
	if w == nil {
		return
	}
	if w.errno > 0 {
		c.put("errno", strconv.Itoa(w.errno)+" "+unix.ErrnoName(unix.Errno(w.errno)))
	}
	if w.error != "" {
		c.put("ready_error", w.error)
	}
	if len(w.store) > 0 {
		c.putInt("stored_fds", int64(len(w.store)))
	}
}

// notifySocket gives the unit's NOTIFY_SOCKET, an abstract name: it needs no
// writable place, and who writes is checked. Nobody knows it before it is bound.
func (in *Init) notifySocket(id graph.ID) (string, error) {
	u := &in.units[id]
	if u.notify > 0 && !in.emptied(u) {
		in.closeNotify(u)
	}
	if u.notify > 0 {
		return proc.SocketName(int(u.notify)), nil
	}
	name := "@mote/" + token(in.pid) + "/" + in.name(id)
	fd, err := proc.NewNotify(name)
	if err != nil {
		return "", err
	}
	if err := in.poll.Add(fd, unix.EPOLLIN, tokNotify|uint64(id)); err != nil {
		unix.Close(fd)
		return "", err
	}
	u.notify = int32(fd)
	return name, nil
}

// notifying gives the main process what sd_notify(3) and sd_watchdog_enabled(3)
// read of the environment.
func (in *Init) notifying(u *graph.Unit, id graph.ID, spec *proc.Spec, env *environ) error {
	env.unset("WATCHDOG_PID")
	watchdog := u.Duties().Watchdog
	if u.Ready.Kind != graph.ReadyNotify && watchdog == 0 {
		return nil
	}
	name, err := in.notifySocket(id)
	if err != nil {
		return err
	}
	env.set("NOTIFY_SOCKET", name)
	if watchdog > 0 {
		env.set("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
		spec.PidVars[1] = "WATCHDOG_PID"
	}
	return nil
}

// readNotify takes sd_notify(3) messages of a unit's own processes.
func (in *Init) readNotify(id graph.ID) {
	u := &in.units[id]
	own, stranger := 0, 0 // who was found to be so last: looking costs more than reading
	for i := 0; i < notifyBudget && u.notify > 0 && u.taker == 0; i++ {
		note, ok := proc.PeekNotify(int(u.notify), in.note[:])
		if !ok {
			return
		}
		heed := len(note.Text) > 0 && (note.Pid != stranger || stranger == 0)
		if heed && (note.Pid != own || u.main == 0) {
			if in.looks++; in.looks > lookBudget {
				break // a flood by many: the others' turn
			}
			if heed = in.ownSender(id, note.Pid, note.Uid); heed {
				own = note.Pid
			} else {
				stranger = note.Pid
			}
		}
		var m message
		if heed {
			m = parseMessage(note.Text)
		}
		var fds []int
		if wanted := m.store && note.Fds && in.room(id); note.Fds && !wanted {
			in.takeAside(id)
			i = notifyBudget
		} else {
			fds = proc.TakeNotify(int(u.notify), wanted)
		}
		if heed {
			in.heard(id, &m)
		}
		if m.store {
			in.store(id, &m, fds)
		}
	}
	in.again = u.notify > 0 && u.taker == 0 || in.again
}

// lastWords takes what a main process that has ended has still said, before its
// group is killed: that another one is in its place, perhaps. A daemon says so in
// its pid file, as one that has exec'd a new version of itself in a child does.
func (in *Init) lastWords(p *process) {
	if p.role != graph.RoleMain || p.unit == graph.None || p.former {
		return
	}
	if in.units[p.unit].notify > 0 {
		in.looks = 0
		in.readNotify(p.unit)
	}
	u, st := in.world.Unit(p.unit), in.world.Status(p.unit)
	if u.Ready.Kind != graph.ReadyPidfile || st.State != graph.Running || st.Gen != p.gen || proc.OnNetworkOrFuse(u.Ready.Arg) {
		return
	}
	if pid, bad := in.pidOf(p.unit, u); bad == "" && pid != int(st.Pid) {
		in.apply(graph.Event{Kind: graph.MainPid, Unit: p.unit, Gen: st.Gen, Pid: int32(pid)})
	}
}

// ownSender reports whether a message comes from the unit: from a process that
// the init knows as the unit's, from its session, or from below its main
// process. A sender that is gone is known by its user alone: the unit's own, or
// root, who could as well trace the service and make it speak.
func (in *Init) ownSender(id graph.ID, pid int, uid uint32) bool {
	own, gone := in.ownProcess(id, pid)
	return own || gone && (uid == 0 || uid == in.units[id].uid)
}

func (in *Init) ownProcess(id graph.ID, pid int) (own, gone bool) {
	u := &in.units[id]
	if u.main == 0 || pid <= 0 {
		return false, false
	}
	if p := in.procs[pid]; p != nil {
		return p.unit == id, false
	}
	if pid == int(u.main) {
		return true, false
	}
	sid, err := unix.Getsid(pid)
	if err != nil {
		return false, true
	}
	return sid == int(u.sid) && sid > 1 || proc.Descends(pid, int(u.main)), false
}

// message is a datagram of sd_notify(3), taken apart. Of an assignment that comes
// twice the last counts; what is not known is passed over, and so are BUSERROR=
// and BARRIER=1, whose descriptor is closed by not being received.
type message struct {
	ready, renewing, leaving, fed, starved bool
	store, remove, unpolled, hasStatus     bool
	status, name                           []byte
	mainPid, errno                         int64 // -1 is none, 0 is no number
	extend                                 int64 // us, as errno
}

func parseMessage(text []byte) message {
	m := message{mainPid: -1, errno: -1, extend: -1}
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		key, value, ok := bytes.Cut(dropCR(line), []byte("="))
		if !ok {
			continue
		}
		yes := string(value) == "1"
		switch string(key) {
		case "READY":
			m.ready = yes
		case "RELOADING":
			m.renewing = yes
		case "STOPPING":
			m.leaving = yes
		case "STATUS":
			m.status, m.hasStatus = value, true
		case "ERRNO":
			m.errno = numberOf(value, maxErrno)
		case "MAINPID":
			m.mainPid = numberOf(value, 1<<30)
		case "EXTEND_TIMEOUT_USEC":
			m.extend = numberOf(value, maxExtendUsec)
		case "WATCHDOG":
			m.fed, m.starved = yes, string(value) == "trigger"
		case "FDSTORE":
			m.store = yes
		case "FDSTOREREMOVE":
			m.remove = yes
		case "FDNAME":
			m.name = value
		case "FDPOLL":
			m.unpolled = string(value) == "0"
		}
	}
	return m
}

// numberOf reads a decimal number, at most limit; 0 for anything else.
func numberOf(b []byte, limit int64) int64 {
	if len(b) == 0 || len(b) > 20 {
		return 0
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0
		}
		n = min(10*n+int64(c-'0'), limit)
	}
	return n
}

// heard tells the world what a service has said. One that says the same again
// and again costs the reading and no more.
func (in *Init) heard(id graph.ID, m *message) {
	st := in.world.Status(id)
	tell := func(kind graph.EventKind) {
		in.apply(graph.Event{Kind: kind, Unit: id, Gen: in.world.Status(id).Gen})
	}
	if m.mainPid >= 0 && m.mainPid != int64(st.Pid) {
		in.claimed(id, int(m.mainPid))
	}
	if m.renewing && !st.Reloading {
		tell(graph.Renewing)
	}
	if m.ready && (st.Reloading || m.renewing || st.State == graph.Starting && in.world.Unit(id).Ready.Kind == graph.ReadyNotify) {
		tell(graph.BecameReady)
	}
	if m.hasStatus && string(m.status[:min(len(m.status), maxStatus)]) != st.Text {
		in.apply(graph.Event{Kind: graph.StatusSet, Unit: id, Gen: in.world.Status(id).Gen,
			Text: string(m.status[:min(len(m.status), maxStatus)])})
	}
	if m.errno >= 0 {
		in.word(id).errno = int(m.errno)
	}
	if m.extend > 0 {
		in.apply(graph.Event{Kind: graph.Extended, Unit: id, Gen: in.world.Status(id).Gen, Wait: graph.Instant(m.extend * 1000)})
	}
	if m.fed && in.world.Unit(id).Duties().Watchdog > 0 {
		if w := in.word(id); w.fed != in.now { // once a turn
			w.fed = in.now
			tell(graph.Fed)
		}
	}
	if m.starved {
		tell(graph.Starved)
	}
	if m.leaving {
		tell(graph.Leaving)
	}
	if m.remove {
		in.unstore(id, string(m.name))
	}
}

// claimed takes MAINPID=.
func (in *Init) claimed(id graph.ID, pid int) {
	u := &in.units[id]
	if p := in.procs[int(u.main)]; p != nil {
		in.readResult(int(u.main)) // whoever speaks of another one has been exec'd
	}
	bad := ""
	p := in.procs[pid]
	own, gone := in.ownProcess(id, pid)
	if !own && p == nil { // its parent is gone: it is the init's, and no other's
		ours, _, _ := proc.ChildState(pid)
		uid, known := proc.UserOf(pid)
		own = ours && (u.uid == 0 || known && uid == u.uid)
	}
	switch {
	case pid <= 1:
		bad = "that is no process of its own"
	case pid == in.pid:
		bad = "that is the init"
	case p != nil && (p.unit != id || p.role != graph.RoleMain):
		bad = "that is another one's process"
	case gone || !proc.Alive(pid):
		bad = "there is no such process"
	case !own:
		bad = "that is not one of its processes"
	}
	if bad == "" {
		in.apply(graph.Event{Kind: graph.MainPid, Unit: id, Gen: in.world.Status(id).Gen, Pid: int32(pid)})
		return
	}
	if w := in.word(id); !w.warned {
		w.warned = true
		in.logs.Say(MsgWarn, in.name(id), ": MAINPID=", strconv.Itoa(pid), ": ", bad, ": the main process stays ", strconv.Itoa(int(u.main)))
	}
}
