package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// asideLimit is how long the child of TakeAside or CloseAside may take, in
// microseconds.
const asideLimit = 200_000

// aside is one call that a child makes in place of this process.
type aside struct {
	trap, fd uintptr
	byte     [1]byte
	limit    unix.Itimerval
	alarm    unix.Sigset_t
}

// TakeAside has a child take the first datagram off the queue of a socket that
// does not block, and with it descriptors that came along: when they are the last
// ones of their files the kernel closes these before read(2) returns, which for a
// socket takes as long as its sender has said (socket(7), SO_LINGER). The caller
// reaps the child as any, and takes nothing off that queue before.
func TakeAside(fd int) (pid int, err error) { return doAside(unix.SYS_READ, fd) }

// CloseAside has a child close a descriptor of this process: that of a Unix socket
// closes what waits in its queue. The number is taken until the child has come to
// it.
func CloseAside(fd int) (pid int, err error) { return doAside(unix.SYS_CLOSE, fd) }

func doAside(trap uintptr, fd int) (pid int, err error) {
	a := &aside{trap: trap, fd: uintptr(fd)}
	a.limit.Value.Usec = asideLimit
	addSignal(&a.alarm, int(unix.SIGALRM))
	got, errno := forkCopied(plainCall(unix.CLONE_FILES), runAside, unsafe.Pointer(a))
	if errno != 0 {
		return 0, &Failure{Stage: StageFork, Errno: errno}
	}
	return int(got), nil
}

// runAside is that child; the rules of forked.go hold. The alarm ends it, and so
// the wait of a linger, which any signal does (net/core/stream.c,
// sk_stream_wait_close).
//
//go:nosplit
//go:norace
func runAside(arg unsafe.Pointer) {
	a := (*aside)(arg)
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGALRM), uintptr(unsafe.Pointer(&sigactionDefault)), 0, sigsetBytes, 0, 0)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_UNBLOCK, uintptr(unsafe.Pointer(&a.alarm)), 0, sigsetBytes, 0, 0)
	syscall.RawSyscall(unix.SYS_SETITIMER, uintptr(unix.ITIMER_REAL), uintptr(unsafe.Pointer(&a.limit)), 0)
	syscall.RawSyscall(a.trap, a.fd, uintptr(unsafe.Pointer(&a.byte)), 1)
	exitChild(0)
}
