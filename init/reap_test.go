package pid1

import (
	"strconv"
	"strings"
	"testing"

	"mote/graph"
	"mote/proc"
)

// aChild starts a shell with a script.
func aChild(t *testing.T, script string) *proc.Process {
	t.Helper()
	child, err := proc.Spawn(proc.NewSpec([]string{"/bin/sh"}, []string{"sh", "-c", script}, nil))
	if err != nil {
		t.Fatal(err)
	}
	return &child
}

// Each kind of the init's own processes tells its end to whom it was made for,
// once, and to nobody when it was forgotten.
func TestHelperEnds(t *testing.T) {
	in := testInit(t, "task a /bin/true\n  start manual\n  if exists /\n")
	in.boot(t)
	in.filer.worker = worker{in: in, what: "log files", whose: helpFiler, stdin: 1}
	in.syslog.worker = worker{in: in, what: "syslog", whose: helpSyslog, stdin: 1}
	end := func(p *process, code int) {
		t.Helper()
		child := aChild(t, "exit "+strconv.Itoa(code))
		in.help(child, p)
		in.until(t, "it is over", func() bool { return in.procs[child.Pid] == nil })
	}
	for _, w := range []*worker{&in.filer.worker, &in.syslog.worker} {
		w.child = &process{helper: w.whose}
		if end(w.child, 3); w.child != nil || w.retry == 0 || !strings.Contains(in.own(), w.what+": the child ended with exit code 3") {
			t.Errorf("%s: %+v", w.what, w)
		}
		w.retry, w.stdin = 0, 0 // there is none: the end must not close it
	}
	in.booted.name, in.booted.child, in.booted.until = "boot-good", &process{helper: helpBoot}, never
	if end(in.booted.child, 4); in.booted.child != nil || in.booted.until != 0 || !strings.Contains(in.own(), "boot-good: exit 4") {
		t.Errorf("boot command: %+v", &in.booted)
	}
	in.keeping.closers, in.keeping.count = 1, 3
	if end(&process{helper: helpClose, fds: []int{1, 2}}, 0); in.keeping.closers != 0 || in.keeping.count != 1 {
		t.Errorf("closer: %+v", in.keeping)
	}
	in.units[0].taker = 1
	if end(&process{helper: helpTake}, 0); in.units[0].taker != 1 {
		t.Error("a taker that is not the unit's")
	}
	in.end.child = &process{helper: helpKill}
	if end(in.end.child, 0); in.end.child != nil {
		t.Error("the end does not hear of the child that signals")
	}
	in.critical.child = &process{helper: helpCount}
	old := in.critical.child
	in.critical.cancel()
	if end(old, criticalStop); strings.Contains(in.own(), "no reboot") {
		t.Error("a count that was given up is heard of")
	}
	in.critical.child = &process{helper: helpCount}
	in.apply(graph.Event{Kind: graph.AskShutdown, Halt: &graph.Halt{Kind: graph.HaltExit, Timeout: never}})
	if end(in.critical.child, 0); in.critical.child != nil {
		t.Error("a count is not heard of")
	}
}

// The answer to "if" lines that a child has looked at goes by the lines that are
// there then: a reload may have taken them away.
func TestLookedAt(t *testing.T) {
	in := testInit(t, "task a /bin/true\n  start manual\n  if exists /\n  if not exists /tmp\ntask b /bin/true\n  start manual\n")
	for _, c := range []struct {
		of   graph.ID
		code int
		want string
	}{{0, 0, ""}, {0, 2, "if not exists /tmp"}, {0, 3, "if exists /"}, {1, 1, "if"}} {
		in.queue, in.busy = nil, true // the world is not told
		in.lookedAt(&process{of: c.of}, proc.Exit{Code: c.code})
		if len(in.queue) != 1 || in.queue[0].Kind != graph.Checked || in.queue[0].Unit != c.of || in.queue[0].Text != c.want {
			t.Errorf("exit %d of %d: %+v", c.code, c.of, in.queue)
		}
	}
}

// A look at a path on a network mount answers the generation that asked.
func TestLookedFar(t *testing.T) {
	in := testInit(t, "service a /bin/sleep 1000\n  start manual\n  ready path /run/a\n")
	in.busy = true // the world is not told
	for code, want := range map[int]string{0: "", 1: "/run/a is not there"} {
		in.queue = nil
		in.helperEnded(&process{helper: helpLook, gen: 7}, proc.Exit{Code: code})
		if len(in.queue) != 1 || in.queue[0].Kind != graph.Probed || in.queue[0].Gen != 7 || in.queue[0].Text != want {
			t.Errorf("exit %d: %+v", code, in.queue)
		}
	}
	if e := in.units[0].said.error; e != "" && e != "/run/a is not there" {
		t.Error(e)
	}
}
