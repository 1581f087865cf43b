package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A job is what a system is to run: n services that stamp and pause.
type job struct {
	n     int
	chain bool // each requires the one before
	crash bool // each ends at once after its stamp
}

// A system is something that starts services and starts again what ends.
type system struct {
	name string
	stop syscall.Signal // what makes it stop its services and end
	slow bool           // waits a second between two starts of a service
	peer bool           // not the base, not mote
	// broken is a peer that could not start its services: it is left out.
	broken bool
	// command writes the files of a job into dir and gives the command.
	command func(dir string, j job) ([]string, error)
}

// systems gives the base, mote, a bare loop in Go, and what else is in PATH.
func systems(t *toolbox) []*system {
	service := func(j job) []string {
		if j.crash {
			return append(t.service[:len(t.service):len(t.service)], "-x")
		}
		return t.service
	}
	loop := func(base []string) func(string, job) ([]string, error) {
		return func(_ string, j job) ([]string, error) {
			words := append(base[:len(base):len(base)], "supervise", strconv.Itoa(j.n))
			return append(words, service(j)...), nil
		}
	}
	all := []*system{
		{name: "base", stop: syscall.SIGTERM, command: loop(t.base)},
		{name: "mote", stop: syscall.SIGTERM, command: func(dir string, j job) ([]string, error) {
			conf := filepath.Join(dir, "bench.conf")
			err := os.WriteFile(conf, []byte(config(j, strings.Join(service(j), " "))), 0o600)
			return []string{t.mote, "init", "-c", conf, "-s", filepath.Join(dir, "sock")}, err
		}},
	}
	if t.base[0] != t.goLoop[0] {
		all = append(all, &system{name: "go", stop: syscall.SIGTERM, peer: true, command: loop(t.goLoop)})
		for _, p := range []system{
			{name: "s6", stop: syscall.SIGTERM, command: scan("s6-svscan", t.service[0])},
			{name: "runit", stop: syscall.SIGHUP, command: scan("runsvdir", t.service[0])},
		} {
			p.slow, p.peer = true, true
			if words, err := p.command("", job{}); err == nil && words[0] != "" {
				all = append(all, &p)
			}
		}
	}
	return all
}

// scan is for supervisors that run each DIR/run below a folder.
func scan(program, service string) func(string, job) ([]string, error) {
	path, _ := exec.LookPath(program)
	return func(dir string, j job) ([]string, error) {
		root := filepath.Join(dir, "scan")
		for i := 1; i <= j.n; i++ {
			d := filepath.Join(root, strconv.Itoa(i))
			if err := os.MkdirAll(d, 0o700); err != nil {
				return nil, err
			}
			if err := os.Symlink(service, filepath.Join(d, "run")); err != nil {
				return nil, err
			}
		}
		// runsvdir waits a second for a folder that has just changed.
		old := time.Now().Add(-time.Minute)
		if j.n > 0 {
			if err := os.Chtimes(root, old, old); err != nil {
				return nil, err
			}
		}
		return []string{path, root}, nil
	}
}

// config is the job in mote's format.
func config(j job, service string) string {
	var b strings.Builder
	for i := 1; i <= j.n; i++ {
		fmt.Fprintf(&b, "service s%d %s %d\n\trestart always delay 0\n", i, service, i)
		if j.chain && i > 1 {
			fmt.Fprintf(&b, "\trequires s%d\n", i-1)
		}
	}
	return b.String()
}

// A process is a system at work, or another program of the benchmark.
type process struct {
	name string
	dir  string
	job  job
	b    *board
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	end  int64         // when, valid after done
}

// launch runs words in a folder of its own, with a board of n slots, through
// the launcher, which stamps slot 0 just before the exec.
func (r *runner) launch(name string, n int, prepare func(dir string) ([]string, error)) (*process, error) {
	dir, err := os.MkdirTemp(r.dir, name+"-")
	if err != nil {
		return nil, err
	}
	p := &process{name: name, dir: dir, done: make(chan struct{})}
	path := filepath.Join(dir, "board")
	if p.b, err = newBoard(path, n); err != nil {
		return nil, err
	}
	words, err := prepare(dir)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	launcher := append(r.tools.base[:len(r.tools.base):len(r.tools.base)], "launch")
	words = append(launcher, words...)
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.Dir = dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "BENCH_BOARD=" + path}
	if v := os.Getenv("LD_LIBRARY_PATH"); v != "" {
		p.cmd.Env = append(p.cmd.Env, "LD_LIBRARY_PATH="+v)
	}
	p.cmd.Stderr = log
	// A group of its own: ^C at the terminal is for this program, which ends
	// what it started.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	r.live[p.cmd.Process.Pid] = p
	go func() {
		p.cmd.Wait()
		p.end = now()
		close(p.done)
	}()
	return p, nil
}

// start runs a system with a job and waits until every service has started.
func (r *runner) start(s *system, j job) (*process, error) {
	p, err := r.launch(s.name, j.n, func(dir string) ([]string, error) { return s.command(dir, j) })
	if err != nil {
		return nil, err
	}
	p.job = j
	err = r.wait(p, 20*time.Second, fmt.Sprintf("all of %d services", j.n), func() bool {
		up, _, _ := p.b.started(j.n)
		return up == j.n
	})
	if err != nil {
		r.end(p)
		s.broken = s.peer && !r.over()
		return nil, err
	}
	return p, nil
}

// wait polls until ok, the end of p, or the limit. The services' stamps are the
// measure, so that a poll may be late, and cheap.
func (r *runner) wait(p *process, limit time.Duration, what string, ok func() bool) error {
	end := time.Now().Add(limit)
	for !ok() {
		switch {
		case r.over():
			return errTime
		case time.Now().After(end):
			return fmt.Errorf("%s: no %s within %v: %s", p.name, what, limit, p.lastWords())
		case p.ended():
			return fmt.Errorf("%s: ended before %s: %s", p.name, what, p.lastWords())
		}
		time.Sleep(500 * time.Microsecond)
	}
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// lastWords gives the last line that p wrote to stderr.
func (p *process) lastWords() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	s := strings.TrimSpace(string(text))
	return strconv.Quote(s[strings.LastIndexByte(s, '\n')+1:])
}
