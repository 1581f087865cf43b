package accept

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o600) }

// logs gives the lines of a unit that the init holds, and the sum of the
// lines that it says were dropped.
func (in *Init) logs(args ...string) ([]string, int) {
	in.t.Helper()
	r := in.ctl(append([]string{"--json", "logs", "-n", "1000000"}, args...)...)
	if r.code != 0 {
		in.t.Fatalf("logs %v exits %d: %s", args, r.code, r.err)
	}
	var lines []string
	dropped := 0
	for _, o := range decodeAll(in.t, r.out) {
		m, ok := o.(map[string]any)
		if !ok {
			in.t.Fatalf("logs --json: %v is no object", o)
		}
		if n, ok := m["dropped"].(float64); ok {
			dropped += int(n)
		} else if s, ok := m["text"].(string); ok {
			lines = append(lines, s)
		} else {
			in.t.Fatalf("logs --json: %v", m)
		}
	}
	return lines, dropped
}

// decodeAll reads one JSON value after the other; an array stands for its
// elements.
func decodeAll(t *testing.T, text string) []any {
	t.Helper()
	var all []any
	d := json.NewDecoder(strings.NewReader(text))
	for d.More() {
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("not JSON: %v\n%.1000s", err, text)
		}
		if a, ok := v.([]any); ok {
			all = append(all, a...)
		} else {
			all = append(all, v)
		}
	}
	return all
}

// L1: a ring keeps the newest whole lines and says how many it dropped.
func TestE1_RingDropsOldest(t *testing.T) {
	t.Parallel()
	const total, width = 16384, 64
	in := start(t, "task a {V} lines 16384 64\n  log ring 64K\n"+"task b {V} lines 10 64\n")
	in.state("a", "exited")
	in.state("b", "exited")
	in.until("the last line is there", func() bool {
		l, _ := in.logs("a")
		return len(l) > 0 && strings.HasPrefix(l[len(l)-1], "line 0016384 ")
	})
	lines, dropped := in.logs("a")
	for i, l := range lines {
		if len(l) != width-1 || !strings.HasPrefix(l, "line ") {
			t.Fatalf("line %d is not whole: %q", i, l)
		}
		if n, _ := strconv.Atoi(l[5:12]); n != total-len(lines)+1+i {
			t.Fatalf("line %d is number %d: a gap", i, n)
		}
	}
	if dropped+len(lines) != total {
		t.Errorf("%d lines and %d dropped, expected %d in all", len(lines), dropped, total)
	}
	if bytes := len(lines) * width; bytes > 64<<10 || bytes < 32<<10 {
		t.Errorf("%d bytes are kept in a ring of 64K", bytes)
	}
	in.contains(in.ok("logs", "-n", "1000000", "a"), strconv.Itoa(dropped))
	if l, d := in.logs("b"); len(l) != 10 || d != 0 {
		t.Errorf("b has %d lines, %d dropped; expected 10, 0", len(l), d)
	}
}

// L1: both streams, across restarts, each line once; -n, names and -f.
func TestE1_LogsOfSeveral(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/runs run , print out one , eprint err two , waitfile {D}/die-a\n  restart always delay 10ms limit 1\n"+
		"task b {V} print from-b , print last-b\n"+"task q {V} print secret\n  log null\n")
	in.state("b", "exited")
	in.state("q", "exited")
	in.until("a has printed", func() bool { l, _ := in.logs("a"); return len(l) == 2 })
	w := in.follow("logs", "-f", "a")
	in.touch("die-a")
	in.state("a", "failed")
	in.until("follow shows the second run", func() bool { return len(w.texts("a")) >= 4 })
	if l, _ := in.logs("a"); strings.Join(l, "|") != "out one|err two|out one|err two" {
		t.Errorf("a logged %q", l)
	}
	if r := in.ctl("--json", "logs", "-n", "1", "b"); !strings.Contains(r.out, "last-b") || strings.Contains(r.out, "from-b") {
		t.Errorf("logs -n 1: %s", r.all())
	}
	in.contains(in.ok("logs"), "from-b", "out one", "mote") // all units and the init itself
	if l, _ := in.logs("q"); len(l) != 0 {
		t.Errorf("log null holds %q", l)
	}
	in.must(4, "logs", "ghost")
	in.contains(in.ok("status", "b"), "last-b")
}

// L1: the pipe outlives the process: what it printed last is there.
func TestE1_LastWords(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} print 'last words' , bytes 6e6f206e65776c696e65 , die KILL\n  restart never\n")
	in.state("a", "failed")
	in.until("the last words are there", func() bool {
		l, _ := in.logs("a")
		return len(l) == 2 && l[0] == "last words" && l[1] == "no newline"
	})
}

// The key log kmsg.
func TestE8_Kmsg(t *testing.T) {
	needRoot(t)
	k, err := syscall.Open("/dev/kmsg", syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("needs root: cannot read /dev/kmsg: %v", err)
	}
	defer syscall.Close(k)
	syscall.Seek(k, 0, 2)
	word := "accept-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	in := startWith(t, Options{Mode: rooted, Dev: "host"}, "task a {V} print "+word+"\n  log kmsg\n")
	in.state("a", "exited")
	buf := make([]byte, 8192)
	in.until("the kernel's log has the line", func() bool {
		for {
			n, err := syscall.Read(k, buf)
			if n <= 0 || err != nil {
				return false
			}
			if bytes.Contains(buf[:n], []byte(word)) {
				if !bytes.Contains(buf[:n], []byte("a:")) && !bytes.Contains(buf[:n], []byte("a[")) {
					t.Errorf("no unit's name in %q", buf[:n])
				}
				return true
			}
		}
	})
}

// L1: bytes pass as they are; a line without end is split at the limit, and
// nothing of it is lost.
func TestE9_BytesAndLongLines(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} bytes ff00fe1b5b33316d800a , print after\n  log ring 64K\n"+"task b {V} bigline 1048576 , print after\n  log ring 4M\n")
	in.state("a", "exited")
	in.state("b", "exited")
	in.until("all is there", func() bool {
		a, _ := in.logs("a")
		b, _ := in.logs("b")
		return len(a) == 2 && a[1] == "after" && len(b) > 1 && b[len(b)-1] == "after"
	})
	if out := in.ctl("logs", "a").out; !strings.Contains(out, "\xff\x00\xfe\x1b[31m\x80\n") {
		t.Errorf("the bytes did not pass: %q", out)
	}
	lines, dropped := in.logs("b")
	sum := 0
	for _, l := range lines[:len(lines)-1] {
		if strings.Trim(l, "x") != "" {
			t.Fatalf("a piece is not its own: %.80q", l)
		}
		sum += len(l)
	}
	if sum != 1<<20 || dropped != 0 || len(lines) < 3 {
		t.Errorf("%d bytes in %d pieces, %d dropped; expected %d, split, none", sum, len(lines)-1, dropped, 1<<20)
	}
}

// L1: a flood slows nobody else, and is not stopped from being stopped.
func TestE10_Flood(t *testing.T) {
	t.Parallel()
	in := start(t, "service f1 {V} flood\nservice f2 {V} flood\n  log ring 64K\nservice f3 {V} flood\n  log null\n"+svc("a"))
	in.settled("f1", "f2", "f3", "a")
	for range 30 {
		in.ok("ping")
		in.ok("status", "a")
	}
	in.ok("restart", "a")
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.when("a", "is back", func(u Unit) bool { return u.State == "running" && u.Restarts == 1 })
	for range 30 {
		in.ok("logs", "-n", "5", "f1")
	}
	in.flat()
	in.ok("stop", "f1", "f2", "f3")
}

// L1: a client that follows a flood and does not read slows nobody.
func TestE10_FollowerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	in := start(t, "service f {V} flood\n"+svc("a"))
	in.settled("f", "a")
	c := in.dial()
	defer c.Close()
	c.Write([]byte("logs -f f\n"))
	c2 := in.dial()
	defer c2.Close()
	for range 2000 { // requests whose answers nobody takes
		c2.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c2.Write([]byte("list\nlogs -n 1000\n")); err != nil {
			break
		}
	}
	for range 20 {
		in.ok("restart", "a")
		in.ok("logs", "-n", "3", "f")
	}
	if m := in.memory(); m > 16<<10 { // the bound of what clients may hold
		t.Errorf("the init has %d kB", m)
	}
}

// SPEC 6: who asks for the lines of a unit that keeps none is told so, and where
// they are.
func TestE1_LogsWithoutRing(t *testing.T) {
	t.Parallel()
	in := start(t, "service n {V} print gone , sleep\n  log null\nservice one {V} print x , sleep\n  log file {D}/one 8K x1\n"+
		"service two {V} print x , sleep\n  log file {D}/two 8K x2\nservice three {V} print x , sleep\n  log file {D}/three 8K x3\n")
	in.settled("n", "one", "two", "three")
	path := in.dir + "/w/"
	text := in.ok("logs", "n", "one", "two", "three")
	in.contains(text, "n: no ring is kept\n", "one: see "+path+"one; no ring is kept\n",
		"two: see "+path+"two and "+path+"two.1; no ring is kept\n", "three: see "+path+"three and "+path+"three.1 to .2; no ring is kept\n")
	if text := in.ok("logs"); strings.Contains(text, "no ring") {
		t.Errorf("logs of all says %q", text)
	}
}
