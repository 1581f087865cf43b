package accept

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nginx starts an init with the recipe on an address of its own; what is
// replaced comes in pairs.
func nginx(t *testing.T, pairs ...string) (in *Init, addr string) {
	t.Helper()
	addr = loopback() + ":18080"
	text := recipe(t, "service nginx", append([]string{"/usr/sbin/nginx", "nginx -e stderr -p {D} -c {D}/nginx.conf",
		"/run/nginx.pid", "{D}/nginx.pid", "127.0.0.1:80", addr, "limit         nofile 4096", "limit nofile 512"}, pairs...)...)
	in = prepareDebian(t, text+"    restart always delay 50ms\n    start manual\n", "nginx")
	in.nginxConf(addr, "one")
	in.launchDebian()
	return in, addr
}

// pidfile gives the pid in the daemon's file.
func (in *Init) pidfile() int {
	in.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(strings.Join(in.lines("nginx.pid"), "")))
	must(in.t, err)
	return pid
}

// serve starts nginx and waits for an answer. A signal that comes between its
// writing the pid file and its first worker is not acted on before the next one
// (nginx 1.22, ngx_master_process_cycle: sigsuspend with the flag already set).
func (in *Init) serve(addr, want string) Unit {
	in.t.Helper()
	in.ok("start", "nginx")
	in.serves(addr, "/", want)
	return in.is("nginx", "running")
}

// workers gives the children of a process, each alive.
func workers(pid int) []int {
	var pids []int
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, w := range strings.Fields(string(data)) {
		if p, _ := strconv.Atoi(w); alive(p) {
			pids = append(pids, p)
		}
	}
	return pids
}

// A daemon that forks is running once it serves, under the pid of its master;
// stop sends QUIT, and the workers end too.
func TestNginx_Daemon(t *testing.T) {
	t.Parallel()
	in, addr := nginx(t)
	in.ok("start", "nginx")
	if body, err := get(addr, "/"); err != nil || body != "one\n" {
		t.Errorf("as soon as it runs it answers %q, %v", body, err)
	}
	u := in.is("nginx", "running")
	if pid := in.pidfile(); u.pid() != pid || u.Restarts != 0 {
		t.Errorf("pid %d, %d restarts; the file says %d", u.pid(), u.Restarts, pid)
	}
	var kids []int
	in.until("two workers", func() bool { kids = workers(u.pid()); return len(kids) == 2 })
	in.ok("stop", "nginx")
	in.is("nginx", "inactive")
	for _, p := range append(kids, u.pid()) {
		if alive(p) {
			t.Errorf("process %d lives after the stop", p)
		}
	}
	in.contains(in.ok("logs", "nginx"), "signal 3 (SIGQUIT)")
	if _, err := get(addr, "/"); err == nil {
		t.Error("somebody still answers")
	}
}

// QUIT is graceful: an answer that is under way when the stop is asked for is
// whole.
func TestNginx_StopIsGraceful(t *testing.T) {
	t.Parallel()
	in, addr := nginx(t)
	in.write("w/slow", strings.Repeat("0123456789abcdef", 3<<10)) // 48 kB at 64 kB/s
	pid := in.serve(addr, "one\n").pid()
	type answer struct {
		body string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		body, err := get(addr, "/slow")
		got <- answer{body, err}
	}()
	in.until("a worker sends the file", func() bool {
		for _, w := range workers(pid) {
			fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w))
			for _, f := range fds {
				if to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", w, f.Name())); to == in.dir+"/w/slow" {
					return true
				}
			}
		}
		return false
	})
	in.ok("stop", "nginx")
	if a := <-got; a.err != nil || len(a.body) != 48<<10 {
		t.Errorf("the answer has %d bytes, %v", len(a.body), a.err)
	}
}

// The master is killed: its workers go with it, so that the port is free, and
// the pid file that it left is not taken for the next one's.
func TestNginx_Crash(t *testing.T) {
	t.Parallel()
	in, addr := nginx(t)
	in.serve(addr, "one\n")
	for i := 1; i <= 3; i++ {
		pid := in.unit("nginx").pid()
		kids := workers(pid)
		in.kill(pid, syscall.SIGKILL)
		u := in.when("nginx", "runs again", func(u Unit) bool { return u.State == "running" && u.Restarts == i })
		if u.pid() == pid || u.pid() != in.pidfile() || !alive(u.pid()) {
			t.Errorf("pid %d after %d, the file says %d", u.pid(), pid, in.pidfile())
		}
		for _, k := range kids {
			if alive(k) {
				t.Errorf("worker %d outlives its master", k)
			}
		}
		in.serves(addr, "/", "one\n")
	}
	in.contains(in.ok("status", "nginx"), "signal KILL", "3 restarts")
}

// A pid file of days ago, with the number of a stranger who lives, does no harm,
// neither at the start nor at the stop.
func TestNginx_StalePidFile(t *testing.T) {
	t.Parallel()
	in, addr := nginx(t)
	for _, old := range []int{os.Getpid(), 1, in.pid(), 1 << 30} {
		in.write("w/nginx.pid", fmt.Sprintf("%d\n", old))
		if u := in.serve(addr, "one\n"); u.pid() != in.pidfile() || u.pid() == old {
			t.Errorf("pid %d, the file says %d, and said %d", u.pid(), in.pidfile(), old)
		}
		in.ok("stop", "nginx")
	}
	in.ok("ping")
}

// A pid file that never comes, since the unit names another one: the start fails
// and says what it waited for, and the end of the init leaves no daemon.
func TestNginx_WrongPidFile(t *testing.T) {
	t.Parallel()
	in, _ := nginx(t, "pidfile /run/nginx.pid", "pidfile {D}/wrong.pid", "stop          QUIT 10s TERM 2s", "start-timeout 300ms")
	in.contains(in.must(1, "start", "nginx"), "nginx: start-timeout: pid file "+in.dir+"/w/wrong.pid is not there; next try in ")
	in.until("the status has it", func() bool {
		return strings.Contains(in.ctl("status", "nginx").out, "pid file "+in.dir+"/w/wrong.pid is not there")
	})
	in.ok("stop", "nginx")
	in.contains(in.out.text(), "nginx: not ready after 300ms: pid file "+in.dir+"/w/wrong.pid is not there\n")
}

// reload NAME: new answers, the same master, no restart; with a configuration
// that is wrong the reload fails, says so, and the old one serves on.
func TestNginx_Reload(t *testing.T) {
	t.Parallel()
	for _, how := range [][]string{nil, {"reload-exec   /usr/sbin/nginx -s reload", "reload-signal HUP"}} {
		in, addr := nginx(t, how...)
		u := in.serve(addr, "one\n")
		in.nginxConf(addr, "two")
		in.ok("reload", "nginx")
		in.serves(addr, "/", "two\n")
		in.nginxConf(addr, "three\"; this is wrong")
		if r := in.ctl("reload", "nginx"); how == nil && (r.code != 1 || !strings.Contains(r.err, "nginx")) {
			t.Errorf("a reload that failed exits %d: %s", r.code, r.all())
		}
		in.serves(addr, "/", "two\n")
		if now := in.unit("nginx"); now.pid() != u.pid() || now.Restarts != 0 {
			t.Errorf("pid %d, %d restarts; was pid %d", now.pid(), now.Restarts, u.pid())
		}
		in.until("the log says why", func() bool { return strings.Contains(in.ok("logs", "nginx"), "[emerg]") })
		in.contains(in.must(1, "restart", "nginx"), "pre")
	}
}

// health: while it answers nothing happens; three bad answers in a row, and it
// is stopped and started again, with that as the reason.
func TestNginx_Health(t *testing.T) {
	t.Parallel()
	in, addr := nginx(t, "every 10s timeout 2s fails 3", "every 100ms timeout 2s fails 3")
	ev := in.watch()
	pid := in.serve(addr, "one\n").pid()
	good := strings.Join(in.lines("nginx.conf"), "\n")
	in.write("w/nginx.conf", strings.Replace(good, "return 200", "return 503", 1))
	in.ok("reload", "nginx")
	ev.until("nginx", "backoff")
	in.write("w/nginx.conf", good)
	in.when("nginx", "runs again", func(u Unit) bool { return u.State == "running" && u.Restarts > 0 && u.pid() != pid })
	in.serves(addr, "/", "one\n")
	in.contains(in.out.text(), "nginx: ended: health: http 503; next try in ")
}
