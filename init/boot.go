package pid1

import (
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// Where units are read from when nothing else is said (SPEC 2).
const (
	systemPath   = "/etc/mote/system"
	servicesPath = "/etc/mote/services"
)

// trimAfter is when memory that only the start needed is given back.
const trimAfter = graph.Instant(3e9)

// Shutdown deadlines by role (SPEC 8).
const (
	machineTimeout = 30 * time.Second
	otherTimeout   = 8 * time.Second
)

// open makes what the loop stands on: signals first of all.
func (in *Init) open() error {
	var err error
	if in.sigs, err = proc.OpenSignals(); err != nil {
		return err
	}
	if in.poll, err = proc.NewPoll(); err != nil {
		return err
	}
	if in.timer, err = proc.NewTimer(); err != nil {
		return err
	}
	if proc.Lean(); in.salvaged {
		proc.Roomy() // a state is taken over
	}
	proc.RaiseFiles()
	in.arena = proc.NewArena()
	in.logs = NewLogs(in.arena)
	in.logs.OnHold, in.logs.OnBlocked, in.logs.OnFile = in.holdLog, in.sinkBlocked, in.filer.open
	in.now, in.wall = graph.Instant(proc.Now()), proc.Wall()
	in.born = in.now
	in.logs.SetClock(in.wall, in.now)
	in.logs.SetOwn(MsgInfo, true, false)
	if in.role != Machine {
		in.openConsole()
	}
	in.env = inherited(proc.Environ())
	if err := in.poll.Add(in.sigs.FD(), unix.EPOLLIN, tokSignals); err != nil {
		return err
	}
	return in.poll.Add(in.timer.FD(), unix.EPOLLIN, tokTimer)
}

// token makes a name that nobody guesses or has taken, for a notify socket:
// abstract names are shared by all who share the network namespace.
func token(pid int) string {
	var b [8]byte
	if n, err := unix.Getrandom(b[:], unix.GRND_NONBLOCK); err != nil || n != len(b) {
		binary(b[:], uint64(proc.Wall())^uint64(pid)<<48) // too early for the kernel's pool
	}
	const digits = "0123456789abcdef"
	var out [16]byte
	for i, c := range b {
		out[2*i], out[2*i+1] = digits[c>>4], digits[c&15]
	}
	return string(out[:])
}

// binary writes a number, the lowest byte first.
func binary(b []byte, v uint64) {
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
}

// openConsole gives the logs a descriptor of their own for stderr, which on a
// machine is the console; without one a machine's messages go to the kernel's log.
func (in *Init) openConsole() {
	fd, err := OpenConsole(2)
	if err != nil {
		in.logs.SetOwn(in.logs.level, false, in.role == Machine)
		return
	}
	in.logs.SetConsole(fd)
}

// configure reads the configuration and makes the world of it. ok is false
// when the init must not run: its exit status is the code.
func (in *Init) configure() (code int, ok bool) {
	whole := in.guarded(func() { in.conf = in.load(in.texts, "") })
	if !whole {
		in.conf = graph.Load(textSource(""), nil) // as if there were none
	}
	if in.role == Machine && len(in.conf.Units) == 0 {
		in.reportFaults()
		opt := in.conf.Options // of files that have nothing else
		in.conf = in.embedded()
		in.conf.Options = opt
	}
	in.settleMain(in.conf)
	in.reportFaults()
	if in.role != Machine && len(in.conf.Units) == 0 && (in.faulty() || !whole) && !in.salvaged {
		in.logs.Say(MsgWarn, "no unit can be read: nothing to do")
		return 1, false
	}
	in.world = graph.NewWorld(in.conf.Units)
	for id := 0; id < in.world.Len(); id++ {
		in.openUnit(graph.ID(id))
	}
	in.setOptions()
	in.world.SetZone(in.local)
	in.findTimed()
	if in.conf.Main == "" || in.role == Machine {
		return 0, true
	}
	id, found := in.find(in.conf.Main)
	if !found {
		in.logs.Say(MsgWarn, "main unit ", strconv.Quote(in.conf.Main), " is not in the configuration: write a unit of that name")
		return 1, in.salvaged
	}
	in.world.SetMain(id)
	return 0, true
}

func (in *Init) faulty() bool {
	for _, f := range in.conf.Faults {
		if !f.Warning {
			return true
		}
	}
	return false
}

// Roots are the places to read, system units first (SPEC 2): the given ones, or
// the default ones; system units are a machine's alone.
func Roots(paths []string, machine bool) []graph.Root {
	var roots []graph.Root
	for _, path := range paths {
		roots = append(roots, graph.Root{Path: path, Class: graph.User})
	}
	if len(roots) > 0 {
		return roots
	}
	if machine {
		return []graph.Root{{Path: systemPath, Class: graph.System, Optional: true},
			{Path: servicesPath, Class: graph.User, Optional: true}}
	}
	return []graph.Root{{Path: servicesPath, Class: graph.User}}
}

func (in *Init) reportFaults() {
	for i := range in.conf.Faults {
		f := &in.conf.Faults[i]
		if f.Warning {
			in.logs.Say(MsgInfo, "warning: ", f.String())
		} else {
			in.logs.Say(MsgWarn, f.String())
		}
	}
}

// openUnit makes the loop's side of a unit.
func (in *Init) openUnit(id graph.ID) {
	u := in.world.Unit(id)
	for int(id) >= len(in.units) {
		in.units = append(in.units, unitIO{})
	}
	in.units[id].log = in.logs.Open(u.Name, u.Log)
	in.checkFed(id)
}

// find gives the unit of a name, made from its template if need be.
func (in *Init) find(name string) (graph.ID, bool) {
	if id, ok := in.world.Find(name); ok {
		return id, true
	}
	return in.instantiate(name)
}

// instantiate makes an instance of a template, and those that it names.
func (in *Init) instantiate(name string) (graph.ID, bool) {
	before := len(in.conf.Units)
	_, faults, ok := in.conf.Instantiate(name)
	if !ok {
		return graph.None, false
	}
	for i := range faults {
		in.logs.Say(MsgWarn, faults[i].String())
	}
	in.conf.Faults = append(in.conf.Faults, faults...)
	for _, u := range in.conf.Units[before:] {
		if id, ok := in.world.Add(u); ok {
			in.openUnit(id)
		}
	}
	in.findTimed()
	in.readClocks(true)
	return in.world.Find(name)
}

// start binds the socket and has the units boot with the next drain, whatever else
// goes wrong here.
func (in *Init) start() {
	root := graph.None
	defer func() {
		// Spawned and Executed of each
		in.queue = append(append(make([]graph.Event, 0, 2*in.world.Len()+1), in.queue...), graph.Event{Kind: graph.Boot, Unit: root})
	}()
	in.bind(in.socketPath())
	in.logs.Say(MsgInfo, Version, " ", in.role.String(), ", pid ", strconv.Itoa(in.pid), ", ", strconv.Itoa(in.world.Len()),
		" units, signals: ", in.sigs.Mode(), ", socket ", orNone(in.server.path))
	root = in.target()
	if in.opt.Rescue {
		if id, ok := in.rescueUnit(); ok {
			in.rescuing = true
			root = id
			in.logs.Say(MsgWarn, "rescue ", in.rescueKind().String(), " asked for: leave it to boot on")
		} else {
			in.logs.Say(MsgWarn, "rescue asked for, but ", in.noRescue(), ": the boot goes on")
		}
	}
	in.takeCgroups()
	in.syslog.listen(in.conf.Options.Syslog)
	in.critical.boot()
	if !in.rescuing {
		in.booted.begin()
	}
	in.trimAt = in.now + trimAfter
	in.readClocks(true)
}

// socketPath is where the control socket is to be.
func (in *Init) socketPath() string {
	if in.opt.Socket == "" {
		in.opt.Socket = proc.SocketPath(in.uid, func(name string) string { v, _ := unix.Getenv(name); return v })
	}
	return in.opt.Socket
}

// target is the unit that the boot is about, or None for all of them. A machine
// boots without the one that is not there; elsewhere that ends the init.
func (in *Init) target() graph.ID {
	if in.opt.Target == "" {
		return graph.None
	}
	id, ok := in.find(in.opt.Target)
	if ok {
		return id
	}
	what := "target " + strconv.Quote(in.opt.Target) + " is not in the configuration: "
	if in.role != Machine && !in.salvaged {
		in.logs.Say(MsgWarn, what, "name a unit that is there with -t")
		in.exit(1)
	}
	in.logs.Say(MsgWarn, what, "every unit is started")
	return graph.None
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// bind makes the control socket. One that answers is never taken: a second
// supervisor ends there, PID 1 runs on without one (SPEC 2).
func (in *Init) bind(path string) {
	err := in.server.listen(path)
	if err == nil {
		return
	}
	if errors.Is(err, proc.ErrAnswered) {
		if in.role == Supervisor && !in.salvaged {
			in.logs.Say(MsgWarn, err.Error(), ": name another one with -s")
			in.exit(1)
		}
		in.logs.Say(MsgWarn, err.Error(), ": this init runs without a socket")
		return
	}
	other := proc.AbstractName(in.pid)
	if again := in.server.listen(other); again != nil {
		in.logs.Say(MsgWarn, err.Error(), "; ", again.Error(), ": this init runs without a socket; HUP tries again")
		return
	}
	in.logs.Say(MsgWarn, err.Error(), ": the socket is ", other, " instead")
}

// exit ends the process; on a machine it is never called.
func (in *Init) exit(code int) {
	in.server.close()
	if in.cgroups.own != nil {
		in.cgroups.own.Close()
	}
	in.logs.FlushConsole()
	unix.Exit(code)
}
