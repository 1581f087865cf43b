package pid1

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// TestKmsg reads records from a socket that keeps them apart, as the kernel's
// log does.
func TestKmsg(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	m := NewLogs(nil)
	m.SetKmsg(pair[1])
	defer m.SetKmsg(-1)
	m.SetOwn(MsgInfo, false, true)
	l := m.Open("web", []graph.Sink{{Kind: graph.SinkKmsg}})
	l.Feed([]byte("no pid yet\n"))
	l.SetPid(4711)
	l.Feed([]byte("two\nthree\x1b[m\n" + strings.Repeat("x", 2000) + "\n" + strings.Repeat("\u4e16", 500) + "\n"))
	m.Say(MsgWarn, "bug: no")
	m.Say(MsgInfo, "web: up")
	for i, want := range []string{
		"<30>web: no pid yet",
		"<30>web[4711]: two",
		`<30>web[4711]: three\x1b[m`,
		"<30>web[4711]: " + strings.Repeat("x", 900-15-3-1) + "...",
		"<30>web[4711]: " + strings.Repeat("\u4e16", (900-15-3-1)/3) + "...",
		"<28>mote: bug: no",
		"<30>mote: web: up",
	} {
		b := make([]byte, 4096)
		n, err := unix.Read(pair[0], b)
		if err != nil || string(b[:n]) != want+"\n" {
			t.Fatalf("record %d: %v %q, want %q", i, err, b[:n], want)
		}
	}
}

// TestKmsgLost: what the kernel does not take is counted and said, never
// waited for.
func TestKmsgLost(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	m := NewLogs(nil)
	m.SetKmsg(pair[1])
	defer m.SetKmsg(-1)
	l := m.Open("web", append(ringSink(1<<20), graph.Sink{Kind: graph.SinkKmsg}))
	for range 5000 {
		l.Feed([]byte("a line\n"))
	}
	if m.kmsg.lost == 0 || l.ring.Count() != 5000 {
		t.Fatalf("%d lost, %d in the ring", m.kmsg.lost, l.ring.Count())
	}
	lost := m.kmsg.lost
	b := make([]byte, 100)
	for n := 1; n > 0; {
		n, _ = unix.Read(pair[0], b)
	}
	l.Feed([]byte("again\n"))
	m.FlushConsole()
	got := fmt.Sprintf("%q", ringLines(t, &m.own.ring))
	want := fmt.Sprintf(`["kmsg: %d lines dropped: the kernel did not take them" "kmsg: cannot write to /dev/kmsg: resource temporarily unavailable: lines are in the ring only"]`, lost)
	if got != want {
		t.Fatalf("said %s\nwant %s", got, want)
	}
}
