package accept

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// logChild gives the pid of "mote log WORD", or 0.
func (in *Init) logChild(word string) int {
	for _, pid := range in.children("") {
		cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.HasPrefix(string(cmd), "mote\x00log\x00"+word) {
			return pid
		}
	}
	return 0
}

// logText gives what a unit's log holds.
func (in *Init) logText(name string) string {
	in.t.Helper()
	return in.ok("logs", name)
}

// logHas waits until a unit's log has each of the words.
func (in *Init) logHas(name string, words ...string) {
	in.t.Helper()
	for _, w := range words {
		in.until(fmt.Sprintf("%q is in the log of %s", w, name), func() bool { return strings.Contains(in.logText(name), w) })
	}
}

// sendLog sends a datagram from outside of any unit.
func (in *Init) sendLog(path, text string) {
	in.t.Helper()
	c, err := net.Dial("unixgram", in.dir+"/w/"+path)
	must(in.t, err)
	defer c.Close()
	_, err = c.Write([]byte(text))
	must(in.t, err)
}

// F3: what comes in on the socket is filed by the sender: by a service, by a
// command of it, by a task that has ended; and a stranger's is not the init's.
func TestF3_Syslog(t *testing.T) {
	t.Parallel()
	in := start(t, `option syslog {D}/log
service a {V} sendlog {D}/log '<30>Oct 11 22:14:15 prog[7]: by a\nand more' , childlog {D}/log '<30>child: too' , sleep
  log file {D}/a.log
  log ring 16K
task b {V} sendlog {D}/log '<165>1 2003-10-11T22:14:15Z host app 12 ID [x y="]"] by b'
service c {V} sleep
  pre {V} sendlog {D}/log 'bare words of pre'
  log null
`)
	in.state("b", "exited")
	in.logHas("a", " prog[7]: by a\n", " and more\n", " child: too\n")
	in.logHas("b", " app[12]: by b\n")
	in.sendLog("log", "<86>Oct 11 22:14:15 login: \x1b[2J who")
	in.logHas("mote", ": login: \\x1b[2J who\n")
	in.until("the file has them", func() bool { return len(in.lines("a.log")) >= 3 })
	for _, name := range []string{"mote", "b", "c"} {
		if text := in.logText(name); strings.Contains(text, "by a") || strings.Contains(text, "of pre") {
			t.Errorf("the log of %s has what is another's:\n%s", name, text)
		}
	}
	if st, err := os.Stat(in.dir + "/w/log"); err != nil || st.Mode() != os.ModeSocket|0o666 {
		t.Errorf("the socket is %v, %v", st, err)
	}
}

// The end: what is said last is there, and the socket goes.
func TestF3_SyslogAtTheEnd(t *testing.T) {
	t.Parallel()
	in := start(t, "option syslog {D}/log\ntask b {V} exit 0\n"+
		"  stop-exec {V} sendlog {D}/log 'b: last words'\n  log file {D}/b.log\n")
	in.state("b", "exited")
	in.ctl("shutdown")
	in.gone(3 * step)
	if got := in.lines("b.log"); len(got) != 1 || got[0] != "b: last words" {
		t.Errorf("the file has %q", got)
	}
	if _, err := os.Stat(in.dir + "/w/log"); err == nil {
		t.Error("the socket is still there")
	}
}

// A flood slows those that send it; not one of its lines is lost, nor the init
// kept from its work, nor any larger for it.
func TestF3_SyslogFlood(t *testing.T) {
	t.Parallel()
	const n = 40000
	in := start(t, fmt.Sprintf("option syslog {D}/log\ntask a {V} floodlog {D}/log %d\n  log file {D}/a.log 16M x2\ntask b {V} floodlog {D}/log %d\n"+
		"  log ring 16K\n", n, n)+svc("c", "start manual"))
	asked := 0
	for in.unit("a").State != "exited" || in.unit("b").State != "exited" {
		in.ok("start", "c")
		in.ok("stop", "c")
		asked++
	}
	in.until("all lines are in the file", func() bool { return len(in.lines("a.log")) == n })
	for i, l := range in.lines("a.log") {
		if want := fmt.Sprintf("flood: line %07d", i+1); l != want {
			t.Fatalf("line %d is %q, expected %q", i, l, want)
		}
	}
	in.logHas("b", fmt.Sprintf("flood: line %07d\n", n))
	if asked < 3 {
		t.Errorf("the init has done %d starts in the time", asked)
	}
	in.flat()
}

// The child is started again, and what is sent meanwhile is not lost.
func TestF3_SyslogChildEnds(t *testing.T) {
	t.Parallel()
	in := start(t, "option syslog {D}/log\nservice a {V} waitfile {D}/go , sendlog {D}/log one two three , sleep\n  log ring 16K\n")
	var pid int
	in.until("there is a child", func() bool { pid = in.logChild("syslog"); return pid > 0 })
	in.kill(pid, syscall.SIGKILL)
	in.until("it is gone", func() bool { return !alive(pid) })
	in.touch("go")
	in.logHas("a", " one\n", " two\n", " three\n")
	in.contains(in.logText("mote"), "syslog: the child was ended by KILL; next try in 200ms")
	if other := in.logChild("syslog"); other == pid || other == 0 {
		t.Errorf("the child is %d, it was %d", other, pid)
	}
}

// A reload moves the socket, takes it away and brings it back, and says so.
func TestF3_SyslogReload(t *testing.T) {
	t.Parallel()
	unit := svc("a")
	in := start(t, "option syslog {D}/one\n"+unit)
	rewrite := func(text string) string {
		in.write("c/test.conf", in.expand(text+unit))
		out := in.ok("reload", "--dry-run")
		if again := in.ok("reload"); again != out {
			t.Errorf("the dry run says %q, the reload %q", out, again)
		}
		return out
	}
	in.contains(rewrite("option syslog {D}/two\n"), "option syslog: changed")
	in.sendLog("two", "<1>to two")
	in.logHas("mote", ": to two\n")
	if _, err := os.Stat(in.dir + "/w/one"); err == nil {
		t.Error("the old socket is still there")
	}
	rewrite("")
	if _, err := os.Stat(in.dir + "/w/two"); err == nil {
		t.Error("the socket is still there")
	}
	in.until("the child has ended", func() bool { return in.logChild("syslog") == 0 })
	rewrite("option syslog {D}/one\n")
	in.sendLog("one", "<1>to one")
	in.logHas("mote", ": to one\n")
	in.contains(in.ok("reload"), "nothing has changed")
	must(t, os.Remove(in.dir+"/w/one"))
	in.ok("reload") // binds a lost one again
	in.sendLog("one", "<1>again to one")
	in.logHas("mote", ": again to one\n")
}

// A dead socket is replaced; a file, and a socket that answers, are not.
func TestF3_SyslogTaken(t *testing.T) {
	t.Parallel()
	in := prepareInit(t, Options{}, "option syslog {D}/log\n"+svc("a"))
	path := in.dir + "/w/log"
	dead, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	dead.Close() // leaves the file, as a daemon that was killed does
	in.own(path)
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.sendLog("log", "<1>first")
	in.logHas("mote", ": first\n")

	in.write("w/file", "precious")
	in.write("c/test.conf", in.expand("option syslog {D}/file\n"+svc("a")))
	in.ok("reload")
	in.logHas("mote", "option syslog: cannot listen on "+in.inside("w")+"/file: something that is not a socket is there")
	if got := in.lines("file"); len(got) != 1 || got[0] != "precious" {
		t.Errorf("the file is %q", got)
	}

	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: in.dir + "/w/other", Net: "unixgram"})
	must(t, err)
	defer other.Close()
	must(t, os.Chmod(in.dir+"/w/other", 0o666))
	in.write("c/test.conf", in.expand("option syslog {D}/other\n"+svc("a")))
	in.ok("reload")
	in.logHas("mote", "option syslog: another daemon answers on "+in.inside("w")+"/other")
	in.sendLog("other", "mine")
	buf := make([]byte, 16)
	other.SetReadDeadline(time.Now().Add(step))
	if n, err := other.Read(buf); err != nil || string(buf[:n]) != "mine" {
		t.Errorf("the other daemon gets %q, %v", buf[:n], err)
	}
}

// Without a path it is /dev/log, in a container too.
func TestF3_SyslogDefault(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container}, "option syslog\nservice a {V} sendlog /dev/log '<13>Oct  1 02:04:05 x: y' , sleep\n")
	in.logHas("a", " x: y\n")
}

// A sink that takes nothing keeps the messages waiting for a second, and none of
// the ring's is lost; who writes to the socket goes on then.
func TestF3_SyslogSinkStuck(t *testing.T) {
	t.Parallel()
	in := start(t, "option syslog {D}/log\nservice reader {V} sleep\ntask a {V} waitfile {D}/go , floodlog {D}/log 20000\n  after reader\n  log ring 16K\n  log pipe reader\n"+
		"task b {V} waitfile {D}/go , waitfile {D}/other , sendlog {D}/log 'b: too'\n")
	in.state("reader", "running")
	in.touch("go")
	in.logHas("mote", "log pipe reader: nothing was taken for a second")
	in.touch("other")
	in.logHas("b", " b: too\n")
	in.logHas("a", "flood: line 0020000\n")
	in.flat()
}
