package proc

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// dialed begins a connection and gives its outcome.
func dialed(t *testing.T, ip [16]byte, v6 bool, port int) syscall.Errno {
	t.Helper()
	fd, errno := DialTCP(ip, v6, uint16(port))
	if errno != 0 {
		return errno
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(patience.Milliseconds())); n != 1 {
		t.Fatalf("poll: %d %v", n, err)
	}
	return Connected(fd)
}

// These tests do without package net: with it the test program is not static
// where there is a C compiler, and runs in no root of its own (TestSpawnWays).
func TestDialTCP(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		family, ip := unix.AF_INET, [16]byte{127, 0, 0, 1}
		var addr unix.Sockaddr = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
		if v6 {
			family, ip = unix.AF_INET6, [16]byte{15: 1}
			addr = &unix.SockaddrInet6{Addr: ip}
		}
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, addr)
		}
		if err != nil && v6 {
			t.Logf("no IPv6: %v", err)
			unix.Close(fd)
			continue
		}
		if err == nil {
			err = unix.Listen(fd, 5)
		}
		if err != nil {
			t.Fatal(err)
		}
		own, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		port := 0
		switch own := own.(type) {
		case *unix.SockaddrInet4:
			port = own.Port
		case *unix.SockaddrInet6:
			port = own.Port
		}
		if err := dialed(t, ip, v6, port); err != 0 {
			t.Errorf("IPv6 %v: %v", v6, err)
		}
		unix.Close(fd)
		if err := dialed(t, ip, v6, port); err != unix.ECONNREFUSED {
			t.Errorf("IPv6 %v: nobody listens: %v", v6, err)
		}
	}
}

// A connection that has met itself is none: nobody listens.
func TestConnectedToItself(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, own); err != nil {
		t.Fatalf("the kernel does not connect a socket to itself: %v", err)
	}
	if err := Connected(fd); err != unix.ECONNREFUSED {
		t.Errorf("%v", err)
	}
}

// A socket whose connection is not there yet is no success.
func TestConnectedTooEarly(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := Connected(fd); err != unix.ENOTCONN {
		t.Errorf("%v", err)
	}
}

func TestTryUnix(t *testing.T) {
	dir := shortDir(t)
	bound := func(name string, kind, queue int) {
		t.Helper()
		fd, err := newSocket(kind)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
			t.Fatal(err)
		}
		if queue >= 0 {
			if err := unix.Listen(fd, queue); err != nil {
				t.Fatal(err)
			}
		}
	}
	bound(dir+"/stream", unix.SOCK_STREAM, 5)
	bound(dir+"/packets", unix.SOCK_SEQPACKET, 5)
	bound(dir+"/datagrams", unix.SOCK_DGRAM, -1)
	bound(dir+"/deaf", unix.SOCK_STREAM, -1)
	bound("@mote-test"+strings.ReplaceAll(dir, "/", "-"), unix.SOCK_STREAM, 5)
	bound(dir+"/full", unix.SOCK_STREAM, 0)
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		want syscall.Errno
	}{
		{dir + "/stream", 0}, {dir + "/packets", 0}, {dir + "/datagrams", 0},
		{"@mote-test" + strings.ReplaceAll(dir, "/", "-"), 0},
		{dir + "/deaf", unix.ECONNREFUSED}, {dir + "/file", unix.ECONNREFUSED}, {dir + "/none", unix.ENOENT},
		{dir + "/file/x", unix.ENOTDIR},
	} {
		if err := TryUnix(c.path); err != c.want {
			t.Errorf("%s: %v, want %v", c.path, err, c.want)
		}
	}
	if err := TryUnix(strings.Repeat("/x", 60)); err != unix.ENAMETOOLONG {
		t.Errorf("a long path: %v", err)
	}
	// What was accepted by nobody stays in the queue until it is full.
	var err error
	for range 10 {
		c, bad := newSocket(unix.SOCK_STREAM)
		if bad != nil {
			t.Fatal(bad)
		}
		defer unix.Close(c)
		if err = unix.Connect(c, &unix.SockaddrUnix{Name: dir + "/full"}); err != nil {
			break
		}
	}
	if got := TryUnix(dir + "/full"); err != unix.EAGAIN || got != unix.EAGAIN {
		t.Errorf("a full backlog: %v, then %v", err, got)
	}
}

func TestExhausted(t *testing.T) {
	for _, err := range []syscall.Errno{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.EADDRNOTAVAIL} {
		if !Exhausted(err) {
			t.Errorf("%v is another's", err)
		}
	}
	for _, err := range []syscall.Errno{unix.ECONNREFUSED, unix.EAGAIN, unix.ENOENT, 0} {
		if Exhausted(err) {
			t.Errorf("%v is this process's own", err)
		}
	}
}
