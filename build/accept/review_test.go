package accept

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Cases that a review of the init found, each with the promise that it is about.

// terminalRun is /bin/sh on a terminal of its own, with what it shows.
type terminalRun struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	out  output
	done sync.WaitGroup
}

func onTerminal(t *testing.T, script string) *terminalRun {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh")
	}
	m, path := openPty(t)
	s, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	r := &terminalRun{t: t, tty: m, cmd: exec.Command("/bin/sh", "-c", script)}
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr, r.cmd.Dir = s, s, s, "/"
	r.cmd.Env = []string{"PATH=/usr/bin:/bin", marker}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Credential: credential()}
	must(t, r.cmd.Start())
	s.Close()
	r.done.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := m.Read(buf)
			r.out.Write(buf[:n])
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
		r.cmd.Process.Kill()
		r.cmd.Wait()
		m.Close()
		r.done.Wait()
	})
	return r
}

// expect waits until the terminal has shown a text.
func (r *terminalRun) expect(text string) {
	r.t.Helper()
	for end := time.Now().Add(step); !strings.Contains(r.out.text(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%q does not come; the terminal shows:\n%s", text, r.out.text())
		}
	}
}

func (r *terminalRun) key(text string) {
	r.t.Helper()
	_, err := r.tty.Write([]byte(text))
	must(r.t, err)
}

// SPEC 1: a script that calls the wrapper can use the terminal again.
func TestG9_TerminalIsGivenBack(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, moteBin+" run -- "+victimBin+" print ran; read x; echo got $x")
	r.expect("ran")
	r.key("hello\n")
	r.expect("got hello")
}

// SPEC 1: the wrapper is a job of its shell as the command would be: ^Z stops
// both, fg gives the command the terminal again, ^C ends it.
func TestG9_JobControl(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, "set -m; "+moteBin+" run -- "+victimBin+" print ran , sleep; echo rc=$?; fg; echo rc=$?")
	r.expect("ran")
	r.key("\x1a")
	r.expect("rc=148")
	r.goesOn()
	r.key("\x03")
	r.expect("rc=130")
}

// goesOn waits until the victim on the terminal is stopped no more. The wrapper
// gives it the terminal before that.
func (r *terminalRun) goesOn() {
	r.t.Helper()
	sid, state := strconv.Itoa(r.cmd.Process.Pid), ""
	for end := time.Now().Add(step); state == "" || state == "T"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("the command is in state %q; the terminal shows:\n%s", state, r.out.text())
		}
		state = ""
		all, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, path := range all {
			data, _ := os.ReadFile(path)
			_, rest, _ := strings.Cut(string(data), " (victim) ")
			if f := strings.Fields(rest); len(f) > 3 && f[3] == sid {
				state = f[0]
			}
		}
	}
}

// SPEC 1: started in the background it leaves the terminal to its shell.
func TestG9_InTheBackground(t *testing.T) {
	t.Parallel()
	r := onTerminal(t, "set -m; "+moteBin+" run -- "+victimBin+" print ran , sleep & read x; echo got $x; kill %1; wait %1; echo rc=$?")
	r.expect("ran")
	r.key("hello\n")
	r.expect("got hello")
	r.expect("rc=143")
}

// SPEC 6: ten thousand requests at once on one connection, and their answers.
func TestF1_PipelinedRequests(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	c := in.dial()
	defer c.Close()
	const n = 10000
	go c.Write([]byte(strings.Repeat("status a\n", n)))
	c.SetDeadline(time.Now().Add(6 * step))
	got, buf, last := 0, make([]byte, 64<<10), ""
	for got < n {
		k, err := c.Read(buf)
		if err != nil {
			t.Fatalf("%d of %d answers: %v", got, n, err)
		}
		text := last + string(buf[:k])
		got += strings.Count(text, "\nok\n")
		last = text[max(0, len(text)-3):]
	}
	in.flat()
}

// SPEC 5, 7: a reload that makes a schedule shorter while it is under way, and
// then the end.
func TestG10_ShorterScheduleWhileStopping(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} ignore TERM,INT,QUIT , ready 3 , sleep\n  ready fd 3\n  stop TERM 50ms INT 50ms QUIT 1h\n")
	in.settled("a")
	in.ok("stop", "--no-wait", "a")
	time.Sleep(300 * time.Millisecond) // nothing tells which signal it is at
	in.write("c/test.conf", in.expand("service a {V} ignore TERM,INT,QUIT , ready 3 , sleep\n  ready fd 3\n  stop TERM 1h\n"))
	in.ok("reload")
	in.signal(syscall.SIGTERM)
	if got := in.gone(3 * step); got != 0 {
		t.Errorf("exits %d\n%s", got, in.out.text())
	}
}

// SPEC 6: a unit that is connected with all others can be shown.
func TestF10_ManyNames(t *testing.T) {
	t.Parallel()
	const n = 3000
	var b strings.Builder
	b.WriteString(svc("a") + "target hub\n  start manual\n")
	for i := range n {
		fmt.Fprintf(&b, "  wants a-rather-long-name-for-a-unit-%d\n", i)
	}
	for i := range n {
		fmt.Fprintf(&b, "task a-rather-long-name-for-a-unit-%d /bin/true\n  start manual\n", i)
	}
	in := start(t, b.String())
	in.settled("a")
	if u := in.unit("hub"); len(u.Wants) != n {
		t.Errorf("hub wants %d", len(u.Wants))
	}
	if got := len(in.units()); got != n+2 {
		t.Errorf("list has %d units", got)
	}
}

// ticks is the processor time that the init has had, in 1/100 s.
func (in *Init) ticks() (n int) {
	in.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", in.pid()))
	must(in.t, err)
	f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	for _, v := range f[11:13] {
		k, err := strconv.Atoi(v)
		must(in.t, err)
		n += k
	}
	return n
}

// SPEC 6: clients leave a service its descriptors, and the loop sleeps though
// the limit is reached.
func TestF1_FewDescriptors(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Launch: []string{"-nofile", "40"}}, svc("a"))
	in.settled("a")
	for range 60 {
		c := in.dial()
		defer c.Close()
	}
	before := in.ticks()
	time.Sleep(500 * time.Millisecond)
	if used := in.ticks() - before; used > 20 {
		t.Errorf("the init took %d ticks of half a second", used)
	}
	old := in.unit("a").pid()
	in.kill(old, syscall.SIGKILL)
	in.when("a", "is back", func(u Unit) bool { return u.State == "running" && u.pid() != old })
}

// SPEC 1: a unit of -t that is not there.
func TestG25_UnknownTarget(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Args: []string{"-t", "nosuch"}, NoWait: true}, svc("a"))
	if got := in.gone(step); got != 1 || !strings.Contains(in.out.text(), "nosuch") {
		t.Errorf("exits %d\n%s", got, in.out.text())
	}
	in = startWith(t, Options{Mode: machine, Args: []string{"-t", "nosuch"}}, svc("a"))
	in.settled("a")
}
