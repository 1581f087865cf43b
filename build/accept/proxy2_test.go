package accept

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestProxy_Idle(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	c := p.dial()
	p.start("", nil, "idle", "300ms", "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", echoConn))
	io.WriteString(c, "x")
	io.ReadFull(c, make([]byte, 1))
	select { // the connection is open all the while
	case <-p.done:
		t.Errorf("it has ended: %s", p.out.text())
	case <-time.After(700 * time.Millisecond):
	}
	c.Close()
	if code, text := p.ends(); code != 0 || !strings.Contains(text, "1 connections, 0 of them failed") {
		t.Errorf("exit %d: %s", code, text)
	}
}

// At the limit who comes waits, and is served when another ends.
func TestProxy_Max(t *testing.T) {
	t.Parallel()
	p := startProxy(t, nil, "max", "2", "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", echoConn))
	buf := make([]byte, 1)
	var first [2]*net.TCPConn
	for i := range first {
		first[i] = p.dial()
		defer first[i].Close()
		io.WriteString(first[i], "x")
		io.ReadFull(first[i], buf)
	}
	third := p.dial()
	defer third.Close()
	io.WriteString(third, "y")
	p.signal(syscall.SIGUSR1)
	p.said("2 connections, 0 of them failed")
	third.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := third.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the third is told %v", err)
	}
	first[0].Close()
	third.SetReadDeadline(time.Now().Add(far))
	if _, err := io.ReadFull(third, buf); err != nil || buf[0] != 'y' {
		t.Errorf("the third gets %q, %v", buf, err)
	}
}

// The backend that is late gets what was sent before it was there.
func TestProxy_LateBackend(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/late"
	p := startProxy(t, nil, "unix", path)
	c := p.dial()
	defer c.Close()
	io.WriteString(c, "early")
	c.CloseWrite()
	proxyWaits(t, "it has taken the connection", func() bool {
		p.signal(syscall.SIGUSR1)
		return strings.Contains(p.out.text(), "1 connections, 0 of them failed")
	})
	proxyBackend(t, "unix", path, echoConn)
	if data, err := io.ReadAll(c); err != nil || string(data) != "early" {
		t.Errorf("%q, %v", data, err)
	}
}

// Without a backend the connection ends in time, told of once.
func TestProxy_NoBackend(t *testing.T) {
	t.Parallel()
	addr := unusedAddr(t)
	p := startProxy(t, nil, "tcp", addr)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := p.talk("x"); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	all.Wait()
	p.signal(syscall.SIGTERM)
	code, text := p.ends()
	if code != 0 || strings.Count(text, addr+": connection refused, for 10s\n") != 1 || !strings.Contains(text, "20 connections, 20 of them failed") {
		t.Errorf("exit %d: %s", code, text)
	}
}

// TERM lets what is open end by itself, and takes no more; a second does not wait.
func TestProxy_Term(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		p := startProxy(t, nil, "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", echoConn))
		c := p.dial()
		defer c.Close()
		buf := make([]byte, 1)
		io.WriteString(c, "x")
		io.ReadFull(c, buf)
		p.signal(syscall.SIGTERM)
		proxyWaits(t, "nobody is taken any more", func() bool {
			late := p.dial()
			defer late.Close()
			io.WriteString(late, "x")
			late.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			_, err := late.Read(buf)
			return errors.Is(err, os.ErrDeadlineExceeded)
		})
		io.WriteString(c, "y")
		if _, err := io.ReadFull(c, buf); err != nil || buf[0] != 'y' {
			t.Errorf("what is open: %q, %v", buf, err)
		}
		if twice {
			p.signal(syscall.SIGTERM)
		} else {
			c.Close()
		}
		if code, text := p.ends(); code != 0 || !strings.Contains(text, "0 of them failed") {
			t.Errorf("exit %d: %s", code, text)
		}
	}
}

// Without a descriptor the connections wait; none is refused, nothing spins.
func TestProxy_FewDescriptors(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	p.start("ulimit -n 100; ", nil, "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", echoConn))
	p.said("limit nofile has no room for max 256: it is 10 now")
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() { text := strings.Repeat(strconv.Itoa(i), 50000); p.wantTalk(text, text) })
	}
	all.Wait()
}

// The unit is started by the first connection and stopped when all is idle.
func TestProxy_StartsUnit(t *testing.T) {
	t.Parallel()
	in := start(t, "service web {V} append {D}/order start , trap {D}/order TERM , echo {D}/w.sock\n  start manual\n  stop TERM 5s\n")
	in.is("web", "inactive")
	p := newProxy(t)
	c := p.dial() // waits in the kernel's queue
	p.start("", []string{"MOTE_SOCKET=" + in.sock}, "idle", "300ms", "start", "web", "unix", in.dir+"/w/w.sock")
	io.WriteString(c, "first")
	in.state("web", "running")
	if got, err := talk(c, " second"); err != nil || got != "first second" {
		t.Errorf("%q, %v", got, err)
	}
	if code, text := p.ends(); code != 0 || !strings.Contains(text, "1 connections, 0 of them failed") {
		t.Errorf("exit %d: %s", code, text)
	}
	in.is("web", "inactive")
}

// A unit that cannot be started: the connection ends, the proxy goes on.
func TestProxy_UnitFails(t *testing.T) {
	t.Parallel()
	in := start(t, "service web /no/such/file\n  start manual\n  restart never\n")
	p := startProxy(t, []string{"MOTE_SOCKET=" + in.sock}, "start", "web", "unix", in.dir+"/w/w.sock")
	for range 3 {
		if got, err := p.talk("x"); err == nil {
			t.Errorf("%q came", got)
		}
	}
	p.said("mote: proxy: start web: ")
	p.signal(syscall.SIGTERM)
	code, text := p.ends()
	if code != 0 || strings.Count(text, "start web: ") != 1 || !strings.Contains(text, "3 connections, 3 of them failed") {
		t.Errorf("exit %d: %s", code, text)
	}
}
