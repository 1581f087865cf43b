package main

import (
	"fmt"
	"syscall"
	"time"
)

// settled is how long a system is left alone before its memory is read and its
// wake-ups are counted: mote gives back what only the start needed, 3 s after
// that began (trimAfter in init/boot.go).
const settled = 4500 * time.Millisecond

// rounds runs f n times for each system that is wanted, interleaved, and
// each time in another order, so that what else the machine does hits all.
func (r *runner) rounds(what string, n int, want func(*system) bool, f func(*system) error) {
	var list []*system
	for _, s := range r.systems {
		if want(s) {
			list = append(list, s)
		}
	}
	for i := 0; i < n; i++ {
		for k := range list {
			s := list[(i+k)%len(list)]
			if s.broken {
				continue
			}
			if r.over() {
				r.fault(what, fmt.Errorf("%w after %d of %d rounds", errTime, i, n))
				return
			}
			if err := f(s); err != nil {
				r.fault(what, err)
			}
		}
	}
}

func every(*system) bool    { return true }
func fast(s *system) bool   { return !s.slow }
func noPeer(s *system) bool { return !s.peer }

// starts measures start and stop with n services.
func (r *runner) starts(runs, n int, want func(*system) bool) {
	metric := fmt.Sprintf("start %d", n)
	r.rounds(metric, runs, want, func(s *system) error {
		p, err := r.start(s, job{n: n})
		if err != nil {
			return err
		}
		_, first, last := p.b.started(n)
		r.add(metric, s.name, float64(last-p.b.stamp(0)))
		r.add(metric+" first", s.name, float64(first-p.b.stamp(0)))
		d, err := r.halt(s, p)
		if err == nil {
			r.add(fmt.Sprintf("stop %d", n), s.name, float64(d))
		}
		return err
	})
}

// chain measures the start of n services that each require the one before. The
// base has no such thing, but its vfork returns when the exec is done, which is
// what "ready spawn" means.
func (r *runner) chain(runs, n int) {
	r.rounds("chain", runs, noPeer, func(s *system) error {
		p, err := r.start(s, job{n: n, chain: s.name == "mote"})
		if err != nil {
			return err
		}
		_, _, last := p.b.started(n)
		r.add("chain", s.name, float64(last-p.b.stamp(0)))
		_, err = r.halt(s, p)
		return err
	})
}

// bring starts a system that is to be up beside others; nil means that it is
// not.
func (r *runner) bring(s *system, n int) *process {
	if s.broken || r.over() {
		return nil
	}
	p, err := r.start(s, job{n: n})
	if err != nil {
		r.fault(fmt.Sprintf("start %d", n), err)
		return nil
	}
	return p
}

// slowKills is how often a service of a slow system is killed: some take a
// second for each.
const slowKills = 5

// kills measures from kill -9 of a service to the stamp of its successor. All
// systems are up at once and take turns.
func (r *runner) kills(rounds, n int) {
	up := map[*system]*process{}
	for _, s := range r.systems {
		if p := r.bring(s, n); p != nil {
			defer r.halt(s, p)
			up[s] = p
		}
	}
	// The slow ones restart at once only what has been up for a second.
	r.sleep(1200 * time.Millisecond)
	for round := range rounds {
		for i := 1; i <= n; i++ {
			for _, s := range r.systems {
				p := up[s]
				if p == nil || s.slow && (round > 0 || i > slowKills) {
					continue
				}
				d, err := r.kill(p, i)
				if err != nil {
					r.fault("kill", err)
					if err == errTime {
						return
					}
					delete(up, s)
					continue
				}
				r.add("kill", s.name, float64(d))
			}
		}
	}
}

func (r *runner) kill(p *process, i int) (time.Duration, error) {
	pid, count := p.b.pid(i), p.b.count(i)
	if pid <= 1 {
		return 0, fmt.Errorf("%s: service %d has pid %d", p.name, i, pid)
	}
	t := now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return 0, err
	}
	err := r.wait(p, 5*time.Second, "restart", func() bool { return p.b.count(i) != count })
	return time.Duration(p.b.stamp(i) - t), err
}

// storms counts restarts of n services that all end as soon as they are up.
func (r *runner) storms(runs, n int, window time.Duration) {
	r.rounds("storm", runs, fast, func(s *system) error {
		p, err := r.start(s, job{n: n, crash: true})
		if err != nil {
			return err
		}
		c0, t0 := p.b.starts(n), now()
		r.sleep(window)
		c1, t1 := p.b.starts(n), now()
		r.add("storm", s.name, float64(c1-c0)/time.Duration(t1-t0).Seconds())
		_, err = r.halt(s, p)
		return err
	})
}

// idle leaves all systems that are wanted alone at once, reads their memory, and
// counts their wake-ups in window, as for 10 seconds. Of peers with many
// processes only the first counts. Without a window it is about memory alone.
func (r *runner) idle(n int, window time.Duration, want func(*system) bool) {
	up := map[*system]*process{}
	for _, s := range r.systems {
		if !want(s) {
			continue
		}
		if p := r.bring(s, n); p != nil {
			defer r.halt(s, p)
			up[s] = p
		}
	}
	if !r.sleep(settled) {
		r.fault("idle", errTime)
		return
	}
	before := map[string]float64{}
	for s, p := range up {
		mem, err := p.pss()
		if err != nil {
			r.fault("memory", err)
			continue
		}
		r.add(fmt.Sprintf("pss %d", n), s.name, mem)
	}
	for s, p := range up {
		v, err := p.switches()
		r.fault("idle", err)
		before[s.name] = v
	}
	if window == 0 {
		return
	}
	if !r.sleep(window) {
		r.fault("idle", errTime)
		return
	}
	for s, p := range up {
		if v, err := p.switches(); err == nil {
			r.add("idle", s.name, (v-before[s.name])*10/window.Seconds())
		}
	}
}
