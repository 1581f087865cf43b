package pid1

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/graph/line"
	"mote/proc"
	"mote/state"
)

// maxNamed bounds how many processes that are nobody's the log names one by one.
const maxNamed = 20

// salvage is the way on when a state cannot be read (SPEC 9): the process must not
// end, and what lives is to live on. Units of the configuration of which a process
// is known, by what can be read or by its cgroup, are taken over as running; all
// else begins anew.
func (in *Init) salvage(old *state.Snapshot) {
	pids := mainPids(old)
	var taken []proc.ChildProcess
	var units []graph.ID
	strangers := 0
	s := in.world.Save()
	children, err := proc.Children()
	if err != nil {
		in.logs.Say(MsgWarn, "re-exec: ", err.Error())
	}
	for _, c := range children {
		if c.Ended {
			continue
		}
		name := pids[c.Pid]
		if name == "" && leads(c.Pid) { // the first of its session stands for its group
			name = strings.TrimSuffix(c.Group, ".unit")
		}
		id, ok := in.world.Find(name)
		if !ok || !adoptable(&s.Units[id]) {
			if strangers++; strangers <= maxNamed {
				in.logs.Say(MsgWarn, "re-exec: pid ", strconv.Itoa(c.Pid), " (", cleaned(c.Comm), ") is of no unit that is known: it is left alone")
			}
			continue
		}
		s.Gen++
		s.Units[id].Status = graph.Status{State: graph.Starting, Phase: graph.PhaseExec, Want: true, Asked: true,
			Gen: s.Gen, Pid: int32(c.Pid), Since: in.now}
		taken, units = append(taken, c), append(units, id)
	}
	world, err := s.Load()
	if err != nil {
		in.logs.Say(MsgWarn, "re-exec: ", err.Error(), ": nothing is adopted")
		return
	}
	in.world = world
	in.world.SetZone(in.local)
	for i, id := range units {
		in.takeOver(id, taken[i].Pid)
	}
	in.salvagePipes(units)
	in.logs.Say(MsgWarn, "re-exec: ", strconv.Itoa(len(units)), " units that live go on, ", strconv.Itoa(strangers),
		" other processes are left alone; everything else begins anew")
}

// mainPids gives the units' main processes that can be read, by pid.
func mainPids(old *state.Snapshot) map[int]string {
	pids := map[int]string{}
	for i := range old.Records {
		r := &old.Records[i]
		if r.Kind != "unit" {
			continue
		}
		var text []string
		pid := 0
		if r.Load(func(f *state.Fields) { f.Texts("text", &text); state.Int(f, "pid", &pid) }) != nil || pid <= 1 || len(text) == 0 {
			continue
		}
		if words, err := line.Words(nil, text[0]); err == nil && len(words) > 1 {
			pids[pid] = words[1] // "service NAME ..."
		}
	}
	return pids
}

// leads reports whether a process is the first of its session, as the main process
// of a unit is when it starts.
func leads(pid int) bool {
	sid, err := unix.Getsid(pid)
	return err == nil && sid == pid
}

// adoptable reports whether a unit can have a process that it did not start.
func adoptable(u *graph.SavedUnit) bool {
	return u.Unit.Kind != graph.Target && u.Unit.Fault == "" && u.Status.State == graph.Inactive && u.Status.Gen == 0
}

// takeOver makes a process a unit's own, which is then ready: it has been before.
func (in *Init) takeOver(id graph.ID, pid int) {
	gen := in.world.Status(id).Gen
	u := &in.units[id]
	u.main, u.uid = int32(pid), uint32(in.uid)
	if uid, ok := proc.UserOf(pid); ok {
		u.uid = uid
	}
	if sid, err := unix.Getsid(pid); err == nil && sid != in.sid() {
		u.sid = int32(sid)
	}
	u.log.SetPid(pid)
	pgid, err := unix.Getpgid(pid)
	in.procs[pid] = &process{unit: id, gen: gen, role: graph.RoleMain, result: -1,
		group: in.world.Unit(id).KillMode != graph.KillProcess, adopted: err != nil || pgid != pid}
	in.queue = append(in.queue, graph.Event{Kind: graph.Executed, Unit: id, Gen: gen})
	if in.world.Unit(id).Kind == graph.Service {
		in.queue = append(in.queue, graph.Event{Kind: graph.BecameReady, Unit: id, Gen: gen})
	}
}

// salvagePipes takes the log pipes of these units out of what the image before has
// left open, and closes the rest. A pipe is a unit's when its main process has the
// other end as its output.
func (in *Init) salvagePipes(units []graph.ID) {
	outs := map[string]graph.ID{}
	for _, id := range units {
		if out, ok := proc.Readlink("/proc/" + strconv.Itoa(int(in.units[id].main)) + "/fd/1"); ok && strings.HasPrefix(out, "pipe:") {
			outs[out] = id
		}
	}
	var kept claims
	closed := proc.CloseInherited(func(fd int) bool {
		name, _ := proc.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if id, ok := outs[name]; ok && in.units[id].pipeR == 0 && readable(fd) && kept.claim(fd, unix.S_IFIFO) &&
			unix.SetNonblock(fd, true) == nil && in.poll.Add(fd, unix.EPOLLIN, tokLog|uint64(id)) == nil {
			in.units[id].pipeR = int32(fd)
			return true
		}
		if at, err := unix.Getsockname(fd); err == nil {
			if a, ok := at.(*unix.SockaddrUnix); ok && a.Name == in.socketPath() {
				unix.Shutdown(fd, unix.SHUT_RDWR) // the next one is bound before the child has closed this
			}
		}
		return false
	})
	if len(closed) > 0 {
		in.logs.Say(MsgWarn, "re-exec: ", numbers(closed), ": closed")
	}
}

// readable reports whether a descriptor is open for reading.
func readable(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY
}
