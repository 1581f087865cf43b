package pid1

import (
	"mote/graph"
	"mote/proc"
)

// Rescue, when a build sets it (-X mote/init.Rescue=off), is what a rescue may
// give, and option rescue has no say. An unknown word is off.
var Rescue string

// rescueName is the unit that single, rescue and critical shell start.
const rescueName = "rescue"

// embeddedFile is where the units are from that are part of this program.
const embeddedFile = "embedded"

// shells are tried in order for the rescue shell and the embedded default,
// logins in place of them under "option rescue login". A getty asks for no
// password but through login.
var (
	shells = [...]string{"/bin/sh", "/bin/ash", "/bin/bash", "/usr/bin/sh", "/sbin/sh", "/bin/busybox"}
	logins = [...]string{"/sbin/sulogin", "/usr/sbin/sulogin", "/bin/login", "/usr/bin/login"}
)

// textSource is a configuration that is part of this program.
type textSource string

func (t textSource) Files(path string) ([]string, error)   { return []string{path}, nil }
func (t textSource) Glob(pattern string) ([]string, error) { return nil, nil }
func (t textSource) Read(path string) ([]byte, error)      { return []byte(t), nil }

// rescueKind gives what a rescue may be.
func (in *Init) rescueKind() graph.Rescue {
	if Rescue == "" {
		return in.conf.Options.Rescue
	}
	kind, ok := graph.ParseRescue(Rescue)
	if !ok {
		return graph.RescueOff
	}
	return kind
}

// rescueCommand gives the first command that is there for a rescue.
func (in *Init) rescueCommand() string {
	var list []string
	switch in.rescueKind() {
	case graph.RescueShell:
		list = shells[:]
	case graph.RescueLogin:
		list = logins[:]
	case graph.RescueOff:
	}
	for _, path := range list {
		if proc.Exists(path) {
			if path == "/bin/busybox" {
				return path + " sh"
			}
			return path
		}
	}
	return ""
}

// noRescue says why there is no rescue.
func (in *Init) noRescue() string {
	switch in.rescueKind() {
	case graph.RescueShell:
		return "no shell"
	case graph.RescueLogin:
		return "no sulogin or login"
	}
	return "rescue is off"
}

// embedded is the configuration of a machine that has none: a shell, or a login,
// on the console, if there is one (SPEC 2).
func (in *Init) embedded() *graph.Config {
	what, command := in.rescueKind().String(), in.rescueCommand()
	none := "no configuration in " + systemPath + " or " + servicesPath
	if command == "" {
		in.logs.Say(MsgWarn, none, ", and ", in.noRescue(), ": this machine stays up and can be reached with motectl")
		return graph.Load(textSource(""), nil)
	}
	in.logs.Say(MsgInfo, none, ": a ", what, " on the console")
	return graph.Load(textSource("tty console "+command+"\n\ttty /dev/console\n\tdescription "+what+" on the console\n"),
		[]graph.Root{{Path: embeddedFile, Class: graph.System}})
}

// addRescue puts the rescue among the units, to be started when asked for. A
// unit of its name that the configuration has is taken for it.
func (in *Init) addRescue() {
	if _, there := in.world.Find(rescueName); there {
		return
	}
	command := in.rescueCommand()
	if command == "" {
		return
	}
	c := graph.Load(textSource("tty "+rescueName+" "+command+"\n\ttty /dev/console\n\tstart manual\n\trestart never\n"+
		"\tdescription rescue "+in.rescueKind().String()+"\n"), []graph.Root{{Path: embeddedFile, Class: graph.System}})
	for _, u := range c.Units {
		if id, ok := in.world.Add(u); ok {
			in.openUnit(id)
		}
	}
}

// rescueAgain makes the rescue another one after a reload. One that somebody is
// in stays.
func (in *Init) rescueAgain() {
	if in.role != Machine {
		return
	}
	id, there := in.world.Find(rescueName)
	if there && in.world.Unit(id).Pos.File == embeddedFile {
		if st := in.world.Status(id); st.Gen != 0 {
			in.logs.Say(MsgWarn, "option rescue: the rescue is in use: it stays as it is until it is over and a reload follows")
			return
		}
		in.apply(graph.Event{Kind: graph.AskReload, Plan: []graph.Change{{Kind: graph.UnitRemoved, Name: rescueName}}})
	}
	in.addRescue()
}

// rescueUnit gives the unit to start for a rescue; ok is false when there is none.
func (in *Init) rescueUnit() (id graph.ID, ok bool) {
	if in.rescueKind() == graph.RescueOff {
		return graph.None, false
	}
	return in.world.Find(rescueName)
}

// rescue gives the event that starts the rescue, and says why it is started or
// why it is not.
func (in *Init) rescue(why string) []graph.Event {
	id, ok := in.rescueUnit()
	if !ok {
		in.logs.Say(MsgWarn, why, ": ", in.noRescue(), ": the system goes on without")
		return nil
	}
	in.logs.Say(MsgWarn, why, ": rescue ", in.rescueKind().String())
	return []graph.Event{{Kind: graph.AskStart, IDs: []graph.ID{id}}}
}
