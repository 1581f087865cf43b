package pid1

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// killAll sends KILL to a child of ours that has not been reaped, and to its
// group, if it has made that already.
func killAll(pid int) {
	if proc.KillGroup(pid, int(unix.SIGKILL)) != nil {
		proc.Kill(pid, int(unix.SIGKILL))
	}
}

// givenUp reports whether nobody waits any more for what a process is to do,
// whose spawn had to wait, or whether it has to wait still: checks whose
// processes hang in the kernel must not add up.
func (in *Init) givenUp(e *graph.Effect) bool {
	switch e.Role {
	case graph.RoleHealth:
		h := in.units[e.Unit].health
		return h == nil || h.gen != e.Gen || h.pid > 0
	case graph.RoleReload:
		st := in.world.Status(e.Unit)
		return st.AuxGen != e.Gen
	}
	return false
}

// checkRefused takes the failure of a check's spawn before the fork.
func (in *Init) checkRefused(id graph.ID, bad *refusal) {
	in.checked(id, in.units[id].health, "spawn "+bad.words(), bad.stage == proc.StageFork.String() || proc.Exhausted(bad.errno))
}

// checkRuns makes a process that of the check under way. It belongs to the init,
// not to the unit: its end is the unit's affair only as an answer. The exit status
// of tryElsewhere's is an errno.
func (in *Init) checkRuns(id graph.ID, p *process, pid int, elsewhere bool) {
	h := in.units[id].health
	gen := h.gen
	h.pid = int32(pid)
	p.unit, p.gen, p.role = graph.None, gen, graph.RoleHealth
	p.done = func(ex proc.Exit) {
		h.pid = 0
		text := ""
		switch {
		case h.gen != gen:
			if h.gen != 0 && h.fd == 0 { // one that waited for this end
				in.probe(&graph.Effect{Kind: graph.Probe, Unit: id, Gen: h.gen})
			}
			return
		case p.fail != nil:
			text = "spawn " + in.spawnFailed(id, gen, p.fail, p.what).Text
		case ex.Signal != 0:
			text = "signal " + graph.SignalName(ex.Signal)
		case elsewhere:
			in.tried(id, h, syscall.Errno(ex.Code))
			return
		case ex.Code != 0:
			text = "exit " + strconv.Itoa(ex.Code)
		}
		in.checked(id, h, text, false)
	}
	in.procs[pid] = p
}

// unixWord starts the program as the child of tryElsewhere. It is no role of
// SPEC 1.
const unixWord = "@unix"

// tryElsewhere has a child connect to a socket on a network or FUSE mount, whose
// server may never answer. Its exit status is the errno.
func (in *Init) tryElsewhere(id graph.ID, h *health, path string) {
	if h.pid > 0 {
		return // its end goes on from here
	}
	const self = "/proc/self/exe"
	child, err := proc.Spawn(proc.NewSpec([]string{self}, []string{"mote", unixWord, path}, nil))
	if err != nil {
		in.checked(id, h, err.Error(), true)
		return
	}
	p := &process{result: child.Result, what: self + "\x00\x00\x00\x00"} // as failWords has it
	in.checkRuns(id, p, child.Pid, true)
	in.awaitExec(p, &child)
}
