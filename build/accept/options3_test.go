package accept

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// F3: the rings of all units stay below option log-memory, and those that find
// none say that lines are gone; a reload with more helps.
func TestF3_LogMemory(t *testing.T) {
	t.Parallel()
	units := ""
	for i := range 8 {
		after := ""
		if i > 0 {
			after = fmt.Sprintf("  after t%d\n", i-1)
		}
		units += fmt.Sprintf("task t%d {V} lines 400 64\n%s  log ring 16K\n", i, after)
	}
	in := start(t, "option log-memory 64K\n"+units)
	in.state("t7", "exited")
	held := 0
	for i := range 8 {
		lines, _ := in.logs(fmt.Sprint("t", i))
		if n := len(strings.Join(lines, "\n")); n > 16<<10 || i == 0 && n < 8<<10 || i == 7 && n != 0 {
			t.Errorf("t%d has %d bytes of lines", i, n)
		}
		held += len(lines)
	}
	if held == 0 || held*64 > 64<<10 {
		t.Errorf("%d lines are held", held)
	}
	if text := in.logText("mote"); strings.Count(text, "option log-memory") != 1 {
		t.Errorf("the init says:\n%s", text)
	}
	in.write("c/test.conf", in.expand("option log-memory 1M\n"+units))
	in.contains(in.ok("reload"), "option log-memory: changed")
	in.ok("restart", "t7")
	in.logHas("t7", "line 0000400 ")
}

// option rescue: what there is to be started, and that off is off, for the words
// of the kernel, for a signal and for a critical unit; a reload changes it.
func TestF3_Rescue(t *testing.T) {
	t.Parallel()
	unit := "service c {V} append {D}/runs run , exit 1\n  critical shell\n  restart always delay 10ms max 10ms\n"
	in := startWith(t, Options{Mode: machine, Args: []string{"single"}, Root: map[string]string{"bin/sh": "", "sbin/sulogin": ""}},
		"option rescue off\n"+unit)
	in.state("c", "failed")
	in.logHas("mote", "rescue asked for, but rescue is off: the boot goes on",
		"critical unit c failed: limit: rescue is off: the system goes on without")
	in.must(4, "status", "rescue")
	in.signal(35) // RTMIN+1
	in.logHas("mote", "rescue asked for by signal RTMIN+1", "rescue is off: the system goes on without")
	for _, w := range []struct{ word, command string }{{"login", "/sbin/sulogin"}, {"shell", "/bin/sh"}} {
		in.write("c/test.conf", in.expand("option rescue "+w.word+"\n"+unit))
		in.contains(in.ok("reload"), "option rescue: changed")
		in.contains(in.ok("show", "rescue"), w.command)
	}
	in.write("c/test.conf", in.expand("option rescue off\n"+unit))
	in.ok("reload")
	in.must(4, "status", "rescue")
	if strings.Contains(in.logText("mote"), ": rescue shell") {
		t.Error("there was a rescue shell")
	}
}

// Without the command that it needs a rescue is not there, and the boot goes on.
func TestF3_RescueWithoutCommand(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine, Args: []string{"single"}, Root: map[string]string{"bin/sh": ""}}, "option rescue login\n"+svc("a"))
	in.settled("a")
	in.logHas("mote", "rescue asked for, but no sulogin or login: the boot goes on")
}

// critical reboot: the reboots are counted on the disk, and after three the
// machine stays up; where they cannot be counted it goes on as ever.
func TestF3_CriticalReboots(t *testing.T) {
	const config = "service c {V} exit 1\n  critical reboot\n  restart never\n"
	for name, c := range map[string]struct {
		before string
		ends   bool
		lines  int
		says   string
	}{
		"first":    {"", true, 1, ""},
		"third":    {"a\nb\n", true, 3, ""},
		"too_many": {"a\nb\nc\n", false, 3, "no reboot, three have not helped (/var/lib/mote/critical): no shell: the system goes on without"},
		"nowhere":  {"-", true, 0, "the reboot cannot be remembered in /var/lib/mote/critical: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := prepareInit(t, Options{Mode: machine}, config)
			if c.before == "-" {
				in.write("var", "a file")
			} else {
				for _, dir := range []string{"var", "var/lib", "var/lib/mote"} {
					in.mkdir(dir)
				}
				if c.before != "" {
					in.write("var/lib/mote/critical", c.before)
				}
			}
			in.launch()
			if c.ends {
				if got := in.gone(3 * step); got != 128+1 {
					t.Errorf("the end is %d, expected %d", got, 128+1)
				}
				in.contains(in.out.text(), c.says)
			} else {
				in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
				in.logHas("mote", c.says)
				in.is("c", "failed")
			}
			data, _ := os.ReadFile(in.dir + "/var/lib/mote/critical")
			if n := strings.Count(string(data), "\n"); n != c.lines || !strings.HasPrefix(string(data), strings.TrimPrefix(c.before, "-")) {
				t.Errorf("the file is %q", data)
			}
		})
	}
}

// option boot-good: run once all is up and has been for a while, and not before.
func TestF3_BootGood(t *testing.T) {
	t.Parallel()
	in := start(t, "set WORD said\noption boot-good {V} report {D}/r , append {D}/good run , print printed\noption boot-bad {V} append {D}/bad run\n"+
		svc("a")+"task b {V} waitfile {D}/go\nservice m {V} exit 1\n  start manual\n")
	in.settled("a")
	in.touch("go")
	in.state("b", "exited")
	if in.lines("good") != nil {
		t.Error("boot-good is run before its time")
	}
	for range 4 { // ten seconds are more than one step
		if len(in.lines("good")) == 0 {
			in.ctl("-t", "3s", "wait", "--for", "inactive", "a")
		}
	}
	in.logHas("mote", "boot: good: ", "boot-good: printed\n", "boot-good: exit 0\n")
	if env := in.report("r").Env; !slices.Contains(env, "WORD=said") || !slices.Contains(env, "MOTE_SOCKET="+in.inside("ctl/sock")) {
		t.Errorf("the environment is %q", env)
	}
	if n := len(in.lines("good")); n != 1 || in.lines("bad") != nil {
		t.Errorf("boot-good was run %d times, boot-bad %d", n, len(in.lines("bad")))
	}
}

// option boot-bad: run at once when a critical unit has failed.
func TestF3_BootBad(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine}, "option boot-good {V} append {D}/good run\noption boot-bad {V} append {D}/bad run , exit 4\n"+
		svc("a")+"service c {V} exit 1\n  critical shell\n  restart never\n")
	in.appears("bad", 1)
	in.logHas("mote", "boot: bad\n", "boot-bad: exit 4\n")
	if n := len(in.lines("bad")); n != 1 || in.lines("good") != nil {
		t.Errorf("boot-bad was run %d times, boot-good %d", n, len(in.lines("good")))
	}
}
