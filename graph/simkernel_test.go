package graph

import (
	"encoding/binary"
	"slices"
)

// apply gives the world an event, performs what it asks for, and checks.
func (m *sim) apply(ev Event) {
	if m.failed != "" {
		return
	}
	m.events++
	if m.tell {
		m.note("> " + ev.Kind.String() + " " + m.w.name(ev.Unit) + " gen " + itoa(int(ev.Gen)) + " code " + itoa(int(ev.Code)) + " sig " + itoa(int(ev.Sig)) + " " + ev.Text + " " + m.names(ev.IDs))
	}
	m.ending = m.w.Ending().Kind != HaltNone
	m.parked = slices.Contains(m.states, Waiting)
	for id := range m.before {
		m.before[id] = m.w.going(&m.w.nodes[id])
		m.forms[id] = m.w.nodes[id].unit
	}
	m.modelBefore(&ev)
	effects := m.give(ev)
	m.mixed = ev.Kind == Tick || !m.ending && m.w.Ending().Kind != HaltNone && ev.Kind != AskShutdown
	for i := range effects {
		e := &effects[i]
		m.note("  " + effectText(m.w, e))
		var b [24]byte
		binary.LittleEndian.PutUint64(b[:], e.Gen)
		binary.LittleEndian.PutUint64(b[8:], uint64(e.Kind)<<32|uint64(uint32(e.Unit)))
		binary.LittleEndian.PutUint64(b[16:], uint64(e.Sig)<<32|uint64(e.From)<<16|uint64(e.To)<<8|uint64(e.Role))
		m.sum.Write(b[:])
		m.checkEffect(effects, i)
		m.modelEffect(e)
		m.perform(e)
	}
	m.modelAfter(&ev)
	m.check()
	m.answerWaits(effects)
}

// give applies an event: to a world that was saved and loaded a moment ago, now
// and then, and after it was broken half-way and recovered. Nothing of it may
// show in what follows.
func (m *sim) give(ev Event) []Effect {
	if m.reexecs != nil && m.reexecs.IntN(m.every) == 0 {
		w, err := simReexec(m.w)
		if err != nil {
			m.fail("saved and loaded: %v", err)
			return m.w.Apply(m.now, ev)
		}
		m.w = w
	}
	if m.reexecs != nil && breakHalfWay != nil && m.reexecs.IntN(4) == 0 {
		if wrong := breakHalfWay(m.w, m.now, ev, m.reexecs.IntN(20)); wrong != "" {
			m.fail("%s: %s", ev.Kind, wrong)
		}
	}
	return m.w.Apply(m.now, ev)
}

func (m *sim) names(ids []ID) (s string) {
	for _, id := range ids {
		s += m.w.name(id) + " "
	}
	return s
}

// perform is the kernel's side of an effect.
func (m *sim) perform(e *Effect) {
	switch e.Kind {
	case Spawn:
		m.spawn(e)
	case Kill:
		for _, p := range m.procs {
			if p.gen == e.Gen {
				m.signal(p, e)
				return
			}
		}
		m.fail("%s: a signal to generation %d, which is not there", m.w.name(e.Unit), e.Gen)
	case Check:
		m.checks = append(m.checks, e.Unit)
	case Changed:
		m.states[e.Unit] = e.To
	case Ask, Unask:
		m.asks = slices.DeleteFunc(m.asks, func(id ID) bool { return id == e.Unit })
		if e.Kind == Ask {
			m.asks = append(m.asks, e.Unit)
		}
	case End:
		m.ended++
	default:
		m.watches(e)
	}
}

func (m *sim) spawn(e *Effect) {
	m.pids++
	p := &simProc{gen: e.Gen, unit: e.Unit, role: e.Role, pid: m.pids}
	m.procs = append(m.procs, p)
	say := func(ev Event) {
		ev.Unit, ev.Gen = e.Unit, e.Gen
		p.news = append(p.news, ev)
	}
	if !m.calm {
		p.deaf, p.stuck = m.r.IntN(5) == 0, m.r.IntN(30) == 0
		switch m.r.IntN(15) {
		case 0: // the fork failed
			p.dead = true
			say(Event{Kind: SpawnFailed, Code: 1, Text: "fork EAGAIN"})
			return
		case 1: // the exec did
			p.dead = true
			say(Event{Kind: Spawned, Pid: p.pid})
			say(Event{Kind: SpawnFailed, Code: 127, Text: "exec ENOENT"})
			return
		}
	}
	say(Event{Kind: Spawned, Pid: p.pid})
	say(Event{Kind: Executed})
}

func (m *sim) signal(p *simProc, e *Effect) {
	if e.Pid != p.pid {
		m.fail("%s: a signal to pid %d, it is %d", m.w.name(e.Unit), e.Pid, p.pid)
	}
	if e.Sig != 10 { // of the kill verb
		p.told = e.Sig
	}
	if p.dead || p.stuck || p.deaf && e.Sig != sigKill || e.Sig == 10 {
		return
	}
	ev := Event{Kind: Ended, Sig: e.Sig}
	if e.Sig != sigKill && m.r.IntN(2) == 0 {
		ev = Event{Kind: Ended, Code: int16(m.r.IntN(2))}
	}
	m.die(p, ev)
}

func (m *sim) die(p *simProc, ev Event) {
	p.dead = true
	ev.Unit, ev.Gen = p.unit, p.gen
	p.news = append(p.news, ev)
}

// deliver tells the next news of a process, beginning the search at one.
func (m *sim) deliver(from int) bool {
	for i := range m.procs {
		p := m.procs[(from+i)%len(m.procs)]
		if len(p.news) == 0 {
			continue
		}
		ev := p.news[0]
		p.news = p.news[1:]
		if p.dead && len(p.news) == 0 {
			m.procs = slices.DeleteFunc(m.procs, func(q *simProc) bool { return q == p })
		}
		if m.past = append(m.past, ev); len(m.past) > 200 {
			m.past = m.past[100:]
		}
		m.apply(ev)
		return true
	}
	return false
}

// answerCheck answers the oldest Check.
func (m *sim) answerCheck() bool {
	if len(m.checks) == 0 {
		return false
	}
	ev := Event{Kind: Checked, Unit: m.checks[0]}
	m.checks = m.checks[1:]
	if m.r.IntN(3) == 0 {
		ev.Text = "if exists /x"
	}
	m.apply(ev)
	return true
}

// misbehave lets a process end, get ready, or come loose.
func (m *sim) misbehave() {
	if len(m.procs) == 0 {
		return
	}
	p := m.procs[m.r.IntN(len(m.procs))]
	if p.dead {
		return
	}
	switch m.r.IntN(10) {
	case 8, 9:
		m.speak()
	case 0, 1, 2:
		p.news = append(p.news, Event{Kind: BecameReady, Unit: p.unit, Gen: p.gen})
	case 3:
		m.die(p, Event{Kind: Ended, Code: int16(m.r.IntN(3))})
	case 4:
		m.die(p, Event{Kind: Ended, Sig: [...]int16{9, 11, 15}[m.r.IntN(3)]})
	case 5, 6:
		m.die(p, Event{Kind: Ended})
	case 7:
		if p.stuck = false; m.dying(p) {
			m.die(p, Event{Kind: Ended, Sig: 9})
		}
	}
}
