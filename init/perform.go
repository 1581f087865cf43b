package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// apply gives the world an event and does what it asks for. Events that come up
// on the way wait their turn, so that the world is never entered twice.
func (in *Init) apply(ev graph.Event) {
	in.queue = append(in.queue, ev)
	in.drain()
}

func (in *Init) drain() {
	if in.busy {
		return
	}
	in.busy = true
	if in.bugs.degraded {
		in.keepEvents()
	}
	w := &in.work
	for w.at = 0; w.at < len(in.queue); w.at++ {
		if injecting {
			in.injectEvent(&in.queue[w.at])
		}
		w.event, w.applying = true, true
		w.effects = in.world.Apply(in.now, in.queue[w.at])
		w.applying = false
		for w.next < len(w.effects) {
			e := &w.effects[w.next]
			w.next++
			if injecting {
				in.inject("perform", e.Kind.String(), e.Unit)
			}
			in.perform(e)
		}
		w.next++ // none is being performed
		if injecting {
			in.inject("settle", in.queue[w.at].Kind.String(), graph.None)
		}
		in.server.settle(w.effects)
		w.event, w.effects, w.next = false, nil, 0
	}
	if clear(in.queue); cap(in.queue) > keepEvents {
		in.queue = nil
	}
	in.queue = in.queue[:0]
	w.at, in.busy = 0, false
}

// late reports whether the turn has had its time for spawns.
func (in *Init) late() bool { return graph.Instant(proc.Now()) > in.now+spawnBudget }

// catchUp makes the processes that had to wait, at least one a turn, so that
// 10,000 units that start at once neither keep the init from its other work nor
// hold the descriptors of those that have ended meanwhile. Checks come first:
// their time runs, and a boot must not make services look sick.
func (in *Init) catchUp() {
	if in.bugs.degraded {
		return
	}
	in.spawnSome(&in.checks)
	in.spawnSome(&in.spawns)
	in.again = in.again || len(in.spawns)+len(in.checks) > 0
}

func (in *Init) spawnSome(list *[]graph.Effect) {
	for n := 0; len(*list) > 0 && (n == 0 || !in.late()); n++ {
		e := (*list)[0]
		if *list = (*list)[1:]; len(*list) == 0 {
			*list = nil
		}
		in.busy, in.work.spawn = true, &e
		switch {
		case e.Kind == graph.Spawn:
			in.spawn(&e)
		case in.wanted(&e):
			in.perform(&e)
		}
		in.busy, in.work.spawn = false, nil
		in.drain()
	}
}

// wanted reports whether the unit still waits for what a re-exec has to begin again.
func (in *Init) wanted(e *graph.Effect) bool {
	st := in.world.Status(e.Unit)
	switch e.Kind {
	case graph.Check:
		return st.Phase == graph.PhaseCheck
	case graph.Ask, graph.Open:
		return st.State == graph.Waiting
	}
	return e.Gen == st.Probe
}

// perform does one thing that the world asks for.
func (in *Init) perform(e *graph.Effect) {
	switch e.Kind {
	case graph.Spawn:
		list := &in.spawns
		if e.Role == graph.RoleHealth {
			list = &in.checks
		}
		if len(*list) > 0 || in.late() {
			*list = append(*list, *e)
			in.again = true
			return
		}
		in.spawn(e)
	case graph.Check:
		in.check(e.Unit)
	case graph.Kill:
		in.signal(e)
	case graph.Changed:
		in.changed(e)
	case graph.Also:
		in.also = append(in.also, e.Unit)
	case graph.StuckAt:
		in.logs.Say(MsgWarn, in.name(e.Unit), ": pid ", strconv.Itoa(int(e.Pid)),
			" does not end after KILL: it hangs in the kernel")
	case graph.Escalate:
		in.escalate(e)
	case graph.End:
		in.endNow(*e.Halt)
	case graph.Joined:
		in.joined(e.Unit)
	case graph.Replaced:
		in.replaced(e.Unit)
	case graph.Left:
		in.left(e.Unit)
	case graph.Ask:
		in.ask(e.Unit)
	case graph.Unask:
		in.unask(e.Unit)
	case graph.Open:
		in.openForFirst(e.Unit)
	case graph.Unopen:
		in.unopen(e.Unit)
	case graph.Count:
		in.countUse(e.Unit)
	case graph.Probe:
		in.probe(e)
	case graph.Unprobe:
		in.unprobe(e)
		in.unlook(e)
	case graph.Renewed:
		in.renewed(e)
	case graph.Look:
		in.look(e)
	case graph.Adopt:
		in.adoptMain(e)
	case graph.Strew:
		in.strew(e.Unit)
	case graph.Trouble:
		in.logs.Say(MsgWarn, in.name(e.Unit), ": ", e.Text)
	}
}

func (in *Init) name(id graph.ID) string { return in.world.Unit(id).Name }

// signal sends a stop schedule's signal. The pid is ours until it is reaped,
// so the signal cannot hit a stranger.
func (in *Init) signal(e *graph.Effect) {
	p := in.procs[int(e.Pid)]
	if p == nil || p.gen != e.Gen {
		return
	}
	if e.All && in.signalCgroup(e.Unit, int(e.Sig), int(e.Pid)) && e.Sig != int16(unix.SIGKILL) {
		return
	}
	// A KILL goes to the group too: whoever has moved itself to another cgroup.
	if p.adopted && in.signalAdopted(p, e) || e.Group && proc.KillGroup(int(e.Pid), int(e.Sig)) == nil {
		return
	}
	// The child has not made its group yet, or the unit asks for the process alone.
	proc.Kill(int(e.Pid), int(e.Sig))
}

// changed tells of a transition: in the log, and to those who listen.
func (in *Init) changed(e *graph.Effect) {
	in.server.event(e)
	in.booted.changed()
	name := in.name(e.Unit)
	if in.rescuing && name == rescueName {
		switch e.To {
		case graph.Exited, graph.Failed, graph.Inactive:
			in.rescuing = false
			in.booted.begin()
			in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
		}
	}
	reason := in.reasonText(e.Unit, e.Reason) + in.lastCheck(e)
	switch e.To {
	case graph.Starting:
		in.freshStart(e.Unit)
	case graph.Inactive, graph.Waiting, graph.Exited, graph.Failed:
		in.restLog(e.Unit)
		in.restCgroup(e.Unit, true)
		in.restSockets(e.Unit)
		in.forgetStored(e.Unit)
	case graph.Backoff:
		in.restCgroup(e.Unit, false)
	case graph.Stopping:
		if e.Reason.Kind == graph.ReasonTimeout && in.world.Unit(e.Unit).Kind == graph.Service {
			in.sayLate(e.Unit, name)
		}
	}
	if e.From == graph.Starting && e.To != graph.Stopping && e.Reason.Kind == graph.ReasonTimeout {
		in.sayLate(e.Unit, name) // of a daemon that nothing is known of
	}
	level := MsgInfo
	text := e.To.String()
	switch e.To {
	case graph.Failed:
		level = MsgWarn
	case graph.Backoff:
		level = MsgWarn
		st := in.world.Status(e.Unit)
		if text = "ended"; e.Reason.Kind == graph.ReasonUnready {
			text, reason = "ended before it was ready", e.Reason.Text
		}
		if st.State != graph.Backoff { // without a delay it has begun, and Due is of the start
			st.Due = in.now
		}
		reason += "; next try in " + spanText(int64(st.Due-in.now))
	case graph.Waiting:
		if level = MsgDebug; e.Reason.FailedRun() {
			level, text = MsgWarn, "its run ended"
			st := in.world.Status(e.Unit)
			reason += "; next run in " + spanText(int64(st.Due-in.now))
		}
	case graph.Starting, graph.Blocked, graph.Stopping:
		level = MsgDebug
	case graph.Inactive:
		text = "stopped"
		if e.From != graph.Stopping && e.From != graph.Running {
			level = MsgDebug
		}
	}
	if reason == "" {
		in.logs.Say(level, name, ": ", text)
		return
	}
	in.logs.Say(level, name, ": ", text, ": ", reason)
}

// reasonText gives the reason of a state; of a KILL, whether it was the kernel's
// for want of memory.
func (in *Init) reasonText(id graph.ID, r graph.Reason) string {
	text := in.world.ReasonText(r)
	if r.Kind == graph.ReasonSignal && in.units[id].cgroup&cgroupOOM != 0 {
		text += " (out of memory)"
	}
	return text
}

// spanText gives nanoseconds for people.
func spanText(ns int64) string {
	ms := max(ns, 0) / 1e6
	if ms < 1000 {
		return strconv.FormatInt(ms, 10) + "ms"
	}
	if ms < 10000 && ms%1000 != 0 {
		return strconv.FormatInt(ms/1000, 10) + "." + strconv.FormatInt(ms%1000/100, 10) + "s"
	}
	return strconv.FormatInt(ms/1000, 10) + "s"
}
