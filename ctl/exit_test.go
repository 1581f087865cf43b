package ctl

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWords compares whole messages of wrong words; no init is asked.
func TestWords(t *testing.T) {
	const max100 = "876001h"
	for _, c := range []struct {
		args string
		want string
	}{
		{"", "no verb: say one of them, or help"},
		{"statsu", `unknown verb "statsu": did you mean "status"? see "help"`},
		{"strat web", `unknown verb "strat": did you mean "start"? see "help"`},
		{"frobnicate", `unknown verb "frobnicate": see "help"`},
		{"-x list", `unknown option "-x": see "help"`},
		{"list -x", `list: unknown option "-x": write "list"`},
		{"--frob list", `unknown option "--frob": see "help"`},
		{"list --frob=1", `list: unknown option "--frob": write "list"`},
		{"list --json=1", "option --json takes no value"},
		{"list --no-wait", "list does not take --no-wait: it does not wait"},
		{"--no-wait status web", "status does not take --no-wait: it does not wait"},
		{"list web", `list: too many words from "web" on: write "list"`},
		{"why", `why: needs a name: write "why NAME"`},
		{"why a b", `why: too many words from "b" on: write "why NAME"`},
		{"start", `start: needs a name: write "start [--no-wait] NAME..."`},
		{"start --no-wait", `start: needs a name: write "start [--no-wait] NAME..."`},
		{"kill web TERM now", `kill: too many words from "now" on: write "kill NAME [SIGNAL]"`},
		{"wait", `wait: needs a name: write "wait [--for STATE] NAME..."`},
		{"wait --for", `option --for needs a state: write "wait [--for STATE] NAME..."`},
		{"wait --for runing web", `option --for: unknown state "runing": write "running"`},
		{"wait --for=x web", `option --for: unknown state "x": write one of satisfied up down inactive blocked waiting starting running stopping backoff exited failed`},
		{"start --for running web", `start: unknown option "--for": write "start [--no-wait] NAME..."`},
		{"logs -n", "option -n needs a value"},
		{"logs -n x", `option -n: "x" is not a number of lines: write for example -n 20`},
		{"logs -n -1", `option -n: "-1" is not a number of lines: write for example -n 20`},
		{"list -n 1", `list: unknown option "-n": write "list"`},
		{"-t", "option -t needs a value"},
		{"-t 5 list", `option -t: "5" has no unit: write "5s"`},
		{"-t 5d list", `option -t: "5d" has an unknown unit: write ms, s, m or h`},
		{"-t s list", `option -t: "s" is not a duration: write for example 200ms, 5s, 2m or 1h`},
		{"-t -5s list", `option -t: "-5s" is not a duration: write for example 200ms, 5s, 2m or 1h`},
		{"-t " + max100 + " list", `option -t: "` + max100 + `" is too long: the limit is 100 years`},
		{"-t 99999999999999999999s list", `option -t: "99999999999999999999s" is not a duration: write for example 200ms, 5s, 2m or 1h`},
		{"-s", "option -s needs a value"},
		{"-s @ list", "option -s: empty: name a socket, or an abstract one as @NAME"},
		{"upgrade a b", `upgrade: too many words from "b" on: write "upgrade [PATH]"`},
		{"upgrade --no-wait", "upgrade does not take --no-wait: it does not wait"},
		{"init", `init is not a verb of the client: run it as "mote init"`},
		{"poweroff -n", "poweroff: -n goes with -f: without it the init syncs in any case"},
		{"poweroff now", `poweroff: too many words from "now" on: write "poweroff [-f] [-n]"`},
		{"help a b", `help: too many words from "b" on: write "help [VERB|KEY]"`},
		{"help frobnicate", `no verb and no key "frobnicate": see "help"`},
		{"list -s " + strings.Repeat("x", 108), `socket "` + strings.Repeat("x", 108) + `" has 108 bytes, the limit is 107`},
	} {
		r := runClient(t, noKernel(t), testEnv("MOTE_SOCKET=/nowhere/sock"), strings.Fields(c.args)...)
		if r.code != Usage || r.out != "" || r.errOut != "motectl: "+c.want+"\n" {
			t.Errorf("%q: exit %d, stdout %q, stderr\n%swant\nmotectl: %s", c.args, r.code, r.out, r.errOut, c.want)
		}
	}
}

// TestOptionsAnywhere: options stand before or after the verb, not after "--".
func TestOptionsAnywhere(t *testing.T) {
	f := startFake(t, map[string]string{
		"start --no-wait web":       "ok\n",
		"status -t":                 reply("unit|name|-t|kind|service|state|running"),
		"status --json":             reply("unit|name|--json|kind|service|state|running"),
		"logs -f -n 5 web":          "ok\n",
		"wait running web":          "ok\n",
		"list":                      "ok\n",
		"wait down web":             "ok\n",
		"kill web":                  "ok\n",
		"reboot":                    "ok\n",
		"status \"two words\" \"\"": "ok\n",
	})
	for _, c := range []struct{ args, asked string }{
		{"-s S --no-wait start web", "start --no-wait web"},
		{"start web -s S --no-wait", "start --no-wait web"},
		{"start --no-wait -sS web -t5s", "start --no-wait web"},
		{"-s S status -- -t", "status -t"},
		{"-s S -- status --json", "status --json"},
		{"logs -f -n 5 web -s S", "logs -f -n 5 web"},
		{"logs -fn5 -s S web", "logs -f -n 5 web"},
		{"logs web -fn 005 -s S", "logs -f -n 5 web"},
		{"wait --for running web -s S", "wait running web"},
		{"wait web --for=running -s S", "wait running web"},
		{"wait --for down -t 0 web -s S", "wait down web"},
		{"-t 10ms -s S list -t 1h", "list"},
		{"kill -s S web", "kill web"},
		{"-s S reboot", "reboot"},
	} {
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.Replace(args[i], "S", f.path, 1)
		}
		before := len(f.requests())
		r := runClient(t, noKernel(t), testEnv(), args...)
		got := f.requests()[before:]
		if r.code != OK || len(got) != 1 || got[0] != c.asked {
			t.Errorf("%q: exit %d, asked %q, stderr %q", c.args, r.code, got, r.errOut)
		}
	}
}

// TestUpgradePath: the init is in another folder, so it is told the whole path.
func TestUpgradePath(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	f := startFake(t, map[string]string{"upgrade": "ok\n", "upgrade /new": "ok\n", "upgrade " + cwd + "/../new": "ok\n"})
	for _, args := range [][]string{{"upgrade"}, {"upgrade", "/new"}, {"upgrade", "../new"}} {
		if r := runClient(t, noKernel(t), testEnv("MOTE_SOCKET="+f.path), args...); r.code != OK || r.errOut != "" {
			t.Errorf("%q: exit %d, %s", args, r.code, r.errOut)
		}
	}
	r := runClient(t, noKernel(t), testEnv("MOTE_SOCKET="+f.path), "upgrade", "")
	if want := "motectl: upgrade: the path is empty: name a file, or none for the init's own\n"; r.code != Usage || r.errOut != want {
		t.Errorf("empty: exit %d, %s", r.code, r.errOut)
	}
	if got := len(f.requests()); got != 3 {
		t.Errorf("%d requests: %q", got, f.requests())
	}
}

// TestNoInit: exit status 5 with the path and why, 1 where it is not allowed.
func TestNoInit(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "ctl.sock")
	r := runClient(t, noKernel(t), testEnv(), "-s", missing, "list")
	want := "motectl: cannot connect to " + missing + ": no such file or directory: is mote running there?\n"
	if r.code != NoInit || r.errOut != want {
		t.Errorf("missing: exit %d, %q", r.code, r.errOut)
	}

	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	r = runClient(t, noKernel(t), testEnv("MOTE_SOCKET="+stale), "ping")
	want = "motectl: cannot connect to " + stale + ": connection refused: is mote running there?\n"
	if r.code != NoInit || r.errOut != want {
		t.Errorf("stale: exit %d, %q", r.code, r.errOut)
	}

	r = runClient(t, noKernel(t), testEnv("XDG_RUNTIME_DIR="+dir), "ping")
	want = "motectl: cannot connect to " + dir + "/mote/ctl.sock: no such file or directory: is mote running? name its socket with -s or MOTE_SOCKET\n"
	if r.code != NoInit || r.errOut != want {
		t.Errorf("usual place: exit %d, %q", r.code, r.errOut)
	}

	f := connectFailure("/run/mote/ctl.sock", false, unix.EACCES)
	if f.code != Failed || f.text != "cannot connect to /run/mote/ctl.sock: permission denied: become root, or join the group of option ctl-group" {
		t.Errorf("EACCES: %d %q", f.code, f.text)
	}
	r = runClient(t, noKernel(t), testEnv("MOTE_SOCKET="+missing), "version")
	if r.code != NoInit || !strings.HasPrefix(r.out, "client mote 1.0 go") {
		t.Errorf("version: exit %d, %q", r.code, r.out)
	}
}

// TestSocketPath is SPEC 2's search.
func TestSocketPath(t *testing.T) {
	for _, c := range []struct {
		flag, vars, want string
		uid              int
		named            bool
	}{
		{"/a", "MOTE_SOCKET=/b", "/a", 0, true},
		{"", "MOTE_SOCKET=@mote/1", "@mote/1", 0, true},
		{"", "MOTE_SOCKET=", "/run/mote/ctl.sock", 0, false},
		{"", "XDG_RUNTIME_DIR=/run/user/7/", "/run/user/7/mote/ctl.sock", 7, false},
		{"", "XDG_RUNTIME_DIR=/x", "/run/mote/ctl.sock", 0, false},
		{"", "XDG_RUNTIME_DIR=relative", "/tmp/mote-2000000001/ctl.sock", 2000000001, false},
		{"", "", "/tmp/mote-2000000001/ctl.sock", 2000000001, false},
	} {
		k := noKernel(t)
		k.euid = func() int { return c.uid }
		cl := client{env: testEnv(c.vars), kernel: k, call: call{socket: c.flag}}
		path, named, err := cl.socketPath()
		if err != nil || path != c.want || named != c.named {
			t.Errorf("%+v: %q %v %v", c, path, named, err)
		}
	}
}

// TestForeignFolder: a folder in /tmp that anyone could have made is refused.
func TestForeignFolder(t *testing.T) {
	uid := 1<<30 + os.Getpid()
	dir := "/tmp/mote-" + itoa(uid)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	k := noKernel(t)
	k.euid = func() int { return uid }
	r := runClient(t, k, testEnv(), "ping")
	if r.code != Failed || r.errOut != "motectl: "+dir+": not a folder of yours alone: remove it, or name the socket with -s\n" {
		t.Errorf("exit %d, %q", r.code, r.errOut)
	}
}

func TestAbstractSocket(t *testing.T) {
	name := "@mote-test/" + itoa(os.Getpid())
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Write([]byte("ok\n"))
			c.Close()
		}
	}()
	if r := runClient(t, noKernel(t), testEnv(), "-s", name, "ping"); r.code != OK || r.out != "pong\n" {
		t.Errorf("exit %d, %q, %q", r.code, r.out, r.errOut)
	}
}

// TestReplies are answers that are none: an error each, never a crash.
func TestReplies(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	defer func(was int) { maxReplyLine = was }(maxReplyLine)
	maxReplyLine = len(long)
	for _, c := range []struct {
		name, answer string
		code         int
		want         string
	}{
		{"nothing", closes, NoInit, "the init closed the connection at SOCK before it had answered"},
		{"half a line", "o" + closes, NoInit, "the init closed the connection at SOCK before it had answered"},
		{"data without an end", "note x\n" + closes, NoInit, "the init closed the connection at SOCK before it had answered"},
		{"longest line", "x" + long[1:] + "\nok\n", OK, ""},
		{"line too long", long + "x\nok\n", Failed, "cannot read the reply: a line has over 65536 bytes: is mote at this socket?"},
		{"no line end", long + long + hangs, Failed, "cannot read the reply: a line has over 65536 bytes: is mote at this socket?"},
		{"empty line", "\nok\n", Failed, "cannot read the reply: a line without words: is mote at this socket?"},
		{"err without words", "err\n", Failed, "cannot read the reply: err without code and message: is mote at this socket?"},
		{"err of no code", "err x y\n", Failed, "y"},
		{"err 0", "err 0 y\n", Failed, "y"},
		{"err 3", "err 3 late\n", TimedOut, "late"},
		{"err 77", "err 77 y\n", Failed, "y"},
		{"unknown tag", "frob a b\nok\n", OK, ""},
		{"http", "HTTP/1.1 400 Bad Request\r\n" + closes, NoInit, "the init closed the connection at SOCK before it had answered"},
		{"short data", "unit\nlog\nlog a\ndropped\nstopped\nnote\nwarn\nevent\nfault\ntext\ncause\nwanted-by a\nwould-stop\nsystem\nversion\nok\n", OK, ""},
	} {
		for _, verb := range []string{"list", "status", "status web", "why web", "show web", "tree", "graph", "logs", "events", "start web", "version"} {
			answers := map[string]string{verb: c.answer, "list": c.answer}
			f := startFake(t, answers)
			r := runClient(t, noKernel(t), testEnv(), append(strings.Fields(verb), "-s", f.path)...)
			want := ""
			if c.want != "" {
				want = "motectl: " + strings.Replace(c.want, "SOCK", f.path, 1) + "\n"
			}
			if r.errOut != want && !(verb == "version" || verb == "tree") || verb != "status web" && r.code != c.code {
				t.Errorf("%s, %s: exit %d, stderr %q, want %d %q", c.name, verb, r.code, r.errOut, c.code, want)
			}
		}
	}
}

func TestTimeouts(t *testing.T) {
	f := startFake(t, map[string]string{"start web": hangs, "list": "unit name x\n" + hangs, "events": hangs})
	for _, verb := range []string{"start web", "list", "events"} {
		begin := time.Now()
		r := runClient(t, noKernel(t), testEnv(), append(strings.Fields(verb), "-s", f.path, "-t", "50ms")...)
		if r.code != TimedOut || r.errOut != "motectl: timed out after 50ms\n" {
			t.Errorf("%s: exit %d, %q", verb, r.code, r.errOut)
		}
		if took := time.Since(begin); took < 50*time.Millisecond || took > patience {
			t.Errorf("%s: took %v", verb, took)
		}
	}
}

// TestFullQueue: a queue that is full is tried again, not refused.
func TestFullQueue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	first, err := net.Dial("unix", path) // fills it
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	r := runClient(t, noKernel(t), testEnv(), "ping", "-s", path, "-t", "30ms")
	if r.code != TimedOut || r.errOut != "motectl: timed out after 30ms\n" {
		t.Errorf("exit %d, %q", r.code, r.errOut)
	}
	go func() {
		for range 2 {
			c, _, err := unix.Accept(fd)
			if err != nil {
				return
			}
			unix.Write(c, []byte("ok\n"))
			unix.Close(c)
		}
	}()
	if r := runClient(t, noKernel(t), testEnv(), "ping", "-s", path, "-t", "30s"); r.code != OK {
		t.Errorf("exit %d, %q", r.code, r.errOut)
	}
}

// TestStatusCode is the exit status of status: 0 satisfied, 3 not, 4 unknown.
func TestStatusCode(t *testing.T) {
	for _, c := range []struct {
		unit string
		code int
	}{
		{"kind|service|state|running", OK},
		{"kind|task|state|waiting", OK},
		{"kind|task|state|exited|exit_code|0", OK},
		{"kind|task|state|exited|exit_signal|TERM", TimedOut},
		{"kind|service|state|exited|exit_code|0", TimedOut},
		{"kind|service|state|exited|reason|skipped: if exists /x", OK},
		{"kind|target|state|running", OK},
		{"kind|service|state|inactive", TimedOut},
		{"kind|service|state|blocked", TimedOut},
		{"kind|service|state|starting", TimedOut},
		{"kind|service|state|stopping", TimedOut},
		{"kind|service|state|backoff", TimedOut},
		{"kind|service|state|failed", TimedOut},
		{"kind|service|state|frob", TimedOut},
		{"", TimedOut},
	} {
		f := startFake(t, map[string]string{"status x": reply("unit|name|x|" + c.unit)})
		for _, more := range []string{"", "--json"} {
			args := append([]string{"-s", f.path, "status", "x"}, strings.Fields(more)...)
			if r := runClient(t, noKernel(t), testEnv(), args...); r.code != c.code {
				t.Errorf("%s %s: exit %d, want %d", c.unit, more, r.code, c.code)
			}
		}
	}
}

// TestTimeOfDay holds the calendar to that of package time, day by day.
func TestTimeOfDay(t *testing.T) {
	const day = 86400000
	for ms, step := int64(0), int64(day); ms < yearTenThousand; ms += step {
		if ms > 400*366*day { // from where it repeats, a look at each month
			step = 29 * day
		}
		at := ms + ms/day*7919%day
		if got, want := timeOfDay(at, true), time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Fatalf("%d: %s, want %s", at, got, want)
		}
	}
	for _, ms := range []int64{-1, yearTenThousand} {
		if got := timeOfDay(ms, false); got != "-" {
			t.Errorf("%d: %s", ms, got)
		}
	}
}
