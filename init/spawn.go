package pid1

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// defaultPath is where commands are looked up when the environment has no PATH.
const defaultPath = "/usr/sbin:/usr/bin:/sbin:/bin"

// refusal is a spawn that failed before the fork.
type refusal struct {
	stage string
	text  string
	errno syscall.Errno
}

// spawn starts one process of a unit and tells the world how that went.
func (in *Init) spawn(e *graph.Effect) {
	u := in.world.Unit(e.Unit)
	if st := in.world.Status(e.Unit); st.Gen == e.Gen && st.State == graph.Stopping && e.Role != graph.RolePost {
		in.queue = append(in.queue, graph.Event{Kind: graph.SpawnFailed, Unit: e.Unit, Gen: e.Gen, Text: "it was stopped before"})
		return
	}
	if in.givenUp(e) {
		return
	}
	spec, ready, bad := in.prepare(u, e)
	var child proc.Process
	if bad == nil {
		bad = in.enterCgroup(u, e, spec)
	}
	if bad == nil {
		var err error
		if child, err = in.spawnInCgroup(u, spec); err != nil {
			bad = &refusal{stage: "fork", text: err.Error()}
			if f, ok := err.(*proc.Failure); ok {
				bad.stage, bad.errno, bad.text = f.Stage.String(), f.Errno, f.Errno.Error()
			}
		}
	}
	if ready > 0 {
		unix.Close(ready)
	}
	defer in.forgetSpawn()
	if bad != nil && e.Role == graph.RoleHealth {
		in.checkRefused(e.Unit, bad)
		return
	}
	if bad != nil {
		in.closeReady(&in.units[e.Unit])
		in.queue = append(in.queue, graph.Event{Kind: graph.SpawnFailed, Unit: e.Unit, Gen: e.Gen,
			Text: bad.words(), Code: 1})
		return
	}
	p := &process{unit: e.Unit, gen: e.Gen, role: e.Role, result: child.Result,
		group: u.KillMode != graph.KillProcess || e.Role != graph.RoleMain}
	if child.Result >= 0 || child.Fail != nil {
		p.what = in.failWords(spec)
	}
	if e.Role == graph.RoleHealth {
		p.helper = helpProbe
		in.checkRuns(e.Unit, p, &child)
		return
	}
	in.procs[child.Pid] = p
	if injecting {
		in.inject("spawned", "", e.Unit)
	}
	if e.Role == graph.RoleReload {
		in.units[e.Unit].renew = int32(child.Pid)
	}
	if e.Role == graph.RoleMain {
		in.units[e.Unit].main, in.units[e.Unit].sid = int32(child.Pid), int32(child.Pid)
		in.units[e.Unit].uid = uint32(in.uid)
		if spec.Cred {
			in.units[e.Unit].uid = spec.Uid
		}
		in.units[e.Unit].log.SetPid(child.Pid)
	}
	in.queue = append(in.queue, graph.Event{Kind: graph.Spawned, Unit: e.Unit, Gen: e.Gen, Pid: int32(child.Pid)})
	in.awaitExec(p, &child)
}

// forgetSpawn lets go of what a spawn has pointed to: an env-file can be large.
func (in *Init) forgetSpawn() {
	in.spec.Reset(nil, nil, nil)
	if clear(in.spawnEnv.list); cap(in.spawnEnv.list) > 1024 {
		in.spawnEnv.list = nil
	}
}

// awaitExec takes the news of a child's exec, or asks for it.
func (in *Init) awaitExec(p *process, child *proc.Process) {
	if child.Result < 0 {
		in.executed(p, child.Fail)
		return
	}
	if in.poll.Add(child.Result, unix.EPOLLIN, tokResult|uint64(child.Pid)) != nil {
		in.again = true
	}
}

// words gives "STAGE ERRNO: text" as reasons show it.
func (r *refusal) words() string {
	if r.errno != 0 {
		return r.stage + " " + unix.ErrnoName(r.errno) + ": " + r.text
	}
	return r.stage + ": " + r.text
}

// failWords keeps what the message of a failed exec has to name.
func (in *Init) failWords(s *proc.Spec) string {
	return s.Argv[0] + "\x00" + s.Dir + "\x00" + s.TTY + "\x00" + s.StdinPath + "\x00" + s.Root
}

// spawnFailed is the event of a child that reported a stage and an errno.
func (in *Init) spawnFailed(id graph.ID, gen uint64, f *proc.Failure, what string) graph.Event {
	names := strings.SplitN(what, "\x00", 5)
	text := failItem(f) + f.Errno.Error()
	switch f.Stage {
	case proc.StageExec:
		text = names[0] + ": " + text
	case proc.StageChdir:
		text = names[1] + ": " + text
	case proc.StageTTY:
		text = names[2] + ": " + text
	case proc.StageStdin:
		text = names[3] + ": " + text
	case proc.StageChroot:
		text = names[4] + ": " + text
	}
	code := int16(1)
	if f.Stage == proc.StageExec {
		code = 126
		if f.Errno == syscall.ENOENT {
			code = 127
		}
	}
	return graph.Event{Kind: graph.SpawnFailed, Unit: id, Gen: gen, Code: code,
		Text: f.Stage.String() + " " + unix.ErrnoName(f.Errno) + ": " + text}
}

// readResult takes the news that an exec succeeded or not.
func (in *Init) readResult(pid int) {
	p := in.procs[pid]
	if p == nil || p.result < 0 {
		return
	}
	done, fail := proc.ReadResult(p.result)
	if !done {
		return
	}
	in.closeResult(p)
	if injecting {
		in.inject("result", "", p.unit)
	}
	in.executed(p, fail)
}

// executed tells the world that a unit's program runs. What failed is told with
// the child's end, which follows.
func (in *Init) executed(p *process, fail *proc.Failure) {
	if p.fail = fail; fail != nil || p.unit == graph.None {
		return
	}
	ev := graph.Event{Kind: graph.Executed, Unit: p.unit, Gen: p.gen}
	if in.busy {
		in.queue = append(in.queue, ev)
		return
	}
	in.apply(ev)
}

func (in *Init) closeResult(p *process) {
	in.poll.Remove(p.result)
	unix.Close(p.result)
	p.result = -1
}

// prepare makes everything that a child needs. ready is the child's end of a
// readiness pipe, which the caller closes; 0 is none.
func (in *Init) prepare(u *graph.Unit, e *graph.Effect) (spec *proc.Spec, ready int, bad *refusal) {
	var acc *proc.Account
	if u.User != "" {
		a, err := proc.LookupUser(u.User)
		if err != nil {
			return nil, 0, &refusal{stage: "user", text: err.Error()}
		}
		acc = &a
	}
	env, bad := in.environment(u, e, acc)
	if bad != nil {
		return nil, 0, bad
	}
	argv := in.argv(u, e, env)
	if len(argv) == 0 || argv[0] == "" {
		return nil, 0, &refusal{stage: "exec", errno: syscall.ENOENT, text: "the command is empty: write exec, or a command in the header"}
	}
	path, _ := env.get("PATH")
	spec = &in.spec
	spec.Reset(candidates(argv[0], path), argv, nil)
	spec.Dir, spec.Umask = "/", u.Umask
	if len(u.Dir) > 0 {
		spec.Dir = graph.ExpandText(u.Dir, env.get, in.unset(u, e.Role))
	}
	if bad = credentials(u, acc, spec); bad != nil {
		return nil, 0, bad
	}
	context(u, spec)
	if bad = in.channels(u, e, spec, env, &ready); bad != nil {
		return nil, ready, bad
	}
	spec.Env = env.list
	return spec, ready, nil
}

// argv gives the expanded words of the command that the effect names.
func (in *Init) argv(u *graph.Unit, e *graph.Effect, env *environ) []string {
	words := u.Exec
	switch e.Role {
	case graph.RolePre:
		words = stepOf(u.Pre, e.Step)
	case graph.RolePost:
		words = stepOf(u.Post, e.Step)
	case graph.RoleStop:
		words = u.StopExec
	case graph.RoleReload:
		words = u.Duties().ReloadExec
	case graph.RoleHealth:
		words = nil
		if k := u.Duties().Health; k != nil {
			words = k.Cmd
		}
	}
	argv := make([]string, 0, len(words)+2)
	if e.Role == graph.RoleMain && u.Sh {
		argv = append(argv, "/bin/sh", "-c")
	}
	unset := in.unset(u, e.Role)
	for _, w := range words {
		argv = append(argv, graph.ExpandText(w, env.get, unset))
	}
	return argv
}

// stepOf gives one of several commands; none when a reload has taken it away
// since it was asked for.
func stepOf(list [][]graph.Text, step uint16) []graph.Text {
	if int(step) < len(list) {
		return list[step]
	}
	return nil
}

// unset warns of a variable that is not set (SPEC F5), but not with each check.
func (in *Init) unset(u *graph.Unit, role graph.Role) func(string) {
	if role == graph.RoleHealth {
		return nil
	}
	return func(name string) {
		in.logs.Say(MsgWarn, u.Name, ": ${", name, "} is not set: it is empty; write ${", name, ":-WORD} if that is meant")
	}
}

// candidates gives the files to try for a command, as execvp(3) does.
func candidates(file, path string) []string {
	if strings.IndexByte(file, '/') >= 0 {
		return []string{file}
	}
	if path == "" {
		path = defaultPath
	}
	var list []string
	for _, dir := range strings.Split(path, ":") {
		if dir == "" {
			dir = "."
		}
		list = append(list, strings.TrimSuffix(dir, "/")+"/"+file)
	}
	return list
}

// credentials sets user, group and supplementary groups.
func credentials(u *graph.Unit, acc *proc.Account, spec *proc.Spec) *refusal {
	if acc == nil && u.Group == "" && !u.GroupsSet {
		return nil
	}
	if acc != nil && u.Group == "" && !u.GroupsSet && unix.Geteuid() != 0 &&
		int(acc.Uid) == unix.Geteuid() && int(acc.Gid) == unix.Getegid() {
		return nil // an ordinary user's own name: there is nothing to change
	}
	spec.Cred = true
	spec.Uid, spec.Gid = uint32(unix.Geteuid()), uint32(unix.Getegid())
	if acc != nil {
		spec.Uid, spec.Gid = acc.Uid, acc.Gid
	}
	if u.Group != "" {
		gid, err := proc.LookupGroup(u.Group)
		if err != nil {
			return &refusal{stage: "group", text: err.Error()}
		}
		spec.Gid = gid
	}
	switch {
	case u.GroupsSet:
		for _, g := range u.Groups {
			gid, err := proc.LookupGroup(g)
			if err != nil {
				return &refusal{stage: "groups", text: err.Error()}
			}
			spec.Groups = append(spec.Groups, gid)
		}
	case acc != nil:
		groups, err := proc.GroupsOf(acc.Name, spec.Gid)
		if err != nil {
			return &refusal{stage: "groups", text: err.Error()}
		}
		spec.Groups = groups
	}
	return nil
}

// channels gives the child its descriptors.
func (in *Init) channels(u *graph.Unit, e *graph.Effect, spec *proc.Spec, env *environ, ready *int) *refusal {
	refuse := func(stage string, err error) *refusal {
		r := &refusal{stage: stage, text: err.Error()}
		if errno, ok := err.(syscall.Errno); ok {
			r.errno = errno
		}
		return r
	}
	id := e.Unit
	if u.Kind == graph.Tty && e.Role == graph.RoleMain {
		spec.TTY, spec.TTYOut = u.Tty, true
		return nil
	}
	out, err := in.logPipe(id)
	if err != nil {
		return refuse("log", err)
	}
	if out > 0 {
		spec.Out = out
	}
	if e.Role != graph.RoleMain {
		return nil
	}
	feed, fed, err := in.logs.FeedOf(u.Name)
	if err != nil {
		return refuse("stdin", err)
	}
	if in.units[id].fed = fed; fed {
		spec.Stdin = feed
	}
	switch u.Stdin.Kind {
	case graph.InputPath:
		spec.StdinPath = u.Stdin.Path
	case graph.InputTty:
		spec.TTY = u.Tty
	}
	in.freshMain(u, id)
	if err := in.notifying(u, id, spec, env); err != nil {
		return refuse("notify", err)
	}
	if u.Ready.Kind == graph.ReadyFD {
		fd, err := in.readyPipe(id, e.Gen)
		if err != nil {
			return refuse("ready", err)
		}
		*ready = fd
		spec.Fds = append(spec.Fds, proc.FD{From: fd, To: u.Ready.FD})
	}
	return in.giveSockets(id, u, spec, env)
}
