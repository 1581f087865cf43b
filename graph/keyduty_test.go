package graph

import (
	"strings"
	"testing"
	"time"
)

// TestDutyFaults has what is said of each wrong line of the keys of a Duty, and
// of ready; the unit fails with it and the one behind it does not.
func TestDutyFaults(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, tt := range []struct{ line, want string }{
		{"ready fd", `ready fd has nothing behind it: write "ready fd 3"`},
		{"ready log", `ready log has nothing behind it: write "ready log TEXT"`},
		{"ready log ''", `ready log "" is empty: write what stands in the line`},
		{`ready log "a\nb"`, `ready log "a\nb" is more than one line: write a part of one`},
		{"ready log " + long, `ready log "` + long[:64] + `"... has 300 bytes: the limit is 256`},
		{"ready log a b", `ready takes at most 2 words, 3 are given: write "ready spawn|notify|fd N|pidfile PATH|path PATH|log TEXT|health"`},
		{"ready pidfile", `ready pidfile has nothing behind it: write "ready pidfile PATH"`},
		{"ready pidfile run/x", `ready pidfile "run/x" is no absolute path: begin it with "/"`},
		{"ready path ''", `ready path "" is no absolute path: begin it with "/"`},
		{"ready path /" + strings.Repeat("x", 4095), `ready path "/` + long[:63] + `"... has 4096 bytes: the limit is 4095`},
		{"ready health now", `ready health takes no further word: remove "now"`},

		{"health http", `health has too few words: write "health ` + healthArgs + `"`},
		{"health ping 127.0.0.1", `health "ping" is unknown: write "tcp", "unix", "http" or "exec"`},
		{"health tcp web:80", `health tcp "web:80" is no address with its port: write one such as "127.0.0.1:80" or "[::1]:80"`},
		{"health tcp 127.0.0.1", `health tcp "127.0.0.1" is no address with its port: write one such as "127.0.0.1:80" or "[::1]:80"`},
		{"health tcp 127.0.0.1:0", `health tcp "127.0.0.1:0" has no port from 1 to 65535 at its end: write one such as "127.0.0.1:80"`},
		{"health tcp *:80", `health tcp "*:80" has no host: write "127.0.0.1:80"`},
		{"health http :8080/x", `health http ":8080" has no host: write "127.0.0.1:8080"`},
		{"health http http://127.0.0.1:80/", `health http "http:" is no address with its port: write one such as "127.0.0.1:80" or "[::1]:80"`},
		{"health http 127.0.0.1:80/a\\ b", `health http "/a b" has " ": write it as "%" and two hexadecimal digits`},
		{`health http "127.0.0.1:80/ HTTP/1.1\n\nGET /"`, `health http "/ HTTP/1.1\n\nGET /" has " ": write it as "%" and two hexadecimal digits`},
		{"health http 127.0.0.1:80/é", `health http "/é" has "é": write it as "%" and two hexadecimal digits`},
		{"health http 127.0.0.1:80/" + strings.Repeat("x", 1024), `health http "/` + long[:63] + `"... has 1025 bytes: the limit is 1024`},
		{"health unix x", `health unix "x" is no path of a socket: begin it with "/", or with "@" for an abstract name`},
		{"health unix @", `health unix "@" has no name behind the "@": write one`},
		{"health exec every 5s", `health exec has no command before "every": write one`},
		{"health exec ''", "health has an empty command: write one"},
		{"health exec x every 5", `health every "5" has no unit: write "5s"`},
		{"health exec x every 5s every 6s", "health every is given twice: remove one"},
		{"health tcp [::1]:80 every", "health every has no value: write one behind it"},
		{"health tcp [::1]:80 evry 5s", `health "evry" is unknown: write "every", "timeout", "fails" or "grace"`},
		{"health tcp [::1]:80 every 99ms", `health every "99ms" is under the least of 100ms: raise it`},
		{"health tcp [::1]:80 timeout 0", `health timeout "0" is under the least of 10ms: raise it`},
		{"health tcp [::1]:80 fails 0", `health fails "0" is no number from 1 to 1000: correct it`},
		{"health tcp [::1]:80 fails 1001", `health fails "1001" is no number from 1 to 1000: correct it`},
		{"health tcp [::1]:80 grace 9999h", `health grace "9999h" is over the limit of 8784h: lower it`},

		{"watchdog 9ms", `watchdog "9ms" is under the least of 10ms: raise it`},
		{"watchdog 30", `watchdog "30" has no unit: write "30s"`},
		{"watchdog 9999999", `watchdog "9999999" has no unit: write "9999999s"`},
		{"watchdog 99999999", `watchdog "99999999" ` + noDuration},

		{"listen tcp", `listen has too few words: write "listen ` + listenArgs + `"`},
		{"listen sctp :80", `listen "sctp" is unknown: write "tcp", "udp" or "unix"`},
		{"listen tcp 80", `listen tcp "80" is no address with its port: write one such as "127.0.0.1:80" or "[::1]:80"`},
		{"listen tcp :http", `listen tcp ":http" has no port from 1 to 65535 at its end: write one such as "127.0.0.1:80"`},
		{"listen tcp :80 mode 600", `listen tcp "[::]:80" is no file that has a mode: remove it`},
		{"listen udp :80 user www", `listen udp "[::]:80" is no file that has a user: remove it`},
		{"listen unix @x mode 600", `listen unix "@x" is no file that has a mode: remove it`},
		{"listen unix /run/", `listen unix "/run/" is a folder: write a name behind it`},
		{"listen unix /" + long, `listen unix "/` + long[:63] + `"... has 301 bytes: the limit is 107`},
		{"listen unix /x mode 999", `listen mode "999" is no octal number from 0 to 0777: write one such as "022"`},
		{"listen unix /x mode 600 mode 600", "listen mode is given twice: remove one"},
		{"listen unix /x user a:b", `listen "a:b" is neither a name nor a number: correct it`},
		{"listen unix /x name a:b", `listen name "a:b" has ":": use letters, digits and signs other than ":"`},
		{"listen unix /x name é", `listen name "é" has "é": use letters, digits and signs other than ":"`},
		{"listen unix /x name " + long, `listen name "` + long[:64] + `"... has 300 bytes: the limit is 255`},
		{"listen unix /x backlog 5", `listen "backlog" is unknown: write "mode", "user" or "name"`},

		{"on-demand 5s", `on-demand "5s" is unknown: write "idle"`},
		{"on-demand idle", "on-demand idle has no value: write one behind it"},
		{"on-demand idle 99ms", `on-demand idle "99ms" is under the least of 100ms: raise it, or write "0" for never`},

		{"ports 80 0", `ports "0" is no number from 1 to 65535: correct it`},
		{"ports 65536", `ports "65536" is no number from 1 to 65535: correct it`},
		{"ports 80-90", `ports "80-90" is no number from 1 to 65535: correct it`},

		{"reload-signal KILL", `reload-signal "KILL" cannot be caught: write one such as "HUP"`},
		{"reload-signal sigstop", `reload-signal "sigstop" cannot be caught: write one such as "HUP"`},
		{"reload-signal HPU", `reload-signal "HPU" is no signal: write one such as "HUP"`},
		{"reload-exec ''", "reload-exec has an empty command: write one"},
	} {
		c := load("service a x\n    " + tt.line + "\nservice b x\n")
		if got := strings.Join(faults(c), "\n"); got != "/c/a.conf:2: "+tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.line, got, tt.want)
		}
		if got := unitNames(c); got != "a! b" {
			t.Errorf("%s: units %s", tt.line, got)
		}
	}
}

// TestDutyChecks: what the keys ask of one another.
func TestDutyChecks(t *testing.T) {
	var sockets, ports strings.Builder
	for i := range maxListen {
		sockets.WriteString(" listen tcp 127.0.0.1:" + itoa(1000+i) + "\n")
	}
	for i := range maxPorts {
		ports.WriteString(" ports " + itoa(1000+i) + " 1000\n")
	}
	for _, tt := range []struct{ name, text, want string }{
		{"ready health", " ready health\n", `:1: ready health has no check: write a key "health"`},
		{"ready health with a wrong check", " ready health\n health tcp\n", `:3: health has too few words: write "health ` + healthArgs + `"`},
		{"ready health, health removed", " ready health\n health tcp [::1]:1\n !health\n", `:1: ready health has no check: write a key "health"`},
		{"ready fd under sockets", " ready fd 4\n listen tcp :1\n listen tcp :2\n", `:1: ready fd 4 is a socket of listen: write "ready fd 5" or more`},
		{"ready fd above sockets", " ready fd 5\n listen tcp :1\n listen tcp :2\n", ""},
		{"on-demand alone", " on-demand\n", `:1: on-demand has no socket to wait at: write a key "listen"`},
		{"on-demand with a wrong socket", " on-demand\n listen tcp 1\n", `:3: listen tcp "1" ` + noAddr},
		{"idle with datagrams", " on-demand idle 1m\n listen tcp :1\n listen udp :1\n listen udp :2\n", `:1: on-demand idle cannot see who uses listen udp "[::]:1": remove "idle"`},
		{"on-demand with datagrams", " on-demand\n listen udp :1\n", ""},
		{"idle 0 with datagrams", " on-demand idle 0\n listen udp :1\n", ""},
		{"two ways to reload", " reload-signal HUP\n reload-exec x\n", ":1: there are reload-signal and reload-exec: remove one"},
		{"two reload-signals", " reload-signal HUP\n reload-signal INT\n", `:3: "reload-signal" is given twice (first at line 2): remove one`},
		{"the same socket", " listen unix /x\n listen unix /y\n listen unix /x mode 600\n", `:4: listen unix "/x" takes the same address as "/x": remove one`},
		{"a socket in another one", " listen tcp 127.0.0.1:80\n listen udp :80\n listen tcp *:80\n", `:4: listen tcp "[::]:80" takes the same address as "127.0.0.1:80": remove one`},
		{"path and abstract name", " listen unix /x\n listen unix @/x\n", ""},
		{"sockets, as many as there may be", sockets.String(), ""},
		{"sockets, one too many", sockets.String() + " listen unix /x\n", `:34: listen unix "/x" is one too many: the limit is 32 sockets`},
		{"ports, as many as there may be", ports.String(), ""},
		{"ports, one too many", ports.String() + " ports 1000 1 2\n", `:66: ports "1" is one too many: the limit is 64 ports`},
	} {
		c := load("service a x\n" + tt.text)
		got := strings.ReplaceAll(strings.Join(faults(c), "\n"), "/c/a.conf", "")
		if got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
		checkShow(t, c.Unit("a"))
	}
}

// TestDuty: what right lines come to.
func TestDuty(t *testing.T) {
	c := load(`service plain x
    watchdog 5s
    !watchdog
service web@ x
    health http localhost:8080/%i every 1m timeout 90s fails 1 grace 10ms
    listen unix /run/%n.sock mode 0660 user www name "a b"
    listen tcp :80
    on-demand idle 5m
    ports 80
    ready path /run/%i
    watchdog 10ms
    reload-exec kill ${MAINPID}
target t
    wants web@1 web@2
`)
	expectFaults(t, c)
	if c.Unit("plain").Duty != nil {
		t.Error("a unit that asks for nothing has a Duty")
	}
	d, other := c.Unit("web@1").Duties(), c.Unit("web@2").Duties()
	if d == other || d.Health == other.Health || d.Listen[0].Path != "/run/web@1.sock" || other.Listen[0].Path != "/run/web@2.sock" {
		t.Errorf("instances share %+v and %+v", d, other)
	}
	h := d.Health
	if h.Kind != HealthHTTP || h.Addr.String() != "127.0.0.1:8080" || h.Path != "/1" || h.Every != time.Minute || h.Timeout != 90*time.Second ||
		h.Fails != 1 || h.Grace != 10*time.Millisecond {
		t.Errorf("health %+v", h)
	}
	if l := d.Listen[0]; l.Kind != ListenUnix || l.Mode != 0o660 || l.User != "www" || l.Name != "a b" {
		t.Errorf("listen %+v", l)
	}
	if l := d.Listen[1]; l.Kind != ListenTCP || l.Mode != -1 || !l.Addr.V6 || !l.Addr.isAny() || l.Addr.Port != 80 {
		t.Errorf("listen %+v", l)
	}
	if !d.OnDemand || d.Idle != 5*time.Minute || d.Watchdog != 10*time.Millisecond || len(d.Ports) != 1 || len(d.ReloadExec) != 2 ||
		d.ReloadExec[1][0].Var != "MAINPID" {
		t.Errorf("%+v", d)
	}
	if r := c.Unit("web@1").Ready; r.Kind != ReadyPath || r.Arg != "/run/1" {
		t.Errorf("ready %+v", r)
	}
	def := load("service a x\n health unix @a\n").Unit("a").Duties().Health
	if def.Every != 10*time.Second || def.Timeout != 2*time.Second || def.Fails != 3 || def.Grace != 0 {
		t.Errorf("defaults %+v", def)
	}
}

// TestDutyReload: which of the keys want another process.
func TestDutyReload(t *testing.T) {
	old := "service a x\n listen tcp :1\n"
	for lines, want := range map[string]string{
		" health tcp [::1]:1\n": "a: health changed: no restart", " ports 1\n": "a: ports changed: no restart",
		" reload-signal HUP\n": "a: reload-signal changed: no restart", " reload-exec y\n": "a: reload-exec changed: no restart",
		" watchdog 1s\n": "a: watchdog changed: restart it", " on-demand\n": "a: on-demand changed: restart it",
		" listen tcp :2\n": "a: listen changed: restart it", " ready log x\n": "a: ready changed: restart it",
	} {
		plan := mustWorld(t, old).Plan(load(old+lines).Units, func(*Unit) bool { return false })
		if len(plan) != 1 || plan[0].String() != want {
			t.Errorf("%q: %+v, want %s", lines, plan, want)
		}
	}
}
