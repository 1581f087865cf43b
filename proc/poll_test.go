package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestPoll(t *testing.T) {
	p, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	const token = 0xfedcba98_76543210
	if err := p.Add(pipe[0], unix.EPOLLIN, token); err != nil {
		t.Fatal(err)
	}
	var ready [4]Ready
	if n, err := p.Peek(ready[:]); n != 0 || err != nil {
		t.Errorf("an empty pipe: %d %v", n, err)
	}
	unix.Write(pipe[1], []byte("x"))
	if n, err := p.Wait(ready[:]); n != 1 || err != nil || ready[0] != (Ready{unix.EPOLLIN, token}) {
		t.Errorf("%d %v %x", n, err, ready[0])
	}
	if err := p.Modify(pipe[0], 0, 1); err != nil {
		t.Fatal(err)
	}
	if n, _ := p.Peek(ready[:]); n != 0 {
		t.Errorf("%d events of none that were asked for", n)
	}
	if err := p.Modify(pipe[0], unix.EPOLLIN, 2); err != nil {
		t.Fatal(err)
	}
	if n, _ := p.Peek(ready[:]); n != 1 || ready[0].Token != 2 {
		t.Errorf("%d %v", n, ready[0])
	}
	if err := p.Remove(pipe[0]); err != nil {
		t.Fatal(err)
	}
	if n, _ := p.Peek(ready[:]); n != 0 {
		t.Error("removed and still reported")
	}
	if _, err := p.Wait(nil); err != unix.EINVAL {
		t.Errorf("no room: %v", err)
	}
}

func TestTimer(t *testing.T) {
	timer, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.Close()
	p, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Add(timer.FD(), unix.EPOLLIN, 1)
	var ready [1]Ready

	at := Now() + 3_000_000
	if err := timer.Arm(at); err != nil {
		t.Fatal(err)
	}
	for n := 0; n == 0; {
		n, _ = p.Wait(ready[:])
	}
	if now := Now(); now < at {
		t.Errorf("%d ns early", at-now)
	}
	if !timer.Drain() || timer.Drain() {
		t.Error("not exactly one expiry")
	}
	for _, past := range []int64{1, -5, Now() - second} {
		timer.Arm(past)
		if n, _ := p.Wait(ready[:]); n != 1 || !timer.Drain() {
			t.Errorf("%d: a moment in the past does not fire at once", past)
		}
	}
	timer.Arm(1)
	timer.Arm(0)
	if n, _ := p.Peek(ready[:]); n != 0 || timer.Drain() {
		t.Error("a disarmed timer fires")
	}
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	if d := ts.Nano() - Now(); d < -second || d > second {
		t.Errorf("Now is %d ns off CLOCK_MONOTONIC", d)
	}
	unix.ClockGettime(unix.CLOCK_REALTIME, &ts)
	if d := ts.Nano() - Wall(); d < -second || d > second {
		t.Errorf("Wall is %d ns off CLOCK_REALTIME", d)
	}
}

func TestLoopAllocates(t *testing.T) {
	p, _ := NewPoll()
	defer p.Close()
	timer, _ := NewTimer()
	defer timer.Close()
	p.Add(timer.FD(), unix.EPOLLIN, 1)
	var ready [8]Ready
	if n := testing.AllocsPerRun(100, func() {
		timer.Arm(1)
		p.Wait(ready[:])
		timer.Drain()
		NextExit()
		Now()
		Wall()
	}); n != 0 {
		t.Errorf("a turn allocates %v times", n)
	}
}
