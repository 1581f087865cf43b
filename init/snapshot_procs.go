package pid1

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// maxPid bounds a pid, as it does in what services say of theirs.
const maxPid = 1 << 30

// savedProc is a process, by its pid.
type savedProc struct {
	pid int
	*process
}

// fields has the process. The pipe's number of one whose exec is over is 0.
func (p savedProc) fields(f *state.Fields) {
	f.Bool("group", &p.group)
	f.Bool("adopted", &p.adopted)
	f.Bool("former", &p.former)
	f.Bool("stray", &p.stray)
	state.Int(f, "unit", &p.unit)
	state.Int(f, "gen", &p.gen)
	state.Int(f, "role", &p.role)
	state.Int(f, "helper", &p.helper)
	state.Int(f, "of", &p.of)
	state.Int(f, "watch", &p.watch)
	result, what, fail := max(p.result, 0), p.what, proc.Failure{}
	if p.fail != nil {
		fail = *p.fail
	}
	errno := int(fail.Errno)
	if result == 0 && errno == 0 {
		what = ""
	}
	state.Int(f, "result", &result)
	state.Int(f, "stage", &fail.Stage)
	state.Int(f, "errno", &errno)
	state.Int(f, "item", &fail.Item)
	if f.Text("what", &what); !f.Reading() {
		return
	}
	if p.result, p.what = result, what; result == 0 {
		p.result = -1
	}
	if fail.Errno = unix.Errno(errno); errno != 0 {
		p.fail = &fail
	}
}

func putProcs(in *Init, k *keeper) {
	pids := make([]int, 0, len(in.procs))
	for pid := range in.procs {
		pids = append(pids, pid)
	}
	ascend(pids)
	for _, pid := range pids {
		p := savedProc{pid, in.procs[pid]}
		k.Put("process", func(f *state.Fields) { state.Int(f, "pid", &p.pid); p.fields(f) })
		k.fd(p.result)
		k.fd(p.watch)
	}
	for _, list := range [...][]graph.Effect{in.checks, in.spawns} {
		for i := range list {
			if e := &list[i]; e.Kind == graph.Spawn { // what else there is attach finds again
				k.Put("spawn", func(f *state.Fields) { spawnFields(f, e) })
			}
		}
	}
}

// ascend sorts a list (Shell, with gaps that are halved): it is short, or nearly in
// order.
func ascend(list []int) {
	for gap := len(list) / 2; gap > 0; gap /= 2 {
		for i := gap; i < len(list); i++ {
			for j := i; j >= gap && list[j-gap] > list[j]; j -= gap {
				list[j-gap], list[j] = list[j], list[j-gap]
			}
		}
	}
}

func spawnFields(f *state.Fields, e *graph.Effect) {
	state.Int(f, "unit", &e.Unit)
	state.Int(f, "gen", &e.Gen)
	state.Int(f, "role", &e.Role)
	state.Int(f, "step", &e.Step)
	f.Text("result", &e.Result)
	state.Int(f, "code", &e.Code)
}

func takeProc(s *saved, r *state.Record) error {
	p := savedProc{process: &process{}}
	if err := r.Load(func(f *state.Fields) { state.Int(f, "pid", &p.pid); p.fields(f) }); err != nil {
		return err
	}
	last, wrong := 1, ""
	if n := len(s.procs); n > 0 {
		last = s.procs[n-1].pid
	}
	forUnit := p.helper >= helpCheck && p.helper <= helpTake
	switch {
	case p.pid <= last || p.pid > maxPid || p.pid == s.Pid:
		wrong = "pid " + strconv.Itoa(p.pid) + " cannot be, or is there twice"
	case p.unit != graph.None && !s.isUnit(p.unit) || forUnit && !s.isUnit(p.of):
		wrong = "there is no unit " + strconv.Itoa(int(max(p.unit, p.of)))
	case p.role > graph.RoleHealth || p.helper >= helperCount || p.helper != helpNone && p.unit != graph.None,
		(p.adopted || p.former) && (p.unit == graph.None || p.role != graph.RoleMain), p.stray && !p.adopted:
		wrong = "there is no such process"
	case p.what != "" && strings.Count(p.what, "\x00") != 4:
		wrong = "its words are not those of failWords"
	case p.what == "" && (p.unit != graph.None || p.helper == helpProbe || p.helper == helpTry):
		p.what = "\x00\x00\x00\x00"
	}
	if wrong == "" {
		wrong = s.wrongGen(p.gen)
	}
	if wrong == "" {
		wrong = s.wrongFD(p.watch, max(p.result, 0))
	}
	if wrong != "" {
		return r.Wrong(wrong)
	}
	s.procs = append(s.procs, p)
	return nil
}

func takeSpawn(s *saved, r *state.Record) error {
	e := graph.Effect{Kind: graph.Spawn}
	if err := r.Load(func(f *state.Fields) { spawnFields(f, &e) }); err != nil {
		return err
	}
	wrong := s.wrongGen(e.Gen)
	switch {
	case !s.isUnit(e.Unit):
		wrong = "there is no unit " + strconv.Itoa(int(e.Unit))
	case e.Role > graph.RoleHealth || e.Gen == 0:
		wrong = "there is no such process"
	}
	if wrong != "" {
		return r.Wrong(wrong)
	}
	s.spawns = append(s.spawns, e)
	return nil
}

// wrongGen says that a generation is not given yet, or there twice: each process
// that is, or is to be made, has its own; 0 is none.
func (s *saved) wrongGen(gen uint64) string {
	switch {
	case gen == 0:
		return ""
	case gen > s.worldIn.Saved().Gen:
		return "generation " + strconv.FormatUint(gen, 10) + " was not given yet"
	case s.gens[gen]:
		return "generation " + strconv.FormatUint(gen, 10) + " is there twice"
	case s.gens == nil:
		s.gens = make(map[uint64]bool)
	}
	s.gens[gen] = true
	return ""
}

// takeBack makes a process again what it was.
func (in *Init) takeBack(s *saved, p savedProc) {
	if in.procs[p.pid] = p.process; p.unit == graph.None {
		in.giveBack(p)
	} else {
		in.belongs(p)
	}
	if fd := p.result; fd > 0 {
		if !s.claim(fd, unix.S_IFIFO) {
			p.result = -1
			in.executed(p.process, nil)
		} else if in.poll.Add(fd, unix.EPOLLIN, tokResult|uint64(p.pid)) != nil {
			in.again = true
		}
	}
	if !p.stray {
		if ours, _, _ := proc.ChildState(p.pid); !ours {
			in.lost = append(in.lost, p.pid)
		}
		return
	}
	if !s.claim(p.watch, 0) || in.poll.Add(p.watch, unix.EPOLLIN, tokStray|uint64(p.pid)) != nil {
		p.watch = 0
		in.watchStray(p.process, p.pid)
	}
}

// belongs gives a unit its process back.
func (in *Init) belongs(p savedProc) {
	u, st := &in.units[p.unit], in.world.Status(p.unit)
	switch {
	case p.former:
		w := in.word(p.unit)
		w.former = append(w.former, int32(p.pid))
	case p.role == graph.RoleMain && p.gen == st.Gen:
		u.main = int32(p.pid)
		u.log.SetPid(p.pid)
	case p.role == graph.RoleReload && p.gen == st.AuxGen:
		u.renew = int32(p.pid)
	}
}

// giveBack gives one of the init's own back to whom it was made for.
func (in *Init) giveBack(p savedProc) {
	switch p.helper {
	case helpLook:
		if p.gen != 0 && p.gen == in.world.Status(p.of).Probe {
			in.word(p.of).looker = p.pid
		}
	case helpProbe, helpTry:
		if h := in.units[p.of].health; h != nil {
			h.pid = int32(p.pid)
		}
	case helpTake:
		u := &in.units[p.of]
		u.taker = int32(p.pid)
		in.poll.Modify(int(u.notify), 0, tokNotify|uint64(p.of))
	case helpClose:
		in.keeping.closers++
	case helpFiler:
		in.filer.adopt(p.process)
	case helpSyslog:
		in.syslog.adopt(p.process)
	case helpBoot:
		in.booted.child = p.process
	case helpCount:
		if in.critical.child = p.process; in.critical.until == 0 {
			p.forget()
		}
	case helpKill, helpStep:
		if in.end.child = p.process; in.end.stage == notEnding || p.helper == helpStep && in.end.stage != lastSteps {
			p.forget()
		}
	}
}

// lostEnded tells of the end of those that were no children any more when this image
// began, which only a fault of the one before makes so.
func (in *Init) lostEnded() {
	for _, pid := range in.lost {
		p := in.procs[pid]
		if p == nil {
			continue
		}
		what := "one of its own"
		if p.unit != graph.None {
			what = in.name(p.unit)
		}
		in.logs.Say(MsgWarn, "re-exec: ", what, ": process ", strconv.Itoa(pid), " is no child any more: how it ended is not known, and taken as a failure")
		in.readResult(pid)
		if p.result >= 0 {
			in.closeResult(p)
		}
		if !p.former {
			in.killRest(p)
		}
		delete(in.procs, pid)
		in.ended(p, proc.Exit{Pid: pid, Code: unknownExit})
	}
	in.lost = nil
}

// goOn begins again what is under way in the world and went with the image before, or
// was lost: looks and connections, which have no process, with the deadline that they
// had, and what a unit waits for. Nothing is to wait for ever.
func (in *Init) goOn(s *saved) {
	known := s.gens
	if known == nil {
		known = make(map[uint64]bool)
	}
	for i := range s.bugs.kept {
		known[s.bugs.kept[i].Gen] = true // the world will hear what became of it
	}
	for id := range graph.ID(len(in.units)) {
		in.guarded(func() { in.goOnWith(id, known) })
	}
}

// goOnWith does so for one unit; known are the generations that have a process.
func (in *Init) goOnWith(id graph.ID, known map[uint64]bool) {
	if injecting {
		in.inject("attach", "begun", id)
	}
	st, io := in.world.Status(id), &in.units[id]
	again := func(kind graph.EffectKind, gen uint64) {
		in.checks = append(in.checks, graph.Effect{Kind: kind, Unit: id, Gen: gen})
	}
	for _, gen := range [...]uint64{st.Gen, st.AuxGen} {
		if gen != 0 && !known[gen] && (st.Phase != graph.PhaseDaemon || gen != st.Gen) {
			in.logs.Say(MsgWarn, "re-exec: ", in.name(id), ": nobody knows its process: taken as a failure")
			in.queue = append(in.queue, graph.Event{Kind: graph.Ended, Unit: id, Gen: gen, Code: unknownExit})
		}
	}
	h := io.health
	if h != nil && h.gen != st.Probe {
		h.gen = 0 // nobody waits for it
	}
	if st.Probe != 0 && !known[st.Probe] && (h == nil || h.gen == 0 || h.pid == 0) {
		kind := graph.Probe
		if u := in.world.Unit(id); st.State == graph.Starting && (u.Ready.Kind == graph.ReadyPidfile || u.Ready.Kind == graph.ReadyPath) {
			kind = graph.Look
		}
		again(kind, st.Probe)
	}
	if st.Phase == graph.PhaseCheck && !in.looksAt(id) {
		again(graph.Check, 0)
	}
	if st.State != graph.Waiting || st.Fired || st.Due != 0 {
		return
	}
	switch u := in.world.Unit(id); {
	case u.AskFirst && in.asks[id] == nil:
		again(graph.Ask, 0)
	case u.Duties().OnDemand && (io.socks == nil || !io.socks.polled):
		again(graph.Open, 0)
	}
}

// looksAt reports whether a child looks at a unit's "if" lines.
func (in *Init) looksAt(id graph.ID) bool {
	for _, p := range in.procs {
		if p.helper == helpCheck && p.of == id {
			return true
		}
	}
	return false
}
