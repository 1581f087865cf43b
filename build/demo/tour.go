package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	address  = "10.0.2.80"
	page     = "This page is served under mote"
	greeting = "hello from mote"
)

// tour shows the running system step by step and checks each step.
type tour struct {
	w        io.Writer
	up       bool // an init answers
	shown    []string
	units    int
	startup  time.Duration // exec of the init to the last unit that start waits for
	teardown time.Duration
}

func newTour(w io.Writer) *tour { return &tour{w: w} }

// say runs the client as a user would, shows command and answer, and fails
// when the exit status is not 0 or a wanted piece of text is missing.
func (t *tour) say(wants []string, args ...string) error {
	out, code, err := motectl(args...)
	fmt.Fprintf(t.w, "\n$ motectl %s\n%s", strings.Join(args, " "), out)
	if err != nil || code != 0 {
		return fmt.Errorf("motectl %s: exit %d, %v", strings.Join(args, " "), code, err)
	}
	for _, s := range wants {
		if !strings.Contains(out, s) {
			return fmt.Errorf("motectl %s: %q is not in the answer", strings.Join(args, " "), s)
		}
	}
	t.did(args[0])
	return nil
}

// did notes what was shown, once.
func (t *tour) did(what string) {
	if !slices.Contains(t.shown, what) {
		t.shown = append(t.shown, what)
	}
}

// start waits until the init answers and everything a visitor needs is up.
// gone, which may be nil, tells that the init has ended.
func (t *tour) start(began time.Time, gone chan error) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-gone:
			gone <- err // for whoever waits for the end
			return fmt.Errorf("the init ended before it answered: %v", err)
		default:
		}
		if _, code, err := motectl("ping"); err == nil && code == 0 {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("no init answers at the socket after %s", patience)
		}
	}
	t.up = true
	out, code, err := motectl("wait", "online")
	if err != nil || code != 0 {
		all, _, _ := motectl("status")
		return fmt.Errorf("online: exit %d, %v: %s%s", code, err, out, all)
	}
	t.startup = time.Since(began)
	_, err = until("stubborn", "running", func(u unit) bool { return u.State == "running" })
	return err
}

// show goes through what the system can show while it is up.
func (t *tour) show() error {
	units, err := list()
	if err != nil {
		return err
	}
	t.units = len(units)
	for _, step := range []func() error{
		func() error { return t.say([]string{"web", "db", "standby", "stubborn"}, "list") },
		func() error { return states(units) },
		func() error { return t.say([]string{"web", "netup"}, "tree") },
		func() error { return t.say([]string{"web"}, "why", "standby") },
		func() error { return t.say([]string{greeting}, "logs", "-n", "5", "dbclient") },
		func() error { return t.say([]string{"TERM"}, "logs", "-n", "5", "stubborn") },
		t.fetch,
		t.kill,
		t.crash,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// wantStates is what the configuration says of the units once start is over. The
// one that crashes may be anywhere in its circle.
var wantStates = map[string]string{
	"syslogd": "running", "netup": "exited", "web": "running", "db": "running",
	"dbclient": "exited", "online": "running", "stubborn": "running", "standby": "blocked",
}

// states holds the units to that.
func states(units map[string]unit) error {
	var bad []error
	for _, name := range slices.Sorted(maps.Keys(wantStates)) {
		if got := units[name].State; got != wantStates[name] {
			bad = append(bad, fmt.Errorf("%s is %q: it should be %s", name, got, wantStates[name]))
		}
	}
	return errors.Join(bad...)
}

// get fetches the page of the web server; HTTP/1.0 ends with the connection.
func get() (string, error) {
	c, err := net.DialTimeout("tcp", address+":80", patience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\nHost: demo\r\n\r\n"); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

func (t *tour) fetch() error {
	text, err := get()
	if err != nil {
		return fmt.Errorf("cannot fetch the page: %w", err)
	}
	fmt.Fprintf(t.w, "\n> GET http://%s/\n%s", address, text)
	if !strings.HasPrefix(text, "HTTP/1") || !strings.Contains(text, page) {
		return fmt.Errorf("the page does not say %q", page)
	}
	t.did("page")
	return nil
}

// kill ends the web server behind mote's back, and fetches the page again
// when the new one is up.
func (t *tour) kill() error {
	units, err := list()
	if err != nil {
		return err
	}
	old := units["web"]
	if old.Pid == nil {
		return errors.New("web has no pid")
	}
	began := time.Now()
	if err := t.say(nil, "kill", "web", "KILL"); err != nil {
		return err
	}
	now, err := until("web", "running again with a new pid", func(u unit) bool {
		return u.State == "running" && u.Pid != nil && *u.Pid != *old.Pid
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.w, "web: pid %d was killed, pid %d runs %s later, restarts %d\n",
		*old.Pid, *now.Pid, time.Since(began).Round(time.Millisecond), now.Restarts)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		text, err := get()
		if err == nil && strings.Contains(text, page) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("no page from the new web server: %v", err)
		}
	}
}

// crash waits for the service that crashes by itself.
func (t *tour) crash() error {
	if _, err := until("flaky", "started again", func(u unit) bool { return u.Restarts > 0 }); err != nil {
		return err
	}
	out, _, err := motectl("status", "flaky") // its exit status tells the state of the moment
	fmt.Fprintf(t.w, "\n$ motectl status flaky\n%s", out)
	if err == nil && !strings.Contains(out, "I give up") {
		err = errors.New("status flaky: its last words are not in the answer")
	}
	t.did("crash")
	return err
}

// shutdown ends the init, which gone tells about, and checks the order.
func (t *tour) shutdown(gone <-chan error) error {
	changes, err := watch(socket)
	if err != nil {
		return err
	}
	began := time.Now()
	fmt.Fprintf(t.w, "\n$ motectl shutdown\n")
	out, code, err := motectl("shutdown")
	fmt.Fprint(t.w, out)
	if err != nil || code != 0 {
		return fmt.Errorf("motectl shutdown: exit %d, %v", code, err)
	}
	select {
	case err := <-gone:
		if err != nil {
			return fmt.Errorf("the init ended with %v: it should exit 0", err)
		}
	case <-time.After(patience):
		return fmt.Errorf("the init still lives %s after the shutdown", patience)
	}
	t.teardown = time.Since(began)
	all := <-changes
	for _, c := range all {
		fmt.Fprintf(t.w, "%6d ms  %-9s %s -> %s\n", c.at.Sub(began).Milliseconds(), c.name, c.from, c.to)
	}
	t.did("shutdown in order")
	return ordered(all)
}

// ordered checks that what needs another unit was gone before the other one
// was asked to stop.
func ordered(all []change) error {
	first, last := map[string]int{}, map[string]int{}
	for i, c := range all {
		if _, ok := first[c.name]; !ok {
			first[c.name] = i
		}
		last[c.name] = i
	}
	for _, pair := range [][2]string{{"online", "web"}, {"web", "syslogd"}, {"db", "syslogd"}} {
		a, ok := last[pair[0]]
		b, ok2 := first[pair[1]]
		if !ok || !ok2 || a > b {
			return fmt.Errorf("%s should be down before %s stops: the events say otherwise", pair[0], pair[1])
		}
	}
	return nil
}

// closing is the last line.
func (t *tour) closing() {
	fmt.Fprintf(t.w, "\ndemo: ok: %d units; shown: %s; start %d ms, stop %d ms\n",
		t.units, strings.Join(t.shown, ", "), t.startup.Milliseconds(), t.teardown.Milliseconds())
}

// tourUnit is the tour as a unit under QEMU. With -poweroff it switches the
// machine off at the end; how long that takes the harness sees from outside.
func tourUnit(args []string) error {
	t := newTour(os.Stdout)
	began := time.Now()
	err := t.start(began, nil)
	if err == nil {
		err = t.show()
	}
	if err != nil {
		fmt.Fprintf(t.w, "\ndemo: FAILED: %v\n", err)
	} else {
		fmt.Fprintf(t.w, "\ndemo: ok: %d units; shown: %s; up %s after the kernel began\n",
			t.units, strings.Join(t.shown, ", "), uptime())
	}
	if len(args) > 0 && args[0] == "-poweroff" {
		fmt.Fprintln(t.w, "\n$ motectl poweroff")
		if out, code, e := motectl("poweroff"); e != nil || code != 0 {
			err = errors.Join(err, fmt.Errorf("motectl poweroff: exit %d, %v: %s", code, e, out))
		}
	}
	return err
}

// uptime is the kernel's age, proc_uptime(5).
func uptime() string {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return "?"
	}
	s, _, _ := strings.Cut(string(b), " ")
	return s + " s"
}
