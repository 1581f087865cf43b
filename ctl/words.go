package ctl

import (
	"strconv"
	"strings"
	"time"
)

// call is what the command line asks for.
type call struct {
	verb    *verb
	args    []string
	socket  string        // -s; empty = find it
	json    bool          // --json
	timeout time.Duration // -t; 0 = none
	within  string        // the word that was given to -t
	noWait  bool          // --no-wait
	help    bool          // -h
	follow  bool          // logs -f
	force   bool          // poweroff -f
	noSync  bool          // poweroff -n
	lines   string        // logs -n, decimal; empty = all
	state   string        // wait --for
	flags   []string      // --dry-run, --force: as the wire has them
	bare    bool          // --version in place of a verb
}

// parseCall reads the words of a command line. Options may stand before or
// after the verb, not after "--". The call is filled as far as it was read
// even when there is a failure, so that --json is obeyed.
func parseCall(args []string) (call, *failure) {
	c := call{state: "satisfied"}
	for _, a := range args { // before anything can fail
		if a == "--" {
			break
		}
		c.json = c.json || a == "--json"
	}
	var words []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		var err *failure
		switch {
		case a == "--":
			words = append(words, args[i+1:]...)
			i = len(args)
		case len(a) > 2 && strings.HasPrefix(a, "--"):
			i, err = c.longOption(args, i)
		case len(a) > 1 && a[0] == '-':
			i, err = c.shortOptions(args, i)
		default:
			if c.verb == nil && len(words) == 0 {
				if c.verb, err = findVerb(a); err != nil && c.help {
					err = nil
				}
			}
			words = append(words, a)
		}
		if err != nil {
			return c, err
		}
	}
	return c.settle(words)
}

// settle checks the words against what the verb takes.
func (c call) settle(words []string) (call, *failure) {
	if len(words) == 0 {
		switch {
		case c.help:
			c.verb = verbNamed("help")
			return c, nil
		case c.bare:
			c.verb = verbNamed("version")
			return c, nil
		}
		return c, fail(Usage, "no verb: say one of them, or help")
	}
	if c.verb == nil { // the verb came after "--"
		v, err := findVerb(words[0])
		if err != nil {
			return c, err
		}
		c.verb = v
	}
	c.args = words[1:]
	if c.help {
		if c.verb.name != "help" {
			c.args = []string{c.verb.name}
		}
		return c, nil
	}
	v := c.verb
	if v.group == groupRoles {
		return c, fail(Usage, v.name+" is not a verb of the client: run it as \"mote "+v.name+"\"")
	}
	if c.noWait && !v.takes("--no-wait") {
		return c, fail(Usage, v.name+" does not take --no-wait: it does not wait")
	}
	if len(c.args) < v.min {
		return c, fail(Usage, v.name+": needs a name: write \""+v.usage()+"\"")
	}
	if v.max >= 0 && len(c.args) > v.max {
		return c, fail(Usage, v.name+": too many words from "+quote(c.args[v.max])+" on: write \""+v.usage()+"\"")
	}
	return c, nil
}

// longOption reads the option at args[i] and gives the index of the last word
// that it used.
func (c *call) longOption(args []string, i int) (int, *failure) {
	name, value, has := strings.Cut(args[i], "=")
	switch name {
	case "--json", "--no-wait", "--help":
		if has {
			return i, fail(Usage, "option "+name+" takes no value")
		}
		switch name {
		case "--no-wait":
			c.noWait = true
		case "--help":
			c.help = true
		}
		return i, nil
	case "--dry-run", "--force", "--persist":
		if !has && c.verb != nil && c.verb.takes(name) {
			c.flags = append(c.flags, name)
			return i, nil
		}
	case "--version":
		if !has && c.verb == nil {
			c.bare = true
			return i, nil
		}
	case "--for":
		if c.verb != nil && c.verb.takes("--for") {
			if !has {
				if i+1 >= len(args) {
					return i, fail(Usage, "option --for needs a state: write \""+c.verb.usage()+"\"")
				}
				i++
				value = args[i]
			}
			return i, c.setState(value)
		}
	}
	return i, c.unknownOption(name)
}

// shortOptions reads the letters of args[i]; a value follows its letter at
// once or as the next word.
func (c *call) shortOptions(args []string, i int) (int, *failure) {
	letters := args[i][1:]
	for k := 0; k < len(letters); k++ {
		letter := letters[k]
		own := c.verb != nil && c.verb.takes(string(letter))
		switch {
		case letter == 'h':
			c.help = true
		case letter == 'f' && own:
			c.follow, c.force = true, true
		case letter == 'n' && own && c.verb.group == groupEnd:
			c.noSync = true
		case letter == 's' || letter == 't' || letter == 'n' && own:
			value := letters[k+1:]
			if value == "" {
				if i+1 >= len(args) {
					return i, fail(Usage, "option -"+string(letter)+" needs a value")
				}
				i++
				value = args[i]
			}
			return i, c.setShort(letter, value)
		default:
			return i, c.unknownOption("-" + printable(letter))
		}
	}
	return i, nil
}

// printable gives a byte of an option as text.
func printable(b byte) string {
	if b > ' ' && b < 0x7f {
		return string(rune(b))
	}
	return "\\x" + strconv.FormatUint(uint64(b), 16)
}

func (c *call) setShort(letter byte, value string) *failure {
	switch letter {
	case 's':
		if value == "" || value == "@" {
			return fail(Usage, "option -s: empty: name a socket, or an abstract one as @NAME")
		}
		c.socket = value
	case 't':
		d, why := parseDuration(value)
		if why != "" {
			return fail(Usage, "option -t: "+quote(value)+" "+why)
		}
		c.timeout, c.within = d, value
	case 'n':
		if n, err := strconv.ParseUint(value, 10, 31); err == nil {
			c.lines = strconv.FormatUint(n, 10)
			return nil
		}
		return fail(Usage, "option -n: "+quote(value)+" is not a number of lines: write for example -n 20")
	}
	return nil
}

// waitStates are the words of wait --for: the states of SPEC 5 and three that
// stand for several.
var waitStates = []string{
	"satisfied", "up", "down", "inactive", "blocked", "waiting", "starting",
	"running", "stopping", "backoff", "exited", "failed",
}

func (c *call) setState(value string) *failure {
	for _, s := range waitStates {
		if s == value {
			c.state = value
			return nil
		}
	}
	hint := "write one of " + strings.Join(waitStates, " ")
	if s := nearest(value, waitStates); s != "" {
		hint = "write " + quote(s)
	}
	return fail(Usage, "option --for: unknown state "+quote(value)+": "+hint)
}

func (c *call) unknownOption(name string) *failure {
	if c.verb == nil {
		return fail(Usage, "unknown option "+quote(name)+": see \"help\"")
	}
	return fail(Usage, c.verb.name+": unknown option "+quote(name)+": write \""+c.verb.usage()+"\"")
}

// maxDuration keeps sums with the clock far from overflow: 100 years.
const maxDuration = 100 * 365 * 24 * time.Hour

// parseDuration reads a duration as the configuration has it (SPEC F7): a
// whole number and a unit; 0 needs none. why is empty when it is one.
func parseDuration(s string) (d time.Duration, why string) {
	digits := strings.TrimRight(s, "mshd")
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, "is not a duration: write for example 200ms, 5s, 2m or 1h"
	}
	unit := time.Duration(0)
	switch s[len(digits):] {
	case "ms":
		unit = time.Millisecond
	case "s":
		unit = time.Second
	case "m":
		unit = time.Minute
	case "h":
		unit = time.Hour
	case "":
		if n == 0 {
			return 0, ""
		}
		return 0, "has no unit: write \"" + digits + "s\""
	default:
		return 0, "has an unknown unit: write ms, s, m or h"
	}
	if n > uint64(maxDuration/unit) {
		return 0, "is too long: the limit is 100 years"
	}
	return time.Duration(n) * unit, ""
}

// nearest gives the candidate that is most like word, or nothing when none is
// alike: at most a third of its letters, and one, may differ.
func nearest(word string, candidates []string) string {
	best, at := "", len(word)/3+2
	if len(word) > 64 {
		return ""
	}
	for _, c := range candidates {
		if d := distance(word, c); d < at {
			best, at = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour between a and b (optimal string alignment).
func distance(a, b string) int {
	row := make([]int, 3*(len(b)+1))
	prev2, prev, cur := row[:len(b)+1], row[len(b)+1:2*(len(b)+1)], row[2*(len(b)+1):]
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
