package pid1

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// patience is the deadline of what a test waits for: only one that fails takes
// that long.
const patience = 30 * time.Second

// until gives the init turns until a condition holds.
func (in *Init) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); unix.Poll(nil, 1) {
		if in.turn(); time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// SPEC 6, D9: many starts at once take several turns, in order; what is stopped
// before its turn is never started.
func TestSpawnsInTurns(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	const n = 200
	for i := range n {
		fmt.Fprintf(&b, "task t%d /bin/true\n", i)
	}
	fmt.Fprintf(&b, "service s /bin/sleep 1000\n  pre /bin/touch %s/pre\nservice w /bin/sh -c 'touch %s/w; exec sleep 1000'\n  stop-exec /bin/touch %s/stop\n", dir, dir, dir)
	in := testInit(t, b.String())
	in.now -= 10 * spawnBudget // as if the turn had been long already
	in.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
	if len(in.spawns) != n+2 || len(in.procs) != 0 || !in.again {
		t.Fatalf("%d wait, %d were made", len(in.spawns), len(in.procs))
	}
	for i, e := range in.spawns {
		if int(e.Unit) != i {
			t.Fatalf("spawn %d is of unit %d", i, e.Unit)
		}
	}
	s, w := in.unit(t, "s"), in.unit(t, "w")
	in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{s, w}})
	in.turn()
	if len(in.procs) == 0 && in.world.State(0) == graph.Starting {
		t.Error("a turn made no process")
	}
	in.until(t, "all are done", func() bool { return len(in.procs) == 0 && len(in.spawns) == 0 })
	for id := range n {
		if st := in.world.Status(graph.ID(id)); st.State != graph.Exited {
			t.Fatalf("t%d is %s", id, st.State)
		}
	}
	for _, id := range []graph.ID{s, w} {
		if st := in.world.Status(id); st.State != graph.Inactive || st.Gen != 0 || st.AuxGen != 0 {
			t.Errorf("%s is %s, generation %d", in.name(id), st.State, st.Gen)
		}
	}
	for _, name := range []string{"pre", "w", "stop"} {
		if unix.Access(dir+"/"+name, unix.F_OK) == nil {
			t.Errorf("%s ran", name)
		}
	}
}

// A pre command that a reload has taken away while its spawn waited is a
// failure, not the end of the init.
func TestSpawnOfACommandThatIsGone(t *testing.T) {
	in := testInit(t, "task a /bin/true\n  pre /bin/true\n")
	in.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.until(t, "a is done", func() bool { return len(in.procs) == 0 && in.world.State(0) != graph.Starting })
	in.busy = true
	in.spawn(&graph.Effect{Kind: graph.Spawn, Unit: 0, Role: graph.RolePre, Step: 7, Gen: 99})
	in.busy = false
	if len(in.queue) != 1 || in.queue[0].Kind != graph.SpawnFailed || !strings.Contains(in.queue[0].Text, "exec ENOENT") {
		t.Errorf("%+v", in.queue)
	}
}

// Every failure before the fork names its stage and leaves nothing open.
func TestRefusedSpawns(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"user no-such-user", "user: cannot find user \"no-such-user\": /etc/passwd does not have it"},
		{"group no-such-group", "group: cannot find group \"no-such-group\": /etc/group does not have it"},
		{"env-file /no/such", "env-file: cannot read /no/such: no such file or directory"},
		{"exec ${NOTHING}", "exec ENOENT: the command is empty: write exec, or a command in the header"},
	} {
		header := "task a /bin/true\n  "
		if strings.HasPrefix(c.keys, "exec") {
			header = "task a\n  "
		}
		in := testInit(t, header+c.keys+"\n")
		in.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
		st := in.world.Status(0)
		if got := in.world.ReasonText(st.Reason); st.State != graph.Failed || got != "spawn "+c.want {
			t.Errorf("%s: %s %q", c.keys, st.State, got)
		}
		if u := &in.units[0]; u.ready != 0 || u.pipeW != 0 || len(in.procs) != 0 {
			t.Errorf("%s: something is open: %+v", c.keys, u)
		}
	}
}
