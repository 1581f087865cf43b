package graph

import (
	"math/rand/v2"
	"testing"
	"time"
)

// loner is a service without any edges.
func loner(name string) *Unit {
	return &Unit{Name: name, Kind: Service, Stop: []StopStep{{15, 5 * time.Second}},
		Restart: Restart{Policy: Always, Delay: time.Second, Max: 30 * time.Second, Reset: 10 * time.Second}}
}

func loners(n int) []*Unit {
	units := make([]*Unit, n)
	for i := range units {
		units[i] = loner("u" + itoa(i))
	}
	return units
}

func ref(u *Unit) Ref { return Ref{Name: u.Name} }

// The shapes of which a world of n units is made, each with its edges counted.
var shapes = []struct {
	name string
	make func(n int) []*Unit
}{
	{"chain of requires", func(n int) []*Unit {
		u := loners(n)
		for i := 1; i < n; i++ {
			u[i-1].Requires = []Ref{ref(u[i])}
		}
		return u
	}},
	{"chain of manual units", func(n int) []*Unit {
		u := loners(n)
		for i := 1; i < n; i++ {
			u[i].Manual = true
			u[i-1].Requires = []Ref{ref(u[i])}
		}
		return u
	}},
	{"chain of after", func(n int) []*Unit {
		u := loners(n)
		for i := 1; i < n; i++ {
			u[i].After = []Ref{ref(u[i-1])}
		}
		return u
	}},
	{"target requires all", func(n int) []*Unit {
		u := loners(n)
		u[0] = &Unit{Name: "t", Kind: Target}
		for i := 1; i < n; i++ {
			u[0].Requires = append(u[0].Requires, ref(u[i]))
		}
		return u
	}},
	{"target wants all, after one", func(n int) []*Unit {
		u := loners(n)
		u[0] = &Unit{Name: "t", Kind: Target}
		for i := 2; i < n; i++ {
			u[0].Wants = append(u[0].Wants, ref(u[i]))
			u[i].Manual = true
			u[i].After = []Ref{ref(u[1])}
		}
		return u
	}},
	{"all require one", func(n int) []*Unit {
		u := loners(n)
		for i := 1; i < n; i++ {
			u[i].Requires = []Ref{ref(u[0])}
		}
		return u
	}},
	{"random", func(n int) []*Unit {
		r := rand.New(rand.NewPCG(1, 1))
		u := loners(n)
		for i := 1; i < n; i++ {
			u[i].Manual = r.IntN(2) == 0
			u[i].Requires = []Ref{ref(u[r.IntN(i)])}
			u[i].After = []Ref{ref(u[r.IntN(i)]), ref(u[r.IntN(i)])}
			u[i].Wants = []Ref{ref(u[r.IntN(n)])}
			u[i].Class = Class(r.IntN(2))
		}
		return u
	}},
}

// crowd is a world and a kernel in which everything goes well at once.
type crowd struct {
	w     *World
	now   Instant
	queue []Event
}

func (c *crowd) feed(ev Event) {
	c.queue = append(c.queue[:0], ev)
	for i := 0; i < len(c.queue); i++ {
		for _, e := range c.w.Apply(c.now, c.queue[i]) {
			switch e.Kind {
			case Spawn:
				c.queue = append(c.queue, Event{Kind: Spawned, Unit: e.Unit, Gen: e.Gen, Pid: int32(e.Gen)},
					Event{Kind: Executed, Unit: e.Unit, Gen: e.Gen})
			case Kill:
				c.queue = append(c.queue, Event{Kind: Ended, Unit: e.Unit, Gen: e.Gen, Sig: e.Sig})
			}
		}
	}
}

func (c *crowd) all(t *testing.T, want State) {
	t.Helper()
	for id := range c.w.nodes {
		if s := c.w.State(ID(id)); s != want && (want == Inactive || c.w.Status(ID(id)).Want) {
			t.Fatalf("%s is %s, not %s", c.w.name(ID(id)), s, want)
		}
	}
}

// TestCost counts what is looked at: a boot, a stop of all, a start of all and
// a shutdown cost what the units and edges are (DESIGN D4).
func TestCost(t *testing.T) {
	n := 10_000
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			units := shape.make(n)
			edges := 0
			var ids []ID
			for i, u := range units {
				edges += len(u.Requires) + len(u.Wants) + len(u.After)
				ids = append(ids, ID(i))
			}
			c := &crowd{w: NewWorld(units), now: epoch}
			limit := uint64(20 * (n + edges))
			cost := func(what string, ev Event, then State) {
				before := c.w.work
				c.feed(ev)
				if w := c.w.work - before; w > limit {
					t.Errorf("%s of %d units and %d edges cost %d", what, n, edges, w)
				}
				c.all(t, then)
			}
			cost("boot", Event{Kind: Boot, Unit: None}, Running)
			cost("restart of all", Event{Kind: AskRestart, IDs: ids}, Running)
			cost("stop of all", Event{Kind: AskStop, IDs: ids}, Inactive)
			cost("start of all", Event{Kind: AskStart, IDs: ids}, Running)
			cost("shutdown", Event{Kind: AskShutdown, Halt: &Halt{Kind: HaltExit, Timeout: Instant(8 * time.Second)}}, Inactive)
		})
	}
}

// TestCostOfOneEvent: what one unit does costs nothing to those it has no edge
// to, and its target is told only when that means something.
func TestCostOfOneEvent(t *testing.T) {
	n := 10_000
	units := loners(n)
	target := &Unit{Name: "t", Kind: Target}
	for i, u := range units {
		target.Wants = append(target.Wants, ref(u))
		if i > 2 {
			u.Requires, u.After = []Ref{ref(units[i%3])}, []Ref{ref(units[i-1])}
		}
	}
	c := &crowd{w: NewWorld(append(units, target)), now: epoch}
	c.feed(Event{Kind: Boot, Unit: None})
	id := ID(n / 2)
	before := c.w.work
	c.feed(Event{Kind: Ended, Unit: id, Gen: c.w.Status(id).Gen, Code: 1})
	c.now = c.w.Next()
	c.feed(Event{Kind: Tick})
	if c.w.State(id) != Running || c.w.Status(id).Restarts != 1 {
		t.Fatal("it did not start again")
	}
	if w := c.w.work - before; w > 40 {
		t.Errorf("a crash and a restart of one unit of %d cost %d", n, w)
	}
	c.w.Apply(c.now, Event{Kind: AskStop, IDs: []ID{id}})
	before = c.w.work
	for range 1000 {
		c.w.Apply(c.now, Event{Kind: Ended, Unit: id, Gen: 1})
	}
	if w := c.w.work - before; w > 2000 {
		t.Errorf("1000 stale events cost %d", w)
	}
}

// TestWaitCost: a client that waits for all units costs each event nothing.
func TestWaitCost(t *testing.T) {
	n := 10_000
	var ids []ID
	for i := range n {
		ids = append(ids, ID(i))
	}
	w := NewWorld(shapes[0].make(n))
	wt := w.NewWait(WaitStart, 0, ids)
	w.Apply(epoch, Event{Kind: AskStart, IDs: ids})
	looks := 0
	for id := n - 1; id >= 0; id-- {
		for _, kind := range []EventKind{Spawned, Executed} {
			for _, e := range w.Apply(epoch, Event{Kind: kind, Unit: ID(id), Gen: w.Status(ID(id)).Gen, Pid: 1}) {
				wt.Saw(w, &e)
			}
			at := wt.at
			if o := wt.Check(w); o.Done != (id == 0 && kind == Executed) {
				t.Fatalf("%+v with %d units to go", o, id)
			}
			looks += max(wt.at-at, 0) + 1
		}
	}
	if looks > 5*n {
		t.Errorf("%d looks at %d units", looks, n)
	}
}

// TestSteadyAllocs: an exit, its delay and the new start leave no garbage.
func TestSteadyAllocs(t *testing.T) {
	w := NewWorld([]*Unit{loner("a")})
	now := epoch
	w.Apply(now, Event{Kind: Boot, Unit: None})
	cycle := func() {
		gen := w.nodes[0].s.Gen
		w.Apply(now, Event{Kind: Spawned, Gen: gen, Pid: 7})
		w.Apply(now, Event{Kind: Executed, Gen: gen})
		now += Instant(time.Minute)
		w.Apply(now, Event{Kind: Ended, Gen: gen, Code: 1})
		now = w.Next()
		w.Apply(now, Event{Kind: Tick})
	}
	cycle()
	if got := testing.AllocsPerRun(1000, cycle); got > 0 {
		t.Errorf("a restart cycle allocates %v times", got)
	}
	if w.State(0) != Starting || w.Status(0).Restarts < 1000 {
		t.Fatal("it did not restart")
	}
}

func BenchmarkBoot(b *testing.B) {
	for _, shape := range shapes {
		b.Run(shape.name, func(b *testing.B) {
			units := shape.make(10_000)
			for b.Loop() {
				c := &crowd{w: NewWorld(units), now: epoch}
				c.feed(Event{Kind: Boot, Unit: None})
			}
		})
	}
}

func BenchmarkRestart(b *testing.B) {
	b.ReportAllocs()
	c := &crowd{w: NewWorld(loners(1000)), now: epoch}
	c.feed(Event{Kind: Boot, Unit: None})
	for b.Loop() {
		c.feed(Event{Kind: Ended, Unit: 500, Gen: c.w.nodes[500].s.Gen, Code: 1})
		c.now = c.w.Next()
		c.feed(Event{Kind: Tick})
	}
}
