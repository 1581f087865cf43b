package graph

import (
	"math/rand/v2"
	"slices"
	"time"
)

// simProbe is a check or a look that was asked for.
type simProbe struct {
	unit ID
	gen  uint64
	look bool
}

// simDuty gives a service random duties, and a way to get ready.
func simDuty(r *rand.Rand, u *Unit) {
	switch u.Ready.Kind = ReadyKind(r.IntN(7)); u.Ready.Kind {
	case ReadyPidfile, ReadyPath, ReadyLog:
		u.Ready.Arg = "/run/x"
	case ReadyFD:
		u.Ready.FD = 9
	}
	if u.Ready.Kind == ReadyHealth || r.IntN(5) == 0 {
		u.duty().Health = &Health{Kind: HealthUnix, Path: "/run/x", Every: 100*time.Millisecond + simSpan(r), Timeout: 10*time.Millisecond + simSpan(r),
			Grace: simSpan(r), Fails: 1 + r.IntN(3)}
	}
	if r.IntN(6) == 0 {
		u.duty().Watchdog = 200*time.Millisecond + simSpan(r)
	}
	if r.IntN(5) == 0 {
		u.duty().OnDemand, u.duty().Idle = true, simSpan(r)
		u.duty().Listen = []Listen{{Kind: ListenUnix, Path: "/run/x", Mode: -1}}
	}
	switch r.IntN(6) {
	case 0:
		u.duty().ReloadSignal = 1
	case 1:
		u.duty().ReloadExec = []Text{{{Lit: "/bin/reload"}}}
	}
}

// watches is perform for what a unit is looked after with.
func (m *sim) watches(e *Effect) {
	switch e.Kind {
	case Probe, Look:
		for _, p := range m.probes {
			if p.unit == e.Unit {
				m.fail("%s: two checks at a time", m.w.name(e.Unit))
			}
		}
		m.probes = append(m.probes, simProbe{e.Unit, e.Gen, e.Kind == Look})
	case Unprobe:
		m.probes = slices.DeleteFunc(m.probes, func(p simProbe) bool { return p.unit == e.Unit && p.gen == e.Gen })
		for _, p := range m.procs {
			if p.gen == e.Gen && !p.dead {
				p.stuck = false
				m.die(p, Event{Kind: Ended, Sig: sigKill})
			}
		}
	case Adopt:
		for _, p := range m.procs {
			if p.gen == e.Gen {
				p.pid = e.Pid
				return
			}
		}
		m.procs = append(m.procs, &simProc{gen: e.Gen, unit: e.Unit, role: RoleMain, pid: e.Pid})
	case Open, Unopen:
		m.opens = slices.DeleteFunc(m.opens, func(id ID) bool { return id == e.Unit })
		if e.Kind == Open {
			m.opens = append(m.opens, e.Unit)
		}
	case Count:
		m.counts = append(m.counts, e.Unit)
	}
}

// answerProbe answers the oldest check; well says that it passes.
func (m *sim) answerProbe(well bool) bool {
	if len(m.probes) == 0 {
		return false
	}
	p := m.probes[0]
	m.probes = m.probes[1:]
	ev := Event{Kind: Probed, Unit: p.unit, Gen: p.gen}
	s := &m.w.nodes[p.unit].s
	switch {
	case !well:
		ev.Text = "connection refused"
	case m.r.IntN(8) == 0:
		ev.Code = 1 // it could not be made
	case p.look && m.w.nodes[p.unit].unit.Ready.Kind == ReadyPidfile:
		if ev.Pid = s.Pid; s.Phase == PhaseDaemon {
			m.pids++
			ev.Pid = m.pids
		} else if ev.Pid == 0 {
			ev.Text = "not there"
		}
	}
	m.apply(ev)
	return true
}

// answerCount tells whether somebody uses an on-demand unit.
func (m *sim) answerCount() bool {
	if len(m.counts) == 0 {
		return false
	}
	id := m.counts[0]
	m.counts = m.counts[1:]
	m.apply(Event{Kind: Counted, Unit: id, Code: int16(m.r.IntN(2))})
	return true
}

// connect lets a connection come, or the sockets be lost.
func (m *sim) connect(well bool) bool {
	if len(m.opens) == 0 {
		return false
	}
	i := m.r.IntN(len(m.opens))
	ev := Event{Kind: Connected, Unit: m.opens[i]}
	m.opens = slices.Delete(m.opens, i, i+1)
	if !well {
		ev.Kind, ev.Text = NoSockets, "listen EADDRINUSE"
	}
	m.apply(ev)
	return true
}

// speak lets a service's main process say something of itself.
func (m *sim) speak() {
	if len(m.procs) == 0 {
		return
	}
	p := m.procs[m.r.IntN(len(m.procs))]
	ev := Event{Unit: p.unit, Gen: p.gen}
	switch m.r.IntN(7) {
	case 0, 1:
		ev.Kind = Fed
	case 2:
		ev.Kind = Extended
		ev.Wait = Instant(simSpan(m.r))
	case 3:
		ev.Kind = Renewing
	case 4:
		ev.Kind = Leaving
	case 5:
		ev.Kind = Starved
	case 6:
		if p.role != RoleMain || p.dead || len(p.news) > 0 {
			return
		}
		m.pids++
		ev.Kind, ev.Pid = MainPid, m.pids
	}
	m.apply(ev)
}

// feedAll lets the services of a calm world say WATCHDOG=1 in time.
func (m *sim) feedAll() {
	for id := range m.w.nodes {
		if s := &m.w.nodes[id].s; s.FedBy != 0 && s.State == Running {
			m.apply(Event{Kind: Fed, Unit: ID(id), Gen: s.Gen})
		}
	}
}

// checkWatch: what a unit is looked after with agrees with its state.
func (m *sim) checkWatch(id ID, n *node) {
	s, up := &n.s, n.s.State == Starting || n.s.State == Running
	asked := uint64(0)
	for _, p := range m.probes {
		if p.unit == id {
			asked = p.gen
		}
	}
	switch {
	case asked != s.Probe:
		m.fail("%s: check %d is under way, it waits for %d", n.unit.Name, asked, s.Probe)
	case !up && (s.Probe != 0 || s.StartBy+s.ProbeAt+s.FedBy+s.CountAt != 0 && s.State != Stopping):
		m.fail("%s is looked after and %s", n.unit.Name, s.State)
	case s.State == Running && n.unit.Duties().Health != nil && s.ProbeAt == 0:
		m.fail("%s is not checked any more", n.unit.Name)
	case s.State == Running && (s.StartBy != 0) != (s.AuxGen != 0):
		m.fail("%s: its reload is under way without a deadline, or the other way round", n.unit.Name)
	case s.State == Running && n.unit.Duties().Watchdog > 0 && s.FedBy == 0:
		m.fail("%s has no watchdog", n.unit.Name)
	case s.State == Starting && s.Phase >= PhaseMain && s.ProbeAt == 0 && n.unit.Kind == Service && (n.unit.Ready.Kind == ReadyPidfile ||
		n.unit.Ready.Kind == ReadyPath || n.unit.Ready.Kind == ReadyHealth):
		m.fail("%s is not looked at any more", n.unit.Name)
	case s.State == Waiting && n.unit.onDemand() && !s.Fired && s.Due == 0 && !slices.Contains(m.opens, id):
		m.fail("%s waits for a connection to closed sockets", n.unit.Name)
	}
}
