package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// self starts this program again with other steps.
func self(attr *syscall.SysProcAttr, args ...string) *exec.Cmd {
	c := exec.Command("/proc/self/exe", args...)
	c.SysProcAttr = attr
	must(c.Start())
	return c
}

// child starts a process in the same group that sleeps, and appends its pid.
func child(a []string) {
	c := self(nil, "ignore", "HUP,TERM,INT", ",", "append", a[0]+".up", "up", ",", "sleep")
	waitFile([]string{a[0] + ".up"})
	appendLine(a[0], strconv.Itoa(c.Process.Pid))
}

// daemon starts a process in a session of its own that sleeps, and appends
// its pid; its parent has gone when it returns, so that somebody adopts it.
func daemon(a []string) {
	c := self(&syscall.SysProcAttr{Setsid: true}, "child", a[0])
	must(c.Wait())
}

// orphans makes N processes whose parents are gone, each sleeping D.
func orphans(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	var all []*exec.Cmd
	for range n {
		all = append(all, self(nil, "child-of-none", a[1]))
	}
	for _, c := range all {
		must(c.Wait())
	}
}

func init() {
	if len(os.Args) == 3 && os.Args[1] == "child-of-none" {
		self(&syscall.SysProcAttr{Setsid: true}, "sleep", os.Args[2])
		os.Exit(0)
	}
}

// storm makes RATE orphans a second for SECONDS, in heaps of 50: a middle
// process forks them and goes, so that the init adopts and reaps each one.
// The processes are raw forks: no exec, no runtime, exit at once.
func storm(a []string) {
	rate, err := strconv.Atoi(a[0])
	must(err)
	seconds, err := strconv.Atoi(a[1])
	must(err)
	runtime.LockOSThread()
	const heap = 50
	begin := time.Now()
	for made := 0; made < rate*seconds; made += heap {
		pid := forkHeap(heap)
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(pid, &ws, 0, nil)
		must(err)
		if ws.ExitStatus() != 0 {
			fatal("storm: the middle process could not fork")
		}
		due := begin.Add(time.Duration(made+heap) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
	}
}

//go:norace
func forkHeap(n int) int {
	pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
	if errno != 0 {
		fatal("clone: %v", errno)
	}
	if pid != 0 {
		return int(pid)
	}
	for range n {
		pid, _, errno = syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		if errno != 0 {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 1, 0, 0)
		}
		if pid == 0 {
			break
		}
	}
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// Report is what a process sees of itself.
type Report struct {
	Pid, Ppid, Pgid, Sid int
	Uid, Gid             int
	Groups               []int
	Dir                  string
	Umask                int
	Env                  []string
	Fds                  map[string]string
	Status               map[string]string // of /proc/self/status
}

// report writes a Report as JSON.
func report(a []string) {
	r := Report{Pid: os.Getpid(), Ppid: os.Getppid(), Pgid: syscall.Getpgrp(), Uid: os.Getuid(), Gid: os.Getgid(), Env: os.Environ()}
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	r.Sid = int(sid)
	r.Groups, _ = os.Getgroups()
	r.Dir, _ = os.Getwd()
	r.Umask = syscall.Umask(0)
	r.Fds = map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.Contains(to, "eventpoll") {
			r.Fds[e.Name()] = to
		}
	}
	r.Status = map[string]string{}
	data, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(data), "\n") {
		if k, v, ok := strings.Cut(l, ":"); ok {
			r.Status[k] = strings.TrimSpace(v)
		}
	}
	out, err := json.Marshal(r)
	must(err)
	must(os.WriteFile(a[0]+".tmp", out, 0o644))
	must(os.Rename(a[0]+".tmp", a[0]))
}

// agent does what a client on a socket asks for, inside the namespaces:
// "kill PID SIG", "umount PATH" or "run CMD ARG...", one line each; the answer is
// one line.
func agent(a []string) {
	os.Remove(a[0])
	l, err := net.Listen("unix", a[0])
	must(err)
	must(os.Chmod(a[0], 0o777))
	go func() {
		for {
			c, err := l.Accept()
			must(err)
			go serve(c)
		}
	}()
}

func serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	for in.Scan() {
		fmt.Fprintln(c, obey(strings.Fields(in.Text())))
	}
}

func obey(words []string) string {
	switch {
	case len(words) == 3 && words[0] == "kill":
		pid, err := strconv.Atoi(words[1])
		if err == nil {
			err = syscall.Kill(pid, signalOf(words[2]))
		}
		if err != nil {
			return err.Error()
		}
		return "ok"
	case len(words) == 2 && words[0] == "umount":
		if err := syscall.Unmount(words[1], syscall.MNT_DETACH); err != nil {
			return err.Error()
		}
		return "ok"
	case len(words) > 1 && words[0] == "run":
		out, err := exec.Command(words[1], words[2:]...).CombinedOutput()
		if err != nil {
			return fmt.Sprintf("%v: %q", err, out)
		}
		return fmt.Sprintf("%q", out)
	}
	return "no such order"
}
