package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	asideLimit = 200_000 // microseconds that a child of TakeAside or CloseAside may take
	hangUps    = 8       // waiting connections that are hung up on, before a child does so

	hangUpReads = 64 // of 4 KiB; a queue has some 200 KiB (net.core.wmem_default)
)

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

// HangUp closes a connection of a Unix socket, whatever its peer has put into its
// queue. Where no child can be made for that the descriptor stays open.
func HangUp(fd int) {
	unix.Shutdown(fd, unix.SHUT_RD) // nothing more comes
	var buf [4096]byte
	for range hangUpReads {
		n, strange, err := ReadPlain(fd, buf[:])
		if strange {
			break
		}
		if n == 0 || err != nil {
			unix.Close(fd)
			return
		}
	}
	CloseAside(fd)
}

// closeBound closes a socket that strangers can send or connect to. Those to
// whom an internet socket was handed over may have made a connection of it, which
// must not linger; what waits at a Unix socket may have descriptors with it.
func closeBound(fd int, local bool) {
	if p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}; local {
		n, err := unix.Poll(p[:], 0)
		for i := 0; i < hangUps && n > 0 && err == nil; i++ { // also when it was shut down: EINVAL
			unix.SetNonblock(fd, true)
			var c int
			if c, _, err = unix.Accept4(fd, unix.SOCK_CLOEXEC); err == nil {
				HangUp(c)
			}
		}
		if n != 0 && err != unix.EINVAL && err != unix.EAGAIN {
			CloseAside(fd)
			return
		}
	}
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{})
	unix.Close(fd)
}

// ReadPlain reads from a connection of a Unix socket that does not block. When
// descriptors have come it reads nothing and says so: HangUp drops them.
func ReadPlain(fd int, buf []byte) (n int, strange bool, err error) {
	n, _, flags, _, err := unix.Recvmsg(fd, buf, nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if err != nil || n == 0 || flags&unix.MSG_CTRUNC != 0 {
		return 0, err == nil && flags&unix.MSG_CTRUNC != 0, err
	}
	n, err = unix.Read(fd, buf[:n])
	return n, false, err
}

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
