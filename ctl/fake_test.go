package ctl

import (
	"bufio"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

// patience is the deadline of everything that a test waits for: only what fails
// takes that long.
const patience = 30 * time.Second

// fake is an init that knows one answer for each request.
type fake struct {
	t       *testing.T
	path    string
	answers map[string]string // request line to the bytes of its reply
	mu      sync.Mutex
	asked   []string
	hold    chan struct{} // closed at the end: silent clients are let go
}

// Answers that are no bytes but behaviour.
const (
	hangs  = "\x00hangs"  // takes the request and says nothing
	closes = "\x00closes" // takes the request and hangs up
)

// startFake listens at a socket of its own, whose path is short.
func startFake(t *testing.T, answers map[string]string) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, path: filepath.Join(dir, "s"), answers: answers, hold: make(chan struct{})}
	l, err := net.Listen("unix", f.path)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(f.hold)
		wait.Wait()
		os.RemoveAll(dir)
	})
	return f
}

func (f *fake) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		request, err := r.ReadString('\n')
		if err != nil {
			return
		}
		request = strings.TrimSuffix(request, "\n")
		f.mu.Lock()
		f.asked = append(f.asked, request)
		f.mu.Unlock()
		answer, ok := f.answers[request]
		if !ok {
			answer = wire("err|2|unknown request: " + request)
		}
		bytes, hang := strings.CutSuffix(answer, hangs)
		bytes, end := strings.CutSuffix(bytes, closes)
		io.WriteString(conn, bytes)
		if hang {
			<-f.hold
		}
		if hang || end {
			return
		}
	}
}

// requests gives what was asked so far.
func (f *fake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

// noKernel is an ordinary user's kernel where nothing may be signalled.
func noKernel(t *testing.T) kernel {
	return kernel{
		now:    func() time.Time { return time.UnixMilli(1767323045000).Add(2 * time.Minute) },
		euid:   func() int { return 1000 },
		kill:   func(pid int, s unix.Signal) error { t.Errorf("kill %d %v", pid, s); return nil },
		sync:   func() { t.Error("sync") },
		reboot: func(cmd uint32, arg string) error { t.Errorf("reboot %#x %q", cmd, arg); return nil },
		mote:   func() (bool, string) { return false, "/sbin/init" },
	}
}

// result is what one run of the client left.
type result struct {
	code        int
	out, errOut string
}

// testEnv is an environment with those variables alone ("NAME=VALUE").
func testEnv(vars ...string) Env {
	return Env{
		Version: "1.0",
		Getenv: func(name string) string {
			for _, v := range vars {
				if n, value, _ := strings.Cut(v, "="); n == name {
					return value
				}
			}
			return ""
		},
		Keys: []Key{
			{Name: "requires", Kinds: "service task target tty", Synopsis: "requires NAME...", Help: "pull it in, start only when it is satisfied, follow it down"},
			{Name: "kill", Kinds: "service task tty", Synopsis: "kill group|process", Default: "group", Help: "what the stop schedule signals"},
			{Name: "restart", Kinds: "service tty", Synopsis: "restart always|on-failure|never", Default: "always", Help: "after which ends it starts again"},
		},
		Check: func(paths []string) ([]Fault, int) { return nil, len(paths) },
	}
}

// client runs the client with pipes for its output.
func runClient(t *testing.T, k kernel, env Env, args ...string) result {
	t.Helper()
	outR, outW := pipe(t)
	errR, errW := pipe(t)
	env.Stdout, env.Stderr = int(outW.Fd()), int(errW.Fd())
	var r result
	var wait sync.WaitGroup
	read := func(from *os.File, to *string) {
		b, _ := io.ReadAll(from)
		*to = string(b)
	}
	wait.Go(func() { read(outR, &r.out) })
	wait.Go(func() { read(errR, &r.errOut) })
	r.code = run(args, env, k)
	outW.Close()
	errW.Close()
	wait.Wait()
	return r
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// terminal is a pseudo terminal; what the client writes to slave is read to
// the end with output.
type terminal struct {
	t             *testing.T
	master, slave *os.File
}

func openTerminal(t *testing.T, columns int) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("no pseudo terminal: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns)})
	t.Cleanup(func() { master.Close(); slave.Close() })
	return &terminal{t, master, slave}
}

func itoa(n int) string {
	if n >= 10 {
		return itoa(n/10) + string(rune('0'+n%10))
	}
	return string(rune('0' + n))
}

// run runs the client on the terminal and gives all that it showed.
func (p *terminal) run(k kernel, env Env, args ...string) (code int, shown string) {
	p.t.Helper()
	env.Stdout, env.Stderr = int(p.slave.Fd()), int(p.slave.Fd())
	done := make(chan string)
	go func() {
		b, err := io.ReadAll(p.master)
		if err != nil && !errors.Is(err, unix.EIO) { // the last slave was closed
			p.t.Error(err)
		}
		done <- string(b)
	}()
	code = run(args, env, k)
	p.slave.Close()
	return code, strings.ReplaceAll(<-done, "\r\n", "\n")
}

// wire builds a reply: each argument is one line of words separated by "|".
func wire(lines ...string) string {
	var b []byte
	for _, l := range lines {
		b = appendLine(b, strings.Split(l, "|")...)
	}
	return string(b)
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

func goVersion() string { return runtime.Version() + " " + runtime.GOARCH }
