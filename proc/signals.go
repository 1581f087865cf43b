package proc

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime's side of os/signal, which pushes these names to that package.
// It is used without the package, which needs os and a channel that can be
// full; a test repeats that nothing is lost.
//
//go:linkname runtimeSignalEnable os/signal.signal_enable
func runtimeSignalEnable(sig uint32)

//go:linkname runtimeSignalRecv os/signal.signal_recv
func runtimeSignalRecv() uint32

// faults are the signals that mean a fault of the program itself. The runtime
// ends the program when a process sends one and nobody has asked for it.
var faults = [...]unix.Signal{unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV}

// dropSentFaults makes the runtime queue the faults that a process sends, where
// the overlay's mode never looks and the runtime's mode drops them. It starts
// no goroutine and no thread, since the runtime's table does not say
// _SigNotify for these (runtime/signal_unix.go, sigenable).
func dropSentFaults() {
	for _, sig := range faults {
		runtimeSignalEnable(uint32(sig))
	}
}

func isFault(sig int) bool {
	for _, f := range faults {
		if sig == int(f) {
			return true
		}
	}
	return false
}

// ignoreLibcSignals ignores 32 and 34, for which the runtime installs no
// handler and whose default action ends a process. 33 has the runtime's own
// handler, which does nothing when it has asked for nothing. Children get all
// of them back as default.
func ignoreLibcSignals() {
	setDisposition(32, sigIgn)
	setDisposition(34, sigIgn)
}

// IgnoreStops makes this process deaf to what others stop programs with, and
// to writes without a reader: "mote log" ends with its input. It has no
// children that would inherit this.
func IgnoreStops() {
	for _, sig := range [...]unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGXFSZ, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU} {
		setDisposition(int(sig), sigIgn)
	}
}

// DefaultSignals gives HUP, INT, QUIT, ABRT, TERM and SYS their usual effect
// back in the roles that are not an init: the overlay makes the runtime do
// nothing for them. What was ignored at the start stays ignored where that can
// still be known (HUP and INT).
func DefaultSignals() {
	for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT,
		unix.SIGABRT, unix.SIGTERM, unix.SIGSYS} {
		if disposition(int(sig)) != sigIgn {
			setDisposition(int(sig), sigDfl)
		}
	}
}

// Signal is one signal that was sent to the init. Pid and Uid are the
// sender's; the runtime mode does not know them and leaves them 0.
type Signal struct {
	Number, Pid, Uid int
	FromKernel       bool
}

// Signals is the stream of signals to this process.
type Signals struct {
	fd      int
	info    unix.SignalfdSiginfo
	runtime bool
	pending atomic.Uint64 // runtime mode: bit n-1 stands for signal n
}

// OpenSignals starts the stream, once in the life of a process image, on the
// main thread. The caller reaps until nothing is left before it first waits:
// exits from before may have no signal of their own.
func OpenSignals() (*Signals, error) {
	dropSentFaults()
	ignoreLibcSignals()
	if hasOverlay() && maskIsFull() {
		s, err := openSignalfd()
		if err == nil && probeSignalfd() {
			sendUnread()
			return s, nil
		}
		if err == nil {
			unix.Close(s.fd)
		}
	}
	return openRuntime()
}

func openSignalfd() (*Signals, error) {
	fd, err := unix.Signalfd(-1, fullSet(), unix.SFD_CLOEXEC|unix.SFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &Signals{fd: fd}, nil
}

// probeSignalfd sends this process a CHLD, the only signal that is harmless if
// a thread takes it, and reports whether it is still there for a signalfd. It
// leaves a CHLD pending, so that the loop's first turn reaps.
func probeSignalfd() bool {
	set := new(unix.Sigset_t)
	addSignal(set, int(unix.SIGCHLD))
	fd, err := unix.Signalfd(-1, set, unix.SFD_CLOEXEC|unix.SFD_NONBLOCK)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	self := unix.Getpid()
	for range 3 { // one that happens to be at hand proves little
		if unix.Kill(self, unix.SIGCHLD) != nil {
			return false
		}
		var info unix.SignalfdSiginfo
		buf := (*[unsafe.Sizeof(info)]byte)(unsafe.Pointer(&info))[:]
		if n, err := unix.Read(fd, buf); err != nil || n != len(buf) {
			return false
		}
	}
	return unix.Kill(self, unix.SIGCHLD) == nil
}

// enableRuntime asks the runtime for every signal, so that none has its default
// effect; the queue keeps them for a receiver that starts later. URG, which the
// runtime sends itself, and PROF are harmless as they are.
func enableRuntime() {
	ignoredKnown = false
	for sig := uint32(1); sig <= 64; sig++ {
		switch unix.Signal(sig) {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGURG, unix.SIGPROF, 32, 33, 34:
		default:
			runtimeSignalEnable(sig)
		}
	}
}

// openRuntime takes signals from the runtime's queue. Its receiver is a
// goroutine of its own, since signal_recv blocks; it owns nothing but pending
// and the eventfd.
func openRuntime() (*Signals, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	s := &Signals{fd: fd, runtime: true}
	enableRuntime()
	if err := setMask(new(unix.Sigset_t)); err != nil {
		unix.Close(fd)
		return nil, err
	}
	theRuntime = s
	go s.receive()
	sendUnread()
	return s, nil
}

// theRuntime is the stream of the runtime's mode, or nil.
var theRuntime *Signals

func (s *Signals) receive() {
	one := [8]byte{0: 1, 7: 1} // not zero in either byte order, nor all ones
	for {
		sig := int(runtimeSignalRecv())
		if sig < 1 || sig > 64 || isFault(sig) {
			continue
		}
		s.pending.Or(1 << (sig - 1))
		for {
			_, err := unix.Write(s.fd, one[:])
			if err != unix.EINTR {
				break // EAGAIN: it is readable already
			}
		}
	}
}

// FD is readable when Next may have something.
func (s *Signals) FD() int { return s.fd }

// Mode is "signalfd", or "runtime" where the fallback is used.
func (s *Signals) Mode() string {
	if s.runtime {
		return "runtime"
	}
	return "signalfd"
}

// Next takes one signal, and never blocks. Its Number is 1 to 64; faults are
// not reported. Standard signals that were sent while one was pending are one
// (signal(7)). A caller may stop before false: FD stays readable as long as
// there is more.
func (s *Signals) Next() (Signal, bool) {
	if s.runtime {
		return s.nextRuntime()
	}
	buf := (*[unsafe.Sizeof(s.info)]byte)(unsafe.Pointer(&s.info))[:]
	for {
		n, err := unix.Read(s.fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != len(buf) {
			return Signal{}, false // EAGAIN is the end, not an error
		}
		// mips has signals up to 128, for which nobody has a use.
		if sig := int(s.info.Signo); !isFault(sig) && sig <= 64 {
			// si_code is above 0 only from the kernel (sigaction(2)).
			return Signal{sig, int(s.info.Pid), int(s.info.Uid), s.info.Code > 0}, true
		}
	}
}

// nextRuntime empties the eventfd only when no bit is set, and looks again
// after that: a bit that is set later has its write later too.
func (s *Signals) nextRuntime() (Signal, bool) {
	set := s.pending.Load()
	if set == 0 {
		var buf [8]byte
		unix.Read(s.fd, buf[:]) // EAGAIN: it was empty
		if set = s.pending.Load(); set == 0 {
			return Signal{}, false
		}
	}
	n := bits.TrailingZeros64(set)
	s.pending.And(^(uint64(1) << n))
	return Signal{Number: n + 1}, true
}
