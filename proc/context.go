package proc

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/proc/first"
)

// Context is what a Spec may ask for its process beyond a user and a folder.
// The zero value asks for nothing: the child then has what the init has.
type Context struct {
	Limits []Limit // set in this order, the last of a resource wins

	OOMSet  bool
	OOM     int // /proc/self/oom_score_adj, -1000 to 1000
	NiceSet bool
	Nice    int // -20 to 19
	IOPrio  int // class<<13 | level as ioprio_set(2) has it; 0 asks for nothing

	SchedSet                   bool
	SchedPolicy, SchedPriority int    // sched_setscheduler(2)
	CPUs                       []uint // the mask of sched_setaffinity(2) in words of unsigned long

	Securebits uint32 // of prctl(2), PR_SET_SECUREBITS; added to those there are
	CapsSet    bool
	Caps       uint64 // by the numbers of capabilities(7): all that may be had
	Ambient    bool   // Caps survive the change of user and the exec of a plain file
	NoNewPrivs bool
}

// Limit is a resource limit. Resource has the number that most machines use,
// and ^uint64(0) is no limit.
type Limit struct {
	Resource int
	Cur, Max uint64 // struct rlimit64
}

// resources are the numbers of this machine; mips has its own for five of them.
var resources = [...]uint8{unix.RLIMIT_CPU, unix.RLIMIT_FSIZE, unix.RLIMIT_DATA, unix.RLIMIT_STACK,
	unix.RLIMIT_CORE, unix.RLIMIT_RSS, unix.RLIMIT_NPROC, unix.RLIMIT_NOFILE, unix.RLIMIT_MEMLOCK,
	unix.RLIMIT_AS, unix.RLIMIT_LOCKS, unix.RLIMIT_SIGPENDING, unix.RLIMIT_MSGQUEUE, unix.RLIMIT_NICE,
	unix.RLIMIT_RTPRIO, unix.RLIMIT_RTTIME}

const resourceNofile = 7 // in resources

// mayStarve reports whether the child could be kept from a processor, or from
// its program's file, for longer than the init would be: nobody must sleep
// until such a one has come to its exec.
func (c *Context) mayStarve() bool {
	return c.NiceSet || c.SchedSet || c.IOPrio != 0 || len(c.CPUs) > 0
}

// context takes what s asks for into p.
func (p *plan) context(s *Spec) bool {
	p.limits = p.limits[:0]
	if n := &first.Nofile; n.Max != 0 {
		p.limits = append(p.limits, Limit{resourceNofile, n.Cur, n.Max})
	}
	p.ctx, p.item = Context{}, 0
	if s.Context == nil {
		return true
	}
	p.ctx = *s.Context
	for _, l := range p.ctx.Limits {
		if l.Resource < 0 || l.Resource >= len(resources) {
			return false
		}
		p.limits = append(p.limits, l)
	}
	p.oom = strconv.AppendInt(p.oom[:0], int64(p.ctx.OOM), 10)
	return true
}
