package proc

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	v1Line   = "32 31 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	hybridV2 = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
	pureV2   = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
)

func TestFindCgroups(t *testing.T) {
	for _, c := range []struct {
		name, mounts, self string
		mode               CgroupMode
		base, why          string
	}{
		{"machine", pureV2, "0::/\n", CgroupV2, "/sys/fs/cgroup", ""},
		{"user's service", pureV2, "0::/user.slice/app.slice/m.service\n", CgroupV2, "/sys/fs/cgroup/user.slice/app.slice/m.service", ""},
		{"hybrid", v1Line + hybridV2, "4:memory:/x\n1:name=systemd:/y\n0::/z\n", CgroupHybrid, "/sys/fs/cgroup/unified/z", ""},
		{"hybrid the other way round", hybridV2 + v1Line, "0::/\n", CgroupHybrid, "/sys/fs/cgroup/unified", ""},
		{"the usual place first", hybridV2 + pureV2 + hybridV2, "0::/a\n", CgroupV2, "/sys/fs/cgroup/a", ""},
		{"version 1 alone", v1Line, "4:memory:/x\n", CgroupNone, "", "only cgroup version 1 is mounted"},
		{"nothing", "", "0::/\n", CgroupNone, "", "no cgroup2 is mounted"},
		{"no line", pureV2, "4:memory:/x\n", CgroupV2, "", `the group "" is not below what is mounted on /sys/fs/cgroup`},
		{"empty", pureV2, "", CgroupV2, "", `the group "" is not below what is mounted on /sys/fs/cgroup`},
		{"bind of a group", "9 1 0:28 /box /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/box/in\n", CgroupV2, "/sys/fs/cgroup/in", ""},
		{"bind of the very group", "9 1 0:28 /box /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/box\n", CgroupV2, "/sys/fs/cgroup", ""},
		{"bind of another group", "9 1 0:28 /box /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/boxes\n", CgroupV2, "",
			"the group /boxes is not below what is mounted on /sys/fs/cgroup"},
		{"dots in a name", pureV2, "0::/a..b/..c\n", CgroupV2, "/sys/fs/cgroup/a..b/..c", ""},
		{"blank in the path", `9 1 0:28 / /a\040b rw - cgroup2 c rw` + "\n", "0::/c d\n", CgroupV2, "/a b/c d", ""},
	} {
		got := findCgroups(ParseMountinfo(c.mounts), c.self)
		if got.Mode != c.mode || got.Base != c.base || got.Why != c.why {
			t.Errorf("%s: mode %d, base %q, why %q", c.name, got.Mode, got.Base, got.Why)
		}
	}
}

func TestCgroupFiles(t *testing.T) {
	if !hasWord("cpu io memory\n", "memory") || hasWord("cpuset\n", "cpu") || hasWord("", "cpu") {
		t.Error("words")
	}
	const events = "low 0\nhigh 3\noom 2\noom_kill 17\noom_group_kill 0\n"
	for key, want := range map[string]int64{"oom_kill": 17, "oom": 2, "kill": -1, "": -1} {
		if got := keyedValue(events, key); got != want {
			t.Errorf("%q is %d, want %d", key, got, want)
		}
	}
	if got := keyedValue("x", "x"); got != -1 {
		t.Errorf("a key alone is %d", got)
	}
}

// A folder that is no cgroup2 is refused, and so is one that is not there; nothing
// is made there.
func TestCgroupsElsewhere(t *testing.T) {
	dir := t.TempDir()
	for _, base := range []string{dir, dir + "/none"} {
		c := &Cgroups{Mode: CgroupV2, Base: base}
		c.Take()
		if names, _ := os.ReadDir(dir); c.Taken() || c.Why != "cannot read "+base+"/cgroup.controllers: no such file or directory" || len(names) > 0 {
			t.Errorf("%s: %v, %q, %v", base, c.Taken(), c.Why, names)
		}
	}
}

// takeGroups is the real tree of this process.
func takeGroups(t *testing.T) *Cgroups {
	t.Helper()
	c := FindCgroups()
	if c.Base == "" {
		t.Skip("no cgroup2 here: " + c.Why)
	}
	c.Take()
	if !c.Taken() {
		t.Skip("no group can be made here: " + c.Why)
	}
	t.Cleanup(c.Close)
	return c
}

// enter gives a new group's folder.
func enter(t *testing.T, c *Cgroups, name string) int {
	t.Helper()
	fd, err := c.Enter(name, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// sleepers starts a process in the group, which starts another in a session of its
// own, and gives the pipe that ends when both have.
func sleepers(t *testing.T, s *Spec) (Process, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	s.Fds = []FD{{int(w.Fd()), 3}}
	p, err := Spawn(s)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.SetReadDeadline(time.Now().Add(10 * time.Second))
	var buf [6]byte
	if _, err := io.ReadFull(r, buf[:]); err != nil {
		t.Fatal(err)
	}
	return p, r
}

func sleepersIn(fd int) *Spec {
	s := sh("setsid sh -c 'echo up >&3; exec sleep 1000' & echo up >&3; exec sleep 1000")
	s.Cgroup = fd
	return s
}

// bothWays runs a test with children that are cloned into their group, where that
// works, and with such that move themselves there.
func bothWays(t *testing.T, test func(t *testing.T)) {
	t.Run("clone", test)
	t.Run("write", func(t *testing.T) {
		defer func() { neverInto = false }()
		neverInto = true
		test(t)
	})
}

func TestSpawnIntoCgroup(t *testing.T) {
	c := takeGroups(t)
	bothWays(t, func(t *testing.T) {
		fd := enter(t, c, "a.unit")
		for _, throttled := range []bool{false, true} {
			s := sh("grep ^0:: /proc/self/cgroup")
			s.Cgroup, s.Throttled = fd, throttled
			got := run(t, s)
			if got.fail != nil || got.exit.Code != 0 || !strings.HasSuffix(got.out, c.own[len(c.Base):]+"/a.unit\n") {
				t.Errorf("throttled %v: %+v", throttled, got)
			}
		}
		if got := run(t, sh("grep ^0:: /proc/self/cgroup")); strings.Contains(got.out, "a.unit") {
			t.Errorf("a child without a group is in %q", got.out)
		}
	})
}

// A child that cannot move itself where it need not be runs where it is.
func TestSpawnIntoCgroupIfItMay(t *testing.T) {
	defer func() { neverInto = false }()
	neverInto = true
	dir := t.TempDir()
	if err := os.Symlink("/dev/full", dir+"/cgroup.procs"); err != nil {
		t.Fatal(err)
	}
	fd, err := openGroup(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	s := sh("exit 5")
	for _, may := range []bool{true, false} {
		s.Cgroup, s.MayMiss = fd, may
		got := run(t, s)
		if may && (got.fail != nil || got.exit.Code != 5) || !may && (got.fail == nil || got.fail.Stage != StageCgroup) {
			t.Errorf("may %v: %+v", may, got)
		}
	}
}

// What has no cgroup.procs is a failure of the stage cgroup.
func TestSpawnIntoNoCgroup(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		fd, err := openGroup(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		s := sh("exit 0")
		s.Cgroup = fd
		_, err = Spawn(s)
		if f, ok := err.(*Failure); !ok || f.Stage != StageCgroup {
			t.Errorf("%v", err)
		}
	})
}

// Every way to end a group reaches who has made a session of his own, and a new
// process in the same group lives.
func TestCgroupKill(t *testing.T) {
	c := takeGroups(t)
	ways := map[string]func(string){"Kill": c.Kill, "killEach": c.killEach,
		"Signal": func(name string) { c.Signal(name, int(unix.SIGTERM), 0) }}
	for name, kill := range ways {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T) {
				fd := enter(t, c, "k.unit")
				sub, err := c.EnterSide("k.unit")
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(sub)
				p, end := sleepers(t, sleepersIn(fd))
				q, endSub := sleepers(t, sleepersIn(sub))
				if n := len(strings.Fields(groupProcs(c.path("k.unit"), maxGroupDepth))); n != 4 || !c.Populated("k.unit") {
					t.Errorf("%d processes", n)
				}
				if err := c.Remove("k.unit"); err != unix.EBUSY {
					t.Errorf("removed with processes in it: %v", err)
				}
				kill("k.unit")
				for _, e := range []*os.File{end, endSub} {
					if _, err := io.ReadAll(e); err != nil {
						t.Errorf("not all have ended: %v", err)
					}
				}
				finish(t, p)
				finish(t, q)
				s := sh("exit 7")
				s.Cgroup, s.Killed = fd, true
				if got := run(t, s); got.exit.Code != 7 {
					t.Errorf("a new process: %+v", got)
				}
				if got := removedSoon(c, "k.unit"); got != nil {
					t.Error(got)
				}
			})
		})
	}
}

// removedSoon tries until the last process has quite ended.
func removedSoon(c *Cgroups, name string) (err error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if err = c.Remove(name); err != unix.EBUSY {
			return err
		}
	}
	return err
}

// Two inits in one place have groups of their own, and one that has ended leaves
// its to the next, whatever lies there.
func TestCgroupsSideBySide(t *testing.T) {
	a, b := takeGroups(t), takeGroups(t)
	if a.own == b.own {
		t.Fatalf("both have %s", a.own)
	}
	enter(t, a, "left.unit")
	if err := os.MkdirAll(a.path("left.unit"+strings.Repeat("/below", 12)), 0o755); err != nil {
		t.Fatal(err)
	}
	unix.Flock(a.lock, unix.LOCK_UN) // as if it had been killed
	c := takeGroups(t)
	if c.own != a.own {
		t.Errorf("the third has %s, not the %s that is free", c.own, a.own)
	}
	if Exists(c.path("left.unit")) {
		t.Error("what the first has left is still there")
	}
}

// A group with living processes of an earlier init is left alone.
func TestCgroupsOfTheLiving(t *testing.T) {
	a := takeGroups(t)
	p, end := sleepers(t, sleepersIn(enter(t, a, "alive.unit")))
	unix.Flock(a.lock, unix.LOCK_UN)
	if b := takeGroups(t); b.own == a.own {
		t.Errorf("%s is taken from who lives there", b.own)
	}
	a.Kill("alive.unit")
	io.ReadAll(end)
	finish(t, p)
	if err := removedSoon(a, "alive.unit"); err != nil {
		t.Error(err)
	}
}

// A setting is read back, a bad value is the kernel's errno, and a file that no
// controller has is ENOENT. A group that has enabled a controller takes a process
// in a group below (EBUSY else).
func TestCgroupSettings(t *testing.T) {
	c := takeGroups(t)
	fd := enter(t, c, "set.unit")
	if err := c.Set("set.unit", "cgroup.max.depth", "3"); err != nil {
		t.Fatal(err)
	}
	if text := groupText(c.path("set.unit/cgroup.max.depth")); text != "3\n" {
		t.Errorf("it is %q", text)
	}
	if err := c.Set("set.unit", "cgroup.max.depth", "x"); err != unix.EINVAL {
		t.Errorf("a bad value: %v", err)
	}
	if err := c.Set("set.unit", "nosuch.max", "1"); err != unix.ENOENT {
		t.Errorf("no such controller: %v", err)
	}
	all := strings.Fields(groupText(c.Base + "/cgroup.controllers"))
	if len(all) == 0 {
		t.Log("no controller here: no group can be closed for processes")
		return
	}
	controller := all[len(all)-1]
	if err := c.enable(controller); err != nil {
		t.Fatal(err)
	}
	if err := subtree(c.path("set.unit"), controller); err != nil {
		t.Fatal(err)
	}
	s := sh("grep ^0:: /proc/self/cgroup")
	s.Cgroup = fd
	_, err := Spawn(s)
	if f, ok := err.(*Failure); !ok || f.Stage != StageCgroup || f.Errno != unix.EBUSY {
		t.Errorf("into a closed group: %v", err)
	}
	side, err := c.EnterSide("set.unit")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(side)
	s.Cgroup = side
	if got := run(t, s); !strings.HasSuffix(got.out, "/set.unit/mote-side\n") {
		t.Errorf("%+v", got)
	}
}

// An init that is itself in a group which was killed once can start processes in
// groups all the same.
func TestCgroupsOfTheKilled(t *testing.T) {
	c := takeGroups(t)
	fd := enter(t, c, "killed.unit")
	c.Kill("killed.unit")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := NewSpec([]string{exe}, []string{exe}, append(os.Environ(), helperVar+"=killedgroup"))
	s.Cgroup, s.Killed = fd, true
	if got := run(t, s); got.out != "exit 6\n" {
		t.Errorf("%+v", got)
	}
	if err := removedSoon(c, "killed.unit"); err != nil {
		t.Error(err)
	}
}

func helperKilledGroup() {
	c := FindCgroups()
	c.Take()
	fd, err := c.Enter("in.unit", false)
	if err != nil {
		fmt.Println(err, c.Why)
		return
	}
	s := sh("exit 6")
	s.Cgroup = fd
	p, err := Spawn(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	waitDead(p.Pid)
	e, _ := Reap(p.Pid)
	if e.Signal != 0 {
		fmt.Println("signal", e.Signal)
		return
	}
	fmt.Println("exit", e.Code)
}

// A group in which somebody lives, or that is frozen with those below it, lets
// nobody wait for a child of it; the init's own is one.
func TestCgroupCalm(t *testing.T) {
	c := takeGroups(t)
	fd := enter(t, c, "calm.unit")
	if !c.Calm("calm.unit") || !c.Calm("") || c.Calm("none.unit") {
		t.Fatal("an empty group is not calm, or one that is not there is")
	}
	if writeFile(c.path("cgroup.freeze"), "1") == nil { // Linux 5.2
		calm, own := c.Calm("calm.unit"), c.Calm("")
		if err := writeFile(c.path("cgroup.freeze"), "0"); calm || own || err != nil {
			t.Errorf("frozen: calm %v, its own %v, %v", calm, own, err)
		}
	}
	p, end := sleepers(t, sleepersIn(fd))
	if c.Calm("calm.unit") {
		t.Error("a group with processes is calm")
	}
	c.Kill("calm.unit")
	io.ReadAll(end)
	finish(t, p)
	if err := removedSoon(c, "calm.unit"); err != nil {
		t.Error(err)
	}
}

// What a group has used is counted, whoever did it.
func TestCgroupUsage(t *testing.T) {
	c := takeGroups(t)
	s := sh("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
	s.Cgroup = enter(t, c, "u.unit")
	run(t, s)
	if u := c.Usage("u.unit"); u.CPUMS < 1 {
		t.Errorf("%+v", u)
	}
	if u := c.Usage("none.unit"); u != (CgroupUsage{-1, -1, -1}) {
		t.Errorf("a group that is not there: %+v", u)
	}
}
