package proc

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// neverShare makes every spawn a plain fork, for tests.
var neverShare = false

// neverInto makes every child write itself into its cgroup, for tests.
var neverInto = false

// mayShare reports whether this process may sleep until the child's exec, which
// makes a spawn several times faster (BenchmarkSpawn). It may not where that
// could take for ever: the child opens more than the program, asks for a place
// behind others on the processor or is in a cgroup that may keep it from one, has
// to move itself into a cgroup, or any mount is one that waits for a server, and
// the program or its folder might be there. /proc waits for nobody.
func (p *plan) mayShare() bool {
	return hasOverlay() && !neverShare && p.stdin == nil && p.tty == nil && p.joinFD == 0 && !p.throttled &&
		!p.ctx.mayStarve() && theMounts.allLocal()
}

// sharing is what is known of children that should share this process's memory
// while it sleeps. Emulators make plain forks of them.
var sharing struct {
	tried  bool
	works  bool // one has written where its parent read it
	tables bool // such a child may also begin with this process's descriptors
}

// fork makes the child: one that says in memory how its exec went, if children
// are known to share it, else one that says so through a pipe.
func (p *plan) fork() (Process, syscall.Errno) {
	share := p.mayShare() && (sharing.works || !sharing.tried)
	if share && sharing.works {
		return p.forkAndWait()
	}
	p.keep, p.probe = 0, share
	p.shares, p.unshares = false, false
	child, errno := p.forkWithPipe(share)
	if share && errno == 0 {
		sharing.tried, sharing.works, sharing.tables = true, p.shares, p.unshares
	}
	return child, errno
}

// forkWithPipe makes a child that says through a pipe how its exec went.
func (p *plan) forkWithPipe(share bool) (Process, syscall.Errno) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return Process{}, asErrno(err)
	}
	p.result = int32(pipe[1])
	pid, errno := p.start(share)
	unix.Close(pipe[1])
	if errno != 0 {
		unix.Close(pipe[0])
	}
	return Process{Pid: int(pid), Result: pipe[0]}, errno
}

// forkAndWait makes a child that leaves its message in p.
func (p *plan) forkAndWait() (Process, syscall.Errno) {
	p.result, p.message, p.probe = -1, [3]uint32{}, false
	p.bringDown()
	pid, errno := p.start(true)
	p.putBack()
	child := Process{Pid: int(pid), Result: -1}
	if errno == 0 && p.message[1] != 0 {
		child.Fail = failureOf(p.message)
	}
	return child, errno
}

// A child that begins with a copy of this process's descriptors has them closed
// one by one at its exec: with two for the log of each of N units, a start of all
// costs N*N (a third of the time for 1,000). So it begins with the very table,
// and parts from it in a close_range(2) that copies only the numbers below
// p.keep. What the child needs has to be there: copies in the slots, which hold
// null at other times.
const (
	slotCount = 4
	fewFDs    = 64 // a table up to here is as good as a smaller one
)

// slots are low numbers, made with the first such child; 0 is none.
var slots [slotCount]int32

// bringDown gives the child's descriptors low numbers and sets p.keep; 0 says
// that the child gets a copy of the whole table.
func (p *plan) bringDown() {
	p.keep = 0
	if !sharing.tables || p.inherit || !makeSlots() {
		return
	}
	p.keep = 3
	for i := range p.places {
		from := &p.places[i].from
		if *from >= fewFDs {
			*from = p.slotFor(*from)
		}
		p.keep = max(p.keep, *from+1)
	}
}

// slotFor copies a descriptor to a slot, once, and gives the number; without a
// slot that is the descriptor's own.
func (p *plan) slotFor(fd int32) int32 {
	for k := range slots {
		switch {
		case p.held[k] == fd:
			return slots[k]
		case p.held[k] == 0:
			if unix.Dup3(int(fd), int(slots[k]), unix.O_CLOEXEC) != nil {
				return fd
			}
			p.held[k] = fd
			return slots[k]
		}
	}
	return fd
}

// putBack empties the slots: a pipe's end in one would keep it from ending.
func (p *plan) putBack() {
	for k := range slots {
		if p.held[k] != 0 {
			unix.Dup3(int(theNull), int(slots[k]), unix.O_CLOEXEC)
			p.held[k] = 0
		}
	}
}

func makeSlots() bool {
	null, err := nullFD()
	if err != nil || null != theNull {
		return false // not yet: /dev comes later
	}
	for k := range slots {
		if slots[k] == 0 {
			fd, err := unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				return false
			}
			slots[k] = int32(fd)
		}
	}
	return true
}
