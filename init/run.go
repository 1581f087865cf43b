package pid1

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// RunUsage is the wrapper's help.
const RunUsage = `usage: mote run [-g] [-r FROM:TO]... [--] CMD [ARG]...
  -g          forward signals to CMD's process group
  -r FROM:TO  forward signal TO in place of FROM; TO 0 drops it
`

// wrapper is the init for one command: what tini and dumb-init do (SPEC 1).
type wrapper struct {
	group   bool
	rewrite [65]int // of each signal; -1 = drop, 0 = as it is
	cmd     []string

	terminal  bool // descriptor 0 is the controlling terminal
	suspended bool // with the command, until a CONT
}

// Run is the wrapper role; it returns CMD's exit status: its code, 128+n for a
// signal, 127 when it is not found and 126 when it cannot be executed.
func Run(args []string) int {
	w, bad := parseRun(args)
	if bad != "" {
		complain("run: " + bad)
		return 2
	}
	proc.EnsureStdio(false)
	sigs, err := proc.OpenSignals()
	if err == nil && unix.Getpid() != 1 {
		err = proc.Subreaper()
	}
	var poll *proc.Poll
	if err == nil {
		if poll, err = proc.NewPoll(); err == nil {
			err = poll.Add(sigs.FD(), unix.EPOLLIN, 0)
		}
	}
	if err != nil {
		complain("run: " + err.Error())
		return 1
	}
	env := proc.Environ()
	path, _ := (&environ{list: env}).get("PATH")
	spec := proc.NewSpec(candidates(w.cmd[0], path), w.cmd, env)
	spec.Inherit, spec.Group = true, w.place()
	child, err := proc.Spawn(spec)
	if err != nil {
		complain("run: " + w.cmd[0] + ": " + err.Error())
		return 1
	}
	return w.loop(poll, sigs, child)
}

// loop forwards and reaps until the command has ended.
func (w *wrapper) loop(poll *proc.Poll, sigs *proc.Signals, child proc.Process) int {
	var ready [4]proc.Ready
	for {
		for { // before the exits: a CHLD that is taken here must be followed by a look
			sig, ok := sigs.Next()
			if !ok {
				break
			}
			w.forward(sig.Number, child.Pid)
		}
		for {
			pid, ok := proc.NextExit()
			if !ok {
				break
			}
			ex, _ := proc.Reap(pid)
			if pid == child.Pid {
				w.takeBack()
				return w.result(ex, child)
			}
		}
		if w.terminal && proc.Stopped(child.Pid) {
			w.suspended = true
			proc.Suspend()
			continue // a CONT may be there
		}
		if _, err := poll.Wait(ready[:]); err != nil {
			return 1
		}
	}
}

// place gives the command the terminal, if it is the wrapper's to give: who was
// started in the background of a shell leaves it there.
func (w *wrapper) place() proc.Group {
	fg, ok := proc.Foreground(0)
	if w.terminal = ok; ok && (fg == 0 || fg == unix.Getpgrp()) {
		return proc.GroupForeground
	}
	return proc.GroupOwn
}

// resume lets the command go on when a shell continues the wrapper: in the
// foreground if that is where the shell has put it. It reports whether the
// signal was the shell's, for a job, and not one for the command.
func (w *wrapper) resume(child int) (job bool) {
	job, w.suspended = w.suspended, false
	if fg, ok := proc.Foreground(0); ok && fg == unix.Getpgrp() {
		proc.SetForeground(0, child)
		job = true
	}
	if job {
		proc.KillGroup(child, int(unix.SIGCONT))
	}
	return job
}

// takeBack puts the wrapper's own group into the foreground again when the
// command has left nobody there: a script that called the wrapper reads on.
func (w *wrapper) takeBack() {
	if fg, ok := proc.Foreground(0); w.terminal && ok && fg != unix.Getpgrp() && proc.GroupGone(fg) {
		proc.SetForeground(0, unix.Getpgrp())
	}
}

// forward passes one signal on. What the terminal sends goes to the command's
// group by itself; CHLD is ours.
func (w *wrapper) forward(sig, pid int) {
	if sig == int(unix.SIGCHLD) {
		return
	}
	if sig == int(unix.SIGCONT) && w.terminal && w.resume(pid) {
		return
	}
	switch to := w.rewrite[sig]; {
	case to < 0:
		return
	case to > 0:
		sig = to
	}
	if w.group && proc.KillGroup(pid, sig) == nil {
		return
	}
	proc.Kill(pid, sig)
}

// result gives the exit status that stands for the command's end.
func (w *wrapper) result(ex proc.Exit, child proc.Process) int {
	fail := child.Fail
	if child.Result >= 0 {
		_, fail = proc.ReadResult(child.Result)
	}
	if fail != nil {
		text := fail.Errno.Error()
		complain("run: " + w.cmd[0] + ": " + fail.Stage.String() + ": " + text)
		switch {
		case fail.Stage != proc.StageExec:
			return 1
		case fail.Errno == syscall.ENOENT:
			return 127
		}
		return 126
	}
	if ex.Signal != 0 {
		return 128 + ex.Signal
	}
	return ex.Code
}

func parseRun(args []string) (*wrapper, string) {
	w := &wrapper{}
	i := 0
	for ; i < len(args) && strings.HasPrefix(args[i], "-"); i++ {
		switch word := args[i]; {
		case word == "--":
			w.cmd = args[i+1:]
			if len(w.cmd) == 0 {
				return nil, "no command: write mote run -- CMD ARG..."
			}
			return w, ""
		case word == "-g":
			w.group = true
		case strings.HasPrefix(word, "-r"):
			value := word[2:]
			if value == "" {
				if i++; i >= len(args) {
					return nil, "-r needs FROM:TO, as in -r TERM:QUIT"
				}
				value = args[i]
			}
			if bad := w.addRewrite(value); bad != "" {
				return nil, bad
			}
		default:
			return nil, "unknown option " + strconv.Quote(word) + ": see mote run --help"
		}
	}
	w.cmd = args[i:]
	if len(w.cmd) == 0 {
		return nil, "no command: write mote run -- CMD ARG..."
	}
	return w, ""
}

func (w *wrapper) addRewrite(value string) string {
	from, to, ok := strings.Cut(value, ":")
	a, okA := graph.SignalNumber(from)
	b, okB := graph.SignalNumber(to)
	if to == "0" {
		b, okB = -1, true
	}
	if !ok || !okA || !okB || a < 1 || a > 64 || b > 64 {
		return "-r " + strconv.Quote(value) + " is not FROM:TO with two signals: write -r TERM:QUIT, or -r HUP:0 to drop it"
	}
	w.rewrite[a] = b
	return ""
}
