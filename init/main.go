package pid1

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// Main is the init in its roles of machine, container and supervisor. It
// returns only where the process is to end with that exit status: never on a
// machine, and never in an image that has services of the one before.
func Main(args []string) int {
	pid := unix.Getpid()
	initial := pid == 1 && proc.InitialPIDNamespace()
	opt, bad := ParseOptions(args, initial || pid == 1 && slices.Contains(args, "--machine"))
	s, old, why := inheritState()
	if bad != "" && old == nil { // else another version has known them
		complain(bad)
		return 2
	}
	in := &Init{opt: opt, pid: pid, uid: unix.Getuid(), role: roleOf(pid, initial, &opt), salvaged: old != nil,
		procs: make(map[int]*process), asks: make(map[graph.ID]*proc.Asking), mute: make(map[graph.ID]string)}
	if s != nil {
		in.role = s.Role
	}
	in.server.in, in.end.in, in.critical.in, in.dog.in, in.booted.in = in, in, in, in, in
	in.upgrade.in = in
	in.filer.worker = worker{in: in, what: "log files", word: "files", whose: helpFiler}
	in.syslog.worker = worker{in: in, what: "syslog", word: "syslog", whose: helpSyslog}
	proc.EnsureStdio(in.role == Machine)
	err := in.open()
	for n := 0; err != nil && in.salvaged && n < openTries; n++ {
		unix.Nanosleep(&unix.Timespec{Nsec: 100e6}, nil)
		err = in.open()
	}
	if err != nil {
		complain("cannot start: " + err.Error())
		if in.role == Machine {
			hold()
		}
		return 1
	}
	if s != nil {
		in.guarded(func() { in.resume(s) })
		if in.world != nil {
			in.salvaged = false
			proc.Lean()
			in.loop()
			return 0 // never, but else old would be in memory all the while
		}
		why = "the state cannot be taken over: a new start"
	}
	if code, ok := in.begin(old, why); !ok {
		return code
	}
	if old != nil {
		in.guarded(func() { in.salvage(old) })
		in.guarded(func() { in.salvageEnd(old) })
	}
	if !in.guarded(in.start) || !in.guarded(in.drain) {
		in.afterPanic()
	}
	in.loop()
	return 0
}

// openTries is how often an image with services of the one before tries to open what
// its loop stands on, a tenth of a second apart: memory may be short for a moment.
const openTries = 10

// begin makes the world, after what a machine needs first; old is what can be read of a
// state, and why what was wrong with it.
func (in *Init) begin(old *state.Snapshot, why string) (code int, ok bool) {
	if in.opt.Machine && in.role != Machine {
		in.logs.Say(MsgWarn, "--machine: this is pid ", strconv.Itoa(in.pid), ", not pid 1: it runs as a supervisor")
	}
	if old != nil {
		in.guarded(func() { in.salvageRest(old) })
	}
	if in.role == Machine {
		in.guarded(in.machineStart)
	} else if in.role == Supervisor || in.pid != 1 {
		if err := proc.Subreaper(); err != nil {
			in.logs.Say(MsgWarn, "cannot become a subreaper: ", err.Error(), ": daemons that fork twice are not seen")
		}
	}
	if why != "" { // now there is a console
		in.logs.Say(MsgWarn, "re-exec: ", why)
	}
	if code, ok = in.configure(); !ok {
		return code, false
	}
	if in.role == Machine {
		in.guarded(in.addRescue)
	}
	return 0, true
}

// complain writes a message when there are no logs yet; the write never waits.
func complain(text string) {
	fd, err := OpenConsole(2)
	if err != nil {
		return
	}
	b := []byte("mote: " + text + "\n")
	if _, err := unix.Write(fd, b); err == unix.ENOTSOCK {
		unix.SendmsgN(fd, b, nil, nil, unix.MSG_DONTWAIT)
	}
	unix.Close(fd)
}

// hold keeps a machine alive that cannot even start its loop: it reaps.
func hold() {
	for {
		for {
			pid, ok := proc.NextExit()
			if !ok {
				break
			}
			proc.Reap(pid)
		}
		unix.Nanosleep(&unix.Timespec{Sec: 1}, nil)
	}
}
