package accept

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// SPEC 6, 8: the client ends a supervisor; nothing is left.
func TestG10_ShutdownByTheClient(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a")+svc("b", "requires a")+job("c", "requires a")+"service crash {V} exit 1\n  restart always delay 10ms\n"+
		"service d {V} daemon {D}/daemon , ready 3 , sleep\n  ready fd 3\n")
	in.settled("a", "b", "c", "d")
	daemon := in.pidOf("daemon")
	in.ok("shutdown")
	if got := in.gone(3 * step); got != 0 {
		t.Errorf("exits %d, expected 0", got)
	}
	got := in.order()
	for _, w := range []string{"-b", "-c"} {
		if i, j := slices.Index(got, w), slices.Index(got, "-a"); i < 0 || j < 0 || i > j {
			t.Errorf("order is %v, expected %s before -a", got, w)
		}
	}
	if alive(daemon) {
		t.Errorf("the daemon %d in its own session is alive", daemon)
	}
	if _, err := os.Stat(in.sock); err == nil {
		t.Errorf("the socket's file is left")
	}
	in.must(5, "ping")
}

// SPEC 8: a supervisor signals its own descendants only.
func TestG10_StrangersLive(t *testing.T) {
	t.Parallel()
	c := exec.Command(victimBin, "sleep")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: credential()}
	c.Env = []string{marker}
	must(t, c.Start())
	in := start(t, svc("a"))
	in.settled("a")
	in.ok("shutdown")
	in.gone(3 * step)
	if !alive(c.Process.Pid) {
		t.Errorf("a process that is not a descendant was killed")
	}
	c.Process.Kill()
	c.Wait()
}

// SPEC 8: from the first moment every want is down; nothing starts again, a
// second signal does not start a second shutdown.
func TestG10_NothingStartsInTheEnd(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "restart always delay 0")+stubborn("deaf", "stop TERM 1s")+svc("m", "start manual")+"service b {V} append {D}/b run , exit 1\n  restart always delay 50ms\n")
	in.settled("a", "deaf")
	in.signal(syscall.SIGTERM)
	in.appears("got-deaf", 1)
	runs := len(in.lines("b"))
	if r := in.ctl("start", "m"); r.code != 1 && r.code != 5 {
		t.Errorf("start while it ends: exit %d, expected 1: %s", r.code, r.all())
	}
	in.signal(syscall.SIGTERM)
	in.signal(syscall.SIGINT)
	if got := in.gone(3 * step); got != 0 {
		t.Errorf("exits %d, expected 0", got)
	}
	in.wantOrder("+a", "-a")
	if got := in.lines("got-deaf"); len(got) != 1 {
		t.Errorf("the deaf one got %v, expected one TERM", got)
	}
	if n := len(in.lines("b")); n > runs {
		t.Errorf("b ran %d times after the end began", n-runs)
	}
}

// SPEC 8: class system goes after class user.
func TestG10_SystemClassLast(t *testing.T) {
	t.Parallel()
	in := start(t, svc("s", "class system")+svc("u1")+svc("u2"))
	in.settled("s", "u1", "u2")
	in.ok("shutdown")
	in.gone(3 * step)
	if got := in.order(); len(got) != 6 || got[5] != "-s" {
		t.Errorf("order is %v, expected -s last", got)
	}
}

// SPEC 6: the power verbs of a machine, by the client and by the old names.
func TestG10_PowerVerbs(t *testing.T) {
	for verb, want := range map[string]int{"poweroff": 128 + 2, "reboot": 128 + 1, "halt": 128 + 2} {
		for _, how := range []string{"client", "inside"} {
			t.Run(verb+"_"+how, func(t *testing.T) {
				t.Parallel()
				in := prepareInit(t, Options{Mode: machine}, svc("a")+"task p /"+verb+"\n  start manual\n")
				must(t, os.Symlink("mote", in.dir+"/"+verb))
				in.launch()
				in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
				in.settled("a")
				if how == "client" {
					in.ctl(verb)
				} else {
					in.ctl("start", "--no-wait", "p")
				}
				if got := in.gone(3 * step); got != want {
					t.Errorf("the end is %d, expected %d\n%s", got, want, in.out.text())
				}
				in.wantOrder("+a", "-a")
			})
		}
	}
}

// SPEC 8: when the file of process 1 was replaced, a machine ends as another image of
// it, from memory: no step is left out, and none is done twice.
func TestG10_ReplacedProgram(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine}, svc("a"))
	in.settled("a")
	must(t, os.Remove(in.dir+"/mote"))
	in.install(moteBin, "mote")
	in.ctl("poweroff")
	if got := in.gone(3 * step); got != 128+2 {
		t.Errorf("the end is %d, expected %d", got, 128+2)
	}
	in.wantOrder("+a", "-a")
	said := in.out.text()
	for _, once := range []string{"a: stopped", "it goes on from memory", "re-executed", "mote: sync", "mote: switch the machine off"} {
		want := 1
		if once == "mote: sync" {
			want = 2 // before and after the disks became read-only
		}
		if n := strings.Count(said, once); n != want {
			t.Errorf("%q is said %d times, expected %d, in\n%s", once, n, want, said)
		}
	}
}

// SPEC 1: a machine's init has no shutdown that lets it exit; the container's has no power.
func TestG10_ShutdownPerRole(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container}, svc("a"))
	in.settled("a")
	in.ok("shutdown")
	if got := in.gone(3 * step); got != 0 {
		t.Errorf("exits %d, expected 0", got)
	}
	in.wantOrder("+a", "-a")
}

// SPEC 4: critical poweroff when a unit fails for good, on a machine.
func TestG10_Critical(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine, NoWait: true}, svc("a")+"service c {V} waitfile {D}/go , exit 1\n  critical poweroff\n  restart always delay 10ms limit 2\n")
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("a")
	in.touch("go")
	if got := in.gone(3 * step); got != 128+2 {
		t.Errorf("the end is %d, expected %d\n%s", got, 128+2, in.out.text())
	}
	in.wantOrder("+a", "-a")
}

// SPEC 1: a machine sets its name, and finds what is mounted already.
func TestG14_MachineWorld(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: machine, Root: map[string]string{"etc/hostname": "# a comment\nboard-7\n"}},
		"task m {V} copy /proc/self/mounts {D}/mounts\ntask h {V} copy /proc/sys/kernel/hostname {D}/hostname\n"+svc("a"))
	in.settled("m", "h", "a")
	if got := in.lines("hostname"); len(got) != 1 || got[0] != "board-7" {
		t.Errorf("the hostname is %q, expected board-7", got)
	}
	at := map[string]int{}
	for _, l := range in.lines("mounts") {
		if f := strings.Fields(l); len(f) > 1 {
			at[f[1]]++
		}
	}
	for _, p := range []string{"/proc", "/dev", "/run"} {
		if at[p] != 1 {
			t.Errorf("%d mounts on %s, expected one: %v", at[p], p, at)
		}
	}
	// SPEC 2: the mounts that this namespace does not allow are said and survived.
	in.is("a", "running")
}

// SPEC 8: the processes of a machine end before it does, whoever they are.
func TestG10_OrphansInTheEnd(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container}, "service d {V} daemon {D}/daemon , trap {D}/got TERM , ready 3 , sleep\n  ready fd 3\n"+
		"service w /victim trap {D}/left TERM , append {D}/up up , sleep\n  kill process\n")
	in.settled("d", "w")
	in.pidOf("daemon")
	at := time.Now()
	in.ok("shutdown")
	if got := in.gone(3 * step); got != 0 {
		t.Errorf("exits %d after %v, expected 0", got, time.Since(at))
	}
}
