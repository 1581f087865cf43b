package graph

import (
	"time"

	"mote/graph/line"
)

// The show functions of keyRows: each writes what is not the default.

func showExec(s *shower, u *Unit) {} // in the header

func showSh(s *shower, u *Unit) {
	if u.Sh {
		s.commands("sh", [][]Text{u.Exec})
	}
}

func showStopExec(s *shower, u *Unit) {
	if len(u.StopExec) > 0 {
		s.commands("stop-exec", [][]Text{u.StopExec})
	}
}

func showRefs(r relation) func(s *shower, u *Unit) {
	return func(s *shower, u *Unit) { s.refs(r, *u.refs(r)) }
}

func (s *shower) refs(r relation, list []Ref) {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	s.list(relationNames[r], names)
}

func showCritical(s *shower, u *Unit) {
	if u.Critical != NotCritical {
		s.line("critical", [...]string{CriticalShell: "shell", CriticalReboot: "reboot", CriticalPoweroff: "poweroff"}[u.Critical])
	}
}

func showIf(s *shower, u *Unit) {
	for _, c := range u.If {
		s.line("if", c.words()...)
	}
}

// words gives a condition as it is written behind "if".
func (c Cond) words() []string {
	var w []string
	if c.Not {
		w = append(w, "not")
	}
	w = append(w, condForms[c.Kind].name)
	if c.Kind == CondExists || c.Kind == CondFileHas {
		w = append(w, c.Path)
	}
	if c.Kind == CondCmdline || c.Kind == CondFileHas {
		w = append(w, c.Word)
	}
	return w
}

// String gives a condition as it is written, for "skipped: if ...".
func (c Cond) String() string {
	return string(line.Append(nil, append([]string{"if"}, c.words()...)...))
}

func showDir(s *shower, u *Unit) {
	if len(u.Dir) != 1 || u.Dir[0].Lit != "/" {
		s.commands("dir", [][]Text{{u.Dir}})
	}
}

func showUmask(s *shower, u *Unit) {
	if u.Umask != 0o022 {
		s.line("umask", formatOctal(u.Umask))
	}
}

func showEnv(s *shower, u *Unit) {
	for _, v := range u.Env {
		word := Text{{Lit: v.Name + "="}}
		rest := v.Value
		if len(rest) > 0 && rest[0].Var == "" {
			word[0].Lit += rest[0].Lit
			rest = rest[1:]
		}
		s.commands("env", [][]Text{{append(word, rest...)}})
	}
}

func showEnvFile(s *shower, u *Unit) {
	for _, f := range u.EnvFiles {
		path := ExpandText(f.Path, nil, nil)
		if f.Optional {
			path = "-" + path
		}
		s.line("env-file", path)
	}
}

func showGroups(s *shower, u *Unit) { s.list("groups", u.Groups) }

func showStdin(s *shower, u *Unit) {
	switch {
	case u.Stdin.Kind == InputPath:
		s.line("stdin", u.Stdin.Path)
	case u.Stdin.Kind == defaultStdin(u):
	case u.Stdin.Kind == InputTty:
		s.line("stdin", "tty")
	default:
		s.line("stdin", "null")
	}
}

func showStartTimeout(s *shower, u *Unit) {
	if u.StartTimeout != serviceStartTimeout && u.Kind == Service || u.StartTimeout != 0 && u.Kind == Task {
		s.line("start-timeout", FormatDuration(u.StartTimeout))
	}
}

func showRestart(s *shower, u *Unit) {
	r, def := u.Restart, defaultRestart
	if u.Critical != NotCritical && u.Kind == Service {
		def.Limit, def.Within = criticalLimit, criticalWithin
	}
	if r == def && !u.restartSet {
		return
	}
	w := []string{[...]string{Always: "always", OnFailure: "on-failure", Never: "never"}[r.Policy]}
	option := func(name string, d, usual time.Duration) {
		if d != usual {
			w = append(w, name, FormatDuration(d))
		}
	}
	option("delay", r.Delay, def.Delay)
	option("max", r.Max, max(def.Max, r.Delay))
	option("reset", r.Reset, def.Reset)
	if r.Limit != def.Limit || r.Within != def.Within || u.limitSet {
		w = append(w, "limit", itoa(r.Limit))
		option("within", r.Within, 0)
	}
	s.line("restart", w...)
}

func showStop(s *shower, u *Unit) {
	if len(u.Stop) == 1 && u.Stop[0] == (StopStep{sigTerm, 5 * time.Second}) {
		return
	}
	var w []string
	for _, step := range u.Stop {
		w = append(w, SignalName(step.Signal), FormatDuration(step.Wait))
	}
	s.line("stop", append(w, SignalName(sigKill))...)
}
