package pid1

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// A boot counts once; the fourth one in a row is the one that is not ended.
func TestCountReboot(t *testing.T) {
	path := t.TempDir() + "/lib/mote/critical"
	for i, c := range []struct {
		boot string
		code int
		file string
	}{
		{"one\n", 0, "one\n"},
		{"one\n", 0, "one\n"},
		{"two\n", 0, "one\ntwo\n"},
		{"three\n", 0, "one\ntwo\nthree\n"},
		{"three\n", 0, "one\ntwo\nthree\n"},
		{"four\n", criticalStop, "one\ntwo\nthree\n"},
		{"five\n", criticalStop, "one\ntwo\nthree\n"},
	} {
		code, err := countReboot(path, c.boot)
		if code != c.code || err != nil || content(t, path) != c.file {
			t.Errorf("%d, boot %q: %d, %v, the file is %q; want %d and %q", i, c.boot, code, err, content(t, path), c.code, c.file)
		}
	}
	for i := range 2 {
		if code := runCritical([]string{"forget", path}); code != 0 || proc.Exists(path) {
			t.Errorf("forget %d: exit %d, there %v", i, code, proc.Exists(path))
		}
	}
	if code := runCritical([]string{"count", path}); code != 0 || len(content(t, path)) < 30 {
		t.Errorf("exit %d, the file is %q", code, content(t, path))
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("a part is left")
	}
}

// What is no file of ours is left, and said by its errno.
func TestCountRebootNowhere(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"dir", "large"} {
		if name == "dir" {
			os.Mkdir(dir+"/dir", 0o755)
		} else {
			os.WriteFile(dir+"/large", make([]byte, maxCritical+1), 0o644)
		}
		if code := runCritical([]string{"count", dir + "/" + name}); code != int(unix.EINVAL) {
			t.Errorf("%s: exit %d", name, code)
		}
	}
	if code := runCritical([]string{"count", "/proc/self/mote/critical"}); code != int(unix.ENOENT) {
		t.Errorf("exit %d", code)
	}
}

// counting is a machine whose unit a is failed and whose child counts that.
func counting(t *testing.T) (*Init, *process) {
	in := testInit(t, "service a /bin/false\n  critical reboot\n  start manual\n")
	in.role, in.now = Machine, graph.Instant(100e9)
	p := &process{unit: graph.None}
	in.critical.unit, in.critical.child, in.critical.until = in.unit(t, "a"), p, in.now+criticalLimit
	return in, p
}

func TestCriticalReboot(t *testing.T) {
	for _, c := range []struct {
		name string
		exit proc.Exit
		end  graph.HaltKind
		says string
	}{
		{"counted", proc.Exit{}, graph.HaltReboot, "reboot now: critical unit a is failed"},
		{"three before", proc.Exit{Code: criticalStop}, graph.HaltNone, "no reboot, three have not helped"},
		{"read-only", proc.Exit{Code: int(unix.EROFS)}, graph.HaltReboot, "critical: read-only file system"},
		{"killed", proc.Exit{Signal: 9}, graph.HaltReboot, "the child did not end well"},
	} {
		in, p := counting(t)
		in.critical.counted(p, c.exit)
		in.apply(graph.Event{Kind: graph.Tick})
		if k := in.world.Ending().Kind; k != c.end || in.critical.deadline() != 0 {
			t.Errorf("%s: the end is %s, the deadline %d", c.name, k, in.critical.deadline())
		}
		if !strings.Contains(in.own(), c.says) {
			t.Errorf("%s: it says %q, not %q", c.name, in.own(), c.says)
		}
	}
	in, p := counting(t)
	in.now += criticalLimit
	in.tick()
	if k := in.world.Ending().Kind; k != graph.HaltReboot || !strings.Contains(in.own(), "no answer in 5s") {
		t.Errorf("a child that hangs: the end is %s, it says %q", k, in.own())
	}
	in.critical.counted(p, proc.Exit{Code: criticalStop}) // too late
	in, _ = counting(t)
	in.halt(graph.Halt{Kind: graph.HaltPoweroff}, "for the test")
	if in.critical.deadline() != 0 {
		t.Error("it still waits when the machine ends")
	}
}

// Only a machine with such a unit has the deadline of a good boot, and a critical
// failure takes it away.
func TestCriticalGood(t *testing.T) {
	in, _ := counting(t)
	in.critical.cancel()
	in.critical.boot()
	if at := in.critical.deadline(); at != in.now+criticalGood {
		t.Errorf("the deadline is %d", at)
	}
	in.escalate(&graph.Effect{Unit: in.unit(t, "a"), Critical: graph.CriticalShell})
	if in.critical.deadline() != 0 {
		t.Error("a boot that is not good is taken for one")
	}
	other := testInit(t, "service a x\n  critical shell\n")
	other.role = Machine
	other.critical.boot()
	if other.critical.deadline() != 0 {
		t.Error("a wake-up for nothing")
	}
}

// Outside of a machine the log says, too, what comes of a critical unit's end.
func TestCriticalElsewhere(t *testing.T) {
	for _, c := range []struct {
		action graph.Critical
		says   string
		ends   int
	}{
		{graph.CriticalShell, "critical unit a failed: limit: no rescue but on a machine: the rest goes on", 0},
		{graph.CriticalPoweroff, "critical unit a failed: limit: shutdown", 1},
	} {
		in := testInit(t, "service a /bin/false\n  start manual\n")
		in.role = Supervisor
		in.escalate(&graph.Effect{Unit: in.unit(t, "a"), Critical: c.action, Reason: graph.Reason{Kind: graph.ReasonLimit}})
		if !strings.Contains(in.own(), c.says) || len(in.queue) != c.ends {
			t.Errorf("%q, %d events", in.own(), len(in.queue))
		}
	}
}
