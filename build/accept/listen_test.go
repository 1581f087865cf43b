package accept

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The key listen: all kinds, their order, their names, LISTEN_PID (the victim
// checks it), and that they block.
func TestListenHandsOver(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	abstract := fmt.Sprintf("@mote-accept-%d", os.Getpid())
	in := start(t, "service a {V} sockets {D}/got , serve\n  listen tcp 127.0.0.1:"+port+"\n  listen tcp "+loopback6()+":"+port+" name six\n"+
		"  listen udp 127.0.0.1:"+port+" name packets\n  listen unix {D}/run/deep/s mode 600 name 'the file'\n  listen unix "+abstract+"\n")
	in.settled("a")
	want := []string{
		"3 a type 1 127.0.0.1:" + port + " nonblock false",
		"4 six type 1 " + loopback6() + ":" + port + " nonblock false",
		"5 packets type 2 127.0.0.1:" + port + " nonblock false",
		"6 the file type 1 " + in.dir + "/w/run/deep/s nonblock false",
		"7 a type 1 " + abstract + " nonblock false",
	}
	if got := in.appears("got", 5); !slices.Equal(got, want) {
		t.Fatalf("it got\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	in.answers("a", "tcp", "127.0.0.1:"+port)
	in.answers("a", "tcp", loopback6()+":"+port)
	in.answers("a", "unix", in.dir+"/w/run/deep/s")
	in.answers("a", "unix", abstract)
	c, err := net.Dial("udp", "127.0.0.1:"+port)
	must(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(step))
	c.Write([]byte("hello"))
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	if text := fmt.Sprintf("%d hello", in.unit("a").pid()); err != nil || string(buf[:n]) != text {
		t.Errorf("udp answers %q, %v, expected %q", buf[:n], err, text)
	}
	st, err := os.Lstat(in.dir + "/w/run/deep/s")
	if err != nil || st.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket's file: %v, %v", st, err)
	}
	in.contains(in.ok("status", "a"), "tcp 127.0.0.1:"+port+", tcp "+loopback6()+":"+port+", udp 127.0.0.1:"+port+", unix "+in.dir+"/w/run/deep/s, unix "+abstract)
	in.ok("stop", "a")
	for _, addr := range []string{"127.0.0.1:" + port, loopback6() + ":" + port} {
		in.refused("tcp", addr)
	}
	in.refused("unix", abstract)
	in.refused("unix", in.dir+"/w/run/deep/s")
	if _, err := os.Lstat(in.dir + "/w/run/deep/s"); err == nil {
		t.Error("the socket's file is left after the stop")
	}
}

// A command that is not the main one, and a unit without listen, have none of it.
func TestListenIsForTheMainProcess(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} appendenv {D}/env LISTEN_FDS LISTEN_FDNAMES , sleep\n  pre {V} appendenv {D}/env LISTEN_FDS LISTEN_PID\n"+
		"  listen unix {D}/s\n  env LISTEN_PID=1 LISTEN_FDS=9\n"+
		"service b {V} appendenv {D}/envb LISTEN_FDS LISTEN_PID LISTEN_FDNAMES , sleep\n")
	if got := in.appears("env", 2); got[1] != "LISTEN_FDS=1|LISTEN_FDNAMES=a" {
		t.Errorf("environments: %q", got)
	}
	if got := in.appears("envb", 1); got[0] != "LISTEN_FDS unset|LISTEN_PID unset|LISTEN_FDNAMES unset" {
		t.Errorf("a unit without listen: %q", got)
	}
}

// Mode and owner of a file, and the folders that are made for it.
func TestListenOwner(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted, Root: map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/:/bin/false\n"}},
		"service a /victim serve\n  listen unix /run/web/s mode 620 user web\n  umask 027\n  listen unix /run/t\n"+
			"service b /victim serve\n  listen unix /run/b user nobody-here\n  restart never\n")
	in.settled("a")
	for path, want := range map[string][3]uint32{"run/web": {0, 0, 0o755}, "run/web/s": {33, 34, 0o620}, "run/t": {0, 0, 0o750}} {
		var st syscall.Stat_t
		must(t, syscall.Lstat(in.dir+"/"+path, &st))
		if got := [3]uint32{st.Uid, st.Gid, st.Mode & 0o7777}; got != want {
			t.Errorf("%s: owner, group and mode %d:%d %o, expected %d:%d %o", path, got[0], got[1], got[2], want[0], want[1], want[2])
		}
	}
	in.contains(in.state("b", "failed").reason(), "listen: unix /run/b: cannot find user \"nobody-here\"")
	in.ok("shutdown")
	in.gone(3 * step)
	for _, path := range []string{"run/web/s", "run/t"} {
		if _, err := os.Lstat(in.dir + "/" + path); err == nil {
			t.Errorf("%s is left at the end", path)
		}
	}
}

// The sockets are open across crashes and their backoff: who calls is served by
// the next process, and never refused.
func TestListenAcrossRestarts(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	in := start(t, "service a {V} serve\n  listen tcp 127.0.0.1:"+port+"\n  listen unix {D}/s\n  restart always delay 0\n")
	in.settled("a")
	tcp, local := startCaller(t, "tcp", "127.0.0.1:"+port), startCaller(t, "unix", in.dir+"/w/s")
	old := in.unit("a").pid()
	for range 50 {
		in.kill(old, syscall.SIGKILL)
		old = in.when("a", "has a new process", func(u Unit) bool { return u.State == "running" && u.pid() != old }).pid()
	}
	in.answers("a", "tcp", "127.0.0.1:"+port)
	if n, m := tcp.end(t), local.end(t); n == 0 || m == 0 {
		t.Errorf("%d and %d calls were answered", n, m)
	}
}

// A connection that is made in the backoff waits for the next process.
func TestListenInBackoff(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} serve\n  listen unix {D}/s\n  restart always delay 1h\n")
	in.settled("a")
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.state("a", "backoff")
	c, err := net.Dial("unix", in.dir+"/w/s")
	must(t, err)
	defer c.Close()
	in.ok("start", "a")
	c.SetDeadline(time.Now().Add(step))
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != fmt.Sprintln(in.unit("a").pid()) {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// A unit that is at rest has no socket open.
func TestListenClosedAtRest(t *testing.T) {
	t.Parallel()
	in := start(t, "service exits {V} waitfile {D}/go\n  listen unix {D}/1\n  restart on-failure\n"+
		"service fails {V} waitfile {D}/go , exit 1\n  listen unix {D}/2\n  restart never\n"+
		"service gone {V} serve\n  requires fails\n  listen unix {D}/3\n")
	in.settled("exits", "fails", "gone")
	in.answers("gone", "unix", in.dir+"/w/3")
	in.touch("go")
	in.state("exits", "exited")
	in.state("fails", "failed")
	in.state("gone", "failed")
	for _, n := range []string{"1", "2", "3"} {
		in.refused("unix", in.dir+"/w/"+n)
	}
}

// What it requires restarts: the unit waits for it with its sockets open.
func TestListenWhileBlocked(t *testing.T) {
	t.Parallel()
	in := start(t, svc("b", "restart always delay 0")+"service a {V} serve\n  requires b\n  listen unix {D}/s\n")
	in.settled("a", "b")
	calls := startCaller(t, "unix", in.dir+"/w/s")
	for range 5 {
		old := in.unit("a").pid()
		in.kill(in.unit("b").pid(), syscall.SIGKILL)
		in.when("a", "has a new process", func(u Unit) bool { return u.State == "running" && u.pid() != old })
	}
	in.ok("restart", "a")
	in.ok("restart", "b")
	in.settled("a")
	if calls.end(t) == 0 {
		t.Error("no call was answered")
	}
}

// A reload that changes the command keeps the sockets; one that changes listen
// closes what is not asked for any more.
func TestListenReload(t *testing.T) {
	t.Parallel()
	port, other := freePort(t), freePort(t)
	config := "service a {V} print one , serve\n  listen tcp 127.0.0.1:" + port + "\n  listen unix {D}/s\n"
	in := start(t, config)
	in.settled("a")
	calls, local := startCaller(t, "tcp", "127.0.0.1:"+port), startCaller(t, "unix", in.dir+"/w/s")
	again := func(from, to string) {
		old := in.unit("a").pid()
		config = strings.Replace(config, from, to, 1)
		in.write("c/test.conf", in.expand(config))
		in.contains(in.ok("reload"), "restart it")
		in.when("a", "has a new process", func(u Unit) bool { return u.State == "running" && u.pid() != old })
	}
	again("print one", "print two")
	again("listen tcp 127.0.0.1:"+port, "listen tcp 127.0.0.1:"+other+" name new\n  listen tcp 127.0.0.1:"+port+" name old")
	in.answers("a", "tcp", "127.0.0.1:"+other)
	if calls.end(t) == 0 {
		t.Error("no call was answered")
	}
	again("  listen tcp 127.0.0.1:"+port+" name old\n", "")
	in.refused("tcp", "127.0.0.1:"+port)
	in.answers("a", "tcp", "127.0.0.1:"+other)
	if local.end(t) == 0 {
		t.Error("no call to the socket that stays was answered")
	}
	again("listen unix {D}/s", "listen unix {D}/s mode 640")
	if st, err := os.Lstat(in.dir + "/w/s"); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", st, err)
	}
	in.answers("a", "unix", in.dir+"/w/s")
}

// What is in the way of a file: a dead socket is replaced, a live one and any
// other file are not; the start is tried again until it goes.
func TestListenInTheWay(t *testing.T) {
	t.Parallel()
	in := prepareInit(t, Options{}, "service dead {V} serve\n  listen unix {D}/dead\n"+
		"service file {V} serve\n  listen unix {D}/file\n  restart always delay 50ms max 50ms\n"+
		"service live {V} serve\n  listen unix {D}/live\n  restart always delay 50ms max 50ms\n")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: in.dir + "/w/dead"})
	must(t, err)
	old.SetUnlinkOnClose(false)
	old.Close()
	must(t, os.Lchown(in.dir+"/w/dead", uid, gid()))
	live, err := net.ListenUnix("unix", &net.UnixAddr{Name: in.dir + "/w/live"})
	must(t, err)
	must(t, os.Chmod(in.dir+"/w/live", 0o666))
	in.write("w/file", "kept")
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("dead")
	in.answers("dead", "unix", in.dir+"/w/dead")
	u := in.when("file", "is refused", func(u Unit) bool { return u.Restarts > 1 && u.State == "backoff" })
	in.contains(u.reason(), "spawn listen: unix "+in.dir+"/w/file: something that is not a socket is there: remove it")
	if got := in.lines("file"); len(got) != 1 || got[0] != "kept" {
		t.Errorf("the file is %q", got)
	}
	u = in.when("live", "is refused", func(u Unit) bool { return u.Restarts > 1 && u.State == "backoff" })
	in.contains(u.reason(), "spawn listen: unix "+in.dir+"/w/live: somebody listens there already")
	must(t, os.Remove(in.dir+"/w/file"))
	live.Close()
	in.settled("file", "live")
	in.answers("file", "unix", in.dir+"/w/file")
}

// An address that another has is a failed start, tried again until it is free.
func TestListenAddressInUse(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(t, err)
	in := start(t, "service a {V} serve\n  listen unix {D}/s\n  listen tcp 127.0.0.1:"+port+"\n  restart always delay 50ms max 50ms\n")
	u := in.when("a", "is refused", func(u Unit) bool { return u.Restarts > 1 && u.State == "backoff" })
	in.contains(u.reason(), "spawn listen EADDRINUSE: tcp 127.0.0.1:"+port+": address already in use: it is held by ")
	in.refused("unix", in.dir+"/w/s") // nobody is to wait for it
	in.must(1, "start", "a")
	l.Close()
	in.settled("a")
	in.answers("a", "tcp", "127.0.0.1:"+port)
}

// A service that shuts its sockets down for all, or removes their file: the next
// one gets new ones.
func TestListenSpoilt(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	keys := "\n  listen tcp 127.0.0.1:" + port + "\n  listen udp 127.0.0.1:" + port + "\n  listen unix {D}/s\n  listen unix {D}/t\n"
	in := start(t, "service a {V} spoil , append {D}/runs run , sleep"+keys)
	in.appears("runs", 1)
	in.refused("tcp", "127.0.0.1:"+port)
	in.refused("unix", in.dir+"/w/s")
	must(t, os.Remove(in.dir+"/w/t"))
	in.write("c/test.conf", in.expand("service a {V} serve"+keys))
	in.ok("reload")
	in.settled("a")
	for _, addr := range []string{"/w/s", "/w/t"} {
		in.answers("a", "unix", in.dir+addr)
	}
	in.answers("a", "tcp", "127.0.0.1:"+port)
}
