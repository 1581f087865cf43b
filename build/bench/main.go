// Bench measures mote beside a small C program that does the same work, in one
// run, as ratios: what DESIGN D8 lists. Its only assertions are in its tests: on
// a busy machine a figure is news, not a fault, and the exit status is 0.
//
//	bench [-n RUNS] [-long] [-quick] [-cc CC|none] [-mote FILE]
//
// What else is in PATH of s6 (s6-svscan) and runit (runsvdir) is measured too.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	role(os.Args[1:])
	runs := flag.Int("n", 7, "runs of the start of 100; the other rows follow")
	long := flag.Bool("long", false, "start 5,000 services, too")
	quick := flag.Bool("quick", false, "few and short runs: to see that the benchmark works")
	cc := flag.String("cc", "cc", `the C compiler; "none" does without`)
	mote := flag.String("mote", "out/mote", "the file to measure")
	limit := flag.Duration("limit", 165*time.Second, "end after this time with what there is")
	flag.Parse()
	// What was stopped or went wrong is in the notes of the table.
	if err := bench(*runs, *long, *quick, *cc, *mote, *limit); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
	}
}

func bench(runs int, long, quick bool, cc, mote string, limit time.Duration) error {
	// The orphans of what is measured become our children, and are ended here.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// What is written while it is measured is not to wait for a disk.
	work, err := os.MkdirTemp("/dev/shm", "bench-")
	if err != nil {
		work = dir
	}
	defer os.RemoveAll(work)
	r := &runner{
		dir:     work,
		live:    map[int]*process{},
		until:   time.Now().Add(limit),
		stop:    make(chan os.Signal, 1),
		figures: map[string]map[string][]float64{},
	}
	// PIPE is in the list because "bench | head" is to tidy up, too.
	signal.Notify(r.stop, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	if r.tools, err = makeTools(dir, mote, cc); err != nil {
		return err
	}
	r.systems = systems(r.tools)
	defer func() {
		for _, p := range r.live {
			r.end(p)
		}
	}()

	fmt.Printf("bench: %s; %s, %d CPUs, load %s\n", r.tools.note, kernel(), runtime.NumCPU(), load())
	began := time.Now()
	r.all(max(1, runs), long, quick)
	r.table(os.Stdout)
	for _, n := range r.notes {
		fmt.Println("note: " + n)
	}
	fmt.Printf("bench: %v, load %s; medians of %d runs and fewer for the large ones; best = ratio of the best runs\n",
		time.Since(began).Round(time.Second), load(), max(1, runs))
	return nil
}

// all is the plan. The sizes keep the whole under three minutes.
func (r *runner) all(runs int, long, quick bool) {
	window, idle, kills, processes := time.Second, 10*time.Second, 3, 60
	if quick {
		runs, window, idle, kills, processes = 2, 200*time.Millisecond, time.Second, 1, 10
	}
	some := max(1, (runs+1)/2)
	r.step("start 100")
	r.starts(runs, 100, fast)
	r.starts(min(some, 2), 100, func(s *system) bool { return s.slow })
	r.step("start 1,000")
	r.starts(some, 1000, fast)
	if long {
		r.step("start 5,000")
		r.starts(min(some, 3), 5000, fast)
	}
	r.step("chain")
	r.chain(runs, 100)
	r.step("kill")
	r.kills(kills, 100)
	r.step("storm")
	r.storms(some, 100, window)
	r.step("requests")
	r.requests(some, 100, window/2, processes)
	r.step("re-exec")
	r.reexecs(3 * runs)
	r.step("idle")
	r.idle(100, idle, every)
	r.idle(1000, 0, fast)
	r.each(100, 1000)
}

// step tells a terminal what is being measured.
func (r *runner) step(what string) {
	if !r.over() {
		fmt.Fprintf(os.Stderr, "bench: %s ...\n", what)
	}
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return "kernel " + strings.TrimSpace(string(text))
}

func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
