package pid1

import (
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// SPEC 9: three panics within a minute give the degraded mode. What happens to
// services is kept for the world, which gets it when it is tried again.
func TestDegraded(t *testing.T) {
	in := testInit(t, "service web /bin/sleep 1000\nservice free /bin/sleep 1000\n  restart always delay 0\n")
	ask := func(words string) string {
		c := connect(t, in)
		c.send(words + "\n")
		in.until(t, "an answer to "+words, func() bool {
			c.read()
			last := strings.Split("\n"+c.got.String(), "\n")
			return len(last) > 2 && (last[len(last)-2] == "ok" || strings.HasPrefix(last[len(last)-2], "err "))
		})
		return c.got.String()
	}
	in.queue = append(in.queue, graph.Event{Kind: graph.Boot, Unit: graph.None})
	in.until(t, "both run", func() bool {
		in.drain()
		return in.world.State(0) == graph.Running && in.world.State(1) == graph.Running
	})
	for range maxBugs {
		if in.bugs.degraded {
			t.Fatalf("degraded after %d", len(in.bugs.times))
		}
		in.countBug()
	}
	if !in.bugs.degraded || in.bugs.until != in.now+retryFirst {
		t.Fatalf("%+v", in.bugs)
	}
	if got := ask("status"); !strings.Contains(got, `phase "degraded (bug)"`) {
		t.Errorf("status: %s", got)
	}
	if got := ask("stop free"); got != "err 1 \"stop: degraded after 3 panics: upgrade to a mended build, or reboot\"\n" {
		t.Errorf("stop: %s", got)
	}
	unix.Kill(int(in.world.Status(1).Pid), unix.SIGKILL)
	in.until(t, "the end is kept", func() bool { return len(in.bugs.kept) == 1 && len(in.procs) == 1 })
	if in.world.State(1) != graph.Running {
		t.Errorf("the world knows")
	}
	in.bugs.until = in.now
	in.until(t, "it runs again", func() bool { return in.world.State(1) == graph.Running && in.world.Status(1).Restarts == 1 })
	in.countBug() // soon after the try one is enough
	if !in.bugs.degraded || in.bugs.until != in.now+2*retryFirst {
		t.Errorf("%+v", in.bugs)
	}
}

// The panics and the events that wait come through a re-exec; an upgrade that
// somebody asks for forgets the panics and gives the events to the world.
func TestDegradedGoesOn(t *testing.T) {
	in := testInit(t, "service web /bin/true\nservice free /bin/true\n")
	in.bugs = bugs{text: "a b\n", times: []graph.Instant{1, 2, 3}, degraded: true, until: 7, delay: retryFirst, kept: []graph.Event{
		{Kind: graph.Ended, Unit: 1, Gen: 5, Pid: 77, Code: -1, Sig: 9}, {Kind: graph.StatusSet, Text: "x y"}, {Kind: graph.Extended, Wait: 8e9}}}
	again := func() *Init {
		t.Helper()
		s, err := readState(textOfState(t, in))
		if err != nil || len(s.snap.Unknown) > 0 {
			t.Fatal(err, s)
		}
		next := &Init{}
		bugsPart.attach(next, s)
		return next
	}
	if next := again(); !reflect.DeepEqual(next.bugs, in.bugs) || len(next.queue) > 0 {
		t.Errorf("%+v", next.bugs)
	}
	in.upgrade.stage = agreed
	if next := again(); !reflect.DeepEqual(next.bugs, bugs{}) || !reflect.DeepEqual(next.queue, in.bugs.kept) {
		t.Errorf("%+v %+v", next.bugs, next.queue)
	}
	in.upgrade.stage = noUpgrade
	in.bugs.kept = nil
	for what, wrong := range map[string]bugs{
		"line: panics: there are no such panics":           {times: make([]graph.Instant, 4)},
		"another line: panics: there are no such panics":   {times: make([]graph.Instant, 1), delay: -1},
		"line: kept: event \"Boot\" is none that is kept":  {kept: []graph.Event{{Kind: graph.Boot}}},
		"line: kept: event \"Ended\" is none that is kept": {kept: []graph.Event{{Kind: graph.Ended, Pid: 1}}},
		"line: kept: unit 2 does not exist":                {kept: []graph.Event{{Kind: graph.Ended, Unit: 2}}},
		"line: kept: unit -1 does not exist":               {kept: []graph.Event{{Kind: graph.Ended, Unit: -1}}},
	} {
		in.bugs = wrong
		_, what, _ = strings.Cut(what, ": ")
		if _, err := readState(textOfState(t, in)); err == nil || !strings.HasSuffix(err.Error(), what) {
			t.Errorf("%v, expected %s", err, what)
		}
	}
}

// In the degraded mode a descriptor whose events panic each time keeps no other from
// its turn: the way out must stay open. It is said once.
func TestDegradedPanics(t *testing.T) {
	in := testInit(t, "service web /bin/true\n")
	in.bugs.degraded, in.bugs.until = true, in.now+retryFirst
	if err := in.poll.Add(in.timer.FD(), unix.EPOLLIN, tokNotify|12345); err != nil { // a unit that is not there
		t.Fatal(err)
	}
	c := connect(t, in)
	c.send("ping\n")
	for range 5 {
		in.timer.Arm(1)
		n, err := in.poll.Wait(in.ready[:])
		if err != nil {
			t.Fatal(err)
		}
		in.clock()
		in.turnOf(n)
	}
	if c.read(); c.got.String() != "ok\n" || strings.Count(in.own(), "index out of range [12345]") != 1 {
		t.Errorf("it was told %q, and the init said\n%s", c.got.String(), in.own())
	}
}

// What has ended in the degraded mode is told as it was, by a later image too.
func TestDegradedExits(t *testing.T) {
	in := testInit(t, "service gone /bin/sh -c 'sleep 0.1; exit 7'\n  restart never\n")
	in.boot(t)
	in.until(t, "it runs", func() bool { return in.world.State(0) == graph.Running })
	in.bugs.degraded, in.bugs.until, in.bugs.times = true, in.now+retryFirst, []graph.Instant{1, 2, 3}
	in.until(t, "its end is kept", func() bool { return len(in.bugs.kept) == 1 && len(in.procs) == 0 })
	in.reborn(t)
	if in.world.State(0) != graph.Running || len(in.bugs.kept) != 1 {
		t.Errorf("%+v %+v", in.world.Status(0), in.bugs)
	}
	in.bugs.until = in.now
	in.until(t, "it has failed", func() bool { return in.world.State(0) == graph.Failed })
	if st := in.world.Status(0); st.ExitCode != 7 || in.bugs.degraded || len(in.bugs.kept) > 0 {
		t.Errorf("%+v %+v", st, in.bugs)
	}
}

// An end that goes on without the world is one for the watches too.
func TestDegradedEnd(t *testing.T) {
	in := testInit(t, "service web /bin/sleep 1000\n")
	in.bugs.degraded, in.end.stage, in.end.halt.Kind = true, termLeft, graph.HaltExit
	in.critical.goodAt, in.booted.look = in.now+1, true
	in.critical.tick()
	in.booted.tick()
	if in.critical.goodAt != 0 || in.booted.look {
		t.Errorf("%+v, %+v", in.critical, in.booted.check)
	}
}
