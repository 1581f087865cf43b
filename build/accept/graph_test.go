package accept

import (
	"slices"
	"strings"
	"syscall"
	"testing"
)

// D1: a unit pulls in what it requires, and starts when that is satisfied.
func TestA1_ChainStartsInOrder(t *testing.T) {
	t.Parallel()
	in := start(t, job("c", "requires b", "start manual")+job("b", "requires a", "start manual")+job("a", "start manual"))
	for _, n := range []string{"a", "b", "c"} {
		in.is(n, "inactive")
	}
	in.ok("start", "c")
	in.wantOrder("+a", "+b", "+c")
	for _, n := range []string{"a", "b", "c"} {
		in.is(n, "exited")
		in.ok("status", n) // SPEC 6: satisfied is 0
	}
}

// D4: stopping the root of a chain stops what requires it first.
func TestA2_StopFromTheRootIsInReverse(t *testing.T) {
	t.Parallel()
	in := start(t, svc("c", "requires b")+svc("b", "requires a")+svc("a"))
	in.settled("a", "b", "c")
	pids := []int{in.unit("a").pid(), in.unit("b").pid(), in.unit("c").pid()}
	out := in.ok("stop", "a")
	in.contains(out, "b", "c")
	in.wantOrder("+a", "+b", "+c", "-c", "-b", "-a")
	for _, p := range pids {
		if alive(p) {
			t.Errorf("process %d is still alive", p)
		}
	}
	in.is("a", "inactive")
	if u := in.is("b", "blocked"); u.Want != "up" || !slices.Contains(u.WaitingOn, "a") {
		t.Errorf("b wants %s and waits for %v, expected up and a", u.Want, u.WaitingOn)
	}
	in.is("c", "blocked")
}

// D3, D4 for tasks that are done: their stop-exec undoes them in reverse.
func TestA2_StopOfTasksThatAreDone(t *testing.T) {
	t.Parallel()
	in := start(t, job("c", "requires b")+job("b", "requires a")+job("a"))
	in.settled("a", "b", "c")
	in.ok("stop", "a")
	in.wantOrder("+a", "+b", "+c", "-c", "-b", "-a")
	in.is("a", "inactive")
	in.ok("start", "a")
	in.settled("a", "b", "c")
	in.wantFirst("-a", "+a", "+b", "+c")
}

// D8: what starts by itself stays.
func TestA3_StopOneOfTwoDependentsAuto(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b")+svc("c", "requires b")+svc("d", "requires b"))
	in.settled("b", "c", "d")
	pid := in.unit("b").pid()
	in.ok("stop", "c")
	in.ok("stop", "d")
	if u := in.is("b", "running"); u.pid() != pid {
		t.Errorf("b has pid %d, had %d", u.pid(), pid)
	}
	in.contains(in.ok("why", "b"), "boot")
}

// D8: what was only pulled in goes with the last that wants it.
func TestA3_StopOneOfTwoDependentsPulledIn(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "start manual")+svc("c", "requires b")+svc("d", "requires b"))
	in.settled("b", "c", "d")
	in.contains(in.ok("why", "b"), "c", "d", "requires")
	in.ok("stop", "c")
	in.is("b", "running")
	in.contains(in.ok("why", "b"), "d")
	in.ok("stop", "d")
	in.state("b", "inactive")
	in.wantFirst("-d", "-b")
}

// D8: a start by name outranks the release.
func TestA3_StartedByNameStays(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "start manual")+svc("c", "wants b"))
	in.settled("b", "c")
	in.ok("start", "b")
	in.ok("stop", "c")
	in.is("b", "running")
	in.ok("stop", "b")
	in.is("b", "inactive")
}

// D8: want counts, not state: a task that is done still holds what it requires.
func TestA3_DoneTaskHoldsWhatItRequires(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "start manual")+job("c", "requires b"))
	in.settled("b", "c")
	in.is("c", "exited")
	in.is("b", "running")
	in.ok("stop", "c")
	in.state("b", "inactive")
	in.wantFirst("-c", "-b")
}

// D4: an operator's stop outranks being pulled in until a start by name.
func TestA4_StopOfARequirementAndBack(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "requires a")+svc("a"))
	in.settled("a", "b")
	in.contains(in.ok("stop", "a"), "b")
	in.wantOrder("+a", "+b", "-b", "-a")
	in.is("b", "blocked")
	in.contains(in.ok("why", "b"), "a")
	in.ok("start", "a")
	in.state("b", "running")
	in.wantOrder("+a", "+b", "-b", "-a", "+a", "+b")
}

// D4: a start of the dependent by name lifts the stop too.
func TestA4_StartOfTheDependentLiftsTheStop(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "requires a")+svc("a")+svc("z", "wants a"))
	in.settled("a", "b", "z")
	in.ok("stop", "a")
	in.is("z", "running") // wants: nothing more
	in.ok("restart", "z")
	in.is("a", "inactive") // z only wants it
	in.ok("start", "b")
	in.is("a", "running")
	in.is("b", "running")
}

// D4: the dependents of what is stopped do not start again by their policy.
func TestA6_DependentDoesNotRestartBehindAStop(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "requires a", "restart always delay 10ms")+svc("a"))
	in.settled("a", "b")
	in.ok("stop", "a")
	for range 20 { // as long as 20 answers take, which is many delays
		u := in.is("b", "blocked")
		if !slices.Contains(u.WaitingOn, "a") {
			t.Fatalf("b waits for %v", u.WaitingOn)
		}
	}
	in.wantOrder("+a", "+b", "-b", "-a")
}

// D7, P2: wants is no more than a wish.
func TestA8_WantedUnitThatCannotStart(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "wants a", "start manual")+"service a /no/such/program\n  restart never\n  start manual\n")
	in.ok("start", "b")
	in.is("b", "running")
	u := in.state("a", "failed")
	in.contains(u.reason(), "exec")
	in.contains(in.must(3, "status", "a"), "exec", "no such file")
	in.contains(u.reason(), "ENOENT")
}

// D2: a failure for good goes along the whole chain, and comes back along it.
func TestA10_FailureRunsDownTheChain(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} failuntil {D}/runs 2\n"+
		svc("b", "requires a")+svc("c", "requires b")+svc("d", "requires c")+svc("e", "requires d")+svc("f", "requires e"))
	in.contains(in.state("a", "failed").reason(), "exit")
	chain := []string{"a", "b", "c", "d", "e", "f"}
	for i, n := range chain[1:] {
		u := in.state(n, "failed")
		in.contains(u.reason(), "dependency", chain[i])
		if u.Want != "up" {
			t.Errorf("%s is wanted %s, expected up", n, u.Want)
		}
	}
	if got := in.order(); len(got) != 0 {
		t.Errorf("something was started: %v", got)
	}
	in.ok("start", "a") // the second run succeeds
	in.settled(chain...)
	in.wantOrder("+b", "+c", "+d", "+e", "+f")
}

// SPEC 5: a service that exited is not satisfied.
func TestA10_RequiredServiceExited(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} exit 0\n  restart never\n"+svc("b", "requires a", "start manual"))
	in.state("a", "exited")
	out := in.must(1, "start", "b")
	in.contains(out, "a")
	if u := in.unit("b"); u.State != "failed" || !strings.Contains(u.reason(), "dependency a") || !strings.Contains(u.reason(), "exited") {
		t.Errorf("b is %s (%q), expected failed: dependency a (exited)", u.State, u.reason())
	}
}

// D5: order is no pulling in.
func TestA13_AfterAUnitThatIsNotWanted(t *testing.T) {
	t.Parallel()
	in := start(t, svc("x", "after y")+svc("y", "start manual"))
	in.settled("x")
	in.is("y", "inactive")
	in.wantOrder("+x")
}

// D5: after waits for the chance of the other, not for its success.
func TestA13_AfterWaitsForTheChance(t *testing.T) {
	t.Parallel()
	in := start(t, svc("x", "after y")+"task y {V} waitfile {D}/go , append {D}/order +y , exit 1\n")
	u := in.when("x", "waits for y", func(u Unit) bool { return u.State == "blocked" && slices.Contains(u.WaitingOn, "y") })
	if u.Pid != nil {
		t.Errorf("x has a process")
	}
	in.touch("go")
	in.settled("x")
	in.wantOrder("+y", "+x")
	in.is("y", "failed")
}

// D5: before is after, written on the other side; and the way down is reversed.
func TestA13_BeforeOrdersBothWays(t *testing.T) {
	t.Parallel()
	in := start(t, svc("x")+svc("y", "before x"))
	in.settled("x", "y")
	in.wantOrder("+y", "+x")
	in.ok("stop-all")
	in.wantOrder("+y", "+x", "-x", "-y")
}

// F10: a cycle with requires fails its members, nobody else.
func TestA15_CycleOfRequires(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} exit 0\n  requires b\ntask b {V} exit 0\n  requires c\ntask c {V} exit 0\n  requires a\n"+svc("d"))
	in.settled("d")
	for _, n := range []string{"a", "b", "c"} {
		u := in.is(n, "failed")
		in.contains(u.reason(), "cycle", "test.conf:2", "test.conf:4", "test.conf:6", " -> ")
	}
	in.must(1, "start", "a")
	in.contains(in.ok("status"), "cycle")
}

// F10: the edges of a cycle may be of several kinds and in several files.
func TestA15_CycleAcrossFilesAndKinds(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Files: map[string]string{
		"1.conf": "task a {V} exit 0\n  requires b\n",
		"2.conf": "task b {V} exit 0\n  after c\n",
		"3.conf": "task c {V} exit 0\n  after a\n" + svc("d"),
	}}, "")
	in.settled("d")
	for _, n := range []string{"a", "b", "c"} {
		in.contains(in.is(n, "failed").reason(), "1.conf:2", "2.conf:2", "3.conf:2")
	}
}

// F10: a unit that requires, at any depth, and conflicts the same unit.
func TestA15_RequiresAndConflictsTheSame(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "requires b", "conflicts c")+svc("b", "requires c")+svc("c")+svc("d"))
	in.settled("d", "c", "b")
	in.contains(in.is("a", "failed").reason(), "conflict", "test.conf:")
}

// F10: edges to oneself are refused, each with its line.
func TestA17_EdgesToOneself(t *testing.T) {
	t.Parallel()
	in := start(t, "service x {V} sleep\n  after x\nservice y {V} sleep\n  requires y\nservice z {V} sleep\n  conflicts z\n"+svc("ok"))
	in.settled("ok")
	text := in.ok("status")
	in.contains(text, "test.conf:2", "test.conf:4", "test.conf:6")
	for _, n := range []string{"y", "z"} {
		in.is(n, "failed")
	}
}

// F10: a cycle of order alone is a warning and loses its last edge.
func TestA17_CycleOfAfterAlone(t *testing.T) {
	t.Parallel()
	in := start(t, svc("x", "after y")+svc("y", "after z")+svc("z", "after x"))
	in.settled("x", "y", "z")
	in.contains(in.ok("status"), "test.conf:", "cycle")
	in.wantOrder("+z", "+y", "+x") // the last edge in file order, z after x, is dropped
}

// D7: requires of nothing fails, the rest of nothing is a warning.
func TestA18_NamesThatDoNotExist(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "requires ghost")+svc("b", "wants ghost")+svc("c", "after ghost")+svc("d", "conflicts ghost")+svc("e", "before ghost")+svc("f", "requires a"))
	in.settled("b", "c", "d", "e")
	in.contains(in.is("a", "failed").reason(), "test.conf:3", "ghost")
	in.contains(in.is("f", "failed").reason(), "dependency", "a")
	in.contains(in.ok("status"), "ghost", "test.conf:")
	in.contains(in.must(1, "start", "a"), "ghost")
}

// D3: a restart takes down what requires the unit, not what is only after it.
func TestA21_RestartTakesDependentsAlong(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+svc("b", "requires a")+svc("c", "after a"))
	in.settled("a", "b", "c")
	a, b, c := in.unit("a").pid(), in.unit("b").pid(), in.unit("c").pid()
	in.contains(in.ok("restart", "a"), "b")
	in.settled("a", "b", "c")
	if p := in.unit("a").pid(); p == a {
		t.Errorf("a still has pid %d", p)
	}
	if p := in.unit("b").pid(); p == b {
		t.Errorf("b still has pid %d", p)
	}
	if p := in.unit("c").pid(); p != c {
		t.Errorf("c has pid %d, had %d", p, c)
	}
	in.wantFirst("-b", "-a", "+a", "+b")
}

// D3: a crash takes the dependents down; a done task stays done.
func TestA21_CrashTakesDependentsAlong(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "restart always delay 300ms")+svc("b", "requires a")+job("c", "requires a")+"target t\n  requires b\n")
	in.settled("a", "b", "c", "t")
	b := in.unit("b").pid()
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.when("b", "was stopped and waits", func(u Unit) bool { return u.State == "blocked" || u.pid() != 0 && u.pid() != b })
	in.when("b", "is back with a new pid", func(u Unit) bool { return u.State == "running" && u.pid() != b })
	in.settled("t")
	in.is("c", "exited")
	if n := strings.Count(strings.Join(in.order(), " "), "+c"); n != 1 {
		t.Errorf("the task ran %d times, expected once", n)
	}
	in.wantFirst("+a", "+b", "-b", "+a", "+b")
}

// D6: conflicts, either way round.
func TestA24_ConflictsBlocks(t *testing.T) {
	t.Parallel()
	in := start(t, svc("server-a")+svc("server-b", "conflicts server-a"))
	in.settled("server-a")
	u := in.state("server-b", "blocked")
	if !slices.Contains(u.WaitingOn, "server-a") {
		t.Errorf("server-b waits for %v", u.WaitingOn)
	}
	in.contains(in.ok("why", "server-b"), "server-a", "conflict")
	in.contains(in.must(1, "start", "server-b"), "server-a") // SPEC 6: blocked by a conflict
	in.ok("stop", "server-a")
	in.state("server-b", "running")
	in.must(1, "start", "server-a")
	in.wantOrder("+server-a", "-server-a", "+server-b")
}

// D6: of two that become startable in the same turn the first one starts.
func TestA24_FirstInTheConfigurationWins(t *testing.T) {
	t.Parallel()
	in := start(t, svc("gate", "requires go")+"task go {V} waitfile {D}/go\n"+
		svc("second", "requires go")+svc("first", "requires go", "conflicts second"))
	in.touch("go")
	in.settled("gate", "second")
	in.state("first", "blocked")
}

// D8, D4: start-all forgets an operator's stop and skips class system and manual units.
func TestA24_StartAllAndStopAll(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+svc("b")+svc("m", "start manual")+svc("s", "class system"))
	in.settled("a", "b", "s")
	in.ok("stop", "b")
	in.ok("stop-all")
	in.is("a", "inactive")
	in.is("s", "running")
	in.ok("start-all")
	in.is("a", "running")
	in.is("b", "running")
	in.is("m", "inactive")
}

// SPEC 5: a target is running when all that it requires is satisfied.
func TestA1_TargetWaitsForAll(t *testing.T) {
	t.Parallel()
	in := start(t, "target t\n  requires a b\n  wants w\n"+job("a")+"task b {V} waitfile {D}/go\n"+"task w {V} exit 1\n")
	in.state("a", "exited")
	in.when("t", "waits for b", func(u Unit) bool { return u.State == "blocked" && slices.Contains(u.WaitingOn, "b") })
	in.touch("go")
	in.state("t", "running")
	in.ok("stop", "b")
	in.when("t", "is down", func(u Unit) bool { return u.State == "blocked" })
}

// SPEC 1: -t starts one unit and what it pulls in, no other.
func TestA1_OnlyTheNamedTarget(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Args: []string{"-t", "t"}}, "target t\n  wants a\n"+svc("a", "requires b")+svc("b")+svc("c"))
	in.settled("t", "a", "b")
	in.is("c", "inactive")
}
