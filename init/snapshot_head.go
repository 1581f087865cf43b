package pid1

import (
	"errors"
	"strconv"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// savedHead is what a snapshot says of the init as a whole.
type savedHead struct {
	Pid  int
	Boot string        // the machine's boot (/proc/sys/kernel/random/boot_id), empty without /proc
	Tick uint64        // when the process was started, in ticks since the boot (proc_pid_stat(5), starttime)
	At   graph.Instant // when it was written
	Role Role
	Born graph.Instant
}

func (h *savedHead) fields(f *state.Fields) {
	state.Int(f, "pid", &h.Pid)
	f.Text("boot", &h.Boot)
	state.Int(f, "tick", &h.Tick)
	state.Int(f, "at", &h.At)
	state.Int(f, "role", &h.Role)
	state.Int(f, "born", &h.Born)
}

var headPart = savedPart{
	put: func(in *Init, k *keeper) {
		h := savedHead{Pid: in.pid, Boot: k.boot, At: in.now, Role: in.role, Born: in.born}
		h.Tick, _ = proc.StartTick(in.pid)
		k.Put("init", h.fields)
	},
	kinds: []savedKind{{"init", func(s *saved, r *state.Record) error { return r.Load(s.savedHead.fields) }}},
	check: func(s *saved) error {
		if s.Pid <= 0 || s.Role > Machine {
			return errors.New("snapshot: init: pid " + strconv.Itoa(s.Pid) + ", role " + strconv.Itoa(int(s.Role)) + ": there is no such init")
		}
		return nil
	},
	attach: func(in *Init, s *saved) { in.born = s.Born },
}
