package pid1

import (
	"mote/graph"
	"mote/proc"
)

// helper says whose a process of the init's own is: who is told of its end. It is
// a word and no function, since it has to be written down.
type helper uint8

const (
	helpNone    helper = iota // nobody's, or no longer
	helpCheck                 // of a unit's "if" lines: check
	helpLook                  // of a far path: lookFar
	helpProbe                 // of the health: a command
	helpTry                   // and a far socket: tryElsewhere
	helpTake                  // takes a datagram off a notify socket: takeAside
	helpClose                 // closeDropped
	helpFiler                 // writes log files
	helpSyslog                // reads datagrams of syslog
	helpBoot                  // boot-good or boot-bad
	helpCount                 // counts a reboot: critical
	helpKill                  // of the end: signals what is left
	helpStep                  // of the end: a step of the machine's
	helpUpgrade               // copies or checks a program: upgrade; none lives over a re-exec
	helperCount
)

// help makes a child one of the init's own.
func (in *Init) help(child *proc.Process, p *process) {
	p.unit, p.result = graph.None, child.Result
	in.procs[child.Pid] = p
	in.awaitExec(p, child)
}

// forget has nobody told of a process's end.
func (p *process) forget() {
	if p != nil {
		p.helper = helpNone
	}
}

// helperEnded tells who waits for the end of one of the init's own.
func (in *Init) helperEnded(p *process, ex proc.Exit) {
	switch p.helper {
	case helpCheck:
		in.lookedAt(p, ex)
	case helpLook:
		in.lookedFar(p, ex.Code == 0 && ex.Signal == 0 && p.fail == nil)
	case helpProbe, helpTry:
		in.checkRan(p, ex)
	case helpTake:
		in.tookAside(p.of, ex.Pid)
	case helpClose:
		in.keeping.closers--
		in.keeping.count -= len(p.fds)
	case helpFiler:
		in.filer.ended(p, ex)
	case helpSyslog:
		in.syslog.ended(p, ex)
	case helpBoot:
		in.booted.ended(p, ex)
	case helpCount:
		in.critical.counted(p, ex)
	case helpKill, helpStep:
		in.end.ended(p, ex)
	case helpUpgrade:
		in.upgrade.ended(p, ex)
	}
}
