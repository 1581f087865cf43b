package pid1

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

const (
	// bootCommandLimit is how long boot-good and boot-bad may run.
	bootCommandLimit = graph.Instant(time.Minute)
	// bootCommandBytes is how much of what they print is kept.
	bootCommandBytes = 8 << 10
	bootReadBudget   = 16 // reads in a turn

	goodName, badName = "boot-good", "boot-bad"
)

// bootCheck runs "option boot-good" or "option boot-bad", once in a boot.
type bootCheck struct {
	in    *Init
	check graph.BootCheck
	look  bool // something has changed

	name  string   // of the command that runs
	child *process // nil = none
	pid   int
	until graph.Instant // of the child; 0 = none
	out   int           // what it prints comes from here; 0 = none
	text  []byte        // of it, a line that is not whole
	taken int
}

// begin starts the check when the units are started, if there is something to run.
func (b *bootCheck) begin() {
	o := &b.in.conf.Options
	if o.BootGood != "" || o.BootBad != "" {
		b.check.Begin(b.in.now, o.BootBad != "")
		b.look = true
	}
}

// changed notes that a unit is in another state.
func (b *bootCheck) changed() { b.look = b.check.Open }

// failed is a critical unit's failure: no boot with one is good.
func (b *bootCheck) failed() {
	if b.check.Open {
		b.check.End()
		b.run(graph.BootBad)
	}
}

// deadline is when tick has something to do; 0 is never.
func (b *bootCheck) deadline() graph.Instant {
	if b.look {
		return b.in.now
	}
	if at := b.check.Next(); b.until == 0 || at != 0 && at < b.until {
		return at
	}
	return b.until
}

func (b *bootCheck) tick() {
	in := b.in
	if in.ending().Kind != graph.HaltNone {
		b.check.End()
		b.look = false
	}
	if at := b.check.Next(); b.look || at != 0 && at <= in.now {
		b.look = false
		b.run(b.check.See(in.now, in.world.AllSatisfied()))
	}
	if b.until != 0 && b.until <= in.now {
		b.until = 0
		if b.child == nil || in.procs[b.pid] != b.child {
			return // it did not come through a re-exec: the number may be another's
		}
		in.logs.Say(MsgWarn, b.name, ": it runs for ", spanText(int64(bootCommandLimit)), ": KILL")
		killAll(b.pid)
	}
}

// run starts the command of a verdict.
func (b *bootCheck) run(v graph.Verdict) {
	in := b.in
	var command string
	switch v {
	case graph.BootGood:
		b.name, command = goodName, in.conf.Options.BootGood
		in.logs.Say(MsgInfo, "boot: good: all that is wanted is up")
	case graph.BootBad:
		b.name, command = badName, in.conf.Options.BootBad
		in.logs.Say(MsgWarn, "boot: bad")
	}
	if command == "" {
		return
	}
	if err := b.start(strings.Split(command, "\x00")); err != nil {
		in.logs.Say(MsgWarn, b.name, ": ", err.Error())
		b.closeOut()
	}
}

// start forks the command, with its output on a pipe to the init.
func (b *bootCheck) start(argv []string) error {
	in := b.in
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(fds[1])
	err := unix.SetNonblock(fds[0], true)
	if err == nil {
		err = in.poll.Add(fds[0], unix.EPOLLIN, tokBoot)
	}
	if err != nil {
		unix.Close(fds[0])
		return err
	}
	b.out = fds[0]
	env := environ{list: slices.Clone(in.env)}
	for _, v := range in.conf.Set {
		env.set(v.Name, graph.ExpandText(v.Value, env.get, nil))
	}
	if in.server.path != "" {
		env.set("MOTE_SOCKET", in.server.path)
	}
	path, _ := env.get("PATH")
	spec := proc.NewSpec(candidates(argv[0], path), argv, env.list)
	spec.Dir, spec.Out, spec.Umask = "/", fds[1], 0o022
	child, err := proc.Spawn(spec)
	if err != nil {
		return err
	}
	b.child, b.pid, b.until = &process{helper: helpBoot, group: true}, child.Pid, in.now+bootCommandLimit
	in.help(&child, b.child)
	return nil
}

// ended tells how the command has gone.
func (b *bootCheck) ended(p *process, ex proc.Exit) {
	in := b.in
	b.read()
	if b.closeOut(); len(b.text) > 0 {
		in.logs.Say(MsgInfo, b.name, ": ", string(b.text))
	}
	b.child, b.until, b.text = nil, 0, nil
	switch {
	case p.fail != nil:
		in.logs.Say(MsgWarn, b.name, ": cannot start: ", p.fail.Error())
	case ex.Signal != 0:
		in.logs.Say(MsgWarn, b.name, ": ended by ", graph.SignalName(ex.Signal))
	case ex.Code != 0:
		in.logs.Say(MsgWarn, b.name, ": exit ", strconv.Itoa(ex.Code))
	default:
		in.logs.Say(MsgInfo, b.name, ": exit 0")
	}
}

// read takes what the command prints, of which bootCommandBytes are kept.
func (b *bootCheck) read() {
	var buf [1024]byte
	for range bootReadBudget {
		if b.out == 0 {
			return
		}
		n, err := unix.Read(b.out, buf[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return
		case err != nil || n <= 0:
			b.closeOut()
			return
		}
		keep := buf[:min(n, bootCommandBytes-b.taken)]
		b.taken += len(keep)
		b.text = append(b.text, keep...)
		for {
			line, rest, ok := bytes.Cut(b.text, newline)
			if !ok {
				break
			}
			b.in.logs.Say(MsgInfo, b.name, ": ", string(line))
			b.text = rest
		}
	}
}

func (b *bootCheck) closeOut() {
	if b.out > 0 {
		b.in.poll.Remove(b.out)
		unix.Close(b.out)
		b.out = 0
	}
}
