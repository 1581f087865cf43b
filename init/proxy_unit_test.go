package pid1

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// proxyWithUnit is a relay that asks a test for its unit.
func proxyWithUnit(t *testing.T, words string) (p *proxyTest, accept, asked func() int) {
	t.Helper()
	dir := t.TempDir()
	p = testRelay(t, words+" start web unix "+dir+"/b")
	p.ctl = dir + "/c"
	return p, listenUnix(t, dir+"/b"), listenUnix(t, p.ctl)
}

// The first connection has the unit started, idleness has it stopped.
func TestProxyUnit(t *testing.T) {
	p, accept, asked := proxyWithUnit(t, "idle 1ms")
	p.idleAt = 0 // the first connection comes in time
	client := p.dial()
	unix.Write(client, []byte("x"))
	q := p.accepted(asked)
	p.arrives(q, "start web\n")
	p.dial() // asks no second time
	p.until("both wait", func() bool { return p.waiting == 2 })
	unix.Write(q, []byte("note 'it comes'\nwarn x\no"))
	for range 100 {
		p.turn(false)
	}
	if accept() >= 0 || asked() >= 0 || p.waiting != 2 {
		t.Fatal("it does not wait for the whole answer")
	}
	unix.Write(q, []byte("k\nmore"))
	back := p.accepted(accept)
	other := p.accepted(accept)
	if p.waiting != 0 || p.ask.verb != "" || !p.ask.up {
		t.Errorf("%d wait, %+v", p.waiting, p.ask)
	}
	for _, fd := range []int{back, other} {
		unix.Shutdown(fd, unix.SHUT_RDWR)
	}
	p.until("both end, and it is idle", func() bool {
		unix.Shutdown(client, unix.SHUT_RDWR)
		for _, c := range p.pairs {
			if c.state == pairOpen && c.ends[endBackend].over {
				p.relay.end(c, false)
			}
		}
		return p.ask.verb == "stop"
	})
	q = p.accepted(asked)
	p.arrives(q, "stop web\n")
	p.dial()
	for range 100 {
		p.turn(false)
	}
	if p.watching || p.open != 0 || p.done {
		t.Errorf("watching %v, %d open, done %v", p.watching, p.open, p.done)
	}
	unix.Write(q, []byte("ok\n"))
	p.until("it is over", func() bool { return p.done })
}

// Without the unit nobody waits on, and the init is not asked at once again.
func TestProxyUnitRefused(t *testing.T) {
	for _, answer := range []string{"err 1 'web: failed'\n", "'\n", "\n", strings.Repeat("x", 66<<10)} {
		p, accept, asked := proxyWithUnit(t, "")
		p.dial()
		p.dial()
		q := p.accepted(asked)
		p.until("both wait", func() bool { return p.waiting == 2 })
		for rest := []byte(answer); len(rest) > 0; p.turn(false) {
			if n, err := unix.Write(q, rest); err == nil {
				rest = rest[n:]
			} else if err != unix.EAGAIN {
				break
			}
		}
		p.until("both end", func() bool { return p.open == 0 })
		if p.failed != 2 || p.ask.up || p.ask.fd >= 0 || accept() >= 0 {
			t.Errorf("%.20s: %d failed, %+v", answer, p.failed, p.ask)
		}
		if p.ask.notBefore != p.now+askPause {
			t.Errorf("%.20s: it may ask again in %d ns", answer, p.ask.notBefore-p.now)
		}
		p.ask.notBefore += int64(time.Hour) // longer than this test can be kept waiting
		p.dial()
		p.until("it is taken", func() bool { return p.open == 1 })
		if asked() >= 0 || p.ask.verb != "start" {
			t.Errorf("%.20s: it asks again at once", answer)
		}
		p.ask.notBefore = 0
		q = p.accepted(asked)
		unix.Write(q, []byte("ok\n"))
		p.accepted(accept)
	}
}

// A backend that has gone is asked for again.
func TestProxyUnitAgain(t *testing.T) {
	p, _, asked := proxyWithUnit(t, "")
	p.o.to = &unix.SockaddrUnix{Name: p.ctl + ".gone"}
	p.ask.up = true
	p.dial()
	q := p.accepted(asked)
	p.arrives(q, "start web\n")
	unix.Write(q, []byte("ok\n"))
	q = p.accepted(asked)
	p.arrives(q, "start web\n")
}

// No init, no start: the connection ends.
func TestProxyNoInit(t *testing.T) {
	p := testRelay(t, "start web unix /nowhere")
	p.ctl = t.TempDir() + "/c"
	p.dial()
	p.until("it ends", func() bool { return p.failed == 1 && p.open == 0 })
	if p.ask.verb != "" || p.ask.fd >= 0 {
		t.Errorf("%+v", p.ask)
	}
}
