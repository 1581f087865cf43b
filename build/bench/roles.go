package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// roleFlag makes this program one of the C programs: "bench -role base ..." is
// base.c, "bench -role service ..." is service.c.
const roleFlag = "-role"

// role runs a C program's part and does not return unless there is none.
func role(args []string) {
	if len(args) < 2 || args[0] != roleFlag {
		return
	}
	if err := play(args[1], args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", args[1], err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(name string, args []string) error {
	switch {
	case name == "service" && len(args) == 2 && args[0] == "-x":
		return stampSelf(args[1])
	case name == "service" && len(args) == 1:
		if err := stampSelf(args[0]); err != nil {
			return err
		}
		for {
			syscall.Pause()
		}
	case name == "base" && len(args) > 1 && args[0] == "launch":
		b, err := openBoard(os.Getenv("BENCH_BOARD"))
		if err != nil {
			return err
		}
		b.write(0, now(), os.Getpid())
		return syscall.Exec(args[1], args[1:], os.Environ())
	case name == "base" && len(args) == 2 && args[0] == "serve":
		return serve(args[1])
	case name == "base" && len(args) == 3 && args[0] == "ask":
		return ask(args[1], args[2])
	case name == "base" && len(args) > 2:
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no count", args[1])
		}
		switch args[0] {
		case "supervise":
			return supervise(n, args[2:])
		case "timeit":
			return timeit(n, args[2:])
		}
	}
	return fmt.Errorf("unknown words %q", args)
}

// stampSelf ends a crashing service too: its exit status has no meaning to
// those that restart always.
func stampSelf(index string) error {
	t := now()
	i, err := strconv.Atoi(index)
	if err != nil {
		return err
	}
	b, err := openBoard(os.Getenv("BENCH_BOARD"))
	if err != nil {
		return err
	}
	if i < 1 || (i+1)*slotSize > len(b.mem) {
		return fmt.Errorf("no slot %d", i)
	}
	b.write(i, t, os.Getpid())
	return nil
}

// spawn never gives a pid that kill(2) takes for a group or for everyone.
func spawn(argv []string) (int, error) {
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err == nil && pid <= 1 {
		err = fmt.Errorf("ForkExec gave pid %d", pid)
	}
	return pid, err
}

// supervise is what a Go program does at its simplest: ForkExec, os/signal for
// CHLD, wait4, and again what ended.
func supervise(n int, argv []string) error {
	pids := make(map[int]int, n) // pid to index
	start := func(i int) error {
		pid, err := spawn(append(argv[:len(argv):len(argv)], strconv.Itoa(i)))
		if err == nil {
			pids[pid] = i
		}
		return err
	}
	ended, term := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	signal.Notify(term, syscall.SIGTERM)
	for i := 1; i <= n; i++ {
		if err := start(i); err != nil {
			return err
		}
	}
	stopping := false
	stop := func() {
		stopping = true
		for pid := range pids {
			syscall.Kill(pid, syscall.SIGTERM)
		}
	}
	for len(pids) > 0 {
		select {
		case <-term:
			stop()
		case <-ended:
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if err != nil || pid <= 0 {
				break
			}
			i, ours := pids[pid]
			delete(pids, pid)
			if !ours || stopping {
				continue
			}
			if err := start(i); err != nil {
				return err
			}
			// In a storm this loop has always something to reap.
			select {
			case <-term:
				stop()
			default:
			}
		}
	}
	return nil
}

func timeit(n int, argv []string) error {
	b, err := openBoard(os.Getenv("BENCH_BOARD"))
	if err != nil {
		return err
	}
	if (n+1)*slotSize > len(b.mem) {
		return fmt.Errorf("no slot %d", n)
	}
	for i := 1; i <= n; i++ {
		t := now()
		pid, err := spawn(argv)
		if err != nil {
			return err
		}
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil || ws != 0 {
			return fmt.Errorf("%s: status %#x, %v", argv[0], uint32(ws), err)
		}
		b.write(i, now()-t, pid)
	}
	return nil
}

func serve(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			for _, x := range buf[:n] {
				if x == '\n' {
					io.WriteString(c, "ok\n")
				}
			}
			if err != nil {
				break
			}
		}
		c.Close()
	}
}

func ask(path, line string) error {
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(buf[:n])
	return err
}
