package accept

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The key on-demand: no process before the first connection, which is answered
// by the process that it starts.
func TestDemandFirstConnection(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	in := start(t, "service a {V} append {D}/runs run , serve\n  listen tcp :"+port+"\n  listen unix {D}/s\n  on-demand\n"+svc("b", "requires a", "after a"))
	in.settled("a", "b") // waiting satisfies
	in.is("a", "waiting")
	in.contains(in.ok("why", "a"), "waits for a connection to tcp [::]:"+port+", unix "+in.dir+"/w/s")
	if got := in.lines("runs"); got != nil {
		t.Errorf("it was started before: %v", got)
	}
	b := in.unit("b").pid()
	pid, c, err := call("tcp", "127.0.0.1:"+port)
	must(t, err)
	defer c.Close()
	if u := in.is("a", "running"); u.pid() != pid || u.Restarts != 0 {
		t.Errorf("pid %d answers, the unit has %d and %d restarts", pid, u.pid(), u.Restarts)
	}
	in.answers("a", "unix", in.dir+"/w/s")
	if got := in.lines("runs"); len(got) != 1 {
		t.Errorf("%d starts", len(got))
	}
	if in.unit("b").pid() != b {
		t.Error("what requires it was disturbed")
	}
}

// A datagram starts the service, and is the first that it reads.
func TestDemandDatagram(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	in := start(t, "service a {V} serve\n  listen udp 127.0.0.1:"+port+"\n  on-demand\n")
	in.state("a", "waiting")
	c, err := net.Dial("udp", "127.0.0.1:"+port)
	must(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(step))
	c.Write([]byte("first"))
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	if err != nil || string(buf[:n]) != fmt.Sprintf("%d first", in.unit("a").pid()) {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// idle: a service without a connection is stopped, one with a connection is not;
// what requires it stays, and the next connection starts it again.
func TestDemandIdle(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	in := start(t, "service a {V} serve\n  listen tcp 127.0.0.1:"+port+"\n  on-demand idle 400ms\n"+
		"service l {V} serve\n  listen unix {D}/l\n  on-demand idle 400ms\n"+
		"service used {V} serve\n  listen unix {D}/used\n  on-demand idle 400ms\n"+
		"service usedtcp {V} serve\n  listen tcp "+loopback6()+":"+port+"\n  on-demand idle 400ms\n"+svc("b", "requires a l"))
	in.settled("b")
	b := in.unit("b").pid()
	pid, used, err := call("unix", in.dir+"/w/used")
	must(t, err)
	defer used.Close()
	pid6, usedTCP, err := call("tcp", loopback6()+":"+port)
	must(t, err)
	defer usedTCP.Close()
	for range 3 {
		in.answers("a", "tcp", "127.0.0.1:"+port)
		in.answers("l", "unix", in.dir+"/w/l")
		in.state("a", "waiting")
		in.state("l", "waiting")
	}
	if u := in.is("used", "running"); u.pid() != pid {
		t.Errorf("a service with a connection has pid %d, had %d", u.pid(), pid)
	}
	if u := in.is("usedtcp", "running"); u.pid() != pid6 {
		t.Errorf("a service with a connection has pid %d, had %d", u.pid(), pid6)
	}
	if u := in.is("b", "running"); u.pid() != b {
		t.Errorf("what requires it has pid %d, had %d", u.pid(), b)
	}
	used.Close()
	usedTCP.Close()
	in.state("used", "waiting")
	in.state("usedtcp", "waiting")
	if n := in.unit("a").Restarts; n != 0 {
		t.Errorf("%d restarts", n)
	}
}

// A service that crashes before it takes the connection follows its policy.
func TestDemandCrash(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} failuntil {D}/runs 3 , serve\n  listen unix {D}/a\n  on-demand\n  restart always delay 50ms\n"+
		"service n {V} exit 3\n  listen unix {D}/n\n  on-demand\n  restart never\n"+
		"service missing /no/such/program\n  listen unix {D}/m\n  on-demand\n  restart always delay 1h\n")
	in.settled("a", "n", "missing")
	pid, c, err := call("unix", in.dir+"/w/a")
	must(t, err)
	c.Close()
	if u := in.is("a", "running"); u.pid() != pid || u.Restarts != 2 {
		t.Errorf("pid %d answers, the unit has %d and %d restarts, expected 2", pid, u.pid(), u.Restarts)
	}
	_, _, err = call("unix", in.dir+"/w/n")
	if err == nil {
		t.Error("a service that only fails answers")
	}
	in.contains(in.state("n", "failed").reason(), "exit 3")
	in.refused("unix", in.dir+"/w/n")
	waiting, err := net.Dial("unix", in.dir+"/w/m")
	must(t, err)
	defer waiting.Close()
	in.contains(in.state("missing", "backoff").reason(), "ENOENT")
}

// A service that ends well and takes no connection is started again for it, but
// not without a pause.
func TestDemandNoStorm(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/starts run\n  listen unix {D}/s\n  on-demand\n")
	in.state("a", "waiting")
	w := in.watch()
	c, err := net.Dial("unix", in.dir+"/w/s")
	must(t, err)
	defer c.Close()
	const starts = 6
	in.appears("starts", starts)
	var last time.Time
	w.Lock()
	for _, e := range w.events {
		if e.To != "starting" {
			continue
		}
		at, err := time.Parse(time.RFC3339, e.Time)
		must(t, err)
		// By the init's own clock, whatever the machine has to do.
		if d := at.Sub(last); d < 90*time.Millisecond {
			t.Errorf("started again after %v", d)
		}
		last = at
	}
	w.Unlock()
	if last.IsZero() {
		t.Error("no start was told")
	}
	if n := in.unit("a").Restarts; n != 0 {
		t.Errorf("%d restarts", n)
	}
}

// start, stop and restart by hand.
func TestDemandByHand(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} serve\n  listen unix {D}/s\n  on-demand\n  start manual\n")
	in.is("a", "inactive")
	in.refused("unix", in.dir+"/w/s")
	in.ok("start", "a")
	in.is("a", "waiting")
	in.answers("a", "unix", in.dir+"/w/s")
	in.ok("restart", "a")
	in.answers("a", "unix", in.dir+"/w/s")
	in.ok("stop", "a")
	in.is("a", "inactive")
	in.refused("unix", in.dir+"/w/s")
	in.ok("start", "a")
	in.ok("stop", "a") // while it waits
	in.refused("unix", in.dir+"/w/s")
	in.ok("start", "a")
	in.answers("a", "unix", in.dir+"/w/s")
}

// The addresses cannot be had: it is tried again as any start.
func TestDemandNoSockets(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} serve\n  listen unix {D}/one\n  listen unix {D}/x\n  on-demand\n  restart always delay 50ms max 50ms\n")
	in.state("a", "waiting")
	in.ok("stop", "a")
	in.touch("x")
	in.ok("start", "--no-wait", "a")
	u := in.when("a", "is refused", func(u Unit) bool { return u.State == "backoff" && u.Restarts > 1 })
	in.contains(u.reason(), "listen: unix "+in.dir+"/w/x: something that is not a socket is there")
	in.refused("unix", in.dir+"/w/one")
	must(t, os.Remove(in.dir+"/w/x"))
	in.state("a", "waiting")
	in.answers("a", "unix", in.dir+"/w/one")
}

// The sockets go with the end of the init, also those that nobody has used.
func TestDemandShutdown(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	in := start(t, "service a {V} serve\n  listen unix {D}/a\n  on-demand\nservice b {V} serve\n  listen unix {D}/b\n  listen tcp 127.0.0.1:"+port+"\n  on-demand\n")
	in.settled("a", "b")
	in.answers("b", "unix", in.dir+"/w/b")
	in.ok("shutdown")
	if code := in.gone(3 * step); code != 0 {
		t.Errorf("the init exits %d", code)
	}
	in.refused("tcp", "127.0.0.1:"+port)
	for _, n := range []string{"a", "b"} {
		if _, err := os.Lstat(in.dir + "/w/" + n); err == nil {
			t.Errorf("the file of %s is left", n)
		}
	}
}

// A reload while it waits: the new sockets are waited at, the old ones closed.
func TestDemandReload(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} serve\n  listen unix {D}/one\n  listen unix {D}/two\n  on-demand\n")
	in.state("a", "waiting")
	before, err := os.Lstat(in.dir + "/w/two")
	must(t, err)
	in.write("c/test.conf", in.expand("service a {V} serve\n  listen unix {D}/two\n  listen unix {D}/three\n  on-demand\n"))
	in.ok("reload")
	in.state("a", "waiting")
	in.refused("unix", in.dir+"/w/one")
	if after, err := os.Lstat(in.dir + "/w/two"); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket that stays is another one: %v", err)
	}
	in.answers("a", "unix", in.dir+"/w/three")
	in.write("c/test.conf", in.expand("service a {V} serve\n  listen unix {D}/two\n"))
	in.ok("reload")
	in.state("a", "running")
	in.answers("a", "unix", in.dir+"/w/two")
	in.write("c/test.conf", in.expand(svc("b")))
	in.ok("reload")
	in.until("a is gone", func() bool { return in.ctl("status", "a").code == 4 })
	in.refused("unix", in.dir+"/w/two")
}

// A thousand clients that wait: the init does not care, and all are served.
func TestDemandThousandPending(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	must(t, err)
	limit, err := strconv.Atoi(strings.TrimSpace(string(data)))
	must(t, err)
	n := min(1000, limit)
	in := start(t, "service a {V} waitfile {D}/go , serve\n  listen unix {D}/s\n  on-demand idle 100ms\n"+svc("b"))
	in.settled("a", "b")
	before := in.descriptors()
	var all []net.Conn
	for range n {
		c, err := net.Dial("unix", in.dir+"/w/s")
		must(t, err)
		defer c.Close()
		all = append(all, c)
	}
	pid := in.state("a", "running").pid()
	in.ok("restart", "b")
	in.flat()
	if after := in.descriptors(); before >= 0 && after > before+50 {
		t.Errorf("the init has %d descriptors, had %d", after, before)
	}
	in.touch("go")
	for i, c := range all {
		c.SetDeadline(time.Now().Add(2 * step))
		buf := make([]byte, 100)
		if got, err := c.Read(buf); err != nil || string(buf[:got]) != fmt.Sprintln(pid) {
			t.Fatalf("client %d: %q, %v", i, buf[:got], err)
		}
	}
}

// A program of Debian that systemd would start so.
func TestDemandUuidd(t *testing.T) {
	t.Parallel()
	program := debianProgram(t, "uuidd")
	in := start(t, "service uuidd "+program+" --socket-activation --timeout 1\n  listen unix {D}/run/request mode 666\n  on-demand\n"+
		"service long "+program+" --socket-activation --timeout 600\n  listen unix {D}/run/long mode 666\n  on-demand\n")
	in.state("uuidd", "waiting")
	ask := func(socket string) {
		t.Helper()
		out, err := exec.Command(program, "-d", "-r", "-s", in.dir+"/w/run/"+socket).CombinedOutput()
		if err != nil || len(strings.TrimSpace(string(out))) != 36 {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for i := range 2 { // it ends by itself when nobody asks
		ask("request")
		in.until("it has run", func() bool { return strings.Count(in.out.text(), "uuidd: running\n") == i+1 })
		in.state("uuidd", "waiting")
	}
	ask("long")
	in.kill(in.state("long", "running").pid(), syscall.SIGTERM)
	in.state("long", "waiting")
}
