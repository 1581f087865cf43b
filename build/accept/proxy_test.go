package accept

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestProxy_Words(t *testing.T) {
	t.Parallel()
	run := func(env []string, args ...string) result {
		return program(t, uid, env, moteBin, append([]string{"proxy"}, args...)...)
	}
	if r := run(nil, "--help"); r.code != 0 || !strings.HasPrefix(r.out, "usage: mote proxy ") {
		t.Errorf("--help: exit %d: %s", r.code, r.all())
	}
	if r := run(nil, "tcp", "host:80"); r.code != 2 || !strings.Contains(r.err, `mote: proxy: tcp "host:80" is no address`) {
		t.Errorf("a name: exit %d: %s", r.code, r.all())
	}
	if r := run(nil, "tcp", "127.0.0.1:80"); r.code != 1 || !strings.Contains(r.err, "no socket was handed over") {
		t.Errorf("no socket: exit %d: %s", r.code, r.all())
	}
	if r := run([]string{"LISTEN_FDS=1", "LISTEN_PID=1"}, "tcp", "127.0.0.1:80"); r.code != 1 || !strings.Contains(r.err, "no socket was handed over") {
		t.Errorf("the sockets of another process: exit %d: %s", r.code, r.all())
	}
}

// Both halves of a connection end by themselves, and the counts are right.
func TestProxy_HalfClose(t *testing.T) {
	t.Parallel()
	addr := proxyBackend(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		data, _ := io.ReadAll(c) // answers when all has come
		fmt.Fprintf(c, "%d bytes", len(data))
		c.Close()
	})
	p := startProxy(t, nil, "tcp", addr)
	p.wantTalk("hello", "5 bytes")
	p.wantTalk("", "0 bytes")
	proxyWaits(t, "the counts are there", func() bool {
		p.signal(syscall.SIGUSR1)
		return strings.Contains(p.out.text(), "2 connections, 0 of them failed, 5 bytes to "+addr+", 14 bytes from it, 0 open now")
	})
	p.signal(syscall.SIGTERM)
	if code, text := p.ends(); code != 0 || !strings.HasSuffix(text, "14 bytes from it\n") {
		t.Errorf("exit %d: %s", code, text)
	}
}

// A thousand one after the other, two hundred at once: no descriptor is left.
func TestProxy_Many(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/echo"
	proxyBackend(t, "unix", path, echoConn)
	p := startProxy(t, nil, "unix", path)
	p.wantTalk("x", "x")
	before := 0
	proxyWaits(t, "the first is over", func() bool { before = p.descriptors(); return before < 20 })
	for i := range 1000 {
		text := "number " + strconv.Itoa(i)
		p.wantTalk(text, text)
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			text := strings.Repeat(strconv.Itoa(i)+" ", 10000)
			p.wantTalk(text, text)
		})
	}
	all.Wait()
	// Empty pipes are kept, a bounded number of them.
	proxyWaits(t, "the descriptors are closed", func() bool { return p.descriptors() <= before+2*16 })
	p.signal(syscall.SIGTERM)
	if code, text := p.ends(); code != 0 || !strings.Contains(text, "1201 connections, 0 of them failed") {
		t.Errorf("exit %d: %s", code, text)
	}
}

// 64 MiB through an echo, both ways at once, come back as they were.
func TestProxy_Large(t *testing.T) {
	t.Parallel()
	p := startProxy(t, nil, "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", echoConn))
	c := p.dial()
	defer c.Close()
	sent, came := sha256.New(), sha256.New()
	go func() {
		chunk := make([]byte, 100_003)
		random := rand.NewChaCha8([32]byte{})
		for left := 64 << 20; left > 0; {
			random.Read(chunk)
			n := min(left, len(chunk))
			sent.Write(chunk[:n])
			if _, err := c.Write(chunk[:n]); err != nil {
				return
			}
			left -= n
		}
		c.CloseWrite()
	}()
	n, err := io.Copy(came, c)
	if err != nil || n != 64<<20 || !bytes.Equal(sent.Sum(nil), came.Sum(nil)) {
		t.Errorf("%d bytes came back, %v", n, err)
	}
}

// A reset of the backend reaches the client as one, not as an orderly end.
func TestProxy_Reset(t *testing.T) {
	t.Parallel()
	p := startProxy(t, nil, "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		io.WriteString(c, "half of ")
		c.Read(make([]byte, 1))
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}))
	c := p.dial()
	defer c.Close()
	buf := make([]byte, 8)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "half of " {
		t.Fatalf("%q, %v", buf, err)
	}
	c.Write([]byte("x"))
	if _, err := c.Read(buf); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
}

// What one who never reads has coming stays with the backend, others go on.
func TestProxy_NeverReads(t *testing.T) {
	t.Parallel()
	wrote := make(chan int, 1000)
	p := startProxy(t, nil, "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		defer c.Close()
		b := make([]byte, 1)
		if c.Read(b); b[0] != 'f' {
			c.Write(b)
			return
		}
		for chunk := make([]byte, 1<<20); ; {
			c.SetWriteDeadline(time.Now().Add(time.Second))
			n, err := c.Write(chunk)
			wrote <- n
			if err != nil {
				close(wrote)
				return
			}
		}
	}))
	idle, mute := p.dial(), p.dial() // mute never sends at all
	defer idle.Close()
	defer mute.Close()
	idle.Write([]byte("f"))
	total := 0
	for n := range wrote {
		if total += n; total > 64<<20 {
			t.Fatalf("%d bytes are on their way to one who reads none", total)
		}
	}
	p.wantTalk("x", "x")
	before := cpuTicks(t, p.cmd.Process.Pid)
	for range 50 {
		p.wantTalk("y", "y")
	}
	if d := cpuTicks(t, p.cmd.Process.Pid) - before; d > 100 { // a spin would take all of them
		t.Errorf("it used %d ticks", d)
	}
}

// Nothing flows, nothing wakes: not even with a connection that is open.
func TestProxy_NoWakeUps(t *testing.T) {
	t.Parallel()
	p := startProxy(t, nil, "tcp", proxyBackend(t, "tcp", "127.0.0.1:0", echoConn))
	c := p.dial()
	defer c.Close()
	io.WriteString(c, "x")
	io.ReadFull(c, make([]byte, 1))
	quiet := 0
	for last, end := -1, time.Now().Add(4*step); quiet < 20; time.Sleep(100 * time.Millisecond) {
		now := switches(t, p.cmd.Process.Pid)
		if quiet++; now != last {
			quiet = 0
		}
		if last = now; time.Now().After(end) {
			t.Fatalf("it wakes up all the time: %d switches", now)
		}
	}
}
