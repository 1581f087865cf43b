package graph

import "slices"

// checkEffect looks at one effect, with the states as they were told so far.
func (m *sim) checkEffect(effects []Effect, i int) {
	e := &effects[i]
	n := &m.w.nodes[e.Unit]
	switch e.Kind {
	case Trouble:
		m.fail("%s: %s", n.unit.Name, e.Text)
	case Spawn:
		m.checkSpawn(e, n)
	case Changed:
		if e.From != m.states[e.Unit] || e.From == e.To {
			m.fail("%s: it was %s, not %s", n.unit.Name, m.states[e.Unit], e.From)
		}
		if (e.From == Starting || e.From == Running) && m.byRequest(e, effects[i+1:]) {
			m.checkStopOrder(e.Unit)
		}
	case Escalate:
		if m.ending {
			m.fail("%s: a critical action in a shutdown", n.unit.Name)
		}
	case End:
		if m.now > m.w.deadline && m.ended == 0 && m.w.Next() != 0 {
			m.fail("the end comes late")
		}
	}
}

// byRequest reports whether a unit that was up stops because it has to, and not
// because its process ended or its time was over.
func (m *sim) byRequest(e *Effect, rest []Effect) bool {
	n := &m.w.nodes[e.Unit]
	if m.forms[e.Unit].Kind == Target {
		return e.To == Inactive
	}
	return e.To == Stopping && n.s.Stopped && n.s.Phase == PhaseSignals
}

// checkStopOrder: what requires a unit, and what comes after it and has to go
// too, has gone before (D3, D5).
func (m *sim) checkStopOrder(id ID) {
	n := &m.w.nodes[id]
	for _, y := range n.reqBy {
		if s := m.states[y]; (s == Starting || s == Running || s == Stopping) && !m.w.nodes[y].s.Stuck {
			m.fail("%s stops before %s, which requires it and is %s", n.unit.Name, m.w.name(y), s)
		}
	}
	// What requires a unit that waits has to stop only when that one fails, and
	// that it learns when what it requires in turn has failed.
	for _, y := range n.afterBy {
		s := m.states[y]
		if (s == Starting || s == Running || s == Stopping) && m.w.going(&m.w.nodes[y]) && (m.before[y] || !m.mixed && !m.parked && !slices.Contains(m.states, Waiting)) && !m.w.nodes[y].s.Stuck {
			m.fail("%s stops before %s, which comes after it and is %s", n.unit.Name, m.w.name(y), s)
		}
	}
	if m.w.Ending().Kind == HaltNone || m.mixed && !m.ending || m.forms[id].Class == User || n.early {
		return
	}
	for y := range m.w.nodes {
		if o := &m.w.nodes[y]; m.forms[y].Class == User && o.s.up() && !o.s.Stuck {
			m.fail("%s of the system class stops before %s", n.unit.Name, o.unit.Name)
		}
	}
}

// checkSpawn: one sequence of processes a unit, and what it requires first.
func (m *sim) checkSpawn(e *Effect, n *node) {
	for _, p := range m.procs {
		if p.unit == e.Unit && !(p.role == RoleReload && p.dead) && ((e.Role != RoleStop && e.Role != RoleReload) || p.role != RoleMain) {
			m.fail("%s: %s is spawned beside %s", n.unit.Name, e.Role, p.role)
		}
	}
	if m.ending && e.Role == RoleReload {
		m.fail("%s: reload-exec in a shutdown", n.unit.Name)
	}
	if e.Role != RoleMain && e.Role != RolePre {
		return
	}
	if m.ending {
		m.fail("%s: a start in a shutdown", n.unit.Name)
	}
	if e.Role == RolePre && e.Step > 0 || e.Role == RoleMain && len(n.unit.Pre) > 0 {
		return // not the first of this start
	}
	for _, x := range n.req {
		if s := m.states[x]; s != Running && s != Exited && s != Waiting && !m.w.nodes[x].s.Again {
			m.fail("%s starts while %s, which it requires, is %s", n.unit.Name, m.w.name(x), s)
		}
	}
	for _, y := range n.reqBy {
		if s := m.states[y]; (s == Starting || s == Running || s == Stopping) && !m.w.nodes[y].s.Stuck && !n.s.Again {
			m.fail("%s starts before %s, which requires it and is %s, has stopped", n.unit.Name, m.w.name(y), s)
		}
	}
}

// check looks at the whole world.
func (m *sim) check() {
	w := m.w
	if len(w.dirty)+len(w.acts)+len(w.cands) > 0 {
		m.fail("settle has left something over")
	}
	holds, userHold := int32(0), int32(0)
	for id := range w.nodes {
		n := &w.nodes[id]
		m.checkCounts(ID(id), n)
		m.checkLife(ID(id), n)
		m.checkProgress(ID(id), n)
		m.checkWatch(ID(id), n)
		for _, x := range n.conf {
			o := &w.nodes[x]
			undo := n.s.Phase == PhaseUndo || o.s.Phase == PhaseUndo // of a task that was done: it cannot wait
			if n.bits&o.bits&bitAct != 0 && !undo {
				m.fail("%s and %s are both active", n.unit.Name, w.name(x))
			}
		}
		if n.bits&bitHold != 0 {
			holds++
			if n.unit.Class == User {
				userHold++
			}
		}
		if m.failed != "" {
			return
		}
	}
	if holds != w.holds || userHold != w.userHold {
		m.fail("holds %d and %d, they are %d and %d", w.holds, w.userHold, holds, userHold)
	}
	m.checkWants()
	if at := w.Next(); at != 0 && m.events > 0 && w.timers.first() != 0 && w.timers.first() < epoch {
		m.fail("a deadline in the distant past")
	}
}

// checkCounts computes anew what is kept of the neighbours.
func (m *sim) checkCounts(id ID, n *node) {
	w := m.w
	count := func(ids []ID, bit uint8, want bool) (c int32) {
		for _, x := range ids {
			if (w.nodes[x].bits&bit != 0) == want {
				c++
			}
		}
		return c
	}
	got := [...]int32{n.unmet, n.deadReq, n.pending, n.active, n.holdReq, n.drainAfter}
	want := [...]int32{count(n.req, bitSat, false), count(n.req, bitDead, true), count(n.after, bitPend, true),
		count(n.conf, bitAct, true), count(n.reqBy, bitHold, true), count(n.afterBy, bitDrain, true)}
	if got != want {
		m.fail("%s: counts %v, they are %v", n.unit.Name, got, want)
	}
	if b := w.look(n); b != n.bits {
		m.fail("%s: bits %b, they are %b", n.unit.Name, n.bits, b)
	}
	if n.queued || n.acting || n.cand {
		m.fail("%s: it is on a list that is empty", n.unit.Name)
	}
	armed := Instant(0)
	if p := w.timers.pos; int(id) < len(p) && p[id] > 0 {
		armed = w.timers.heap[p[id]-1].at
	}
	if armed != n.s.Due {
		m.fail("%s: the timer is at %d, it is due at %d", n.unit.Name, armed, n.s.Due)
	}
}

// checkLife: a unit's state agrees with its processes.
func (m *sim) checkLife(id ID, n *node) {
	s := &n.s
	main, aux, told := uint64(0), uint64(0), int16(0)
	for _, p := range m.procs {
		switch {
		case p.unit != id:
		case p.role == RoleReload && p.dead && p.gen != s.AuxGen: // given up
		case p.role == RoleStop || p.role == RoleReload:
			aux = p.gen
		default:
			main, told = p.gen, p.told
		}
	}
	if s.Phase == PhaseDaemon && main == 0 { // nobody knows it
		main = s.Gen
	}
	if main != s.Gen || aux != s.AuxGen {
		m.fail("%s: generations %d and %d, they are %d and %d", n.unit.Name, s.Gen, s.AuxGen, main, aux)
	}
	if s.Gen != 0 && s.Pid != 0 && (s.Phase == PhaseKilled && told != sigKill || s.Phase == PhaseSignals && len(n.unit.StopExec) == 0 && told == 0) {
		m.fail("%s: a signal was lost in %s", n.unit.Name, s.Phase)
	}
	if m.states[id] != s.State {
		m.fail("%s: %s, but %s was told", n.unit.Name, s.State, m.states[id])
	}
	alive, bad := main != 0 || aux != 0, false
	switch s.State {
	case Inactive, Blocked, Waiting, Backoff, Exited, Failed:
		bad = alive || s.Phase != PhaseNone && s.Phase != PhaseCheck
	case Starting:
		bad = main == 0 || aux != 0 || s.Phase != PhasePre && s.Phase != PhaseExec && s.Phase != PhaseMain && s.Phase != PhaseDaemon
	case Running:
		bad = (main == 0) != (n.unit.Kind == Target) || aux != 0 && len(n.unit.Duties().ReloadExec) == 0
	case Stopping:
		bad = !alive
	}
	if bad {
		m.fail("%s: it is %s/%s with generations %d and %d", n.unit.Name, s.State, s.Phase, main, aux)
	}
}

// checkProgress: nobody waits without a reason that has a name, and nobody who
// could go on stands still.
func (m *sim) checkProgress(id ID, n *node) {
	s, w := &n.s, m.w
	ending := w.Ending().Kind != HaltNone
	switch s.State {
	case Blocked:
		if s.Phase != PhaseCheck && len(w.WaitingOn(id)) == 0 {
			m.fail("%s is blocked, and nobody is named", n.unit.Name)
		}
		if !s.Want {
			m.fail("%s is blocked, and nobody wants it", n.unit.Name)
		}
	case Waiting:
		switch {
		case w.going(n) && n.holdReq+n.drainAfter == 0 && !(ending && n.unit.Class == System):
			m.fail("%s is waiting, and has to go", n.unit.Name)
		case s.Fired && s.Phase != PhaseCheck && !w.going(n) && len(w.WaitingOn(id)) == 0:
			m.fail("%s may start, and does not", n.unit.Name)
		case n.unit.timed() && !s.Fired && s.Due == 0:
			m.fail("%s waits for no time", n.unit.Name)
		case n.unit.AskFirst && !s.Fired && s.Due == 0 && !slices.Contains(m.asks, id):
			m.fail("%s waits for a key, and nobody has asked", n.unit.Name)
		}
	case Inactive:
		if s.Want && s.Phase != PhaseCheck {
			m.fail("%s is wanted, and nothing is done", n.unit.Name)
		}
	case Backoff:
		if !s.Want || s.Phase != PhaseCheck && s.Due <= m.now {
			m.fail("%s is in backoff without a time", n.unit.Name)
		}
	case Failed:
		switch {
		case s.Reason.Kind == ReasonConfig:
		case !s.Want:
			m.fail("%s is failed, and nobody wants it", n.unit.Name)
		case s.Reason.Kind == ReasonDependency && n.deadReq == 0:
			m.fail("%s is failed with a dependency that is not", n.unit.Name)
		case s.Reason.Kind == ReasonDependency && n.deadReq > 0 && w.nodes[s.Reason.Other].bits&bitDead == 0:
			m.fail("%s is failed, and %s is not why", n.unit.Name, w.name(s.Reason.Other))
		}
	case Exited:
		if !s.Want && n.holdReq+n.drainAfter == 0 && !(ending && n.unit.Class == System) {
			m.fail("%s is exited, and nobody wants it", n.unit.Name)
		}
	case Starting, Running:
		if w.going(n) && len(w.WaitingOn(id)) == 0 && !(ending && n.unit.Class == System && w.userHold > 0) {
			m.fail("%s has to stop, and waits for nobody", n.unit.Name)
		}
		if !w.going(n) && n.unmet > 0 {
			m.fail("%s is up without what it requires", n.unit.Name)
		}
	case Stopping:
		if s.Due == 0 && !s.Stuck {
			m.fail("%s is stopping without a deadline", n.unit.Name)
		}
	}
}

// checkWants computes from scratch who is wanted (D4, D8): what was asked for
// and is not held, and what such units require or want.
func (m *sim) checkWants() {
	w := m.w
	if m.events == 0 {
		return
	}
	want := make([]bool, len(w.nodes))
	var queue []ID
	add := func(id ID) {
		if s := &w.nodes[id].s; !want[id] && !s.Held && !w.nodes[id].gone && w.Ending().Kind == HaltNone {
			want[id] = true
			queue = append(queue, id)
		}
	}
	for id := range w.nodes {
		if w.nodes[id].s.Asked {
			add(ID(id))
		}
	}
	for i := 0; i < len(queue); i++ {
		n := &w.nodes[queue[i]]
		for _, x := range n.req {
			add(x)
		}
		for _, x := range n.wants {
			add(x)
		}
	}
	for id := range w.nodes {
		if s := &w.nodes[id].s; s.Want != want[id] {
			m.fail("%s: wanted %v, it should be %v", w.name(ID(id)), s.Want, want[id])
		}
	}
}

// checkCalm: when nothing more happens, every wanted unit is satisfied, or the
// reason ends in a failure, an operator's stop or a conflict.
func (m *sim) checkCalm() {
	w := m.w
	for id := range w.nodes {
		n := &w.nodes[id]
		switch n.s.State {
		case Starting, Stopping, Backoff:
			m.fail("%s is still %s", n.unit.Name, n.s.State)
		case Blocked:
			for _, x := range w.WaitingOn(ID(id)) {
				o := &w.nodes[x]
				if o.s.State != Blocked && !o.s.Held && o.bits&bitAct == 0 && o.bits&bitDead == 0 {
					m.fail("%s is blocked on %s, which is %s", n.unit.Name, o.unit.Name, o.s.State)
				}
			}
		case Inactive, Waiting, Running, Exited, Failed:
		}
	}
}
