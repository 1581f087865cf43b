package accept

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// SPEC 6: a hundred clients at once.
func TestF1_HundredClients(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	var wg sync.WaitGroup
	bad := make(chan string, 200)
	for range 100 {
		wg.Go(func() {
			if r := in.ctl("--json", "status", "a"); r.code != 0 || !json.Valid([]byte(r.out)) {
				bad <- fmt.Sprintf("exit %d: %s", r.code, r.all())
			}
		})
	}
	wg.Wait()
	close(bad)
	for b := range bad {
		t.Error(b)
	}
	conns := make([]net.Conn, 100) // and a hundred that stay and say nothing
	for i := range conns {
		conns[i] = in.dial()
		defer conns[i].Close()
	}
	in.ok("ping")
	in.ok("restart", "a")
}

// SPEC 6: none of these slows the init or grows it.
func TestF1_BadClients(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	half := in.dial() // a half line
	defer half.Close()
	half.Write([]byte("stat"))
	long := in.dial() // a line over 64 KiB: an answer with an error, or the end of the connection
	defer long.Close()
	long.SetDeadline(time.Now().Add(step))
	go long.Write([]byte("status " + strings.Repeat("x", 200<<10) + "\n"))
	answer, err := io.ReadAll(io.LimitReader(long, 1<<20))
	if err != nil && strings.Contains(err.Error(), "timeout") {
		if len(answer) == 0 {
			t.Errorf("no answer to a line of 200 KiB: %v", err)
		}
	}
	for _, junk := range []string{"\n", "\x00\n", "\"open\n", "status \"\\\n", "nosuchverb\n", "wait nostate a\n", "logs -n -5\n", "logs -n 99999999999999999999 a\n",
		"kill a 99999999999\n", "stop\n", "start ''\n", "status " + strings.Repeat("a ", 30000) + "\n", "\xff\xfe\x1b\n", "show\n", "why a a\n", strings.Repeat("ping\n", 5000)} {
		c := in.dial()
		c.SetDeadline(time.Now().Add(step))
		c.Write([]byte(junk))
		c.(*net.UnixConn).CloseWrite()
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%.40q: the connection does not end", junk)
		}
		c.Close()
		in.ok("ping")
	}
	in.is("a", "running")
	in.flat()
}

// SPEC 6: wait for several units and states.
func TestF4_Wait(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} waitfile {D}/go-a\ntask b {V} waitfile {D}/go-b\n"+svc("c"))
	done := make(chan result, 1)
	go func() { done <- in.ctl("wait", "a", "b", "c") }()
	in.touch("go-a")
	in.state("a", "exited")
	select {
	case r := <-done:
		t.Fatalf("wait ended before b was done: %d %s", r.code, r.all())
	default:
	}
	in.touch("go-b")
	select {
	case r := <-done:
		if r.code != 0 {
			t.Errorf("wait exits %d: %s", r.code, r.all())
		}
	case <-time.After(step):
		t.Fatal("wait does not end")
	}
	in.ok("wait", "--for", "exited", "a", "b")
	in.must(3, "-t", "200ms", "wait", "--for", "failed", "a")
	in.must(3, "-t", "200ms", "wait", "--for", "inactive", "c")
	in.must(4, "wait", "a", "ghost")
	in.must(2, "wait", "--for", "nostate", "a")
	in.must(2, "wait")
	in.ok("stop", "c")
	in.ok("wait", "--for", "inactive", "c")
	in.ok("wait", "--for", "down", "c")
}

// SPEC 6: -t ends the waiting, not the start.
func TestF4_TimeoutOfTheClient(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} waitfile {D}/go , ready 3 , sleep\n  ready fd 3\n  start manual\n")
	in.must(3, "-t", "200ms", "start", "a")
	in.is("a", "starting")
	in.touch("go")
	in.state("a", "running")
}

// SPEC 6: who may do what.
func TestF5_AnotherUser(t *testing.T) {
	needRoot(t)
	t.Parallel()
	const other, member = 4321, 4322
	in := startWith(t, Options{Mode: rooted}, svc("a"))
	in.settled("a")
	must(t, os.Chmod(in.dir+"/ctl", 0o755))
	r := in.ctlAs(other, "list")
	if r.code != 1 || !strings.Contains(r.all(), "permission denied") {
		t.Errorf("mode 0600: exit %d, expected 1 and permission denied: %s", r.code, r.all())
	}
	in2 := startWith(t, Options{Mode: rooted, Root: map[string]string{"etc/group": fmt.Sprintf("root:x:0:\nops:x:%d:\n", member)}},
		"option ctl-read all\noption ctl-group ops\nset SECRET hunter2\n"+svc("a", "env PASSWORD=hunter2", "reload-exec {V} exit 0"))
	in2.settled("a")
	for _, v := range [][]string{{"list"}, {"status", "a"}, {"why", "a"}, {"show", "a"}, {"logs", "a"}, {"ping"}, {"version"}, {"tree"}} {
		if r := in2.ctlAs(other, v...); r.code != 0 {
			t.Errorf("ctl-read all: %v exits %d: %s", v, r.code, r.all())
		} else if strings.Contains(r.all(), "hunter2") {
			t.Errorf("%v shows an env value to a stranger:\n%s", v, r.all())
		}
	}
	in2.contains(in2.ok("show", "a"), "hunter2") // root sees it
	for _, v := range [][]string{{"stop", "a"}, {"start", "a"}, {"restart", "a"}, {"kill", "a"}, {"reload", "a"}, {"stop-all"}, {"start-all"}, {"shutdown"}, {"poweroff"}, {"reboot"}, {"halt"}} {
		if r := in2.ctlAs(other, v...); r.code != 1 || !strings.Contains(r.all(), "permission denied") {
			t.Errorf("ctl-read all: %v exits %d, expected 1: %s", v, r.code, r.all())
		}
	}
	for _, v := range [][]string{{"stop", "a"}, {"start", "a"}, {"restart", "a"}, {"kill", "a", "CONT"}, {"reload", "a"}, {"list"}} {
		if r := in2.ctlAs(member, v...); r.code != 0 {
			t.Errorf("ctl-group: %v exits %d: %s", v, r.code, r.all())
		}
	}
	if r := in2.ctlAs(member, "show", "a"); strings.Contains(r.all(), "hunter2") {
		t.Errorf("show gives an env value to the group:\n%s", r.all())
	}
	for _, v := range []string{"shutdown", "poweroff", "reboot", "halt", "reload"} {
		if r := in2.ctlAs(member, v); r.code != 1 || !strings.Contains(r.all(), "permission denied") {
			t.Errorf("ctl-group: %s exits %d, expected 1: %s", v, r.code, r.all())
		}
	}
	in2.is("a", "running")
}

// SPEC 6: the modes of the socket.
func TestF5_SocketModes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]os.FileMode{"": 0o600, "option ctl-read all\n": 0o666, fmt.Sprintf("option ctl-group %d\n", gid()): 0o660} {
		in := start(t, text+svc("a"))
		in.settled("a")
		st, err := os.Stat(in.sock)
		must(t, err)
		if st.Mode().Perm() != want {
			t.Errorf("%q: mode %o, expected %o", text, st.Mode().Perm(), want)
		}
	}
}

// SPEC 7: HUP binds a lost socket again.
func TestF6_SocketRemoved(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	pid := in.unit("a").pid()
	must(t, os.Remove(in.sock))
	in.must(5, "ping")
	in.signal(1)
	in.until("the socket is back", func() bool { return in.ctl("ping").code == 0 })
	if u := in.is("a", "running"); u.pid() != pid {
		t.Errorf("a has pid %d, had %d", u.pid(), pid)
	}
	in.signal(1) // nothing lost, nothing done
	in.ok("ping")
	in.ok("status", "a")
}

// SPEC 2: a socket that answers is never taken; a dead one is.
func TestF6_SocketInUse(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	r := program(t, uid, nil, moteBin, "init", "-s", in.sock, "-c", in.dir+"/c")
	if r.code != 1 || !strings.Contains(r.all(), in.sock) {
		t.Errorf("a second supervisor exits %d, expected 1 with the socket's path: %s", r.code, r.all())
	}
	in.is("a", "running")
	if n := len(in.order()); n != 1 {
		t.Errorf("%d starts, expected one", n)
	}
	in2 := prepareInit(t, Options{}, svc("a"))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: in2.sock, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	l.Close() // the file stays, nobody listens
	in2.own(in2.sock)
	in2.launch()
	in2.until("the init answers", func() bool { return in2.ctl("ping").code == 0 })
}

// SPEC 2: where the socket is without -s.
func TestF6_DefaultSocket(t *testing.T) {
	t.Parallel()
	in := prepareInit(t, Options{}, svc("a")+"task b {V} appendenv {D}/env MOTE_SOCKET\n")
	in.mkdir("run")
	in.sock = in.dir + "/run/mote/ctl.sock"
	in.opt.Env = []string{"XDG_RUNTIME_DIR=" + in.dir + "/run"}
	in.exec("init", "-c", in.inside("c"))
	t.Cleanup(in.end)
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	st, err := os.Stat(in.dir + "/run/mote")
	must(t, err)
	if st.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %o, expected 700", st.Mode().Perm())
	}
	if r := client(t, uid, []string{"XDG_RUNTIME_DIR=" + in.dir + "/run"}, "list"); r.code != 0 {
		t.Errorf("XDG_RUNTIME_DIR: exit %d: %s", r.code, r.all())
	}
	if r := client(t, uid, []string{"MOTE_SOCKET=" + in.sock, "XDG_RUNTIME_DIR=/nowhere"}, "list"); r.code != 0 {
		t.Errorf("MOTE_SOCKET: exit %d: %s", r.code, r.all())
	}
	if r := client(t, uid, []string{"MOTE_SOCKET=/nowhere"}, "-s", in.sock, "list"); r.code != 0 {
		t.Errorf("-s: exit %d: %s", r.code, r.all())
	}
	if got := in.appears("env", 1)[0]; got != "MOTE_SOCKET="+in.sock {
		t.Errorf("children get %s", got)
	}
}

// SPEC 6: exit statuses.
func TestF8_ExitStatuses(t *testing.T) {
	t.Parallel()
	in := start(t, svc("up")+svc("down", "start manual")+"service bad {V} exit 1\n  ready fd 3\n  restart never\n  start manual\n"+"task done {V} exit 0\n")
	in.settled("up", "done")
	in.must(0, "status", "up")
	in.must(0, "status", "done")
	in.must(3, "status", "down")
	in.must(4, "status", "ghost")
	for _, v := range []string{"start", "stop", "restart", "why", "show", "kill"} {
		if out := in.must(4, v, "ghost"); !strings.Contains(out, "ghost") {
			t.Errorf("%s ghost says %q", v, out)
		}
	}
	in.must(1, "start", "bad")
	in.must(0, "start", "up")
	in.must(0, "stop", "down")
	for _, v := range [][]string{{"start"}, {"stop"}, {"nosuchverb"}, {"why"}, {"list", "x"}, {"-t", "x", "ping"}, {"--nosuch", "list"}, {"logs", "-n", "x"}, {"list", "--nosuch"}} {
		if r := in.ctl(v...); r.code != 2 || r.err == "" {
			t.Errorf("%q exits %d, expected 2 and a reason: %s", v, r.code, r.all())
		}
	}
	if r := client(t, uid, nil, "-s", in.dir+"/nothing", "list"); r.code != 5 || r.err == "" {
		t.Errorf("no init: exit %d, expected 5 and a reason: %s", r.code, r.all())
	}
	// Several names: all are done, one that does not exist spoils nothing by halves.
	in.must(4, "stop", "up", "ghost")
	in.is("up", "running")
	// The power verbs are not a supervisor's, and it says what is.
	for _, v := range []string{"poweroff", "reboot", "halt"} {
		in.contains(in.must(1, v), "shutdown")
	}
	in.is("up", "running")
}

// SPEC 1: the name decides; the words of the file's own name are verbs too.
func TestF8_Names(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	if r := program(t, uid, nil, moteBin, "-s", in.sock, "list"); r.code != 0 || !strings.Contains(r.out, "a") {
		t.Errorf("mote -s SOCKET list: exit %d: %s", r.code, r.all())
	}
	if r := program(t, uid, []string{"MOTE_SOCKET=" + in.sock}, moteBin, "status", "a"); r.code != 0 {
		t.Errorf("mote status a: exit %d: %s", r.code, r.all())
	}
	dir, err := os.MkdirTemp(base, "names")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, n := range []string{"poweroff", "reboot", "halt"} {
		must(t, os.Symlink(moteBin, dir+"/"+n))
		if r := program(t, ordinary(t), []string{"MOTE_SOCKET=" + in.sock}, dir+"/"+n); r.code != 1 || !strings.Contains(r.all(), "shutdown") {
			t.Errorf("%s exits %d, expected 1 and shutdown: %s", n, r.code, r.all())
		}
		if r := program(t, ordinary(t), []string{"MOTE_SOCKET=" + dir + "/none"}, dir+"/"+n); r.code != 5 {
			t.Errorf("%s without an init exits %d, expected 5: %s", n, r.code, r.all())
		}
	}
	in.is("a", "running")
}

// ordinary gives a user that cannot hurt the machine, whatever is under test.
func ordinary(t *testing.T) int {
	t.Helper()
	if uid == 0 {
		t.Fatal("this must never run as root")
	}
	return uid
}

// SPEC 6: a unit whose command holds control bytes leaves the terminal alone.
func TestF10_ControlBytes(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} exit 3 \x1b[31mred\x07 \x9b2J '\x1b]0;title\x07'\n  restart never\n  description \x1b[5mblink\x1b[0m\x0e\n  env 'X=\x1b[2J'\n"+
		"service b {V} print \x1b[31mlog , sleep\n"+"service c \x1b[7m/no/such\n  restart never\n")
	in.state("a", "failed")
	in.settled("b")
	in.until("b has printed", func() bool { l, _ := in.logs("b"); return len(l) == 1 })
	for _, v := range [][]string{{"list"}, {"status", "a"}, {"status", "b"}, {"status"}, {"status", "c"}, {"why", "a"}, {"why", "c"}, {"show", "a"}, {"logs", "b"}, {"logs"}, {"tree"},
		{"start", "c"}, {"status", "\x1b[31mghost"}, {"\x1b[31mverb"}} {
		out := in.terminal(v...)
		for _, b := range []string{"\x1b", "\x07", "\x9b", "\x0e"} {
			if strings.Contains(strings.ReplaceAll(out, "\xc2\x9b", ""), b) {
				t.Errorf("%q sends %q to the terminal:\n%.600q", v, b, out)
			}
		}
	}
	if r := in.ctl("--json", "list"); !json.Valid([]byte(r.out)) {
		t.Errorf("list --json is not JSON: %q", r.out)
	}
}

// SPEC 6: NO_COLOR, and no colour when it is no terminal.
func TestF10_Colour(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+"service b {V} exit 1\n  restart never\n")
	in.settled("a")
	in.state("b", "failed")
	r := client(t, uid, []string{"TERM=xterm-256color"}, "-s", in.sock, "list")
	if strings.Contains(r.all(), "\x1b") {
		t.Errorf("colour in a pipe: %q", r.all())
	}
	for _, l := range strings.Split(in.terminal("list"), "\n") {
		if n := len([]rune(strings.TrimRight(l, "\r"))); n > 80 {
			t.Errorf("a line of %d columns: %q", n, l)
		}
	}
}
