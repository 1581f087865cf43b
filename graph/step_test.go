package graph

import (
	"testing"
	"time"
)

// driver feeds one world by hand, for tests that look at single effects.
type driver struct {
	t   *testing.T
	w   *World
	now Instant
}

func newDriver(t *testing.T, text string) *driver {
	return &driver{t: t, w: mustWorld(t, text), now: epoch}
}

// do gives the world an event and gives its effects in words.
func (d *driver) do(ev Event) (out []string) {
	effects := d.w.Apply(d.now, ev)
	for i := range effects {
		out = append(out, effectText(d.w, &effects[i]))
	}
	return out
}

func (d *driver) expect(ev Event, want ...string) {
	d.t.Helper()
	got := d.do(ev)
	if len(got) != len(want) {
		d.t.Fatalf("%s gave %q, want %q", ev.Kind, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			d.t.Fatalf("%s gave %q, want %q", ev.Kind, got, want)
		}
	}
}

// A stop may come before the news of the fork: its signal is sent when the pid
// is known, or it would be lost.
func TestSignalBeforePid(t *testing.T) {
	d := newDriver(t, "service a /bin/a\n")
	d.expect(Event{Kind: Boot, Unit: None}, "a: inactive -> starting", "a: spawn main")
	gen := d.w.Status(0).Gen
	d.expect(Event{Kind: AskStop, IDs: []ID{0}}, "a: starting -> stopping")
	d.expect(Event{Kind: Spawned, Unit: 0, Gen: gen, Pid: 7}, "a: TERM to its group")
	d.now += Instant(5 * time.Second)
	d.expect(Event{Kind: Tick}, "a: KILL to its group and cgroup")
	d.expect(Event{Kind: Ended, Unit: 0, Gen: gen, Sig: 9}, "a: stopping -> inactive")
}

// A Check that was asked for before the unit failed with a dependency does not
// count for the start after that.
func TestCheckIsOfThisStart(t *testing.T) {
	d := newDriver(t, "service x /bin/x\n    restart never\nservice b /bin/b\n    requires x\n    if exists /b\n")
	d.do(Event{Kind: Boot, Unit: None})
	x, b := mustFind(t, d.w, "x"), mustFind(t, d.w, "b")
	ready := func() {
		gen := d.w.Status(x).Gen
		d.do(Event{Kind: Spawned, Unit: x, Gen: gen, Pid: 7})
		d.do(Event{Kind: Executed, Unit: x, Gen: gen})
	}
	fail := func() { d.do(Event{Kind: Ended, Unit: x, Gen: d.w.Status(x).Gen, Code: 1}) }
	ready()
	fail()
	d.expect(Event{Kind: Checked, Unit: b}, "b: blocked -> failed (dependency x)")
	d.do(Event{Kind: AskStart, IDs: []ID{x}})
	ready()
	fail()
	d.do(Event{Kind: Checked, Unit: b})
	d.do(Event{Kind: AskStart, IDs: []ID{x}})
	gen := d.w.Status(x).Gen
	d.do(Event{Kind: Spawned, Unit: x, Gen: gen, Pid: 9})
	d.expect(Event{Kind: Executed, Unit: x, Gen: gen}, "x: starting -> running", "b: look at its if lines")
}

// A unit that failed with a dependency is not failed any more while its "if"
// lines are looked at.
func TestCheckAfterDependency(t *testing.T) {
	d := newDriver(t, "target x\nservice b /bin/b\n    requires x\n    if exists /b\n")
	d.do(Event{Kind: Boot, Unit: None})
	d.expect(Event{Kind: Bug, Unit: 0, Text: "text"}, "x: running -> failed (bug text)")
	d.expect(Event{Kind: Checked, Unit: 1}, "b: inactive -> failed (dependency x)")
	d.expect(Event{Kind: AskStart, IDs: []ID{0}}, "x: failed -> inactive", "x: inactive -> running", "b: failed -> inactive", "b: look at its if lines")
}

// A shutdown may come before the boot; nothing is wanted then.
func TestShutdownBeforeBoot(t *testing.T) {
	d := newDriver(t, "service a /bin/a\n")
	d.expect(Event{Kind: AskShutdown, Halt: &Halt{Kind: HaltExit, Timeout: 1}}, "end: shutdown, code 0")
	d.expect(Event{Kind: Boot, Unit: None})
	if d.w.Status(0).Want {
		t.Error("it is wanted")
	}
}

// A reload that makes the schedule of a stop under way shorter leaves nothing
// to look up behind its end.
func TestShorterScheduleWhileStopping(t *testing.T) {
	d := newDriver(t, "service a /bin/a\n    stop TERM 1s INT 1s QUIT 1h\n")
	d.do(Event{Kind: Boot, Unit: None})
	d.do(Event{Kind: Spawned, Unit: 0, Gen: d.w.Status(0).Gen, Pid: 7})
	d.do(Event{Kind: Executed, Unit: 0, Gen: d.w.Status(0).Gen})
	d.do(Event{Kind: AskStop, IDs: []ID{0}})
	for range 2 {
		d.now += Instant(time.Second)
		d.do(Event{Kind: Tick})
	}
	if s := d.w.Status(0); s.Step != 2 {
		t.Fatalf("step %d, expected 2", s.Step)
	}
	next := mustWorld(t, "service a /bin/a\n    stop TERM 1h\n")
	d.do(Event{Kind: AskReload, Plan: d.w.Plan([]*Unit{next.Unit(0)}, func(*Unit) bool { return true })})
	d.do(Event{Kind: AskShutdown, Halt: &Halt{Kind: HaltExit, Timeout: Instant(8 * time.Second)}})
	d.now += Instant(7700 * time.Millisecond)
	d.expect(Event{Kind: Tick}, "a: KILL to its group and cgroup")
}

// And the same before the pid is known.
func TestShorterScheduleBeforePid(t *testing.T) {
	d := newDriver(t, "service a /bin/a\n    stop TERM 1s INT 1s\n")
	d.do(Event{Kind: Boot, Unit: None})
	d.do(Event{Kind: AskStop, IDs: []ID{0}})
	d.now += Instant(time.Second)
	d.do(Event{Kind: Tick})
	next := mustWorld(t, "service a /bin/a\n    stop QUIT 1h\n")
	d.do(Event{Kind: AskReload, Plan: d.w.Plan([]*Unit{next.Unit(0)}, func(*Unit) bool { return true })})
	d.expect(Event{Kind: Spawned, Unit: 0, Gen: d.w.Status(0).Gen, Pid: 7}, "a: QUIT to its group")
}
