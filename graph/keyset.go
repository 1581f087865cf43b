package graph

import (
	"strings"

	"mote/graph/line"
)

// The set functions of keyRows: each takes the words behind its key into b.u,
// or says what is wrong with them and leaves the unit as it was.

func setExec(b *builder, w []line.Word) {
	if c := b.command(w); c != nil {
		b.u.Exec, b.u.Sh = c, false
	}
}

func setSh(b *builder, w []line.Word) {
	if c := b.command(w); c != nil {
		b.u.Exec, b.u.Sh = c, true
	}
}

func resetExec(u, def *Unit) { u.Exec, u.Sh = nil, false }

func setPre(b *builder, w []line.Word) {
	if c := b.command(w); c != nil {
		b.u.Pre = append(b.u.Pre, c)
	}
}

func setPost(b *builder, w []line.Word) {
	if c := b.command(w); c != nil {
		b.u.Post = append(b.u.Post, c)
	}
}

func setStopExec(b *builder, w []line.Word) {
	if c := b.command(w); c != nil {
		b.u.StopExec = c
	}
}

// command takes the words of a command; nil means that it was refused.
func (b *builder) command(w []line.Word) []Text {
	if w[0].Text == "" {
		b.fault(b.key.Name + " has an empty command: write one")
		return nil
	}
	c := make([]Text, len(w))
	for i := range w {
		c[i] = parseText(w[i])
	}
	return c
}

func setDescription(b *builder, w []line.Word) {
	all := make([]string, len(w))
	for i := range w {
		all[i] = w[i].Text
	}
	b.u.Description = strings.Join(all, " ")
}

// setRefs gives a function that calls one: the compiler copies a closure's body
// to each place that makes it.
func setRefs(r relation) func(b *builder, w []line.Word) {
	return func(b *builder, w []line.Word) { b.addRefs(r, w) }
}

func (b *builder) addRefs(r relation, w []line.Word) {
	list := b.u.refs(r)
	for _, name := range w {
		if wrong := CheckName(name.Text); wrong != "" {
			b.fault(relationNames[r] + ": " + wrong)
		} else if isTemplate(name.Text) {
			b.fault(relationNames[r] + " " + quote(name.Text) + ", which is a template: name an instance of it, such as " +
				quote(name.Text+"x"))
		} else {
			*list = append(*list, Ref{name.Text, b.pos})
		}
	}
}

func resetRefs(r relation) func(u, def *Unit) {
	return func(u, def *Unit) { *u.refs(r) = nil }
}

func setStart(b *builder, w []line.Word) {
	if i := b.choice(w[0], "auto", "manual"); i >= 0 {
		b.u.Manual = i == 1
	}
}

func setClass(b *builder, w []line.Word) {
	if i := b.choice(w[0], "user", "system"); i >= 0 {
		b.u.Class = [...]Class{User, System}[i]
	}
}

func setCritical(b *builder, w []line.Word) {
	if i := b.choice(w[0], "shell", "reboot", "poweroff"); i >= 0 {
		b.u.Critical = [...]Critical{CriticalShell, CriticalReboot, CriticalPoweroff}[i]
	}
}

func setKill(b *builder, w []line.Word) {
	if i := b.choice(w[0], "group", "process", "cgroup"); i >= 0 {
		b.u.KillMode = [...]KillMode{KillGroup, KillProcess, KillCgroup}[i]
	}
}

// condForms are the tests of "if" and how many words stand behind each.
var condForms = [...]struct {
	name  string
	args  string
	words int
}{
	CondExists:    {"exists", " PATH", 1},
	CondCmdline:   {"cmdline", " WORD", 1},
	CondFileHas:   {"file-has", " PATH WORD", 2},
	CondContainer: {"container", "", 0},
}

func setIf(b *builder, w []line.Word) {
	var c Cond
	if w[0].Text == "not" {
		c.Not, w = true, w[1:]
	}
	if len(w) == 0 {
		b.fault(`if not has no test: write "if not exists PATH"`)
		return
	}
	i := b.choice(w[0], condForms[0].name, condForms[1].name, condForms[2].name, condForms[3].name)
	if i < 0 {
		return
	}
	form := condForms[i]
	if len(w)-1 != form.words {
		b.fault("if " + form.name + " takes " + counted(form.words) + ", not " + itoa(len(w)-1) +
			": write " + quote("if "+form.name+form.args))
		return
	}
	c.Kind = CondKind(i)
	switch c.Kind {
	case CondExists:
		c.Path = w[1].Text
	case CondCmdline:
		c.Word = w[1].Text
	case CondFileHas:
		c.Path, c.Word = w[1].Text, w[2].Text
	}
	if (c.Kind == CondExists || c.Kind == CondFileHas) && !b.absolute("if "+form.name, c.Path) {
		return
	}
	b.u.If = append(b.u.If, c)
}

func setDir(b *builder, w []line.Word) {
	t := parseText(w[0])
	// What a variable gives is known at the start only.
	if len(t) > 0 && t[0].Var != "" || b.absolute("dir", w[0].Text) {
		b.u.Dir = t
	}
}

func setUmask(b *builder, w []line.Word) {
	n, wrong := parseOctal(w[0].Text)
	if b.value("umask", w[0], wrong) {
		b.u.Umask = n
	}
}

func setEnv(b *builder, w []line.Word) {
	for _, word := range w {
		name, _, ok := strings.Cut(word.Text, "=")
		switch {
		case !ok:
			b.fault("env " + quote(word.Text) + ` has no "=": write NAME=VALUE`)
		case !isEnvName(name):
			b.fault("env " + quote(word.Text) + " has no right name: use letters, digits and _ before the \"=\"")
		default:
			value := word.Slice(len(name)+1, len(word.Text))
			b.u.Env = append(b.u.Env, Var{name, parseText(value)})
		}
	}
}

// isEnvName reports whether a name can be that of an environment variable:
// printable ASCII without what looks like an expansion. Programs take more
// than ${NAME} does ("app.mode").
func isEnvName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("=$%{}\"'\\", c) >= 0 {
			return false
		}
	}
	return name != "" && !(name[0] >= '0' && name[0] <= '9')
}

func setEnvFile(b *builder, w []line.Word) {
	path, optional := strings.CutPrefix(w[0].Text, "-")
	if b.absolute("env-file", path) {
		b.u.EnvFiles = append(b.u.EnvFiles, EnvFile{literal(path), optional})
	}
}

func setUser(b *builder, w []line.Word) {
	if b.account(w[0]) {
		b.u.User = w[0].Text
	}
}

func setGroup(b *builder, w []line.Word) {
	if b.account(w[0]) {
		b.u.Group = w[0].Text
	}
}

func setGroups(b *builder, w []line.Word) {
	for _, g := range w {
		if b.account(g) {
			b.u.Groups = append(b.u.Groups, g.Text)
			b.u.GroupsSet = true
		}
	}
}

// account reports whether a word can be a user's or a group's name or number.
// Whether there is such a one is known at the start only.
func (b *builder) account(w line.Word) bool {
	if n, ok := digits(w.Text, maxUID); ok && n > maxUID {
		return b.value(b.key.Name, w, "is over the limit of "+itoa64(maxUID)+": correct it")
	}
	for i := 0; i < len(w.Text); i++ {
		if c := w.Text[i]; c <= ' ' || c == 0x7f || c == ':' || c == '/' || c == ',' {
			return b.value(b.key.Name, w, "is neither a name nor a number: correct it")
		}
	}
	if w.Text == "" {
		return b.value(b.key.Name, w, "is empty: write a name or a number")
	}
	if len(w.Text) > maxAccount {
		return b.value(b.key.Name, w, tooLong(w.Text, maxAccount))
	}
	return true
}

func setTty(b *builder, w []line.Word) {
	if b.absolute("tty", w[0].Text) {
		b.u.Tty = w[0].Text
	}
}

func setStdin(b *builder, w []line.Word) {
	switch word := w[0].Text; {
	case word == "null":
		b.u.Stdin = Input{Kind: InputNull}
	case word == "tty":
		b.u.Stdin = Input{Kind: InputTty}
	case strings.HasPrefix(word, "/"):
		if !b.absolute("stdin", word) {
			return
		}
		b.u.Stdin = Input{Kind: InputPath, Path: word}
	default:
		b.value("stdin", w[0], `is unknown: write "null", "tty" or a path that begins with "/"`)
		return
	}
	b.stdinSet = true
}

func setStartTimeout(b *builder, w []line.Word) {
	d, wrong := ParseDuration(w[0].Text)
	if b.value("start-timeout", w[0], wrong) {
		b.u.StartTimeout = d
	}
}
