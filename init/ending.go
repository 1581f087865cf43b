package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// Bounds of the end after the units are down (SPEC 8).
const (
	leftoverTerm = graph.Instant(1e9) // between TERM and KILL for what is left
	leftoverKill = graph.Instant(1e9) // after KILL
	leftoverLook = graph.Instant(2e7) // how often it is looked whether any is left
)

// stage is a step of the end.
type stage uint8

const (
	notEnding stage = iota
	termLeft        // TERM was sent to what is left
	killLeft        // KILL was sent
	copySelf        // a child copies the program into memory: a machine alone
	lastSteps       // sync, unmount, read-only, reboot(2): a machine alone
	over            // a machine that even reboot(2) did not end: it stays
)

// ending is the end of the init once its units are down, or their deadline
// has passed. No step is waited for beyond its bound.
type ending struct {
	in       *Init
	halt     graph.Halt
	stage    stage
	deadline graph.Instant // when to look again; 0 = never
	until    graph.Instant // of the stage
	child    *process      // of the step under way
	steps    *proc.End
	step     proc.Step
	// Of copySelf: the copy on its way, and what has become of it.
	copy    *proc.ImageCopy
	image   *proc.Image
	copyErr error
}

// begin takes over from the world.
func (e *ending) begin(h graph.Halt) {
	if e.stage != notEnding {
		return
	}
	in := e.in
	e.halt, e.stage, e.until = h, termLeft, in.now+leftoverTerm
	e.deadline = in.now // as a rule nobody is left
	if left := in.alive(); left != "" {
		in.logs.Say(MsgWarn, "still running: ", left)
	}
	e.signalAll(unix.SIGTERM)
}

// alive names the units that still have a process.
func (in *Init) alive() string {
	list := ""
	for id := 0; id < in.world.Len(); id++ {
		if st := in.world.Status(graph.ID(id)); st.Gen != 0 || st.AuxGen != 0 {
			if len(list) > 200 {
				return list + " ..."
			}
			list += " " + in.name(graph.ID(id)) + " (pid " + strconv.Itoa(int(max(st.Pid, st.AuxPid))) + ")"
		}
	}
	return list
}

// signalAll signals what is left: everything below PID 1, or a supervisor's
// own descendants. The child that spares some looks at each process, which may
// hang: when it has not ended by the next stage, one that asks nobody is sent.
func (e *ending) signalAll(sig unix.Signal) {
	in := e.in
	if in.pid == 1 {
		pid, err := 0, error(nil)
		if e.child == nil {
			pid, err = proc.KillAll(int(sig))
		} else {
			pid, err = proc.Child(proc.Op{Kind: proc.OpKillAll, Signal: int(sig)})
		}
		if err != nil {
			in.logs.Say(MsgWarn, err.Error())
			return
		}
		e.take(pid, helpKill)
		return
	}
	if !proc.AnyChild() {
		return
	}
	if _, err := proc.KillDescendants(int(sig)); err != nil {
		in.logs.Say(MsgWarn, err.Error())
	}
}

// take makes a child that of the step under way; of the one before nobody is told.
func (e *ending) take(pid int, whose helper) {
	e.child.forget()
	e.child = &process{unit: graph.None, result: -1, helper: whose}
	e.in.procs[pid] = e.child
}

// anyLeft reports whether a process is left that must not stay: below PID 1
// everything that a signal to -1 would reach (kill(2)), else what is ours.
func (e *ending) anyLeft() bool {
	if e.in.pid == 1 {
		if n, err := proc.Living(); err == nil {
			return n > 0
		}
		// Without /proc: orphans are PID 1's children.
	}
	return proc.AnyChild()
}

// tick goes on when it is time to.
func (e *ending) tick() {
	in := e.in
	if e.stage == notEnding || e.deadline == 0 || in.now < e.deadline {
		return
	}
	if injecting {
		in.inject("end", "", graph.None)
	}
	switch e.stage {
	case termLeft, killLeft:
		if in.syslog.finish() {
			in.filer.finish()
		}
		if e.anyLeft() && in.now < e.until {
			e.deadline = in.now + leftoverLook
			return
		}
		if e.stage == termLeft && e.anyLeft() {
			e.stage, e.until = killLeft, in.now+leftoverKill
			e.signalAll(unix.SIGKILL)
			e.deadline = in.now + leftoverLook
			return
		}
		e.processesGone()
	case lastSteps:
		if e.child != nil { // its time is up: it hangs in the kernel
			in.logs.Say(MsgWarn, e.step.What, ": no answer in ", spanText(int64(e.step.Limit)), ": going on")
			e.child.forget()
			e.child = nil
		}
		e.next()
	}
}

// processesGone ends a container or supervisor, and goes on with the disks of a
// machine.
func (e *ending) processesGone() {
	in := e.in
	if in.role != Machine {
		in.exit(e.exitCode())
	}
	e.child.forget()
	e.child = nil
	e.steps = proc.NewEnd(powerOf(e.halt.Kind), e.halt.Arg)
	e.stage = lastSteps
	if proc.SelfDeleted() {
		e.copySelf()
		return
	}
	e.next()
}

// powerOf is what a verb means to the machine.
func powerOf(kind graph.HaltKind) proc.Power {
	switch kind {
	case graph.HaltReboot:
		return proc.PowerReboot
	case graph.HaltHalt:
		return proc.PowerHalt
	}
	return proc.PowerOff
}

// exitCode is what a container ends with: its main unit's code (SPEC 1). A
// supervisor ends with 0, but for a failed critical unit.
func (e *ending) exitCode() int {
	in := e.in
	main := in.world.Main()
	if in.role == Supervisor {
		if main != graph.None {
			return 0
		}
		return e.halt.Code
	}
	if e.halt.Code != 0 || main == graph.None {
		return e.halt.Code
	}
	st := in.world.Status(main)
	switch {
	case !st.HasExit || st.State == graph.Exited:
		return 0
	case st.ExitSignal != 0:
		return 128 + int(st.ExitSignal)
	}
	return int(st.ExitCode)
}

// next begins the next step of a machine's end.
func (e *ending) next() {
	in := e.in
	for {
		step, ok := e.steps.Next()
		if !ok {
			in.logs.Say(MsgWarn, "the machine did not end: switch it off")
			e.stage, e.deadline = over, 0
			return
		}
		in.logs.Say(MsgInfo, step.What)
		if e.steps.Final() {
			in.dog.last(e.halt.Kind)
		}
		pid, err := step.Start()
		if err != nil {
			in.logs.Say(MsgWarn, err.Error())
			continue
		}
		e.step = step
		e.take(pid, helpStep)
		e.deadline = in.now + graph.Instant(step.Limit)
		return
	}
}

// ended takes the end of the child.
func (e *ending) ended(p *process, ex proc.Exit) {
	if e.child != p {
		return
	}
	switch e.child = nil; e.stage {
	case copySelf:
		e.image, e.copyErr = e.copy.Image(ex)
	case lastSteps:
		if err := e.step.Outcome(ex); err != nil {
			e.in.logs.Say(MsgWarn, err.Error())
		}
		e.next()
	}
}
