//go:build mote_inject

package pid1

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// breakAt has the next turns panic, each as injectVar says, and mends them in
// place until the condition holds. It gives how many panics there were.
func (in *Init) breakAt(t *testing.T, list, what string, ok func() bool) (bugs int) {
	t.Helper()
	t.Setenv(injectVar, list)
	clear(injected)
	for end := time.Now().Add(patience); !ok(); unix.Poll(nil, 1) {
		if !in.guarded(func() { in.drain(); in.turn() }) {
			bugs++
			in.mend()
			in.countBug()
		}
		if time.Now().After(end) {
			t.Fatalf("still not: %s\n%s", what, in.own())
		}
	}
	if left, _ := unix.Getenv(injectVar); left != "" {
		t.Errorf("%s has not happened", left)
	}
	return bugs
}

func (in *Init) wantState(t *testing.T, name string, state graph.State, reason string) {
	t.Helper()
	st := in.world.Status(in.unit(t, name))
	if st.State != state || !strings.Contains(in.world.ReasonText(st.Reason), reason) {
		t.Errorf("%s is %s (%s), expected %s (%s)", name, st.State, in.world.ReasonText(st.Reason), state, reason)
	}
}

// DESIGN D6: wherever a panic is, the unit that it is the fault of is failed with
// that reason, its process is reaped, and all others go on.
func TestPanicIsOfItsUnit(t *testing.T) {
	const config = "task web /bin/echo x\nservice other /bin/sleep 1000\n  requires web\nservice free /bin/sleep 1000\n"
	for _, at := range []string{"apply:Spawned:web", "apply:Executed:web", "apply:Ended:web", "apply:Ended:web,apply:Ended:web",
		"perform:Spawn:web", "perform:Changed:web", "perform:Changed:web:2", "spawned:web", "reap:web", "reaped:web", "log:web",
		"result:web"} {
		t.Run(at, func(t *testing.T) {
			in := testInit(t, config)
			in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
			bugs := in.breakAt(t, at, "free runs and web is done", func() bool {
				return in.world.State(2) == graph.Running && in.world.State(0) == graph.Failed && in.world.State(1) == graph.Failed
			})
			if bugs == 0 {
				t.Errorf("there was no panic")
			}
			in.wantState(t, "web", graph.Failed, "bug injected: ")
			in.wantState(t, "other", graph.Failed, "dependency web")
			if !strings.Contains(in.own(), "bug: injected: "+strings.Split(at, ",")[0][:5]) || !strings.Contains(in.own(), "goroutine") {
				t.Errorf("the init said:\n%s", in.own())
			}
		})
	}
}

// A boot that breaks at a unit comes again without it, a unit that cannot even be
// failed goes on, and what stands behind them in the queue comes to its turn.
func TestPanicOfMany(t *testing.T) {
	in := testInit(t, "task web /bin/true\nservice free /bin/sleep 1000\n")
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None}, graph.Event{Kind: graph.AskStart, IDs: []graph.ID{0, 1}})
	if n := in.breakAt(t, "apply:Boot,apply:Bug:web", "web is done", func() bool {
		return in.world.State(0) == graph.Exited && in.world.State(1) == graph.Running
	}); n != 1 {
		t.Errorf("%d panics in turns of their own", n)
	}
}

// A shutdown that the world cannot do is done without it.
func TestPanicInShutdown(t *testing.T) {
	in := testInit(t, "service free /bin/sleep 1000\n")
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.until(t, "free runs", func() bool { in.drain(); return in.world.State(0) == graph.Running })
	t.Setenv(injectVar, "apply:AskShutdown")
	clear(injected)
	if in.guarded(func() { in.apply(in.haltEvent(graph.Halt{Kind: graph.HaltExit, Code: 3})) }) {
		t.Fatal("there was no panic")
	}
	in.mend()
	if h := in.ending(); h.Kind != graph.HaltExit || h.Code != 3 || in.end.stage == notEnding {
		t.Errorf("the end is %+v in stage %d", h, in.end.stage)
	}
	in.end.stage, in.end.deadline = notEnding, 0 // the process would end
	in.until(t, "what was left is gone", func() bool { return len(in.procs) == 0 })
}

// What the world asks for at its end is done, whatever comes before it.
func TestPanicAtTheEnd(t *testing.T) {
	in := testInit(t, "service free /bin/sleep 1000\n")
	t.Setenv(injectVar, "perform:End:free")
	clear(injected)
	if in.guarded(func() { in.apply(in.haltEvent(graph.Halt{Kind: graph.HaltExit, Code: 3})) }) {
		t.Fatal("there was no panic")
	}
	in.mend()
	if in.end.stage != termLeft || in.end.halt.Code != 3 || in.end.deadline == 0 {
		t.Errorf("the end is %+v in stage %d, looked at %d", in.end.halt, in.end.stage, in.end.deadline)
	}
}

// A client whose request panics is told so and dropped; the others notice nothing.
func TestPanicOfARequest(t *testing.T) {
	in := testInit(t, "service free /bin/sleep 1000\n")
	a, b := connect(t, in), connect(t, in)
	a.send("status\nping\n")
	b.send("ping\n")
	in.breakAt(t, "verb:status", "the first is dropped", func() bool { return in.server.count == 1 })
	in.until(t, "the second is answered", func() bool { b.read(); return b.got.String() == "ok\n" })
	if a.read(); a.got.String() != "err 1 \"bug: injected: verb:status\"\n" {
		t.Errorf("it was told %q", a.got.String())
	}
}

// P4, DESIGN D6: an end that is not the first of its turn is told too when its reaping
// panics, and what the process has left of its group is killed before.
func TestPanicOfALaterEnd(t *testing.T) {
	in := testInit(t, "task first /bin/true\ntask web /bin/sh -c \"sleep 1000 & exec sleep 1000\"\n")
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.until(t, "the first is done", func() bool { in.drain(); return in.world.State(0) == graph.Exited && in.world.Status(1).Pid != 0 })
	pid := int(in.world.Status(1).Pid)
	in.until(t, "it has two processes", func() bool { return groupSize(t, pid) == 2 })
	unix.Kill(pid, unix.SIGKILL)
	if in.breakAt(t, "reap:web", "web is failed", func() bool { return in.world.State(1) == graph.Failed }) == 0 {
		t.Errorf("there was no panic")
	}
	in.until(t, "its group is gone", func() bool { return unix.Kill(-pid, 0) == unix.ESRCH })
}

// What the world was about to be told of a process is told: it could not end it.
func TestPanicAtSpawned(t *testing.T) {
	in := testInit(t, "service web /bin/sleep 1000\n")
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.breakAt(t, "apply:Spawned:web", "web is failed", func() bool { return in.world.State(0) == graph.Failed })
}

// A spawn that has to wait for its turn when clients are told of it is no failed one.
func TestPanicBehindAQueuedSpawn(t *testing.T) {
	in := testInit(t, "service web /bin/sleep 1000\nservice free /bin/sleep 1000\n")
	in.now -= spawnBudget // the turn has had its time
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
	t.Setenv(injectVar, "settle:Boot")
	clear(injected)
	if in.guarded(in.drain) {
		t.Fatal("there was no panic")
	}
	in.mend()
	in.until(t, "both run", func() bool {
		in.drain()
		return in.world.State(0) == graph.Running && in.world.State(1) == graph.Running
	})
}

// The end of one of the init's own comes to its owner, whoever's fault the panic is.
func TestPanicAtTheEndOfAHelper(t *testing.T) {
	in := testInit(t, "task web /bin/true\n")
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	in.keeping.count = 1
	in.drop(fd)
	in.closeDropped()
	in.breakAt(t, "reap", "nothing is to be closed", func() bool { return in.keeping.closers == 0 && in.keeping.count == 0 })
}

// An event that panics whenever it comes keeps no other from its turn.
func TestPanicAgainAndAgain(t *testing.T) {
	in := testInit(t, "task web /bin/true\ntask other /bin/true\n")
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.until(t, "both are begun", func() bool { in.drain(); return in.world.Status(0).Pid != 0 && in.world.Status(1).Pid != 0 })
	in.queue = append(in.queue, graph.Event{Kind: graph.Ended, Unit: 0, Gen: in.world.Status(0).Gen},
		graph.Event{Kind: graph.Ended, Unit: 1, Gen: in.world.Status(1).Gen})
	t.Setenv(injectVar, strings.TrimSuffix(strings.Repeat("apply:Ended:web,", 2*maxMends), ","))
	clear(injected)
	if in.guarded(in.drain) {
		t.Fatal("there was no panic")
	}
	in.mend()
	if in.world.State(1) != graph.Exited {
		t.Errorf("the other is %s", in.world.State(1))
	}
	t.Setenv(injectVar, "")
	in.until(t, "the processes are gone", func() bool { return len(in.procs) == 0 })
}

// groupSize counts the processes of a group.
func groupSize(t *testing.T, group int) (n int) {
	t.Helper()
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if pid, err := strconv.Atoi(d.Name()); err == nil {
			if g, err := unix.Getpgid(pid); err == nil && g == group {
				n++
			}
		}
	}
	return n
}

// What cannot be taken over of one unit's log, or of one client, costs no other, and no
// pipe: whoever writes to a closed one is ended.
func TestPanicOfOneThatIsTakenOver(t *testing.T) {
	in := testInit(t, "service web /bin/sh -c \"echo one; exec sleep 1000\"\nservice other /bin/sh -c \"echo two; exec sleep 1000\"\n")
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.until(t, "both have written", func() bool {
		in.drain()
		return in.units[0].log.ring.total == 1 && in.units[1].log.ring.total == 1
	})
	a, b := connect(t, in), connect(t, in)
	a.send("ping\n")
	b.send("ping\n")
	in.server.path = "" // of no socket
	t.Setenv(injectVar, "attach:log:web,attach:begun:web,attach:client")
	clear(injected)
	in.reborn(t, -1)
	if left, _ := unix.Getenv(injectVar); left != "" {
		t.Errorf("%s has not happened", left)
	}
	if in.units[0].pipeR == 0 || in.units[1].pipeR == 0 || in.server.count != 1 {
		t.Errorf("pipes %d and %d, %d clients", in.units[0].pipeR, in.units[1].pipeR, in.server.count)
	}
	in.until(t, "the second is answered, the first is not", func() bool { a.read(); b.read(); return a.eof && b.got.String() == "ok\n" })
	in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{0, 1}})
	in.until(t, "both are gone", func() bool { return len(in.procs) == 0 })
}

// A configuration that panics when it is read is none: a machine boots with what it has
// built in, other roles end with an error.
func TestPanicInTheConfiguration(t *testing.T) {
	for role, code := range map[Role]int{Machine: 0, Supervisor: 1, Container: 1} {
		in := testInit(t, "")
		in.role, in.world, in.units = role, nil, nil
		t.Setenv(injectVar, "load")
		clear(injected)
		if got, ok := in.configure(); got != code || ok != (code == 0) || ok && in.world == nil {
			t.Errorf("%s: exit status %d, it goes on: %v", role, got, ok)
		}
	}
}
