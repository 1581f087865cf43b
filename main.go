//go:debug containermaxprocs=0

// Command mote is a minimal init for small Linux machines: one static file
// that is the init, its control client, or a wrapper for one command, by the
// name and the words that it is started with. It decides the role and nothing else.
package main

import (
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"mote/ctl"
	"mote/graph"
	pid1 "mote/init"
	"mote/proc"
)

// The main goroutine is the main thread: it forks, waits, and holds the mask.
func init() { runtime.LockOSThread() }

func main() {
	args := proc.Args()
	name := "mote"
	if len(args) > 0 {
		name, args = args[0][strings.LastIndexByte(args[0], '/')+1:], args[1:]
	}
	unix.Exit(role(strings.TrimPrefix(name, "-"), args))
}

// role picks the role of SPEC 1.
func role(name string, args []string) int {
	word := ""
	if len(args) > 0 {
		word = args[0]
	}
	asInit := name == "init" || name == "linuxrc"
	if unix.Getpid() == 1 && !asInit {
		// The first of a container says what it is; that of a machine is the init.
		asInit = word == "" || proc.InitialPIDNamespace()
	}
	switch {
	case asInit:
		return startInit(args)
	case pid1.IsCheck(args):
		return pid1.RunCheck(args)
	case name == "mote" && word == pid1.CheckWord:
		return pid1.CheckState()
	case name == "motectl" || name == "ctl":
		return client(name, args)
	case name == "poweroff" || name == "reboot" || name == "halt":
		return client(name, append([]string{name}, args...))
	}
	switch word {
	case "init":
		return startInit(args[1:])
	case "run":
		if help(args[1:]) {
			return say(pid1.RunUsage)
		}
		proc.Early()
		return pid1.Run(args[1:])
	case "log":
		if help(args[1:]) {
			return say(pid1.LogUsage)
		}
		return pid1.Log(args[1:])
	case "proxy":
		if help(args[1:]) {
			return say(pid1.ProxyUsage)
		}
		proc.Early()
		return pid1.Proxy(args[1:])
	}
	return client(name, args)
}

// startInit is the init; on a machine no word makes it print a help text and end.
func startInit(args []string) int {
	if help(args) && unix.Getpid() != 1 {
		return say(pid1.Usage)
	}
	if len(args) > 0 && args[0] == "init" {
		args = args[1:]
	}
	proc.Early()
	return pid1.Main(args)
}

func help(args []string) bool {
	return len(args) > 0 && (args[0] == "--help" || args[0] == "-h")
}

func say(text string) int {
	unix.Write(1, []byte(text))
	return 0
}

// client hands the control client what it needs of the other rooms.
func client(name string, args []string) int {
	proc.DefaultSignals()
	if name == "mote" || name == "ctl" {
		name = "motectl"
	}
	return ctl.Main(args, ctl.Env{
		Name: name, Version: pid1.Version, Stdout: 1, Stderr: 2,
		Getenv: func(name string) string { v, _ := unix.Getenv(name); return v },
		Keys:   keys(), Check: check,
	})
}

// keys gives the table in the client's words.
func keys() []ctl.Key {
	var out []ctl.Key
	for _, k := range graph.Keys() {
		where := k.Kinds.String()
		switch k.Scope {
		case graph.InHeader:
			where = "header"
		case graph.InOption:
			where = "option"
		}
		out = append(out, ctl.Key{Name: k.Name, Kinds: where, Synopsis: strings.TrimRight(k.Name+" "+k.Args, " "),
			Default: k.Default, Help: k.Help})
	}
	return out
}

// check reads a configuration without an init.
func check(paths []string) ([]ctl.Fault, int) {
	conf := graph.Load(&proc.Files{}, pid1.Roots(paths, true))
	faults := make([]ctl.Fault, 0, len(conf.Faults))
	for _, f := range conf.Faults {
		faults = append(faults, ctl.Fault{File: f.Pos.File, Line: f.Pos.Line, Text: f.Text, Warning: f.Warning})
	}
	return faults, len(conf.Units)
}
