package proc

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The limits of a Spec, as errors of the stage prepare.
const (
	maxPlaces  = 256       // descriptors of one child
	maxPlaceTo = 1 << 16   // the highest number for one
	keepBytes  = 256 << 10 // a plan that has grown beyond is not kept
)

// pidDigits is the room for a pid: 2^22 at most, and an int32 in any case.
const pidDigits = 10

// place is one descriptor of the child: from becomes to. Where from is
// fromTTY or fromStdin the child opens it first.
type place struct{ from, to int32 }

const (
	fromTTY   = -2
	fromStdin = -3
)

// plan is a Spec in the form that the child can use: no allocation, no
// pointer that has to be made, every string ended by a NUL in one buffer. The
// child of a vfork shares it with the sleeping parent and changes only
// numbers in it.
type plan struct {
	buf   []byte
	path  []*byte
	argv  []*byte // the last is nil
	env   []*byte // the last is nil
	pidAt [2]int  // where in buf the child writes its pid; 0 = nowhere
	root  *byte
	dir   *byte
	stdin *byte
	tty   *byte

	groups   []uint32
	uid, gid uint32
	cred     bool
	umask    int
	group    Group
	inherit  bool
	cleared  bool // the clone has reset all handlers

	places []place
	floor  int32 // above every place.to
	result int32 // the write end of the result pipe; -1: the parent reads message

	into      int32 // the folder of the cgroup, for the clone; 0 = none
	joinFD    int32 // its cgroup.procs, for the child where the clone cannot; 0 = none
	mayMiss   bool  // that is no failure
	throttled bool

	ctx    Context
	limits []Limit // the init's own for files, then those of ctx
	oom    []byte  // the text of ctx.OOM

	keep int32            // the child begins with our table and takes what is below; 0: a copy of all
	held [slotCount]int32 // what is in the slots; 0 = null

	// A child that probes says that it shares our memory, and that its kernel
	// can part it from a table.
	probe, shares, unshares bool

	message   [3]uint32 // stage, errno and item of what failed; they go over the pipe
	item      uint32    // the limit or the capability that a step is at
	number    int32     // what a call points to
	capHeader [2]uint32
	capData   [2]capData
}

// thePlan is the one plan, whose memory is used again: a spawn in the steady
// state allocates nothing.
var thePlan plan

// prepare fills p from s.
func (p *plan) prepare(s *Spec) error {
	if len(s.Path) == 0 || len(s.Argv) == 0 {
		return &Failure{Stage: StagePrepare, Errno: syscall.EINVAL}
	}
	if err := p.placeAll(s); err != nil {
		return err
	}
	if !p.context(s) {
		return &Failure{Stage: StagePrepare, Errno: syscall.EINVAL}
	}
	size := len(s.PidVars) * (1 + pidDigits + 1)
	for _, list := range [][]string{s.Path, s.Argv, s.Env, {s.Root, s.Dir, s.StdinPath, s.TTY}, s.PidVars[:]} {
		for _, word := range list {
			if strings.IndexByte(word, 0) >= 0 {
				return &Failure{Stage: StagePrepare, Errno: syscall.EINVAL}
			}
			size += len(word) + 1
		}
	}
	if size > cap(p.buf) {
		p.buf = make([]byte, 0, size)
	}
	p.buf = p.buf[:0]
	p.path = p.words(p.path[:0], s.Path)
	p.argv = append(p.words(p.argv[:0], s.Argv), nil)
	p.env = p.words(p.env[:0], s.Env)
	for i, name := range s.PidVars {
		if p.pidAt[i] = 0; name != "" {
			p.env = append(p.env, p.bytes(name+"=0000000000"))
			p.pidAt[i] = len(p.buf) - 1 - pidDigits
		}
	}
	p.env = append(p.env, nil)
	p.root, p.dir, p.stdin, p.tty = p.word(s.Root), p.word(s.Dir), p.word(s.StdinPath), p.word(s.TTY)
	p.groups = append(p.groups[:0], s.Groups...)
	p.uid, p.gid, p.cred = s.Uid, s.Gid, s.Cred
	p.umask, p.group, p.inherit = s.Umask, s.Group, s.Inherit
	if errno := p.enterCgroup(s); errno != 0 {
		return &Failure{Stage: StageCgroup, Errno: errno}
	}
	return nil
}

// enterCgroup chooses how the child gets into its cgroup. The write of a process
// that lives waits for a grace period of RCU, some milliseconds, and for longer
// where many do so (kernel/cgroup/cgroup.c, cgroup_attach_lock): no parent sleeps
// through that.
func (p *plan) enterCgroup(s *Spec) syscall.Errno {
	p.into, p.joinFD, p.mayMiss, p.throttled = 0, 0, s.MayMiss, s.Throttled
	if s.Cgroup <= 0 {
		return 0
	}
	if haveIntoCgroup && !neverInto && !s.Killed {
		p.into = int32(s.Cgroup)
		return 0
	}
	fd, err := unix.Openat(s.Cgroup, "cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return asErrno(err)
	}
	p.joinFD = int32(fd)
	return 0
}

// leaveCgroup closes what enterCgroup has opened.
func (p *plan) leaveCgroup() {
	if p.joinFD > 0 {
		unix.Close(int(p.joinFD))
		p.joinFD = 0
	}
}

// forkStage tells what a clone says of the cgroup from what it says of the
// process; EAGAIN may be either's limit of processes.
func (p *plan) forkStage(errno syscall.Errno) Stage {
	if p.into > 0 {
		switch errno {
		case syscall.EBUSY, syscall.EOPNOTSUPP, syscall.ENODEV, syscall.EACCES, syscall.EBADF:
			return StageCgroup
		}
	}
	return StageFork
}

// word appends s and a NUL to the buffer, which has room; "" is nil.
func (p *plan) word(s string) *byte {
	if s == "" {
		return nil
	}
	return p.bytes(s)
}

func (p *plan) bytes(s string) *byte {
	at := len(p.buf)
	p.buf = append(append(p.buf, s...), 0)
	return &p.buf[at]
}

func (p *plan) words(dst []*byte, list []string) []*byte {
	for _, s := range list {
		dst = append(dst, p.bytes(s))
	}
	return dst
}

// placeAll fills p.places: 0, 1, 2, then s.Fds.
func (p *plan) placeAll(s *Spec) error {
	p.places, p.floor = p.places[:0], 3
	if s.Inherit {
		if len(s.Fds) > 0 {
			return &Failure{Stage: StagePrepare, Errno: syscall.EINVAL}
		}
		return nil
	}
	in, out := int32(s.Stdin), int32(s.Out)
	switch {
	case s.TTY != "":
		in = fromTTY
	case s.Stdin < 0 && s.StdinPath != "":
		in = fromStdin
	}
	if s.TTY != "" && s.TTYOut {
		out = fromTTY
	}
	if in == -1 || out == -1 {
		null, err := nullFD()
		if err != nil {
			return &Failure{Stage: StagePrepare, Errno: asErrno(err)}
		}
		if in == -1 {
			in = null
		}
		if out == -1 {
			out = null
		}
	}
	p.places = append(p.places, place{in, 0}, place{out, 1}, place{out, 2})
	return p.placeMore(s.Fds)
}

func (p *plan) placeMore(fds []FD) error {
	if len(fds) > maxPlaces {
		return &Failure{Stage: StagePrepare, Errno: syscall.E2BIG}
	}
	for _, fd := range fds {
		if fd.From < 0 || fd.To < 3 || fd.To > maxPlaceTo {
			return &Failure{Stage: StagePrepare, Errno: syscall.EBADF}
		}
		for _, have := range p.places {
			if have.to == int32(fd.To) {
				return &Failure{Stage: StagePrepare, Errno: syscall.EEXIST}
			}
		}
		p.places = append(p.places, place{int32(fd.From), int32(fd.To)})
		p.floor = max(p.floor, int32(fd.To)+1)
	}
	return nil
}
