package pid1

import (
	"strings"

	"mote/graph"
	"mote/proc"
)

// maxCondFile bounds what "if file-has" reads.
const maxCondFile = 1 << 20

// unmet gives the first "if" line of a unit that does not hold, as it is
// written; empty when all hold (SPEC F8).
func (in *Init) unmet(u *graph.Unit) string {
	for _, c := range u.If {
		if in.holds(&c) == c.Not {
			return condText(&c)
		}
	}
	return ""
}

// check answers the world's Check, at once where that cannot block. A path on
// a network or FUSE mount is looked at by a child: its server may never answer,
// and PID 1 must not wait for it.
func (in *Init) check(id graph.ID) {
	u := in.world.Unit(id)
	if !remote(u) {
		in.queue = append(in.queue, graph.Event{Kind: graph.Checked, Unit: id, Text: in.unmet(u)})
		return
	}
	args := []string{"mote", condWord}
	for i := range u.If {
		c := &u.If[i]
		holds := "?"
		if c.Kind == graph.CondCmdline || c.Kind == graph.CondContainer {
			holds = yesNo(in.holds(c)) // the child's role is another
		}
		args = append(args, yesNo(c.Not), holds, c.Path, c.Word)
	}
	child, err := proc.Spawn(proc.NewSpec([]string{"/proc/self/exe"}, args, nil))
	if err != nil {
		in.logs.Say(MsgWarn, u.Name, ": if: ", err.Error(), ": taken as not met")
		in.queue = append(in.queue, graph.Event{Kind: graph.Checked, Unit: id, Text: condText(&u.If[0])})
		return
	}
	in.help(&child, &process{helper: helpCheck, of: id})
}

// lookedAt takes the end of that child. A reload may have changed the lines
// meanwhile.
func (in *Init) lookedAt(p *process, ex proc.Exit) {
	u := in.world.Unit(p.of)
	ev := graph.Event{Kind: graph.Checked, Unit: p.of}
	switch n := ex.Code; {
	case ex.Signal != 0 || n > len(u.If) || p.fail != nil:
		in.logs.Say(MsgWarn, u.Name, ": if: the look at a network mount did not end well: taken as not met")
		if ev.Text = "if"; len(u.If) > 0 {
			ev.Text = condText(&u.If[0])
		}
	case n > 0:
		ev.Text = condText(&u.If[n-1])
	}
	in.apply(ev)
}

func remote(u *graph.Unit) bool {
	for i := range u.If {
		if path := u.If[i].Path; path != "" && proc.OnNetworkOrFuse(path) {
			return true
		}
	}
	return false
}

// condWord starts the program as the child of check. It is no role of SPEC 1.
const condWord = "@if"

// IsCheck reports whether the words are those of a child that does one thing for
// the init: it looks at "if" lines, or at a socket, or remembers a reboot.
func IsCheck(args []string) bool {
	return len(args) > 0 && (args[0] == condWord || args[0] == criticalWord || args[0] == unixWord && len(args) == 2)
}

// RunCheck is that child. Its exit status is the number of the first line that
// does not hold, from 1, or 0.
func RunCheck(args []string) int {
	if args[0] == criticalWord {
		return runCritical(args[1:])
	}
	if args[0] == unixWord {
		return int(proc.TryUnix(args[1]))
	}
	in := &Init{}
	for i := 0; 4*i+4 < len(args); i++ {
		w := args[4*i+1 : 4*i+5]
		c := graph.Cond{Not: w[0] == "yes", Kind: graph.CondExists, Path: w[2], Word: w[3]}
		if c.Word != "" {
			c.Kind = graph.CondFileHas
		}
		holds := w[1] == "yes"
		if w[1] == "?" {
			holds = in.holds(&c)
		}
		if holds == c.Not {
			return min(i+1, 125)
		}
	}
	return 0
}

func (in *Init) holds(c *graph.Cond) bool {
	switch c.Kind {
	case graph.CondExists:
		return proc.Exists(c.Path)
	case graph.CondCmdline:
		data, err := proc.ReadSmall("/proc/cmdline", maxCondFile)
		return err == nil && hasWord(string(data), c.Word)
	case graph.CondFileHas:
		data, err := proc.ReadSmall(c.Path, maxCondFile)
		return err == nil && hasWord(string(data), c.Word)
	case graph.CondContainer:
		// Files and variables say too little, and too much (SPEC 1).
		return in.role == Container || in.role == Supervisor && !proc.InitialPIDNamespace()
	}
	return false
}

// hasWord reports whether text, cut at blanks and line ends, has the word.
func hasWord(text, word string) bool {
	blank := func(i int) bool { return i < 0 || i == len(text) || strings.IndexByte(" \t\n\v\f\r", text[i]) >= 0 }
	for from := 0; word != ""; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			break
		}
		if i += from; blank(i-1) && blank(i+len(word)) {
			return true
		}
		from = i + 1
	}
	return false
}

func condText(c *graph.Cond) string {
	t := "if "
	if c.Not {
		t += "not "
	}
	switch c.Kind {
	case graph.CondExists:
		return t + "exists " + c.Path
	case graph.CondCmdline:
		return t + "cmdline " + c.Word
	case graph.CondFileHas:
		return t + "file-has " + c.Path + " " + c.Word
	}
	return t + "container"
}
