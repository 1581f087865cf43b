package proc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestBootID(t *testing.T) {
	id, err := BootID()
	if want, bad := os.ReadFile("/proc/sys/kernel/random/boot_id"); err != nil || bad != nil || id+"\n" != string(want) || len(id) != 36 {
		t.Errorf("%q, want %q (%v, %v)", id, want, err, bad)
	}
}

// A process keeps its tick over an exec, and one that is started later has a later
// one; a name with brackets and blanks does not move the fields.
func TestStartTick(t *testing.T) {
	own, ok := StartTick(os.Getpid())
	text, _ := os.ReadFile("/proc/self/stat")
	if fields := strings.Fields(string(text)); !ok || strconv.FormatUint(own, 10) != fields[21] {
		t.Errorf("%d, %v; %s", own, ok, text)
	}
	if got := startTick(" S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2"); got != 12345 {
		t.Error(got)
	}
	for _, cut := range []string{"", " S 1", " S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0"} {
		if got := startTick(cut); got != 0 {
			t.Errorf("%q: %d", cut, got)
		}
	}
	if tick, ok := StartTick(1 << 30); ok || tick != 0 {
		t.Error(tick, "of nobody")
	}
	s := sh(`cut -d" " -f22 /proc/$$/stat; cp /bin/cat "$0/a) 1 (b"; exec "$0/a) 1 (b" /proc/self/stat`)
	s.Argv = append(s.Argv, t.TempDir())
	before, after, _ := strings.Cut(run(t, s).out, "\n")
	at := strings.LastIndexByte(after, ')') + 1
	if tick := startTick(after[at:]); !strings.Contains(after, "(a) 1 (b)") || tick < own || strconv.FormatUint(tick, 10) != before {
		t.Errorf("%s before the exec, %d after it: %s", before, tick, after)
	}
}

func TestGroupBelow(t *testing.T) {
	for _, tc := range []struct{ self, path, want string }{
		{"/", "/mote/web.unit", "web.unit"},
		{"/mote/init", "/mote/web.unit", "web.unit"},
		{"/box/mote-2/init", "/box/mote-2/web.unit/mote-side", "web.unit"},
		{"/box", "/box/mote-2/a.unit/b/c", "a.unit"},
		{"/box", "/box/mote/a.unit (deleted)", "a.unit"},
		{"/mote/outer.unit/mote/init", "/mote/outer.unit/mote/in.unit", "in.unit"},
		{"/mote/outer.unit/mote/init", "/mote/outer.unit", ""},
		{"/mote/init", "/mote/init", ""},
		{"/", "/", ""},
		{"/box", "/boxes/mote/a.unit", ""},
		{"/box", "/box/moteur/a.unit", ""},
		{"/box", "/box/mote-x/a.unit", ""},
		{"/box/init", "/box/init/mote/a.unit", "a.unit"},
		{"", "", ""},
	} {
		if got := groupBelow(tc.self, tc.path); got != tc.want {
			t.Errorf("%q below %q: %q, want %q", tc.path, tc.self, got, tc.want)
		}
	}
}

// Children finds those that live, the dead that nobody has reaped, and by both
// ways the same.
func TestChildren(t *testing.T) {
	var want []string
	others, _ := walkedChildren() // of other tests
	for i := range 20 {
		cmd := exec.Command("/bin/sleep", "1000")
		if i%2 == 1 {
			cmd = exec.Command("/bin/true")
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		defer cmd.Process.Kill()
		if i%2 == 1 {
			waitDead(cmd.Process.Pid)
		}
		want = append(want, fmt.Sprint(cmd.Process.Pid, i%2 == 1))
	}
	all, err := Children()
	if err != nil {
		t.Fatal(err)
	}
	var got, listed []string
	for _, c := range all {
		listed = append(listed, strconv.Itoa(c.Pid))
		if slices.Contains(others, strconv.Itoa(c.Pid)) {
			continue
		}
		if tick, ok := StartTick(c.Pid); !ok || tick != c.Tick || c.Comm != "sleep" && c.Comm != "true" || c.Group != "" {
			t.Errorf("%+v, tick %d, %v", c, tick, ok)
		}
		got = append(got, fmt.Sprint(c.Pid, c.Ended))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	walked, err := walkedChildren()
	slices.Sort(walked)
	slices.Sort(listed)
	if err != nil || !slices.Equal(walked, listed) {
		t.Errorf("walked %v\nlisted %v (%v)", walked, listed, err)
	}
}

// A child in a unit's group is known by it, alive and dead.
func TestChildrenInGroup(t *testing.T) {
	c := takeGroups(t)
	fd := enter(t, c, "web.unit")
	s := sh("exec sleep 1000")
	s.Cgroup = fd
	p, err := Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	if p.Result >= 0 {
		for done := false; !done; done, _ = outcomeOf(p) {
		}
		unix.Close(p.Result)
	}
	for _, ended := range []bool{false, true} {
		all, err := Children()
		i := slices.IndexFunc(all, func(c ChildProcess) bool { return c.Pid == p.Pid })
		if err != nil || i < 0 || all[i].Group != "web.unit" || all[i].Ended != ended {
			t.Errorf("%+v, %v", all, err)
		}
		unix.Kill(p.Pid, unix.SIGKILL)
		waitDead(p.Pid)
	}
	Reap(p.Pid)
}
