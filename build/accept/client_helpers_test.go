package accept

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// result is what the client gave.
type result struct {
	out, err string
	code     int
}

func (r result) all() string { return r.out + r.err }

// ctl runs the client and gives what came; -1 is a client that did not end
// within twice the step's deadline.
func (in *Init) ctl(args ...string) result {
	in.t.Helper()
	if in.opt.Mode == rooted || in.opt.AsRoot {
		return in.ctlAs(0, args...)
	}
	return in.ctlAs(uid, args...)
}

// ctlAs is ctl as another user.
func (in *Init) ctlAs(as int, args ...string) result {
	in.t.Helper()
	return client(in.t, as, []string{"NO_COLOR=1"}, append([]string{"-s", in.sock}, args...)...)
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

// client runs the client with no socket given.
func client(t failer, as int, env []string, args ...string) result {
	t.Helper()
	return program(t, as, env, clientBin, args...)
}

func program(t failer, as int, env []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*step)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr, c.Env, c.Dir = &out, &errs, append([]string{"PATH=/usr/bin:/bin", marker}, env...), "/"
	if asRoot {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(as), Gid: uint32(as)}}
	}
	err := c.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("cannot run the client: %v", err)
	}
	r := result{out.String(), errs.String(), c.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		r.code = -1
	}
	return r
}

// must runs the client and wants one exit status; it gives both outputs.
func (in *Init) must(code int, args ...string) string {
	in.t.Helper()
	r := in.ctl(args...)
	if r.code != code {
		in.t.Fatalf("%q exits %d, want %d\nstdout: %.2000s\nstderr: %.2000s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	return r.all()
}

// ok is must with exit status 0.
func (in *Init) ok(args ...string) string {
	in.t.Helper()
	return in.must(0, args...)
}

// Names is a list of unit names in JSON.
type Names []string

// Unit is one element of list --json and status --json (SPEC 6).
type Unit struct {
	Name        string
	Kind        string
	Class       string
	State       string
	Want        string
	Pid         *int
	Ready       bool
	Since       *string
	UptimeMs    *int64 `json:"uptime_ms"`
	Restarts    int
	ExitCode    *int    `json:"exit_code"`
	ExitSignal  *string `json:"exit_signal"`
	Reason      *string
	WaitingOn   Names `json:"waiting_on"`
	Requires    Names
	Wants       Names
	After       Names
	Conflicts   Names
	Description *string

	Health           *string
	HealthMs         *int64  `json:"health_ms"`
	HealthAgeMs      *int64  `json:"health_age_ms"`
	HealthFailures   *int    `json:"health_failures"`
	HealthError      *string `json:"health_error"`
	HealthErrorAgeMs *int64  `json:"health_error_age_ms"`
}

// health gives the state of a unit's checks and what the last one that failed said.
func (u Unit) health() (state, failed string) {
	if u.Health != nil {
		state = *u.Health
	}
	if u.HealthError != nil {
		failed = *u.HealthError
	}
	return state, failed
}

func (u Unit) reason() string {
	if u.Reason == nil {
		return ""
	}
	return *u.Reason
}

func (u Unit) pid() int {
	if u.Pid == nil {
		return 0
	}
	return *u.Pid
}

func (u Unit) exitCode() int {
	if u.ExitCode == nil {
		return -1
	}
	return *u.ExitCode
}

// units decodes list --json.
func (in *Init) units() []Unit {
	in.t.Helper()
	r := in.ctl("--json", "list")
	var all []Unit
	if err := json.Unmarshal([]byte(r.out), &all); err != nil {
		in.t.Fatalf("list --json: exit %d, %v\n%.1000s%.1000s", r.code, err, r.out, r.err)
	}
	return all
}

// unit decodes status --json of one unit.
func (in *Init) unit(name string) Unit {
	in.t.Helper()
	r := in.ctl("--json", "status", name)
	var all []Unit
	if err := json.Unmarshal([]byte(r.out), &all); err != nil || len(all) != 1 {
		in.t.Fatalf("status --json %s: exit %d, %d units, %v\n%.1000s%.1000s", name, r.code, len(all), err, r.out, r.err)
	}
	if all[0].Name != name {
		in.t.Fatalf("status --json %s speaks of %q", name, all[0].Name)
	}
	return all[0]
}

// until waits for a condition; the step's deadline is its limit.
func (in *Init) until(what string, f func() bool) {
	in.t.Helper()
	end := time.Now().Add(step)
	for !f() {
		if time.Now().After(end) {
			in.t.Fatalf("after %v still not: %s", step, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// state waits until a unit is in a state, and gives the unit.
func (in *Init) state(name, state string) Unit {
	in.t.Helper()
	return in.when(name, "is "+state, func(u Unit) bool { return u.State == state })
}

// when waits until a unit meets a condition, and gives it.
func (in *Init) when(name, what string, f func(Unit) bool) Unit {
	in.t.Helper()
	end := time.Now().Add(step)
	for {
		u := in.unit(name)
		if f(u) {
			return u
		}
		if time.Now().After(end) {
			in.t.Fatalf("after %v still not: %s %s; it is %s (want %s, %q, waits for %v, restarts %d)", step, name, what, u.State, u.Want, u.reason(), u.WaitingOn, u.Restarts)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// is fails unless a unit is in a state now.
func (in *Init) is(name, state string) Unit {
	in.t.Helper()
	u := in.unit(name)
	if u.State != state {
		in.t.Fatalf("%s is %s (want %s, %q), expected %s", name, u.State, u.Want, u.reason(), state)
	}
	return u
}

// settled waits until every named unit is up: running, or done.
func (in *Init) settled(names ...string) {
	in.t.Helper()
	in.ok(append([]string{"wait", "--for", "satisfied"}, names...)...)
}

// lines reads a file of the case's folder; a missing one has none.
func (in *Init) lines(name string) []string {
	in.t.Helper()
	data, err := os.ReadFile(in.dir + "/w/" + name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	must(in.t, err)
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// order reads the file "order", that unit and append write.
func (in *Init) order() []string { return in.lines("order") }

// wantOrder waits until the file "order" is exactly so.
func (in *Init) wantOrder(want ...string) {
	in.t.Helper()
	end := time.Now().Add(step)
	for {
		got := in.order()
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			in.t.Fatalf("order is %v, want %v", got, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// wantFirst fails unless each word is in the file "order", in this sequence.
func (in *Init) wantFirst(words ...string) {
	in.t.Helper()
	got, from := in.order(), 0
	for _, w := range words {
		i := slices.Index(got[from:], w)
		if i < 0 {
			in.t.Fatalf("order is %v, want %v in this sequence", got, words)
		}
		from += i + 1
	}
}

// clearOrder empties the file "order".
func (in *Init) clearOrder() {
	in.t.Helper()
	if err := os.Truncate(in.dir+"/w/order", 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		in.t.Fatal(err)
	}
}

// touch makes an empty file in the case's folder.
func (in *Init) touch(name string) {
	in.t.Helper()
	in.write("w/"+name, "")
}

// appears waits until a file of the case's folder has n lines, and gives them.
func (in *Init) appears(name string, n int) []string {
	in.t.Helper()
	var got []string
	in.until("the file "+name+" has its lines", func() bool { got = in.lines(name); return len(got) >= n && got[0] != "" })
	return got
}

// alive reports whether a process lives; a zombie does not.
func alive(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(data, ')')
	return i > 0 && !strings.HasPrefix(string(data[i+1:]), " Z")
}

// kill sends a signal to a process of a case in the supervisor role.
func (in *Init) kill(pid int, s syscall.Signal) {
	in.t.Helper()
	if pid < 2 {
		in.t.Fatalf("no pid to signal: %d", pid)
	}
	must(in.t, syscall.Kill(pid, s))
}

// dial opens a raw connection to the socket, as the init's own user could.
func (in *Init) dial() net.Conn {
	in.t.Helper()
	var c net.Conn
	in.until("the socket takes a connection", func() bool {
		var err error
		c, err = net.Dial("unix", in.sock) // EAGAIN while the backlog is full
		return err == nil
	})
	return c
}

// contains fails unless a text has each of the words.
func (in *Init) contains(text string, words ...string) {
	in.t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			in.t.Fatalf("%q is not in:\n%.3000s", w, text)
		}
	}
}

// order asks the agent of a root folder: "kill PID SIG" or "run CMD ARG...".
func (in *Init) ask(order string) string {
	in.t.Helper()
	var c net.Conn
	in.until("the agent answers", func() bool {
		var err error
		c, err = net.Dial("unix", in.dir+"/w/agent")
		return err == nil
	})
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * step))
	c.Write([]byte(order + "\n"))
	buf := make([]byte, 64<<10)
	n, _ := c.Read(buf)
	return strings.TrimSpace(string(buf[:n]))
}
