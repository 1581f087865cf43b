package pid1

import (
	"strings"
	"testing"

	"mote/graph"
)

const goodAndBad = "option boot-good /bin/echo well done\noption boot-bad /bin/sh -c 'echo oh; echo no; echo end >&2; exit 3'\n"

// booted boots a configuration that began so many seconds ago.
func booted(t *testing.T, config string, ago graph.Instant) *Init {
	in := testInit(t, goodAndBad+config)
	in.role = Machine
	in.now -= ago * 1e9
	in.booted.begin()
	in.now += ago * 1e9
	in.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
	return in
}

func TestBootGood(t *testing.T) {
	in := booted(t, "task a /bin/true\n", 0)
	in.until(t, "a is done", func() bool { return in.world.State(in.unit(t, "a")) == graph.Exited })
	in.booted.tick()
	if at := in.booted.deadline(); at != in.now+10e9 || in.booted.child != nil {
		t.Errorf("the deadline is in %d", at-in.now)
	}
	in.now += 10e9
	in.booted.tick()
	in.until(t, "it is run", func() bool { return in.booted.child == nil })
	if !strings.HasSuffix(in.own(), "boot: good: all that is wanted is up\nboot-good: well done\nboot-good: exit 0") {
		t.Errorf("the init says %q", in.own())
	}
	in.now += 100e9
	in.booted.failed()
	if in.booted.tick(); in.booted.child != nil || in.booted.deadline() != 0 || len(in.procs) != 0 {
		t.Error("it is run again")
	}
}

func TestBootBad(t *testing.T) {
	const want = "boot: bad\nboot-bad: oh\nboot-bad: no\nboot-bad: end\nboot-bad: exit 3\n"
	for name, c := range map[string]struct {
		config string
		ago    graph.Instant
	}{
		"not all is up":   {"task a /bin/false\n", 60},
		"critical failed": {"task a /bin/false\n  critical shell\n", 0},
	} {
		in := booted(t, c.config, c.ago)
		in.until(t, name+": it is run", func() bool { return in.booted.child == nil && !in.booted.check.Open })
		said := "" // of the boot; the end of a comes at any time
		for _, l := range strings.Split(in.own(), "\n") {
			if strings.HasPrefix(l, "boot") {
				said += l + "\n"
			}
		}
		if said != want {
			t.Errorf("%s: the init says %q", name, in.own())
		}
		in.until(t, name+": a has ended", func() bool { return len(in.procs) == 0 })
	}
}

// A command that hangs is ended, one that prints without end is cut, and one that
// is not there is said.
func TestBootCommands(t *testing.T) {
	in := booted(t, "", 0)
	in.booted.name = "boot-good"
	if err := in.booted.start([]string{"/bin/sleep", "1000"}); err != nil {
		t.Fatal(err)
	}
	in.booted.until = 1
	in.until(t, "it is over", func() bool { return in.booted.child == nil })
	if err := in.booted.start([]string{"/bin/sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo more"}); err != nil {
		t.Fatal(err)
	}
	in.until(t, "it is over", func() bool { return in.booted.child == nil })
	if err := in.booted.start([]string{"no-such-program"}); err != nil {
		t.Fatal(err)
	}
	in.until(t, "it is over", func() bool { return in.booted.child == nil })
	said := in.own()
	for _, want := range []string{"boot-good: it runs for 60s: KILL\n", "boot-good: ended by KILL\n", "cannot start: exec: no such file"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %.300q", want, said)
		}
	}
	if n := strings.Count(said, "x"); n < bootCommandBytes || n > bootCommandBytes+20 || strings.Contains(said, "more") {
		t.Errorf("%d bytes are kept", n)
	}
}
