package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// say sends one datagram to NOTIFY_SOCKET, with descriptors.
func say(text string, fds ...int) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		fatal("NOTIFY_SOCKET is not set")
	}
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	try("send", unix.Sendmsg(s, []byte(text), rights, &unix.SockaddrUnix{Name: name}, 0))
	must(unix.Close(s))
}

// notifySize sends one datagram of N bytes.
func notifySize(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	say("STATUS=" + strings.Repeat("x", n-len("STATUS=")))
}

// notifyFile sends what is in a file.
func notifyFile(a []string) {
	text, err := os.ReadFile(a[0])
	must(err)
	say(string(text))
}

// notifyMany sends N messages, each with K descriptors: N K LINE...
func notifyMany(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	k, err := strconv.Atoi(a[1])
	must(err)
	fds := make([]int, k)
	for range n {
		say(strings.Join(a[2:], "\n"), fds...)
	}
}

// notifyFlood sends the same message as fast as it is taken.
func notifyFlood(a []string) {
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	must(err)
	for {
		c.Write([]byte(strings.Join(a, "\n")))
	}
}

// notifyEvery sends a message again and again: D LINE...
func notifyEvery(a []string) {
	d, err := time.ParseDuration(a[0])
	must(err)
	go func() {
		for {
			say(strings.Join(a[1:], "\n"))
			time.Sleep(d)
		}
	}()
}

// fdStore gives memory that holds a text into keeping: TEXT [LINE...].
func fdStore(a []string) {
	fd, err := unix.MemfdCreate("victim", 0)
	must(err)
	_, err = unix.Pwrite(fd, []byte(a[0]), 0)
	must(err)
	say("FDSTORE=1\n"+strings.Join(a[1:], "\n"), fd)
	must(unix.Close(fd))
}

// fdFile gives an open file into keeping, and keeps it open: PATH LINE...
func fdFile(a []string) {
	fd, err := unix.Open(a[0], unix.O_RDONLY, 0)
	try("open "+a[0], err)
	say("FDSTORE=1\n"+strings.Join(a[1:], "\n"), fd)
}

// fdStoreMany gives N different descriptors into keeping: N NAME.
func fdStoreMany(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	for range n {
		fdStore([]string{"x", "FDNAME=" + a[1]})
	}
}

// fdStoreSocket gives one end of a pair of sockets into keeping, and closes both:
// LINE...
func fdStoreSocket(a []string) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(err)
	say("FDSTORE=1\n"+strings.Join(a, "\n"), fds[0])
	must(errors.Join(unix.Close(fds[0]), unix.Close(fds[1])))
}

// fdShow adds what was handed over to a file: the names, and of each what it
// holds.
func fdShow(a []string) {
	n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	words := []string{"n=" + strconv.Itoa(n), "names=" + os.Getenv("LISTEN_FDNAMES")}
	if n > 0 && os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		words = append(words, "LISTEN_PID is "+os.Getenv("LISTEN_PID"))
	}
	for fd := 3; fd < 3+n; fd++ {
		buf := make([]byte, 64)
		got, err := unix.Pread(fd, buf, 0)
		if err != nil {
			words = append(words, err.Error())
			continue
		}
		words = append(words, string(buf[:got]))
	}
	appendLine(a[0], strings.Join(words, " "))
}

// barrier waits until the init has taken all that was sent before
// (sd_notify_barrier(3)), and then appends a word: FILE WORD.
func barrier(a []string) {
	var p [2]int
	must(unix.Pipe2(p[:], unix.O_CLOEXEC))
	say("BARRIER=1", p[1])
	must(unix.Close(p[1]))
	fds := []unix.PollFd{{Fd: int32(p[0])}}
	if n, err := unix.Poll(fds, 10000); n != 1 {
		fatal("barrier: %d %v", n, err)
	}
	must(unix.Close(p[0]))
	appendLine(a[0], a[1])
}

// writePid writes the own pid to a file.
func writePid(a []string) {
	must(os.WriteFile(a[0], []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644))
}

// daemonize starts a process that does other steps and is not waited for, as a
// daemon does: WAY STEPS. Ways: plain (in this session), setsid, double (its
// parent is gone, and it leads no session).
func daemonize(a []string) {
	words := strings.Fields(a[1])
	switch a[0] {
	case "plain":
		self(nil, words...)
	case "setsid":
		self(&syscall.SysProcAttr{Setsid: true}, words...)
	case "double":
		must(self(&syscall.SysProcAttr{Setsid: true}, "daemonize", "plain", a[1]).Wait())
	default:
		fatal("daemonize %s", a[0])
	}
}

// mainPid starts a process that does other steps and says that it is the main
// one: WAY STEPS, as for daemonize, or reaped: this one waits for it.
func mainPid(a []string) {
	var attr *syscall.SysProcAttr
	if a[0] == "setsid" {
		attr = &syscall.SysProcAttr{Setsid: true}
	}
	c := exec.Command("/proc/self/exe", strings.Fields(a[1])...)
	c.SysProcAttr = attr
	must(c.Start())
	say(fmt.Sprintf("MAINPID=%d", c.Process.Pid))
	if a[0] == "reaped" {
		go c.Wait()
	}
}
