package ctl

import "strings"

// The groups of the verbs, in the order of help.
const (
	groupUnits = iota
	groupOutput
	groupInit
	groupEnd
	groupRoles // not verbs of the client: other things that the file is
)

var groupNames = [...]string{"units", "what happens", "the init", "the end", "other roles (as mote ROLE)"}

// verb is one row of the client's table: help, usage and the check of words
// come from it.
type verb struct {
	name    string
	group   int
	words   string // what follows the name, for the usage
	min     int    // words at least
	max     int    // words at most; -1 = any number
	options string // its own options, separated by blanks
	waits   bool   // has no time limit of its own: it is over when it is so
	help    string // one line
	more    string // further lines of help VERB
}

// unlimited is a verb's max when any number of words may follow.
const unlimited = -1

// verbs is the table. It holds no functions, so that help may read it and so
// that it costs nothing at the start; perform picks the function.
var verbs = [...]verb{
	{"list", groupUnits, "", 0, 0, "", false, "all units as a table", ""},
	{"status", groupUnits, "[NAME...]", 0, unlimited, "", false, "the system, or units in full with their last log lines",
		"Exit status with names: 0 satisfied, 3 not, 4 no such unit. With --json and\nwithout a name it is the array of all units."},
	{"why", groupUnits, "NAME", 1, 1, "", false, "why a unit is not running, or what holds it up", ""},
	{"start", groupUnits, "NAME...", 1, unlimited, "--no-wait", true, "start units and wait until they are ready",
		"Exit status 1 with the reason at the first failed attempt; what the restart\npolicy does next goes on."},
	{"stop", groupUnits, "NAME...", 1, unlimited, "--no-wait", true, "stop units, what requires them first, and wait",
		"The names of dependents that are stopped too are printed."},
	{"restart", groupUnits, "NAME...", 1, unlimited, "--no-wait", true, "stop, then start, and wait until ready", ""},
	{"start-all", groupUnits, "", 0, 0, "--no-wait", true, "start what starts by itself (class user)", ""},
	{"stop-all", groupUnits, "", 0, 0, "--no-wait", true, "stop all units of class user", ""},
	{"kill", groupUnits, "NAME [SIGNAL]", 1, 2, "", false, "send a signal to a unit (TERM)", ""},
	{"wait", groupUnits, "[--for STATE] NAME...", 1, unlimited, "--for", true, "wait until all units are in a state (satisfied)",
		"STATE is a state of the list, satisfied (or up), or down: no process."},
	{"reload", groupUnits, "[NAME]", 0, 1, "--no-wait --dry-run --force", true, "read the configuration again and say what changes",
		"With NAME that unit is told to read its own (reload-signal, reload-exec), and\n--no-wait does not wait until it has. Without, only units whose own lines changed\nare touched. --dry-run says what would be done. A configuration with\na fault changes nothing unless --force."},
	{"add", groupUnits, "FILE|-", 1, 1, "--persist", false, "units at run time, from a file or stdin; kept in memory alone",
		"--persist keeps one unit for good: as the file NAME.conf in the folder of the\nconfiguration, written by this client, which must be allowed to."},
	{"remove", groupUnits, "NAME", 1, 1, "--no-wait --persist", true, "stop a unit that was added, and forget it",
		"--persist does so with one that has a file NAME.conf of its own, and removes\nthe file."},
	{"tree", groupUnits, "[NAME]", 0, 1, "", false, "what requires and wants what, as a tree",
		"With --json a flat array in the order of the tree, each with its depth."},
	{"graph", groupUnits, "", 0, 0, "", false, "the dependencies for Graphviz dot",
		"Solid: requires. Dashed: wants. Dotted: after. Red, without a head: conflicts."},
	{"show", groupUnits, "NAME", 1, 1, "", false, "a unit in the format of the configuration", ""},

	{"logs", groupOutput, "[-f] [-n N] [NAME...]", 0, unlimited, "f n", false, "output of units, all without a name",
		"-f goes on with what comes, -n N begins with the last N lines. Times are UTC."},
	{"events", groupOutput, "", 0, 0, "", true, "every transition, one line each, as it happens", ""},

	{"ping", groupInit, "", 0, 0, "", false, "exit status 0 if an init answers, 5 if not", ""},
	{"version", groupInit, "", 0, 0, "", false, "versions of this file and of the init",
		"--version tells that of this file alone and asks nobody."},
	{"check", groupInit, "[PATH...]", 0, unlimited, "", false, "every fault of a configuration, without an init",
		"Without a path /etc/mote/system and /etc/mote/services. Exit status 0 or 1."},
	{"upgrade", groupInit, "[PATH]", 0, 1, "", true, "have the init execute itself anew, or another mote",
		"What it looks after does not notice, and who waits for an answer gets it. A file\nthat will not do is refused, with the reason. PATH is one that the init sees."},
	{"help", groupInit, "[VERB|KEY]", 0, 1, "", false, "this, or one verb or configuration key", ""},

	{"shutdown", groupEnd, "", 0, 0, "", true, "end an init that is not a machine's (containers too)", ""},
	{"poweroff", groupEnd, "[-f] [-n]", 0, 0, "f n", true, "stop all, then power off", powerMore},
	{"reboot", groupEnd, "[-f] [-n] [ARG]", 0, 1, "f n", true, "stop all, then reboot, with ARG for the firmware", powerMore},
	{"halt", groupEnd, "[-f] [-n]", 0, 0, "f n", true, "stop all, then halt", powerMore},

	{"init", groupRoles, "[-c PATH] [-s SOCKET] [-t UNIT] [--machine|--container] [--main NAME]", 0, unlimited, "", false,
		"the init, or a supervisor", ""},
	{"run", groupRoles, "[-g] [-r FROM:TO] -- CMD ARG...", 0, unlimited, "", false, "one command, with signals forwarded", ""},
}

const powerMore = "-f asks no init but the kernel, at once, after a sync; -n leaves the sync out.\n" +
	"Without a socket, as root, a mote that is process 1 is told by a signal."

// verbNamed gives the row of a name, or nil.
func verbNamed(name string) *verb {
	for i := range verbs {
		if verbs[i].name == name {
			return &verbs[i]
		}
	}
	return nil
}

// findVerb gives the row of a verb, or a failure that names the nearest.
func findVerb(name string) (*verb, *failure) {
	if v := verbNamed(name); v != nil {
		return v, nil
	}
	hint := "see \"help\""
	if s := nearest(name, verbNames()); s != "" {
		hint = "did you mean " + quote(s) + "? see \"help\""
	}
	return nil, fail(Usage, "unknown verb "+quote(name)+": "+hint)
}

func verbNames() []string {
	names := make([]string, 0, len(verbs))
	for i := range verbs {
		if verbs[i].group != groupRoles {
			names = append(names, verbs[i].name)
		}
	}
	return names
}

// takes reports whether the verb has an option of its own.
func (v *verb) takes(option string) bool {
	for rest := v.options; rest != ""; {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		if word == option {
			return true
		}
	}
	return false
}

// usage gives the verb with its words.
func (v *verb) usage() string {
	s := v.name
	for _, option := range [...]string{"--no-wait", "--persist", "--dry-run", "--force"} {
		if v.takes(option) {
			s += " [" + option + "]"
		}
	}
	if v.words != "" {
		s += " " + v.words
	}
	return s
}
