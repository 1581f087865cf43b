package accept

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// wrapper gives a case whose init is "mote run".
func wrapper(t *testing.T, mode Mode, args ...string) *Init {
	t.Helper()
	in := prepareInit(t, Options{Mode: mode, Bare: true, Dirty: true}, "")
	for i, a := range args {
		args[i] = in.expand(a)
	}
	in.exec(append([]string{"run"}, args...)...)
	t.Cleanup(in.end)
	return in
}

// SPEC 1: the wrapper exits as its command did.
func TestG9_AllExitStatuses(t *testing.T) {
	t.Parallel()
	for n := range 256 {
		if r := program(t, uid, nil, moteBin, "run", "--", victimBin, "exit", strconv.Itoa(n)); r.code != n {
			t.Errorf("exit %d, expected %d: %s", r.code, n, r.all())
		}
	}
	for sig, name := range map[int]string{9: "KILL", 15: "TERM", 6: "ABRT", 10: "USR1", 1: "HUP"} {
		if r := program(t, uid, nil, moteBin, "run", "--", victimBin, "die", name); r.code != 128+sig {
			t.Errorf("%s: exit %d, expected %d: %s", name, r.code, 128+sig, r.all())
		}
	}
	for path, want := range map[string]int{"/no/such": 127, "no-such-in-path": 127, "/etc/passwd": 126, "/": 126} {
		if r := program(t, uid, nil, moteBin, "run", "--", path); r.code != want || r.err == "" {
			t.Errorf("%s: exit %d, expected %d and a reason: %s", path, r.code, want, r.all())
		}
	}
	if r := program(t, uid, nil, moteBin, "run", victimBin, "exit", "3"); r.code != 3 {
		t.Errorf("without --: exit %d, expected 3: %s", r.code, r.all())
	}
	for _, words := range [][]string{{"run"}, {"run", "--"}, {"run", "--nosuch", "--", "/bin/true"}, {"run", "-r", "x", "--", "/bin/true"}} {
		if r := program(t, uid, nil, moteBin, words...); r.code != 2 || r.err == "" {
			t.Errorf("%q: exit %d, expected 2: %s", words, r.code, r.all())
		}
	}
	if r := program(t, uid, nil, moteBin, "run", "--", victimBin, "print", "out", ",", "eprint", "err"); r.out != "out\n" || r.err != "err\n" {
		t.Errorf("the streams do not pass: %+v", r)
	}
}

// SPEC 1: the same as PID 1 of a container.
func TestG9_AsPID1(t *testing.T) {
	for code, steps := range map[int]string{0: "exit 0", 7: "exit 7", 137: "die KILL", 143: "die TERM"} {
		t.Run(strings.ReplaceAll(steps, " ", "_"), func(t *testing.T) {
			t.Parallel()
			in := wrapper(t, container, append([]string{"--", "/victim"}, strings.Fields(steps)...)...)
			if got := in.gone(2 * step); got != code {
				t.Errorf("exits %d, expected %d\n%s", got, code, in.out.text())
			}
		})
	}
}

// SPEC 1: signals are forwarded, orphans are reaped, the end takes the rest.
func TestG9_ForwardsAndReaps(t *testing.T) {
	for _, mode := range []Mode{supervisor, container} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := wrapper(t, mode, "--", "{V}", "trapstay", "{D}/got", "HUP,INT,USR1,USR2,WINCH,QUIT", ",", "trap", "{D}/last", "TERM", ",",
				"orphans", "20", "10ms", ",", "append", "{D}/up", "up", ",", "sleep")
			in.appears("up", 1)
			for i, s := range []syscall.Signal{hup, syscall.SIGINT, syscall.SIGUSR1, usr2, syscall.SIGWINCH, syscall.SIGQUIT} {
				in.signal(s)
				in.appears("got", i+1)
			}
			in.until("no zombie, one child", func() bool { return len(in.children("Z")) == 0 && len(in.children("")) == 1 })
			in.signal(syscall.SIGTERM)
			if got := in.gone(2 * step); got != 0 {
				t.Errorf("exits %d, expected 0", got)
			}
			if got := in.lines("last"); len(got) != 1 || got[0] != "got TERM" {
				t.Errorf("it got %v, expected TERM", got)
			}
			if got := strings.Join(in.lines("got"), " "); got != "got HUP got INT got USR1 got USR2 got WINCH got QUIT" {
				t.Errorf("it got %q", got)
			}
		})
	}
}

// SPEC 1: -r rewrites a signal, -g sends it to the whole group.
func TestG9_RewriteAndGroup(t *testing.T) {
	t.Parallel()
	in := wrapper(t, supervisor, "-r", "TERM:QUIT", "--", "{V}", "trap", "{D}/got", "TERM,QUIT", ",", "append", "{D}/up", "up", ",", "sleep")
	in.appears("up", 1)
	in.signal(syscall.SIGTERM)
	in.gone(2 * step)
	if got := in.lines("got"); len(got) != 1 || got[0] != "got QUIT" {
		t.Errorf("-r TERM:QUIT: it got %v", got)
	}
	in2 := wrapper(t, supervisor, "-g", "--", "/bin/sh", "-c", "{V} trap {D}/a USR1 , append {D}/up up , sleep & {V} trap {D}/b USR1 , append {D}/up up , sleep & trap '' USR1; wait; wait")
	in2.appears("up", 2)
	in2.signal(syscall.SIGUSR1)
	in2.appears("a", 1)
	in2.appears("b", 1)
	in2.gone(2 * step)
}

// SPEC 1: it needs no configuration and makes no socket; an ignored or blocked
// signal that it inherits is not its command's.
func TestG9_CleanStart(t *testing.T) {
	t.Parallel()
	c := exec.Command(victimBin, "launch", "-ignore", "HUP,USR1,TERM", "-block", "USR2,TERM", "--", moteBin, "run", "--", "/bin/cat", "/proc/self/status")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
	c.Env = []string{marker}
	out, err := c.Output()
	must(t, err)
	for _, l := range strings.Split(string(out), "\n") {
		if k, v, ok := strings.Cut(l, ":"); ok && k == "SigBlk" && strings.Trim(v, " \t0") != "" {
			t.Errorf("%s", l)
		}
	}
}
