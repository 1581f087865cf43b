package graph

import (
	"time"
)

// keyRows are the keys of units (SPEC 4), in the order in which Show writes
// them. A key that nothing performs is not here: it is an unknown key.
var keyRows = []row{
	{Key: Key{Name: "exec", Kinds: forProcess, Args: "CMD ARG...",
		Help: "The command, if it is not in the header; looked up in PATH when it has no slash."},
		least: 1, set: setExec, reset: resetExec, show: showExec},
	{Key: Key{Name: "sh", Kinds: forProcess, Args: "'LINE'",
		Help: "A line for /bin/sh -c, in place of exec."},
		least: 1, most: 1, set: setSh, reset: resetExec, show: showSh},
	{Key: Key{Name: "description", Kinds: forAll, Args: "TEXT...",
		Help: "What the unit is, for people."},
		least: 1, set: setDescription,
		reset: func(u, def *Unit) { u.Description = def.Description },
		show:  func(s *shower, u *Unit) { s.text("description", u.Description) }},
	{Key: Key{Name: "requires", Kinds: forAll, List: true, Args: "NAME...",
		Help: "Pulled in; this starts only when they are satisfied, and follows them down."},
		least: 1, set: setRefs(requires), reset: resetRefs(requires), show: showRefs(requires)},
	{Key: Key{Name: "wants", Kinds: forAll, List: true, Args: "NAME...",
		Help: "Pulled in, and nothing more."},
		least: 1, set: setRefs(wants), reset: resetRefs(wants), show: showRefs(wants)},
	{Key: Key{Name: "after", Kinds: forAll, List: true, Args: "NAME...",
		Help: "This starts after them and stops before them, if both are wanted."},
		least: 1, set: setRefs(afters), reset: resetRefs(afters), show: showRefs(afters)},
	{Key: Key{Name: "before", Kinds: forAll, List: true, Args: "NAME...",
		Help: "This starts before them and stops after them, if both are wanted."},
		least: 1, set: setRefs(befores), reset: resetRefs(befores), show: showRefs(befores)},
	{Key: Key{Name: "conflicts", Kinds: forAll, List: true, Args: "NAME...",
		Help: "Never active together with them, either way round."},
		least: 1, set: setRefs(conflicts), reset: resetRefs(conflicts), show: showRefs(conflicts)},
	{Key: Key{Name: "start", Kinds: forAll, Args: "auto|manual", Default: "auto",
		Help: "At boot by itself, or only when pulled in or asked for."},
		least: 1, most: 1, set: setStart,
		reset: func(u, def *Unit) { u.Manual = def.Manual },
		show:  func(s *shower, u *Unit) { s.flag("start", "manual", u.Manual) }},
	{Key: Key{Name: "class", Kinds: forAll, Args: "user|system", Default: "by directory",
		Help: "start-all and stop-all pass over class system, and a shutdown stops it last."},
		least: 1, most: 1, set: setClass,
		reset: func(u, def *Unit) { u.Class = def.Class },
		show:  func(s *shower, u *Unit) { s.flag("class", "system", u.Class == System) }},
	{Key: Key{Name: "critical", Kinds: forService | forTask, Args: "shell|reboot|poweroff",
		Help: "What to do when it fails for good; implies restart limit 5 within 1m unless a limit is written."},
		least: 1, most: 1, set: setCritical,
		reset: func(u, def *Unit) { u.Critical = def.Critical }, show: showCritical},
	{Key: Key{Name: "if", Kinds: forAll, List: true,
		Args: "[not] exists PATH | cmdline WORD | file-has PATH WORD | container",
		Help: "When one of them is not met at the start, the unit is skipped, which counts as satisfied."},
		least: 1, most: 4, set: setIf,
		reset: func(u, def *Unit) { u.If = def.If }, show: showIf},
	{Key: Key{Name: "dir", Kinds: forProcess, Args: "PATH", Default: "/",
		Help: "The working directory."},
		least: 1, most: 1, set: setDir,
		reset: func(u, def *Unit) { u.Dir = def.Dir }, show: showDir},
	{Key: Key{Name: "chroot", Kinds: forProcess, Args: "PATH",
		Help: "The root directory: dir and the command are inside it; users, groups, env-file, stdin and tty are outside."},
		least: 1, most: 1, set: setChroot,
		reset: func(u, def *Unit) { u.context().Chroot = "" },
		show:  func(s *shower, u *Unit) { s.text("chroot", u.asked().Chroot) }},
	{Key: Key{Name: "umask", Kinds: forProcess, Args: "OCTAL", Default: "022",
		Help: "Permission bits that new files do not get."},
		least: 1, most: 1, set: setUmask,
		reset: func(u, def *Unit) { u.Umask = def.Umask }, show: showUmask},
	{Key: Key{Name: "env", Kinds: forProcess, List: true, Args: "NAME=VALUE...",
		Help: "Environment variables; they win over env-file, set and what the init has."},
		least: 1, set: setEnv,
		reset: func(u, def *Unit) { u.Env = def.Env }, show: showEnv},
	{Key: Key{Name: "env-file", Kinds: forProcess, List: true, Args: "[-]PATH",
		Help: "A file of NAME=VALUE lines, read at each start; with '-' it may be missing."},
		least: 1, most: 1, set: setEnvFile,
		reset: func(u, def *Unit) { u.EnvFiles = def.EnvFiles }, show: showEnvFile},
	{Key: Key{Name: "user", Kinds: forProcess, Args: "USER",
		Help: "Runs as this user, a name or a number; sets HOME, USER, LOGNAME and SHELL."},
		least: 1, most: 1, set: setUser,
		reset: func(u, def *Unit) { u.User = def.User },
		show:  func(s *shower, u *Unit) { s.text("user", u.User) }},
	{Key: Key{Name: "group", Kinds: forProcess, Args: "GROUP", Default: "the user's",
		Help: "Runs with this group, a name or a number."},
		least: 1, most: 1, set: setGroup,
		reset: func(u, def *Unit) { u.Group = def.Group },
		show:  func(s *shower, u *Unit) { s.text("group", u.Group) }},
	{Key: Key{Name: "groups", Kinds: forProcess, List: true, Args: "GROUP...", Default: "the user's",
		Help: "The supplementary groups, in place of the user's own."},
		least: 1, set: setGroups,
		reset: func(u, def *Unit) { u.Groups, u.GroupsSet = def.Groups, def.GroupsSet }, show: showGroups},
	{Key: Key{Name: "caps", Kinds: forProcess, List: true, Args: "NAME...|none",
		Help: "Only these capabilities can be had, and a user other than root has them; CAP_ may be left out; none is no capability at all."},
		least: 1, set: setCaps,
		reset: func(u, def *Unit) { c := u.context(); c.Caps, c.CapsSet = 0, false }, show: showCaps},
	{Key: Key{Name: "no-new-privs", Kinds: forProcess, Args: "yes|no", Default: "no",
		Help: "Set-user-ID bits and file capabilities give it and its children nothing."},
		least: 1, most: 1, set: setNoNewPrivs,
		reset: func(u, def *Unit) { u.context().NoNewPrivs = false },
		show:  func(s *shower, u *Unit) { s.flag("no-new-privs", "yes", u.asked().NoNewPrivs) }},
	{Key: Key{Name: "securebits", Kinds: forProcess, Args: "WORD...",
		Help: "How capabilities meet user 0, see capabilities(7): " + string(secureNames) + "."},
		least: 1, most: 6, set: setSecurebits,
		reset: func(u, def *Unit) { u.context().Securebits = 0 }, show: showSecurebits},
	{Key: Key{Name: "limit", Kinds: forProcess, List: true, Args: "NAME SOFT[:HARD]",
		Help: "A resource limit; one value sets both, the last of a name wins, sizes may end in K, M or G, infinity is no limit: " + string(limitNames) + "."},
		least: 2, most: 2, set: setLimit,
		reset: func(u, def *Unit) { c := u.context(); c.Limits, c.LimitsSet = noContext.Limits, 0 }, show: showLimit},
	{Key: Key{Name: "nice", Kinds: forProcess, Args: "N",
		Help: "The priority, from -20, which is served first, to 19."},
		least: 1, most: 1, set: setNice,
		reset: func(u, def *Unit) { c := u.context(); c.Nice, c.NiceSet = 0, false }, show: showNice},
	{Key: Key{Name: "oom", Kinds: forProcess, Args: "N",
		Help: "The score when memory runs out, from -1000, never killed, to 1000, killed first."},
		least: 1, most: 1, set: setOOM,
		reset: func(u, def *Unit) { c := u.context(); c.OOM, c.OOMSet = 0, false }, show: showOOM},
	{Key: Key{Name: "sched", Kinds: forProcess, Args: "other|batch|idle|fifo N|rr N",
		Help: "The scheduler, see sched(7); fifo and rr have a priority from 1 to 99."},
		least: 1, most: 2, set: setSched,
		reset: func(u, def *Unit) { c := u.context(); c.SchedSet, c.SchedPolicy, c.SchedPriority = false, 0, 0 }, show: showSched},
	{Key: Key{Name: "cpus", Kinds: forProcess, Args: "LIST",
		Help: "The processors that it may run on, such as 0-3,5."},
		least: 1, most: 1, set: setCPUs,
		reset: func(u, def *Unit) { u.context().CPUs = "" },
		show:  func(s *shower, u *Unit) { s.text("cpus", u.asked().CPUs) }},
	{Key: Key{Name: "ionice", Kinds: forProcess, Args: "realtime|best-effort|idle[:N]",
		Help: "The class and level, 0 to 7, of its reads and writes of disks."},
		least: 1, most: 1, set: setIonice,
		reset: func(u, def *Unit) { u.context().IOPrio = 0 }, show: showIonice},
	{Key: Key{Name: "cgroup", Kinds: forProcess, List: true, Args: "KEY=VALUE...",
		Help: "What is written to files of its cgroup (version 2) before each start, such as memory.max=64M; the last of a KEY wins."},
		least: 1, set: setCgroup,
		reset: func(u, def *Unit) { u.context().Cgroup = "" }, show: showCgroup},
	{Key: Key{Name: "tty", Kinds: forProcess, Args: "PATH",
		Help: "The controlling terminal, and the input; a tty unit's output too."},
		least: 1, most: 1, set: setTty,
		reset: func(u, def *Unit) { u.Tty = def.Tty },
		show:  func(s *shower, u *Unit) { s.text("tty", u.Tty) }},
	{Key: Key{Name: "stdin", Kinds: forProcess, Args: "null|PATH|tty", Default: "null; with a key tty, tty",
		Help: "Where the standard input comes from."},
		least: 1, most: 1, set: setStdin,
		reset: func(u, def *Unit) { u.Stdin = def.Stdin }, show: showStdin},
	{Key: Key{Name: "pre", Kinds: forService | forTask, List: true, Args: "CMD ARG...",
		Help: "Run before each start, one after the other; one that fails fails the start."},
		least: 1, set: setPre,
		reset: func(u, def *Unit) { u.Pre = def.Pre },
		show:  func(s *shower, u *Unit) { s.commands("pre", u.Pre) }},
	{Key: Key{Name: "post", Kinds: forService | forTask, List: true, Args: "CMD ARG...",
		Help: "Run after each end, with MOTE_RESULT and MOTE_CODE in the environment."},
		least: 1, set: setPost,
		reset: func(u, def *Unit) { u.Post = def.Post },
		show:  func(s *shower, u *Unit) { s.commands("post", u.Post) }},
	{Key: Key{Name: "listen", Kinds: forService, List: true, Args: listenArgs,
		Help: "A socket that is opened before the start, stays open across restarts and is handed over as LISTEN_FDS."},
		least: 2, most: 8, set: setListen, reset: resetListen, show: showListen},
	{Key: Key{Name: "on-demand", Kinds: forService, Args: "[idle D]", Default: "without idle, never stopped",
		Help: "Started by the first connection to a listen socket, and stopped when it had none for the time of idle."},
		most: 2, set: setOnDemand, reset: resetOnDemand, show: showOnDemand},
	{Key: Key{Name: "ports", Kinds: forService, List: true, Args: "N...",
		Help: "Not started while another active unit has one of these ports."},
		least: 1, set: setPorts, reset: resetPorts, show: showPorts},
	{Key: Key{Name: "ready", Kinds: forService, Args: "spawn|notify|fd N|pidfile PATH|path PATH|log TEXT|health", Default: "spawn",
		Help: "How it shows that it is ready: the exec succeeded, READY=1 on NOTIFY_SOCKET, a newline on a descriptor, " +
			"a file with the pid of the daemon, a path that is there, a text in its output, the first check of health."},
		least: 1, most: 2, set: setReady, reset: resetReady, show: showReady},
	{Key: Key{Name: "start-timeout", Kinds: forService | forTask, Args: "D", Default: "30s, of a task 0",
		Help: "How long starting may take; 0 is for ever."},
		least: 1, most: 1, set: setStartTimeout,
		reset: func(u, def *Unit) { u.StartTimeout = def.StartTimeout }, show: showStartTimeout},
	{Key: Key{Name: "restart", Kinds: forService | forTty,
		Args:    "always|on-failure|never [delay D] [max D] [reset D] [limit N [within D]]",
		Default: "always delay 1s max 30s reset 10s",
		Help:    "When it starts again by itself: the delay doubles up to max, and is the first again after reset up."},
		least: 1, most: 11, set: setRestart, reset: resetRestart, show: showRestart},
	{Key: Key{Name: "stop", Kinds: forProcess, Args: "SIGNAL D [SIGNAL D...] [KILL]", Default: "TERM 5s",
		Help: "The signals of a stop and how long to wait after each; KILL always ends it."},
		least: 1, most: 2*maxStopSteps + 1, set: setStop,
		reset: func(u, def *Unit) { u.Stop = def.Stop }, show: showStop},
	{Key: Key{Name: "stop-exec", Kinds: forService | forTask, Args: "CMD ARG...",
		Help: "Of a service: run in place of the first signal, with MAINPID. Of a task that exited 0: run when it is stopped."},
		least: 1, set: setStopExec,
		reset: func(u, def *Unit) { u.StopExec = def.StopExec }, show: showStopExec},
	{Key: Key{Name: "reload-signal", Kinds: forService, Args: "SIGNAL",
		Help: "What motectl reload NAME sends it."},
		least: 1, most: 1, set: setReloadSignal, reset: resetReloadSignal, show: showReloadSignal},
	{Key: Key{Name: "reload-exec", Kinds: forService, Args: "CMD ARG...",
		Help: "What motectl reload NAME runs, in place of a signal, with MAINPID."},
		least: 1, set: setReloadExec, reset: resetReloadExec, show: showReloadExec},
	{Key: Key{Name: "kill", Kinds: forProcess, Args: "group|process|cgroup", Default: "group",
		Help: "What the signals of a stop go to, and what ends with the main process; cgroup is every process of the unit, whatever group or session it has made."},
		least: 1, most: 1, set: setKill,
		reset: func(u, def *Unit) { u.KillMode = def.KillMode },
		show: func(s *shower, u *Unit) {
			s.flag("kill", "process", u.KillMode == KillProcess)
			s.flag("kill", "cgroup", u.KillMode == KillCgroup)
		}},
	{Key: Key{Name: "health", Kinds: forService, Args: healthArgs, Default: "every 10s timeout 2s fails 3 grace 0",
		Help: "Checked while it runs: a connection, an answer 2xx or 3xx, or a command that exits 0; " +
			"so many failures in a row, and it is stopped as one that failed."},
		least: 2, set: setHealth, reset: resetHealth, show: showHealth},
	{Key: Key{Name: "watchdog", Kinds: forService, Args: "D",
		Help: "It must send WATCHDOG=1 to NOTIFY_SOCKET at least so often, or it is stopped as one that failed."},
		least: 1, most: 1, set: setWatchdog, reset: resetWatchdog, show: showWatchdog},
	{Key: Key{Name: "every", Kinds: forTask, Args: "D",
		Help: "Runs at once, and again D after each start, never two at a time; what a long run leaves out is left out."},
		least: 1, most: 1, set: setEvery,
		reset: func(u, def *Unit) { u.Every = def.Every },
		show: func(s *shower, u *Unit) {
			if u.Every > 0 {
				s.line("every", FormatDuration(u.Every))
			}
		}},
	{Key: Key{Name: "at", Kinds: forTask, Args: "MIN HOUR DAY MONTH WEEKDAY",
		Help: "Runs at these minutes of local time, as cron has them: *, */N, N, N-M, N-M/N, lists with commas, jan..dec, sun..sat."},
		least: cronFields, most: cronFields, set: setAt,
		reset: func(u, def *Unit) { u.At = def.At },
		show: func(s *shower, u *Unit) {
			if u.At != nil {
				s.line("at", u.At.words[:]...)
			}
		}},
	{Key: Key{Name: "askfirst", Kinds: forTty, Args: "[TEXT]", Default: askText,
		Help: "Writes the text to the terminal and starts at the first key press."},
		most: 1, set: setAskFirst,
		reset: func(u, def *Unit) { u.AskFirst, u.AskText = def.AskFirst, def.AskText },
		show: func(s *shower, u *Unit) {
			if u.AskFirst && u.AskText == "" {
				s.begin("    askfirst")
				s.end()
			} else if u.AskFirst {
				s.line("askfirst", u.AskText)
			}
		}},
	{Key: Key{Name: "log", Kinds: forService | forTask, List: true, Args: logArgs,
		Default: "ring 16K",
		Help: "Where the output goes; any log line replaces the default. A file (256K x4) is written by a child, " +
			"x is how many files there are; a pipe is the stdin of that service."},
		least: 1, most: 5, set: setLog,
		reset: func(u, def *Unit) { u.Log = nil }, show: showLog},
}

// newUnit gives a unit with the defaults of its kind. What depends on other
// keys (stdin, log, the limit of a critical unit) comes in builder.finish.
func newUnit(name string, kind Kind, class Class) Unit {
	_, instance := splitName(name)
	u := Unit{Name: name, Instance: instance, Kind: kind, Class: class, Umask: 0o022,
		Dir: defaultDir, Stop: defaultStop, Restart: Restart{Policy: Never}}
	switch kind {
	case Service:
		u.StartTimeout = serviceStartTimeout
		u.Restart = defaultRestart
	case Tty:
		u.Restart = defaultRestart
	}
	return u
}

const (
	sigTerm             = 15 // the same on all architectures
	serviceStartTimeout = 30 * time.Second
	maxStopSteps        = 16
)

// Units share these; they are replaced as a whole and never written to.
var (
	defaultDir  = Text{{Lit: "/"}}
	defaultStop = []StopStep{{Signal: sigTerm, Wait: 5 * time.Second}}
	defaultLog  = []Sink{{Kind: SinkRing, SizeBytes: DefaultRingBytes}}
)

var defaultRestart = Restart{Policy: Always, Delay: time.Second, Max: 30 * time.Second, Reset: 10 * time.Second}

// relation is one of the five ways to name other units.
type relation uint8

const (
	requires relation = iota
	wants
	afters
	befores
	conflicts
	relationCount
)

var relationNames = [relationCount]string{"requires", "wants", "after", "before", "conflicts"}

// refs gives a unit's list of a relation.
func (u *Unit) refs(r relation) *[]Ref {
	switch r {
	case requires:
		return &u.Requires
	case wants:
		return &u.Wants
	case afters:
		return &u.After
	case befores:
		return &u.Before
	}
	return &u.Conflicts
}

// uniqueRefs removes names that came before in the list.
func uniqueRefs(refs []Ref) []Ref {
	if len(refs) < 2 {
		return refs
	}
	seen := make(map[string]bool, len(refs))
	kept := refs[:0]
	for _, r := range refs {
		if !seen[r.Name] {
			seen[r.Name] = true
			kept = append(kept, r)
		}
	}
	return kept
}
