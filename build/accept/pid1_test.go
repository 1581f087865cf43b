package accept

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"mote/build/rebuild"
)

const agentService = "service agent {V} agent {D}/agent , ready 3 , sleep\n  ready fd 3\n"

// DESIGN D1: every orphan is reaped, by the subreaper too.
func TestG1_Orphans(t *testing.T) {
	for _, mode := range []Mode{container, machine, supervisor} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode}, svc("a")+"task o {V} orphans 100 50ms\n  kill process\n  start manual\n")
			in.settled("a")
			in.ok("start", "o")
			in.until("only a is left, and no zombie", func() bool { return len(in.children("")) == 1 && len(in.children("Z")) == 0 })
			in.is("a", "running")
		})
	}
}

func modeName(m Mode) string { return [...]string{"supervisor", "machine", "container", "rooted"}[m] }

const (
	usr2 = syscall.SIGUSR2
	pwr  = syscall.SIGPWR
	hup  = syscall.SIGHUP
	rt0  = syscall.Signal(34)
)

const rebooted, stopped, exited = 128 + 1, 128 + 2, 0

// signalsThatEnd are the signals of SPEC 7 that end the init, and how it ends. What
// reboot(2) does in a pid namespace tells the verbs apart: HUP for reboot, INT for
// poweroff and halt (reboot(2), NOTES).
var signalsThatEnd = map[Mode]map[syscall.Signal]int{
	machine: {syscall.SIGTERM: rebooted, syscall.SIGINT: rebooted, syscall.SIGUSR1: stopped, usr2: stopped, pwr: stopped,
		rt0 + 3: stopped, rt0 + 4: stopped, rt0 + 5: rebooted},
	container:  {syscall.SIGTERM: exited, syscall.SIGINT: exited, usr2: exited, pwr: exited, syscall.SIGQUIT: exited, rt0 + 1: exited, rt0 + 3: exited, rt0 + 4: exited, rt0 + 5: exited},
	supervisor: {syscall.SIGTERM: exited, syscall.SIGINT: exited, usr2: exited, pwr: exited, syscall.SIGQUIT: exited, rt0 + 1: exited, rt0 + 3: exited, rt0 + 4: exited, rt0 + 5: exited},
}

// SPEC 7: each signal that ends the init, once and in order; also while it
// re-executes itself again and again.
func TestG3_SignalsThatEnd(t *testing.T) {
	for mode, signals := range signalsThatEnd {
		for sig, want := range signals {
			for _, how := range []string{"", "_reexec"} {
				t.Run(fmt.Sprintf("%s_%d%s", modeName(mode), int(sig), how), func(t *testing.T) {
					t.Parallel()
					in := startWith(t, Options{Mode: mode}, agentService+svc("a")+svc("b", "requires a"))
					in.settled("a", "b", "agent")
					if how != "" {
						mustOverlay(t)
						defer in.keepsReexecuting()()
					}
					if mode == supervisor {
						in.signal(sig)
					} else if got := in.ask(fmt.Sprintf("kill 1 %d", sig)); got != "ok" && got != "" { // the end may be faster than the answer
						t.Fatalf("the signal was not sent: %s", got)
					}
					if got := in.gone(2 * step); got != want {
						t.Errorf("the end is %d, expected %d\n%s", got, want, in.out.text())
					}
					in.wantOrder("+a", "+b", "-b", "-a")
				})
			}
		}
	}
}

// mustOverlay skips a case that a build without the overlay cannot pass: between the
// start of its runtime and signal.Notify a TERM ends it (DESIGN D2).
func mustOverlay(t *testing.T) {
	t.Helper()
	if !hasOverlay(t) {
		t.Skip("needs the overlay: without it a signal can be lost, or end the init, in the middle of a re-exec")
	}
}

// keepsReexecuting has the init re-execute itself 20 times a second, if it can, until
// the function that it gives is called. It returns when it has begun.
func (in *Init) keepsReexecuting() (stop func()) {
	in.t.Helper()
	in.reexec()
	end, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-end:
				return
			case <-in.done:
				return
			case <-time.After(50 * time.Millisecond):
				syscall.Kill(in.pid(), rt0+25)
			}
		}
	}()
	return func() { close(end); <-over }
}

// SPEC 7: RTMIN+25 re-executes it in each role, whoever sends it, and that is all.
func TestG3_SignalThatReexecutes(t *testing.T) {
	for _, mode := range []Mode{machine, container, supervisor} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode}, agentService+svc("a"))
			in.settled("a", "agent")
			was := in.picture()
			in.reexec()
			if mode != supervisor {
				image := in.image()
				if got := in.ask("kill 1 59"); got != "ok" {
					t.Fatalf("the signal was not sent: %s", got)
				}
				in.until("another image runs", func() bool { return in.image() != image })
			}
			in.ok("ping")
			in.same(was, in.picture())
			if len(in.order()) != 1 {
				t.Errorf("order is %v", in.order())
			}
		})
	}
}

// SPEC 7: every other signal changes nothing, whoever sends it; also while the init
// re-executes itself again and again.
func TestG3_SignalsThatChangeNothing(t *testing.T) {
	for _, mode := range []Mode{machine, container, supervisor} {
		for _, how := range []string{"", "_reexec"} {
			t.Run(modeName(mode)+how, func(t *testing.T) {
				t.Parallel()
				in := startWith(t, Options{Mode: mode}, agentService+svc("a"))
				in.settled("a", "agent")
				rounds := 1
				if how != "" {
					mustOverlay(t)
					rounds = 5
					defer in.keepsReexecuting()()
				}
				was := in.picture()
				for range rounds {
					in.sendAll()
				}
				in.same(was, in.picture())
				if len(in.order()) != 1 {
					t.Errorf("order is %v", in.order())
				}
			})
		}
	}
}

// sendAll sends each signal that has no meaning in the role, and wants an answer.
func (in *Init) sendAll() {
	in.t.Helper()
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if has(in.opt.Mode, sig) {
			continue
		}
		if in.opt.Mode != supervisor {
			if got := in.ask(fmt.Sprintf("kill 1 %d", sig)); got != "ok" {
				in.t.Fatalf("signal %d was not sent: %s", sig, got)
			}
		}
		in.signal(sig) // and from outside
		if r := in.ctl("ping"); r.code != 0 || in.over() {
			in.t.Fatalf("signal %d: ping exits %d\n%s", sig, r.code, in.out.text())
		}
	}
}

// has reports whether a signal has a meaning in a role, or cannot be caught.
func has(mode Mode, sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGTERM, syscall.SIGINT, usr2, pwr, rt0 + 1, rt0 + 3, rt0 + 4, rt0 + 5, rt0 + 25:
		return true
	case syscall.SIGQUIT:
		return mode != machine
	case syscall.SIGUSR1:
		return mode == machine
	}
	return false
}

// SPEC 7: a flood of signals and children loses neither.
func TestG3_Flood(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+"service b {V} exit 0\n  restart always delay 0\n")
	in.settled("a")
	for i := range 2000 {
		in.signal([]syscall.Signal{hup, syscall.SIGCHLD, syscall.SIGUSR1, 40}[i%4])
	}
	from := in.unit("b").Restarts
	in.when("b", "goes on", func(u Unit) bool { return u.Restarts > from+5 })
	in.ok("stop", "b")
	in.is("a", "running")
	in.until("no zombie", func() bool { return len(in.children("Z")) == 0 })
}

// SPEC 2, 7: HUP binds the socket again, as PID 1 too.
func TestG3_HupBindsAgain(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine}, agentService+svc("a"))
	in.settled("a", "agent")
	must(t, os.Remove(in.sock))
	in.ask("kill 1 HUP")
	in.until("the socket is back", func() bool { return in.ctl("ping").code == 0 })
	in.is("a", "running")
}

// SPEC 1, 8: no descriptors, no console, an empty /dev: it boots.
func TestG5_NothingToStandOn(t *testing.T) {
	for _, mode := range []Mode{machine, container} {
		for _, dev := range []string{"none", "few"} {
			for _, closed := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s_%s_closed_%v", modeName(mode), dev, closed), func(t *testing.T) {
					t.Parallel()
					opt := Options{Mode: mode, Dev: dev}
					if closed && dev == "none" && !hasOverlay(t) {
						t.Skip("needs the overlay: Go's own runtime ends a program that has neither descriptors nor /dev/null (runtime/fds_unix.go)")
					}
					if closed {
						opt.Launch = []string{"-close"}
					}
					in := startWith(t, opt, svc("a")+"task b {V} print hello\n")
					in.settled("a", "b")
					in.ok("restart", "a")
					in.until("b's line is in the log", func() bool { l, _ := in.logs("b"); return len(l) == 1 })
				})
			}
		}
	}
}

// hasOverlay reports whether the file under test was built with the overlay.
func hasOverlay(t *testing.T) bool {
	t.Helper()
	data, err := os.ReadFile(moteBin)
	must(t, err)
	return rebuild.HasOverlay(data)
}

// SPEC 1: the container role ends as its main unit did.
func TestG8_ExitStatusOfTheContainer(t *testing.T) {
	const others = "service other {V} unit {D}/order other 3\n  ready fd 3\nservice base {V} unit {D}/order base 3\n  ready fd 3\n  before other\n"
	cases := []struct {
		name, text string
		want       int
	}{
		{"exit 7", "service m {V} exit 7\n  after other\n", 7},
		{"exit 0", "service m {V} exit 0\n  after other\n", 0},
		{"exit 255", "service m {V} exit 255\n  after other\n", 255},
		{"task", "task m {V} exit 3\n  after other\n", 3},
		{"killed by 9", "service m {V} die KILL\n  after other\n", 137},
		{"killed by TERM", "service m {V} die TERM\n  after other\n", 143},
		{"not found", "service m /no/such\n  after other\n", 127},
		{"not found in PATH", "service m no-such-program\n  after other\n", 127},
		{"not executable", "service m /c/test.conf\n  after other\n", 126},
		{"configuration", "service m {V} sleep\n  afer other\n", 1},
		{"requires of nothing", "service m {V} sleep\n  requires ghost\n", 1},
		{"dependency", "service m {V} sleep\n  requires x\ntask x {V} exit 9\n", 1},
		{"restarts first", "service m {V} append {D}/runs run , exit 5\n  restart on-failure delay 10ms limit 2\n  after other\n", 5},
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			opt := Options{Mode: container, NoWait: true}
			text := c.text + others + "main m\n"
			if len(c.name)%2 == 0 { // both ways to say it
				opt.Args, text = []string{"--main", "m"}, c.text+others
			}
			in := startWith(t, opt, text)
			if got := in.gone(3 * step); got != c.want {
				t.Errorf("the init exits %d, expected %d\n%s", got, c.want, in.out.text())
			}
			if strings.Contains(c.text, "after other") {
				in.wantOrder("+base", "+other", "-other", "-base")
			}
			if c.name == "restarts first" && len(in.lines("runs")) != 3 {
				t.Errorf("%d runs, expected 3", len(in.lines("runs")))
			}
		})
	}
}

// SPEC 1: --main in the supervisor role ends the init with its unit.
func TestG8_MainOfASupervisor(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Args: []string{"--main", "m"}}, svc("a")+"service m {V} waitfile {D}/go , exit 7\n")
	in.settled("a", "m")
	in.touch("go")
	if got := in.gone(2 * step); got != 0 && got != 7 {
		t.Errorf("the init exits %d, expected 0 (SPEC 1: a supervisor exits 0)", got)
	} else if got == 7 {
		t.Errorf("the init exits 7; SPEC 1 says 0 for a supervisor")
	}
	in.wantOrder("+a", "-a")
}

// SPEC 8: TERM ends a container in order and in time.
func TestG10_TermInTime(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container}, agentService+svc("a")+svc("b", "requires a")+svc("c", "requires b")+stubborn("deaf"))
	in.settled("a", "b", "c", "deaf", "agent")
	at := time.Now()
	in.ask("kill 1 TERM")
	if got := in.gone(3 * step); got != 0 {
		t.Errorf("exits %d, expected 0", got)
	}
	if d := time.Since(at); d > 8*time.Second {
		t.Errorf("it took %v, expected no more than 8s", d)
	}
	in.wantOrder("+a", "+b", "+c", "-c", "-b", "-a")
	if got := in.lines("got-deaf"); len(got) != 1 || got[0] != "got TERM" {
		t.Errorf("the deaf one got %v, expected one TERM", got)
	}
}

// SPEC 8: a schedule longer than the deadline is scaled; KILL comes last.
func TestG10_DeadlineIsKept(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container}, "option shutdown-timeout 2s\n"+
		agentService+stubborn("deaf1", "stop TERM 1h")+stubborn("deaf2", "stop TERM 1h", "requires deaf1")+svc("a", "requires deaf2"))
	in.settled("deaf1", "deaf2", "a", "agent")
	in.ask("kill 1 TERM")
	in.gone(2 * step)
	in.wantOrder("+a", "-a")
	for _, n := range []string{"got-deaf1", "got-deaf2"} {
		if got := in.lines(n); len(got) != 1 || got[0] != "got TERM" {
			t.Errorf("%s is %v, expected one TERM: every level has its part of the time", n, got)
		}
	}
}

// SPEC 2: no configuration at all: alive and reachable, with and without a shell.
func TestG14_EmbeddedDefault(t *testing.T) {
	for _, shell := range []bool{false, true} {
		t.Run(fmt.Sprintf("shell_%v", shell), func(t *testing.T) {
			t.Parallel()
			in := prepareInit(t, Options{Mode: machine, Bare: true}, "")
			if shell {
				in.install(victimBin, "bin/sh") // it ends at once, again and again
			}
			in.launch()
			in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
			for range 20 {
				in.ok("list")
				in.ok("status")
			}
			if shell && len(in.units()) == 0 {
				t.Errorf("no unit, although there is a shell")
			}
			in.contains(in.ok("status"), "machine")
			in.ok("reboot")
			if got := in.gone(2 * step); got != 128+1 {
				t.Errorf("the end is %d, expected %d", got, 128+1)
			}
		})
	}
}

// DESIGN D1: 5,000 short-lived orphans a second for ten seconds.
func TestG21_Storm(t *testing.T) {
	seconds := 10
	if testing.Short() {
		seconds = 2
	}
	in := startWith(t, Options{Mode: container}, svc("a")+fmt.Sprintf("task storm {V} storm 5000 %d\n  start manual\n", seconds))
	in.settled("a")
	in.ok("start", "--no-wait", "storm")
	in.state("storm", "starting") // its log pipe is open, and stays (L1)
	before := in.descriptors()
	end := time.Now().Add(time.Duration(seconds)*time.Second + 4*step)
	for in.unit("storm").State != "exited" {
		if u := in.unit("storm"); u.State == "failed" || time.Now().After(end) {
			t.Fatalf("the storm is %s (%s)", u.State, u.reason())
		}
		in.ok("ping")
		time.Sleep(20 * time.Millisecond)
	}
	in.until("only a is left, and no zombie", func() bool { return len(in.children("")) == 1 && len(in.children("Z")) == 0 })
	in.until("the descriptors are no more than before", func() bool { return in.descriptors() <= before+1 })
	in.flat()
	in.is("a", "running")
}
