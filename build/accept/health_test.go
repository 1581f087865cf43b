package accept

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// listening answers each connection with a function; nil answers with nothing
// and keeps it.
func listening(t *testing.T, network, addr string, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		var kept []net.Conn // one that nobody holds is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if kept = append(kept, c); answer != nil {
				go func() { defer c.Close(); answer(c) }()
			}
		}
	}()
	if network == "unix" {
		must(t, os.Chmod(addr, 0o777))
	}
	return l.Addr().String()
}

// replying reads a request and writes its words.
func replying(words ...string) func(net.Conn) {
	return func(c net.Conn) {
		c.Read(make([]byte, 4096))
		for _, w := range words {
			if _, err := c.Write([]byte(w)); err != nil {
				return
			}
		}
	}
}

// forever writes its words until nobody takes them any more.
func forever(words string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		for _, err := c.Write([]byte(words)); err == nil; _, err = c.Write([]byte(words)) {
			time.Sleep(pause)
		}
	}
}

// nobody gives an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// checkedService is one that does nothing but be checked.
func checkedService(name, health string, keys ...string) string {
	return "service " + name + " {V} sleep\n  health " + health + "\n  " + strings.Join(append(keys, "x-last"), "\n  ") + "\n"
}

func number(t *testing.T, word string) int {
	t.Helper()
	n, err := strconv.Atoi(word)
	must(t, err)
	return n
}

// B27: health exec fails three times: restarted, reason health.
func TestB27_HealthExec(t *testing.T) {
	t.Parallel()
	in := start(t, checkedService("web", "exec /bin/sh -c 'test ! -e {D}/sick || { echo no >> {D}/failed; exit 3; }' every 100ms fails 3",
		"restart on-failure delay 1h")+svc("b", "requires web"))
	in.settled("web", "b")
	old := in.when("web", "is well", func(u Unit) bool { s, _ := u.health(); return s == "ok" })
	in.touch("sick")
	u := in.state("web", "backoff")
	if u.reason() != "health" || len(in.lines("failed")) != 3 {
		t.Errorf("reason %q after %v", u.reason(), in.lines("failed"))
	}
	if state, failed := u.health(); state != "none" || failed != "exit 3" {
		t.Errorf("its health is %s, the last failure %q", state, failed)
	}
	in.contains(in.ok("why", "web"), "health: exit 3", "starts again in")
	in.state("b", "blocked")
	in.until("the process is gone", func() bool { return !alive(old.pid()) })
	must(t, os.Remove(in.dir+"/w/sick"))
	in.ok("start", "web")
	in.state("b", "running")
	u = in.when("web", "is well", func(u Unit) bool { s, _ := u.health(); return s == "ok" })
	if _, failed := u.health(); u.pid() == old.pid() || failed != "exit 3" || *u.HealthErrorAgeMs <= 0 {
		t.Errorf("pid %d, was %d; the last failure %q", u.pid(), old.pid(), failed)
	}
	in.contains(in.ok("logs", "mote"), "web: health: failed: exit 3", "web: ended: health: exit 3; next try in")
}

// The key health: what passes, of all four kinds.
func TestH1_Passes(t *testing.T) {
	t.Parallel()
	ok := replying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	kinds := []string{
		"tcp " + listening(t, "tcp", "127.0.0.1:0", nil),
		"unix " + listening(t, "unix", base+"/passes.sock", nil),
		"http " + listening(t, "tcp", "127.0.0.1:0", ok),
		"http " + listening(t, "tcp", "127.0.0.1:0", ok) + "/healthz?deep=1",
		"http " + listening(t, "tcp", "127.0.0.1:0", replying("HTTP/1.0 301 Moved\r\n", "\r\n")),
		"http " + listening(t, "tcp", "127.0.0.1:0", replying("HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n")),
		"http " + listening(t, "tcp", "127.0.0.1:0", forever("HTTP/1.1 200 OK\r\nX-Flood: of headers\r\n", 0)),
		"exec {V} exit 0",
		"exec /bin/sh -c 'kill -0 $MAINPID'",
	}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		l.Close()
		kinds = append(kinds, "tcp "+listening(t, "tcp6", "[::1]:0", nil), "http "+listening(t, "tcp6", "[::1]:0", ok)+"/six")
	}
	text := ""
	for i, k := range kinds {
		text += checkedService("s"+strconv.Itoa(i), k+" every 100ms timeout 1m fails 1", "restart never")
	}
	in := start(t, text)
	for i, k := range kinds {
		u := in.when("s"+strconv.Itoa(i), "("+k+") is well", func(u Unit) bool { s, _ := u.health(); return s == "ok" || u.State == "failed" })
		if state, failed := u.health(); state != "ok" || failed != "" || u.State != "running" || *u.HealthFailures != 0 || *u.HealthMs < 0 || *u.HealthAgeMs < 0 {
			t.Errorf("%s: %s, %s, %q", k, u.State, state, failed)
		}
	}
	in.contains(in.ok("status", "s0"), "health     ok ")
}

// The request is whole, and names the host as RFC 9110 asks for.
func TestH1_Request(t *testing.T) {
	t.Parallel()
	got := make(chan string, 100)
	addr := listening(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		select {
		case got <- string(b[:n]):
		default:
		}
	})
	in := start(t, checkedService("a", "http "+addr+"/x/y?z every 100ms"))
	in.settled("a")
	in.contains(<-got, "GET /x/y?z HTTP/1.1\r\n", "\r\nHost: "+addr+"\r\n", "\r\nConnection: close\r\n\r\n")
}

// The key health: what fails, with its words; and servers that mean no good.
func TestH1_Fails(t *testing.T) {
	t.Parallel()
	at := func(answer func(net.Conn)) string { return listening(t, "tcp", "127.0.0.1:0", answer) }
	full, err := net.Listen("tcp", "127.0.0.1:0") // accepts nobody
	must(t, err)
	t.Cleanup(func() { full.Close() })
	reset := func(c net.Conn) { c.Read(make([]byte, 4096)); c.(*net.TCPConn).SetLinger(0) }
	kinds := [][2]string{
		{"tcp " + nobody(t), "connection refused"},
		{"http " + nobody(t), "connection refused"},
		{"unix /no/such/socket", "no such file or directory"},
		{"unix /dev/null", "connection refused"},
		{"exec {V} exit 7", "exit 7"},
		{"exec {V} die KILL", "signal KILL"},
		{"exec /no/such/check", "spawn exec ENOENT: /no/such/check: no such file or directory"},
		{"exec {V} sleep", "no answer within 500ms"},
		{"http " + at(replying("HTTP/1.1 404 Not Found\r\n\r\n")), "http 404"},
		{"http " + at(replying("HTTP/1.1 503 Busy\r\n\r\n")), "http 503"},
		{"http " + at(replying()), "it hung up without an answer"},
		{"http " + at(reset), "connection reset by peer"},
		{"http " + at(replying("\x7fELF\x00\x01")), `not http: "\x7fELF\x00\x01"`},
		{"http " + at(replying("220 mail.example ESMTP\r\n")), `not http: "220 mail.example ESMTP\r\n"`},
		{"http " + at(forever("HTTP/1.1 100 Continue\r\n\r\n", 0)), "only interim answers in the first 1024 bytes"},
		{"http " + at(forever("H", 20*time.Millisecond)), `not http: "HH`},
		{"http " + at(forever("HTTP/1.1 199 Wait\r\nX: y\r\n", 40*time.Millisecond)), "no answer within 500ms"},
		{"http " + at(nil), "no answer within 500ms"},
		{"http " + full.Addr().String(), "no answer within 500ms"},
	}
	text := ""
	for i, k := range kinds {
		text += checkedService("s"+strconv.Itoa(i), k[0]+" every 100ms timeout 500ms fails 2", "restart never")
	}
	in := start(t, text)
	for i, k := range kinds {
		name := "s" + strconv.Itoa(i)
		u := in.state(name, "failed")
		if _, failed := u.health(); u.reason() != "health" || failed != k[1] && !(strings.HasSuffix(k[1], "HH") && strings.HasPrefix(failed, k[1])) {
			// A slow machine may not have had its answer in time.
			if k[1] != "no answer within 500ms" && failed == "no answer within 500ms" {
				t.Logf("%s: %s", k[0], failed)
				continue
			}
			t.Errorf("%s: %q, %q, want %q", k[0], u.reason(), failed, k[1])
		}
	}
}

// A check that hangs is killed with its children, by its timeout and by a stop;
// its output is the unit's.
func TestH1_HangingCheckIsKilled(t *testing.T) {
	t.Parallel()
	in := start(t, checkedService("a", "exec {V} print checking , child {D}/a , sleep every 100ms timeout 1s fails 2", "restart never")+
		checkedService("b", "exec {V} child {D}/b , sleep every 100ms timeout 1h", "stop TERM 1s"))
	in.state("a", "failed")
	in.appears("b", 1)
	in.ok("stop", "b")
	for _, name := range []string{"a", "b"} {
		for _, line := range in.appears(name, 1) {
			pid := number(t, line)
			in.until("the child of a check is gone", func() bool { return !alive(pid) })
		}
	}
	if n := len(in.lines("a")); n > 2 {
		t.Errorf("%d checks failed, expected 2", n)
	}
	in.contains(in.ok("logs", "a"), "checking")
}

// What a check that is over has left in its group is killed too.
func TestH1_LeftoverOfACheck(t *testing.T) {
	t.Parallel()
	in := start(t, checkedService("a", "exec {V} child {D}/a every 100ms"))
	lines := in.appears("a", 2)
	pid := number(t, lines[0])
	in.until("the child of a check is gone", func() bool { return !alive(pid) })
	in.is("a", "running")
}

// H1: checks begin after grace.
func TestH1_Grace(t *testing.T) {
	t.Parallel()
	in := start(t, checkedService("a", "exec {V} append {D}/a check every 100ms grace 1h")+
		checkedService("b", "exec {V} append {D}/b check every 100ms")+checkedService("c", "exec {V} append {D}/c check every 1h grace 200ms"))
	in.appears("b", 5)
	in.appears("c", 1)
	if n := in.lines("a"); len(n) != 0 {
		t.Errorf("%d checks before the grace was over", len(n))
	}
	if u := in.unit("a"); *u.Health != "none" || u.HealthMs != nil || u.HealthAgeMs != nil || u.HealthFailures != nil || u.HealthError != nil {
		t.Errorf("without a check: %+v", u)
	}
	in.contains(in.ok("status", "a"), "health     none")
}

// H1: so many in a row; one that passes begins the count anew.
func TestH1_RecoveryResetsTheCount(t *testing.T) {
	t.Parallel()
	var asked, sick atomic.Int32
	addr := listening(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		c.Read(make([]byte, 4096))
		if n := asked.Add(1); sick.Load() != 0 || n%3 != 0 {
			c.Write([]byte("HTTP/1.1 500 no\r\n\r\n"))
		} else {
			c.Write([]byte("HTTP/1.1 200 yes\r\n\r\n"))
		}
	})
	in := start(t, checkedService("a", "http "+addr+" every 100ms fails 3", "restart never"))
	in.until("twelve were asked for", func() bool { return asked.Load() >= 12 })
	u := in.is("a", "running")
	if u.HealthError == nil || *u.HealthError != "http 500" || u.Restarts != 0 {
		t.Errorf("%+v", u)
	}
	sick.Store(1)
	if u = in.state("a", "failed"); u.reason() != "health" {
		t.Errorf("reason %q", u.reason())
	}
}

// H1: the restart policy decides, as for a failure.
func TestH1_RestartPolicy(t *testing.T) {
	t.Parallel()
	sick := "exec {V} exit 1 every 100ms fails 1"
	in := start(t, checkedService("never", sick, "restart never")+checkedService("failure", sick, "restart on-failure delay 1h")+
		checkedService("always", sick, "restart always delay 1h")+checkedService("again", sick, "restart always delay 10ms")+
		checkedService("limit", sick, "restart always delay 10ms limit 2")+
		checkedService("stubborn", sick, "restart never", "stop TERM 100ms", "exec {V} ignore TERM , sleep"))
	for name, state := range map[string]string{"never": "failed", "failure": "backoff", "always": "backoff"} {
		if u := in.state(name, state); u.reason() != "health" {
			t.Errorf("%s: reason %q", name, u.reason())
		}
	}
	in.when("again", "was restarted", func(u Unit) bool { return u.Restarts >= 2 })
	in.contains(in.state("limit", "failed").reason(), "limit")
}

// The key ready: health. Dependents wait, start waits, why tells what is wrong.
func TestH1_ReadyHealth(t *testing.T) {
	t.Parallel()
	in := start(t, checkedService("web", "exec /bin/sh -c 'test -e {D}/up || exit 9' every 1h fails 1", "ready health")+svc("b", "requires web")+
		checkedService("late", "exec {V} exit 4 every 1h", "ready health", "start-timeout 2s", "restart never", "start manual"))
	in.when("web", "was checked", func(u Unit) bool { return u.HealthFailures != nil && *u.HealthFailures >= 2 })
	in.is("web", "starting")
	in.is("b", "blocked")
	in.contains(in.ok("why", "web"), "not ready", "exit 9")
	in.must(3, "-t", "100ms", "start", "web")
	in.contains(in.must(1, "start", "late"), "late: start-timeout: health: exit 4")
	if u := in.is("late", "failed"); u.reason() != "start-timeout" {
		t.Errorf("reason %q", u.reason())
	}
	in.contains(in.ok("logs", "mote"), "late: failed: start-timeout: health: exit 4")
	in.touch("up")
	in.settled("web", "b")
	if u := in.unit("web"); !u.Ready || *u.Health != "ok" {
		t.Errorf("%+v", u)
	}
	if in.ok("start", "web"); in.unit("web").Restarts != 0 {
		t.Errorf("it was restarted")
	}
}

// SPEC 6: a change of the key health needs no restart.
func TestH1_ReloadOfTheKey(t *testing.T) {
	t.Parallel()
	config := checkedService("a", "exec {V} append {D}/one check every 100ms", "restart never")
	in := start(t, config)
	in.appears("one", 2)
	pid := in.unit("a").pid()
	in.write("c/test.conf", in.expand(strings.Replace(config, "/one check", "/two check", 1)))
	in.contains(in.ok("reload"), "a: health changed: no restart")
	in.appears("two", 2)
	in.write("c/test.conf", in.expand(strings.Replace(config, "  health", "  x-health", 1)))
	in.ok("reload")
	if u := in.is("a", "running"); u.pid() != pid || u.Health != nil || u.HealthMs != nil {
		t.Errorf("%+v, the pid was %d", u, pid)
	}
	n := len(in.lines("two"))
	in.write("c/test.conf", in.expand(strings.Replace(config, "append {D}/one check", "exit 1", 1)))
	in.ok("reload")
	if u := in.state("a", "failed"); u.reason() != "health" || len(in.lines("two")) > n+1 {
		t.Errorf("reason %q; %d checks, then %d", u.reason(), n, len(in.lines("two")))
	}
}

// The init ends while checks are under way: nothing of them is left (the end of
// the case looks).
func TestH1_Shutdown(t *testing.T) {
	t.Parallel()
	in := start(t, checkedService("a", "exec {V} append {D}/a up , ignore TERM , sleep every 100ms timeout 1h")+
		checkedService("b", "http "+listening(t, "tcp", "127.0.0.1:0", nil)+" every 100ms timeout 1h"))
	in.appears("a", 1)
	in.ok("shutdown")
	in.until("the init is gone", in.over)
}
