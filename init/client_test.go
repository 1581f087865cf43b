package pid1

import (
	"bytes"
	"strconv"
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
	if in.server.path == "" {
		in.server.path = "/nowhere"
	}
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
	in.until(t, "all 60000 bytes are known, and nothing is left to do", func() bool { return p.c.seen == 60000 && !in.again })
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
	in.until(t, "the task ends", func() bool { return len(in.procs) == 0 }) // so that none is left behind
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

// answer gives what one request is answered, reading all the while.
func (p *peer) answer(request string) string {
	p.t.Helper()
	p.got.Reset()
	p.send(request + "\n")
	for range 100000 {
		p.in.turn()
		p.read()
		text := p.got.Bytes()
		last := text[bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n')+1:]
		if string(last) == "ok\n" || bytes.HasPrefix(last, []byte("err ")) && bytes.HasSuffix(last, []byte("\n")) {
			return string(text)
		}
	}
	p.t.Fatalf("%s: no answer: %.300q", request, p.got.String())
	return ""
}

// Answers about a unit that all others are connected with go out in pieces.
func TestLongAnswersAreHeldInPieces(t *testing.T) {
	var b strings.Builder
	b.WriteString("service hub /bin/true\n  start manual\n")
	const n = 5000
	for i := range n {
		b.WriteString("service unit-with-a-name-" + strconv.Itoa(i) + " /bin/true\n  requires hub\n")
	}
	in := testInit(t, b.String())
	in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{in.unit(t, "hub")}}) // so that all others are blocked
	in.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
	p := connect(t, in)
	in.conf.Faults = make([]graph.Fault, 10000)
	for i := range in.conf.Faults {
		in.conf.Faults[i].Text = strings.Repeat("long ", 20)
	}
	for _, request := range []string{"list", "status", "faults", "why hub", "show hub"} {
		p.send(request + "\n")
		for range 5 {
			in.turn()
		}
		if n := p.held(); n > 2*outLow {
			t.Errorf("%s: %d bytes wait for a client that does not read", request, n)
		}
		p.answer("ping")
		in.until(t, request+": it ends", func() bool { return p.c.reading() && !in.again })
	}
	if got := p.answer("faults"); strings.Count(got, "\n") != maxFaultLines+2 || !strings.Contains(got, "9500 more: see mote check") {
		t.Errorf("%d lines of faults, ending in %.200q", strings.Count(got, "\n"), got[len(got)-200:])
	}
	if got := p.answer("why hub"); strings.Count(got, "\nwanted-by unit-") != n {
		t.Errorf("why has %d units", strings.Count(got, "\nwanted-by unit-"))
	}
	if got := p.answer("list"); strings.Count(got, "\nunit name ") != n {
		t.Errorf("list has %d units", strings.Count(got, "\nunit name ")+1)
	}
}

// A name that a request writes very often is read once, and a long one is cut
// in the message about it.
func TestRequestsThatRepeat(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	in.world.Unit(0)
	in.units[0].log.Feed([]byte("one\ntwo\n"))
	p := connect(t, in)
	got := p.answer("logs" + strings.Repeat(" a", 30000) + " mote mote")
	if strings.Count(got, "one") != 1 || strings.Count(got, "two") != 1 {
		t.Errorf("logs says %.300q", got)
	}
	if got = p.answer("why " + strings.Repeat("\x01", 60000)); len(got) > 600 || !strings.HasPrefix(got, "err 4 ") {
		t.Errorf("%d bytes: %.100q", len(got), got)
	}
}

// The verbs' own refusals, whole: what is wrong and what to write.
func TestRefusals(t *testing.T) {
	in := testInit(t, "task a /bin/true\n  start manual\nservice getty@ /bin/true\n")
	p := connect(t, in)
	for request, want := range map[string]string{
		"list a":           "err 2 \"list: takes no names: see status NAME...\"",
		"status nosuch":    "err 4 \"no such unit \\\"nosuch\\\": see list\"",
		"status b":         "err 4 \"no such unit \\\"b\\\": see list\"",
		"start":            "err 2 \"start: no unit named: write start NAME...\"",
		"start --no-wait":  "err 2 \"start: no unit named: write start NAME...\"",
		"start getty@":     "err 4 \"no such unit \\\"getty@\\\": see list\"",
		"start-all a":      "err 2 \"start-all: takes no names: write start or stop NAME...\"",
		"kill":             "err 2 \"kill: write kill NAME [SIGNAL]\"",
		"kill a FOO":       "err 2 \"kill: unknown signal \\\"FOO\\\": write TERM, SIGTERM or 15\"",
		"kill a":           "err 1 \"a: it has no process: it is inactive\"",
		"wait a":           "err 2 \"wait: write wait [--for STATE] NAME...\"",
		"wait happy a":     "err 2 \"wait: unknown state \\\"happy\\\": write one of inactive, blocked, waiting, starting, running, stopping, backoff, exited, failed, up, down\"",
		"why":              "err 2 \"why: write why NAME\"",
		"show":             "err 2 \"show: write show NAME\"",
		"events a":         "err 2 \"events: takes no words\"",
		"logs -n x a":      "err 2 \"logs: -n \\\"x\\\" is not a number of lines: write -n 10\"",
		"logs -n":          "err 2 \"logs: -n needs a number of lines: write -n 10\"",
		"logs -x":          "err 4 \"no such unit \\\"-x\\\": see list\"",
		"poweroff":         "err 1 \"poweroff: this is the supervisor role: use shutdown to end it\"",
		"shutdown now now": "err 2 \"shutdown: too many words\"",
		"reload --frob":    "err 2 \"reload: unknown option \\\"--frob\\\"\"",
		"add x":            "err 2 \"add: write add FILE TEXT\"",
		"remove a":         "err 1 \"a: it is in test.conf:1: take it out there and reload\"",
	} {
		if got := strings.TrimSuffix(p.answer(request), "\n"); got != want {
			t.Errorf("%s: %s\nexpected %s", request, got, want)
		}
	}
}

// SPEC 6: who may do what.
func TestRights(t *testing.T) {
	in := testInit(t, "task a /bin/true\n  start manual\n")
	all := map[string]right{"poweroff": mayAll, "reboot": mayAll, "halt": mayAll, "shutdown": mayAll, "add f t": mayAll, "remove a": mayAll, "persist find a": mayAll, "upgrade": mayAll,
		"reload": mayAll, "start a": mayControl, "stop a": mayControl, "restart a": mayControl, "kill a": mayControl,
		"start-all": mayControl, "stop-all": mayControl, "reload a": mayControl, "list": mayRead, "status a": mayRead, "logs": mayRead,
		"events": mayRead, "why a": mayRead, "show a": mayRead, "wait down a": mayRead, "faults": mayRead, "version": mayRead, "ping": mayRead}
	for request, need := range all {
		verb, _, _ := strings.Cut(request, " ")
		for _, who := range []struct {
			c   client
			has right
		}{{client{uid: in.uid + 1}, mayRead}, {client{uid: in.uid + 1, group: true}, mayControl}} {
			if who.has >= need {
				continue
			}
			c := who.c
			in.server.request(&c, request)
			if got := string(c.out); !strings.HasPrefix(got, "err 1 \""+verb+": permission denied: ") {
				t.Errorf("%s with right %d: %q", request, who.has, got)
			}
		}
	}
	for _, v := range verbs {
		if need, ok := all[v.name]; ok && need == v.need {
			continue
		}
		found := v.name == "reload"
		for request, need := range all {
			verb, _, _ := strings.Cut(request, " ")
			found = found || verb == v.name && need == v.need
		}
		if !found {
			t.Errorf("the right that %s needs is not in the test, or another", v.name)
		}
	}
}

// SPEC 6: env values are for root and the init's own user.
func TestShowHidesValues(t *testing.T) {
	in := testInit(t, "service a /bin/true\n  env KEY=secret\n")
	c := &client{uid: in.uid + 1}
	in.server.request(c, "show a")
	for c.reply.kind != replyNone {
		in.server.goOn(c)
	}
	if got := string(c.out); strings.Contains(got, "secret") || !strings.Contains(got, "KEY=(hidden)") {
		t.Errorf("a stranger sees %q", got)
	}
	if in.world.Unit(0).Env[0].Value[0].Lit != "secret" {
		t.Error("the unit itself was changed")
	}
}
