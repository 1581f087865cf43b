package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// reexecSizes are the numbers of services that an init has while it executes itself
// anew.
var reexecSizes = []int{0, 100, 1000}

// reexecs measures how long an init that executes itself anew is away: from the last
// answer before to the first one after, seen by a client that pings without a pause on
// one connection. The base is a whole process of the same file that says what it is for
// and ends: no image begins its work sooner.
func (r *runner) reexecs(rounds int) {
	var mote *system
	for _, s := range r.systems {
		if s.name == "mote" {
			mote = s
		}
	}
	for _, n := range reexecSizes {
		metric := fmt.Sprintf("reexec %d", n)
		p, err := r.start(mote, job{n: n})
		if err != nil {
			r.fault(metric, err)
			continue
		}
		away, err := r.blackouts(filepath.Join(p.dir, "sock"), rounds)
		r.fault(metric, err)
		r.add(metric, "mote", away...)
		r.halt(mote, p)
		r.processes(metric, "base", rounds, []string{r.tools.mote, "run", "--help"})
	}
}

// blackouts has the init at path upgrade itself, and gives the longest time between two
// answers during each upgrade, in ns.
func (r *runner) blackouts(path string, rounds int) (away []float64, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ping, err := dial(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(ping)
	control, err := dial(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(control)
	buf := make([]byte, 4096)
	line := []byte("ping\n")
	for i := 0; i < rounds; i++ {
		if r.over() {
			return away, errTime
		}
		if _, err := unix.Write(control, []byte("upgrade\n")); err != nil {
			return away, err
		}
		var longest int64
		last := now()
		for more := 10; more > 0; { // some answers more when it is done
			if _, err := unix.Write(ping, line); err != nil {
				return away, err
			}
			if err := answer(ping, buf); err != nil {
				return away, err
			}
			t := now()
			longest, last = max(longest, t-last), t
			fds := []unix.PollFd{{Fd: int32(control), Events: unix.POLLIN}}
			if k, _ := unix.Poll(fds, 0); k > 0 {
				more--
			}
		}
		if err := answer(control, buf); err != nil {
			return away, fmt.Errorf("upgrade: %w", err)
		}
		away = append(away, float64(longest))
		time.Sleep(20 * time.Millisecond)
	}
	return away, nil
}
