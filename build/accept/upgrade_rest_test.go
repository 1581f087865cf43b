package accept

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// again re-executes the init, and wants that its status tells of it.
func (in *Init) again(n int) {
	in.t.Helper()
	in.ok("upgrade")
	in.contains(in.ok("status"), "re-execs   "+strconv.Itoa(n)+", the last one ", ": upgrade\n")
}

// SPEC 9: what a process gets of the init is the same after any number of
// re-execs: the environment that the init was started with and nothing of its own,
// limits, signals, descriptors.
func TestG19_ProcessesGetTheSame(t *testing.T) {
	for _, mode := range []Mode{supervisor, container, machine} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Mode: mode, Env: []string{"GOMAXPROCS=7", "GODEBUG=panicnil=1", "TZ=UTC", "A=1 2\n", "MOTE_STRANGE=1", "NOTIFY_SOCKET=/x"}},
				"set FROM set\nservice r {V} report {D}/r , copy /proc/self/limits {D}/limits , ready 3 , sleep\n  env OWN=1\n  ready fd 3\n")
			var first Report
			limits := ""
			for n := range 4 {
				if n > 0 {
					in.again(n)
					in.ok("restart", "r")
				}
				in.settled("r")
				r := in.report("r")
				data, err := os.ReadFile(in.dir + "/w/limits")
				must(t, err)
				if n == 0 {
					first, limits = r, string(data)
					for _, want := range []string{"GOMAXPROCS=7", "GODEBUG=panicnil=1", "TZ=UTC", "A=1 2\n", "FROM=set", "OWN=1"} {
						if !slices.Contains(r.Env, want) {
							t.Errorf("no %q in %q", want, r.Env)
						}
					}
				}
				for _, kv := range r.Env {
					if strings.HasPrefix(kv, "MOTE_") && !strings.HasPrefix(kv, "MOTE_SOCKET=") || strings.HasPrefix(kv, "NOTIFY_SOCKET=") {
						t.Errorf("%d re-execs: it has %q", n, kv)
					}
				}
				slices.Sort(r.Env)
				slices.Sort(first.Env)
				if !slices.Equal(r.Env, first.Env) || string(data) != limits || r.Umask != first.Umask || r.Dir != first.Dir || len(r.Fds) != len(first.Fds) {
					t.Errorf("%d re-execs: %+v\n%s\nwant %+v\n%s", n, r, data, first, limits)
				}
				for _, k := range []string{"SigBlk", "SigIgn", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Groups", "Cpus_allowed"} {
					if r.Status[k] != first.Status[k] {
						t.Errorf("%d re-execs: %s is %s, want %s", n, k, r.Status[k], first.Status[k])
					}
				}
			}
		})
	}
}

// SPEC 9: the verdict about a boot comes once, at its time, whichever image gives it,
// and the command goes on.
func TestG19_BootGood(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine}, "option boot-good {V} print one , append {D}/good run , waitfile {D}/go , print two , exit 3\n"+svc("a"))
	in.settled("a")
	at := time.Now()
	n := 0
	for time.Since(at) < 8*time.Second {
		n++
		in.again(n)
		time.Sleep(time.Second)
	}
	in.until("it is run", func() bool { return len(in.lines("good")) == 1 })
	in.again(n + 1)
	in.write("w/go", "")
	in.logHas("mote", "boot: good", "boot-good: one\n", "boot-good: two\n", "boot-good: exit 3\n")
	in.again(n + 2)
	if got := in.lines("good"); len(got) != 1 || strings.Count(in.logText("mote"), "boot: good") != 1 {
		t.Errorf("it is run %d times", len(got))
	}
}

// SPEC 9: the init goes on with the words that it was started with, and a reload
// reads the same places.
func TestG19_Options(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Args: []string{"-t", "a"}}, svc("a")+svc("b"))
	in.settled("a")
	in.again(1)
	in.write("c/more.conf", in.expand(svc("c", "start manual")))
	in.contains(in.ok("reload"), "c")
	in.again(2)
	in.ok("start", "c")
	in.is("b", "inactive")
}
