package pid1

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// serving answers each connection on a listener with a function of its own.
func serving(t *testing.T, network, addr string, answer func(net.Conn)) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if answer != nil {
				go func() { defer c.Close(); answer(c) }()
			}
		}
	}()
	return l
}

// saying answers a request with words; with one piece more than that, it does so
// for ever.
func saying(pieces ...string) func(net.Conn) {
	return func(c net.Conn) {
		c.Read(make([]byte, 4096))
		for _, p := range pieces {
			c.Write([]byte(p))
		}
	}
}

func endless(piece string) func(net.Conn) {
	return func(c net.Conn) {
		for {
			if _, err := c.Write([]byte(piece)); err != nil {
				return
			}
		}
	}
}

// descriptors counts those that are open.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// checkedInit runs one service with a check, until the first one is over.
func checkedInit(t *testing.T, health string) (*Init, *health) {
	t.Helper()
	in := testInit(t, "service a /bin/sleep 1000\n  restart never\n  health "+health+" every 200ms fails 1000 grace 1ms\n")
	in.boot(t)
	in.until(t, "a check is over", func() bool { h := in.units[0].health; return h != nil && h.at > 0 })
	return in, in.units[0].health
}

// H1: all that a server can say, and how it is told.
func TestHealthAnswers(t *testing.T) {
	at := func(answer func(net.Conn)) string { return serving(t, "tcp", "127.0.0.1:0", answer).Addr().String() }
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := gone.Addr().String()
	gone.Close()
	dir := t.TempDir()
	serving(t, "unix", dir+"/s", nil)
	reset := func(c net.Conn) {
		c.Read(make([]byte, 4096))
		c.(*net.TCPConn).SetLinger(0)
	}
	silent := func(c net.Conn) { c.Read(make([]byte, 4096)); c.Read(make([]byte, 1)) }
	drip := func(c net.Conn) { // for fifty seconds without a verdict
		for _, b := range strings.Repeat(interim, 100) {
			if _, err := c.Write([]byte(string(b))); err != nil {
				return
			}
			unix.Poll(nil, 50)
		}
	}
	for _, c := range []struct{ health, want string }{
		{"tcp " + at(nil), ""},
		{"tcp " + nobody, "connection refused"},
		{"unix " + dir + "/s", ""},
		{"unix " + dir + "/none", "no such file or directory"},
		{"http " + at(saying("HTTP/1.1 200 OK\r\n\r\nhello")), ""},
		{"http " + at(saying("HTTP/1.0 30", "1 Moved\r\n\r\n")) + "/x?y", ""},
		{"http " + at(saying(interim, interim, "HTTP/1.1 204 No Content\r\n\r\n")), ""},
		{"http " + at(saying("HTTP/1.1 503 Busy\r\n\r\n")), "http 503"},
		{"http " + at(saying("HTTP/1.1 404 No\r\n\r\n")), "http 404"},
		{"http " + at(saying()), "it hung up without an answer"},
		{"http " + at(reset), "connection reset by peer"},
		{"http " + at(saying("\x00\xff\x01binary")), `not http: "\x00\xff\x01binary"`},
		{"http " + at(endless("x")), `not http: "x`},
		{"http " + at(endless("HTTP/1.1 200 OK\r\nX-Header: of many\r\n")), ""},
		{"http " + at(endless(interim)), "only interim answers in the first 1024 bytes"},
		{"http " + at(endless("HTTP/1.1 100 "+strings.Repeat("c", 1000))), "only interim answers in the first 1024 bytes"},
		{"http " + at(silent) + " timeout 50ms", "no answer within 50ms"},
		{"http " + at(drip) + " timeout 100ms", "no answer within 100ms"},
		{"http " + nobody, "connection refused"},
		{"exec /bin/true", ""},
		{"exec /bin/false", "exit 1"},
		{"exec /bin/sh -c 'exit 77'", "exit 77"},
		{"exec /bin/sh -c 'kill -9 $$'", "signal KILL"},
		{"exec /no/such", "spawn exec ENOENT: /no/such: no such file or directory"},
		{"exec /bin/sleep 1000 timeout 50ms", "no answer within 50ms"},
	} {
		t.Run(c.health, func(t *testing.T) {
			in, h := checkedInit(t, c.health)
			if got := h.text; got != c.want && !(strings.HasSuffix(c.want, "x") && strings.HasPrefix(got, c.want)) || (h.row > 0) != (c.want != "") {
				t.Errorf("%d failed, %q, want %q", h.row, got, c.want)
			}
			if st := in.world.State(0); st != graph.Running {
				t.Errorf("a is %s", st)
			}
		})
	}
}

// H1: nothing is left open or alive after a hundred checks, and one that is
// given up half way is gone.
func TestHealthLeavesNothing(t *testing.T) {
	l := serving(t, "tcp", "127.0.0.1:0", func(c net.Conn) { c.Read(make([]byte, 4096)); c.Read(make([]byte, 1)) })
	for _, health := range []string{"http " + l.Addr().String() + " timeout 10ms", "exec /bin/sh -c 'sleep 1000 & sleep 1000' timeout 10ms"} {
		t.Run(health, func(t *testing.T) {
			in := testInit(t, "service a /bin/sleep 1000\n  restart never\n  health "+health+" every 100ms fails 1000 grace 1ms\n")
			before := descriptors(t)
			in.boot(t)
			in.until(t, "checks have failed", func() bool { h := in.units[0].health; return h != nil && h.row >= 5 })
			in.until(t, "another is under way", func() bool { h := in.units[0].health; return h.gen != 0 && (h.fd > 0 || h.pid > 0) })
			in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{0}})
			if h := in.units[0].health; h.gen != 0 || h.fd != 0 {
				t.Errorf("the check goes on: %+v", h)
			}
			in.until(t, "a is down", func() bool { return in.world.State(0) == graph.Inactive && len(in.procs) == 0 })
			in.until(t, "the log pipe is closed", func() bool { return in.units[0].pipeR == 0 }) // nobody holds its other end
			// The server's ends are in this process too, and it closes them when it comes to it.
			in.until(t, "no descriptor is left", func() bool { return descriptors(t) <= before })
		})
	}
}

// Of two checks whose process does not end at once there is never more than one.
func TestHealthOneProcess(t *testing.T) {
	in := testInit(t, "service a /bin/sleep 1000\n  restart never\n  health exec /bin/sleep 1000 every 100ms timeout 1m fails 1000 grace 1ms\n")
	in.boot(t)
	in.until(t, "a check runs", func() bool { h := in.units[0].health; return h != nil && h.pid > 0 })
	h := in.units[0].health
	first, pid := h.gen, h.pid
	// As if KILL was not heeded: the next check comes while the process is there.
	in.endCheck(h)
	next := graph.Effect{Kind: graph.Probe, Unit: 0, Gen: first + 1000}
	in.probe(&next)
	in.catchUp()
	if h.pid != pid || h.gen != next.Gen || len(in.procs) != 2 {
		t.Fatalf("%d processes, %+v", len(in.procs), h)
	}
	killAll(int(pid))
	in.until(t, "the check that waited runs", func() bool { return h.pid > 0 && h.pid != pid })
	if h.gen != next.Gen || len(in.procs) != 2 {
		t.Errorf("%d processes, %+v", len(in.procs), h)
	}
	in.unprobe(&graph.Effect{Kind: graph.Unprobe, Unit: 0, Gen: next.Gen})
}

// A check whose process had to wait for its turn is not made when it was given up.
func TestHealthGivenUpInQueue(t *testing.T) {
	dir := t.TempDir()
	in := testInit(t, "service a /bin/sleep 1000\n  restart never\n  health exec /bin/touch "+dir+"/ran every 100ms grace 1h\n"+
		"  reload-exec /bin/touch "+dir+"/reloaded\n")
	in.boot(t)
	in.until(t, "a runs", func() bool { return in.world.State(0) == graph.Running })
	in.now -= 10 * spawnBudget // as if the turn had been long already
	in.probe(&graph.Effect{Kind: graph.Probe, Unit: 0, Gen: 99})
	in.apply(graph.Event{Kind: graph.AskRenew, Unit: 0})
	if len(in.checks) != 1 || len(in.spawns) != 1 {
		t.Fatalf("%d and %d wait", len(in.checks), len(in.spawns))
	}
	in.unprobe(&graph.Effect{Kind: graph.Unprobe, Unit: 0, Gen: 99})
	in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{0}})
	in.until(t, "a is down", func() bool {
		return len(in.procs) == 0 && len(in.spawns)+len(in.checks) == 0 && in.world.State(0) == graph.Inactive
	})
	for _, name := range []string{"ran", "reloaded"} {
		if unix.Access(dir+"/"+name, unix.F_OK) == nil {
			t.Errorf("%s: it was given up", name)
		}
	}
	if own := in.own(); !strings.Contains(own, "a: reload failed: it went down meanwhile") {
		t.Error(own)
	}
}

// A check does not wait for the starts of a thousand units: its time runs.
func TestHealthBeforeStarts(t *testing.T) {
	var b strings.Builder
	b.WriteString("service a /bin/sleep 1000\n  restart never\n  health exec /bin/true grace 1h\n")
	const n = 300
	for i := range n {
		fmt.Fprintf(&b, "task t%d /bin/true\n  start manual\n", i)
	}
	in := testInit(t, b.String())
	in.boot(t)
	in.until(t, "a runs", func() bool { return in.world.State(0) == graph.Running })
	var ids []graph.ID
	for i := range n {
		ids = append(ids, in.unit(t, fmt.Sprintf("t%d", i)))
	}
	in.now -= 10 * spawnBudget // as if the turn had been long already
	in.apply(graph.Event{Kind: graph.AskStart, IDs: ids})
	in.probe(&graph.Effect{Kind: graph.Probe, Unit: 0, Gen: 1 << 40})
	if len(in.spawns) != n || len(in.checks) != 1 {
		t.Fatalf("%d and %d wait", len(in.spawns), len(in.checks))
	}
	in.catchUp()
	if h := in.units[0].health; len(in.checks) != 0 || h.pid == 0 || len(in.spawns) == n {
		t.Errorf("%d and %d wait, the check is %+v", len(in.spawns), len(in.checks), h)
	}
}

// That the init has no descriptor left is not the service's fault.
func TestHealthExhausted(t *testing.T) {
	l := serving(t, "tcp", "127.0.0.1:0", nil)
	in := testInit(t, "service a /bin/sleep 1000\n  restart never\n  health tcp "+l.Addr().String()+" every 100ms fails 1 grace 1ms\n")
	in.boot(t)
	in.until(t, "a is well", func() bool { h := in.units[0].health; return h != nil && h.at > 0 })
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	h := in.units[0].health
	at := h.at
	end := time.Now().Add(patience)
	for n, last := 0, uint64(0); n < 3 && time.Now().Before(end); unix.Poll(nil, 1) {
		in.turn()
		if st := in.world.Status(0); h.blind && uint64(st.ProbeAt) != last {
			n, last = n+1, uint64(st.ProbeAt)
		}
	}
	unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	if !h.blind || h.row != 0 || h.at != at || in.world.State(0) != graph.Running {
		t.Errorf("%+v, a is %s", h, in.world.State(0))
	}
	in.until(t, "a is well again", func() bool { return !h.blind && h.at != at })
	if own := in.own(); strings.Count(own, "a: health: cannot check: too many open files") != 1 {
		t.Error(own)
	}
}

// A failure is logged once, its end too, and the last one is remembered.
func TestHealthLog(t *testing.T) {
	dir := t.TempDir()
	in, h := checkedInit(t, "exec /bin/test -e "+dir+"/well")
	in.until(t, "three have failed", func() bool { return h.row >= 3 })
	if err := os.WriteFile(dir+"/well", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	row := 0
	in.until(t, "one passes", func() bool { row = max(row, h.row); return h.row == 0 })
	if h.text != "exit 1" || h.failed == 0 || h.failed >= h.at {
		t.Errorf("%+v", h)
	}
	own := in.own()
	if strings.Count(own, "a: health: failed: exit 1") != 1 || strings.Count(own, fmt.Sprintf("a: health: passes again after %d that failed", row)) != 1 {
		t.Error(own)
	}
}

// A socket on a mount that can hang is connected to by a child; its answer is
// the same.
func TestHealthElsewhere(t *testing.T) {
	dir := t.TempDir()
	serving(t, "unix", dir+"/s", nil)
	if code := RunCheck([]string{unixWord, dir + "/s"}); code != 0 || !IsCheck([]string{unixWord, "x"}) {
		t.Errorf("exit status %d", code)
	}
	if code := RunCheck([]string{unixWord, dir + "/none"}); code != int(unix.ENOENT) {
		t.Errorf("exit status %d", code)
	}
	in := testInit(t, "service a /bin/sleep 1000\n  restart never\n  health unix "+dir+"/s every 1h grace 1h\n")
	in.boot(t)
	in.until(t, "a runs", func() bool { return in.world.State(0) == graph.Running })
	h := &health{}
	in.units[0].health = h
	for code, want := range map[int]string{0: "", 2: "no such file or directory", 11: "its backlog is full: it accepts nothing", 24: "blind"} {
		child, err := proc.Spawn(proc.NewSpec([]string{"/bin/sh"}, []string{"sh", "-c", "exit " + strconv.Itoa(code)}, nil))
		if err != nil {
			t.Fatal(err)
		}
		h.gen, h.text, h.row, h.blind = 1<<40, "", 0, false // the core waits for no such one
		in.checkRuns(0, &process{helper: helpTry}, &child)
		in.until(t, "it is over", func() bool { return h.pid == 0 })
		if got := h.text; got != want && !(want == "blind" && h.blind) || h.row > 0 != (want != "" && want != "blind") {
			t.Errorf("exit status %d: %+v, want %q", code, h, want)
		}
	}
}

// Hundreds of checks a second are no hindrance to what else there is.
func TestHealthMany(t *testing.T) {
	l := serving(t, "tcp", "127.0.0.1:0", saying("HTTP/1.1 200 OK\r\n\r\n"))
	var b strings.Builder
	const n = 100
	for i := range n {
		fmt.Fprintf(&b, "service s%d /bin/sleep 1000\n  restart never\n  health http %s every 100ms grace 1ms\n", i, l.Addr())
	}
	in := testInit(t, b.String())
	in.boot(t)
	in.until(t, "all are well", func() bool {
		for id := range n {
			if h := in.units[id].health; h == nil || h.at == 0 || h.row > 0 {
				return false
			}
		}
		return true
	})
}

// A check in the steady state allocates no more than the address that it
// connects to.
func TestHealthGarbage(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := gone.Addr().String()
	gone.Close()
	for _, kind := range []string{"tcp", "http"} {
		t.Run(kind, func(t *testing.T) {
			in := testInit(t, "service a /bin/sleep 1000\n  restart never\n  health "+kind+" "+nobody+" every 1h grace 1h\n")
			in.boot(t)
			in.until(t, "a runs", func() bool { return in.world.State(0) == graph.Running })
			h := &health{row: 1} // a failure that is no news
			in.units[0].health = h
			e := graph.Effect{Kind: graph.Probe, Unit: 0, Gen: 1 << 40}
			n := testing.AllocsPerRun(200, func() {
				e.Gen++
				for in.probe(&e); h.gen != 0; {
					in.turn()
				}
			})
			if n > 2 || h.row < 200 {
				t.Errorf("%v allocations, %d checks failed", n, h.row)
			}
		})
	}
}
