package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// requests measures the socket of an init with n idle services: answers a
// second to one client that sends one request at a time, and the time of a
// client's whole process. The base answers "ok" to anything.
func (r *runner) requests(rounds, n int, window time.Duration, processes int) {
	var mote *system
	for _, s := range r.systems {
		if s.name == "mote" {
			mote = s
		}
	}
	p, err := r.start(mote, job{n: n})
	if err != nil {
		r.fault("requests", err)
		return
	}
	defer r.halt(mote, p)
	base, err := r.launch("serve", 0, func(dir string) ([]string, error) {
		return append(r.tools.base[:len(r.tools.base):len(r.tools.base)], "serve", filepath.Join(dir, "sock")), nil
	})
	if err != nil {
		r.fault("requests", err)
		return
	}
	defer r.end(base)

	socket := map[string]string{"base": filepath.Join(base.dir, "sock"), "mote": filepath.Join(p.dir, "sock")}
	client := map[string][]string{
		"base": append(r.tools.base[:len(r.tools.base):len(r.tools.base)], "ask", socket["base"], "status"),
		"mote": {r.tools.client, "-s", socket["mote"], "status"},
	}
	for range rounds {
		for _, name := range []string{"base", "mote"} {
			for _, verb := range []string{"ping", "status"} {
				if r.over() {
					r.fault("requests", errTime)
					return
				}
				rate, err := r.rate(socket[name], verb, window)
				if err != nil {
					r.fault("requests", fmt.Errorf("%s of %s: %w", verb, name, err))
					continue
				}
				r.add(verb, name, rate)
			}
			r.processes("client", name, processes, client[name])
		}
	}
}

// rate asks for window, and gives answers a second.
func (r *runner) rate(path, verb string, window time.Duration) (float64, error) {
	// Blocking descriptors on a thread of our own: the poller of package net
	// would be half of what is measured.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := dial(path)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	line, buf := []byte(verb+"\n"), make([]byte, 64<<10)
	done, t := 0, now()
	for now()-t < int64(window) {
		if _, err := unix.Write(fd, line); err != nil {
			return 0, err
		}
		if err := answer(fd, buf); err != nil {
			return 0, err
		}
		done++
	}
	return float64(done) / time.Duration(now()-t).Seconds(), nil
}

// dial connects, with a blocking descriptor; the server may not be there yet. One that
// says nothing for two seconds ends the measure, not the benchmark.
func dial(path string) (int, error) {
	for limit := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err == nil {
			err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2})
			if err == nil {
				return fd, nil
			}
		}
		unix.Close(fd)
		if time.Now().After(limit) {
			return -1, err
		}
	}
}

// answer reads until the end line, which is "ok" or begins with "err ".
func answer(fd int, buf []byte) error {
	got := 0
	for {
		n, err := unix.Read(fd, buf[got:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("end of file after %q", buf[:got])
		}
		got += n
		text := buf[:got]
		if text[got-1] != '\n' {
			continue
		}
		last := text[bytes.LastIndexByte(text[:got-1], '\n')+1:]
		switch {
		case string(last) == "ok\n":
			return nil
		case bytes.HasPrefix(last, []byte("err ")):
			return fmt.Errorf("%q", last)
		case got == len(buf):
			return fmt.Errorf("an answer of more than %d bytes", got)
		}
	}
}

// processes times a command n times, from before its fork to after its wait.
func (r *runner) processes(metric, name string, n int, words []string) {
	p, err := r.launch("timeit", n, func(string) ([]string, error) {
		timeit := append(r.tools.base[:len(r.tools.base):len(r.tools.base)], "timeit", strconv.Itoa(n))
		return append(timeit, words...), nil
	})
	if err != nil {
		r.fault(metric, err)
		return
	}
	defer r.end(p)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
	}
	for i := 1; i <= n; i++ {
		if p.b.stamp(i) == 0 {
			r.fault(metric, fmt.Errorf("%s: %d of %d ended well: %s", name, i-1, n, p.lastWords()))
			return
		}
		r.add(metric, name, float64(p.b.stamp(i)))
	}
}
