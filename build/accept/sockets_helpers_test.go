package accept

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// freePort is a port of both families that nobody has at the moment, beyond
// those that the kernel gives to clients.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.FormatInt(20000+serial.Add(7)%10000, 10)
		if l, err := net.Listen("tcp", ":"+port); err == nil {
			l.Close()
			if c, err := net.ListenPacket("udp", ":"+port); err == nil {
				c.Close()
				return port
			}
		}
	}
	t.Fatal("no port is free")
	return ""
}

// loopback6 is the machine itself in IPv6, or a second IPv4 address of it where
// there is none.
func loopback6() string {
	if have, _ := os.ReadFile("/proc/net/if_inet6"); len(have) == 0 {
		return "127.0.0.2"
	}
	return "[::1]"
}

// call connects and gives the pid that the service says, and the connection.
func call(network, addr string) (pid int, c net.Conn, err error) {
	c, err = net.DialTimeout(network, addr, 2*step)
	if err != nil {
		return 0, nil, err
	}
	c.SetDeadline(time.Now().Add(2 * step))
	text, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		c.Close()
		return 0, nil, err
	}
	pid, err = strconv.Atoi(strings.TrimSpace(text))
	return pid, c, err
}

// answers wants an answer of the unit's own process, as pids are seen by the
// init. The connection is there until that was asked for: a service without one
// may be stopped.
func (in *Init) answers(name, network, addr string) {
	in.t.Helper()
	pid, c, err := call(network, addr)
	if err != nil {
		in.t.Fatalf("%s %s: %v", network, addr, err)
	}
	defer c.Close()
	if want := in.unit(name).pid(); pid != want {
		in.t.Fatalf("%s %s: pid %d answers, expected %d", network, addr, pid, want)
	}
}

// refused wants that nobody listens there.
func (in *Init) refused(network, addr string) {
	in.t.Helper()
	c, err := net.Dial(network, addr)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ENOENT) {
		in.t.Fatalf("%s %s: %v, expected that it is refused", network, addr, err)
	}
}

// caller connects again and again until the test says so, and fails it when it
// is refused once.
type caller struct {
	stop  chan struct{}
	done  chan error
	calls int // answered; to be read when it has stopped
}

func startCaller(t *testing.T, network, addr string) *caller {
	t.Helper()
	c := &caller{stop: make(chan struct{}), done: make(chan error, 1)}
	go func() {
		for {
			select {
			case <-c.stop:
				c.done <- nil
				return
			default:
			}
			_, conn, err := call(network, addr)
			switch {
			case err == nil:
				if tcp, ok := conn.(*net.TCPConn); ok {
					tcp.SetLinger(0) // else thousands would wait for their end, in sight of all
				}
				conn.Close()
				c.calls++
			case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT):
				c.done <- fmt.Errorf("after %d calls: %w", c.calls, err)
				return
			} // else the process that had taken it was killed
		}
	}()
	return c
}

// end stops it, and gives how many calls were answered.
func (c *caller) end(t *testing.T) int {
	t.Helper()
	close(c.stop)
	if err := <-c.done; err != nil {
		t.Error(err)
	}
	return c.calls
}
