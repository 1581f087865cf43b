package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test's binary play base and service, as the program does.
func TestMain(m *testing.M) {
	role(os.Args[1:])
	unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	os.Exit(m.Run())
}

func TestStatistics(t *testing.T) {
	v := []float64{5, 1, 3}
	if got := median(v); got != 3 {
		t.Errorf("median of three: %v", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median of four: %v", got)
	}
	if !math.IsNaN(median(nil)) || !math.IsNaN(p99(v)) {
		t.Error("too few values give a figure")
	}
	many := make([]float64, 200)
	for i := range many {
		many[i] = float64(i)
	}
	if got := p99(many); got != 198 {
		t.Errorf("p99 of 0 to 199: %v", got)
	}
}

func TestTable(t *testing.T) {
	r := &runner{figures: map[string]map[string][]float64{}, systems: []*system{{name: "go", peer: true}}}
	r.add("start 100", "base", 10e6, 20e6, 30e6)
	r.add("start 100", "mote", 20e6, 30e6, 40e6)
	r.add("start 100", "go", 10e6)
	r.add("storm", "base", 1000, 1000)
	r.add("storm", "mote", 800, 900)
	r.add("idle", "base", 0)
	r.add("idle", "mote", 0)
	var b strings.Builder
	r.table(&b)
	var got []string
	for l := range strings.Lines(b.String()) {
		got = append(got, strings.Join(strings.Fields(l), " "))
	}
	want := []string{
		"what budget base mote ratio best go",
		"start 100, exec of the init to the last alive 1.25 x 20.00 ms 30.00 ms 1.50 x 2.00 x over 0.50 x",
		"crash storm of 100, restarts a second >= 0.70 x 1000 /s 850 /s 0.85 x 0.90 x ok -",
		"wake-ups when idle, in 10 s 0 0 0 - - ok -",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The base in C and in Go do the same: start all, start again what was killed,
// stop at TERM, time a process, answer a line, and leave nothing behind. Where
// there is no C compiler both are the one in Go.
func TestBases(t *testing.T) {
	fake := filepath.Join(t.TempDir(), "mote")
	if err := os.WriteFile(fake, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, cc := range []string{"cc", "none"} {
		t.Run(cc, func(t *testing.T) {
			tools, err := makeTools(t.TempDir(), fake, cc)
			if err != nil {
				t.Fatal(err)
			}
			r := &runner{dir: t.TempDir(), tools: tools, live: map[int]*process{},
				until: time.Now().Add(time.Minute), figures: map[string]map[string][]float64{}}
			testBase(t, r, systems(tools)[0])
			if len(r.notes) > 0 || len(r.strays()) > 0 || len(r.live) > 0 {
				t.Errorf("notes %q, left behind %v and %v", r.notes, r.strays(), r.live)
			}
		})
	}
}

func testBase(t *testing.T, r *runner, s *system) {
	for _, j := range []job{{n: 5}, {n: 5, crash: true}} {
		p, err := r.start(s, j)
		if err != nil {
			t.Fatal(err)
		}
		if up, first, last := p.b.started(5); up != 5 || first > last || first < p.b.stamp(0) {
			t.Errorf("%d up, from %d to %d after %d", up, first, last, p.b.stamp(0))
		}
		if j.crash {
			err := r.wait(p, 10*time.Second, "storm", func() bool { return p.b.starts(5) > 50 })
			if err != nil {
				t.Error(err)
			}
		} else if _, err := r.kill(p, 3); err != nil {
			t.Error(err)
		}
		if _, err := r.halt(s, p); err != nil {
			t.Error(err)
		}
	}
	p, err := r.launch("serve", 0, func(dir string) ([]string, error) {
		return append(r.tools.base, "serve", filepath.Join(dir, "sock")), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.end(p)
	sock := filepath.Join(p.dir, "sock")
	if rate, err := r.rate(sock, "ping", 20*time.Millisecond); err != nil || rate <= 0 {
		t.Errorf("%v answers a second, %v", rate, err)
	}
	r.processes("client", "ask", 3, append(r.tools.base, "ask", sock, "ping"))
	if got := r.figures["client"]["ask"]; len(got) != 3 {
		t.Errorf("times of 3 processes: %v", got)
	}
}
