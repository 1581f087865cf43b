package pid1

import (
	"strconv"
	"strings"

	"mote/proc"
)

// Role is what the init is (SPEC 1).
type Role uint8

const (
	Supervisor Role = iota // not PID 1
	Container              // PID 1 of another pid namespace
	Machine                // PID 1 of a machine: it never exits
)

// String gives the role's word.
func (r Role) String() string { return [...]string{"supervisor", "container", "machine"}[r] }

// Options are the words behind "init" (SPEC 1).
type Options struct {
	Config    []string // -c
	Socket    string   // -s
	Target    string   // -t
	Main      string   // --main
	Machine   bool
	Container bool
	Rescue    bool // single, rescue, S, 1
}

// Usage is the init's own help.
const Usage = `usage: mote init [-c PATH]... [-s SOCKET] [-t UNIT] [--main NAME] [--machine | --container]
  -c PATH       read units from this file or folder of *.conf files
  -s SOCKET     listen for clients here ("@NAME": an abstract name)
  -t UNIT       start only this unit and what it pulls in
  --main NAME   end when this unit ends for good (container and supervisor)
  --machine     be the init of a machine, --container that of a container
`

// ParseOptions reads the words. A machine ignores what it does not know, since
// the kernel hands it whatever stood on its command line; elsewhere that is an
// error.
func ParseOptions(args []string, machine bool) (Options, string) {
	var o Options
	value := func(i *int, name string) (string, bool) {
		if v, ok := strings.CutPrefix(args[*i], name+"="); ok {
			return v, v != ""
		}
		if *i++; *i < len(args) {
			return args[*i], args[*i] != ""
		}
		return "", false
	}
	for i := 0; i < len(args); i++ {
		word := args[i]
		name, _, _ := strings.Cut(word, "=")
		ok := true
		var v string
		switch name {
		case "-c":
			if v, ok = value(&i, name); ok {
				o.Config = append(o.Config, v)
			}
		case "-s":
			o.Socket, ok = value(&i, name)
		case "-t":
			o.Target, ok = value(&i, name)
		case "--main":
			o.Main, ok = value(&i, name)
		case "--machine":
			o.Machine = true
		case "--container":
			o.Container = true
		default:
			switch {
			case machine && proc.RescueWord(word):
				o.Rescue = true
			case !machine:
				return o, "unknown word " + strconv.Quote(word) + ": see mote init --help"
			}
		}
		if !ok && !machine {
			return o, name + " needs a value: see mote init --help"
		}
	}
	if o.Machine && o.Container && !machine {
		return o, "--machine and --container exclude each other"
	}
	return o, ""
}

// roleOf decides the role. PID 1 of the initial pid namespace is a machine's
// init whatever words or files say: if it exits, the kernel panics.
func roleOf(pid int, initial bool, o *Options) Role {
	switch {
	case pid == 1 && (initial || o.Machine):
		return Machine
	case pid == 1 || o.Container:
		return Container
	}
	return Supervisor
}
