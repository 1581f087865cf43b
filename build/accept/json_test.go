package accept

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// stableKeys are those of SPEC 6.
var stableKeys = strings.Fields("name kind class state want pid ready since uptime_ms restarts exit_code exit_signal reason waiting_on " +
	"requires wants after conflicts memory_bytes cpu_ms description listen " +
	"health health_ms health_age_ms health_failures health_error health_error_age_ms " +
	"status_text reloading errno ready_error stored_fds oom_kills next_ms")

// SPEC 6: --json of every verb that prints.
func TestF10_JSON(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} print 'a \"quoted\" line' , sleep\n  description The first\n  after b\n  wants b\n"+svc("b")+
		"service bad {V} exit 4\n  restart never\n"+svc("blocked", "requires gate")+"task gate {V} waitfile {D}/never\n"+
		svc("enemy", "conflicts a", "start manual")+"task skip {V} exit 0\n  if exists /no/such\ntarget t\n  requires a\n")
	in.settled("a", "b", "skip", "t")
	in.state("bad", "failed")
	in.state("blocked", "blocked")
	for _, v := range [][]string{{"list"}, {"status"}, {"status", "a", "bad"}, {"why", "blocked"}, {"why", "a"}, {"tree"}, {"tree", "a"}, {"logs"}, {"logs", "a"},
		{"show", "a"}, {"help"}, {"help", "start"}, {"help", "restart"}, {"version"}, {"ping"}, {"stop", "b"}, {"start", "b"}, {"restart", "b"},
		{"wait", "a"}, {"kill", "b", "CONT"}, {"start-all"}, {"check", in.dir + "/c"}} {
		r := in.ctl(append([]string{"--json"}, v...)...)
		for _, o := range decodeAll(t, r.out) {
			if o == nil {
				t.Errorf("%v prints null", v)
			}
		}
		if r.out == "" && !strings.Contains("stop start restart wait kill start-all ping", v[0]) {
			t.Errorf("%v prints nothing: %s", v, r.err)
		}
	}
	for _, v := range [][]string{{"list"}, {"status", "a", "b"}} {
		var all []map[string]any
		if err := json.Unmarshal([]byte(in.ctl(append([]string{"--json"}, v...)...).out), &all); err != nil {
			t.Fatalf("%v is no array of units: %v", v, err)
		}
		for _, u := range all {
			checkKeys(t, u)
		}
	}
	for _, u := range in.units() {
		checkUnit(t, u)
	}
}

func checkKeys(t *testing.T, u map[string]any) {
	t.Helper()
	for _, k := range stableKeys {
		if _, ok := u[k]; !ok {
			t.Errorf("%v has no key %s", u["name"], k)
		}
	}
	for _, k := range []string{"waiting_on", "requires", "wants", "after", "conflicts"} {
		if _, ok := u[k].([]any); !ok {
			t.Errorf("%v: %s is %v, expected an array", u["name"], k, u[k])
		}
	}
	for _, k := range []string{"pid", "uptime_ms", "restarts", "exit_code", "memory_bytes", "cpu_ms", "health_ms", "health_age_ms", "health_failures", "health_error_age_ms", "stored_fds", "oom_kills", "next_ms"} {
		if n, ok := u[k].(float64); u[k] != nil && (!ok || n != float64(int64(n))) {
			t.Errorf("%v: %s is %v, expected an integer or null", u["name"], k, u[k])
		}
	}
	if s, ok := u["since"].(string); u["since"] != nil {
		if _, err := time.Parse(time.RFC3339Nano, s); !ok || err != nil || !strings.HasSuffix(s, "Z") {
			t.Errorf("%v: since is %v, expected RFC 3339 UTC", u["name"], u["since"])
		}
	}
}

// checkUnit compares a unit of TestF10_JSON with what is known of it.
func checkUnit(t *testing.T, u Unit) {
	t.Helper()
	switch u.Name {
	case "a":
		if u.Kind != "service" || u.Class != "user" || u.State != "running" || u.Want != "up" || u.Pid == nil || !u.Ready || u.UptimeMs == nil ||
			u.ExitCode != nil || u.ExitSignal != nil || u.Description == nil || *u.Description != "The first" || len(u.Wants) != 1 || u.Wants[0] != "b" {
			t.Errorf("a is %+v", u)
		}
	case "bad":
		if u.Pid != nil || u.Ready || u.exitCode() != 4 || u.reason() == "" || u.UptimeMs != nil {
			t.Errorf("bad is %+v", u)
		}
	case "blocked":
		if len(u.WaitingOn) != 1 || u.WaitingOn[0] != "gate" || u.Pid != nil {
			t.Errorf("blocked is %+v", u)
		}
	case "t":
		if u.Kind != "target" || u.Pid != nil || u.State != "running" {
			t.Errorf("t is %+v", u)
		}
	case "gate":
		if u.Kind != "task" || u.State != "starting" || u.Ready {
			t.Errorf("gate is %+v", u)
		}
	}
}

// SPEC 6: the texts of the verbs that only print.
func TestF10_Texts(t *testing.T) {
	t.Parallel()
	in := start(t, svc("web", "requires net", "description The pages")+job("net")+svc("late", "requires gate")+"task gate {V} waitfile {D}/never\n")
	in.settled("web", "net")
	in.contains(in.ok("list"), "web", "running", "net", "exited", "late", "blocked", "gate")
	in.contains(in.must(3, "status", "web", "late"), "web", "late", "running", "blocked", "The pages")
	in.contains(in.ok("why", "late"), "gate")
	in.contains(in.ok("why", "net"), "web")
	in.contains(in.ok("tree"), "web", "net", "late")
	in.contains(in.ok("tree", "web"), "web", "net")
	in.contains(in.ok("version"), "mote", "go1.")
	in.contains(in.ok("help"), "start", "status", "why")
	in.contains(in.ok("help", "requires"), "requires")
	in.contains(in.ok("help", "start"), "start")
	in.ok("help", "start-timeout")
	in.must(2, "help", "nosuchthing")
	w := in.watch()
	in.ok("restart", "web")
	w.until("web", "stopping")
	w.until("web", "running")
	if s := w.states("web"); !strings.HasPrefix(s, "stopping") || !strings.HasSuffix(s, "starting running") {
		t.Errorf("web went %q", s)
	}
}

// SPEC 6: list has each unit once, and status without a name the system.
func TestF10_Status(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+"service bad {V} print 'the last words' , exit 9\n  restart never\n")
	in.settled("a")
	in.state("bad", "failed")
	in.contains(in.ok("status"), "supervisor", "bad", "9")
	in.until("the last words are shown", func() bool { return strings.Contains(in.ctl("status", "bad").out, "the last words") })
	if n := len(in.units()); n != 2 {
		t.Errorf("%d units, expected 2", n)
	}
}

// terminal runs the client with a terminal of 80 columns as its output, and
// NO_COLOR, and gives what came there.
func (in *Init) terminal(args ...string) string {
	in.t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		in.t.Skip("needs /dev/ptmx")
	}
	must(in.t, err)
	defer m.Close()
	var n, unlock uint32
	ioctl := func(req, arg uintptr) {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, m.Fd(), req, arg); e != 0 {
			in.t.Fatalf("ioctl: %v", e)
		}
	}
	ioctl(syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock)))
	ioctl(syscall.TIOCGPTN, uintptr(unsafe.Pointer(&n)))
	size := [4]uint16{25, 80}
	ioctl(syscall.TIOCSWINSZ, uintptr(unsafe.Pointer(&size)))
	s, err := os.OpenFile("/dev/pts/"+strconv.Itoa(int(n)), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(in.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*step)
	defer cancel()
	c := exec.CommandContext(ctx, clientBin, append([]string{"-s", in.sock}, args...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
	c.Env = []string{"NO_COLOR=1", "TERM=xterm", marker}
	c.Stdout, c.Stderr = s, s
	must(in.t, c.Start())
	s.Close()
	var out bytes.Buffer
	io.Copy(&out, m) // EIO when the last writer is gone
	c.Wait()
	return out.String()
}
