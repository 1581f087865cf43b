package pid1

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/graph/line"
)

// peer is the other end of a client's connection.
type peer struct {
	t   *testing.T
	in  *Init
	fd  int
	c   *client
	got bytes.Buffer
	eof bool
}

func connect(t *testing.T, in *Init) *peer {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	in.server.path = "/nowhere"
	before := in.server.clients
	in.server.welcome(fds[0])
	p := &peer{t: t, in: in, fd: fds[1]}
	for i, c := range in.server.clients {
		if c != nil && before[i] == nil {
			p.c = c
		}
	}
	t.Cleanup(func() { unix.Close(p.fd) })
	return p
}

// send writes what the socket takes and gives the rest.
func (p *peer) send(text string) (rest string) {
	for text != "" {
		n, err := unix.Write(p.fd, []byte(text))
		if err == unix.EAGAIN || err == unix.EPIPE {
			return text
		}
		if err != nil {
			p.t.Fatal(err)
		}
		text = text[n:]
	}
	return ""
}

func (p *peer) read() {
	var buf [64 << 10]byte
	for !p.eof {
		n, err := unix.Read(p.fd, buf[:])
		if err == unix.EAGAIN {
			return
		}
		p.eof = err != nil || n == 0
		p.got.Write(buf[:max(n, 0)])
	}
}

// held is what the server keeps for the client.
func (p *peer) held() int { return len(p.c.in) + len(p.c.out) }

// Ten thousand requests at once are answered, in order, while what is kept of
// them stays within the bound.
func TestPipelinedRequests(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	p := connect(t, in)
	const n = 10000
	rest, most := strings.Repeat("version\n", n)+"ping\n", 0
	for range 20 * n {
		rest = p.send(rest)
		in.turn()
		most = max(most, p.held())
		p.read()
		if bytes.Count(p.got.Bytes(), []byte("ok\n")) == n+1 {
			break
		}
	}
	if got := bytes.Count(p.got.Bytes(), []byte("ok\n")); got != n+1 {
		t.Errorf("%d answers, expected %d", got, n+1)
	}
	if limit := 2*readBytes + 2*outLow; most > limit {
		t.Errorf("%d bytes are held, expected no more than %d", most, limit)
	}
}

// A client that asks and reads nothing is not read from either.
func TestClientThatReadsNothing(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	p := connect(t, in)
	idle := 0
	for range 10000 {
		p.send(strings.Repeat("status a\n", 100))
		if in.turn(); !in.again {
			idle++
		}
	}
	if p.c.in == nil || p.held() > 2*readBytes+2*outLow {
		t.Errorf("%d bytes are held", p.held())
	}
	if idle == 0 || p.c.events != unix.EPOLLOUT {
		t.Errorf("the loop never rests (%d); polled for %#x", idle, p.c.events)
	}
}

// An event stream that is not read loses events, and says how many.
func TestEventsThatAreNotRead(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	p := connect(t, in)
	p.send("events\n")
	in.turn()
	for range 20000 {
		in.server.event(&graph.Effect{Kind: graph.Changed, Unit: in.unit(t, "a"), To: graph.Starting})
		in.turn()
	}
	if n := len(p.c.out); n < outHigh || n > outHigh+200 {
		t.Errorf("%d bytes wait, expected about %d", n, outHigh)
	}
	for range 200 {
		p.read()
		in.turn()
	}
	if text := p.got.String(); !strings.Contains(text, "events were lost") || p.c.lost != 0 {
		t.Errorf("the loss is not told: %d lost, %d wait, %d came: %q", p.c.lost, len(p.c.out), len(text), text[max(0, len(text)-200):])
	}
}

func TestRequestLines(t *testing.T) {
	for _, c := range []struct{ name, send, want string }{
		{"empty", "\n", "err 2 \"the request is empty: write a verb\"\n"},
		{"half a line at the end is nothing", "ping\npin", "ok\n"},
		{"longest", strings.Repeat(" ", line.MaxLine-4) + "ping\n", "ok\n"},
		{"too long", strings.Repeat(" ", line.MaxLine-3) + "ping\nping\n", "err 2 \"the request is longer than 65536 bytes: shorten it\"\n"},
		{"no end", strings.Repeat("x", 2*line.MaxLine), "err 2 \"the request is longer than 65536 bytes: shorten it\"\n"},
		{"open quote", "\"ping\nping\n", "err 2 \"quote \\\" is open at the end of the line: close it\"\nok\n"},
		{"unknown", "pong\nping\n", "err 2 \"unknown verb \\\"pong\\\": see help\"\nok\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := testInit(t, "task a /bin/true\n")
			p := connect(t, in)
			rest := c.send
			for range 100 {
				if rest = p.send(rest); rest == "" {
					unix.Shutdown(p.fd, unix.SHUT_WR)
				}
				in.turn()
				p.read()
			}
			if got := p.got.String(); got != c.want {
				t.Errorf("got %.300q, expected %q", got, c.want)
			}
			if !p.eof || in.server.count != 0 {
				t.Errorf("the connection stays: %d clients", in.server.count)
			}
		})
	}
}

// Half a line costs no work in a turn that is about something else.
func TestHalfLineIsLookedAtOnce(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	p := connect(t, in)
	p.send(strings.Repeat("x", 60000))
	for range 20 {
		in.turn()
	}
	if p.c.seen != 60000 || in.again {
		t.Errorf("%d of 60000 bytes are known", p.c.seen)
	}
	p.send("\nping\n")
	in.turn()
	in.turn()
	p.read()
	if got := p.got.String(); !strings.HasSuffix(got, "\nok\n") {
		t.Errorf("got %.100q", got)
	}
}

// What was asked before the connection was closed for good is done, and a
// request that waits ends with its client.
func TestClientsThatHangUp(t *testing.T) {
	in := testInit(t, "task a /bin/true\n  start manual\n")
	p := connect(t, in)
	p.send("start --no-wait nosuch\nstart --no-wait a\n")
	unix.Close(p.fd)
	p.fd = -1
	in.turn()
	if in.server.count != 0 || !in.world.Status(in.unit(t, "a")).Asked {
		t.Errorf("%d clients; a was asked for: %v", in.server.count, in.world.Status(in.unit(t, "a")).Asked)
	}
	p = connect(t, in)
	p.send("wait running a\n")
	in.turn()
	if p.c.wait == nil {
		t.Fatal("it does not wait")
	}
	unix.Close(p.fd)
	p.fd = -1
	in.turn()
	if in.server.count != 0 {
		t.Error("a client that has gone still waits")
	}
	for range 1000 { // the task ends, so that none is left behind
		if in.turn(); len(in.procs) == 0 {
			return
		}
		unix.Poll(nil, 1)
	}
	t.Error("the task does not end")
}

// Who may only read does not take the last places.
func TestPlacesForRoot(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	s := &in.server
	reader, root := &client{uid: in.uid + 1}, &client{uid: 0}
	for _, c := range []struct {
		limit, count int
		reader, root bool
	}{
		{maxClients, 0, false, false},
		{maxClients, maxClients - spareSlots - 1, false, false},
		{maxClients, maxClients - spareSlots, true, false},
		{maxClients, maxClients, true, true},
		{8, 3, false, false},
		{8, 4, true, false},
		{8, 8, true, true},
	} {
		s.limit, s.count = c.limit, c.count
		if got := s.full(reader); got != c.reader {
			t.Errorf("%d of %d: full for a reader: %v", c.count, c.limit, got)
		}
		if got := s.full(root); got != c.root {
			t.Errorf("%d of %d: full for root: %v", c.count, c.limit, got)
		}
	}
	s.limit, s.count = maxClients, 0
	var all []*peer
	for range maxClients + 1 {
		all = append(all, connect(t, in))
	}
	last := all[maxClients]
	if last.read(); !last.eof || last.got.String() != "err 1 \"128 clients are connected, which is the limit: try again later\"\n" {
		t.Errorf("one too many is told %q", last.got.String())
	}
}
