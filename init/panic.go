package pid1

import (
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// maxMends bounds how many panics in a row are mended before what is left of
// the events is given up.
const maxMends = 64

// work is what the loop has on its table: what a panic is the fault of, and
// what is then left to do.
type work struct {
	token  uint64        // of the descriptor that is ready; 0 = none
	client *client       // whose request or answer it is
	spawn  *graph.Effect // that had to wait for its turn

	at       int            // in queue
	event    bool           // that one is under way
	applying bool           // the world has it
	effects  []graph.Effect // what it wants done
	next     int            // of them; beyond them when all are performed

	dying proc.Exit // the child that is being reaped; Pid 0 = none
	dead  *process  // that it was, if it is known
	gone  bool      // it is off the kernel's table
	told  bool      // the world was told
}

// guarded does something of which a panic is survived, and said. It reports
// whether there was none.
func (in *Init) guarded(do func()) (whole bool) {
	defer func() {
		if bug := recover(); bug != nil {
			in.panicked(bug)
		}
	}()
	do()
	return true
}

// panicked tells what was wrong, and where: in the ring, and on a machine in the
// kernel's log too, which may be all that is left of it.
func (in *Init) panicked(bug any) {
	text := "panic"
	switch b := bug.(type) {
	case error:
		text = b.Error()
	case string:
		text = b
	}
	if b := &in.bugs; text == b.text && (b.degraded && in.now-b.said < bugSpan || in.now == b.said) {
		return // it comes again and again
	}
	in.bugs.text, in.bugs.said = text, in.now
	defer func() {
		if recover() != nil { // of the logs
			complain("bug: " + text)
		}
	}()
	var stack [4096]byte
	sinks := in.logs.ownSinks
	if in.role == Machine {
		in.logs.ownSinks |= toKmsg
	}
	in.logs.Say(MsgWarn, "bug: ", text, ": this init goes on as well as it can; please report:\n",
		string(stack[:runtime.Stack(stack[:], false)]))
	in.logs.ownSinks = sinks
}

// mend makes a whole of what a panic has left. What was not done yet of the
// event is done, each thing once; whose event it was is failed; and the events
// behind it have their turn. Each step may panic itself.
func (in *Init) mend() {
	left := 0
	for ; left < maxMends; left++ {
		w := in.work
		in.work, in.busy = work{}, false
		if in.guarded(func() { in.mendOnce(&w) }) && in.guarded(in.drain) {
			break
		}
	}
	if left == maxMends {
		in.logs.Say(MsgWarn, "bug: ", strconv.Itoa(len(in.queue)), " events are given up")
	}
	in.work, in.queue, in.busy = work{}, nil, false
	in.again, in.signaled = true, true // there may be more that was left
}

// mendOnce puts what is left to do into the queue, and does the rest of the effects.
func (in *Init) mendOnce(w *work) {
	ev := graph.Event{Kind: graph.Tick}
	rest := in.queue[min(w.at, len(in.queue)):]
	if w.event && len(rest) > 0 {
		ev, rest = rest[0], rest[1:]
	}
	in.queue, in.busy = nil, true // what comes up on the way waits behind these
	unit := graph.None
	in.guarded(func() { unit = in.guilty(w) })
	if unit != graph.None && ev.Kind != graph.Bug {
		in.queue = append(in.queue, graph.Event{Kind: graph.Bug, Unit: unit, Text: in.bugs.text})
	}
	in.queue = append(in.queue, rest...)
	switch {
	case !w.applying:
	case ev.Kind == graph.AskShutdown:
		in.guarded(func() { in.endNow(*ev.Halt) })
	case ev.Kind <= graph.SpawnFailed || ev.Kind == graph.Ended || ev.Kind == graph.Boot:
		in.queue = append(in.queue, ev) // it is so, and must be known; the others come first
	}
	in.guarded(func() { in.mendSpawn(w) })
	in.guarded(func() { in.mendReap(w) })
	if e := w.doing(); e != nil && e.Kind == graph.End {
		w.next-- // the world does not ask for it again, and it begins once
	}
	for i := w.next; i < len(w.effects); i++ {
		in.guarded(func() { in.perform(&w.effects[i]) })
	}
	in.guarded(func() { in.server.settle(w.effects) })
	in.guarded(func() { in.mendClient(w) })
	in.busy = false
}

// guilty gives the unit that the panic is the fault of, and undoes what the world
// has done of the event.
func (in *Init) guilty(w *work) graph.ID {
	unit := in.tokenUnit(w.token)
	switch {
	case w.applying:
		unit, _ = in.world.Recover()
	case w.spawning() != nil:
		unit = w.spawning().Unit
	case w.doing() != nil:
		unit = w.doing().Unit
	case w.dead != nil:
		unit = w.dead.unit
	}
	if int(unit) >= in.world.Len() {
		return graph.None
	}
	return unit
}

// doing gives the effect that is being performed, or nil.
func (w *work) doing() *graph.Effect {
	if at := w.next - 1; at >= 0 && at < len(w.effects) {
		return &w.effects[at]
	}
	return nil
}

// spawning gives the effect whose process was being made, or nil.
func (w *work) spawning() *graph.Effect {
	if e := w.doing(); e != nil && e.Kind == graph.Spawn {
		return e
	}
	return w.spawn
}

// tokenUnit gives the unit whose descriptor a token stands for.
func (in *Init) tokenUnit(token uint64) graph.ID {
	n := token &^ tokMask
	switch token & tokMask {
	case tokResult, tokStray:
		if p := in.procs[int(n)]; p != nil {
			return p.unit
		}
	case tokLog, tokNotify, tokReady, tokAsk, tokSocket:
		return graph.ID(n)
	case tokHealth:
		return graph.ID(uint32(n))
	case tokStored:
		return graph.ID(n >> 32)
	}
	return graph.None
}

// mendSpawn tells the world of a process whose making has panicked: it is there,
// or it never was.
func (in *Init) mendSpawn(w *work) {
	e := w.spawning()
	if e == nil {
		return
	}
	ev := graph.Event{Kind: graph.SpawnFailed, Unit: e.Unit, Gen: e.Gen, Text: "bug: " + in.bugs.text, Code: 1}
	for pid, p := range in.procs {
		if p.unit == e.Unit && p.gen == e.Gen {
			ev = graph.Event{Kind: graph.Spawned, Unit: e.Unit, Gen: e.Gen, Pid: int32(pid)}
		}
	}
	in.queue = append(in.queue, ev)
}

// mendReap ends the reaping of a child.
func (in *Init) mendReap(w *work) {
	pid, p := w.dying.Pid, w.dead
	if pid == 0 {
		return
	}
	if !w.gone {
		if p != nil {
			in.guarded(func() { in.leaveNone(p, pid) })
		}
		w.dying, _ = proc.Reap(pid)
	}
	delete(in.procs, pid)
	switch {
	case p == nil || p.former || w.told:
	case p.unit == graph.None:
		in.helperEnded(p, w.dying)
	default:
		if u := &in.units[p.unit]; p.role == graph.RoleMain {
			u.main, u.sid = 0, 0
		}
		in.queue = append(in.queue, in.endEvent(p, w.dying))
	}
}

// mendClient answers the client whose request has panicked, and ends it.
func (in *Init) mendClient(w *work) {
	c := w.client
	if c == nil && w.token&tokMask == tokClient {
		if n := int(w.token &^ tokMask); n < len(in.server.clients) {
			c = in.server.clients[n]
		}
	}
	if c == nil {
		return
	}
	c.wait, c.reply, c.feed, c.upgrade, c.in, c.seen, c.last = nil, reply{}, false, false, nil, 0, true
	in.server.fail(c, 1, "bug: "+in.bugs.text)
	in.server.flush(c)
}

// part does a part of a turn. In the degraded mode a panic in one of them keeps nobody
// from the others: there may be one in each turn, and the way out must stay open.
func (in *Init) part(do func()) {
	if !in.bugs.degraded {
		do()
	} else if !in.guarded(do) {
		in.guarded(in.mend)
		in.lastResort()
		in.rest()
	}
}

// What is done when the end panics again and again: an end that never comes is worse
// than one without its steps. The numbers are of panics, each with its rest.
const (
	endsWithoutSteps = 500  // 5 s at least
	rebootsAtOnce    = 6000 // a minute
)

// lastResort ends what cannot be ended in order.
func (in *Init) lastResort() {
	if in.end.stage == notEnding {
		return
	}
	in.bugs.ends++
	switch in.bugs.ends {
	case endsWithoutSteps:
		if in.role != Machine {
			proc.KillDescendants(int(unix.SIGKILL))
			unix.Exit(1)
		}
		proc.Child(proc.Op{Kind: proc.OpSync})
	case rebootsAtOnce:
		cmd := uint32(unix.LINUX_REBOOT_CMD_RESTART)
		switch in.end.halt.Kind {
		case graph.HaltPoweroff:
			cmd = unix.LINUX_REBOOT_CMD_POWER_OFF
		case graph.HaltHalt:
			cmd = unix.LINUX_REBOOT_CMD_HALT
		}
		proc.Child(proc.Op{Kind: proc.OpReboot, Cmd: int(int32(cmd))})
	}
}

// rest keeps a panic in each turn from taking the processor.
func (in *Init) rest() { unix.Nanosleep(&unix.Timespec{Nsec: 10e6}, nil) }

// afterPanic goes on after a turn that has panicked: as a new image of the same
// program with the state as it is now, or, where that cannot be, in place.
func (in *Init) afterPanic() {
	in.guarded(in.mend)
	in.guarded(in.countBug)
	if !in.bugs.degraded {
		in.guarded(in.upgrade.renew)
	}
	in.rest()
}
