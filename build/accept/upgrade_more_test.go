package accept

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// D14: a unit that was added survives, stopped or running, and can be removed.
func TestD14_AddedUnits(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.ok("add", in.file("b.conf", in.expand("service b {V} appendenv {D}/env X , sleep\n  env X=one\n  after a\nset Y ignored\n")))
	in.ok("add", in.file("c.conf", in.expand("service c {V} sleep\n  requires b\n  start manual\n")))
	in.settled("a", "b")
	was := in.picture()
	in.upgrade()
	in.upgrade()
	in.same(was, in.picture())
	in.ok("reload") // they are in no file, and stay
	in.same(was, in.picture())
	in.ok("start", "c")
	in.ok("restart", "b")
	if got := in.appears("env", 2); got[1] != "X=one" {
		t.Errorf("env: %q", got)
	}
	in.ok("remove", "c")
	in.ok("remove", "b")
	in.upgrade()
	in.must(4, "status", "b")
	in.must(4, "status", "c")
	if names := in.picture().units; len(names) != 1 {
		t.Errorf("units: %v", names)
	}
	if _, err := os.Stat(in.dir + "/c/b.conf"); err == nil {
		t.Error("it was written to the configuration")
	}
}

// SPEC 6: upgrade PATH takes that file, and without one the same again.
func TestG19_OtherVersion(t *testing.T) {
	for _, mode := range []Mode{supervisor, container} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode}, svc("a")+svc("b", "after a"))
			in.settled("a", "b")
			was := in.picture()
			for _, v := range []string{"9.8.7", "9.8.8", "9.8.7"} {
				in.upgrade(in.other(v, ""))
				in.contains(in.ok("version"), "init   mote "+v)
				in.same(was, in.picture())
			}
			in.upgrade()
			in.contains(in.ok("version"), "init   mote 9.8.7")
			in.reexec()
			in.contains(in.ok("version"), "init   mote 9.8.7")
			in.same(was, in.picture())
			in.ok("stop", "a")
			in.wantOrder("+a", "+b", "-a")
		})
	}
}

// SPEC 9: answers that a client has not read yet come, all and whole.
func TestG19_HalfAnswered(t *testing.T) {
	t.Parallel()
	var conf strings.Builder
	for i := range 200 {
		fmt.Fprintf(&conf, "service unit-with-a-long-name-%d {V} sleep\n  start manual\n  description %s\n", i, strings.Repeat("d", 200))
	}
	in := start(t, conf.String()+"task lines {V} lines 1000 64\n  log ring 128K\n")
	in.settled("lines")
	in.until("the lines are there", func() bool { l, _ := in.logs("lines"); return len(l) == 1000 })
	for verb, times := range map[string]int{"list": 60, "logs -n 1000 lines": 100, "why lines": 5000, "show unit-with-a-long-name-7": 3000} {
		c := in.dial()
		defer c.Close()
		r := bufio.NewReader(c)
		fmt.Fprintln(c, verb)
		whole := numberless(readAnswer(t, c, r))
		go func() { // the init reads no more of them than it may hold answers for
			for range times {
				if _, err := fmt.Fprintln(c, verb); err != nil {
					return
				}
			}
		}()
		for i := range times {
			if i%(times/5) == 1 {
				in.upgrade()
			}
			if got := numberless(readAnswer(t, c, r)); got != whole {
				t.Fatalf("%s, answer %d of %d:\n%.600s\nwant\n%.600s", verb, i, times, got, whole)
			}
		}
	}
}

// readAnswer reads to the end line.
func readAnswer(t *testing.T, c net.Conn, r *bufio.Reader) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(2 * step))
	var all strings.Builder
	for {
		l, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %d bytes, the last are %q", err, all.Len(), l)
		}
		all.WriteString(l)
		if l == "ok\n" || strings.HasPrefix(l, "err ") {
			return all.String()
		}
	}
}

// numberless leaves out the numbers, which go on.
func numberless(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

// What goes well is one line in the log: from what to what.
func TestUpgradeIsOneLine(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	in.until("it was said", func() bool { return strings.Contains(in.out.text(), "a: running\n") })
	was := in.out.text()
	in.upgrade()
	in.until("it was said", func() bool { return strings.Contains(in.out.text(), " -> ") && strings.HasSuffix(in.out.text(), "\n") })
	if more := strings.TrimPrefix(in.out.text(), was); strings.Count(more, "\n") != 1 || !strings.HasPrefix(more, "mote: re-executed: ") {
		t.Errorf("%q", more)
	}
}
