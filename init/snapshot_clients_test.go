package pid1

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// next is what executes the init anew, over which the peers' clients go. What the
// next image says first is new to those who follow its logs.
func (p *peer) next() {
	p.t.Helper()
	in := p.in
	if in.server.path == "/nowhere" {
		in.server.path = ""
	}
	for _, c := range in.server.clients {
		if c != nil && c.reply.kind == replyFollow {
			firstWords = "the next image"
		}
	}
	in.reborn(p.t)
	firstWords = ""
	if !in.again {
		p.t.Fatal("it sleeps before it has looked at its clients")
	}
	p.moved()
}

// moved is the peer's end of a client that went over to the next image.
func (p *peer) moved() {
	for _, c := range p.in.server.clients {
		if c != nil && c.slot == p.c.slot {
			p.c = c
			return
		}
	}
	if !p.eof {
		p.t.Fatal("the client is gone")
	}
}

// timesOf are what two runs differ in.
var timesOf = regexp.MustCompile(`(since|boot_ms|uptime_ms|cpu_ms|memory_bytes|log \S+) \d+`)

// script has a client ask and read little by little. For a while there is an exec
// after each turn, or none. It gives what the client has read, and how many execs
// were in the middle of an answer.
func script(t *testing.T, in *Init, requests string, seed uint64, execs int, each func()) (text string, cut int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 3))
	p := connect(t, in)
	unix.SetsockoptInt(p.c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096)
	for quiet := 0; quiet < 15; quiet++ {
		if n := min(len(requests), rnd.IntN(300)); n > 0 { // a request comes in pieces
			requests = p.send(requests[:n]) + requests[n:]
		}
		each()
		in.turn()
		if busy := p.c.reply.kind != replyNone || len(p.c.out) > 0; execs > 0 && (busy || quiet%4 == 0) {
			if busy {
				cut++
			}
			p.next()
			execs--
		}
		before := p.got.Len()
		if rnd.IntN(3) > 0 {
			p.read()
		}
		if p.got.Len() > before || in.again && execs == 0 || requests != "" {
			quiet = 0
		}
	}
	in.server.drop(p.c)
	return string(timesOf.ReplaceAll(p.got.Bytes(), []byte("$1 -"))), cut
}

// manyUnits is a world of which nothing was started, with lines in its rings and faults
// in its configuration.
func manyUnits(t *testing.T, units int) *Init {
	var b strings.Builder
	b.WriteString("service hub /bin/true\n  start manual\n  env A=b\n")
	for i := range units {
		verb := []string{"requires", "wants", "after"}[i%3]
		b.WriteString("service unit-" + strconv.Itoa(i) + " /bin/true\n  start manual\n  " + verb + " hub\n")
	}
	in := testInit(t, b.String())
	in.arena = proc.NewArena()
	in.logs.space = in.arena
	if units >= 300 {
		in.conf.Faults = make([]graph.Fault, maxFaultLines+50)
	}
	for i := range in.conf.Faults {
		in.conf.Faults[i] = graph.Fault{Pos: graph.Pos{File: "a.conf", Line: i}, Text: "a fault " + strconv.Itoa(i), Warning: i%5 == 0}
	}
	for i := range 3 * units {
		in.logs.SetClock(int64(i/3)*1e6, 0)
		in.units[i*7%units].log.Feed(fmt.Appendf(nil, "line %d\n", i))
	}
	return in
}

// Every answer that is cut by an exec at the end of any turn goes on as if there
// had been none, and so do the requests behind it, of which parts have come.
func TestAnswersGoOn(t *testing.T) {
	units := 1000
	if testing.Short() {
		units = 300
	}
	var names strings.Builder
	for i := range 200 {
		names.WriteString(" unit-" + strconv.Itoa(i))
	}
	for _, request := range []string{"list", "status", "status" + names.String(), "faults", "why hub", "why unit-0", "show hub",
		"logs", "logs -n 100", "logs -n 7" + names.String(), "version\nping\nwhy nosuch\nlist", "logs -n 100\nstatus unit-1 unit-2\nping"} {
		in := manyUnits(t, units)
		want, _ := script(t, in, request+"\n", 1, 0, func() {})
		if want == "" || !strings.HasSuffix(want, "ok\n") {
			t.Fatalf("%.50s: %.300q", request, want)
		}
		in = manyUnits(t, units)
		got, cut := script(t, in, request+"\n", 1, 300, func() {})
		if len(want) > 40<<10 && cut < 5 {
			t.Errorf("%.50s: only %d execs cut it", request, cut)
		}
		if got != want {
			t.Errorf("%.50s: %d bytes, want %d; %s", request, len(got), len(want), firstDiff(got, want))
		}
	}
}

func firstDiff(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("at %d %.200q, want %.200q", i, a[max(i-40, 0):], b[max(i-40, 0):])
}

// Who follows logs gets each line once and in order, of all units and of some,
// however often the init executes itself anew, while units write and go.
func TestFollowersGoOn(t *testing.T) {
	for seed := range uint64(8) {
		for _, request := range []string{"logs -f", "logs -f -n 5", "logs -f -n 3 unit-1 unit-2 unit-3", "logs -f -n 0 unit-4 mote"} {
			var runs [2]string
			for i := range runs {
				in := manyUnits(t, 10)
				rnd := rand.New(rand.NewPCG(seed, 9))
				n, removed := 0, false
				each := func() {
					for range rnd.IntN(20) {
						if n++; n < 1500 {
							in.units[rnd.IntN(10)].log.Feed(fmt.Appendf(nil, "new %d\n", n))
						}
					}
					if n > 700 && !removed { // unread lines of it may be lost, the same ones
						removed = true
						in.apply(graph.Event{Kind: graph.AskReload, Plan: []graph.Change{{Kind: graph.UnitRemoved, Name: "unit-2"}}})
					}
				}
				runs[i], _ = script(t, in, request+"\n", seed, i*200, each)
				if in.units[3].log.slot >= 0 {
					t.Errorf("seed %d, %s: the unit is not gone", seed, request)
				}
				if in.logs.journal != nil {
					t.Errorf("seed %d, %s: the journal is kept without followers", seed, request)
				}
			}
			own := regexp.MustCompile(`(?m)^log mote - "the next image"\n`)
			got, said := own.ReplaceAllString(runs[1], ""), len(own.FindAllString(runs[1], -1))
			if got != runs[0] {
				t.Errorf("seed %d, %s: %s", seed, request, firstDiff(got, runs[0]))
			}
			if all := !strings.Contains(request, "unit") || strings.Contains(request, "mote"); (said > 50) != all {
				t.Errorf("seed %d, %s: it was told %d times of the next image", seed, request, said)
			}
			if strings.Count(got, "new ") < 100 {
				t.Errorf("seed %d, %s: %d lines", seed, request, strings.Count(got, "new "))
			}
		}
	}
}

// An event stream goes on with no event twice, and with how many were lost.
func TestFeedsGoOn(t *testing.T) {
	var runs [2]string
	for i := range runs {
		in := testInit(t, "task a /bin/true\n")
		n := 0
		each := func() {
			if n++; n > 5 && n < 300 {
				for range n % 100 {
					in.server.event(&graph.Effect{Kind: graph.Changed, Unit: 0, To: graph.State(n % graph.States)})
				}
			}
		}
		text, _ := script(t, in, "events\n", 4, i*300, each)
		runs[i] = regexp.MustCompile(`event \d+`).ReplaceAllString(text, "event")
	}
	if runs[0] != runs[1] || strings.Count(runs[0], "\n") < 5000 {
		t.Errorf("%d lines, %s", strings.Count(runs[0], "\n"), firstDiff(runs[1], runs[0]))
	}
}

// Clients that wait get their answer from the next image.
func TestWaitsGoOn(t *testing.T) {
	in := testInit(t, "service a /bin/sleep 1000\n  start manual\nservice b /bin/sleep 1000\n  start manual\n  requires a\ntask c /bin/true\n  start manual\n")
	if err := in.server.listen(t.TempDir() + "/s"); err != nil {
		t.Fatal(err)
	}
	ask := func(request string) *peer {
		p := connect(t, in)
		p.send(request + "\n")
		in.turn()
		p.next()
		return p
	}
	answered := func(p *peer, want string) {
		t.Helper()
		in.until(t, want, func() bool { p.read(); return strings.HasSuffix(p.got.String(), want) })
	}
	waits := ask("wait exited c")
	answered(ask("start b"), "ok\n")
	answered(ask("restart a"), "ok\n")
	if w := waits.c.wait; w == nil || w.Kind != graph.WaitState || waits.got.Len() > 0 {
		t.Fatalf("it waits for %+v, and has got %q", w, waits.got.String())
	}
	started := ask("start c")
	answered(started, "ok\n")
	answered(waits, "ok\n")
	answered(ask("stop a"), "stopped b\nok\n")
	gone := ask("start --no-wait nosuch\nwait running c")
	answered(gone, "see list\"\n")
	unix.Close(gone.fd)
	gone.fd = -1
	in.reborn(t)
	in.until(t, "a client that hung up is gone", func() bool { return in.server.clients[gone.c.slot] == nil })

	// The socket is the same one, and answers.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: in.server.path}); err != nil || in.server.sock.Lost() {
		t.Fatalf("connect: %v; lost: %v", err, in.server.sock.Lost())
	}
	p := &peer{t: t, in: in, fd: fd}
	in.reborn(t) // before the connection was taken
	p.send("ping\n")
	answered(p, "ok\n")
	unix.Close(fd)
	in.server.close()
}

// All who have asked for an upgrade get their answer from the next image, and only
// then is more of them read.
func TestUpgradeIsAnswered(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	p, other := connect(t, in), connect(t, in)
	p.send("pi")
	in.turn()
	p.c.upgrade = true
	p.send("ng\nping\n")
	in.turn()
	p.next()
	in.turn()
	if p.read(); p.got.Len() > 0 {
		t.Errorf("%q before the upgrade is over", p.got.String())
	}
	in.server.answerUpgrade("1 -> 2", 0)
	in.until(t, "it is answered", func() bool { p.read(); return strings.HasSuffix(p.got.String(), "ok\nok\nok\n") })
	if got := p.got.String(); got != "note \"1 -> 2\"\nok\nok\nok\n" {
		t.Errorf("got %q", got)
	}
	p.c.upgrade = true
	in.server.answerUpgrade("no such file", 1)
	in.turn()
	p.got.Reset()
	other.read()
	if p.read(); p.got.String() != "err 1 \"no such file\"\n" || other.got.Len() > 0 {
		t.Errorf("got %q, and the other one %q", p.got.String(), other.got.String())
	}
}
