package pid1

import (
	"mote/graph"
	"mote/proc"
)

// reap takes every dead child: one CHLD may stand for many deaths (signal(7),
// Queueing). It is called in the turns that have a signal, and now and then in
// others, not in all: waitid(2) goes through the list of children, and a request
// must not cost more with 10,000 of them than with 10.
func (in *Init) reap() {
	in.signaled, in.swept = false, in.now
	in.lostEnded()
	w := &in.work
	for i := 0; i < reapBudget; i++ {
		pid, ok := proc.NextExit()
		w.dying, w.dead, w.gone, w.told = proc.Exit{Pid: pid}, nil, false, false
		if !ok {
			return
		}
		p := in.procs[pid]
		if w.dead = p; p == nil {
			proc.Reap(pid) // a stranger that became ours
			continue
		}
		in.readResult(pid)
		if p.result >= 0 { // it cannot be undecided once the child is dead
			in.closeResult(p)
		}
		if injecting {
			in.inject("reap", "", p.unit)
		}
		in.lastWords(p)
		in.leaveNone(p, pid)
		w.dying, _ = proc.Reap(pid)
		w.gone = true
		delete(in.procs, pid)
		in.syslog.remember(pid, p.unit)
		in.ended(p, w.dying)
	}
	w.dying.Pid, w.dead = 0, nil
	in.again, in.signaled = true, true
}

// leaveNone kills what a child that has ended has left of its group (P4), as long as
// it is not reaped.
func (in *Init) leaveNone(p *process, pid int) {
	switch {
	case p.former: // the unit goes on as another process
	case in.leaves(p, pid):
		in.units[p.unit].starter = int32(pid)
	default:
		in.killLeft(p, pid)
		in.killRest(p)
	}
	in.unwatch(p)
}

// ended tells the world, or the init's own helper's owner, of an end. What the
// process still said is read first: it came before.
func (in *Init) ended(p *process, ex proc.Exit) {
	if p.unit == graph.None {
		in.work.told = true
		in.helperEnded(p, ex)
		return
	}
	if p.former {
		return // another one speaks for the unit
	}
	if injecting {
		in.inject("reaped", "", p.unit)
	}
	u := &in.units[p.unit]
	if u.pipeR > 0 && !u.log.Held() {
		in.readLog(p.unit)
	}
	if p.role == graph.RoleMain {
		if u.ready > 0 && u.gen == p.gen {
			in.readReady(p.unit)
			in.closeReady(u)
		}
		u.log.Flush()
		u.main, u.sid = 0, 0
		u.log.SetPid(0)
		in.noteOOM(p.unit, ex)
	}
	in.work.told = true
	in.apply(in.endEvent(p, ex))
}

// endEvent is what the world is told of an end.
func (in *Init) endEvent(p *process, ex proc.Exit) graph.Event {
	if p.fail != nil {
		return in.spawnFailed(p.unit, p.gen, p.fail, p.what)
	}
	return graph.Event{Kind: graph.Ended, Unit: p.unit, Gen: p.gen, Code: int16(ex.Code), Sig: int16(ex.Signal)}
}
