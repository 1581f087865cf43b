package accept

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// stormSeconds is how long a storm blows: MOTE_STORM_SECONDS, else 30 s where CI is set,
// and 10 elsewhere.
func stormSeconds(t *testing.T) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("MOTE_STORM_SECONDS"))
	switch {
	case err == nil && n > 0:
	case os.Getenv("CI") != "":
		n = 30
	case testing.Short():
		n = 3
	default:
		n = 10
	}
	return time.Duration(n) * time.Second
}

// lives is how many services of a storm crash again and again.
const lives = 50

// stormConf is what a storm blows over. {P} is a port.
func stormConf(port string) string {
	var b strings.Builder
	ready := []string{"notify", "fd", "spawn"}
	for i := range lives {
		how := ready[i%len(ready)]
		fmt.Fprintf(&b, "service l%02d {V} life {D} l%02d %s\n  restart always delay 20ms max 20ms\n  log ring 256K\n  ready %s\n", i, i, how,
			strings.Replace(how, "fd", "fd 3", 1))
		if i%5 == 4 {
			fmt.Fprintf(&b, "  post {V} appendenv {D}/post-l%02d MOTE_RESULT MOTE_CODE\n", i)
		}
	}
	for i := range 3 {
		fmt.Fprintf(&b, "task e%d {V} append {D}/e%d begin , sleep 10ms , append {D}/e%d end\n  every 100ms\n", i, i, i)
	}
	b.WriteString(svc("s1") + svc("s2", "requires s1") + agentService +
		"service dog {V} notify READY=1 , notifyd 50ms WATCHDOG=1 , sleep\n  ready notify\n  watchdog 10s\n" +
		"service well {V} sleep\n  health exec {V} exit 0 every 200ms timeout 10s\n" +
		"service again {V} sleep\n" +
		"service tcp {V} serve\n  listen tcp 127.0.0.1:{P}\n" +
		"service many {V} servemany 20 , exit 3\n  listen unix {D}/many\n  restart always delay 0\n" +
		"service one {V} servemany 1\n  listen unix {D}/one\n  on-demand\n" +
		"service cring {V} count cring 3ms {D}/enough , sleep\n  log ring 32K\n" +
		"service cfile {V} count cfile 3ms {D}/enough , sleep\n  log file {D}/cfile 64M\n" +
		"service cpipe {V} count cpipe 3ms {D}/enough , sleep\n  log pipe sink\n" +
		"service sink {V} cat {D}/piped\n")
	return strings.ReplaceAll(b.String(), "{P}", port)
}

// steady are the units of a storm that nothing happens to.
var steady = []string{"s1", "s2", "agent", "dog", "well", "tcp", "cring", "cfile", "cpipe", "sink"}

// wire is a raw connection to the control socket.
type wire struct {
	net.Conn
	r *bufio.Reader
}

func (in *Init) wire() (*wire, error) {
	for {
		c, err := in.dialOwn()
		if errors.Is(err, syscall.EAGAIN) { // the backlog is full for the moment
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		return &wire{c, bufio.NewReader(c)}, nil
	}
}

// dialOwn connects as the init's own user (ctl): the kernel notes the effective user of the
// thread that connects (unix(7), SO_PEERCRED), and each thread has its own.
func (in *Init) dialOwn() (net.Conn, error) {
	if asRoot && in.opt.Mode != rooted && !in.opt.AsRoot {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		effective := func(user int) {
			syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(user), ^uintptr(0))
		}
		effective(uid)
		defer effective(0)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: in.sock}); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}

// ask sends a request and gives the whole answer, with its end line.
func (w *wire) ask(request string) (string, error) {
	w.SetWriteDeadline(time.Now().Add(4 * step))
	if _, err := fmt.Fprintln(w, request); err != nil {
		return "", err
	}
	text, err := w.answer()
	if err != nil {
		err = fmt.Errorf("%s%w", request, err)
	}
	return text, err
}

// answer reads a whole answer; one that ends with "err" is an error.
func (w *wire) answer() (string, error) {
	w.SetReadDeadline(time.Now().Add(4 * step))
	var all strings.Builder
	for {
		l, err := w.r.ReadString('\n')
		all.WriteString(l)
		if err != nil {
			return all.String(), fmt.Errorf(": %w after %.200q", err, all.String())
		}
		if l == "ok\n" {
			return all.String(), nil
		}
		if strings.HasPrefix(l, "err ") {
			return all.String(), errors.New(": " + strings.TrimSpace(l))
		}
	}
}

// crowd runs what is to go on during a storm. Each member gives an error or nil, and
// is called again until the end; the first error of each is the test's.
type crowd struct {
	t     *testing.T
	over  atomic.Bool
	wg    sync.WaitGroup
	mu    sync.Mutex
	did   map[string]int
	wires []*wire
}

func (c *crowd) add(name string, do func() error) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		n := 0
		for ; !c.over.Load(); n++ {
			if err := do(); err != nil {
				c.t.Errorf("%s, time %d: %v", name, n+1, err)
				break
			}
		}
		c.mu.Lock()
		c.did[name] += n
		c.mu.Unlock()
	}()
}

func (c *crowd) end() {
	c.over.Store(true)
	c.wg.Wait()
	for _, w := range c.wires {
		w.Close()
	}
}

// clients ask all the time, on connections that last and on new ones.
func (c *crowd) clients(in *Init) {
	for i := range 4 {
		w, err := in.wire()
		must(c.t, err)
		c.wires = append(c.wires, w)
		n := 0
		c.add("requests on one connection", func() error {
			n++
			_, err := w.ask([]string{"ping", "list", fmt.Sprintf("status l%02d", (n*7+i)%lives), "logs -n 5", "status"}[n%5])
			time.Sleep(time.Duration(n%9) * time.Millisecond)
			return err
		})
	}
	c.add("restart of a service by a client that waits", func() error {
		w, err := in.wire()
		if err != nil {
			return err
		}
		defer w.Close()
		time.Sleep(10 * time.Millisecond)
		_, err = w.ask("restart again")
		return err
	})
	c.add("clients as processes", func() error {
		if r := in.ctl("--json", "status", "s1", "l07"); r.code != 0 && r.code != 3 {
			return fmt.Errorf("exit %d: %s", r.code, r.all())
		}
		time.Sleep(30 * time.Millisecond)
		return nil
	})
}

// visitors connect to the sockets that the init holds; each must be told a pid.
func (c *crowd) visitors(in *Init, port string) {
	for _, to := range [][2]string{{"tcp", "127.0.0.1:" + port}, {"unix", in.dir + "/w/many"}, {"unix", in.dir + "/w/one"}} {
		c.add("connections to "+to[0]+" "+to[1][strings.LastIndexAny(to[1], "/:")+1:], func() error {
			conn, err := net.DialTimeout(to[0], to[1], 4*step)
			if errors.Is(err, syscall.EAGAIN) {
				time.Sleep(time.Millisecond)
				return nil
			}
			if err != nil {
				return err
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(4 * step))
			if tcp, ok := conn.(*net.TCPConn); ok {
				tcp.SetLinger(0) // else thousands would wait for their end, in sight of all
			}
			text, err := bufio.NewReader(conn).ReadString('\n')
			if pid, _ := strconv.Atoi(strings.TrimSpace(text)); err == nil && pid < 2 {
				err = fmt.Errorf("it is told %q", text)
			}
			time.Sleep(time.Millisecond)
			return err
		})
	}
}

// reexecs is 20 re-execs a second, by turns asked for by a client, of this build and
// another one, and by the signal.
func (c *crowd) reexecs(in *Init) {
	own := "/mote"
	if in.opt.Mode == supervisor {
		own = in.opt.Bin
	}
	words := []string{"", "upgrade " + in.other("9.8.7", ""), "upgrade", "upgrade " + own}
	n, due := 0, time.Now()
	c.add("re-execs that were asked for", func() error {
		due = due.Add(50 * time.Millisecond)
		time.Sleep(time.Until(due))
		if time.Since(due) > time.Second {
			due = time.Now() // what the machine cannot do is not made up for
		}
		n++
		if n%4 == 0 {
			return syscall.Kill(in.pid(), rt0+25)
		}
		w, err := in.wire()
		if err != nil {
			return err
		}
		defer w.Close()
		if _, err = w.ask(words[n%4]); err != nil && strings.Contains(err.Error(), "another one is under way") {
			n, err = n-1, nil // that of the signal
		}
		return err
	})
}

// flood sends what has no meaning in the role, and HUP, as fast as is not unfair to the
// rest.
func (c *crowd) flood(in *Init) {
	n := 0
	c.add("signals without a meaning", func() error {
		time.Sleep(2 * time.Millisecond)
		n++
		sig := []syscall.Signal{syscall.SIGUSR1, 40, syscall.SIGCHLD, syscall.SIGALRM, syscall.SIGPIPE, syscall.SIGWINCH, syscall.SIGCONT}[n%7]
		if n%100 == 0 {
			sig = syscall.SIGHUP
		}
		return syscall.Kill(in.pid(), sig)
	})
}

// images counts the images of the init that are seen to run.
func (c *crowd) images(in *Init) {
	last := ""
	n := 0
	c.add("looks for another image", func() error {
		time.Sleep(3 * time.Millisecond)
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", in.pid()))
		if err == nil && len(data) > 0 && string(data) != last {
			last = string(data)
			n++
			c.mu.Lock()
			c.did["images that were seen"] = n
			c.mu.Unlock()
		}
		return nil
	})
}
