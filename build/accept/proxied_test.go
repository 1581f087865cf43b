package accept

import (
	"strings"
	"testing"
)

// redis on demand: the first connection to the proxy starts it and is answered;
// when nobody is connected both end, and what was saved is there the next time.
func TestProxied_RedisOnDemand(t *testing.T) {
	t.Parallel()
	host := loopback()
	in := withDebian(t, recipe(t, "service cache", "/usr/bin/mote", moteBin, "idle 10m", "idle 300ms", "/run/redis/redis.sock", "{D}/redis.sock",
		"127.0.0.1:6379", host+":18082", "/usr/bin/redis-server", "redis-server", "/etc/redis/redis.conf", "--port 0 --unixsocket {D}/redis.sock --dir {D} --save '60 1'"),
		"redis-server", "redis-cli")
	ev := in.watch()
	cli := func(words ...string) string {
		return strings.TrimSpace(in.run("redis-cli", append([]string{"-h", host, "-p", "18082"}, words...)...).all())
	}
	for i, step := range [][]string{{"set", "k", "v1", "OK"}, {"get", "k", "v1"}, {"get", "k", "v1"}} {
		in.state("cache", "waiting")
		in.state("redis-server", "inactive")
		if n := strings.Count(ev.states("redis-server"), "running"); n != i {
			t.Errorf("it ran %d times before connection %d", n, i+1)
		}
		words, want := step[:len(step)-1], step[len(step)-1]
		if got := cli(words...); got != want {
			t.Fatalf("%v gives %q, want %q", words, got, want)
		}
		in.until("it ran", func() bool { return strings.Count(ev.states("redis-server"), "running") == i+1 })
	}
}

// A server behind the proxy is restarted again and again: nobody is refused.
// What is in the queue of its own socket when it closes that breaks off: one
// request of the one client, at each restart.
func TestProxied_NginxRestart(t *testing.T) {
	t.Parallel()
	front, back := loopback()+":18083", loopback()+":18080"
	in := prepareDebian(t, "service front "+moteBin+" proxy tcp "+back+"\n    listen tcp "+front+
		"\nservice back nginx -e stderr -p {D} -c {D}/nginx.conf -g 'daemon off;'\n    stop QUIT 10s\n", "nginx")
	in.nginxConf(back, "one")
	in.write("w/hello", "one\n")
	in.launchDebian()
	in.settled("front", "back")
	in.serves(front, "/hello", "one\n")
	stop := knock(front)
	const restarts = 5
	for range restarts {
		in.ok("restart", "back")
		in.serves(front, "/hello", "one\n")
	}
	good, refused, broken := stop()
	if good == 0 || refused != 0 || broken > restarts {
		t.Errorf("%d answers, %d refused, %d broken off; want some, none, and %d at most", good, refused, broken, restarts)
	}
	if u := in.is("front", "running"); u.Restarts != 0 {
		t.Errorf("the proxy has %d restarts", u.Restarts)
	}
}
