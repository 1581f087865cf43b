package ctl

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// errNone keeps an out from writing: what it gathers stays in its buffer.
var errNone = errors.New("not written")

// TestReaderGone: the client ends quietly when nobody reads its output any
// more, with the status of what it did, and a stream ends at once even when
// nothing comes.
func TestReaderGone(t *testing.T) {
	f := startFake(t, map[string]string{
		"logs -f web": reply("log|web|1|x")[:len(wire("log|web|1|x"))] + hangs,
		"events":      hangs,
		"list":        reply(router...),
		"status db":   reply(unitLine("db")),
		"start x":     wire("stopped|y", "err|1|no"),
	})
	for _, c := range []struct {
		args   string
		code   int
		errOut string
	}{
		{"logs -f web", OK, ""}, {"events", OK, ""}, {"list", OK, ""}, {"status db", TimedOut, ""}, {"start x", Failed, "motectl: no\n"},
	} {
		r, w := pipe(t)
		r.Close()
		errR, errW := pipe(t)
		env := testEnv("MOTE_SOCKET=" + f.path)
		env.Stdout, env.Stderr = int(w.Fd()), int(errW.Fd())
		done := make(chan int, 1)
		go func() { done <- run(strings.Fields(c.args), env, noKernel(t)) }()
		select {
		case code := <-done:
			errW.Close()
			b := make([]byte, 4096)
			n, _ := errR.Read(b)
			if code != c.code || string(b[:n]) != c.errOut {
				t.Errorf("%s: exit %d, stderr %q", c.args, code, b[:n])
			}
		case <-time.After(patience):
			t.Fatalf("%s goes on without a reader", c.args)
		}
	}
}

// TestFullDisk: an output that takes nothing is a failure with its reason.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	f := startFake(t, map[string]string{"list": reply(router...), "list x": "ok\n"})
	for _, args := range []string{"list", "list --json", "help"} {
		errR, errW := pipe(t)
		env := testEnv("MOTE_SOCKET=" + f.path)
		env.Stdout, env.Stderr = int(full.Fd()), int(errW.Fd())
		code := run(strings.Fields(args), env, noKernel(t))
		errW.Close()
		b := make([]byte, 4096)
		n, _ := errR.Read(b)
		if code != Failed || string(b[:n]) != "motectl: cannot write: no space left on device\n" {
			t.Errorf("%s: exit %d, stderr %q", args, code, b[:n])
		}
	}
}

// TestFollowIsPrompt: a line of a stream is written when it comes, not when
// the buffer is full.
func TestFollowIsPrompt(t *testing.T) {
	f := startFake(t, map[string]string{"logs -f web": wire("log|web|1767323042123|first") + hangs})
	r, w := pipe(t)
	env := testEnv("MOTE_SOCKET=" + f.path)
	env.Stdout, env.Stderr = int(w.Fd()), int(w.Fd())
	done := make(chan int, 1)
	go func() { done <- run([]string{"logs", "-f", "web"}, env, noKernel(t)) }()
	r.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	n, err := r.Read(b)
	if want := "2026-01-02T03:04:02.123Z first\n"; err != nil || string(b[:n]) != want {
		t.Errorf("read %q, %v", b[:n], err)
	}
	r.Close()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("the client goes on without a reader")
	}
}

// TestManyUnits: a long chain of units neither hangs nor floods.
func TestManyUnits(t *testing.T) {
	var b []byte
	const n = 20000
	for i := range n {
		b = appendLine(b, "unit", "name", "u"+itoa(i), "kind", "service", "state", "running", "requires", "u"+itoa(i+1))
	}
	f := startFake(t, map[string]string{"list": string(b) + "ok\n"})
	for _, verb := range []string{"list", "tree", "graph"} {
		begin := used(t)
		r := runClient(t, noKernel(t), testEnv(), "-s", f.path, verb)
		asJSON := runClient(t, noKernel(t), testEnv(), "-s", f.path, verb, "--json")
		if r.code != OK || asJSON.code != OK {
			t.Errorf("%s: exit %d %q", verb, r.code, r.errOut)
		}
		if verb == "tree" && len(r.out) > n*(maxDepth*4+60) {
			t.Errorf("a chain of %d is %d bytes", n, len(r.out))
		}
		if verb == "tree" && strings.Count(asJSON.out, `"name"`) != n+1 {
			t.Errorf("the JSON tree has %d names", strings.Count(asJSON.out, `"name"`))
		}
		if took := used(t) - begin; took > 5*time.Second {
			t.Errorf("%s took %v", verb, took)
		}
	}
}

// used is how long this process has had the processor, which does not depend on
// what else the machine does.
func used(t *testing.T) time.Duration {
	t.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// TestTreeShapes: cycles, repeats and what has no root, each unit's branches
// once.
func TestTreeShapes(t *testing.T) {
	f := startFake(t, map[string]string{"list": reply(
		"unit|name|a|state|failed|requires|b", "unit|name|b|state|failed|requires|c", "unit|name|c|state|failed|requires|a",
		"unit|name|self|state|failed|requires|self", "unit|name|top|state|running|wants|x self|requires|x",
		"unit|name|x|state|running|wants|deep", "unit|name|deep|state|running", "unit|name|other|state|running|requires|x",
		"unit|name|hangs-on|state|blocked|after|x|wants|a")})
	var all strings.Builder
	for _, args := range [][]string{{"tree"}, {"tree", "b"}, {"tree", "deep"}} {
		write(&all, args, runClient(t, noKernel(t), testEnv("MOTE_SOCKET="+f.path, "LANG=C.UTF-8"), args...))
	}
	golden(t, "tree", all.String())
}
