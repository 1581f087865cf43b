package pid1

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// unreadable gives what can be read of the state of an init when its end is missing.
func unreadable(t *testing.T, in *Init) *state.Snapshot {
	t.Helper()
	text := textOfState(t, in)
	return state.Salvage(text[:strings.LastIndex(text, "end ")])
}

// Units that were added at run time come through with what can be read: they may
// have processes. Names of texts are not given twice.
func TestSalvageTexts(t *testing.T) {
	in := testInit(t, "service a x\n")
	in.texts, in.added = []runText{{runPrefix + "7-x", "service added /bin/x\n"}}, 7
	next := testInit(t, "")
	next.salvageRest(unreadable(t, in))
	if len(next.texts) != 1 || next.texts[0] != in.texts[0] || next.added != 7 {
		t.Errorf("%q, %d", next.texts, next.added)
	}
	next.opt.Config = []string{t.TempDir()}
	if _, ok := next.configure(); !ok || next.conf.Unit("added") == nil {
		t.Error("the unit is not there")
	}
	in.texts = append(in.texts, in.texts[0])
	in.added = -1
	next = testInit(t, "")
	next.salvageRest(unreadable(t, in))
	if len(next.texts) != 0 || next.added != foreignTexts || !strings.Contains(next.own(), "units that were added are lost: ") {
		t.Errorf("%q, %d, it says %q", next.texts, next.added, next.own())
	}
}

// An image that salvages is one more after a panic: the third gives the degraded mode.
func TestSalvagePanics(t *testing.T) {
	in := testInit(t, "service a x\n")
	in.countBug()
	in.countBug()
	next := testInit(t, "service a x\n")
	next.salvageRest(unreadable(t, in))
	if next.countBug(); !next.bugs.degraded {
		t.Errorf("%+v", next.bugs)
	}
}

// An end that was under way goes on; one that the role does not have is none.
func TestSalvageEnd(t *testing.T) {
	for _, c := range []struct {
		kind graph.HaltKind
		role Role
		want graph.HaltKind
	}{
		{graph.HaltReboot, Machine, graph.HaltReboot},
		{graph.HaltExit, Container, graph.HaltExit},
		{graph.HaltExit, Machine, graph.HaltNone},
		{graph.HaltPoweroff, Supervisor, graph.HaltNone},
	} {
		const config = "service a /bin/sleep 1000\n"
		in := testInit(t, config)
		in.world.Apply(in.now, graph.Event{Kind: graph.AskShutdown, Halt: &graph.Halt{Kind: c.kind, Code: 3, Arg: "loader", Timeout: 8e9}})
		next := testInit(t, config)
		next.role = c.role
		next.salvageEnd(unreadable(t, in))
		next.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
		h := next.world.Ending()
		if h.Kind != c.want || c.want != graph.HaltNone && (h.Code != 3 || h.Arg != "loader" || next.world.State(0) != graph.Inactive) {
			t.Errorf("%s as %s: it ends as %+v, a is %s", c.kind, c.role, h, next.world.State(0))
		}
		if next.role = Supervisor; c.want == graph.HaltNone { // else a turn would end this process, or the machine
			next.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{0}})
			next.until(t, "all is gone", func() bool { return len(next.procs) == 0 })
		}
	}
}

// What is no watchdog is not taken for one, whatever its record says.
func TestSalvageNoWatchdog(t *testing.T) {
	master, slave := terminal(t)
	in := testInit(t, "")
	in.dog.path, in.dog.limit = "/dev/dog", 9e9
	for _, fd := range []int{slave, 0, -1, 1 << 30} {
		in.dog.dev = &proc.Watchdog{FD: fd, Seconds: 9}
		next := testInit(t, "")
		next.role = Machine
		next.salvageRest(unreadable(t, in))
		if next.dog.dev != nil || next.dog.path != "" || next.own() != "" {
			t.Errorf("%d: %+v, it says %q", fd, next.dog, next.own())
		}
	}
	var b [1]byte
	if _, err := unix.Read(master, b[:]); err != unix.EAGAIN {
		t.Errorf("something was written to it: %v", err)
	}
	unix.Close(slave)
}
