package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The programs of this file stand in for busybox and redis on a machine that
// has only the Go tool chain. They do what the demo needs and no more.

// syslog writes what comes in on /dev/log to the file args[0].
func syslog(args []string) error {
	os.Remove("/dev/log")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "/dev/log"})
	if err != nil {
		return err
	}
	out, err := os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for buf := make([]byte, 8192); ; {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(buf[:n:n], '\n')); err != nil {
			return err
		}
	}
}

// netup brings the loopback up and gives it the address args[0], as an alias.
func netup(args []string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, a := range []struct{ name, addr string }{{"lo", "127.0.0.1"}, {"lo:0", args[0]}} {
		ifr, err := unix.NewIfreq(a.name)
		if err != nil {
			return err
		}
		if err := ifr.SetInet4Addr(net.ParseIP(a.addr).To4()); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFADDR, ifr); err != nil {
			return fmt.Errorf("cannot give %s the address %s: %w", a.name, a.addr, err)
		}
		ifr, err = unix.NewIfreq(a.name)
		if err != nil {
			return err
		}
		ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
			return fmt.Errorf("cannot bring %s up: %w", a.name, err)
		}
	}
	fmt.Printf("lo has %s\n", args[0])
	if c, err := net.Dial("unixgram", "/dev/log"); err == nil {
		fmt.Fprintf(c, "<13>netup: %s is up", args[0])
		c.Close()
	}
	return nil
}

// httpd serves the files of the folder args[1] at the address args[0].
func httpd(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go answer(c, args[1])
	}
}

func answer(c net.Conn, dir string) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(io.LimitReader(c, 8192))
	request, _ := r.ReadString('\n')
	for l := ""; l != "\r\n" && l != "\n"; { // the headers say nothing that matters here
		var err error
		if l, err = r.ReadString('\n'); err != nil {
			return
		}
	}
	w := strings.Fields(request)
	if len(w) < 2 || w[0] != "GET" {
		io.WriteString(c, "HTTP/1.0 400 Bad Request\r\n\r\n")
		return
	}
	path := filepath.Join(dir, filepath.Clean("/"+w[1]))
	if strings.HasSuffix(w[1], "/") {
		path = filepath.Join(path, "index.html")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		io.WriteString(c, "HTTP/1.0 404 Not Found\r\n\r\n")
		return
	}
	fmt.Fprintf(c, "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
}

// db keeps values in memory: SET NAME VALUE and GET NAME, one a line.
func db(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	if err := notify("READY=1"); err != nil {
		return err
	}
	var mu sync.Mutex
	values := map[string]string{}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			for in := bufio.NewScanner(c); in.Scan(); {
				verb, rest, _ := strings.Cut(in.Text(), " ")
				name, value, _ := strings.Cut(rest, " ")
				mu.Lock()
				switch verb {
				case "SET":
					values[name] = value
					value = "OK"
				case "GET":
					value = values[name]
				default:
					value = "ERR unknown command"
				}
				mu.Unlock()
				fmt.Fprintln(c, value)
			}
		}()
	}
}

// notify tells the init through NOTIFY_SOCKET (sd_notify(3)).
func notify(text string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return errors.New("no NOTIFY_SOCKET in the environment")
	}
	c, err := net.Dial("unixgram", name) // "@" at the start is an abstract name
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, text)
	return err
}

// dbclient stores the text args[1] in the database at args[0] and reads it back.
func dbclient(args []string) error {
	c, err := net.DialTimeout("tcp", args[0], patience)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "SET greeting %s\nGET greeting\n", args[1])
	in := bufio.NewScanner(c)
	for range 2 {
		if !in.Scan() {
			return fmt.Errorf("the database hung up: %v", in.Err())
		}
		fmt.Println(in.Text())
	}
	if in.Text() != args[1] {
		return fmt.Errorf("the database gave %q: it should be %q", in.Text(), args[1])
	}
	return nil
}

// flaky works for the duration args[0] and then fails.
func flaky(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	fmt.Println("at work")
	time.Sleep(d)
	fmt.Println("something is wrong, I give up")
	os.Exit(3)
	return nil
}

// stubborn does not heed TERM.
func stubborn([]string) error {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	fmt.Println("TERM is nothing to me, pid " + strconv.Itoa(os.Getpid()))
	for range term {
		fmt.Println("TERM again")
	}
	return nil
}
