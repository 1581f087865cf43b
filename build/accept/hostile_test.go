package accept

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// D5: an endless backoff has had its chance; D3: what requires it is blocked.
func TestA13_BackoffHasHadItsChance(t *testing.T) {
	t.Parallel()
	in := start(t, "service y {V} exit 1\n  ready fd 3\n  restart always delay 1h\n"+svc("x", "after y")+svc("z", "requires y"))
	in.settled("x")
	in.is("y", "backoff")
	u := in.is("z", "blocked")
	if strings.Join(u.WaitingOn, " ") != "y" {
		t.Errorf("z waits for %v, expected y", u.WaitingOn)
	}
	in.contains(in.ok("why", "z"), "y", "backoff")
}

// SPEC 4: critical implies limit 5 within 60s.
func TestG10_CriticalImpliesALimit(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine, NoWait: true}, "service c {V} append {D}/runs run , exit 1\n  critical poweroff\n  restart always delay 10ms max 10ms\n")
	if got := in.gone(3 * step); got != 128+2 {
		t.Errorf("the end is %d, expected %d\n%s", got, 128+2, in.out.text())
	}
	if n := len(in.lines("runs")); n != 6 {
		t.Errorf("%d runs, expected 6", n)
	}
}

// The key stop-exec: of a task that failed there is nothing to undo.
func TestB9_StopExecOfAFailedTask(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} exit 1\n  stop-exec {V} append {D}/order undo\n"+
		"service b {V} trap {D}/got USR1 , ready 3 , sleep\n  ready fd 3\n  stop-exec {V} kill ${MAINPID} USR1\n")
	in.state("a", "failed")
	in.settled("b")
	in.ok("stop", "a", "b")
	in.is("a", "inactive")
	if got := in.order(); len(got) != 0 {
		t.Errorf("stop-exec ran: %v", got)
	}
	if got := in.lines("got"); len(got) != 1 || got[0] != "got USR1" {
		t.Errorf("b got %v, expected USR1 by ${MAINPID}", got)
	}
}

// SPEC 4: what "set" says outranks what the user's entry says.
func TestC5_SetOutranksTheUsersEntry(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted, Root: map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:the web:/srv/web:/bin/false\n"},
		Env: []string{"HOME=/inherited", "USER=inherited"}},
		"set HOME /set\ntask a /bin/true\ntask b {V} append {D}/x x\n  user root\ntask r {V} report {D}/r\n  user root\n  env SHELL=/env\n")
	in.state("r", "exited")
	r := in.report("r")
	for k, v := range map[string]string{"HOME": "/set", "USER": "root", "LOGNAME": "root", "SHELL": "/env"} {
		if got := r.env(k); got != v {
			t.Errorf("%s is %q, expected %q", k, got, v)
		}
	}
}

// DESIGN D5: the number of units has a bound, which the fault names.
func TestD10_TooManyUnits(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for f := range 7 {
		var b strings.Builder
		for i := range 10000 {
			fmt.Fprintf(&b, "task u%d-%d /bin/true\n", f, i)
		}
		files[fmt.Sprintf("%d.conf", f)] = b.String()
	}
	r, _ := check(t, files)
	if r.code != 1 || !strings.Contains(r.all(), "65536") || len(r.all()) > 64<<10 {
		t.Errorf("exit %d with %d bytes, expected 1 and the limit in few words:\n%.600s", r.code, len(r.all()), r.all())
	}
}

// DESIGN D4: linking is linear; neither a long chain nor a long cycle nor a
// dense graph overflows, and a cycle's path is told within reason.
func TestD10_LargeGraphs(t *testing.T) {
	t.Parallel()
	chain := func(n int, last string) string {
		var b strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&b, "task u%d /bin/true\n  requires u%d\n", i, i+1)
		}
		fmt.Fprintf(&b, "task u%d /bin/true\n%s", n-1, last)
		return b.String()
	}
	if r, _ := check(t, map[string]string{"t.conf": chain(20000, "")}); r.code != 0 {
		t.Errorf("a chain of 20,000: exit %d\n%.600s", r.code, r.all())
	}
	if r, _ := check(t, map[string]string{"t.conf": chain(5000, "  requires u0\n")}); r.code != 1 || !strings.Contains(r.all(), "cycle") || len(r.all()) > 8<<20 {
		t.Errorf("a cycle of 5,000: exit %d, %d bytes\n%.600s", r.code, len(r.all()), r.all())
	}
	if r, _ := check(t, map[string]string{"t.conf": chain(5000, "  conflicts u0\n")}); r.code != 1 || len(r.all()) > 8<<20 {
		t.Errorf("a conflict at depth 5,000: exit %d, %d bytes\n%.600s", r.code, len(r.all()), r.all())
	}
	files := map[string]string{}
	for f := range 8 {
		var b strings.Builder
		for i := f * 100; i < f*100+100; i++ {
			fmt.Fprintf(&b, "task u%d /bin/true\n", i)
			if i > 0 {
				b.WriteString("  requires")
				for j := range i {
					fmt.Fprintf(&b, " u%d", j)
				}
				b.WriteString("\n")
			}
		}
		files[fmt.Sprintf("%d.conf", f)] = b.String()
	}
	if r, _ := check(t, files); r.code != 0 {
		t.Errorf("a dense graph of 800: exit %d\n%.600s", r.code, r.all())
	}
}

// SPEC 6, 8: clients that wait are told when the end comes.
func TestF4_WaitersInTheEnd(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} sleep\n  ready fd 3\n  start-timeout 0\n  start manual\n"+svc("b"))
	in.settled("b")
	done := make(chan result, 3)
	go func() { done <- in.ctl("start", "a") }()
	go func() { done <- in.ctl("wait", "a") }()
	go func() { done <- in.ctl("events") }()
	in.state("a", "starting")
	in.until("the clients are connected", func() bool { return in.descriptors() < 0 || in.descriptors() > 8 })
	in.ok("shutdown")
	in.gone(3 * step)
	for range 3 {
		select {
		case r := <-done:
			if r.code < 0 {
				t.Errorf("a client does not end")
			}
		case <-time.After(3 * step):
			t.Fatal("a client does not end")
		}
	}
}

// SPEC 6: a start that an operator's stop overtakes is not done.
func TestF4_StopOvertakesStart(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} sleep\n  ready fd 3\n  start-timeout 0\n  start manual\n")
	done := make(chan result, 1)
	go func() { done <- in.ctl("start", "a") }()
	in.state("a", "starting")
	in.ok("stop", "a")
	select {
	case r := <-done:
		if r.code != 1 || r.err == "" {
			t.Errorf("start exits %d, expected 1 and a reason: %s", r.code, r.all())
		}
	case <-time.After(step):
		t.Fatal("start does not end")
	}
	in.is("a", "inactive")
}

// SPEC 6: clients that go away while they wait leave nothing.
func TestF1_ClientsThatGoAway(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} sleep\n  ready fd 3\n  start-timeout 0\n"+svc("b"))
	in.settled("b")
	for range 3 { // what the init opens once, for the ways in which it forks, is open
		in.ok("restart", "b")
	}
	before := in.descriptors()
	for i := range 300 {
		c := in.dial()
		fmt.Fprintf(c, "%s\n", []string{"wait running a", "events", "logs -f b", "start a", "restart b", "stat"}[i%6])
		c.Close()
	}
	in.until("the descriptors are no more than before", func() bool { return in.descriptors() <= before+1 })
	in.state("b", "running")
	in.flat()
}

// P5: an ignored CHLD that the init inherits must not lose exits (wait(2), NOTES).
func TestB1_IgnoredChildSignal(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Launch: []string{"-ignore", "CHLD", "-close"}}, "task t {V} exit 7\ntask r {V} report {D}/r\n"+svc("a", "restart always delay 0"))
	if u := in.state("t", "failed"); u.exitCode() != 7 {
		t.Errorf("exit code %d, expected 7", u.exitCode())
	}
	in.settled("a", "r")
	old := in.unit("a").pid()
	in.kill(old, syscall.SIGKILL)
	in.when("a", "is back", func(u Unit) bool { return u.State == "running" && u.pid() != old })
	if r := in.report("r"); r.Fds["0"] != "/dev/null" || !strings.HasPrefix(r.Fds["1"], "pipe:") || r.Fds["1"] != r.Fds["2"] {
		t.Errorf("descriptors are %v (the init was started without any)", r.Fds)
	}
	c := exec.Command(victimBin, "launch", "-ignore", "CHLD", "--", moteBin, "run", "--", victimBin, "exit", "7")
	c.SysProcAttr, c.Env = &syscall.SysProcAttr{Credential: credential()}, []string{marker}
	c.Run()
	if got := c.ProcessState.ExitCode(); got != 7 {
		t.Errorf("mote run exits %d, expected 7", got)
	}
}

// SPEC 1: PID 1 of another pid namespace is a container, by itself.
func TestG8_RoleByItself(t *testing.T) {
	t.Parallel()
	in := prepareInit(t, Options{Mode: container}, agentService+svc("a"))
	in.exec("init", "-s", "/ctl/sock", "-c", "/c")
	t.Cleanup(in.end)
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("a", "agent")
	in.contains(in.ok("status"), "container")
	in.contains(in.ok("version"), "container")
	in.ask("kill 1 TERM")
	if got := in.gone(2 * step); got != 0 {
		t.Errorf("exits %d, expected 0", got)
	}
	in.wantOrder("+a", "-a")
}

// SPEC 1: on a machine unknown words are ignored.
func TestG14_UnknownWords(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine, Args: []string{"auto", "quiet", "splash", "BOOT_IMAGE=/vmlinuz", "-z", "--nosuch", "mote.nosuch=1", "\xff"}}, svc("a"))
	in.settled("a")
	in.contains(in.ok("status"), "machine")
}

// DESIGN D2: a TERM at any moment from the first one on ends PID 1 in order
// and never by the signal.
func TestG3_TermFromTheFirstMoment(t *testing.T) {
	if data, err := os.ReadFile(moteBin); err != nil || !strings.Contains(string(data), "proc.overlayMarker") {
		t.Skip("needs the overlay: the Go runtime ends the program before main can ask for TERM (DESIGN D2)")
	}
	t.Parallel()
	in := prepareInit(t, Options{}, svc("a"))
	for i := range 40 {
		c := exec.Command(moteBin, "init", "--container", "-s", in.dir+"/ctl/sock", "-c", in.dir+"/c")
		c.SysProcAttr, c.Dir = namespaces(false), "/"
		c.Env = []string{marker, "PATH=/bin"}
		var out output
		c.Stdout, c.Stderr = &out, &out
		must(t, c.Start())
		done := make(chan error, 1)
		go func() { done <- c.Wait() }()
		end := time.Now().Add(2 * step)
		for over := false; !over; {
			syscall.Kill(c.Process.Pid, syscall.SIGTERM) // before the exec it is lost: PID 1 with the default action
			select {
			case <-done:
				over = true
			case <-time.After(time.Duration(i*20) * time.Microsecond):
				if time.Now().After(end) {
					c.Process.Kill()
					<-done
					t.Fatalf("run %d: TERM does not end it\n%s", i, out.text())
				}
			}
		}
		if c.ProcessState.ExitCode() != 0 {
			t.Fatalf("run %d: %v, expected exit status 0\n%s", i, c.ProcessState, out.text())
		}
	}
}

// SPEC 7: the socket that HUP binds again has the mode of the first one.
func TestF6_ModeAfterHup(t *testing.T) {
	t.Parallel()
	in := start(t, "option ctl-read all\n"+svc("a"))
	in.settled("a")
	must(t, os.Remove(in.sock))
	in.signal(hup)
	in.until("the socket is back", func() bool { return in.ctl("ping").code == 0 })
	st, err := os.Stat(in.sock)
	must(t, err)
	if st.Mode().Perm() != 0o666 {
		t.Errorf("the socket has mode %o, expected 666", st.Mode().Perm())
	}
}
