package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// machineStart is stage 0 of a machine: what a kernel leaves to its init.
func (in *Init) machineStart() {
	proc.NewSession()
	cad := proc.CADOff()
	mounts := proc.MountEarly()
	proc.EnsureStdio(true)
	proc.SaneTTY(0) // ENOTTY where the console is none
	in.openConsole()
	// Without this the kernel drops what units log to it in bursts (printk's
	// printk_devkmsg=ratelimit).
	proc.WriteFile("/proc/sys/kernel/printk_devkmsg", "on\n")
	if cad != nil {
		in.logs.Say(MsgDebug, cad.Error())
	}
	for i := range mounts {
		m := &mounts[i]
		switch {
		case m.Err != nil:
			in.logs.Say(MsgWarn, m.Err.Error())
		case !m.There:
			in.logs.Say(MsgDebug, "mounted ", m.What, " on ", m.Where)
		}
	}
	if name, err := proc.SetHostname(); err != nil {
		in.logs.Say(MsgWarn, err.Error())
	} else if name != "" {
		in.logs.Say(MsgDebug, "host name ", name)
	}
	if err := proc.LoopbackUp(); err != nil {
		in.logs.Say(MsgWarn, err.Error())
	}
	in.commandLine()
}

// commandLine takes the kernel's words (SPEC 1). They are a machine's alone:
// a container sees its host's.
func (in *Init) commandLine() {
	if !proc.InitialPIDNamespace() {
		return
	}
	cl, err := proc.ReadCmdline()
	if err != nil {
		in.logs.Say(MsgWarn, "cannot read /proc/cmdline: ", err.Error())
		return
	}
	for _, w := range cl.Bad {
		in.logs.Say(MsgWarn, "kernel command line: ", strconv.Quote(w),
			" is not known: write mote.config= mote.target= mote.log=debug|info|quiet mote.watchdog= or mote.rescue")
	}
	if len(cl.Config) > 0 {
		in.opt.Config = cl.Config
	}
	if cl.Target != "" {
		in.opt.Target = cl.Target
	}
	if level, ok := ParseMsgLevel(cl.Log); ok {
		in.logs.SetOwn(level, true, false)
	}
	in.opt.Rescue = in.opt.Rescue || cl.Rescue
	if cl.Watchdog != "" {
		in.dog.fromKernel(cl.Watchdog)
	}
}

// haltEvent gives a shutdown its deadline.
func (in *Init) haltEvent(h graph.Halt) graph.Event {
	h.Timeout = graph.Instant(in.world.ShutdownTimeout)
	return graph.Event{Kind: graph.AskShutdown, Halt: &h}
}

// halt begins a shutdown, unless one is under way.
func (in *Init) halt(h graph.Halt, why string) {
	if in.ending().Kind != graph.HaltNone {
		return
	}
	in.logs.Say(MsgInfo, h.Kind.String(), " ", why)
	in.critical.cancel()
	in.apply(in.haltEvent(h))
}

// sigRT gives the number of RTMIN+n as SPEC 7 counts: RTMIN is 34.
func sigRT(n int) int { return 34 + n }

// takeSignals does what SPEC 7 says; all other signals change nothing.
func (in *Init) takeSignals() {
	for i := 0; i < signalBudget; i++ {
		sig, ok := in.sigs.Next()
		if !ok {
			return
		}
		why := "asked for by signal " + graph.SignalName(sig.Number)
		if sig.Pid > 0 {
			why += " of pid " + strconv.Itoa(sig.Pid)
		}
		if sig.Number == int(unix.SIGHUP) {
			in.server.rebind()
			if in.ending().Kind != graph.HaltNone {
				continue
			}
			if in.bugs.degraded {
				in.logs.Say(MsgWarn, "reload: ", in.degradedText())
				continue
			}
			bad := in.reload(false, false, func(t string) { in.logs.Say(MsgInfo, "reload: ", t) })
			if bad != "" {
				in.logs.Say(MsgWarn, "reload: ", bad)
			}
			continue
		}
		if kind := in.haltOf(sig.Number); kind != graph.HaltNone {
			in.halt(graph.Halt{Kind: kind}, why)
		}
		if sig.Number == sigRT(25) {
			if err := in.upgrade.begin(""); err != nil {
				in.logs.Say(MsgWarn, "upgrade ", why, ": ", err.Error(), ": this init goes on")
			}
		}
		if in.role == Machine && sig.Number == sigRT(1) && in.bugs.degraded {
			in.logs.Say(MsgWarn, "rescue: ", in.degradedText())
		} else if in.role == Machine && sig.Number == sigRT(1) {
			in.queue = append(in.queue, in.rescue("rescue "+why)...)
			in.drain()
		}
	}
	in.again = true
}

// haltOf gives the power verb that a signal stands for in the role.
func (in *Init) haltOf(sig int) graph.HaltKind {
	if in.role != Machine {
		switch sig {
		case int(unix.SIGTERM), int(unix.SIGINT), int(unix.SIGUSR2), int(unix.SIGPWR), int(unix.SIGQUIT),
			sigRT(1), sigRT(3), sigRT(4), sigRT(5):
			return graph.HaltExit
		}
		return graph.HaltNone
	}
	switch sig {
	case int(unix.SIGTERM), int(unix.SIGINT), sigRT(5):
		return graph.HaltReboot
	case int(unix.SIGUSR1), sigRT(3):
		return graph.HaltHalt
	case int(unix.SIGUSR2), int(unix.SIGPWR), sigRT(4):
		return graph.HaltPoweroff
	}
	return graph.HaltNone
}
