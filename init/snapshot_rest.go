package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// savedRest is what the init knows besides its units: what it was started with,
// its end, and the watches over the machine.
type savedRest struct {
	opt   Options
	env   []string
	texts []runText
	self  savedSelf
	// As they were, but for the way to the init and their children.
	end      ending
	critical critical
	booted   bootCheck
	dog      watchdog
	device   savedDevice
}

// savedSelf is of the init's own fields.
type savedSelf struct {
	Added    int
	Rescuing bool
	Reexecs  reexecs
}

// savedDevice is the watchdog's device that is open.
type savedDevice struct {
	FD, Seconds int
	Name        string
	Reset       bool
}

// reexecs counts the images that an init was.
type reexecs struct {
	Count int
	Last  string        // what the last one was for, of reexecWords; empty = there was none
	At    graph.Instant // of the last one
}

// reexecWords are what a re-exec is for: a request (SPEC 9), a bug, and disks that
// cannot become read-only under a program that was deleted (SPEC 8).
var reexecWords = [...]string{"upgrade", "panic", "end"}

var restPart = savedPart{put: putRest, check: checkRest, attach: attachRest, kinds: []savedKind{
	{"options", takeRest}, {"env", takeRest}, {"self", takeRest}, {"text", takeRest}, {"end", takeRest},
	{"end-now", takeRest}, {"end-step", takeRest}, {"critical", takeRest}, {"boot-check", takeRest}, {"watchdog", takeRest},
}}

func takeRest(s *saved, r *state.Record) error {
	switch r.Kind {
	case "options":
		return r.Load(s.opt.fields)
	case "env":
		s.env = append(s.env, "")
		return r.Load(func(f *state.Fields) { f.Text("v", &s.env[len(s.env)-1]) })
	case "self":
		return r.Load(s.self.fields)
	case "text":
		s.texts = append(s.texts, runText{})
		return r.Load(s.texts[len(s.texts)-1].fields)
	case "end":
		s.end.steps = &proc.End{}
		return r.Load(s.end.fields)
	case "critical":
		return r.Load(s.critical.fields)
	case "boot-check":
		return r.Load(s.booted.fields)
	case "watchdog":
		return r.Load(func(f *state.Fields) { s.dog.fields(f); s.device.fields(f) })
	}
	if s.end.steps == nil {
		return r.Wrong("there is no end")
	}
	var step proc.Step
	err := r.Load(func(f *state.Fields) { stepFields(f, &step) })
	switch wrong := step.Wrong(); {
	case err != nil:
		return err
	case wrong != "":
		return r.Wrong(wrong)
	case r.Kind == "end-now":
		s.end.step = step
	default:
		s.end.steps.Queue = append(s.end.steps.Queue, step)
	}
	return nil
}

func putRest(in *Init, k *keeper) {
	k.Put("options", in.opt.fields)
	for i := range in.env { // a record of its own for each: a long line is slow to read
		k.Put("env", func(f *state.Fields) { f.Text("v", &in.env[i]) })
	}
	self := savedSelf{Added: in.added, Rescuing: in.rescuing, Reexecs: in.reexecs}
	k.Put("self", self.fields)
	for i := range in.texts {
		k.Put("text", in.texts[i].fields)
	}
	if e := &in.end; e.stage != notEnding {
		k.Put("end", e.fields)
		if e.stage == lastSteps {
			if e.step.Limit != 0 {
				k.Put("end-now", func(f *state.Fields) { stepFields(f, &e.step) })
			}
			for i := range e.steps.Queue {
				k.Put("end-step", func(f *state.Fields) { stepFields(f, &e.steps.Queue[i]) })
			}
		}
	}
	k.Put("critical", in.critical.fields)
	k.Put("boot-check", in.booted.fields)
	k.fd(in.booted.out)
	if in.dog.path != "" {
		var d savedDevice
		if dev := in.dog.dev; dev != nil {
			d = savedDevice{FD: dev.FD, Seconds: dev.Seconds, Name: dev.Name, Reset: dev.Reset}
			k.fd(dev.FD)
		}
		k.Put("watchdog", func(f *state.Fields) { in.dog.fields(f); d.fields(f) })
	}
}

func (o *Options) fields(f *state.Fields) {
	f.Texts("config", &o.Config)
	f.Text("socket", &o.Socket)
	f.Text("target", &o.Target)
	f.Text("main", &o.Main)
	f.Bool("machine", &o.Machine)
	f.Bool("container", &o.Container)
	f.Bool("rescue", &o.Rescue)
}

func (s *savedSelf) fields(f *state.Fields) {
	state.Int(f, "added", &s.Added)
	f.Bool("rescuing", &s.Rescuing)
	state.Int(f, "reexecs", &s.Reexecs.Count)
	f.Text("reexec", &s.Reexecs.Last)
	state.Int(f, "reexec-at", &s.Reexecs.At)
}

func (t *runText) fields(f *state.Fields) {
	f.Text("path", &t.path)
	f.Text("text", &t.text)
}

// fields has the position in the end; the argument of reboot(2) and the power are
// those of halt.
func (e *ending) fields(f *state.Fields) {
	state.Int(f, "stage", &e.stage)
	state.Int(f, "kind", &e.halt.Kind)
	state.Int(f, "code", &e.halt.Code)
	state.Int(f, "timeout", &e.halt.Timeout)
	f.Text("arg", &e.halt.Arg)
	state.Int(f, "deadline", &e.deadline)
	state.Int(f, "until", &e.until)
	if s := e.steps; s != nil {
		f.Bool("owner", &s.Owner)
		state.Int(f, "phase", &s.Phase)
		state.Int(f, "round", &s.Round)
		state.Int(f, "last", &s.Last)
		state.Int(f, "unmount-until", &s.Deadline)
	}
}

func stepFields(f *state.Fields, s *proc.Step) {
	f.Text("what", &s.What)
	state.Int(f, "limit", &s.Limit)
	state.Int(f, "op", &s.Op.Kind)
	f.Texts("path", &s.Op.Paths)
	state.Int(f, "flags", &s.Op.Flags)
	state.Int(f, "cmd", &s.Op.Cmd)
	f.Text("arg", &s.Op.Arg)
}

func (c *critical) fields(f *state.Fields) {
	state.Int(f, "due-at", &c.dueAt)
	state.Int(f, "unit", &c.unit)
	state.Int(f, "good-at", &c.goodAt)
	state.Int(f, "until", &c.until)
}

func (b *bootCheck) fields(f *state.Fields) {
	f.Bool("open", &b.check.Open)
	state.Int(f, "limit", &b.check.Limit)
	state.Int(f, "since", &b.check.Since)
	f.Bool("look", &b.look)
	f.Text("name", &b.name)
	state.Int(f, "pid", &b.pid)
	state.Int(f, "until", &b.until)
	state.Int(f, "out", &b.out)
	f.Bytes("text", &b.text)
	state.Int(f, "taken", &b.taken)
}

func (d *watchdog) fields(f *state.Fields) {
	f.Text("path", &d.path)
	state.Int(f, "limit", &d.limit)
	f.Bool("fixed", &d.fixed)
	state.Int(f, "next", &d.next)
	state.Int(f, "wait", &d.wait)
	f.Text("said", &d.said)
}

func (d *savedDevice) fields(f *state.Fields) {
	state.Int(f, "fd", &d.FD)
	state.Int(f, "seconds", &d.Seconds)
	f.Text("name", &d.Name)
	f.Bool("reset", &d.Reset)
}

// attachRest takes all of it over. The children come with the processes.
func attachRest(in *Init, s *saved) {
	in.opt, in.env, in.texts = s.opt, s.env, s.texts
	in.added, in.rescuing, in.reexecs = s.self.Added, s.self.Rescuing, s.self.Reexecs
	in.trimAt = in.now + trimAfter

	s.end.in, s.end.child = in, in.end.child
	if in.end = s.end; in.end.stage == copySelf { // a bug came between: once more
		in.end.stage, in.end.until, in.end.deadline = killLeft, in.now, in.now
	}
	if in.end.stage < lastSteps {
		in.end.steps = nil
	} else {
		in.end.steps.Power, in.end.steps.Arg = powerOf(in.end.halt.Kind), in.end.halt.Arg
	}
	s.critical.in, s.critical.child = in, in.critical.child
	in.critical = s.critical
	s.booted.in, s.booted.child = in, in.booted.child
	in.booted = s.booted
	if out := in.booted.out; out != 0 && (!s.claim(out, unix.S_IFIFO) || in.poll.Add(out, unix.EPOLLIN, tokBoot) != nil) {
		in.logs.Say(MsgWarn, in.booted.name, ": what it prints is lost in the re-exec")
		in.booted.out = 0
	}
	s.dog.in = in
	in.dog = s.dog
	in.dog.goOn(s)
}

// goOn takes the device over, which has been open all the time, and feeds it at
// once: nobody has while the images changed.
func (d *watchdog) goOn(s *saved) {
	dev := &s.device
	switch {
	case dev.FD == 0:
	case !s.claim(dev.FD, unix.S_IFCHR):
		d.in.logs.Say(MsgWarn, "watchdog ", d.path, ": it is lost in the re-exec: it is opened again")
		d.next = d.in.now
	default:
		d.took(&proc.Watchdog{FD: dev.FD, Name: dev.Name, Seconds: dev.Seconds, Reset: dev.Reset})
		if d.next != 0 {
			d.feed()
		}
	}
}
