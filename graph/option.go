package graph

import (
	"strings"
	"time"

	"mote/graph/line"
)

// Options are the global part of a configuration ("option NAME VALUE"). They
// can be compared, so that a reload sees what has changed.
type Options struct {
	ShutdownTimeout time.Duration // 0 = the role's default: 30s machine, 8s container
	CtlGroup        string        // group that may control; empty = none
	CtlReadAll      bool          // everyone may read
	WatchdogDevice  string        // empty = none
	WatchdogTime    time.Duration // until it resets the machine
	BootGood        string        // words, a NUL between them; empty = none
	BootBad         string
	Rescue          Rescue // what a rescue may give
	LogMemory       int    // bytes of all rings together; 0 = a part of the machine's memory
	Syslog          string // path of the socket that takes syslog(3) messages; empty = none
}

// Rescue is what single, rescue, critical shell and a machine without a
// configuration may give to whoever is at the console.
type Rescue uint8

const (
	RescueShell Rescue = iota // as root, without a password
	RescueLogin
	RescueOff
)

var rescueWords = [...]string{"shell", "login", "off"}

// String gives the configuration's word.
func (r Rescue) String() string { return rescueWords[r] }

// ParseRescue reads it.
func ParseRescue(word string) (Rescue, bool) {
	for i, w := range rescueWords {
		if w == word {
			return Rescue(i), true
		}
	}
	return RescueShell, false
}

// DefaultSyslog is the socket that every C library writes to (syslog(3)).
const DefaultSyslog = "/dev/log"

// maxOptionRows bounds optionRows.
const maxOptionRows = 12

// optionRows are the words that may stand behind "option" (SPEC F3).
var optionRows = []row{
	{Key: Key{Name: "shutdown-timeout", Scope: InOption, Args: "D", Default: "30s, in a container 8s",
		Help: "How long stopping all units may take at the end."}, least: 1, most: 1},
	{Key: Key{Name: "ctl-group", Scope: InOption, Args: "GROUP",
		Help: "Members may start, stop, restart, reload and kill units; the socket's mode is 0660."}, least: 1, most: 1},
	{Key: Key{Name: "ctl-read", Scope: InOption, Args: "all",
		Help: "Everyone may connect and read; the socket's mode is 0666."}, least: 1, most: 1},
	{Key: Key{Name: "watchdog-device", Scope: InOption, Args: "PATH [D]", Default: "none; D 30s",
		Help: "The hardware watchdog that resets a machine whose init has been stuck for so long."}, least: 1, most: 2},
	{Key: Key{Name: "rescue", Scope: InOption, Args: "shell|login|off", Default: "shell",
		Help: "What a machine gives at its console when a rescue is asked for."}, least: 1, most: 1},
	{Key: Key{Name: "boot-good", Scope: InOption, Args: "CMD [ARG...]",
		Help: "Run once when all that is wanted has been up for 10 s."}, least: 1},
	{Key: Key{Name: "boot-bad", Scope: InOption, Args: "CMD [ARG...]",
		Help: "Run once when that has not begun after 60 s, or a critical unit has failed before."}, least: 1},
	{Key: Key{Name: "log-memory", Scope: InOption, Args: "SIZE", Default: "1/16 of the memory, from 1M to 256M",
		Help: "What the log rings of all units may have together."}, least: 1, most: 1},
	{Key: Key{Name: "syslog", Scope: InOption, Args: "[PATH]", Default: "no socket; without a path " + DefaultSyslog,
		Help: "Takes syslog messages here and files them in the log of the sender's unit."}, most: 1},
}

// option takes a setting of the init.
func (p *parser) option(w []line.Word) {
	if len(w) == 0 {
		p.fault(`option has no name: write "option NAME VALUE..."`)
		return
	}
	name := w[0].Text
	i := findRow(optionRows, name)
	if i < 0 {
		p.fault(unknownWord("option", name, optionRows))
		return
	}
	if wrong := optionRows[i].count(len(w) - 1); wrong != "" {
		p.fault("option " + wrong)
		return
	}
	if at := p.optionAt[i]; at != (Pos{}) {
		p.fault("option " + name + " is given twice (first at " + at.String() + "): remove one")
		return
	}
	p.optionAt[i] = p.pos
	words := make([]string, len(w)-1)
	for i := range words {
		words[i] = percentless(w[i+1]).Text
	}
	if wrong := p.c.Options.set(name, words); wrong != "" {
		p.fault("option " + name + " " + wrong)
	}
}

// set takes the words of an option, whose number is right. wrong is empty, or
// what is wrong and how to mend it.
func (o *Options) set(name string, w []string) (wrong string) {
	value := ""
	if len(w) > 0 {
		value = w[0]
	}
	switch name {
	case "shutdown-timeout":
		d, wrong := ParseDuration(value)
		if wrong == "" && d == 0 {
			wrong = "is no time to stop anything in: write 1s or more"
		}
		if wrong != "" {
			return quote(value) + " " + wrong
		}
		o.ShutdownTimeout = d
	case "ctl-group":
		if value == "" {
			return `"" is empty: write a group`
		}
		o.CtlGroup = value
	case "ctl-read":
		if value != "all" {
			return quote(value) + ` is unknown: write "all"`
		}
		o.CtlReadAll = true
	case "watchdog-device":
		path, d, wrong := ParseWatchdog(w)
		if wrong != "" {
			return wrong
		}
		o.WatchdogDevice, o.WatchdogTime = path, d
	case "rescue":
		r, ok := ParseRescue(value)
		if !ok {
			return quote(value) + ` is unknown: write "shell", "login" or "off"`
		}
		o.Rescue = r
	case "boot-good", "boot-bad":
		if value == "" {
			return `"" is empty: write a command`
		}
		command := strings.Join(w, "\x00")
		if name == "boot-good" {
			o.BootGood = command
		} else {
			o.BootBad = command
		}
	case "log-memory":
		n, wrong := ParseSize(value, minLogMemory, maxLogMemory)
		if wrong != "" {
			return quote(value) + " " + wrong
		}
		o.LogMemory = n
	case "syslog":
		if len(w) == 0 {
			value = DefaultSyslog
		}
		if wrong := wrongPath(value, maxSocketPath); wrong != "" {
			return quote(value) + " " + wrong
		}
		o.Syslog = value
	}
	return ""
}

// Changed names the options that are not as they were.
func (o *Options) Changed(was *Options) []string {
	var names []string
	for i, changed := range [...]bool{ // in the order of optionRows
		o.ShutdownTimeout != was.ShutdownTimeout,
		o.CtlGroup != was.CtlGroup,
		o.CtlReadAll != was.CtlReadAll,
		o.WatchdogDevice != was.WatchdogDevice || o.WatchdogTime != was.WatchdogTime,
		o.Rescue != was.Rescue,
		o.BootGood != was.BootGood,
		o.BootBad != was.BootBad,
		o.LogMemory != was.LogMemory,
		o.Syslog != was.Syslog,
	} {
		if changed {
			names = append(names, optionRows[i].Name)
		}
	}
	return names
}

// The time of a watchdog: drivers count whole seconds.
const (
	defaultDog = 30 * time.Second
	minDog     = 2 * time.Second
	maxDog     = time.Hour
)

// ParseWatchdog reads PATH [D], the words behind "option watchdog-device" and,
// with a comma, mote.watchdog=.
func ParseWatchdog(w []string) (path string, d time.Duration, wrong string) {
	path, d = w[0], defaultDog
	if wrong = wrongPath(path, maxLogPath); wrong != "" {
		return "", 0, quote(path) + " " + wrong
	}
	if len(w) < 2 {
		return path, d, ""
	}
	d, wrong = ParseDuration(w[1])
	if wrong == "" && (d < minDog || d > maxDog || d%time.Second != 0) {
		wrong = "is no time for a watchdog: write whole seconds, from 2s to 1h"
	}
	if wrong != "" {
		return "", 0, quote(w[1]) + " " + wrong
	}
	return path, d, ""
}

// The bounds of option log-memory; the most is what an arena can have.
const (
	minLogMemory = 64 << 10
	maxLogMemory = 1 << 30
)

// maxSocketPath is what sun_path holds less its NUL (unix(7)).
const maxSocketPath = 107

// wrongPath gives what is wrong with the absolute path of a file.
func wrongPath(path string, most int) string {
	switch {
	case !strings.HasPrefix(path, "/"):
		return `is no absolute path: begin it with "/"`
	case strings.HasSuffix(path, "/"):
		return "is the path of a folder: name a file in it"
	case len(path) > most:
		return "has " + itoa(len(path)) + " bytes: the limit is " + itoa(most) + ": shorten it"
	}
	return ""
}
