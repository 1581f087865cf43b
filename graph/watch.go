package graph

import "time"

const (
	// The looks for what "ready pidfile" and "ready path" wait for: the first ones
	// come fast, and only while the unit is starting.
	lookFirst = 10 * time.Millisecond
	lookMost  = 250 * time.Millisecond
	lookTime  = 5 * time.Second // and one takes no longer, on a dead network mount too
	// Until "ready health" has passed, the checks come faster than they are written.
	startProbeFirst = 100 * time.Millisecond
	startProbeMost  = 500 * time.Millisecond
	renewDefault    = 30 * time.Second // for reload-exec, where start-timeout is 0
	maxExtend       = 24 * time.Hour   // that a service may ask for at a time
	maxStopping     = 10 * time.Minute // of a stop, whatever is asked for: KILL ends every one (SPEC 4)
)

// rearm makes Due the earliest of the deadlines of a unit that is up.
func (s *Status) rearm() {
	if s.State != Starting && s.State != Running {
		return
	}
	s.Due = 0
	for _, at := range [...]Instant{s.StartBy, s.ProbeAt, s.FedBy, s.CountAt} {
		if at != 0 && (s.Due == 0 || at < s.Due) {
			s.Due = at
		}
	}
}

// firstLook plans the first look at what says that the unit is ready.
func (s *Status) firstLook(t *turn, u *Unit) {
	switch u.Ready.Kind {
	case ReadyPidfile, ReadyPath:
		s.ProbeAt = t.now + Instant(lookFirst)
	case ReadyHealth:
		s.ProbeAt = t.now + Instant(max(u.Duty.Health.Grace, startProbeFirst))
	}
}

// watch plans what a unit that runs is looked after with.
func (s *Status) watch(t *turn, u *Unit, id ID) {
	d := u.Duties()
	s.StartBy, s.FedBy, s.CountAt = 0, 0, 0
	s.checkAnew(t, u, id)
	if d.Watchdog > 0 {
		s.FedBy = t.now + Instant(d.Watchdog)
	}
	if d.OnDemand && d.Idle > 0 {
		s.UsedAt, s.CountAt = t.now, t.now+countPeriod(d.Idle)
	}
}

// checkAnew plans the checks of the health of a unit that runs.
func (s *Status) checkAnew(t *turn, u *Unit, id ID) {
	s.unprobe(t, id, "")
	s.ProbeAt, s.Failures = 0, 0
	if h := u.Duties().Health; h != nil {
		first := h.Grace
		if first == 0 || u.Ready.Kind == ReadyHealth {
			first = h.Every
		}
		s.ProbeAt = t.now + Instant(first)
	}
}

// unprobe gives the check up that is under way; text says that it took too long.
func (s *Status) unprobe(t *turn, id ID, text string) {
	if s.Probe != 0 {
		t.emit(Effect{Kind: Unprobe, Unit: id, Gen: s.Probe, Text: text})
		s.Probe = 0
	}
}

// rest ends all that a unit which is up is looked after with: it goes down.
func (s *Status) rest(t *turn, id ID) {
	s.unprobe(t, id, "")
	s.StartBy, s.ProbeAt, s.FedBy, s.CountAt, s.Failures, s.Reloading = 0, 0, 0, 0, 0, false
	if s.State == Running && s.AuxGen != 0 {
		t.emit(Effect{Kind: Unprobe, Unit: id, Gen: s.AuxGen})
		s.AuxGen, s.AuxPid = 0, 0
		t.emit(Effect{Kind: Renewed, Unit: id, Text: "it went down meanwhile"})
	}
}

// upDue takes the passing of a deadline of a unit that is up.
func upDue(t *turn, u *Unit, id ID, s *Status) {
	passed := func(at Instant) bool { return at != 0 && at <= t.now }
	switch {
	case !passed(s.StartBy) && !passed(s.FedBy) && !passed(s.ProbeAt) && !passed(s.CountAt):
		t.bug(id, s, &Event{Kind: Due})
		return
	case passed(s.StartBy) && s.State == Starting:
		s.Failing, s.Reason = true, Reason{Kind: ReasonTimeout}
		stopSignals(t, u, id, s)
		return
	case passed(s.FedBy):
		starve(t, u, id, s, "")
		return
	}
	if passed(s.StartBy) {
		s.StartBy = 0
		t.emit(Effect{Kind: Unprobe, Unit: id, Gen: s.AuxGen})
		s.AuxGen, s.AuxPid = 0, 0
		t.emit(Effect{Kind: Renewed, Unit: id, Text: "reload-exec was not over after " + roundText(Instant(renewTime(u)))})
	}
	if passed(s.CountAt) {
		s.CountAt = t.now + countPeriod(u.Duties().Idle)
		t.emit(Effect{Kind: Count, Unit: id})
	}
	switch {
	case !passed(s.ProbeAt):
	case s.Probe != 0:
		text := "no answer within " + roundText(Instant(probeTime(u, s)))
		s.unprobe(t, id, text)
		probeFailed(t, u, id, s, text)
	default:
		*t.gen++
		s.Probe, s.ProbeAt = *t.gen, t.now+Instant(probeTime(u, s))
		kind := Probe
		if s.looks(u) {
			kind = Look
		}
		t.emit(Effect{Kind: kind, Unit: id, Gen: s.Probe})
	}
}

// looks reports whether a file is looked at, and not the health checked.
func (s *Status) looks(u *Unit) bool {
	return s.State == Starting && (u.Ready.Kind == ReadyPidfile || u.Ready.Kind == ReadyPath)
}

// probeTime is how long a check may take.
func probeTime(u *Unit, s *Status) time.Duration {
	if s.looks(u) || u.Duties().Health == nil {
		return lookTime
	}
	return u.Duty.Health.Timeout
}

// stepProbed takes what a check has found.
func stepProbed(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	if s.Probe == 0 || ev.Gen != s.Probe {
		return // nobody waits for it any more
	}
	s.Probe = 0
	switch {
	case ev.Code != 0: // it tells nothing of the service
		s.probeAgain(t, u)
	case ev.Text != "":
		probeFailed(t, u, id, s, ev.Text)
	case s.State == Starting:
		if ev.Pid != 0 {
			s.adopt(t, id, ev.Pid)
		}
		if s.Phase != PhaseDaemon { // else it holds no pid: there is nothing to run
			becomeRunning(t, u, id, s)
		}
	case s.State == Running:
		s.Failures = 0
		s.probeAgain(t, u)
	}
}

// probeFailed counts a check that did not pass against its limit (H1).
func probeFailed(t *turn, u *Unit, id ID, s *Status, text string) {
	if s.Failures++; s.Failures == 0 {
		s.Failures-- // it looks for long already
	}
	if s.State == Running && int(s.Failures) >= u.Duty.Health.Fails {
		s.Failing, s.Reason = true, Reason{Kind: ReasonHealth, Text: text}
		stopSignals(t, u, id, s)
		return
	}
	s.probeAgain(t, u)
}

// probeAgain plans the next check: its time counts from the start of the last one.
func (s *Status) probeAgain(t *turn, u *Unit) {
	if s.looks(u) {
		s.ProbeAt = t.now + Instant(min(lookFirst<<min(s.Failures, 8), lookMost))
		return
	}
	h := u.Duty.Health
	every := h.Every
	if s.State == Starting {
		every = min(every, startProbeMost)
	}
	began := min(s.ProbeAt-Instant(h.Timeout), t.now) // a reload may have made it shorter
	s.ProbeAt = max(began+Instant(every), t.now)
}

// starve stops a service that did not say WATCHDOG=1 in time.
func starve(t *turn, u *Unit, id ID, s *Status, text string) {
	s.Failing, s.Reason = true, Reason{Kind: ReasonWatchdog, Text: text}
	stopSignals(t, u, id, s)
}

// stepSaid takes what a service says of itself (sd_notify(3)).
func stepSaid(t *turn, u *Unit, id ID, s *Status, ev *Event) {
	up := s.State == Starting || s.State == Running
	switch ev.Kind {
	case MainPid:
		if up && (s.Phase == PhaseExec || s.Phase == PhaseMain) && ev.Pid > 1 && ev.Pid != s.Pid {
			s.adopt(t, id, ev.Pid)
		}
	case Fed:
		if s.FedBy != 0 {
			s.FedBy = t.now + Instant(u.Duty.Watchdog)
		}
	case Starved:
		if up && s.Phase == PhaseMain {
			starve(t, u, id, s, "it said so itself")
		}
	case Extended:
		by := t.now + min(max(ev.Wait, 0), Instant(maxExtend))
		switch {
		case s.State == Starting && s.StartBy != 0:
			s.StartBy = max(s.StartBy, by)
		case s.State == Stopping && (s.Phase == PhaseSignals || s.Phase == PhaseLeaving) && !t.ending:
			s.Due = max(s.Due, min(by, s.Since+Instant(maxStopping)))
		}
	case Leaving:
		if s.State == Running && s.Phase == PhaseMain {
			s.steady(t, u)
			s.rest(t, id)
			s.State, s.Phase, s.Step = Stopping, PhaseLeaving, 0
			s.Due = t.within(s, total(u))
		}
	case Renewing:
		s.Reloading = s.State == Running
	}
}

// adopt makes a process that the unit's own has started its main process.
func (s *Status) adopt(t *turn, id ID, pid int32) {
	if s.Phase == PhaseDaemon {
		s.Phase = PhaseMain
	}
	if s.Pid != pid {
		s.Pid = pid
		t.emit(Effect{Kind: Adopt, Unit: id, Gen: s.Gen, Pid: pid})
	}
}

// becomeDaemon follows the end of a process that has left a daemon behind: what
// it is will be in the pid file. It is the same incarnation in another process,
// so it has a generation of its own.
func becomeDaemon(t *turn, u *Unit, s *Status) {
	*t.gen++
	s.Phase, s.Gen, s.Pid = PhaseDaemon, *t.gen, 0
	if s.Probe == 0 {
		s.Failures, s.ProbeAt = 0, t.now
	}
}

// askRenew is "reload NAME": the service reads its own configuration again.
func (w *World) askRenew(id ID) {
	n := &w.nodes[id]
	s, u := n.s, n.unit
	d := u.Duties()
	switch {
	case w.t.ending:
		w.t.emit(Effect{Kind: Renewed, Unit: id, Text: "the init is shutting down"})
	case s.State != Running:
		w.t.emit(Effect{Kind: Renewed, Unit: id, Text: "it is " + s.State.String() + ", not running"})
	case len(d.ReloadExec) > 0:
		if s.AuxGen != 0 {
			return // one is under way: its end is this one's too
		}
		s.AuxGen, s.AuxPid = w.t.spawn(id, RoleReload, 0), 0
		s.StartBy = w.t.now + Instant(renewTime(u))
		s.rearm()
		w.set(id, &s, len(w.t.out))
	case d.ReloadSignal != 0:
		w.t.kill(id, s.Gen, s.Pid, d.ReloadSignal, false)
		w.t.emit(Effect{Kind: Renewed, Unit: id})
	default:
		w.t.emit(Effect{Kind: Renewed, Unit: id, Text: "it has neither reload-signal nor reload-exec: write one, or restart it"})
	}
}

// renewTime is how long reload-exec may take.
func renewTime(u *Unit) time.Duration {
	if u.StartTimeout > 0 {
		return u.StartTimeout
	}
	return renewDefault
}

// renewed takes the end of reload-exec.
func renewed(t *turn, id ID, s *Status, ev *Event) {
	text := ""
	if ev.Kind == SpawnFailed || ev.Code != 0 || ev.Sig != 0 {
		text = "reload-exec " + endText(ev)
	}
	s.StartBy = 0
	t.emit(Effect{Kind: Renewed, Unit: id, Text: text})
}
