package pid1

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// Who gets a cgroup: every service and tty of a machine or a container, and
// whatever has a key cgroup, or kill cgroup. A task has one only if it asks: what
// it leaves running when it is done, as boot scripts do, is to live on. A
// supervisor is one program among others and makes groups only where it is asked
// to: mkdir, rmdir and the clone are some 50 us beside the 80 of a spawn. The
// init's own group, below which they are, is made with the first of them.

// Bounds of the removal of a group in which processes are still on their way out.
const (
	groupTries = 8                   // each after twice the time of the one before
	groupFirst = graph.Instant(20e6) // the first
)

// The bits of unitIO.cgroup.
const (
	cgroupMade   uint8 = 1 << iota // the folder is there
	cgroupSaid                     // what does not work was said
	cgroupKilled                   // since it was made
	cgroupOOM                      // its last main process was killed for want of memory
)

// cgroups is the loop's side of the units' groups.
type cgroups struct {
	own   *proc.Cgroups // nil: not looked for yet
	tried bool          // and made
	at    graph.Instant // when to try again to remove some; 0 = none
}

// asksCgroup reports whether the unit's keys ask for a group.
func asksCgroup(u *graph.Unit) bool {
	return u.KillMode == graph.KillCgroup || u.Context != nil && u.Context.Cgroup != ""
}

// givesCgroup reports whether the unit is to have a group where that is possible.
func (in *Init) givesCgroup(u *graph.Unit) bool {
	return asksCgroup(u) || in.role != Supervisor && (u.Kind == graph.Service || u.Kind == graph.Tty)
}

// groupName is the folder of a unit. The kernel's own files in it end otherwise,
// and so does the init's leaf.
func groupName(u *graph.Unit) string { return u.Name + ".unit" }

// look finds where the init is in the tree; it changes nothing.
func (c *cgroups) look() *proc.Cgroups {
	if c.own == nil {
		c.own = proc.FindCgroups()
	}
	return c.own
}

// String is what the status of the system says: the mode, and what is missing.
func (c *cgroups) String() string {
	own := c.look()
	text := [...]string{proc.CgroupNone: "none", proc.CgroupHybrid: "hybrid", proc.CgroupV2: "v2"}[own.Mode]
	if own.Why != "" {
		text += " (" + own.Why + ")"
	}
	return text
}

// takeCgroups makes the init's own group if a unit is to have one: before the first
// unit starts, since a group with processes in it can have no controllers. On a
// machine and in a container the init goes to its leaf; a supervisor stays where
// it was put, unless controllers are to be had no other way.
func (in *Init) takeCgroups() {
	for id := 0; id < in.world.Len() && !in.cgroups.tried; id++ {
		if in.givesCgroup(in.world.Unit(graph.ID(id))) {
			if in.cgroups.take() && in.role != Supervisor {
				if err := in.cgroups.own.Leave(); err != nil {
					in.logs.Say(MsgWarn, "cgroups: cannot move to a group of its own: ", err.Error())
				}
			}
		}
	}
}

// take reports whether groups can be made.
func (c *cgroups) take() bool {
	own := c.look()
	if !c.tried {
		c.tried = true
		own.Take()
	}
	return own.Taken()
}

// enterCgroup puts the child to be into its unit's group and writes the settings,
// before the first process of an incarnation and before each main one. What there is not is said once; what the kernel refuses is a
// failed spawn.
func (in *Init) enterCgroup(u *graph.Unit, e *graph.Effect, spec *proc.Spec) *refusal {
	if !in.givesCgroup(u) {
		return nil
	}
	c, io := &in.cgroups, &in.units[e.Unit]
	settings := ""
	if u.Context != nil {
		settings = u.Context.Cgroup
	}
	switch taken := c.take(); {
	case !taken && !asksCgroup(u):
		return nil
	case !taken:
		what := "a stop signals its process group: "
		if settings != "" {
			what = "it runs without its settings: "
		}
		in.sayCgroup(u, io, what+c.own.Why)
		return nil
	}
	if io.cgroup&cgroupKilled != 0 {
		in.removedCgroup(e.Unit)
	}
	fresh := io.cgroup&cgroupMade == 0
	fd, err := c.own.Enter(groupName(u), !fresh)
	if err != nil {
		if !asksCgroup(u) {
			return nil
		}
		return cgroupRefusal("", err)
	}
	io.removals = 0 // it lives again
	io.cgroup |= cgroupMade
	spec.Cgroup, spec.Killed, spec.MayMiss = fd, io.cgroup&cgroupKilled != 0, !asksCgroup(u)
	spec.Throttled = settings != "" || !c.own.Calm(groupName(u))
	if !fresh && e.Role != graph.RoleMain {
		return nil
	}
	bad := in.setCgroup(u, io, settings)
	if bad != nil {
		unix.Close(fd)
	}
	return bad
}

// setCgroup writes a unit's settings.
func (in *Init) setCgroup(u *graph.Unit, io *unitIO, settings string) *refusal {
	own, missing := in.cgroups.own, ""
	for settings != "" {
		var key, value string
		key, value, settings = graph.CutSetting(settings)
		if reclaims(key) && own.Populated(groupName(u)) {
			continue // it has what was written when it was empty
		}
		switch err := own.Set(groupName(u), key, value); {
		case err == unix.ENOENT:
			missing += key + " "
		case err != nil:
			return cgroupRefusal(key+": ", err)
		}
	}
	if missing != "" {
		why := own.Why
		if why == "" {
			why = "no controller here has that file"
		}
		in.sayCgroup(u, io, "it runs without "+missing[:len(missing)-1]+": "+why)
	}
	return nil
}

// reclaims reports whether a write of the setting may have to free memory of who
// lives in the group, for which it sleeps before Linux 6.15 (admin-guide/cgroup-v2).
func reclaims(key string) bool { return key == "memory.max" || key == "memory.high" }

// sayCgroup says once what a unit does not get.
func (in *Init) sayCgroup(u *graph.Unit, io *unitIO, text string) {
	if io.cgroup&cgroupSaid == 0 {
		io.cgroup |= cgroupSaid
		in.logs.Say(MsgWarn, u.Name, ": cgroup: ", text)
	}
}

func cgroupRefusal(key string, err error) *refusal {
	r := &refusal{stage: "cgroup", text: key + err.Error()}
	r.errno, _ = err.(syscall.Errno)
	return r
}

// spawnInCgroup is proc.Spawn. A group in which the unit has enabled controllers
// takes no process of ours (EBUSY): it begins in one below.
func (in *Init) spawnInCgroup(u *graph.Unit, spec *proc.Spec) (proc.Process, error) {
	child, err := proc.Spawn(spec)
	if spec.Cgroup == 0 {
		return child, err
	}
	if f, ok := err.(*proc.Failure); ok && f.Stage == proc.StageCgroup && f.Errno == syscall.EBUSY {
		if side, bad := in.cgroups.own.EnterSide(groupName(u)); bad == nil {
			unix.Close(spec.Cgroup)
			spec.Cgroup, spec.Throttled = side, true
			child, err = proc.Spawn(spec)
		}
	}
	if f, ok := err.(*proc.Failure); ok && f.Stage == proc.StageCgroup && !asksCgroup(u) {
		unix.Close(spec.Cgroup)
		spec.Cgroup = 0
		return proc.Spawn(spec)
	}
	unix.Close(spec.Cgroup)
	return child, err
}

// signalCgroup sends a signal to all of a unit's processes, and reports whether
// it has a group to do so. Another than KILL reaches main, if that is not 0, in
// whatever group it is: it may have moved itself, or not come there yet.
func (in *Init) signalCgroup(id graph.ID, sig, main int) bool {
	if in.units[id].cgroup&cgroupMade == 0 {
		return false
	}
	name := groupName(in.world.Unit(id))
	if sig == int(unix.SIGKILL) {
		in.cgroups.own.Kill(name)
		in.units[id].cgroup |= cgroupKilled
	} else if !in.cgroups.own.Signal(name, sig, main) && main != 0 {
		proc.Kill(main, sig)
	}
	return true
}

// killRest ends what a unit's main process has left in its group (P4). A stop-exec
// that still runs lives there too: then its end is the time.
func (in *Init) killRest(p *process) {
	if p.unit == graph.None || in.units[p.unit].cgroup&cgroupMade == 0 ||
		in.world.Unit(p.unit).KillMode == graph.KillProcess {
		return
	}
	switch p.role {
	case graph.RoleMain:
		if aux := in.procs[int(in.world.Status(p.unit).AuxPid)]; aux != nil && aux.role == graph.RoleStop {
			return
		}
	case graph.RoleStop:
		if in.units[p.unit].main != 0 {
			return
		}
	default:
		return
	}
	in.killCgroup(p.unit)
}

// killCgroup ends all of a unit's processes, if there are any.
func (in *Init) killCgroup(id graph.ID) {
	if in.cgroups.own.Populated(groupName(in.world.Unit(id))) {
		in.signalCgroup(id, int(unix.SIGKILL), 0)
	}
}

// noteOOM takes the end of a unit's main process, which may be one of those that
// the kernel has killed for want of memory.
func (in *Init) noteOOM(id graph.ID, ex proc.Exit) {
	io := &in.units[id]
	io.cgroup &^= cgroupOOM
	if in.countOOM(id) && ex.Signal == int(unix.SIGKILL) {
		io.cgroup |= cgroupOOM
	}
}

// countOOM reports whether the kernel has killed processes of the unit for want
// of memory since the last look, and says so.
func (in *Init) countOOM(id graph.ID) bool {
	io := &in.units[id]
	if io.cgroup&cgroupMade == 0 {
		return false
	}
	n := in.cgroups.own.OOMKills(groupName(in.world.Unit(id))) - int64(io.oomSeen)
	if n <= 0 {
		return false
	}
	io.oomKills += uint32(n)
	io.oomSeen += uint32(n)
	in.logs.Say(MsgWarn, in.name(id), ": out of memory: the kernel has killed ", strconv.FormatInt(n, 10), " of its processes")
	return true
}

// restCgroup ends what is left in the group of a unit that has no process of its
// own any more, and removes it if the unit is at rest.
func (in *Init) restCgroup(id graph.ID, atRest bool) {
	io := &in.units[id]
	if io.cgroup&cgroupMade == 0 {
		return
	}
	u := in.world.Unit(id)
	if u.KillMode != graph.KillProcess {
		in.killCgroup(id)
	}
	if atRest {
		io.removals = 0
		in.removeCgroup(id)
	} else if io.cgroup&cgroupKilled == 0 {
		in.removedCgroup(id) // somebody else may have killed it: see proc.Cgroups.Kill
	}
}

// removeCgroup removes a unit's group, or plans to try again, when those that were
// killed have ended.
func (in *Init) removeCgroup(id graph.ID) {
	io := &in.units[id]
	if in.removedCgroup(id) {
		return
	}
	if io.removals++; io.removals > groupTries { // the next start finds it
		io.removals = 0
		if u := in.world.Unit(id); u.KillMode != graph.KillProcess && in.cgroups.own.Populated(groupName(u)) {
			in.logs.Say(MsgWarn, u.Name, ": processes in its cgroup do not end after KILL: they hang in the kernel")
		}
		return
	}
	if at := in.now + groupFirst<<io.removals; in.cgroups.at == 0 || at < in.cgroups.at {
		in.cgroups.at = at
	}
}

// removedCgroup reports whether a unit's group could be removed: it was empty.
func (in *Init) removedCgroup(id graph.ID) bool {
	in.countOOM(id)
	if in.cgroups.own.Remove(groupName(in.world.Unit(id))) != nil {
		return false
	}
	io := &in.units[id]
	io.cgroup &^= cgroupMade | cgroupKilled
	io.oomSeen, io.removals = 0, 0
	return true
}

// tickCgroups tries again to remove groups. There are few, for less than 10 s.
func (in *Init) tickCgroups() {
	if at := in.cgroups.at; at == 0 || at > in.now {
		return
	}
	in.cgroups.at = 0
	for id := range in.units {
		if in.units[id].removals > 0 {
			in.removeCgroup(graph.ID(id))
		}
	}
}
