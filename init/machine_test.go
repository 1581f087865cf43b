package pid1

import (
	"strings"
	"testing"

	"mote/graph"
)

const twoCritical = "service a /bin/false\n  start manual\n  critical reboot\nservice b /bin/false\n  start manual\n  critical poweroff\n"

// own gives the init's own messages.
func (in *Init) own() string {
	var all []string
	r := in.logs.NewReader([]*UnitLog{in.logs.Own()}, -1, false)
	defer r.Close()
	for {
		switch it, st := r.Next(); st {
		case LogLine:
			all = append(all, string(it.Text))
		case LogDone:
			return strings.Join(all, "\n")
		}
	}
}

// A reboot that waits for its 60 s is forgotten when something else ends the
// machine first: its deadline must not keep the loop awake.
func TestRebootThatIsOvertaken(t *testing.T) {
	in := testInit(t, twoCritical)
	in.role, in.now = Machine, graph.Instant(10e9)
	in.escalate(&graph.Effect{Unit: in.unit(t, "a"), Critical: graph.CriticalReboot})
	if in.critical.dueAt != rescueUptime {
		t.Fatalf("the reboot is at %d", in.critical.dueAt)
	}
	in.escalate(&graph.Effect{Unit: in.unit(t, "b"), Critical: graph.CriticalPoweroff})
	in.apply(graph.Event{Kind: graph.Tick})
	if k := in.world.Ending().Kind; k != graph.HaltPoweroff {
		t.Fatalf("the end is %s", k)
	}
	in.now = rescueUptime + 1
	in.tick()
	if in.critical.dueAt != 0 {
		t.Errorf("the reboot still waits")
	}
	if k := in.world.Ending().Kind; k != graph.HaltPoweroff {
		t.Errorf("the end is %s", k)
	}
}

// A unit that somebody has mended before the 60 s are over reboots nothing.
func TestRebootOfAMendedUnit(t *testing.T) {
	in := testInit(t, twoCritical)
	in.role, in.now = Machine, graph.Instant(10e9)
	in.escalate(&graph.Effect{Unit: in.unit(t, "a"), Critical: graph.CriticalReboot})
	in.now = rescueUptime
	in.tick()
	if k := in.world.Ending().Kind; k != graph.HaltNone || in.critical.dueAt != 0 {
		t.Errorf("the end is %s", k)
	}
	if !strings.Contains(in.own(), "critical unit a is inactive now: no reboot") {
		t.Errorf("the init said:\n%s", in.own())
	}
}

// A panic in one turn is said, with its place, and the next turn is as any.
func TestPanicInATurn(t *testing.T) {
	in := testInit(t, twoCritical)
	in.poll.Add(in.timer.FD(), 1, tokNotify|12345) // a unit that is not there
	in.timer.Arm(1)
	in.guarded(in.turns)
	if !strings.Contains(in.own(), "bug: runtime error: index out of range [12345]") || !strings.Contains(in.own(), "readNotify") {
		t.Errorf("the init said:\n%s", in.own())
	}
}

func TestSignalsByRole(t *testing.T) {
	const n, e, r, p, h = graph.HaltNone, graph.HaltExit, graph.HaltReboot, graph.HaltPoweroff, graph.HaltHalt
	want := map[int][2]graph.HaltKind{1: {n, n}, 2: {r, e}, 3: {n, e}, 10: {h, n}, 12: {p, e}, 15: {r, e}, 30: {p, e},
		35: {n, e}, 37: {h, e}, 38: {p, e}, 39: {r, e}, 59: {n, n}}
	for sig := 1; sig <= 64; sig++ {
		w := want[sig]
		if got := (&Init{role: Machine}).haltOf(sig); got != w[0] {
			t.Errorf("signal %d on a machine: %s, expected %s", sig, got, w[0])
		}
		for _, role := range []Role{Container, Supervisor} {
			if got := (&Init{role: role}).haltOf(sig); got != w[1] {
				t.Errorf("signal %d to a %s: %s, expected %s", sig, role, got, w[1])
			}
		}
	}
}

// The boot goes on when the rescue shell is over, however it ends: a client may
// have stopped it.
func TestBootAfterRescue(t *testing.T) {
	for _, end := range []string{"exit", "stop", "fail"} {
		config := "task rescue /bin/sleep 1000\n  start manual\ntask a /bin/true\n"
		switch end {
		case "exit":
			config = strings.Replace(config, "sleep 1000", "true", 1)
		case "fail":
			config = strings.Replace(config, "sleep 1000", "no-such-program", 1)
		}
		in := testInit(t, config)
		in.rescuing = true
		id := in.unit(t, "rescue")
		in.apply(graph.Event{Kind: graph.Boot, Unit: id})
		if end == "stop" {
			in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{id}})
		}
		in.until(t, end+": the boot goes on", func() bool { return in.world.State(in.unit(t, "a")) == graph.Exited })
		if in.rescuing || len(in.procs) != 0 {
			t.Errorf("%s: rescuing %v, %d processes", end, in.rescuing, len(in.procs))
		}
	}
}
