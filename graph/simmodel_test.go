package graph

import "slices"

// simModel is a second, simple mind on the exact counts and times of one unit.
type simModel struct {
	fails  int     // checks in a row that failed while it was running
	sick   bool    // it was stopped for them in this event
	fed    Instant // it has said WATCHDOG=1, or became running
	by     Instant // start-timeout with what the service asked for; 0 = none
	daemon uint64  // its generation before the event, while a daemon was looked for
	strewn int     // Strew effects of this event
	adopt  int     // and Adopt effects
}

// modelBefore notes what an event is going to do.
func (m *sim) modelBefore(ev *Event) {
	for len(m.model) < m.w.Len() {
		m.model = append(m.model, simModel{})
	}
	for id := range m.model {
		o, s := &m.model[id], &m.w.nodes[id].s
		if o.sick, o.strewn, o.adopt, o.daemon = false, 0, 0, 0; s.Phase == PhaseDaemon {
			o.daemon = s.Gen
		}
	}
	if ev.Kind == AskReload {
		for i := range ev.Plan {
			c := &ev.Plan[i]
			// Another form that needs another process comes with that one.
			if id, ok := m.w.Find(c.Name); ok && c.Kind == UnitUpdated && m.w.nodes[id].next == nil && slices.Contains(c.Keys, "health") {
				m.model[id].fails = 0
			}
		}
	}
	o, s := &m.model[max(ev.Unit, 0)], &m.w.nodes[max(ev.Unit, 0)].s
	switch {
	case ev.Kind == Probed && ev.Gen == s.Probe && s.State == Running && ev.Code == 0:
		if o.fails++; ev.Text == "" {
			o.fails = 0
		}
	case ev.Kind == Fed && ev.Gen == s.Gen:
		o.fed = m.now
	case ev.Kind == Extended && ev.Gen == s.Gen && s.State == Starting && o.by != 0:
		o.by = max(o.by, m.now+ev.Wait)
	}
}

// modelEffect follows one effect.
func (m *sim) modelEffect(e *Effect) {
	o, u := &m.model[e.Unit], m.w.nodes[e.Unit].unit
	switch {
	case e.Kind == Unprobe && e.Text != "" && (m.states[e.Unit] == Running || o.sick):
		o.fails++
	case e.Kind == Strew:
		o.strewn++
	case e.Kind == Adopt:
		o.adopt++
	case e.Kind != Changed:
	case e.To == Running:
		o.fails, o.fed = 0, m.now
	case e.To == Starting:
		if o.by = 0; u.StartTimeout > 0 {
			o.by = m.now + Instant(u.StartTimeout)
		}
	case e.From == Running && e.Reason.Kind == ReasonHealth:
		o.sick = true
	case e.From == Running && e.To == Stopping && e.Reason.Kind == ReasonWatchdog && e.Reason.Text == "":
		if d := m.now - o.fed; d < Instant(u.Duties().Watchdog) {
			m.fail("%s: its watchdog bites after %d", u.Name, d)
		}
	case e.From == Starting && e.Reason.Kind == ReasonTimeout && m.now < o.by:
		m.fail("%s: start-timeout comes too early", u.Name)
	}
}

// modelAfter compares.
func (m *sim) modelAfter(ev *Event) {
	for id := range m.model {
		o, n := &m.model[id], &m.w.nodes[id]
		s, d := &n.s, m.forms[id].Duties()
		switch {
		case o.sick && o.fails != d.Health.Fails:
			m.fail("%s: it is stopped after %d checks", n.unit.Name, o.fails)
		case s.State == Running && n.unit.Duties().Health != nil && o.fails >= n.unit.Duties().Health.Fails:
			m.fail("%s: it runs on after %d checks", n.unit.Name, o.fails)
		case ev.Kind == Tick && s.State == Running && d.Watchdog > 0 && m.now-o.fed >= Instant(d.Watchdog):
			m.fail("%s: its watchdog does not bite", n.unit.Name)
		case ev.Kind == Tick && s.State == Starting && o.by != 0 && m.now >= o.by && s.Since < m.now:
			m.fail("%s: start-timeout does not come", n.unit.Name)
		}
		same := o.daemon != 0 && s.Phase == PhaseDaemon && s.Gen == o.daemon
		if lost := o.daemon != 0 && !same && o.adopt == 0; o.strewn > 1 || lost != (o.strewn == 1) {
			m.fail("%s: what a daemon left was killed %d times", n.unit.Name, o.strewn)
		}
	}
}

// modelWaits: in a calm world every client has its answer, but who waits for a
// unit that is blocked.
func (m *sim) modelWaits() {
	for _, wt := range m.waits {
		blocked := false
		for id := range m.w.nodes {
			blocked = blocked || getBit(wt.all, ID(id)) && m.w.State(ID(id)) == Blocked && wt.Kind != WaitStop
		}
		if !blocked {
			m.fail("a wait of kind %d for %s is never answered", wt.Kind, m.names(wt.names))
		}
	}
}
