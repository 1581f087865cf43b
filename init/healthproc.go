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
// not to the unit: its end is the unit's affair only as an answer.
func (in *Init) checkRuns(id graph.ID, p *process, child *proc.Process) {
	h := in.units[id].health
	h.pid = int32(child.Pid)
	p.of, p.gen, p.role = id, h.gen, graph.RoleHealth
	in.help(child, p)
}

// checkRan takes the end of such a process. The exit status of tryElsewhere's is an
// errno.
func (in *Init) checkRan(p *process, ex proc.Exit) {
	id := p.of
	h := in.units[id].health
	if h == nil || int(h.pid) != ex.Pid {
		return // a reload has taken the check away
	}
	h.pid = 0
	text := ""
	switch {
	case h.gen != p.gen:
		if h.gen != 0 && h.fd == 0 { // one that waited for this end
			in.probe(&graph.Effect{Kind: graph.Probe, Unit: id, Gen: h.gen})
		}
		return
	case p.fail != nil:
		text = "spawn " + in.spawnFailed(id, p.gen, p.fail, p.what).Text
	case ex.Signal != 0:
		text = "signal " + graph.SignalName(ex.Signal)
	case p.helper == helpTry:
		in.tried(id, h, syscall.Errno(ex.Code))
		return
	case ex.Code != 0:
		text = "exit " + strconv.Itoa(ex.Code)
	}
	in.checked(id, h, text, false)
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
	in.checkRuns(id, &process{helper: helpTry, what: self + "\x00\x00\x00\x00"}, &child) // as failWords has it
}
