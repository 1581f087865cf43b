package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// foreignTexts is the number that a next "add" has at least when it cannot be read
// how many there were: names of texts are never given twice.
const foreignTexts = 1 << 20

// salvageRest takes what can be read of a state that cannot be taken over, before the
// configuration is read: the units that were added at run time, which may have
// processes, the panics, or three would never be one after another, and the watchdog,
// which would reset the machine. Whether it stays is the configuration's to say.
func (in *Init) salvageRest(old *state.Snapshot) {
	s := saved{snap: old}
	self := false
	for i := range old.Records {
		switch r := &old.Records[i]; r.Kind {
		case "text", "watchdog":
			takeRest(&s, r)
		case "panics":
			if r.Load(s.bugs.fields) == nil {
				in.bugs.times = s.bugs.times
			}
		case "self":
			self = takeRest(&s, r) == nil && s.self.wrong() == ""
		}
	}
	if wrong := wrongTexts(s.texts); wrong == "" {
		in.texts = s.texts
	} else {
		in.logs.Say(MsgWarn, "re-exec: units that were added are lost: ", wrong)
	}
	if in.added = foreignTexts; self {
		in.added = s.self.Added
	}
	in.critical.cancel() // of another world, where parts of the state were taken over
	d, fd := &s.dog, s.device.FD
	if in.role != Machine || fd <= 2 || d.path == "" || in.dog.dev != nil {
		return
	}
	if _, _, wrong := graph.ParseWatchdog([]string{d.path}); wrong != "" || !s.claim(fd, unix.S_IFCHR) {
		return
	}
	if dev, err := proc.TakeWatchdog(fd); err == nil {
		in.dog.path, in.dog.limit = d.path, d.limit
		in.dog.took(dev)
		in.dog.feed()
	}
}

// salvageEnd goes on with an end that was under way. What of it is done is not known:
// it begins anew.
func (in *Init) salvageEnd(old *state.Snapshot) {
	for i := range old.Records {
		if old.Records[i].Kind != "world" {
			continue
		}
		var h graph.Halt
		err := old.Records[i].Load(func(f *state.Fields) {
			state.Int(f, "end", &h.Kind)
			state.Int(f, "end-code", &h.Code)
			f.Text("end-arg", &h.Arg)
		})
		if err == nil && h.Kind != graph.HaltNone && h.Kind <= graph.HaltHalt && (h.Kind == graph.HaltExit) == (in.role != Machine) {
			in.halt(h, "goes on, which was under way")
		}
		return
	}
}
