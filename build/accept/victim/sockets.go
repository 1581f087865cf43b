package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// passed gives the descriptors of sd_listen_fds(3), by their names.
func passed() (files []*os.File) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		fatal("LISTEN_PID is %q, this is %d", os.Getenv("LISTEN_PID"), os.Getpid())
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	must(err)
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	if len(names) != n {
		fatal("%d names for %d descriptors: %q", len(names), n, names)
	}
	for i := range n {
		files = append(files, os.NewFile(uintptr(3+i), names[i]))
	}
	return files
}

// sockets adds a line for each descriptor that was handed over: FILE.
func sockets(a []string) {
	for _, f := range passed() {
		fd := int(f.Fd())
		kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
		must(err)
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
		at, err := syscall.Getsockname(fd)
		must(err)
		where := ""
		switch at := at.(type) {
		case *syscall.SockaddrInet4:
			where = fmt.Sprintf("%v:%d", net.IP(at.Addr[:]), at.Port)
		case *syscall.SockaddrInet6:
			where = fmt.Sprintf("[%v]:%d", net.IP(at.Addr[:]), at.Port)
		case *syscall.SockaddrUnix:
			where = at.Name
		}
		appendLine(a[0], fmt.Sprintf("%d %s type %d %s nonblock %t", fd, f.Name(), kind, where, flags&syscall.O_NONBLOCK != 0))
	}
}

// serveSockets answers on the sockets that were handed over, for ever: who connects is
// told the pid, and gets back what it sends.
func serveSockets(a []string) {
	for _, f := range passed() {
		if kind, _ := syscall.GetsockoptInt(int(f.Fd()), syscall.SOL_SOCKET, syscall.SO_TYPE); kind == syscall.SOCK_DGRAM {
			c, err := net.FilePacketConn(f)
			must(err)
			go echoPackets(c)
			continue
		}
		l, err := net.FileListener(f)
		must(err)
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		go func() {
			for {
				c, err := l.Accept()
				must(err)
				go echoConn(c)
			}
		}()
	}
	sleep(nil)
}

func echoConn(c net.Conn) {
	fmt.Fprintln(c, os.Getpid())
	io.Copy(c, c)
	c.Close()
}

func echoPackets(c net.PacketConn) {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(buf)
		must(err)
		c.WriteTo([]byte(fmt.Sprintf("%d %s", os.Getpid(), buf[:n])), from)
	}
}

// serveOne answers one connection of the first socket, and goes on.
func serveOne(a []string) {
	l, err := net.FileListener(passed()[0])
	must(err)
	c, err := l.Accept()
	must(err)
	fmt.Fprintln(c, os.Getpid())
	c.Close()
}

// spoil shuts the sockets down for all who share them.
func spoil(a []string) {
	for _, f := range passed() {
		syscall.Shutdown(int(f.Fd()), syscall.SHUT_RDWR)
	}
}

// bind listens on an address of its own: NETWORK ADDR.
func bind(a []string) {
	if a[0] == "udp" {
		_, err := net.ListenPacket(a[0], a[1])
		must(err)
		return
	}
	l, err := net.Listen(a[0], a[1])
	must(err)
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				time.Sleep(time.Hour)
			}
		}
	}()
}
