package proc

import (
	"time"
	_ "unsafe" // for go:linkname

	"golang.org/x/sys/unix"
)

const second = 1_000_000_000

// nanotime reads CLOCK_MONOTONIC through the vDSO. The runtime keeps this name
// and signature for those who link to it (runtime/time_nofake.go).
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

// Now is CLOCK_MONOTONIC in nanoseconds: it survives an exec and stands still
// while the machine is suspended.
func Now() int64 { return nanotime() }

// Wall is CLOCK_REALTIME in nanoseconds since 1970. It goes through package
// time, which reads 64-bit seconds on 32-bit machines too; unix.ClockGettime
// would end there in 2038.
func Wall() int64 { return time.Now().UnixNano() }

// Boot is CLOCK_BOOTTIME in nanoseconds: Now and the time in suspend.
func Boot() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return Now() // Linux before 2.6.39
	}
	return ts.Nano()
}

// Timer is one timerfd, readable once its moment is past.
type Timer struct{ fd, flags int }

// NewTimer makes a disarmed timer on the clock of Now.
func NewTimer() (*Timer, error) { return newTimer(unix.CLOCK_MONOTONIC, 0) }

// NewBootTimer makes a disarmed timer on the clock of Boot.
func NewBootTimer() (*Timer, error) { return newTimer(unix.CLOCK_BOOTTIME, 0) }

// NewWallTimer makes a disarmed timer on the clock of Wall. While it is armed,
// it is readable too when that clock is set or the machine has slept
// (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
func NewWallTimer() (*Timer, error) {
	return newTimer(unix.CLOCK_REALTIME, unix.TFD_TIMER_CANCEL_ON_SET)
}

func newTimer(clock, flags int) (*Timer, error) {
	fd, err := unix.TimerfdCreate(clock, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &Timer{fd, flags | unix.TFD_TIMER_ABSTIME}, nil
}

// FD is the descriptor for Poll.
func (t *Timer) FD() int { return t.fd }

// Close gives the timer up.
func (t *Timer) Close() error { return unix.Close(t.fd) }

// Arm sets the moment, on its clock, and clears an earlier expiry; 0
// disarms. A moment in the past makes the descriptor readable at once.
func (t *Timer) Arm(at int64) error {
	if at < 0 {
		at = 1 // long past; 0 would disarm, a negative time is EINVAL
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(at)}
	return unix.TimerfdSettime(t.fd, t.flags, &spec, nil)
}

// Drain takes an expiry off the descriptor and reports whether there was one.
func (t *Timer) Drain() bool {
	var buf [8]byte
	for {
		n, err := unix.Read(t.fd, buf[:])
		if err != unix.EINTR {
			return err == nil && n == len(buf)
		}
	}
}
