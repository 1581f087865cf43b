package accept

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// lighttpd starts an init with the recipe on an address of its own, and waits
// until it answers.
func lighttpd(t *testing.T) (in *Init, addr string) {
	t.Helper()
	host := loopback()
	addr = host + ":18081"
	path := debianProgram(t, "lighttpd")
	modules := ""
	if path == base+"/debian/sbin/lighttpd" {
		modules = " -m " + base + "/debian/lib/lighttpd"
	}
	in = prepareDebian(t, recipe(t, "service lighttpd", "/usr/sbin/lighttpd", "lighttpd"+modules,
		"/etc/lighttpd/lighttpd.conf", "{D}/lighttpd.conf", "user          www-data\n", "env HOME=/\n", "0.0.0.0:80", addr, "delay 200ms", "delay 20ms max 20ms"), "lighttpd")
	in.write("w/lighttpd.conf", in.expand(`server.document-root = "{D}"
server.bind = "`+host+`"
server.port = 18081
server.systemd-socket-activation = "enable"
server.errorlog = "/dev/stderr"
mimetype.assign = ( "" => "text/plain" )
`))
	in.write("w/hello", "hello\n")
	in.launchDebian()
	in.settled("lighttpd")
	in.serves(addr, "/hello", "hello\n")
	return in, addr
}

// knock asks again and again until the stop function is called, which gives how
// many answers came, how many connections were refused, and how many broke off.
// It asks a hundred times a second: each connection is in the kernel's table for
// another minute (TIME_WAIT), where the init looks for what is idle.
func knock(addr string) (stop func() (good, refused, broken int64)) {
	var good, refused, broken atomic.Int64
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(10 * time.Millisecond):
			}
			switch _, err := get(addr, "/hello"); {
			case err == nil:
				good.Add(1)
			case errors.Is(err, syscall.ECONNREFUSED):
				refused.Add(1)
			default:
				broken.Add(1)
			}
		}
	}()
	return func() (int64, int64, int64) {
		close(end)
		<-done
		return good.Load(), refused.Load(), broken.Load()
	}
}

// The first connection is served, and none is refused nor broken off while the
// server is replaced in order.
func TestSocket_Restart(t *testing.T) {
	t.Parallel()
	in, addr := lighttpd(t)
	stop := knock(addr)
	for range 3 { // it looks once a second whether it may end
		in.ok("restart", "lighttpd")
	}
	in.serves(addr, "/hello", "hello\n")
	good, refused, broken := stop()
	if good == 0 || refused != 0 || broken != 0 {
		t.Errorf("%d answers, %d refused, %d broken off; want some and none", good, refused, broken)
	}
}

// The same with nginx, which takes the socket in its own way.
func TestSocket_NginxRestart(t *testing.T) {
	t.Parallel()
	addr := loopback() + ":18080"
	in := prepareDebian(t, recipe(t, "service nginx-handed", "/usr/sbin/nginx", "nginx -e stderr -p {D} -c {D}/nginx.conf", "0.0.0.0:80", addr), "nginx")
	in.nginxConf(addr, "one")
	in.launchDebian()
	in.settled("nginx-handed")
	in.serves(addr, "/hello", "one\n")
	stop := knock(addr)
	for range 5 {
		in.ok("restart", "nginx-handed")
		in.serves(addr, "/hello", "one\n")
	}
	good, refused, broken := stop()
	if good == 0 || refused != 0 || broken != 0 {
		t.Errorf("%d answers, %d refused, %d broken off; want some and none", good, refused, broken)
	}
}

// Nor is any refused while the server crashes and waits for its next attempt;
// what it was at breaks off, one request each time.
func TestSocket_Crash(t *testing.T) {
	t.Parallel()
	in, addr := lighttpd(t)
	stop := knock(addr)
	const crashes = 4
	for i := 1; i <= crashes; i++ {
		in.kill(in.unit("lighttpd").pid(), syscall.SIGKILL)
		in.when("lighttpd", "runs again", func(u Unit) bool { return u.State == "running" && u.Restarts == i })
		in.serves(addr, "/hello", "hello\n")
	}
	good, refused, broken := stop()
	if good == 0 || refused != 0 || broken > crashes {
		t.Errorf("%d answers, %d refused, %d broken off; want some, none, and %d at most", good, refused, broken, crashes)
	}
}

// on-demand: nothing runs until the first connection, which is answered; it is
// stopped when nobody asks, and the next one starts it again.
func TestSocket_OnDemand(t *testing.T) {
	t.Parallel()
	in := withDebian(t, recipe(t, "service uuidd", "/usr/sbin/uuidd", "uuidd", "user          uuidd\n", "env HOME=/\n",
		"/run/uuidd/request", "{D}/request", "idle 1m", "idle 300ms"), "uuidd")
	ev := in.watch()
	for i := range 3 {
		if u := in.state("uuidd", "waiting"); u.pid() != 0 || strings.Count(ev.states("uuidd"), "running") != i {
			t.Errorf("it waits with pid %d, after %q", u.pid(), ev.states("uuidd"))
		}
		r := in.run("uuidd", "-s", in.dir+"/w/request", "-r")
		if r.code != 0 || len(r.out) < 36 {
			t.Fatalf("exit %d, %q: want an identifier", r.code, r.all())
		}
		in.until("it ran", func() bool { return strings.Count(ev.states("uuidd"), "running") == i+1 })
	}
	if u := in.state("uuidd", "waiting"); u.Restarts != 0 {
		t.Errorf("%d restarts; want none", u.Restarts)
	}
	in.ok("stop", "uuidd")
	if r := in.run("uuidd", "-s", in.dir+"/w/request", "-r"); r.code == 0 {
		t.Errorf("after a stop somebody answers %q", r.out)
	}
	in.is("uuidd", "inactive")
}
