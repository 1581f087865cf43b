package state

import (
	"strings"
	"time"

	"mote/graph"
)

// PutWorld writes a world: its own record, and for each unit one with its lines
// and its status, in the order of their IDs, and one with the lines of its next
// form where it has one.
func PutWorld(w *Writer, world *graph.World) {
	s := world.SaveWorld()
	units := world.Len()
	w.Put("world", func(f *Fields) { worldFields(f, s, &units) })
	for id := range units {
		u := world.SaveUnit(graph.ID(id))
		d := define(u.Unit)
		w.Put("unit", func(f *Fields) {
			d.fields(f)
			unitFields(f, &u)
		})
		if u.Next != nil {
			d = define(u.Next)
			w.Put("next", d.fields)
		}
	}
}

// World collects the records of PutWorld.
type World struct {
	saved   *graph.Saved
	units   int // announced
	rebuild graph.Rebuild
}

// Take reads one of the records of a world; ok is false when it is none.
func (l *World) Take(r *Record) (ok bool, err error) {
	switch r.Kind {
	case "world":
		if l.saved != nil {
			return true, r.Wrong("it is there twice")
		}
		l.saved = &graph.Saved{}
		return true, r.Load(func(f *Fields) { worldFields(f, l.saved, &l.units) })
	case "unit", "next":
	default:
		return false, nil
	}
	var d definition
	var u graph.SavedUnit
	err = r.Load(func(f *Fields) {
		d.fields(f)
		if r.Kind == "unit" {
			unitFields(f, &u)
		}
	})
	if err != nil {
		return true, err
	}
	made, err := l.rebuild.Unit(d.lines, d.pos, d.class, d.fault)
	switch {
	case err != nil:
		return true, r.Wrong(err.Error())
	case l.saved == nil:
		return true, r.Wrong("no record of the world stands before it")
	case r.Kind == "unit":
		u.Unit = made
		l.saved.Units = append(l.saved.Units, u)
	case len(l.saved.Units) == 0:
		return true, r.Wrong("no unit stands before it")
	default:
		l.saved.Units[len(l.saved.Units)-1].Next = made
	}
	return true, nil
}

// Saved gives what was read; nil when there was no world.
func (l *World) Saved() *graph.Saved { return l.saved }

// Load makes the world of all that was read.
func (l *World) Load() (*graph.World, error) {
	if l.saved == nil {
		return nil, wrong("it has no world")
	}
	if len(l.saved.Units) != l.units {
		return nil, wrong("it has not all its units")
	}
	w, err := l.saved.Load()
	if err != nil {
		return nil, wrong(err.Error())
	}
	return w, nil
}

func worldFields(f *Fields, s *graph.Saved, units *int) {
	Int(f, "units", units)
	main := s.Main + 1 // 0 is none
	Int(f, "main", &main)
	s.Main = main - 1
	Int(f, "gen", &s.Gen)
	Int(f, "end", &s.Halt.Kind)
	Int(f, "end-code", &s.Halt.Code)
	Int(f, "end-timeout", &s.Halt.Timeout)
	f.Text("end-arg", &s.Halt.Arg)
	Int(f, "deadline", &s.Deadline)
	f.Bool("ended", &s.Ended)
	Int(f, "shutdown-timeout", &s.ShutdownTimeout)
	Int(f, "boot-offset", &s.Boot)
	Int(f, "wall-offset", &s.Wall)
}

// definition is what the configuration says of a unit.
type definition struct {
	pos   graph.Pos
	class graph.Class
	fault string
	lines []string // of graph.Show
}

func define(u *graph.Unit) definition {
	return definition{pos: u.Pos, class: u.Class, fault: u.Fault, lines: graph.Show(u)}
}

func (d *definition) fields(f *Fields) {
	f.Texts("text", &d.lines)
	posFields(f, &d.pos)
	Int(f, "class", &d.class)
	f.Text("fault", &d.fault)
}

func posFields(f *Fields, p *graph.Pos) {
	f.Text("file", &p.File)
	Int(f, "line", &p.Line)
}

// unitFields are a unit's place in the world and its status; times are those of
// CLOCK_MONOTONIC in ns.
func unitFields(f *Fields, u *graph.SavedUnit) {
	s := &u.Status
	Int(f, "state", &s.State)
	Int(f, "phase", &s.Phase)
	Int(f, "step", &s.Step)
	flags := [...]struct {
		key string
		p   *bool
	}{{"want", &s.Want}, {"asked", &s.Asked}, {"held", &s.Held}, {"restart", &s.Restart}, {"undo", &s.Undo},
		{"failing", &s.Failing}, {"stuck", &s.Stuck}, {"checked", &s.Checked}, {"stopped", &s.Stopped}, {"fired", &s.Fired},
		{"again", &s.Again}, {"reloading", &s.Reloading}, {"has-exit", &s.HasExit}, {"because-exited", &s.Reason.Exited},
		{"gone", &u.Gone}, {"left", &u.Left}, {"early", &u.Early}}
	for _, b := range flags {
		f.Bool(b.key, b.p)
	}
	Int(f, "gen", &s.Gen)
	Int(f, "pid", &s.Pid)
	Int(f, "aux-gen", &s.AuxGen)
	Int(f, "aux-pid", &s.AuxPid)
	Int(f, "probe", &s.Probe)
	Int(f, "because", &s.Reason.Kind)
	Int(f, "because-code", &s.Reason.Code)
	Int(f, "because-of", &s.Reason.Other)
	f.Text("because-text", &s.Reason.Text)
	Int(f, "exit-code", &s.ExitCode)
	Int(f, "exit-signal", &s.ExitSignal)
	times := [...]struct {
		key string
		p   *graph.Instant
	}{{"since", &s.Since}, {"ready-at", &s.ReadyAt}, {"due", &s.Due}, {"start-by", &s.StartBy}, {"probe-at", &s.ProbeAt},
		{"fed-by", &s.FedBy}, {"count-at", &s.CountAt}, {"used-at", &s.UsedAt}, {"not-before", &s.NotBefore}, {"window", &s.WindowStart}}
	for _, t := range times {
		Int(f, t.key, t.p)
	}
	Int(f, "delay", &s.Delay)
	Int(f, "next", &s.Next)
	Int(f, "ran", &s.Ran)
	Int(f, "restarts", &s.Restarts)
	Int(f, "window-count", &s.WindowCount)
	Int(f, "scale", &s.Scale)
	Int(f, "failures", &s.Failures)
	Int(f, "levels", &u.Levels)
	f.Text("status", &s.Text)
}

// PutConfig writes what a configuration has besides its units.
func PutConfig(w *Writer, c *graph.SavedConfig) {
	w.Put("config", func(f *Fields) { configFields(f, c) })
	for i := range c.Faults {
		w.Put("fault", func(f *Fields) { faultFields(f, &c.Faults[i]) })
	}
	for i := range c.Templates {
		t := &c.Templates[i]
		for k := range t.Blocks {
			w.Put("template", func(f *Fields) { blockFields(f, &t.Name, &t.Blocks[k]) })
		}
	}
}

// TakeConfig reads one of the records of PutConfig; ok is false when it is none.
func TakeConfig(c *graph.SavedConfig, r *Record) (ok bool, err error) {
	switch r.Kind {
	case "config":
		return true, r.Load(func(f *Fields) { configFields(f, c) })
	case "fault":
		var fault graph.Fault
		err = r.Load(func(f *Fields) { faultFields(f, &fault) })
		c.Faults = append(c.Faults, fault)
		return true, err
	case "template":
		var name string
		var b graph.SavedBlock
		err = r.Load(func(f *Fields) { blockFields(f, &name, &b) })
		last := len(c.Templates) - 1
		if last < 0 || c.Templates[last].Name != name {
			c.Templates = append(c.Templates, graph.SavedTemplate{Name: name})
			last++
		}
		c.Templates[last].Blocks = append(c.Templates[last].Blocks, b)
		return true, err
	}
	return false, nil
}

func configFields(f *Fields, c *graph.SavedConfig) {
	f.Text("main", &c.Main)
	f.Bool("full", &c.Full)
	var set []string
	if !f.Reading() {
		for _, v := range c.Set {
			value := ""
			for _, p := range v.Value {
				value += p.Lit // a set value does not expand
			}
			set = append(set, v.Name+"="+value)
		}
	}
	f.Texts("set", &set)
	if f.Reading() {
		c.Set = nil
		for _, s := range set {
			name, value, _ := strings.Cut(s, "=")
			v := graph.Var{Name: name}
			if value != "" {
				v.Value = graph.Text{{Lit: value}}
			}
			c.Set = append(c.Set, v)
		}
	}
	o := &c.Options
	Int(f, "shutdown-timeout", &o.ShutdownTimeout)
	f.Text("ctl-group", &o.CtlGroup)
	f.Bool("ctl-read", &o.CtlReadAll)
	f.Text("watchdog", &o.WatchdogDevice)
	Int(f, "watchdog-time", &o.WatchdogTime)
	f.Text("boot-good", &o.BootGood)
	f.Text("boot-bad", &o.BootBad)
	Int(f, "rescue", &o.Rescue)
	Int(f, "log-memory", &o.LogMemory)
	f.Text("syslog", &o.Syslog)
	if o.Rescue > graph.RescueOff || o.LogMemory < 0 || min(o.ShutdownTimeout, o.WatchdogTime) < 0 || o.ShutdownTimeout > 1000*time.Hour {
		f.Fail("an option is out of range")
	}
}

func faultFields(f *Fields, t *graph.Fault) {
	posFields(f, &t.Pos)
	f.Text("text", &t.Text)
	f.Text("unit", &t.Unit)
	f.Bool("warning", &t.Warning)
}

func blockFields(f *Fields, name *string, b *graph.SavedBlock) {
	f.Text("name", name)
	posFields(f, &b.Pos)
	Int(f, "kind", &b.Kind)
	Int(f, "class", &b.Class)
	f.Bool("extend", &b.Extend)
	f.Texts("word", &b.Command)
	f.Texts("raw", &b.Raw)
	f.Texts("key", &b.Keys)
	Ints(f, "key-lines", &b.Lines)
	f.Texts("wrong", &b.Wrong)
}
