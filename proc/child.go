package proc

import (
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// OpKind is a system call that can take for ever, or that must not be made by
// PID 1 itself, and is therefore made by a child.
type OpKind uint8

const (
	OpSync     OpKind = iota // sync(2)
	OpUmount                 // umount2 of each of Paths with Flags
	OpReadOnly               // remount each of Paths read-only, with Flags (MS_...) besides
	OpKillAll                // kill(-1, Signal): all but PID 1 and the child; for PID 1 alone
	OpReboot                 // reboot(Cmd), with Arg for LINUX_REBOOT_CMD_RESTART2
	OpSwapOff                // swapoff(2) of each of Paths
)

// Op is one step of a Child.
type Op struct {
	Kind   OpKind
	Paths  []string
	Flags  int
	Signal int
	Cmd    int
	Arg    string
}

// rawOp is an Op in the form that a forked child can use.
type rawOp struct {
	kind  OpKind
	paths []*byte
	flags uintptr // or the signal, or the command
	arg   *byte
}

type rawOps struct{ ops []rawOp }

// Child forks a process that performs ops in order, all of them whatever fails,
// and then exits: with 0, or with the errno of the last call that failed. It
// keeps every signal blocked; the caller reaps it as any child, and kills it
// when its time is up. A child that reboots the machine does not come back.
func Child(ops ...Op) (pid int, err error) {
	raw := &rawOps{ops: make([]rawOp, 0, len(ops))}
	for _, op := range ops {
		r := rawOp{kind: op.Kind, flags: uintptr(op.Flags)}
		switch op.Kind {
		case OpKillAll:
			if unix.Getpid() != 1 {
				return 0, &Failure{Stage: StagePrepare, Errno: syscall.EPERM}
			}
			r.flags = uintptr(op.Signal)
		case OpReboot:
			r.flags = uintptr(uint32(op.Cmd))
		}
		for _, path := range op.Paths {
			if strings.IndexByte(path, 0) >= 0 {
				return 0, &Failure{Stage: StagePrepare, Errno: syscall.EINVAL}
			}
			r.paths = append(r.paths, unsafe.StringData(path+"\x00"))
		}
		if strings.IndexByte(op.Arg, 0) >= 0 {
			return 0, &Failure{Stage: StagePrepare, Errno: syscall.EINVAL}
		}
		r.arg = unsafe.StringData(op.Arg + "\x00")
		raw.ops = append(raw.ops, r)
	}
	got, errno := fork(runOps, unsafe.Pointer(raw))
	if errno != 0 {
		return 0, &Failure{Stage: StageFork, Errno: errno}
	}
	return int(got), nil
}

// runOps is the child of Child; the rules of forked.go hold.
//
//go:nosplit
//go:norace
func runOps(arg unsafe.Pointer) {
	raw := (*rawOps)(arg)
	failed := uintptr(0)
	for i := range raw.ops {
		if errno := raw.ops[i].run(); errno != 0 {
			failed = uintptr(errno)
		}
	}
	exitChild(failed)
}

//go:nosplit
//go:norace
func (op *rawOp) run() (failed syscall.Errno) {
	switch op.kind {
	case OpSync:
		syscall.RawSyscall(unix.SYS_SYNC, 0, 0, 0)
	case OpUmount, OpReadOnly, OpSwapOff:
		for _, path := range op.paths {
			if errno := op.onPath(path); errno != 0 {
				failed = errno
			}
		}
	case OpKillAll:
		_, _, failed = syscall.RawSyscall(unix.SYS_KILL, ^uintptr(0), op.flags, 0)
	case OpReboot:
		_, _, failed = syscall.RawSyscall6(unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1,
			unix.LINUX_REBOOT_MAGIC2, op.flags, uintptr(unsafe.Pointer(op.arg)), 0, 0)
	default:
		failed = syscall.ENOSYS
	}
	return failed
}

//go:nosplit
//go:norace
func (op *rawOp) onPath(path *byte) (errno syscall.Errno) {
	switch op.kind {
	case OpSwapOff:
		_, _, errno = syscall.RawSyscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(path)), 0, 0)
		return errno
	case OpUmount:
		_, _, errno = syscall.RawSyscall(unix.SYS_UMOUNT2, uintptr(unsafe.Pointer(path)), op.flags, 0)
		return errno
	}
	_, _, errno = syscall.RawSyscall6(unix.SYS_MOUNT, 0, uintptr(unsafe.Pointer(path)), 0,
		unix.MS_REMOUNT|unix.MS_RDONLY|op.flags, 0, 0)
	return errno
}
