package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var (
	errTime    = errors.New("out of time")
	errStopped = errors.New("stopped by a signal")
)

// A runner owns the processes of a run, and what they measured.
type runner struct {
	dir     string
	tools   *toolbox
	systems []*system
	live    map[int]*process
	until   time.Time
	stop    chan os.Signal
	stopped bool
	figures map[string]map[string][]float64 // metric, system
	notes   []string
}

// over reports whether the run must end: its time is up, or someone said so.
func (r *runner) over() bool {
	select {
	case <-r.stop:
		r.stopped = true
	default:
	}
	return r.stopped || time.Now().After(r.until)
}

func (r *runner) add(metric string, system string, v ...float64) {
	if r.figures[metric] == nil {
		r.figures[metric] = map[string][]float64{}
	}
	r.figures[metric][system] = append(r.figures[metric][system], v...)
}

// fault notes what could not be measured; a benchmark fails nothing.
func (r *runner) fault(what string, err error) {
	if r.stopped && errors.Is(err, errTime) {
		err = errStopped
	}
	note := fmt.Sprintf("%s: %v", what, err)
	if err != nil && !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
	}
}

// sleep reports whether the whole of d was there.
func (r *runner) sleep(d time.Duration) bool {
	for end := time.Now().Add(d); !r.over(); {
		left := time.Until(end)
		if left <= 0 {
			return true
		}
		time.Sleep(min(left, 50*time.Millisecond))
	}
	return false
}

// halt asks a system to stop its services and end, and gives the time from the
// signal until neither it nor a process of it is there.
func (r *runner) halt(s *system, p *process) (time.Duration, error) {
	defer r.end(p)
	t := now()
	if err := p.cmd.Process.Signal(s.stop); err != nil {
		return 0, err
	}
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		return 0, fmt.Errorf("%s: lives 15s after %v: %s", p.name, s.stop, p.lastWords())
	}
	end := p.end
	// What a peer leaves behind becomes our child, and ends by itself.
	for limit := time.Now().Add(10 * time.Second); len(r.strays()) > 0 && time.Now().Before(limit); {
		for _, pid := range r.strays() {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		end = now()
		time.Sleep(200 * time.Microsecond)
	}
	return time.Duration(end - t), nil
}

// end ends p and all that came from it, without asking. Its children become
// ours (PR_SET_CHILD_SUBREAPER), so that their pids are nobody else's until
// they are reaped here.
func (r *runner) end(p *process) {
	if !p.ended() {
		p.cmd.Process.Kill()
		<-p.done
	}
	delete(r.live, p.cmd.Process.Pid)
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); {
		pids := r.strays()
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range pids {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		time.Sleep(200 * time.Microsecond)
	}
	p.b.close()
	os.RemoveAll(p.dir)
}

// strays gives our children that we did not start: orphans of a system.
func (r *runner) strays() []int {
	return slices.DeleteFunc(children(os.Getpid()), func(pid int) bool { return r.live[pid] != nil })
}

// children gives the children of all threads of pid; never 0 or 1.
func children(pid int) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, w := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(w); err == nil && n > 1 {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// pss gives the proportional set size in bytes of a system without its
// services: of the process, and of what else it needs to supervise.
func (p *process) pss() (float64, error) {
	service := map[int]bool{}
	for i := 1; i <= p.job.n; i++ {
		service[p.b.pid(i)] = true
	}
	var sum float64
	todo := []int{p.cmd.Process.Pid}
	for len(todo) > 0 {
		pid := todo[0]
		todo = todo[1:]
		n, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
		if err != nil {
			return 0, err
		}
		sum += n * 1024
		for _, c := range children(pid) {
			if !service[c] {
				todo = append(todo, c)
			}
		}
	}
	return sum, nil
}

// switches gives the voluntary context switches of all threads of p.
func (p *process) switches() (sum float64, err error) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if len(files) == 0 {
		return 0, unix.ESRCH
	}
	for _, f := range files {
		n, err := field(f, "voluntary_ctxt_switches:")
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// field gives the number after name in a file of the kernel.
func field(file, name string) (float64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for _, l := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(l, name); ok {
			w := strings.Fields(rest)
			return strconv.ParseFloat(w[0], 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}
