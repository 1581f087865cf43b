package graph

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// fakeProc is a process of the scripts' kernel.
type fakeProc struct {
	unit ID
	role Role
	pid  int32
}

// player is the loop of the scripts: a kernel whose processes exec at once and
// end by the first signal, unless the script says otherwise.
type player struct {
	t     *testing.T
	conf  *Config
	w     *World
	now   Instant
	out   []string
	procs map[uint64]*fakeProc
	pids  int32
	queue []Event
	unmet map[string]string // unit: the "if" line that does not hold
	hold  map[string]bool   // units whose exec the script ends
	deaf  map[string]bool   // units whose processes heed KILL alone
	stuck map[string]bool   // nor that
	waits []*playerWait
	saves bool // each wait is saved and loaded at each step

	boot, wall Instant
}

func newPlayer(t *testing.T) *player {
	return &player{t: t, now: epoch, procs: map[uint64]*fakeProc{}, unmet: map[string]string{}}
}

type playerWait struct {
	words string
	wait  *Wait
}

func (p *player) say(s string) { p.out = append(p.out, s) }

// command runs one block.
//
//	units ...            the configuration follows
//	reload ...           a new configuration follows; the plan is shown, and done
//	boot [UNIT]          start|stop|restart UNIT...    start-all|stop-all
//	wait STATE UNIT...   of the client: a state, up or down
//	exit UNIT CODE, die UNIT SIGNAL          of the unit's own process
//	aux-exit UNIT CODE                       of its stop-exec
//	ready UNIT, executed UNIT, spawn-fails UNIT CODE TEXT
//	pass D               the time, with every deadline in it
//	hold|deaf|stuck UNIT...   their exec takes as long as the script says;
//	                     they heed nothing but KILL; nor that
//	unmet UNIT LINE      its "if" line does not hold
//	signal SIG UNIT...   shutdown KIND TIMEOUT
//	clock [+|-]D|sleep D|TIME   the wall clock is put on or back, or set; the
//	                     machine sleeps (a script's wall clock begins on
//	                     2026-01-01 at 00:00 UTC)
//	key UNIT, no-terminal UNIT TEXT
//	connect UNIT, no-sockets UNIT TEXT, counted UNIT 0|1     of on-demand
//	probed UNIT [pid N] [TEXT]               the check that is under way; TEXT: it failed;
//	                     "not" alone: it could not be made
//	fed|starved|leaving|renewing UNIT, extended UNIT D, main-pid UNIT N   sd_notify
//	renew UNIT           of the client: reload NAME
//	bug UNIT TEXT        list, why UNIT, would-stop UNIT
func (p *player) command(line string, input []string) {
	words := strings.Fields(line)
	args := words[1:]
	switch words[0] {
	case "units":
		p.units(strings.Join(input, "\n"))
	case "reload":
		p.reload(strings.Join(input, "\n"))
	case "boot":
		root := None
		if len(args) > 0 {
			root = p.id(args[0])
		}
		p.feed(Event{Kind: Boot, Unit: root})
	case "start", "stop", "restart", "start-all", "stop-all":
		p.request(words[0], args)
	case "wait":
		p.waitFor(args[0], args[1:])
	case "hold", "deaf", "stuck", "unmet", "signal", "shutdown":
		p.fact(words[0], args)
	case "exit", "die", "ready", "executed", "spawn-fails", "aux-exit", "bug":
		p.process(words[0], args)
	case "pass":
		p.pass(args[0])
	case "clock":
		p.clock(args)
	case "key":
		p.feed(Event{Kind: KeyPress, Unit: p.id(args[0])})
	case "no-terminal":
		p.feed(Event{Kind: NoAsking, Unit: p.id(args[0]), Text: strings.Join(args[1:], " ")})
	case "list", "why", "would-stop":
		p.show(words[0], args)
	case "connect", "no-sockets", "counted", "probed", "fed", "starved", "leaving", "renewing", "extended", "main-pid":
		p.feed(p.watched(words[0], args))
	case "renew":
		id := p.id(args[0])
		p.waits = append(p.waits, &playerWait{line, p.w.NewWait(WaitRenew, 0, []ID{id})})
		p.feed(Event{Kind: AskRenew, Unit: id})
	default:
		p.t.Fatalf("unknown command %q", line)
	}
}

func (p *player) units(text string) {
	p.conf = loadText(text + "\n")
	for _, f := range p.conf.Faults {
		p.say(f.String())
	}
	p.w = NewWorld(p.conf.Units)
	p.w.ShutdownTimeout = 8 * time.Second
	p.boot, p.wall = 0, Instant(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())-epoch
	p.w.Apply(p.now, Event{Kind: ClockSet, Boot: p.boot, Wall: p.wall})
	if p.conf.Main != "" {
		p.w.SetMain(p.id(p.conf.Main))
	}
	p.hold, p.deaf, p.stuck = map[string]bool{}, map[string]bool{}, map[string]bool{}
}

// reload plans and does what a new configuration asks for.
func (p *player) reload(text string) {
	p.conf = loadText(text + "\n")
	plan := p.w.Plan(p.conf.Units, func(u *Unit) bool { return u.Class == System })
	for i := range plan {
		p.say("plan: " + plan[i].String())
	}
	p.apply(Event{Kind: AskReload, Plan: plan})
}

func (p *player) id(name string) ID { return mustFind(p.t, p.w, name) }

func (p *player) ids(names []string) (ids []ID) {
	for _, n := range names {
		ids = append(ids, p.id(n))
	}
	return ids
}

func (p *player) request(verb string, args []string) {
	ids := p.ids(args)
	ev := map[string]EventKind{"start": AskStart, "stop": AskStop, "restart": AskRestart,
		"start-all": AskStartAll, "stop-all": AskStopAll}[verb]
	p.apply(Event{Kind: ev, IDs: ids})
	if len(ids) > 0 {
		kind := map[string]WaitKind{"start": WaitStart, "stop": WaitStop, "restart": WaitRestart}[verb]
		p.waits = append(p.waits, &playerWait{verb + " " + strings.Join(args, " "), p.w.NewWait(kind, 0, ids)})
		p.answer(nil)
	}
	p.drain()
}

func (p *player) waitFor(state string, names []string) {
	kind, st := WaitState, Inactive
	switch state {
	case "up":
		kind = WaitUp
	case "down":
		kind = WaitDown
	default:
		st, _ = StateByName(state)
	}
	p.waits = append(p.waits, &playerWait{"wait " + state + " " + strings.Join(names, " "), p.w.NewWait(kind, st, p.ids(names))})
	p.answer(nil)
}

// answer tells which clients have got their answer.
func (p *player) answer(effects []Effect) {
	left := p.waits[:0]
	for _, c := range p.waits {
		if p.saves {
			c.wait = savedWait(p.t, p.w, c.wait)
		}
		o := Outcome{}
		for i := range effects {
			if o = c.wait.Saw(p.w, &effects[i]); o.Done {
				break
			}
		}
		if !o.Done {
			o = c.wait.Check(p.w)
		}
		if !o.Done {
			left = append(left, c)
			continue
		}
		text := "ctl " + c.words + ": exit " + itoa(o.Code)
		if o.Text != "" {
			text += ": " + o.Text
		}
		p.say(text)
	}
	p.waits = left
}

func (p *player) fact(word string, args []string) {
	switch word {
	case "unmet":
		p.unmet[args[0]] = strings.Join(args[1:], " ")
	case "signal":
		sig, _ := SignalNumber(args[0])
		p.feed(Event{Kind: AskSignal, Sig: int16(sig), IDs: p.ids(args[1:])})
	case "shutdown":
		d, err := time.ParseDuration(args[1])
		if err != nil {
			p.t.Fatal(err)
		}
		kind := map[string]HaltKind{"exit": HaltExit, "poweroff": HaltPoweroff, "reboot": HaltReboot, "halt": HaltHalt}[args[0]]
		p.feed(Event{Kind: AskShutdown, Halt: &Halt{Kind: kind, Timeout: Instant(d)}})
	default:
		set := map[string]map[string]bool{"hold": p.hold, "deaf": p.deaf, "stuck": p.stuck}[word]
		for _, n := range args {
			set[n] = true
		}
	}
}

// process tells of something that a unit's process did.
func (p *player) process(word string, args []string) {
	id := p.id(args[0])
	s := p.w.Status(id)
	ev := Event{Unit: id, Gen: s.Gen}
	switch word {
	case "exit", "aux-exit":
		ev.Kind = Ended
		ev.Code = int16(p.number(args[1]))
		if word == "aux-exit" {
			ev.Gen = s.AuxGen
		}
	case "die":
		sig, _ := SignalNumber(args[1])
		ev.Kind, ev.Sig = Ended, int16(sig)
	case "ready":
		ev.Kind = BecameReady
	case "executed":
		ev.Kind = Executed
	case "spawn-fails":
		ev.Kind, ev.Code, ev.Text = SpawnFailed, int16(p.number(args[1])), strings.Join(args[2:], " ")
	case "bug":
		ev.Kind, ev.Text = Bug, strings.Join(args[1:], " ")
	}
	if ev.Gen == 0 && word != "bug" {
		p.t.Fatalf("%s %v: it has no process", word, args)
	}
	if ev.Kind == Ended || ev.Kind == SpawnFailed {
		delete(p.procs, ev.Gen)
	}
	p.feed(ev)
}

// watched gives the event of what a unit is looked after with.
func (p *player) watched(word string, args []string) Event {
	id := p.id(args[0])
	s := p.w.Status(id)
	ev := Event{Unit: id, Gen: s.Gen}
	args = args[1:]
	switch word {
	case "connect":
		ev.Kind = Connected
	case "no-sockets":
		ev.Kind, ev.Text = NoSockets, strings.Join(args, " ")
	case "counted":
		ev.Kind, ev.Code = Counted, int16(p.number(args[0]))
	case "probed":
		if ev.Kind, ev.Gen = Probed, s.Probe; s.Probe == 0 {
			p.t.Fatalf("probed: no check is under way")
		}
		if len(args) > 1 && args[0] == "pid" {
			ev.Pid, args = int32(p.number(args[1])), args[2:]
		}
		if ev.Text = strings.Join(args, " "); ev.Text == "not" {
			ev.Text, ev.Code = "", 1
		}
	case "fed":
		ev.Kind = Fed
	case "starved":
		ev.Kind = Starved
	case "leaving":
		ev.Kind = Leaving
	case "renewing":
		ev.Kind = Renewing
	case "main-pid":
		ev.Kind, ev.Pid = MainPid, int32(p.number(args[0]))
	case "extended":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			p.t.Fatal(err)
		}
		ev.Kind, ev.Wait = Extended, Instant(d)
	}
	return ev
}

// clock sets the clocks as the loop does when it sees that they differ.
func (p *player) clock(args []string) {
	word := args[0]
	if word == "sleep" {
		word = args[1]
	}
	d, err := time.ParseDuration(word)
	switch {
	case err != nil:
		at, err := time.Parse(time.RFC3339, word)
		if err != nil {
			p.t.Fatal(err)
		}
		d = time.Duration(at.UnixNano()) - time.Duration(p.now+p.wall)
	case args[0] == "sleep":
		p.boot += Instant(d)
	}
	p.wall += Instant(d)
	p.feed(Event{Kind: ClockSet, Boot: p.boot, Wall: p.wall})
	p.pass("0s")
}

func (p *player) number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// pass lets time go by.
func (p *player) pass(d string) {
	span0, err := time.ParseDuration(d)
	if err != nil {
		p.t.Fatal(err)
	}
	end := p.now + Instant(span0)
	for {
		at := p.w.Next()
		if at == 0 || at > end {
			break
		}
		p.now = max(at, p.now)
		before := len(p.out)
		p.feed(Event{Kind: Tick})
		if len(p.out) > before {
			p.out = append(p.out[:before], append([]string{"at " + span(p.now)}, p.out[before:]...)...)
		}
	}
	p.now = end
}

// feed gives the world an event and does all that follows from it.
func (p *player) feed(ev Event) {
	p.apply(ev)
	p.drain()
}

func (p *player) drain() {
	for len(p.queue) > 0 {
		ev := p.queue[0]
		p.queue = p.queue[1:]
		p.apply(ev)
	}
}

func (p *player) apply(ev Event) {
	effects := p.w.Apply(p.now, ev)
	for i := range effects {
		e := &effects[i]
		p.say(effectText(p.w, e))
		switch e.Kind {
		case Spawn:
			p.spawn(e)
		case Kill:
			p.signal(e)
		case Check:
			p.queue = append(p.queue, Event{Kind: Checked, Unit: e.Unit, Text: p.unmet[p.w.name(e.Unit)]})
		case Adopt:
			p.procs[e.Gen] = &fakeProc{e.Unit, RoleMain, e.Pid}
		case Unprobe:
			delete(p.procs, e.Gen)
		case Trouble:
			p.t.Errorf("%s", p.out[len(p.out)-1])
		}
	}
	p.answer(effects)
}

func (p *player) spawn(e *Effect) {
	p.pids++
	p.procs[e.Gen] = &fakeProc{e.Unit, e.Role, p.pids}
	p.queue = append(p.queue, Event{Kind: Spawned, Unit: e.Unit, Gen: e.Gen, Pid: p.pids})
	if !p.hold[p.w.name(e.Unit)] {
		p.queue = append(p.queue, Event{Kind: Executed, Unit: e.Unit, Gen: e.Gen})
	}
}

func (p *player) signal(e *Effect) {
	pr := p.procs[e.Gen]
	name := p.w.name(e.Unit)
	if pr == nil || pr.pid != e.Pid {
		p.t.Errorf("%s: a signal to pid %d of generation %d, which is not there", name, e.Pid, e.Gen)
		return
	}
	if p.stuck[name] || p.deaf[name] && e.Sig != sigKill {
		return
	}
	delete(p.procs, e.Gen)
	p.queue = append(p.queue, Event{Kind: Ended, Unit: e.Unit, Gen: e.Gen, Sig: e.Sig})
}

func (p *player) show(word string, args []string) {
	switch word {
	case "list":
		for id := ID(0); int(id) < p.w.Len(); id++ {
			if p.w.Gone(id) {
				continue
			}
			s := p.w.Status(id)
			t := p.w.name(id) + ": " + s.State.String()
			if r := p.w.ReasonText(s.Reason); r != "" {
				t += " (" + r + ")"
			}
			if s.State == Waiting && s.Due != 0 {
				t += ", in " + time.Duration(s.Due-p.now).Round(10*time.Millisecond).String()
			}
			if s.Want {
				t += ", wanted"
			}
			if s.Held {
				t += ", held"
			}
			if x := p.w.WaitingOn(id); len(x) > 0 {
				t += ", waits for " + p.names(x)
			}
			p.say(t)
		}
	case "why":
		for _, c := range p.w.Why(p.id(args[0]), p.now) {
			p.say(c)
		}
	case "would-stop":
		p.say(p.names(p.w.WouldStop(p.id(args[0]))))
	}
}

func (p *player) names(ids []ID) string {
	var names []string
	for _, id := range ids {
		names = append(names, p.w.name(id))
	}
	return strings.Join(names, " ")
}
