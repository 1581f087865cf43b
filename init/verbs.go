package pid1

import (
	"runtime"
	"strconv"
	"strings"

	"mote/graph"
	"mote/graph/line"
)

// right is what a verb needs of its caller (SPEC 6).
type right uint8

const (
	mayRead    right = iota // everyone who can connect
	mayControl              // option ctl-group
	mayAll                  // uid 0 or the init's own
)

// verb is one request of the wire.
type verb struct {
	name string
	need right
	do   func(s *server, c *client, args []string)
}

// verbs is the whole protocol of the control socket (SPEC 6).
var verbs []verb

func init() {
	verbs = []verb{
		{"ping", mayRead, (*server).ping},
		{"version", mayRead, (*server).version},
		{"list", mayRead, (*server).list},
		{"status", mayRead, (*server).status},
		{"why", mayRead, (*server).why},
		{"show", mayRead, (*server).show},
		{"faults", mayRead, (*server).faults},
		{"logs", mayRead, (*server).logs},
		{"events", mayRead, (*server).eventFeed},
		{"wait", mayRead, (*server).waitFor},
		{"start", mayControl, (*server).start},
		{"stop", mayControl, (*server).stop},
		{"restart", mayControl, (*server).restart},
		{"kill", mayControl, (*server).kill},
		{"start-all", mayControl, (*server).startAll},
		{"stop-all", mayControl, (*server).stopAll},
		{"reload", mayControl, (*server).reload},
		{"add", mayAll, (*server).add},
		{"remove", mayAll, (*server).remove},
		{"persist", mayAll, (*server).persist},
		{"upgrade", mayAll, (*server).upgradeTo},
		{"poweroff", mayAll, power(graph.HaltPoweroff)},
		{"reboot", mayAll, power(graph.HaltReboot)},
		{"halt", mayAll, power(graph.HaltHalt)},
		{"shutdown", mayAll, power(graph.HaltExit)},
	}
}

// request carries out one line.
func (s *server) request(c *client, text string) {
	words, err := line.Words(s.words[:0], text)
	s.words = words
	if err != nil {
		s.fail(c, 2, err.Error())
		return
	}
	if len(words) == 0 {
		s.fail(c, 2, "the request is empty: write a verb")
		return
	}
	for i := range verbs {
		v := &verbs[i]
		if v.name != words[0] {
			continue
		}
		if !s.may(c, v.need) {
			s.fail(c, 1, v.name+": permission denied: "+needText(v.need))
			return
		}
		if s.in.bugs.degraded && v.need != mayRead && !worldless(v.name) {
			s.fail(c, 1, v.name+": "+s.in.degradedText())
			return
		}
		if injecting {
			s.in.inject("verb", v.name, graph.None)
		}
		v.do(s, c, words[1:])
		return
	}
	s.fail(c, 2, "unknown verb "+shown(words[0])+": see help")
}

func needText(r right) string {
	if r == mayControl {
		return "it needs root, the init's own user, or membership in option ctl-group"
	}
	return "it needs root or the init's own user"
}

func (s *server) may(c *client, r right) bool {
	return r == mayRead || c.uid == 0 || c.uid == s.in.uid || r == mayControl && c.group
}

func (s *server) ping(c *client, args []string) { s.ok(c) }

// Version is this build's; the linker sets it (Makefile).
var Version = "0.1.0"

func (s *server) version(c *client, args []string) {
	c.say("version", "version", Version, "go", runtime.Version(), "arch", runtime.GOARCH,
		"role", s.in.role.String(), "pid", strconv.Itoa(s.in.pid), "signals", s.in.sigs.Mode())
	s.ok(c)
}

// find gives the unit of a name; an instance whose template is known is made
// for verbs that act.
func (s *server) find(c *client, name string, make bool) (graph.ID, bool) {
	if id, ok := s.in.world.Find(name); ok {
		return id, true
	}
	if make && strings.IndexByte(name, '@') > 0 {
		if id, ok := s.in.instantiate(name); ok {
			return id, true
		}
	}
	s.fail(c, 4, "no such unit "+shown(name)+s.nearest(name))
	return graph.None, false
}

// shown is what a client wrote, for a message: its beginning if it is long.
func shown(word string) string {
	if len(word) > 100 {
		return strconv.Quote(word[:100]) + "..."
	}
	return strconv.Quote(word)
}

// nearest names a unit that the caller may have meant.
func (s *server) nearest(name string) string {
	if n, ok := s.in.world.Nearest(name); ok {
		return ": did you mean " + shown(n) + "?"
	}
	return ": see list"
}

// targets reads [--no-wait] NAME... of a verb that acts.
func (s *server) targets(c *client, verb string, args []string) (ids []graph.ID, wait, ok bool) {
	wait = true
	for _, a := range args {
		if a == "--no-wait" {
			wait = false
			continue
		}
		id, found := s.find(c, a, verb == "start" || verb == "restart")
		if !found {
			return nil, false, false
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		s.fail(c, 2, verb+": no unit named: write "+verb+" NAME...")
		return nil, false, false
	}
	return ids, wait, true
}

// startable refuses what cannot be started at all.
func (s *server) startable(c *client, ids []graph.ID) bool {
	if s.ending(c) {
		return false
	}
	for _, id := range ids {
		if f := s.in.world.Unit(id).Fault; f != "" {
			s.fail(c, 1, s.in.name(id)+": config "+f)
			return false
		}
	}
	return true
}

func (s *server) ending(c *client) bool {
	if h := s.in.ending(); h.Kind != graph.HaltNone {
		s.fail(c, 1, "refused: "+h.Kind.String()+" is under way")
		return true
	}
	return false
}

// ask applies a request, tells what goes down with it, and waits if asked to.
func (s *server) ask(c *client, ev graph.Event, kind graph.WaitKind, wait bool) {
	s.in.also = s.in.also[:0]
	if wait {
		c.wait = s.in.world.NewWait(kind, 0, ev.IDs)
	}
	before := len(c.out)
	s.in.apply(ev)
	if len(s.in.also) > 0 { // their names come before an answer that is there already
		rest := string(c.out[before:])
		c.out = c.out[:before]
		for _, id := range s.in.also {
			c.say("stopped", s.in.name(id))
		}
		c.out = append(c.out, rest...)
	}
	if !wait {
		s.ok(c)
	}
}

func (s *server) start(c *client, args []string) {
	if ids, wait, ok := s.targets(c, "start", args); ok && s.startable(c, ids) {
		s.ask(c, graph.Event{Kind: graph.AskStart, IDs: ids}, graph.WaitStart, wait)
	}
}

func (s *server) stop(c *client, args []string) {
	if ids, wait, ok := s.targets(c, "stop", args); ok {
		s.ask(c, graph.Event{Kind: graph.AskStop, IDs: ids}, graph.WaitStop, wait)
	}
}

func (s *server) restart(c *client, args []string) {
	if ids, wait, ok := s.targets(c, "restart", args); ok && s.startable(c, ids) {
		s.ask(c, graph.Event{Kind: graph.AskRestart, IDs: ids}, graph.WaitRestart, wait)
	}
}

// bulk gives the units that start-all and stop-all mean.
func (s *server) bulk(auto bool) (ids []graph.ID) {
	for id := 0; id < s.in.world.Len(); id++ {
		u := s.in.world.Unit(graph.ID(id))
		if !s.in.world.Gone(graph.ID(id)) && u.Class == graph.User && (!auto || !u.Manual) && u.Fault == "" {
			ids = append(ids, graph.ID(id))
		}
	}
	return ids
}

func (s *server) startAll(c *client, args []string) {
	wait, ok := s.onlyNoWait(c, "start-all", args)
	if !ok || s.ending(c) {
		return
	}
	s.ask(c, graph.Event{Kind: graph.AskStartAll, IDs: s.bulk(true)}, graph.WaitStart, wait)
}

func (s *server) stopAll(c *client, args []string) {
	wait, ok := s.onlyNoWait(c, "stop-all", args)
	if !ok {
		return
	}
	s.ask(c, graph.Event{Kind: graph.AskStopAll, IDs: s.bulk(false)}, graph.WaitStop, wait)
}

func (s *server) onlyNoWait(c *client, verb string, args []string) (wait, ok bool) {
	switch {
	case len(args) == 0:
		return true, true
	case len(args) == 1 && args[0] == "--no-wait":
		return false, true
	}
	s.fail(c, 2, verb+": takes no names: write start or stop NAME...")
	return false, false
}

func (s *server) kill(c *client, args []string) {
	if len(args) < 1 || len(args) > 2 {
		s.fail(c, 2, "kill: write kill NAME [SIGNAL]")
		return
	}
	id, ok := s.find(c, args[0], false)
	if !ok {
		return
	}
	sig := 15
	if len(args) == 2 {
		if sig, ok = graph.SignalNumber(args[1]); !ok {
			s.fail(c, 2, "kill: unknown signal "+shown(args[1])+": write TERM, SIGTERM or 15")
			return
		}
	}
	if s.in.world.Status(id).Gen == 0 {
		s.fail(c, 1, args[0]+": it has no process: it is "+s.in.world.State(id).String())
		return
	}
	s.in.apply(graph.Event{Kind: graph.AskSignal, IDs: []graph.ID{id}, Sig: int16(sig)})
	s.ok(c)
}

// reload reads the configuration again and says what that changes; with the
// name of a unit it is that unit's own affair.
func (s *server) reload(c *client, args []string) {
	dry, force, wait := false, false, true
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		switch args[0] {
		case "--dry-run":
			dry = true
		case "--force":
			force = true
		case "--no-wait":
			wait = false
		default:
			s.fail(c, 2, "reload: unknown option "+shown(args[0]))
			return
		}
		args = args[1:]
	}
	switch {
	case len(args) > 1 || len(args) == 1 && (dry || force):
		s.fail(c, 2, "reload: write reload [--no-wait] NAME, or reload [--dry-run] [--force]")
	case len(args) == 1:
		s.renew(c, args[0], wait)
	case !s.may(c, mayAll):
		s.fail(c, 1, "reload: permission denied: "+needText(mayAll))
	case !s.ending(c):
		if bad := s.in.reload(dry, force, func(t string) { c.say("note", t) }); bad != "" {
			s.fail(c, 1, bad)
			return
		}
		s.ok(c)
	}
}

func (s *server) waitFor(c *client, args []string) {
	if len(args) < 2 {
		s.fail(c, 2, "wait: write wait [--for STATE] NAME...")
		return
	}
	kind := graph.WaitState
	state, ok := graph.StateByName(args[0])
	switch {
	case args[0] == "satisfied" || args[0] == "up":
		kind = graph.WaitUp
	case args[0] == "down":
		kind = graph.WaitDown
	case !ok:
		s.fail(c, 2, "wait: unknown state "+shown(args[0])+": write one of "+graph.StateList()+", up, down")
		return
	}
	var ids []graph.ID
	for _, name := range args[1:] {
		id, ok := s.find(c, name, false)
		if !ok {
			return
		}
		ids = append(ids, id)
	}
	c.wait = s.in.world.NewWait(kind, state, ids)
	s.settle(nil)
}

// power gives the verb that ends the machine, or the init in the other roles.
func power(kind graph.HaltKind) func(*server, *client, []string) {
	return func(s *server, c *client, args []string) {
		in := s.in
		machine := in.role == Machine
		switch {
		case len(args) > 1:
			s.fail(c, 2, kind.String()+": too many words")
		case kind == graph.HaltExit && machine:
			s.fail(c, 1, "shutdown: this is a machine: use poweroff, reboot or halt")
		case kind != graph.HaltExit && !machine:
			s.fail(c, 1, kind.String()+": this is the "+in.role.String()+" role: use shutdown to end it")
		default:
			if h := in.ending(); h.Kind != graph.HaltNone {
				s.fail(c, 1, "refused: "+h.Kind.String()+" is under way")
				return
			}
			h := graph.Halt{Kind: kind}
			if len(args) == 1 {
				h.Arg = args[0]
			}
			s.ok(c)
			in.halt(h, "asked for by uid "+strconv.Itoa(c.uid)+", pid "+strconv.Itoa(c.pid))
		}
	}
}
