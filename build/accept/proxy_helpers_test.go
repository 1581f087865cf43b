package accept

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// far is the deadline of what moves many bytes or connections.
const far = 60 * time.Second

// proxied is one "mote proxy" that was handed a listener, as a unit is.
type proxied struct {
	t        *testing.T
	listener *net.TCPListener
	addr     string // where it takes connections
	cmd      *exec.Cmd
	out      output
	done     chan struct{}
}

// newProxy has the listener, which takes connections from now on, as that of
// an init does.
func newProxy(t *testing.T) *proxied {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return &proxied{t: t, listener: l.(*net.TCPListener), addr: l.Addr().String(), done: make(chan struct{})}
}

// startProxy runs the role, and waits until it says that it is ready
// (sd_notify(3)).
func startProxy(t *testing.T, env []string, args ...string) *proxied {
	t.Helper()
	p := newProxy(t)
	p.start("", env, args...)
	return p
}

// start is the rest of startProxy; before are words of a shell that come first.
func (p *proxied) start(before string, env []string, args ...string) {
	t := p.t
	t.Helper()
	f, err := p.listener.File()
	must(t, err)
	defer f.Close()
	name := t.TempDir() + "/n"
	notes, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	must(t, err)
	defer notes.Close()
	// The shell knows its pid, and keeps it (sd_listen_fds(3), LISTEN_PID).
	words := append([]string{"-c", before + `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, moteBin, "proxy"}, args...)
	p.cmd = exec.Command("/bin/sh", words...)
	p.cmd.ExtraFiles, p.cmd.Stdout, p.cmd.Stderr = []*os.File{f}, &p.out, &p.out
	p.cmd.Env = append([]string{"PATH=/usr/bin:/bin", marker, "NOTIFY_SOCKET=" + name}, env...)
	must(t, p.cmd.Start())
	go func() { p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() { p.cmd.Process.Kill(); <-p.done })
	notes.SetReadDeadline(time.Now().Add(far))
	buf := make([]byte, 1000)
	n, err := notes.Read(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "READY=1\nSTATUS=0 connections, 0 of them failed") {
		t.Fatalf("it says %q, %v: %s", buf[:n], err, p.out.text())
	}
}

// ends waits for the end and gives exit status and words.
func (p *proxied) ends() (int, string) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(4 * step):
		p.t.Fatalf("it goes on after %v: %s", 4*step, p.out.text())
	}
	return p.cmd.ProcessState.ExitCode(), p.out.text()
}

func (p *proxied) signal(s syscall.Signal) {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(s))
}

// said waits for a text on stderr.
func (p *proxied) said(text string) {
	p.t.Helper()
	proxyWaits(p.t, "it says "+text, func() bool { return strings.Contains(p.out.text(), text) })
}

func proxyWaits(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(4 * step); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", 4*step, what)
		}
	}
}

// dial connects to the proxy, with a deadline for all that follows.
func (p *proxied) dial() *net.TCPConn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	must(p.t, err)
	c.SetDeadline(time.Now().Add(far))
	return c.(*net.TCPConn)
}

// talk sends a text, ends its half and gives what comes back until the end.
func (p *proxied) talk(text string) (string, error) {
	d, err := net.Dial("tcp", p.addr)
	if err != nil {
		return "", err
	}
	return talk(d.(*net.TCPConn), text)
}

// talk is that on a connection.
func talk(c *net.TCPConn, text string) (string, error) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(far))
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	c.CloseWrite()
	data, err := io.ReadAll(c)
	return string(data), err
}

// wantTalk fails unless a text comes back as the backend has it.
func (p *proxied) wantTalk(text, want string) {
	p.t.Helper()
	if got, err := p.talk(text); err != nil || got != want {
		p.t.Errorf("%q came back for %q, %v; expected %q", got, text, err, want)
	}
}

// proxyBackend serves each connection on an address until the test ends.
func proxyBackend(t *testing.T, network, addr string, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func echoConn(c net.Conn) {
	io.Copy(c, c)
	c.Close()
}

// unusedAddr gives an address on which nobody listens.
func unusedAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (p *proxied) descriptors() int {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
	return len(names)
}

// cpuTicks gives the processor time of a process in hundredths of a second.
func cpuTicks(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return user + system
}
