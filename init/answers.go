package pid1

import (
	"strconv"
	"strings"

	"mote/graph"
	"mote/graph/line"
	"mote/proc"
)

// unitLine describes a unit as the wire has it: keys and values in turn; what
// does not apply is left out. It goes straight into the client's buffer.
func (s *server) unitLine(c *client, id graph.ID) {
	in, w := s.in, s.in.world
	u, st := w.Unit(id), w.Status(id)
	c.out = append(c.out, "unit"...)
	c.put("name", u.Name)
	c.put("kind", u.Kind.String())
	c.put("class", u.Class.String())
	c.put("state", st.State.String())
	c.put("want", upDown(st.Want))
	if st.Pid > 0 {
		c.putInt("pid", int64(st.Pid))
	}
	c.put("ready", yesNo(st.State == graph.Running || (st.State == graph.Exited || st.State == graph.Waiting) && w.Satisfied(id)))
	if st.Since > 0 {
		c.putInt("since", (in.wall-int64(in.now-st.Since))/1e6)
	}
	if st.State == graph.Running && st.ReadyAt > 0 {
		c.putInt("uptime_ms", int64(in.now-st.ReadyAt)/1e6)
	}
	c.putInt("restarts", int64(st.Restarts))
	if st.HasExit && st.ExitSignal != 0 {
		c.put("exit_signal", graph.SignalName(int(st.ExitSignal)))
	} else if st.HasExit {
		c.putInt("exit_code", int64(st.ExitCode))
	}
	waiting := w.WaitingOn(id)
	if r := s.reason(id, &st, waiting); r != "" {
		c.put("reason", r)
	}
	c.put("waiting_on", s.names(waiting))
	c.put("requires", refNames(u.Requires))
	c.put("wants", refNames(u.Wants))
	c.put("after", refNames(u.After))
	c.put("conflicts", refNames(u.Conflicts))
	s.usage(c, id, st.Pid)
	s.unitRest(c, id, u, &st)
	c.out = append(c.out, '\n')
}

// usage is what a unit uses: its cgroup where that counts it, else its main
// process alone.
func (s *server) usage(c *client, id graph.ID, pid int32) {
	io := &s.in.units[id]
	u := proc.CgroupUsage{MemoryBytes: -1, CPUMS: -1, OOMKills: -1}
	if io.cgroup&cgroupMade != 0 {
		u = s.in.cgroups.own.Usage(groupName(s.in.world.Unit(id)))
	}
	if pid > 0 && (u.MemoryBytes < 0 || u.CPUMS < 0) {
		if mem, cpu, ok := proc.ProcInfo(int(pid)); ok {
			u.MemoryBytes = max(u.MemoryBytes, mem)
			u.CPUMS = max(u.CPUMS, cpu)
		}
	}
	if pid > 0 && u.MemoryBytes >= 0 {
		c.putInt("memory_bytes", u.MemoryBytes)
	}
	if pid > 0 && u.CPUMS >= 0 {
		c.putInt("cpu_ms", u.CPUMS)
	}
	if u.OOMKills >= 0 || io.oomKills > 0 {
		c.putInt("oom_kills", int64(io.oomKills)+max(u.OOMKills-int64(io.oomSeen), 0))
	}
}

// unitRest is what only some units have.
func (s *server) unitRest(c *client, id graph.ID, u *graph.Unit, st *graph.Status) {
	if u.Description != "" {
		c.put("description", u.Description)
	}
	c.put("file", u.Pos.String())
	for i := range u.Duties().Listen {
		c.put("listen", u.Duty.Listen[i].String())
	}
	if st.Text != "" {
		c.put("status_text", st.Text)
	}
	if st.Reloading {
		c.put("reloading", "yes")
	}
	s.in.putSaid(c, id)
	if st.Due > 0 && (st.State == graph.Backoff || st.State == graph.Waiting) {
		c.putInt("next_ms", int64(st.Due-s.in.now)/1e6)
	}
	if id == s.in.world.Main() {
		c.put("main", "yes")
	}
	s.unitHealth(c, id, u, st)
}

// put adds a key and its value to the line that is being written.
func (c *client) put(key, value string) { c.out = line.Append(c.out, key, value) }

func (c *client) putInt(key string, n int64) {
	c.out = strconv.AppendInt(append(line.Append(c.out, key), ' '), n, 10)
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
		return "waits for " + strings.ReplaceAll(s.names(waiting), " ", ", ")
	}
	return s.in.reasonText(id, st.Reason)
}

func (s *server) names(ids []graph.ID) string {
	if len(ids) == 1 {
		return s.in.name(ids[0])
	}
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
	if len(refs) == 1 {
		return refs[0].Name
	}
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
	c.reply.kind = replyUnits
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
	c.reply = reply{kind: replyStatus, ids: ids}
}

// system gives the init as a whole: its facts, the faults of the
// configuration, and the units that are not well.
func (s *server) system(c *client) {
	in := s.in
	w := in.world
	var count [graph.States]int
	pending, gone := 0, 0
	for id := 0; id < w.Len(); id++ {
		if w.Gone(graph.ID(id)) {
			gone++
			continue
		}
		st := w.Status(graph.ID(id))
		count[st.State]++
		if st.Want && (st.State == graph.Starting || st.State == graph.Inactive) && !w.Satisfied(graph.ID(id)) {
			pending++
		}
	}
	phase := "running"
	switch {
	case in.ending().Kind != graph.HaltNone:
		phase = "stopping"
	case in.bugs.degraded:
		phase = "degraded (bug)"
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
		"faults", strconv.Itoa(len(in.conf.Faults)), "socket", s.path, "cgroups", in.cgroups.String(),
		"reexecs", strconv.Itoa(in.reexecs.Count), "reexec", in.reexecs.Last,
		"reexec_ms", strconv.FormatInt((in.wall-int64(in.now-in.reexecs.At))/1e6, 10))
	c.reply = reply{kind: replySystem, faults: in.conf.Faults}
}

func (s *server) faults(c *client, args []string) {
	c.reply = reply{kind: replyFaults, faults: s.in.conf.Faults}
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
	s.whyUnhealthy(c, id, &st)
	if st.Asked && !st.Held {
		how := "boot"
		if w.Unit(id).Manual {
			how = "start"
		}
		c.say("wanted-by", "", how)
	}
	req, wants := w.WantedBy(id)
	r := reply{kind: replyWhy, wants: len(req), stop: len(req) + len(wants)}
	r.ids = append(append(req, wants...), w.WouldStop(id)...)
	c.reply = r
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
	c.reply = reply{kind: replyShow, text: graph.Show(u)}
}

func (s *server) eventFeed(c *client, args []string) {
	if len(args) != 0 {
		s.fail(c, 2, "events: takes no words")
		return
	}
	c.feed = true
}
