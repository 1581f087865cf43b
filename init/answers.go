package pid1

import (
	"strconv"
	"strings"

	"mote/graph"
	"mote/proc"
)

// statusLines is how many log lines a unit's status ends with.
const statusLines = 10

// unitLine describes a unit as the wire has it: keys and values in turn; what
// does not apply is left out.
func (s *server) unitLine(c *client, id graph.ID) {
	in := s.in
	w := in.world
	u, st := w.Unit(id), w.Status(id)
	kv := make([]string, 1, 64)
	kv[0] = "unit"
	add := func(k, v string) { kv = append(kv, k, v) }
	num := func(k string, v int64) { add(k, strconv.FormatInt(v, 10)) }
	add("name", u.Name)
	add("kind", u.Kind.String())
	add("class", u.Class.String())
	add("state", st.State.String())
	add("want", upDown(st.Want))
	pid := int64(st.Pid)
	if pid > 0 {
		num("pid", pid)
	}
	add("ready", yesNo(st.State == graph.Running || st.State == graph.Exited && w.Satisfied(id)))
	if st.Since > 0 {
		num("since", (in.wall-int64(in.now-st.Since))/1e6)
	}
	if st.State == graph.Running && st.ReadyAt > 0 {
		num("uptime_ms", int64(in.now-st.ReadyAt)/1e6)
	}
	num("restarts", int64(st.Restarts))
	if st.HasExit {
		if st.ExitSignal != 0 {
			add("exit_signal", graph.SignalName(int(st.ExitSignal)))
		} else {
			num("exit_code", int64(st.ExitCode))
		}
	}
	waiting := w.WaitingOn(id)
	if r := s.reason(id, &st, waiting); r != "" {
		add("reason", r)
	}
	add("waiting_on", s.names(waiting))
	add("requires", refNames(u.Requires))
	add("wants", refNames(u.Wants))
	add("after", refNames(u.After))
	add("conflicts", refNames(u.Conflicts))
	if pid > 0 {
		if mem, cpu, ok := proc.ProcInfo(int(pid)); ok {
			num("memory_bytes", mem)
			num("cpu_ms", cpu)
		}
	}
	if u.Description != "" {
		add("description", u.Description)
	}
	add("file", u.Pos.String())
	if st.Text != "" {
		add("status_text", st.Text)
	}
	if st.State == graph.Backoff {
		num("next_ms", int64(st.Due-in.now)/1e6)
	}
	if id == w.Main() {
		add("main", "yes")
	}
	c.say(kv...)
}

// reason gives what the table shows behind a state.
func (s *server) reason(id graph.ID, st *graph.Status, waiting []graph.ID) string {
	w := s.in.world
	if st.Stuck {
		return "pid " + strconv.Itoa(int(max(st.Pid, st.AuxPid))) + " does not end after KILL"
	}
	if st.State == graph.Blocked {
		if x := w.Conflicting(id); x != graph.None {
			return "conflicts with " + s.in.name(x)
		}
		return "waits for " + strings.Join(strings.Fields(s.names(waiting)), ", ")
	}
	return w.ReasonText(st.Reason)
}

func (s *server) names(ids []graph.ID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.in.name(id))
	}
	return b.String()
}

func refNames(refs []graph.Ref) string {
	var b strings.Builder
	for i, r := range refs {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(r.Name)
	}
	return b.String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func upDown(b bool) string {
	if b {
		return "up"
	}
	return "down"
}

// list gives all units, a page a turn: its memory does not grow with them.
func (s *server) list(c *client, args []string) {
	if len(args) > 0 {
		s.fail(c, 2, "list: takes no names: see status NAME...")
		return
	}
	s.pages(c, func(id graph.ID) bool { return true })
}

// pages sends the units that want says, and ends the reply.
func (s *server) pages(c *client, want func(graph.ID) bool) {
	next := 0
	c.more = func() bool {
		for i := 0; i < pageBudget && len(c.out) < outLow; i++ {
			if next >= s.in.world.Len() {
				s.ok(c)
				return true
			}
			if !s.in.world.Gone(graph.ID(next)) && want(graph.ID(next)) {
				s.unitLine(c, graph.ID(next))
			}
			next++
		}
		return false
	}
}

func (s *server) status(c *client, args []string) {
	if len(args) == 0 {
		s.system(c)
		return
	}
	ids := make([]graph.ID, 0, len(args))
	for _, name := range args {
		id, ok := s.find(c, name, false)
		if !ok {
			return
		}
		ids = append(ids, id)
	}
	next := 0
	c.more = func() bool {
		for ; next < len(ids) && len(c.out) < outLow; next++ {
			s.unitLine(c, ids[next])
			s.lastLines(c, ids[next], statusLines)
		}
		if next < len(ids) {
			return false
		}
		s.ok(c)
		return true
	}
}

// lastLines sends the newest lines of one unit's ring.
func (s *server) lastLines(c *client, id graph.ID, n int) {
	l := s.in.units[id].log
	if d := l.Dropped(); d > 0 {
		c.say("dropped", l.Name(), strconv.FormatUint(d, 10))
	}
	r := s.in.logs.NewReader([]*UnitLog{l}, n, false)
	defer r.Close()
	for {
		item, st := r.Next()
		switch st {
		case LogLine:
			s.logItem(c, &item)
		case LogDone:
			return
		}
	}
}

func (s *server) logItem(c *client, it *LogItem) {
	name := ""
	if it.Log != nil {
		name = it.Log.Name()
	}
	if it.HasLine {
		c.say("log", name, strconv.FormatInt(it.WallNs/1e6, 10), string(it.Text))
		return
	}
	c.say("dropped", name, strconv.FormatUint(it.Lost, 10))
}

// system gives the init as a whole: its facts, the faults of the
// configuration, and the units that are not well.
func (s *server) system(c *client) {
	in := s.in
	w := in.world
	var count [8]int
	pending, gone := 0, 0
	for id := 0; id < w.Len(); id++ {
		if w.Gone(graph.ID(id)) {
			gone++
			continue
		}
		st := w.Status(graph.ID(id))
		count[st.State]++
		if st.Want && (st.State == graph.Starting || st.State == graph.Inactive) {
			pending++
		}
	}
	phase := "running"
	switch {
	case w.Ending().Kind != graph.HaltNone:
		phase = "stopping"
	case count[graph.Failed] > 0:
		phase = "degraded"
	case pending > 0:
		phase = "starting"
	}
	c.say("system", "role", in.role.String(), "pid", strconv.Itoa(in.pid), "version", Version, "phase", phase,
		"boot_ms", strconv.FormatInt((in.wall-int64(in.now-in.born))/1e6, 10),
		"uptime_ms", strconv.FormatInt(int64(in.now-in.born)/1e6, 10), "signals", in.sigs.Mode(),
		"units", strconv.Itoa(w.Len()-gone), "running", strconv.Itoa(count[graph.Running]),
		"failed", strconv.Itoa(count[graph.Failed]), "blocked", strconv.Itoa(count[graph.Blocked]),
		"faults", strconv.Itoa(len(in.conf.Faults)), "socket", s.path)
	s.faultLines(c)
	s.pages(c, func(id graph.ID) bool {
		switch w.State(id) {
		case graph.Failed, graph.Blocked, graph.Backoff:
			return true
		}
		return false
	})
}

// maxFaultLines bounds how many faults a reply has.
const maxFaultLines = 500

func (s *server) faultLines(c *client) {
	for i, f := range s.in.conf.Faults {
		if i == maxFaultLines {
			c.say("fault", "", "0", strconv.Itoa(len(s.in.conf.Faults)-i)+" more: see mote check")
			return
		}
		tag := "fault"
		if f.Warning {
			tag = "warning"
		}
		c.say(tag, f.Pos.File, strconv.Itoa(f.Pos.Line), f.Text)
	}
}

func (s *server) faults(c *client, args []string) {
	s.faultLines(c)
	s.ok(c)
}

func (s *server) why(c *client, args []string) {
	if len(args) != 1 {
		s.fail(c, 2, "why: write why NAME")
		return
	}
	id, ok := s.find(c, args[0], false)
	if !ok {
		return
	}
	w := s.in.world
	s.unitLine(c, id)
	for _, t := range w.Why(id, s.in.now) {
		c.say("cause", t)
	}
	st := w.Status(id)
	if st.Asked && !st.Held {
		how := "boot"
		if w.Unit(id).Manual {
			how = "start"
		}
		c.say("wanted-by", "", how)
	}
	req, wants := w.WantedBy(id)
	for _, x := range req {
		c.say("wanted-by", s.in.name(x), "requires")
	}
	for _, x := range wants {
		c.say("wanted-by", s.in.name(x), "wants")
	}
	for _, x := range w.WouldStop(id) {
		c.say("would-stop", s.in.name(x))
	}
	s.ok(c)
}

// show gives a unit in the configuration's format; the values of its
// environment are for root and the init's own user (SPEC 6).
func (s *server) show(c *client, args []string) {
	if len(args) != 1 {
		s.fail(c, 2, "show: write show NAME")
		return
	}
	id, ok := s.find(c, args[0], false)
	if !ok {
		return
	}
	u := s.in.world.Unit(id)
	if !s.may(c, mayAll) {
		hidden := *u
		hidden.Env = make([]graph.Var, len(u.Env))
		for i, v := range u.Env {
			hidden.Env[i] = graph.Var{Name: v.Name, Value: graph.Text{{Lit: "(hidden)"}}}
		}
		u = &hidden
	}
	for _, t := range graph.Show(u) {
		c.say("text", t)
	}
	s.ok(c)
}

func (s *server) eventFeed(c *client, args []string) {
	if len(args) != 0 {
		s.fail(c, 2, "events: takes no words")
		return
	}
	c.feed = true
}

// logs sends lines, oldest first; with -f it goes on as they come.
func (s *server) logs(c *client, args []string) {
	follow, n := false, -1
	var logs []*UnitLog
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-f":
			follow = true
		case "-n":
			if i++; i < len(args) {
				v, err := strconv.Atoi(args[i])
				if err != nil || v < 0 {
					s.fail(c, 2, "logs: -n "+strconv.Quote(args[i])+" is not a number of lines: write -n 10")
					return
				}
				n = v
			}
		case OwnLogName:
			logs = append(logs, s.in.logs.Own())
		default:
			id, ok := s.find(c, args[i], false)
			if !ok {
				return
			}
			logs = append(logs, s.in.units[id].log)
		}
	}
	for _, l := range logs {
		if d := l.Dropped(); d > 0 {
			c.say("dropped", l.Name(), strconv.FormatUint(d, 10))
		}
	}
	c.tail = s.in.logs.NewReader(logs, n, follow)
	c.more = func() bool { return s.moreLogs(c, follow) }
}

// moreLogs sends what the reader has, within the turn's share.
func (s *server) moreLogs(c *client, follow bool) bool {
	for i := 0; i < pageBudget*4 && len(c.out) < outLow; i++ {
		item, st := c.tail.Next()
		switch st {
		case LogLine:
			s.logItem(c, &item)
			continue
		case LogBusy:
			return false
		}
		if c.idle = follow; follow {
			return false
		}
		c.tail.Close()
		c.tail = nil
		s.ok(c)
		return true
	}
	return false
}
