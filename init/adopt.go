package pid1

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// strayLook is how often it is looked whether a main process lives that is no
// child of the init's, on a kernel that does not tell of its end (before 5.3).
const strayLook = graph.Instant(1e9)

// unknownExit stands for the exit status of a process that another one has
// reaped: nobody knows whether it did well, so it counts as a failure.
const unknownExit = 255

// adoptMain makes a process that the unit's own has started its main process. What
// was that before is reaped when it ends, and tells nothing any more.
func (in *Init) adoptMain(e *graph.Effect) {
	u, pid := &in.units[e.Unit], int(e.Pid)
	if old := in.procs[int(u.main)]; old != nil && old.unit == e.Unit {
		in.unwatch(old)
		old.gen, old.group, old.former = 0, false, true
		in.keepFormer(e.Unit, u.main)
	}
	p := in.procs[pid]
	if p == nil {
		p = &process{unit: e.Unit, role: graph.RoleMain, result: -1}
		in.procs[pid] = p
	}
	p.gen, p.former, p.adopted = e.Gen, false, true
	p.group = in.world.Unit(e.Unit).KillMode != graph.KillProcess
	u.main, u.sid = e.Pid, 0
	if sid, err := unix.Getsid(pid); err == nil && sid != in.sid() {
		u.sid = int32(sid)
	}
	u.log.SetPid(pid)
	if ours, _, _ := proc.ChildState(pid); !ours {
		in.watchStray(p, pid)
	}
}

// keepFormer notes who was the main process, among those that live yet.
func (in *Init) keepFormer(id graph.ID, pid int32) {
	w := in.word(id)
	kept := w.former[:0]
	for _, old := range w.former {
		if old != pid && in.isFormer(id, old) {
			kept = append(kept, old)
		}
	}
	w.former = append(kept, pid)
}

func (in *Init) isFormer(id graph.ID, pid int32) bool {
	p := in.procs[int(pid)]
	return p != nil && p.former && p.unit == id
}

// sid is the init's own session, which no unit is in.
func (in *Init) sid() int {
	sid, _ := unix.Getsid(0)
	return sid
}

// watchStray waits for the end of a main process that is another one's child. If
// that one ends first it becomes the init's, and is reaped as any.
func (in *Init) watchStray(p *process, pid int) {
	fd, gone := proc.PidFD(pid)
	if gone {
		in.strayEnded(pid)
		return
	}
	if p.stray = true; fd >= 0 && in.poll.Add(fd, unix.EPOLLIN, tokStray|uint64(pid)) == nil {
		p.watch = fd
		return
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	if in.strayAt == 0 {
		in.strayAt = in.now + strayLook
	}
}

func (in *Init) unwatch(p *process) {
	if p.stray = false; p.watch > 0 {
		in.poll.Remove(p.watch)
		unix.Close(p.watch)
		p.watch = 0
	}
}

// lookForStrays is for a kernel without pidfd_open(2).
func (in *Init) lookForStrays() {
	in.strayAt = 0
	for id := range in.units {
		pid := int(in.units[id].main)
		if p := in.procs[pid]; p == nil || !p.stray || p.watch > 0 {
			continue
		}
		if proc.Alive(pid) {
			in.strayAt = in.now + strayLook
		} else {
			in.strayEnded(pid)
		}
	}
}

// strayEnded tells of the end of such a process, with its exit status where that
// can be known (proc.ExitOf).
func (in *Init) strayEnded(pid int) {
	p := in.procs[pid]
	if p == nil || !p.adopted {
		return
	}
	in.unwatch(p)
	if ours, _, _ := proc.ChildState(pid); ours {
		in.signaled, in.again = true, true // its parent is gone: it is reaped as any
		return
	}
	ex, known := proc.ExitOf(pid)
	if !known {
		ex = proc.Exit{Pid: pid, Code: unknownExit}
		in.logs.Say(MsgWarn, in.name(p.unit), ": main process ", strconv.Itoa(pid),
			" was not the init's child: how it ended is not known, and taken as a failure")
	}
	in.lastWords(p)
	in.killLeft(p, pid)
	delete(in.procs, pid)
	in.ended(p, ex)
}

// killLeft kills what is left of the group of a process that has ended (P4). The
// group of an adopted one need not have its number: a daemon that has forked
// twice is in its parent's. While the process is not reaped the group's number
// is no stranger's.
func (in *Init) killLeft(p *process, pid int) {
	if !p.group {
		return
	}
	if !p.adopted {
		proc.KillGroup(pid, int(unix.SIGKILL))
		return
	}
	if group := in.groupOf(p, pid); group > 1 {
		unix.Kill(-group, unix.SIGKILL)
	}
	in.strew(p.unit)
	w := in.word(p.unit)
	for _, old := range w.former { // the main processes before this one
		if in.isFormer(p.unit, old) {
			proc.KillGroup(int(old), int(unix.SIGKILL))
		}
	}
	w.former = nil
}

// signalAdopted sends a stop schedule's signal to the group of an adopted process,
// if it is asked for and there is one, and reports whether that is all. One that
// is no child may be gone, and its number another's.
func (in *Init) signalAdopted(p *process, e *graph.Effect) bool {
	if p.stray && !proc.Alive(int(e.Pid)) {
		return true
	}
	group := 0
	if e.Group {
		group = in.groupOf(p, int(e.Pid))
	}
	if group > 1 {
		return unix.Kill(-group, unix.Signal(e.Sig)) == nil
	}
	return proc.Kill(int(e.Pid), int(e.Sig)) == nil
}

// groupOf gives the process group of an adopted process, 0 when that is none of
// the unit's: the init's own, or one that another unit's process leads.
func (in *Init) groupOf(p *process, pid int) int {
	group, err := unix.Getpgid(pid)
	if err != nil || group <= 1 || group == unix.Getpgrp() {
		return 0
	}
	if lead := in.procs[group]; lead != nil && lead.unit != p.unit {
		return 0
	}
	return group
}

// leaves reports whether a process that has ended has, as far as one can tell,
// left a daemon behind, whose group may be its own: the world will wait for that.
func (in *Init) leaves(p *process, pid int) bool {
	if p.unit == graph.None || p.role != graph.RoleMain || p.adopted || in.world.Unit(p.unit).Ready.Kind != graph.ReadyPidfile {
		return false
	}
	st := in.world.Status(p.unit)
	if st.Gen != p.gen || st.State != graph.Starting || st.Phase != graph.PhaseMain {
		return false
	}
	_, _, clean := proc.ChildState(pid)
	return clean
}

// strew kills what a starter that has ended has left in its group, unless the
// number belongs to a process again. The group keeps it from that while anybody
// is in it.
func (in *Init) strew(id graph.ID) {
	u := &in.units[id]
	if starter := int(u.starter); starter > 1 && unix.Kill(starter, 0) == unix.ESRCH {
		unix.Kill(-starter, unix.SIGKILL)
	}
	u.starter = 0
	in.signalCgroup(id, int(unix.SIGKILL), 0)
}

// look looks for what is to be there when a service is ready. A path on a network
// or FUSE mount is looked at by a child, as "if exists" is.
func (in *Init) look(e *graph.Effect) {
	u := in.world.Unit(e.Unit)
	ev := graph.Event{Kind: graph.Probed, Unit: e.Unit, Gen: e.Gen}
	switch remote := proc.OnNetworkOrFuse(u.Ready.Arg); {
	case u.Ready.Kind == graph.ReadyPath && remote:
		in.lookFar(e, u.Ready.Arg)
		return
	case u.Ready.Kind == graph.ReadyPath:
		if !proc.Exists(u.Ready.Arg) {
			ev.Text = u.Ready.Arg + " is not there"
		}
	case remote:
		ev.Text = "pid file " + u.Ready.Arg + " is on a network or FUSE mount: put it under /run"
	default:
		pid, bad := in.pidOf(e.Unit, u)
		if ev.Pid = int32(pid); bad != "" {
			ev.Pid, ev.Text = 0, "pid file "+u.Ready.Arg+" "+bad
		}
	}
	in.saw(ev)
}

// saw keeps why a look did not find the service ready, and tells the world.
func (in *Init) saw(ev graph.Event) {
	if ev.Text != "" || in.units[ev.Unit].said != nil {
		in.word(ev.Unit).error = ev.Text
	}
	in.queue = append(in.queue, ev)
	in.drain()
}

// lookFar has a child look whether a path is there.
func (in *Init) lookFar(e *graph.Effect, path string) {
	child, err := proc.Spawn(proc.NewSpec([]string{"/proc/self/exe"}, []string{"mote", condWord, "no", "?", path, ""}, nil))
	if err != nil {
		in.saw(graph.Event{Kind: graph.Probed, Unit: e.Unit, Gen: e.Gen, Text: path + " cannot be looked for: " + err.Error()})
		return
	}
	in.word(e.Unit).looker = child.Pid
	in.help(&child, &process{helper: helpLook, of: e.Unit, gen: e.Gen})
}

// lookedFar takes the end of that child.
func (in *Init) lookedFar(p *process, well bool) {
	ev := graph.Event{Kind: graph.Probed, Unit: p.of, Gen: p.gen}
	if !well {
		ev.Text = in.world.Unit(p.of).Ready.Arg + " is not there"
	}
	in.saw(ev)
}

// unlook ends the child of a look that nobody waits for.
func (in *Init) unlook(e *graph.Effect) {
	if w := in.units[e.Unit].said; w != nil && w.looker > 0 {
		if p := in.procs[w.looker]; p != nil && p.unit == graph.None && p.gen == e.Gen {
			proc.Kill(w.looker, int(unix.SIGKILL))
		}
	}
}

// maxPidFile bounds a pid file: a number and a line end, and room for blanks.
const maxPidFile = 64

// pidOf gives the process that a pid file holds, or what is wrong with it.
func (in *Init) pidOf(id graph.ID, u *graph.Unit) (pid int, bad string) {
	path := u.Ready.Arg
	text, st, err := proc.ReadOwned(path, maxPidFile)
	if err == unix.ENOENT {
		return 0, "is not there"
	}
	if err != nil {
		return 0, "cannot be used: " + err.Error()
	}
	if uid := in.units[id].uid; st.Uid != 0 && st.Uid != uint32(in.uid) && st.Uid != uid {
		return 0, "belongs to uid " + strconv.Itoa(int(st.Uid)) + ": it must be root's or the service's own"
	}
	if w := in.units[id].said; w != nil && w.stale == fileMark(text, &st) {
		return 0, "is that of an earlier run"
	}
	word := strings.TrimSpace(string(text))
	if word == "" {
		return 0, "is empty"
	}
	n := numberOf([]byte(word), 1<<30)
	if n == 0 {
		return 0, "holds " + strconv.QuoteToASCII(word) + ": that is no pid"
	}
	if bad = in.noDaemon(id, u, int(n)); bad != "" {
		return 0, "holds " + word + ": " + bad
	}
	return int(n), ""
}

// fileMark tells a file that was written anew from the one that was there: of
// two that are written within one tick of the kernel's clock, the content.
func fileMark(text []byte, st *unix.Stat_t) string {
	sec, nsec := st.Ctim.Unix()
	return strconv.FormatUint(st.Ino, 10) + " " + strconv.FormatInt(sec, 10) + " " + strconv.FormatInt(nsec, 10) + " " + string(text)
}

// noDaemon says why a process cannot be the unit's daemon; "" is that it can.
func (in *Init) noDaemon(id graph.ID, u *graph.Unit, pid int) string {
	p := in.procs[pid]
	ours, ended, _ := proc.ChildState(pid)
	uid, known := proc.UserOf(pid)
	switch {
	case pid == in.pid || pid == 1:
		return "that is the init"
	case p != nil && p.unit == id && pid == int(in.units[id].main):
		return ""
	case p != nil:
		return "that is another process that the init knows"
	case ended || !ours && !proc.Alive(pid):
		return "there is no such process"
	case !ours:
		return "that is not the init's child yet: its parent must end first"
	case u.User != "" && in.units[id].uid != 0 && (!known || uid != in.units[id].uid):
		return "that is not a process of user " + u.User
	}
	return ""
}

// sayLate says what a service that was not ready in time was waited for, and
// keeps it for those who ask.
func (in *Init) sayLate(id graph.ID, name string) {
	u := in.world.Unit(id)
	text := "not ready after " + spanText(int64(u.StartTimeout))
	w := in.word(id)
	if w.error == "" {
		w.error = waitedFor(u)
	}
	if w.error != "" {
		text += ": " + w.error
	}
	in.logs.Say(MsgWarn, name, ": ", text)
}

// waitedFor says what makes a service ready, where no look can tell more.
func waitedFor(u *graph.Unit) string {
	switch u.Ready.Kind {
	case graph.ReadyNotify:
		return "it did not send READY=1: raise start-timeout, or write another ready"
	case graph.ReadyFD:
		return "raise start-timeout or write a newline to fd " + strconv.Itoa(u.Ready.FD)
	case graph.ReadyLog:
		return "it did not write " + strconv.QuoteToASCII(u.Ready.Arg)
	case graph.ReadySpawn, graph.ReadyPidfile, graph.ReadyPath, graph.ReadyHealth:
	}
	return ""
}
