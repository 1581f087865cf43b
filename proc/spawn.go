package proc

import (
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Stage names a step of a spawn. The numbers travel over the result pipe, whose
// reader may be the next image and another release, and stand in snapshots: what is
// new goes to the end.
type Stage uint8

// The stages, so far in the order in which a child passes them.
const (
	StagePrepare Stage = iota // in the parent: a word with a NUL, no candidate
	StageFork                 // in the parent: pipe2 or clone
	StageCgroup               // clone into it, or the write to cgroup.procs
	StageSetsid
	StageTTY // open, TIOCSCTTY, tcsetpgrp
	StageStdin
	StageFD
	StageOOM
	StageLimit // Item is the resource, as in Limit
	StageNice
	StageIonice
	StageSched
	StageCPUs
	StageChroot
	StageChdir
	StageSecurebits
	StageBounding // Item is the capability
	StageSetgroups
	StageSetgid
	StageSetuid
	StageCaps    // PR_SET_KEEPCAPS, capset
	StageAmbient // Item is the capability
	StageNoNewPrivs
	StageExec
	stageCount
)

var stageNames = [stageCount]string{"prepare", "fork", "cgroup", "setsid", "tty", "stdin", "fd",
	"oom", "limit", "nice", "ionice", "sched", "cpus", "chroot", "chdir", "securebits", "bounding",
	"setgroups", "setgid", "setuid", "caps", "ambient", "no-new-privs", "exec"}

// String is the stage's name as the client shows it.
func (s Stage) String() string {
	if s < stageCount {
		return stageNames[s]
	}
	return "stage " + strconv.Itoa(int(s))
}

// Failure is a spawn that did not reach the new program.
type Failure struct {
	Stage Stage
	Errno syscall.Errno
	Item  int // which one, where a stage has several
}

// Error is "STAGE: TEXT OF THE ERRNO".
func (f *Failure) Error() string { return f.Stage.String() + ": " + f.Errno.Error() }

// FD places the init's descriptor From at the number To of the child.
type FD struct{ From, To int }

// Group says where a child stands among sessions and process groups.
type Group uint8

const (
	// GroupSession is a session and a process group of its own.
	GroupSession Group = iota
	// GroupForeground is a process group of its own in the init's session,
	// and the foreground group of the terminal on descriptor 0 if there is
	// one.
	GroupForeground
	// GroupOwn is a process group of its own in the init's session.
	GroupOwn
	// GroupSame is the init's own group.
	GroupSame
)

// Spec is everything about a child. The zero value of Stdin, Out and Umask is
// a value (descriptor 0, umask 000): start from NewSpec.
type Spec struct {
	Path []string // the files to try in order, as execvp does; at least one
	Argv []string // at least one
	Env  []string // NAME=VALUE
	// PidVars are variables more, whose value the child makes its own pid; ""
	// is none.
	PidVars [2]string

	Root  string // the root directory for Dir and Path; "" keeps the init's
	Dir   string // "" keeps the init's
	Umask int    // -1 keeps the init's

	Cred     bool // Groups, Gid and Uid are set, in this order
	Uid, Gid uint32
	Groups   []uint32

	Context *Context // nil asks for nothing

	Cgroup    int  // an open folder of cgroup version 2 for the child to begin in; 0 keeps the init's
	MayMiss   bool // a child that has to move itself there, and cannot, runs all the same
	Killed    bool // Kill was used on that group: see there
	Throttled bool // the child may be kept waiting there: by its share of the processor, or frozen (Calm)

	Stdin     int    // a descriptor; -1 is StdinPath, and /dev/null if that is ""
	StdinPath string // opened in the child, never as a controlling terminal
	Out       int    // for 1 and 2; -1 is /dev/null

	TTY    string // opened in the child as controlling terminal and as 0
	TTYOut bool   // TTY is 1 and 2 as well, whatever Out says

	Fds []FD // further descriptors

	Group Group

	// Inherit leaves descriptors 0, 1, 2 and every one that is not
	// close-on-exec as the init has them, and HUP and INT ignored if the init
	// was started so (nohup(1)): what a wrapper owes its command. Stdin, Out
	// and TTY have no effect.
	Inherit bool
}

// NewSpec is a Spec for the candidates path with null descriptors, and the
// init's directory and umask.
func NewSpec(path, argv, env []string) *Spec {
	s := new(Spec)
	s.Reset(path, argv, env)
	return s
}

// Reset makes s what NewSpec gives, in the memory that is there.
func (s *Spec) Reset(path, argv, env []string) {
	*s = Spec{Path: path, Argv: argv, Env: env, Umask: -1, Stdin: -1, Out: -1}
}

// Process is a child that was forked. Result is the read end of its pipe, for
// Poll (EPOLLIN) and ReadResult; the caller owns it. It is -1 where Spawn has
// waited for the exec: then Fail says how it went.
type Process struct {
	Pid    int
	Result int
	Fail   *Failure // nil: the new program runs
}

// Spawn forks a child for s. It waits for the exec only where that cannot take
// long (mayShare). A Spec that cannot be, or a fork that fails, is a *Failure at
// once; what fails in the child comes through its Result, or Fail.
func Spawn(s *Spec) (Process, error) {
	p := &thePlan
	defer p.shrink()
	if err := p.prepare(s); err != nil {
		return Process{}, err
	}
	if !haveCloseRange && !s.Inherit {
		closeInherited()
	}
	child, errno := p.fork()
	if p.into > 0 && refused(errno) { // a sandbox, perhaps
		haveIntoCgroup = false
		p.leaveCgroup()
		if errno = p.enterCgroup(s); errno == 0 {
			child, errno = p.fork()
		}
	}
	p.leaveCgroup()
	if errno != 0 {
		return Process{}, &Failure{Stage: p.forkStage(errno), Errno: errno}
	}
	if s.Group == GroupForeground || s.Group == GroupOwn {
		// The child does the same; whoever is first, the group is there when
		// this returns. EACCES after the exec means that it is.
		unix.Setpgid(child.Pid, child.Pid)
	}
	return child, nil
}

// failureOf is what a child's message says.
func failureOf(m [3]uint32) *Failure {
	return &Failure{Stage(m[0]), syscall.Errno(m[1]), int(m[2])}
}

// shrink lets go of a plan that an exceptional Spec has made large.
func (p *plan) shrink() {
	if cap(p.buf)+8*cap(p.env)+8*cap(p.argv) > keepBytes {
		*p = plan{}
	}
}

// ReadResult reads a Result, and never blocks. It reports false while the child
// is on its way to the exec; then true, with the failure if there was one, and
// the caller takes fd out of its Poll and closes it. Once the child has been
// seen by NextExit the answer is there: an exit is looked at after it.
func ReadResult(fd int) (done bool, fail *Failure) {
	var message [3]uint32
	buf := (*[unsafe.Sizeof(message)]byte)(unsafe.Pointer(&message))[:]
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return false, nil
		case err != nil:
			return true, &Failure{Stage: StageFork, Errno: asErrno(err)}
		case n == len(buf):
			return true, failureOf(message)
		}
		return true, nil // the end of the file: exec has closed it
	}
}

// asErrno is err as an errno; x/sys gives nothing else for a system call.
func asErrno(err error) syscall.Errno {
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return syscall.EIO
}
