package pid1

import (
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// testInit is an init whose world is made of a configuration's text. Nothing
// is booted; a test that spawns reaps by turn.
func testInit(t *testing.T, config string) *Init {
	t.Helper()
	in := &Init{pid: unix.Getpid(), uid: unix.Getuid(), role: Supervisor, procs: make(map[int]*process), sigs: &proc.Signals{}}
	in.server.in, in.end.in, in.critical.in, in.dog.in, in.booted.in = in, in, in, in, in
	in.upgrade.in = in
	in.server.limit = maxClients
	var err error
	if in.poll, err = proc.NewPoll(); err != nil {
		t.Fatal(err)
	}
	if in.timer, err = proc.NewTimer(); err != nil {
		t.Fatal(err)
	}
	in.logs = NewLogs(nil)
	in.logs.OnHold = in.holdLog
	in.conf = graph.Load(textSource(config), []graph.Root{{Path: "test.conf"}})
	for i := range in.conf.Faults {
		if !in.conf.Faults[i].Warning {
			t.Fatal(in.conf.Faults[i].String())
		}
	}
	in.world = graph.NewWorld(in.conf.Units)
	for id := range in.world.Len() {
		in.openUnit(graph.ID(id))
	}
	in.clock()
	t.Cleanup(func() {
		for _, c := range in.server.clients {
			if c != nil {
				in.server.drop(c)
			}
		}
		in.poll.Close()
		in.timer.Close()
	})
	return in
}

// turn is one turn of the loop that does not sleep.
func (in *Init) turn() {
	n, err := in.poll.Peek(in.ready[:])
	if err != nil {
		panic(err)
	}
	in.again = false
	in.clock()
	for _, r := range in.ready[:n] {
		in.work.token = r.Token
		in.dispatch(r)
	}
	in.work.token = 0
	in.reap()
	in.tick()
	in.catchUp()
	in.server.serve()
	in.lookAfterConsole()
}

// unit gives a unit that the configuration has.
func (in *Init) unit(t *testing.T, name string) graph.ID {
	t.Helper()
	id, ok := in.world.Find(name)
	if !ok {
		t.Fatalf("there is no unit %q", name)
	}
	return id
}
