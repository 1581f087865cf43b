package accept

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// snapshot gives a state that an init has written, and the pids of a and b in it: a
// program that is taken for the next image keeps what it is given to read.
func snapshot(t *testing.T, mode Mode) (text string, a, b int) {
	t.Helper()
	in := startWith(t, Options{Mode: mode}, agentService+svc("a")+svc("b")+"service c {V} sleep\n  restart always delay 0\n")
	in.settled("a", "b", "c", "agent")
	in.program("new", moody(t, "dump "+in.inside("w/state")))
	in.must(1, "upgrade", in.inside("w/new"))
	data, err := os.ReadFile(in.dir + "/w/state")
	must(t, err)
	if len(data) < 100 {
		t.Fatalf("the state is %q", data)
	}
	return string(data), in.unit("a").pid(), in.unit("b").pid()
}

// SPEC 9 and issue 4: a state that cannot be restored does not end PID 1: it adopts what
// lives, begins anew and says so.
func TestSalvage_Adopts(t *testing.T) {
	for _, mode := range []Mode{supervisor, container, machine} {
		t.Run(modeName(mode), func(t *testing.T) {
			t.Parallel()
			text, a, b := snapshot(t, mode)
			in := prepareInit(t, Options{Mode: mode}, agentService+svc("a", "restart always delay 0")+svc("b")+"service c {V} append {D}/order +c , sleep\n")
			in.file("state", text)
			unit := func(pid int, name string) string {
				return fmt.Sprintf("%d=unit %s %s", pid, in.inside("w/order"), name)
			}
			in.opt.Launch = []string{"-given", "MOTE_STATE=" + in.inside("w/state"), "-child", unit(a, "a"), "-child", unit(b, "b"),
				"-child", "0=append " + in.inside("w/order") + " +stranger , sleep 1s"}
			in.launch()
			in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
			in.until("all live", func() bool { return len(in.order()) == 4 })
			in.soonSays("cannot be read", "a new start")
			in.settled("a", "b", "c", "agent")
			for _, w := range []string{"+a", "+b", "+c", "+stranger"} { // once each: a and b were not started
				if n := strings.Count(" "+strings.Join(in.order(), " ")+" ", " "+w+" "); n != 1 {
					t.Errorf("%s is in the order %d times: %q", w, n, in.order())
				}
			}
			old := in.unit("a").pid()
			in.ok("kill", "a", "KILL")
			u := in.when("a", "is up again", func(u Unit) bool { return u.State == "running" && u.pid() != 0 && u.pid() != old })
			if u.Restarts != 1 || u.ExitSignal == nil || *u.ExitSignal != "KILL" {
				t.Errorf("a: restarts %d, signal %v", u.Restarts, u.ExitSignal)
			}
			in.ok("stop", "b")
			in.until("b has ended in order", func() bool { return strings.HasSuffix(strings.Join(in.order(), " "), "-b") })
			in.until("no zombie", func() bool { return len(in.children("Z")) == 0 })
			in.upgrade() // all is well again
			in.is("a", "running")
		})
	}
}

// Whatever is given as a state, the init starts, and does what its configuration says.
func TestSalvage_AnythingAtAll(t *testing.T) {
	text, _, _ := snapshot(t, supervisor)
	half := text[:len(text)/2]
	cases := map[string]string{
		"empty": "", "one byte": "x", "noise": strings.Repeat("\x00\xff\n\"=", 1000), "one line": strings.SplitAfter(text, "\n")[0],
		"another process": text, "cut": half, "cut in a word": half[:len(half)-3], "twice": text + text,
		"another version":  strings.Replace(text, " 1 ", " 99 ", 1),
		"without a pid":    strings.ReplaceAll(text, " pid=", " pic="),
		"hostile pids":     hostile(text, " pid=", "1"),
		"hostile numbers":  hostile(text, "=", "-9223372036854775808"),
		"a long line":      strings.Replace(text, " ", " x="+strings.Repeat("y", 1<<20)+" ", 1),
		"no line ends":     strings.ReplaceAll(text, "\n", " "),
		"100,000 units":    text + strings.Repeat("unit text=\"service x y\" pid=2\n", 100000),
		"a changed letter": strings.Replace(text, "service", "sErvice", 1),
	}
	for name, text := range cases {
		for _, how := range []string{"", "unsealed:"} {
			t.Run(strings.ReplaceAll(name+" "+strings.TrimSuffix(how, ":"), " ", "_"), func(t *testing.T) {
				t.Parallel()
				in := prepareInit(t, Options{}, svc("a")+svc("b", "requires a"))
				in.file("state", text)
				in.opt.Launch = []string{"-given", "MOTE_STATE=" + how + in.inside("w/state")}
				in.launch()
				in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
				in.settled("a", "b")
				in.soonSays("a new start")
				in.wantOrder("+a", "+b")
				in.upgrade()
				in.is("b", "running")
				in.ok("shutdown")
				if got := in.gone(2 * step); got != 0 {
					t.Errorf("the end is %d", got)
				}
				in.wantOrder("+a", "+b", "-b", "-a")
			})
		}
	}
}

// hostile puts another value behind each key.
func hostile(text, key, value string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, key)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteString(key + value)
		text = after[strings.IndexAny(after, " \n"):]
	}
}

// A variable that names no state is nobody's business, and no unit gets it.
func TestSalvage_Variable(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"", "abc", "-1", "0", "1", "2", "999", "99999999999999999999"} {
		in := startWith(t, Options{Env: []string{"MOTE_STATE=" + v}}, svc("a")+"task e {V} appendenv {D}/env MOTE_STATE\n")
		in.settled("a")
		if got := in.appears("env", 1); got[0] != "MOTE_STATE unset" {
			t.Errorf("MOTE_STATE=%s: a unit has %q", v, got)
		}
		in.upgrade()
		in.ok("restart", "e")
		if got := in.appears("env", 2); got[1] != "MOTE_STATE unset" {
			t.Errorf("MOTE_STATE=%s: after a re-exec a unit has %q", v, got)
		}
		in.kill(in.unit("a").pid(), syscall.SIGKILL)
		in.when("a", "is seen", func(u Unit) bool { return u.ExitSignal != nil })
	}
}
