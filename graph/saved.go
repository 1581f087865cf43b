package graph

import (
	"errors"
	"strconv"
	"time"
)

// Saved is a World as plain values: what an init hands to the image that it
// executes next. What is not in it follows from it: edges, counts and what
// neighbours see of each other from the units, timers from their statuses.
type Saved struct {
	Units           []SavedUnit // by ID
	Main            ID
	Gen             uint64 // the last generation that was given
	Halt            Halt
	Deadline        Instant
	Ended           bool // End was emitted
	ShutdownTimeout time.Duration
	Boot, Wall      Instant // as ClockSet told them last
}

// SavedUnit is one unit of a Saved.
type SavedUnit struct {
	Unit   *Unit
	Next   *Unit // its form from the next start on; nil = the same
	Status Status
	Gone   bool  // removed, to be forgotten when it has stopped
	Left   bool  // it is forgotten: only its ID is left
	Early  bool  // of a shutdown: it stops before the system class
	Levels int32 // of a shutdown: how many levels stop after it
}

// Save gives the world as values. It must not be called within Apply.
func (w *World) Save() *Saved {
	s := w.SaveWorld()
	s.Units = make([]SavedUnit, len(w.nodes))
	for id := range w.nodes {
		s.Units[id] = w.SaveUnit(ID(id))
	}
	return s
}

// SaveWorld gives Save without its units.
func (w *World) SaveWorld() *Saved {
	return &Saved{Main: w.main, Gen: w.gen, Halt: w.halt, Deadline: w.deadline, Ended: w.ended,
		ShutdownTimeout: w.ShutdownTimeout, Boot: w.t.boot, Wall: w.t.wall}
}

// SaveUnit gives one unit of Save.
func (w *World) SaveUnit(id ID) SavedUnit {
	n := &w.nodes[id]
	return SavedUnit{Unit: n.unit, Next: n.next, Status: n.s, Gone: n.gone, Left: n.gone && !w.inUse(id), Early: n.early, Levels: n.levels}
}

// Load makes the world of which Save gave the values; it goes on exactly as that
// one, but has no zone (SetZone). Values that no world can have are an error.
func (s *Saved) Load() (*World, error) {
	w := &World{main: s.Main, gen: s.Gen, halt: s.Halt, deadline: s.Deadline, ended: s.Ended,
		ShutdownTimeout: s.ShutdownTimeout, byName: make(map[string]ID, len(s.Units))}
	w.t.gen, w.t.zone = &w.gen, UTC
	w.t.boot, w.t.wall, w.t.ending = s.Boot, s.Wall, s.Halt.Kind != HaltNone
	switch {
	case len(s.Units) > MaxUnits:
		return nil, errors.New(itoa(len(s.Units)) + " units: the limit is " + itoa(MaxUnits))
	case s.Main < None || int(s.Main) >= len(s.Units):
		return nil, errors.New("main unit " + itoa(int(s.Main)) + " does not exist")
	case int(s.Halt.Kind) >= len(haltNames):
		return nil, errors.New("end " + itoa(int(s.Halt.Kind)) + " does not exist")
	}
	w.nodes = make([]node, len(s.Units))
	for id := range s.Units {
		u := &s.Units[id]
		if u.Unit == nil || CheckName(u.Unit.Name) != "" || isTemplate(u.Unit.Name) || u.Next != nil && u.Next.Name != u.Unit.Name {
			return nil, errors.New("unit " + itoa(id) + " has no right name")
		}
		if wrong := s.wrong(u); wrong != "" {
			return nil, errors.New(u.Unit.Name + ": " + wrong)
		}
		w.nodes[id] = node{unit: u.Unit, next: u.Next, s: u.Status, gone: u.Gone, early: u.Early, levels: u.Levels}
		if u.Left {
			continue
		}
		if _, twice := w.byName[u.Unit.Name]; twice {
			return nil, errors.New(u.Unit.Name + ": it is there twice")
		}
		w.byName[u.Unit.Name] = ID(id)
	}
	w.edges()
	w.quiet()
	return w, nil
}

// quiet takes the world as settled: every neighbour is told, nothing follows.
func (w *World) quiet() {
	for id := range w.nodes {
		w.touch(ID(id))
		w.timers.arm(ID(id), w.nodes[id].s.Due)
	}
	for i := 0; i < len(w.dirty); i++ { // what a unit is like may depend on its counts
		id := w.dirty[i]
		w.nodes[id].queued = false
		w.touch(id)
	}
	w.dirty = nil
}

// wrong says what a unit cannot be; steps and phases that it can be in are those
// that every step looks at before it uses them.
func (s *Saved) wrong(u *SavedUnit) string {
	st := &u.Status
	number := func(what string, n int) string { return what + " " + itoa(n) + " does not exist" }
	forms := [2]*Unit{u.Unit, u.Next}
	for _, f := range forms {
		switch {
		case f == nil:
		case f.Kind > Tty:
			return number("kind", int(f.Kind))
		case f.Class > System:
			return number("class", int(f.Class))
		case f.Kind != Target && len(f.Stop) == 0:
			return "it has no stop schedule"
		}
	}
	duty := u.Unit.Duties()
	looks := st.looks(u.Unit) || st.Phase == PhaseDaemon
	switch {
	case st.State >= stateCount:
		return number("state", int(st.State))
	case st.Phase >= phaseCount:
		return number("phase", int(st.Phase))
	case st.Reason.Kind >= reasonCount:
		return number("reason", int(st.Reason.Kind))
	case st.Reason.Other < None || int(st.Reason.Other) >= len(s.Units):
		return number("unit", int(st.Reason.Other))
	case st.Reason.Kind == ReasonDependency && st.Reason.Other == None:
		return "it failed with a dependency that is none"
	case max(st.Gen, st.AuxGen, st.Probe) > s.Gen:
		return "generation " + strconv.FormatUint(max(st.Gen, st.AuxGen, st.Probe), 10) + " was not given yet"
	case st.Gen == 0 && st.Pid != 0 || st.AuxGen == 0 && st.AuxPid != 0 || st.Pid < 0 || st.AuxPid < 0:
		return "it has a pid and no process"
	case u.Left && (st.up() || !u.Gone):
		return "it is forgotten and up"
	case (st.Probe != 0 || st.ProbeAt != 0) && !looks && duty.Health == nil:
		return "it is checked, and no check is asked for"
	case st.FedBy != 0 && duty.Watchdog == 0:
		return "it is to feed a watchdog that it does not have"
	case st.up() && u.Unit.Kind != Target && st.State != Stopping && st.Phase == PhaseNone:
		return "it is " + st.State.String() + " in no phase"
	}
	return ""
}
