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

// What a panic was, and where, is in the ring, and on a machine in the kernel's log,
// though the init's own messages do not go there.
func TestPanicInKmsg(t *testing.T) {
	for _, role := range []Role{Machine, Container} {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		in := &Init{role: role, logs: NewLogs(nil)}
		in.logs.SetKmsg(pair[1])
		in.logs.SetOwn(MsgInfo, false, false)
		in.now = 1e9
		if in.guarded(func() { panic("the test") }) {
			t.Fatal("there was no panic")
		}
		in.logs.Say(MsgInfo, "afterwards")
		var kernel strings.Builder
		b := make([]byte, 4096)
		for n := 1; n > 0; kernel.Write(b[:max(n, 0)]) {
			n, _ = unix.Read(pair[0], b)
		}
		in.logs.SetKmsg(-1)
		unix.Close(pair[0])
		ring := strings.Join(linesOf(in.logs.Own()), "\n")
		for name, text := range map[string]string{"ring": ring, "kmsg": kernel.String()} {
			want := name == "ring" || role == Machine
			if got := strings.Contains(text, "bug: the test") && strings.Contains(text, "TestPanicInKmsg"); got != want {
				t.Errorf("%s, %s: %v\n%s", role, name, got, text)
			}
		}
		if strings.Contains(kernel.String(), "afterwards") {
			t.Errorf("%s: other messages go to the kernel's log since", role)
		}
	}
}
