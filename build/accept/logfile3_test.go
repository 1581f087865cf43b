package accept

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fileChild gives the pid of the child that writes files, or 0.
func (in *Init) fileChild() int {
	for _, pid := range in.children("") {
		cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.HasPrefix(string(cmd), "mote\x00log\x00files") {
			return pid
		}
	}
	return 0
}

// rotated gives the lines of PATH and its older files, oldest first, and their sizes.
func rotated(t *testing.T, path string) (lines []string, sizes []int) {
	t.Helper()
	names := []string{path}
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s.%d", path, i)
		if _, err := os.Stat(name); err != nil {
			break
		}
		names = append([]string{name}, names...)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if len(data) > 0 && data[len(data)-1] != '\n' {
			t.Errorf("%s does not end with a whole line", name)
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")...)
		sizes = append(sizes, len(data))
	}
	return lines, sizes
}

// numbered checks that lines are those of the victim's step "lines" from some
// number to last, without a gap.
func numbered(t *testing.T, lines []string, last int) {
	t.Helper()
	for i, l := range lines {
		if want := fmt.Sprintf("line %07d ", last-len(lines)+1+i); !strings.HasPrefix(l, want) {
			t.Fatalf("line %d of %d is %.20q, expected %q", i, len(lines), l, want)
		}
	}
}

// E5: three files, bounded, no line lost or split at a rotation.
func TestE5_RotatedFiles(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} lines 5000 64\n  log file {D}/new/a.log 10K x3\n"+"task b {V} lines 5000 64\n  log file {D}/b.log 1M x3\n  log ring 64K\n")
	in.state("a", "exited")
	in.state("b", "exited")
	for _, name := range []string{"new/a.log", "b.log"} {
		in.until("the last line is in "+name, func() bool {
			data, _ := os.ReadFile(in.dir + "/w/" + name)
			return strings.Contains(string(data), "line 0005000 ")
		})
	}
	lines, sizes := rotated(t, in.dir+"/w/new/a.log")
	numbered(t, lines, 5000)
	if len(sizes) != 3 || sizes[0] > 10<<10 || sizes[1] > 10<<10 || sizes[2] > 10<<10 || len(lines) < 2*10240/64 {
		t.Errorf("the files have %v bytes, expected three of at most 10K, two of them full", sizes)
	}
	lines, sizes = rotated(t, in.dir+"/w/b.log")
	numbered(t, lines, 5000)
	if len(sizes) != 1 || len(lines) != 5000 {
		t.Errorf("b has %d lines in files of %v bytes, expected 5000 in one", len(lines), sizes)
	}
	in.contains(in.ok("show", "a"), "log       file "+in.inside("w")+"/new/a.log 10K x3")
	r := in.ctl("logs", "a")
	in.contains(r.err, in.inside("w")+"/new/a.log")
	if l, _ := in.logs("b"); len(l) < 500 || l[len(l)-1] != lines[len(lines)-1] {
		t.Errorf("the ring has %d lines", len(l))
	}
	if left, _ := filepath.Glob(in.dir + "/w/new/*"); len(left) != 3 {
		t.Errorf("files %q", left)
	}
}

// L1: many units, one child; a file of two units has whole lines of both.
func TestE5_OneChildForAll(t *testing.T) {
	t.Parallel()
	config := ""
	for i := range 12 {
		config += fmt.Sprintf("task t%d {V} lines 200 80 , print done-%d\n  log file {D}/f%d.log 64K x2 stamp\n", i, i, i/2)
	}
	in := start(t, config)
	for i := range 12 {
		in.state(fmt.Sprintf("t%d", i), "exited")
	}
	for i := range 6 {
		in.until("both are there", func() bool {
			data, _ := os.ReadFile(fmt.Sprintf("%s/w/f%d.log", in.dir, i))
			s := string(data)
			return strings.Contains(s, fmt.Sprintf(" done-%d\n", 2*i)) && strings.Contains(s, fmt.Sprintf(" done-%d\n", 2*i+1))
		})
		lines, _ := rotated(t, fmt.Sprintf("%s/w/f%d.log", in.dir, i))
		if len(lines) != 402 {
			t.Errorf("f%d.log has %d lines, expected 402", i, len(lines))
		}
		for _, l := range lines {
			at, err := time.Parse("2006-01-02T15:04:05.000Z", l[:min(24, len(l))])
			if d := time.Since(at); err != nil || d < -time.Minute || d > time.Minute {
				t.Fatalf("%q begins with no time of today", l)
			}
		}
	}
	n := 0
	for _, pid := range in.children("") {
		if cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(cmd), "log\x00files") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d children write files, expected 1", n)
	}
	in.flat()
}

// L1: a child that is killed is started again, and no line is lost by that.
func TestE5_ChildKilled(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} print first , waitfile {D}/go , lines 2000 64 , sleep\n  log file {D}/a.log 1M\n")
	in.state("a", "running")
	in.until("the first line is there", func() bool {
		data, _ := os.ReadFile(in.dir + "/w/a.log")
		return string(data) == "first\n"
	})
	pid := in.fileChild()
	in.kill(pid, syscall.SIGTERM) // ignored
	in.kill(pid, syscall.SIGKILL)
	in.touch("go")
	in.until("all lines are there", func() bool {
		data, _ := os.ReadFile(in.dir + "/w/a.log")
		return strings.Count(string(data), "\n") == 2001
	})
	lines, _ := rotated(t, in.dir+"/w/a.log")
	numbered(t, lines[1:], 2000)
	if now := in.fileChild(); now == pid || now == 0 {
		t.Errorf("the child is %d, was %d", now, pid)
	}
	in.contains(in.ok("logs", "mote"), "log files: the child was ended by KILL")
}

// L1: a sink that takes nothing for a second loses whole lines, counted; the
// service and its ring go on.
func TestE5_SinkThatHangs(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} print first , waitfile {D}/go , lines 30000 64 , append {D}/said all , sleep\n  log file {D}/a.log 16M x2\n  log ring 64K\n"+
		"service q {V} waitfile {D}/go , print quiet , sleep\n  log file {D}/q.log\n  log ring\n")
	in.state("a", "running")
	in.until("the child is there", func() bool { return in.fileChild() != 0 && exists(in.dir+"/w/a.log") })
	pid := in.fileChild()
	in.kill(pid, syscall.SIGSTOP)
	in.touch("go")
	in.until("a has written everything", func() bool { return exists(in.dir + "/w/said") })
	in.until("the ring has it", func() bool {
		l, _ := in.logs("a")
		return len(l) > 0 && strings.HasPrefix(l[len(l)-1], "line 0030000 ")
	})
	in.contains(in.ok("logs", "q"), "quiet")
	in.kill(pid, syscall.SIGCONT)
	in.until("the loss is reported", func() bool { return strings.Contains(in.ok("logs", "mote"), "dropped: it did not take them in time") })
	in.flat()
	lines, _ := rotated(t, in.dir+"/w/a.log")
	for i, l := range lines {
		if i > 0 && len(l) != 63 {
			t.Fatalf("line %d is not whole: %q", i, l)
		}
	}
	if len(lines) < 100 || len(lines) > 29000 {
		t.Errorf("%d lines are in the file", len(lines))
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// L1: a file that cannot be written costs one warning; when it can, it goes on.
func TestE5_FileThatCannotBe(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} print one , waitfile {D}/go , lines 3000 64 , waitfile {D}/again , print last , sleep\n  log file {D}/d/a.log\n  log ring 1M\n")
	must(t, os.MkdirAll(in.dir+"/w/x", 0o755))
	in.state("a", "running")
	in.until("one is there", func() bool { return exists(in.dir + "/w/d/a.log") })
	must(t, os.Rename(in.dir+"/w/d", in.dir+"/w/old")) // and a file in its place
	in.touch("d")
	in.touch("go")
	in.until("the warning is there", func() bool { return strings.Contains(in.ok("logs", "mote"), "a.log: cannot write: ") })
	in.until("the ring has all", func() bool { l, _ := in.logs("a"); return len(l) == 3001 })
	must(t, os.Remove(in.dir+"/w/d"))
	time.Sleep(1100 * time.Millisecond) // the child tries once a second
	in.touch("again")
	in.until("it goes on", func() bool {
		data, _ := os.ReadFile(in.dir + "/w/d/a.log")
		return string(data) == "last\n"
	})
	in.until("the loss is told", func() bool { return strings.Contains(in.ok("logs", "mote"), "3000 lines dropped") })
	if n := strings.Count(in.ok("logs", "mote"), "cannot write"); n != 1 {
		t.Errorf("%d warnings, expected 1", n)
	}
}

// SPEC 8: what is buffered is in the file when the init is gone, though PID 1
// sends TERM to all that is left.
func TestE5_Shutdown(t *testing.T)          { testFileAtEnd(t, supervisor) }
func TestE5_ShutdownContainer(t *testing.T) { testFileAtEnd(t, container) }

func testFileAtEnd(t *testing.T, mode Mode) {
	t.Parallel()
	in := startWith(t, Options{Mode: mode}, "service a {V} print up , trap {D}/x TERM , lines 3000 64 , sleep\n  log file {D}/a.log 1M\n")
	in.state("a", "running")
	in.until("a prints", func() bool { return exists(in.dir + "/w/a.log") })
	in.signal(syscall.SIGTERM)
	if code := in.gone(3 * step); code != 0 {
		t.Errorf("the init exits %d", code)
	}
	lines, _ := rotated(t, in.dir+"/w/a.log")
	numbered(t, lines[1:], len(lines)-1)
	if len(lines) < 2 {
		t.Errorf("%d lines", len(lines))
	}
}

// SPEC 6: reload changes the file without touching the service.
func TestE5_ReloadSinks(t *testing.T) {
	t.Parallel()
	config := "service a {V} print one , waitfile {D}/two , print two , waitfile {D}/three , print three , sleep\n  log ring\n"
	in := start(t, config)
	in.state("a", "running")
	pid := in.unit("a").pid()
	in.until("one is there", func() bool { l, _ := in.logs("a"); return len(l) == 1 })
	in.write("c/test.conf", in.expand(config+"  log file {D}/a.log\n"))
	in.contains(in.ok("reload"), "a: log changed: no restart")
	in.touch("two")
	in.until("two is in the file", func() bool { d, _ := os.ReadFile(in.dir + "/w/a.log"); return string(d) == "two\n" })
	in.write("c/test.conf", in.expand(config+"  log file {D}/b.log 8K x1\n"))
	in.ok("reload")
	in.touch("three")
	in.until("three is in the other one", func() bool { d, _ := os.ReadFile(in.dir + "/w/b.log"); return string(d) == "three\n" })
	if d, _ := os.ReadFile(in.dir + "/w/a.log"); string(d) != "two\n" {
		t.Errorf("the old file has %q", d)
	}
	if l, _ := in.logs("a"); strings.Join(l, " ") != "one two three" || in.unit("a").pid() != pid {
		t.Errorf("the ring has %q", l)
	}
}

// SPEC 1: the role by hand.
func TestE5_ByHand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(input string, args ...string) (string, int) {
		cmd := exec.Command(moteBin, append([]string{"log"}, args...)...)
		cmd.Stdin = strings.NewReader(input)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	path := dir + "/a/b.log"
	var input strings.Builder
	for i := 1; i <= 1000; i++ {
		fmt.Fprintf(&input, "line %07d %s\n", i, strings.Repeat("-", 50))
	}
	if out, code := run(input.String()+"no newline", "file", path, "8K", "x3"); code != 0 || out != "" {
		t.Fatalf("exit %d: %s", code, out)
	}
	lines, sizes := rotated(t, path)
	if len(sizes) != 3 || lines[len(lines)-1] != "no newline" {
		t.Fatalf("%v, last %q", sizes, lines[len(lines)-1])
	}
	numbered(t, lines[:len(lines)-1], 1000)
	if out, code := run("x\n", "file", path, "8K", "x2"); code != 0 {
		t.Errorf("exit %d: %s", code, out)
	}
	if now, _ := rotated(t, path); now[len(now)-1] != "x" {
		t.Errorf("the last line is %q", now[len(now)-1])
	}
	if out, code := run("x\n", "file", dir); code != 1 || !strings.Contains(out, "it is no regular file") {
		t.Errorf("a folder: exit %d: %s", code, out)
	}
	for _, args := range [][]string{{}, {"file"}, {"file", "rel"}, {"file", path, "1K"}, {"pipe"}} {
		if out, code := run("", args...); code != 2 || !strings.Contains(out, "mote: log") {
			t.Errorf("%q: exit %d: %s", args, code, out)
		}
	}
}

// L1: log pipe: many producers, one consumer, whole lines; the pipe outlives
// the consumer's restarts.
func TestE5_PipeToUnit(t *testing.T) {
	t.Parallel()
	config := "service sink {V} cat {D}/got\n  restart always delay 10ms\n"
	for i := range 5 {
		config += fmt.Sprintf("task p%d {V} lines 300 %d\n  start manual\n  log pipe sink\n  log ring\n", i, 60+i)
	}
	in := start(t, config)
	in.state("sink", "running")
	in.ok("start", "p0", "p1", "p2", "p3", "p4")
	in.until("all lines are there", func() bool {
		d, _ := os.ReadFile(in.dir + "/w/got")
		return strings.Count(string(d), "line 0000300 ") == 5
	})
	lines, _ := rotated(t, in.dir+"/w/got")
	next := map[int]int{}
	for _, l := range lines {
		next[len(l)]++
		if want := fmt.Sprintf("line %07d ", next[len(l)]); !strings.HasPrefix(l, want) {
			t.Fatalf("%.30q: expected %q", l, want)
		}
	}
	if len(lines) != 1500 {
		t.Errorf("%d lines, expected 1500", len(lines))
	}
	in.ok("stop", "sink") // lines wait in the pipe
	in.ok("restart", "p0")
	in.ok("start", "sink")
	in.until("what waited is there", func() bool {
		d, _ := os.ReadFile(in.dir + "/w/got")
		return strings.Count(string(d), "\n") == 1800
	})
	in.contains(in.ctl("logs", "p0").err, "sink")
	in.ok("stop", "sink")
	start := time.Now()
	for range 20 { // more than the pipe and the buffer hold
		in.ok("restart", "p1", "p2", "p3", "p4")
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it took %v", d)
	}
	in.ok("start", "sink")
	in.until("the loss is told", func() bool {
		return strings.Contains(in.ok("logs", "mote"), "log pipe sink: ") && strings.Contains(in.ok("logs", "mote"), "dropped: it did not take them in time")
	})
	in.contains(in.must(1, "add", in.file("bad.conf", "service x /x\n  log pipe p0\n")), "which is a task")
}

// SPEC 6: a pipe that comes by a reload, to a service that runs already.
func TestE5_ReloadPipe(t *testing.T) {
	t.Parallel()
	config := "service a {V} waitfile {D}/go , print one , sleep\n  log ring\n"
	sink := "service sink {V} cat {D}/got\n  restart always delay 10ms\n"
	in := start(t, config+"service sink {V} sleep\n")
	in.settled("a", "sink")
	in.write("c/test.conf", in.expand(config+"  log pipe sink\n"+"service sink {V} sleep\n"))
	in.ok("reload")
	in.contains(in.ok("logs", "mote"), "sink: the lines of a reach it after a restart of it")
	in.touch("go")
	in.until("a has printed", func() bool { l, _ := in.logs("a"); return len(l) == 1 })
	in.write("c/test.conf", in.expand(config+"  log pipe sink\n"+sink))
	in.contains(in.ok("reload"), "sink: command, restart changed: restart it")
	in.until("the line is there", func() bool { d, _ := os.ReadFile(in.dir + "/w/got"); return string(d) == "one\n" })
	in.write("c/test.conf", in.expand(sink+config+"  log pipe nobody\n"))
	in.contains(in.must(1, "reload"), "log pipe \"nobody\", which does not exist")
	in.contains(in.ok("show", "a"), "log       pipe sink")
}

// file writes a file beside the configuration and gives its path.
func (in *Init) file(name, text string) string {
	in.t.Helper()
	in.write("w/"+name, text)
	return in.inside("w/" + name)
}
