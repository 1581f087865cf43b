package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sigDfl uintptr = 0
	sigIgn uintptr = 1

	sigsetBytes = signalMax / 8
	setWordBits = 8 * unsafe.Sizeof(unix.Sigset_t{}.Val[0])
)

// sigaction is more than the kernel's struct of any machine.
type sigaction [8]uintptr

// sigactionDefault is all zero, which is SIG_DFL everywhere.
var (
	sigactionDefault sigaction
	sigactionIgnore  = sigaction{sigactHandler: sigIgn}
)

// setDisposition gives sig the handler SIG_DFL or SIG_IGN behind the back of
// the runtime, which keeps believing in its own (rt_sigaction(2)).
func setDisposition(sig int, handler uintptr) syscall.Errno {
	ignoredKnown = false
	act := sigaction{sigactHandler: handler}
	_, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(&act)), 0, sigsetBytes, 0, 0)
	return errno
}

// disposition is the handler of sig: sigDfl, sigIgn or an address.
func disposition(sig int) uintptr {
	var act sigaction
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0,
		uintptr(unsafe.Pointer(&act)), sigsetBytes, 0, 0)
	return act[sigactHandler]
}

func addSignal(set *unix.Sigset_t, sig int) {
	set.Val[uintptr(sig-1)/setWordBits] |= 1 << (uintptr(sig-1) % setWordBits)
}

func hasSignal(set *unix.Sigset_t, sig int) bool {
	return set.Val[uintptr(sig-1)/setWordBits]>>(uintptr(sig-1)%setWordBits)&1 != 0
}

func fullSet() *unix.Sigset_t {
	set := new(unix.Sigset_t)
	for sig := 1; sig <= signalMax; sig++ {
		addSignal(set, sig)
	}
	return set
}

// neverBlocked reports whether the overlay's runtime, or the kernel, keeps sig
// unblocked on every thread: faults, the profiler's signal, the runtime's
// preemption signal, those of C libraries, and KILL and STOP.
func neverBlocked(sig int) bool {
	switch unix.Signal(sig) {
	case unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV,
		unix.SIGPROF, unix.SIGURG, unix.SIGKILL, unix.SIGSTOP, 32, 33, 34:
		return true
	}
	return false
}

// maskIsFull reports whether this thread blocks all that can be blocked: the
// mark of an image that Early has started. Only the overlay's runtime leaves
// such a mask in place.
func maskIsFull() bool {
	var set unix.Sigset_t
	if unix.PthreadSigmask(unix.SIG_SETMASK, nil, &set) != nil {
		return false
	}
	for sig := 1; sig <= signalMax; sig++ {
		if !neverBlocked(sig) && !hasSignal(&set, sig) {
			return false
		}
	}
	return true
}

func setMask(set *unix.Sigset_t) error {
	return unix.PthreadSigmask(unix.SIG_SETMASK, set, nil)
}
