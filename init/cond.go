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
	for field := range strings.FieldsSeq(text) {
		if field == word {
			return true
		}
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
