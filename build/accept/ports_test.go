package accept

import (
	"fmt"
	"net"
	"testing"
)

// The key ports: not started while another active unit has the port; then the
// restart policy sees to it.
func TestPortsOfAnotherUnit(t *testing.T) {
	t.Parallel()
	port, more := freePort(t), freePort(t)
	in := start(t, svc("a", "ports "+port)+svc("b", "ports "+more+" "+port, "restart always delay 50ms max 50ms")+
		svc("c", "ports "+port, "start manual", "restart never"))
	in.settled("a")
	u := in.when("b", "is refused", func(u Unit) bool { return u.State == "backoff" && u.Restarts > 1 })
	if want := fmt.Sprintf("spawn ports: %s is held by unit a, pid %d", port, in.unit("a").pid()); u.reason() != want {
		t.Errorf("reason %q, expected %q", u.reason(), want)
	}
	if got := in.must(1, "start", "c"); got == "" {
		t.Error("no reason")
	}
	in.contains(in.is("c", "failed").reason(), "ports: "+port+" is held by unit a")
	in.ok("stop", "a")
	in.settled("b")
	in.must(1, "start", "a")
	in.contains(in.unit("a").reason(), "ports: "+port+" is held by unit b")
}

// A process that listens has the port, whoever it belongs to.
func TestPortsOfAProcess(t *testing.T) {
	t.Parallel()
	tcp, udp, six := freePort(t), freePort(t), freePort(t)
	in := start(t, "service holder {V} bind tcp 127.0.0.1:"+tcp+" , bind udp 127.0.0.1:"+udp+" , bind tcp "+loopback6()+":"+six+" , ready 3 , sleep\n  ready fd 3\n"+
		svc("a", "start manual", "restart never", "ports "+tcp)+svc("b", "start manual", "restart never", "ports "+udp)+svc("c", "start manual", "restart never", "ports "+six))
	in.settled("holder")
	for name, port := range map[string]string{"a": tcp, "b": udp, "c": six} {
		in.must(1, "start", name)
		want := fmt.Sprintf("spawn ports: %s is held by unit holder, pid %d", port, in.unit("holder").pid())
		if got := in.is(name, "failed").reason(); got != want {
			t.Errorf("reason %q, expected %q", got, want)
		}
	}
	in.ok("stop", "holder")
	in.ok("start", "a", "b", "c")
}

// A stranger has the port: its name and pid are told where they can be seen.
func TestPortsOfAStranger(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(t, err)
	in := start(t, svc("a", "ports "+port, "restart always delay 50ms max 50ms"))
	u := in.when("a", "is refused", func(u Unit) bool { return u.State == "backoff" && u.Restarts > 1 })
	in.contains(u.reason(), "spawn ports: "+port+" is held by ")
	l.Close()
	in.settled("a")
}

// The sockets of listen are another's too, but not the unit's own.
func TestPortsAndListen(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	in := start(t, "service a {V} serve\n  listen tcp :"+port+"\n  ports "+port+"\n  restart always delay 0\n"+
		svc("b", "start manual", "restart never", "ports "+port)+
		"service c {V} serve\n  start manual\n  restart never\n  listen tcp 127.0.0.1:"+port+"\n")
	in.settled("a")
	in.answers("a", "tcp", "127.0.0.1:"+port)
	in.ok("restart", "a")
	in.answers("a", "tcp", "127.0.0.1:"+port)
	in.must(1, "start", "b")
	in.contains(in.is("b", "failed").reason(), "spawn ports: "+port+" is held by unit a")
	in.must(1, "start", "c")
	in.contains(in.is("c", "failed").reason(), "spawn listen EADDRINUSE: tcp 127.0.0.1:"+port+": address already in use: it is held by unit a, pid ")
}
