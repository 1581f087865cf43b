package pid1

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/proc"
)

func TestProxyWords(t *testing.T) {
	for _, tt := range []struct{ args, wrong string }{
		{"tcp 127.0.0.1:80", ""},
		{"idle 60s max 10000 start web tcp [::1]:80", ""},
		{"unix /run/x", ""},
		{"unix @x", ""},
		{"", "where to: write tcp A:P or unix PATH: see mote proxy --help"},
		{"max 1", "where to: write tcp A:P or unix PATH: see mote proxy --help"},
		{"tcp", `tcp "" is no address with its port: write one such as "127.0.0.1:80" or "[::1]:80"`},
		{"tcp a:80", `tcp "a:80" is no address with its port: write one such as "127.0.0.1:80" or "[::1]:80"`},
		{"tcp 1.2.3.4:80 more", `tcp "more" comes behind the end: remove it`},
		{"udp 1.2.3.4:80", `udp "1.2.3.4:80" is unknown: see mote proxy --help`},
		{"max 0 unix /x", `max "0" is no number from 1 to 10000: correct it`},
		{"max 10001 unix /x", `max "10001" is no number from 1 to 10000: correct it`},
		{"idle 5 unix /x", `idle "5" has no unit: write "5s"`},
		{"start", `start "" is no unit: write its name`},
		{"unix x", `unix "x" is no path of 2 to 107 bytes that begins with / or @: correct it`},
		{"unix /" + strings.Repeat("x", 107), `unix "/` + strings.Repeat("x", 99) + `"... is no path of 2 to 107 bytes that begins with / or @: correct it`},
	} {
		if wrong := new(proxyOptions).parse(strings.Fields(tt.args)); wrong != tt.wrong {
			t.Errorf("%s: %q, want %q", tt.args, wrong, tt.wrong)
		}
	}
	var o proxyOptions
	o.parse(strings.Fields("idle 2m max 7 start web tcp 10.0.0.255:65535"))
	if a := o.to.(*unix.SockaddrInet4); o.idle != 2*time.Minute || o.max != 7 || o.unit != "web" || a.Port != 65535 || a.Addr != [4]byte{10, 0, 0, 255} {
		t.Errorf("%+v", o)
	}
}

// proxyTest is a relay that a test turns by hand, and its client's address.
type proxyTest struct {
	*relay
	t    *testing.T
	addr string
}

// testRelay has one Unix listener and the backend that is named.
func testRelay(t *testing.T, words string) *proxyTest {
	t.Helper()
	p := &proxyTest{&relay{maxPipes: 100}, t, t.TempDir() + "/s"}
	if wrong := p.o.parse(strings.Fields(words)); wrong != "" {
		t.Fatal(wrong)
	}
	s, err := proc.Listen(p.addr, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p.listeners = []int{s.Fd}
	if err := p.relay.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range p.pairs {
			if c.state != pairFree {
				p.relay.end(c, false)
			}
		}
		for _, h := range p.spare {
			p.closePipe(h)
		}
		if p.pipes != 0 || p.open != 0 || p.waiting != 0 {
			t.Errorf("%d pipes, %d pairs, %d waiting are left", p.pipes, p.open, p.waiting)
		}
		p.closeQuestion()
		p.poll.Close()
		p.timer.Close()
		s.Close()
	})
	return p
}

// until turns the relay until a condition is met.
func (p *proxyTest) until(what string, f func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !f(); {
		if time.Now().After(end) {
			p.t.Fatal("still not: " + what)
		}
		if err := p.turn(false); err != nil {
			p.t.Fatal(err)
		}
	}
}

// dial is a client whose descriptor never blocks.
func (p *proxyTest) dial() int { return dialUnix(p.t, p.addr) }

func dialUnix(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// listenUnix is a backend, of which accept takes a connection if there is one.
func listenUnix(t *testing.T, path string) (accept func() int) {
	t.Helper()
	s, err := proc.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return func() int {
		fd, err := proc.Accept(s.Fd)
		if err != nil {
			t.Fatal(err)
		}
		if fd >= 0 {
			t.Cleanup(func() { unix.Close(fd) })
		}
		return fd
	}
}

// arrives waits for a text at a descriptor, "" is the end of what it sends.
func (p *proxyTest) arrives(fd int, want string) {
	p.t.Helper()
	var buf [100]byte
	got := ""
	p.until("arrives "+want, func() bool {
		n, err := unix.Read(fd, buf[:])
		if err == unix.EAGAIN {
			return false
		}
		if err != nil {
			p.t.Fatal(err)
		}
		got += string(buf[:n])
		return n == 0 || len(got) >= len(want) && want != ""
	})
	if got != want {
		p.t.Fatalf("%q, want %q", got, want)
	}
}

// accepted turns until the backend has a connection.
func (p *proxyTest) accepted(accept func() int) (fd int) {
	p.t.Helper()
	p.until("the backend has it", func() bool { fd = accept(); return fd >= 0 })
	return fd
}

// Both ways and both ends, with pipes and with buffers.
func TestProxyMoves(t *testing.T) {
	for _, copies := range []bool{false, true} {
		path := t.TempDir() + "/b"
		accept := listenUnix(t, path)
		p := testRelay(t, "unix "+path)
		p.copies = copies
		client := p.dial()
		back := p.accepted(accept)
		unix.Write(client, []byte("hello"))
		p.arrives(back, "hello")
		unix.Write(back, []byte("good "))
		p.arrives(client, "good ")
		unix.Shutdown(client, unix.SHUT_WR)
		p.arrives(back, "")
		unix.Write(back, []byte("bye"))
		p.arrives(client, "bye")
		if p.open != 1 || p.failed != 0 {
			t.Errorf("%d open, %d failed", p.open, p.failed)
		}
		unix.Shutdown(back, unix.SHUT_WR)
		p.arrives(client, "")
		p.until("the pair ends", func() bool { return p.open == 0 })
		if p.counts() != "1 connections, 0 of them failed, 5 bytes to "+path+", 8 bytes from it" {
			t.Error(p.counts())
		}
		if copies != (p.pipes == 0) {
			t.Errorf("%d pipes", p.pipes)
		}
	}
}

// A socket that splice(2) refuses is served through a buffer, and no byte is
// lost on the way: a file that is opened for appending is such a receiver.
func TestProxyWithoutSplice(t *testing.T) {
	p := &relay{maxPipes: 1}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	f, err := os.OpenFile(t.TempDir()+"/f", os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unix.Write(fds[0], []byte("one two"))
	h := p.takeHold()
	if n, err := p.fill(h, fds[1]); n != 7 || err != 0 || h.buf != nil {
		t.Fatal(n, err, h.buf)
	}
	if err := p.drain(h, int(f.Fd())); err != 0 || h.n != 0 || !p.copies || p.pipes != 0 {
		t.Fatal(err, h.n, p.copies, p.pipes)
	}
	p.giveHold(h)
	if data, _ := os.ReadFile(f.Name()); string(data) != "one two" {
		t.Errorf("%q", data)
	}
	if h := p.takeHold(); h.buf == nil || len(p.spare) != 0 {
		t.Error("the buffer is not used again")
	}
}

// What is not read stays in the kernel: nothing is due and nothing grows.
func TestProxyStalled(t *testing.T) {
	path := t.TempDir() + "/b"
	accept := listenUnix(t, path)
	p := testRelay(t, "unix "+path)
	client := p.dial()
	back := p.accepted(accept)
	chunk, quiet := make([]byte, 64<<10), 0
	p.until("no byte is taken any more", func() bool {
		if n, err := unix.Write(client, chunk); n > 0 || err != unix.EAGAIN {
			quiet = 0
		}
		quiet++
		return quiet == 1000
	})
	if p.armed != 0 || len(p.again) != 0 || p.pipes != 1 {
		t.Errorf("armed %d, again %d, %d pipes", p.armed, len(p.again), p.pipes)
	}
	// The reader goes: what it did not take is lost, and the pair ends.
	unix.Shutdown(back, unix.SHUT_RDWR)
	p.until("the pair ends", func() bool { return p.open == 0 })
}

// Who hangs up before the backend is there is forgotten only when reset.
func TestProxyWaiting(t *testing.T) {
	path := t.TempDir() + "/b"
	p := testRelay(t, "unix "+path)
	client := p.dial()
	unix.Write(client, []byte("x"))
	unix.Shutdown(client, unix.SHUT_WR)
	p.until("it waits", func() bool { return p.waiting == 1 && p.retryAt != 0 })
	back := p.accepted(listenUnix(t, path))
	p.arrives(back, "x")
	p.arrives(back, "")
	if p.waiting != 0 || p.open != 1 {
		t.Errorf("%d waiting, %d open", p.waiting, p.open)
	}
}

// The limit of one connection's tries is counted from the first.
func TestProxyGivesUp(t *testing.T) {
	p := testRelay(t, "unix "+t.TempDir()+"/b")
	client := p.dial()
	p.until("it waits", func() bool { return p.waiting == 1 })
	p.pairs[0].since -= connectLimit
	p.until("it is given up", func() bool { return p.open == 0 })
	if n, err := unix.Read(client, make([]byte, 1)); n != 0 && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("%d, %v", n, err)
	}
	p.until("nothing is looked at any more", func() bool { return p.retryAt == 0 })
	if p.failed != 1 {
		t.Errorf("%d failed", p.failed)
	}
}

// Without a descriptor the listener is left alone for a while (accept(2), EMFILE).
func TestProxyNoDescriptor(t *testing.T) {
	path := t.TempDir() + "/b"
	accept := listenUnix(t, path)
	p := testRelay(t, "unix "+path)
	p.dial()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	low := old
	low.Cur = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	err := p.turn(false)
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); e != nil || err != nil {
		t.Fatal(e, err)
	}
	if p.watching || p.acceptAt == 0 || p.open != 0 {
		t.Fatalf("watching %v, acceptAt %d, %d open", p.watching, p.acceptAt, p.open)
	}
	p.arm()
	if p.armed != p.acceptAt {
		t.Errorf("the timer is set to %d, not to %d", p.armed, p.acceptAt)
	}
	p.accepted(accept)
	if !p.watching || p.open != 1 {
		t.Errorf("watching %v, %d open", p.watching, p.open)
	}
}

// At the limit the listener is left alone until a pair ends; its place is used again.
func TestProxyLimit(t *testing.T) {
	path := t.TempDir() + "/b"
	accept := listenUnix(t, path)
	p := testRelay(t, "max 2 unix "+path)
	clients := []int{p.dial(), p.dial(), p.dial()}
	first := p.accepted(accept)
	p.accepted(accept)
	for range 100 {
		p.turn(false)
	}
	if p.watching || p.open != 2 || p.total != 2 || accept() >= 0 {
		t.Fatalf("watching %v, %d open, %d in all", p.watching, p.open, p.total)
	}
	unix.Shutdown(clients[0], unix.SHUT_RDWR)
	unix.Shutdown(first, unix.SHUT_RDWR)
	p.accepted(accept)
	if p.total != 3 || len(p.pairs) != 2 {
		t.Errorf("%d in all, %d places", p.total, len(p.pairs))
	}
}
