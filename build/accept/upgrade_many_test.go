package accept

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// A hundred clients that wait, each for something of its own, are answered.
func TestG19_HundredClients(t *testing.T) {
	t.Parallel()
	const n = 25 // of each of four
	var conf strings.Builder
	for i := range n {
		fmt.Fprintf(&conf, "service w%d {V} waitfile {D}/go , notify READY=1 , sleep\n  ready notify\n  start-timeout 0\n", i)
		fmt.Fprintf(&conf, "task t%d {V} waitfile {D}/go , exit %d\n  start manual\n", i, i)
		fmt.Fprintf(&conf, "service s%d {V} linger {D}/s TERM {D}/go , append {D}/up x , ready 3 , sleep\n  ready fd 3\n  stop TERM 1h\n", i)
		fmt.Fprintf(&conf, "service l%d {V} waitfile {D}/go , print line %d , sleep\n", i, i)
	}
	in := start(t, conf.String())
	in.appears("up", n)
	var all [4][]*wire
	for i := range n {
		for k, verb := range []string{"wait running w", "start t", "stop s", "logs -f -n 0 l"} {
			w, err := in.wire()
			must(t, err)
			defer w.Close()
			fmt.Fprintf(w, "%s%d\n", verb, i)
			all[k] = append(all[k], w)
		}
	}
	in.appears("s", n)
	for range 3 {
		in.upgrade()
	}
	in.ok("ping")
	in.touch("go")
	for i := range n {
		for k, words := range []string{"", fmt.Sprintf("err 1 \"t%d", i), ""} {
			if i == 0 && k == 1 {
				words = "" // exit 0
			}
			text, err := all[k][i].answer()
			if words == "" && err != nil || words != "" && (err == nil || !strings.Contains(err.Error(), words)) {
				t.Errorf("client %d of kind %d: %q, %v", i, k, text, err)
			}
		}
		l, err := all[3][i].r.ReadString('\n')
		if err != nil || !strings.Contains(l, fmt.Sprintf("\"line %d\"", i)) {
			t.Errorf("follower %d: %q, %v", i, l, err)
		}
	}
}

// What many services have stored is theirs after re-execs and crashes.
func TestG19_ManyDescriptors(t *testing.T) {
	t.Parallel()
	const units, each = 8, 60
	var conf strings.Builder
	for i := range units {
		fmt.Fprintf(&conf, "service u%d {V} fdshow {D}/got%d , waitfile {D}/more%d , fdmany %d n%d , barrier {D}/b x , notify READY=1 , sleep\n  ready notify\n  start-timeout 0\n  restart always delay 0\n",
			i, i, i, each, i)
	}
	in := start(t, conf.String())
	for i := range units {
		in.touch(fmt.Sprintf("more%d", i))
	}
	in.appears("b", units)
	was, files := in.picture(), in.openFiles()
	for range 3 {
		in.upgrade()
	}
	in.same(was, in.picture())
	in.noMoreFiles(files)
	for i := range units {
		name := fmt.Sprintf("u%d", i)
		if n := in.said(name, "stored_fds"); n != float64(each) {
			t.Errorf("%s: stored_fds is %v", name, n)
		}
		in.remove(fmt.Sprintf("more%d", i))
		in.kill(in.unit(name).pid(), syscall.SIGKILL)
		got := in.appears(fmt.Sprintf("got%d", i), 2)[1]
		if !strings.HasPrefix(got, fmt.Sprintf("n=%d names=n%d:", each, i)) || strings.Count(got, " x") != each {
			t.Errorf("%s gets back %q", name, got)
		}
	}
}

// Rings come through as they are, byte for byte, with the time of each line, and take
// lines as before.
func TestG19_Rings(t *testing.T) {
	t.Parallel()
	in := start(t, "task big {V} lines 16384 64\n  log ring 512K\ntask small {V} lines 100 32\n  log ring 1K\ntask bytes {V} bytes ff00fe1b5b33316d800a0a0a , bigline 70000\n  log ring 256K\n"+
		"task none {V} lines 10 64\n  log null\nservice grows {V} lines 500 64 , waitfile {D}/go , lines 500 64 , waitfile {D}/never\n  log ring 16K\n")
	in.settled("big", "small", "bytes", "none", "grows")
	all := func() string {
		return in.ok("--json", "logs", "-n", "1000000", "big", "small", "bytes", "none", "grows")
	}
	in.until("all is read", func() bool {
		g, dropped := in.logs("grows")
		b, lost := in.logs("big")
		return len(g)+dropped == 500 && len(b)+lost == 16384
	})
	before := all()
	for range 3 {
		in.upgrade()
	}
	if after := all(); after != before {
		t.Errorf("the logs have %d bytes, had %d", len(after), len(before))
	}
	in.touch("go")
	in.until("the ring takes lines", func() bool { g, dropped := in.logs("grows"); return len(g)+dropped == 1000 })
	g, _ := in.logs("grows")
	if !strings.HasPrefix(g[len(g)-1], "line 0000500 ") || len(g)*64 > 16<<10 {
		t.Errorf("%d lines, the last is %q", len(g), g[len(g)-1])
	}
}
