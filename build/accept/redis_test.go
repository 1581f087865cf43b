package accept

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// redis is the recipe with a folder and a socket of the case's own.
func redis(t *testing.T, more ...string) string {
	return recipe(t, "service redis", "/usr/bin/redis-server", "redis-server", "/etc/redis/redis.conf", "--port 0 --unixsocket {D}/redis.sock",
		"user          redis", "env HOME=/", "/var/lib/redis", "{D}", "limit         nofile 10240", "limit nofile 1024",
		"''", "'' "+strings.Join(more, " "))
}

// cli asks the database once, with no second try.
func (in *Init) cli(words ...string) string {
	in.t.Helper()
	r := in.run("redis-cli", append([]string{"-s", in.dir + "/w/redis.sock"}, words...)...)
	return strings.TrimSpace(r.all())
}

// Ready is when it answers, not when it was started: what requires it asks once,
// and is answered. Its STATUS text is shown.
func TestRedis_Ready(t *testing.T) {
	t.Parallel()
	in := withDebian(t, redis(t)+"    start manual\ntask ask redis-cli -s {D}/redis.sock ping\n  requires redis\n  start manual\n", "redis-server", "redis-cli")
	in.ok("start", "ask")
	in.contains(in.ok("logs", "ask"), "PONG")
	if u := in.is("redis", "running"); !u.Ready || u.Restarts != 0 {
		t.Errorf("it is %+v, expected ready at the first attempt", u)
	}
	in.contains(in.ok("status", "redis"), "Ready to accept connections")
	in.contains(in.ok("logs", "redis"), "Server initialized")
}

// A stop saves, and the next start has the data.
func TestRedis_StopSaves(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"", "    stop-exec redis-cli -s {D}/redis.sock shutdown save\n"} {
		save := "--save '60 1'"
		if how != "" {
			save = "--save ''"
		}
		in := withDebian(t, redis(t, save)+how, "redis-server", "redis-cli")
		in.settled("redis")
		if got := in.cli("set", "k", "v1"); got != "OK" {
			t.Fatalf("set gives %q", got)
		}
		first := in.unit("redis").pid()
		in.ok("stop", "redis")
		if alive(first) {
			t.Errorf("pid %d lives after the stop", first)
		}
		if u := in.is("redis", "inactive"); u.exitCode() != 0 {
			t.Errorf("a stop gives exit %d, expected 0", u.exitCode())
		}
		in.ok("start", "redis")
		if got := in.cli("get", "k"); got != "v1" {
			t.Errorf("after a stop and a start k is %q, want v1", got)
		}
		in.ok("restart", "redis")
		if got := in.cli("get", "k"); got != "v1" {
			t.Errorf("after a restart k is %q, want v1", got)
		}
	}
}

// A crash: what it wrote to its log is there again, and who requires it is
// stopped before and started after it is ready once more.
func TestRedis_Crash(t *testing.T) {
	t.Parallel()
	in := withDebian(t, redis(t, "--appendonly yes", "--appendfsync always")+"    restart always delay 50ms\n"+
		svc("user", "requires redis", "pre redis-cli -s {D}/redis.sock incr starts"), "redis-server", "redis-cli")
	in.settled("user")
	for i := 2; i < 5; i++ {
		pid := in.unit("redis").pid()
		in.kill(pid, syscall.SIGKILL)
		in.when("redis", "has a new process", func(u Unit) bool { return u.Restarts == i-1 && u.State == "running" && u.pid() != pid })
		in.settled("user")
		if got := in.cli("get", "starts"); got != fmt.Sprint(i) {
			t.Errorf("after %d crashes starts is %q, want %d", i-1, got, i)
		}
	}
	in.wantOrder("+user", "-user", "+user", "-user", "+user", "-user", "+user")
}

// A configuration that redis refuses: the start fails, the reason and its own
// words are shown, and it is not tried in a storm.
func TestRedis_Refuses(t *testing.T) {
	t.Parallel()
	in := withDebian(t, redis(t, "--no-such-word 1")+"    start manual\n    restart always delay 1m max 1m\n", "redis-server")
	in.contains(in.must(1, "start", "redis"), "redis", "exit 1")
	in.contains(in.must(3, "status", "redis"), "no-such-word")
	in.contains(in.ok("why", "redis"), " ended before it was ready: exit 1; starts again in ")
	in.contains(in.out.text(), "mote: redis: ended before it was ready: exit 1; next try in ")
	in.is("redis", "backoff")
	in.ok("stop", "redis")
	in.is("redis", "inactive")
}

// As the main unit of a container: TERM saves, and the container ends with the
// code of the database, whatever that is.
func TestRedis_Container(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		how  func(in *Init)
		code int
	}{
		{func(in *Init) { in.signal(syscall.SIGTERM) }, 0},
		{func(in *Init) { in.cli("shutdown", "save") }, 0},
		{func(in *Init) { in.ctl("kill", "redis", "KILL") }, 137},
	} {
		debianProgram(t, "redis-server")
		in := prepareInit(t, Options{Mode: container, Args: []string{"--main", "redis"}}, redis(t, "--save '60 1'"))
		in.installDebian("redis-server", "/usr/bin/redis-server")
		in.launch()
		in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
		in.settled("redis")
		if got := in.cli("set", "k", "v"); got != "OK" {
			t.Fatalf("set gives %q", got)
		}
		end.how(in)
		if code := in.gone(2 * step); code != end.code {
			t.Errorf("the container exits %d, want %d", code, end.code)
		}
		if _, err := os.Stat(in.dir + "/w/dump.rdb"); (err == nil) != (end.code == 0) {
			t.Errorf("exit %d, and the file of the data: %v", end.code, err)
		}
	}
}
