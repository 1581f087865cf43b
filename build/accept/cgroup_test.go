package accept

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// groupsRoot gives where cgroup version 2 is mounted outside.
func groupsRoot(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	for l := range strings.Lines(string(data)) {
		if f := strings.Fields(l); strings.Contains(l, " - cgroup2 ") && f[3] == "/" {
			return f[4]
		}
	}
	t.Skip("no cgroup2 is mounted")
	return ""
}

var groupSerial atomic.Int64

// newGroup makes a cgroup for a case, which a user may have for his own (as
// cgroups(7), Delegation, says), and removes it at the end.
func newGroup(t *testing.T, owner int) string {
	t.Helper()
	needRoot(t)
	dir := fmt.Sprintf("%s/%s.%d", groupsRoot(t), strings.ReplaceAll(marker, "=", "."), groupSerial.Add(1))
	if err := os.Mkdir(dir, 0o755); errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES) {
		t.Skipf("no group can be made here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if owner != 0 {
		for _, f := range []string{"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"} {
			must(t, os.Chown(dir+f, owner, owner))
		}
	}
	t.Cleanup(func() {
		for end := time.Now().Add(step); ; time.Sleep(5 * time.Millisecond) {
			for _, p := range groupProcs(t, dir) {
				syscall.Kill(p, syscall.SIGKILL)
			}
			var dirs []string
			filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					dirs = append(dirs, path)
				}
				return nil
			})
			for i := len(dirs) - 1; i >= 0; i-- {
				syscall.Rmdir(dirs[i])
			}
			if _, err := os.Stat(dir); err != nil {
				return
			}
			if time.Now().After(end) {
				t.Errorf("the group %s cannot be removed", dir)
				return
			}
		}
	})
	return dir
}

// place puts the init to be where the case wants it.
func (in *Init) place(attr *syscall.SysProcAttr) {
	in.t.Helper()
	if in.opt.AsRoot {
		attr.Credential = nil
	}
	if in.opt.Group != "" {
		dir, err := os.Open(in.opt.Group)
		must(in.t, err)
		in.t.Cleanup(func() { dir.Close() })
		attr.UseCgroupFD, attr.CgroupFD = true, int(dir.Fd())
	}
}

// groupProcs gives the processes of a group and of those below it.
func groupProcs(t *testing.T, dir string) (pids []int) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "cgroup.procs" {
			data, _ := os.ReadFile(path)
			for _, w := range strings.Fields(string(data)) {
				pid := 0
				fmt.Sscan(w, &pid)
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids
}

// inGroup runs an init that has a cgroup for its own: as root, as an ordinary user
// that was given it, or as PID 1 of a container that sees nothing else.
func inGroup(t *testing.T, test func(t *testing.T, opt Options)) {
	for name, opt := range map[string]Options{"root": {AsRoot: true}, "user": {}, "container": {Mode: rooted, Launch: []string{"-cgroup"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner := 0
			if name == "user" {
				owner = uid
			}
			opt.Group = newGroup(t, owner)
			test(t, opt)
		})
	}
}

// procsOf waits until a unit's group has n processes; 0 is also a group that is gone.
func (in *Init) procsOf(unit string, n int) []int {
	in.t.Helper()
	var got []int
	in.until(fmt.Sprintf("the group of %s has %d processes", unit, n), func() bool {
		got = groupProcs(in.t, in.opt.Group+"/mote/"+unit+".unit")
		return len(got) == n
	})
	return got
}

// SPEC 4, C13: each process of a unit that asks for it is in the unit's own group; of a
// container's units, each service is, and no task that does not ask; a supervisor's
// only where they ask. The group goes when the unit is at rest.
func TestC13_OwnGroup(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		const look = "{V} copy /proc/self/cgroup {D}/"
		in := startWith(t, opt, "service a "+look+"main , append {D}/up 1 , sleep\n  kill cgroup\n  pre "+look+"pre\n  post "+look+"post\n  stop-exec "+look+"stop , killenv MAINPID TERM\n"+
			"service b "+look+"other , append {D}/upb 1 , sleep\n"+
			"task c@x.y "+look+"task\n  cgroup cgroup.max.depth=5\n"+
			"task d "+look+"plain\n")
		in.appears("up", 1)
		in.appears("upb", 1)
		in.state("c@x.y", "exited")
		in.state("d", "exited")
		where, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", in.pid()))
		must(t, err)
		if leaf := strings.HasSuffix(strings.TrimSpace(string(where)), "/mote/init"); leaf != (opt.Mode == rooted) {
			t.Errorf("the init is in %q", where)
		}
		in.ok("stop", "a", "b")
		for file, want := range map[string]string{"main": "/mote/a.unit", "pre": "/mote/a.unit", "post": "/mote/a.unit", "stop": "/mote/a.unit", "task": "/mote/c@x.y.unit"} {
			if got := strings.Join(in.lines(file), " "); !strings.HasSuffix(got, want) {
				t.Errorf("%s is in %q, expected %s", file, got, want)
			}
		}
		if got := strings.Join(in.lines("other"), " "); strings.HasSuffix(got, "/mote/b.unit") != (opt.Mode == rooted) {
			t.Errorf("b is in %q", got)
		}
		if got := strings.Join(in.lines("plain"), " "); strings.Contains(got, ".unit") {
			t.Errorf("d is in %q", got)
		}
		in.until("the groups are gone", func() bool {
			left, err := filepath.Glob(opt.Group + "/mote/*.unit")
			return err == nil && len(left) == 0
		})
	})
}

// C13, P4: nobody is left of a unit with kill cgroup, whatever sessions there are:
// after a stop, and after the main process ended by itself.
func TestC13_KillLeavesNobody(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		in := startWith(t, opt, "service a {V} daemon {D}/d , daemon {D}/d , append {D}/up up , sleep\n  kill cgroup\n  restart always delay 0\n"+
			"service b {V} daemon {D}/b , append {D}/upb up , sleep\n  kill cgroup\n  stop TERM 100ms TERM 200ms\n"+
			"task c {V} daemon {D}/c\n  kill cgroup\n")
		in.appears("up", 1)
		in.appears("upb", 1)
		in.procsOf("a", 3)
		in.ok("stop", "a")
		in.procsOf("a", 0)
		in.ok("start", "a")
		first := in.appears("up", 2) != nil && len(in.procsOf("a", 3)) == 3
		in.ok("kill", "a", "KILL")
		in.appears("up", 3)
		in.procsOf("a", 3) // of the new one, and none of the old
		if u := in.is("a", "running"); !first || u.Restarts != 1 {
			t.Errorf("a has %d restarts", u.Restarts)
		}
		in.state("c", "exited")
		in.procsOf("c", 0)
		in.ok("stop", "a", "b")
		in.procsOf("a", 0)
		in.procsOf("b", 0)
	})
}

// A unit that somebody has frozen keeps nobody waiting: a check of its health does
// not end there, and the init goes on.
func TestC13_Frozen(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		in := startWith(t, opt, "service a {V} append {D}/up up , sleep\n  kill cgroup\n  restart always delay 0\n  stop TERM 300ms\n  health exec {V} append {D}/ok ok every 200ms timeout 200ms\n")
		in.appears("ok", 1) // also the first process that is waited for
		freeze := opt.Group + "/mote/a.unit/cgroup.freeze"
		must(t, os.WriteFile(freeze, []byte("1"), 0o644))
		defer os.WriteFile(freeze, []byte("0"), 0o644)
		in.until("it is started again for its health", func() bool { return in.unit("a").Restarts > 0 })
		in.appears("up", 2)
	})
}

// A unit whose group somebody else has killed lives again: from Linux 6.14 on that
// group would take no new process alive.
func TestC13_KilledByOthers(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		in := startWith(t, opt, "service a {V} append {D}/a up , sleep\n  kill cgroup\n  restart always delay 0\n"+
			"service b {V} append {D}/b up , sleep\n  kill cgroup\n  restart always delay 50ms\n")
		for _, name := range []string{"a", "b"} {
			in.appears(name, 1)
			err := os.WriteFile(opt.Group+"/mote/"+name+".unit/cgroup.kill", []byte("1"), 0o644)
			if errors.Is(err, os.ErrNotExist) {
				t.Skip("no cgroup.kill before Linux 5.14")
			}
			must(t, err)
			in.appears(name, 2)
			if u := in.is(name, "running"); u.Restarts != 1 {
				t.Errorf("%s has %d restarts", name, u.Restarts)
			}
		}
	})
}

// The signals of a stop reach every process of the group, not the main one alone.
func TestC13_SignalsReachAll(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		if opt.Mode == rooted {
			return // its root folder has no shell
		}
		in := startWith(t, opt, "service a /bin/sh -c 'setsid \"$0\" \"$@\" & trap \"\" TERM; wait; wait' {V} unit {D}/order sub\n  kill cgroup\n  stop TERM 1m\n")
		in.wantOrder("+sub")
		in.ok("stop", "a")
		in.wantOrder("+sub", "-sub")
	})
}

// A main process that has moved itself to another group is asked to end all the same.
func TestC13_SignalReachesTheMoved(t *testing.T) {
	opt := Options{AsRoot: true, Group: newGroup(t, 0)}
	in := startWith(t, opt, "service a /bin/sh -c 'echo 0 >\"$0\" && exec \"$@\"' "+opt.Group+"/cgroup.procs {V} unit {D}/order a\n  kill cgroup\n  stop TERM 1m\n")
	in.wantOrder("+a")
	in.procsOf("a", 0)
	in.ok("stop", "a")
	in.wantOrder("+a", "-a")
}

// A unit with kill process keeps what its main process leaves behind, in a group
// or not; the next incarnation lives beside it.
func TestC13_KillProcess(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		opt.Dirty = true
		in := startWith(t, opt, "service a {V} daemon {D}/d , append {D}/up up , sleep\n  kill process\n  cgroup cgroup.max.depth=5\n")
		in.appears("up", 1)
		old := in.procsOf("a", 2)
		in.ok("restart", "a")
		in.appears("up", 2)
		now := in.procsOf("a", 3)
		kept := 0
		for _, p := range now {
			if p == old[0] || p == old[1] {
				kept++
			}
		}
		if kept != 1 {
			t.Errorf("processes are %v, were %v", now, old)
		}
	})
}

// P4: what the main process leaves behind is ended, but no post command and no
// stop-exec that still runs, and a group that was killed takes new processes.
func TestC13_PostAndStopExecLive(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		in := startWith(t, opt, "service a {V} daemon {D}/d , append {D}/order +main , sleep\n  kill cgroup\n  restart always delay 0\n"+
			"  pre {V} append {D}/order pre\n  post {V} daemon {D}/e , append {D}/order post\n"+
			"  stop-exec {V} killenv MAINPID KILL , waitfile {D}/go , append {D}/order stop\n  stop TERM 1m\n")
		in.wantOrder("pre", "+main")
		in.ok("kill", "a", "KILL")
		in.wantOrder("pre", "+main", "post", "pre", "+main")
		in.procsOf("a", 2) // the daemon of post is gone
		in.ok("stop", "--no-wait", "a")
		in.until("the main process is gone", func() bool { return in.unit("a").pid() == 0 })
		in.touch("go")
		in.state("a", "inactive")
		in.wantOrder("pre", "+main", "post", "pre", "+main", "stop", "post")
		in.procsOf("a", 0)
	})
}

// The key cgroup: written and read back, before pre too; a value that the kernel
// refuses is a failed spawn, a file that is not there a warning.
func TestC13_Settings(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		in := startWith(t, opt, "service a {V} append {D}/up up , sleep\n  cgroup cgroup.max.depth=3 cgroup.max.descendants=7\n  cgroup cgroup.max.depth=4 nosuch.max=1 nor.this=2\n  pre {V} append {D}/pre pre , waitfile {D}/go\n"+
			"service bad {V} sleep\n  cgroup cgroup.max.depth=many\n  restart never\n  start manual\n")
		in.appears("pre", 1)
		read := func(file string) string {
			data, _ := os.ReadFile(opt.Group + "/mote/a.unit/" + file)
			return strings.TrimSpace(string(data))
		}
		if got := read("cgroup.max.depth"); got != "4" {
			t.Errorf("before pre the depth is %q", got)
		}
		in.touch("go")
		in.appears("up", 1)
		in.state("a", "running")
		if got := read("cgroup.max.depth") + " " + read("cgroup.max.descendants"); got != "4 7" {
			t.Errorf("read back %q", got)
		}
		in.ok("restart", "a")
		in.appears("up", 2)
		if said := in.out.text(); strings.Count(said, "it runs without nosuch.max nor.this: ") != 1 {
			t.Errorf("it is not said once that two settings are missing:\n%s", said)
		}
		in.contains(in.must(1, "start", "bad"), "cgroup EINVAL: cgroup.max.depth: ")
		in.contains(in.is("bad", "failed").reason(), "spawn cgroup EINVAL: cgroup.max.depth: ")
		in.contains(in.ok("show", "a"), "cgroup    cgroup.max.descendants=7 cgroup.max.depth=4 nosuch.max=1 nor.this=2")
		in.write("c/test.conf", in.expand("service a {V} append {D}/up up , sleep\n"))
		in.ok("reload")
		in.appears("up", 3)
		if opt.Mode == rooted { // a container's service has one all the same
			in.procsOf("a", 1)
			if got := read("cgroup.max.depth"); got != "max" {
				t.Errorf("without the key the depth is %q", got)
			}
		} else {
			in.procsOf("a", 0)
		}
		in.is("a", "running")
	})
}

// Two inits in one place do not touch each other, nor what one left that was killed.
func TestC13_SideBySide(t *testing.T) {
	needRoot(t)
	t.Parallel()
	opt := Options{AsRoot: true, Group: newGroup(t, 0), Dirty: true}
	const config = "service a {V} daemon {D}/d , append {D}/up up , sleep\n  kill cgroup\n"
	one := startWith(t, opt, config)
	one.appears("up", 1)
	two := startWith(t, opt, config)
	two.appears("up", 1)
	if n := len(groupProcs(t, opt.Group)); n != 6 {
		t.Errorf("%d processes", n)
	}
	two.ok("stop", "a")
	one.procsOf("a", 2)
	one.is("a", "running")
	one.signal(syscall.SIGKILL)
	one.gone(step)
	three := startWith(t, opt, config)
	three.appears("up", 1)
	three.ok("stop", "a")
	one.procsOf("a", 2)
}

// An ordinary user who was given no group: what asks for one is told so once, and
// runs; a stop goes to the process group. Nobody else hears of it.
func TestC13_WithoutGroups(t *testing.T) {
	for name, opt := range map[string]Options{"user": {}, "container": {Mode: rooted}, "namespaces": {Mode: machine}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if opt.Mode == rooted {
				needRoot(t)
			}
			if name == "user" && os.Getuid() == 0 { // what an init of root's that was killed has left
				left := groupsRoot(t) + "/mote"
				if err := os.Mkdir(left, 0o755); err == nil {
					t.Cleanup(func() { os.Remove(left) })
				}
			}
			in := startWith(t, opt, "service a {V} append {D}/up up , sleep\n  cgroup memory.max=1M\n  restart always delay 0\n"+
				"service b {V} child {D}/b , append {D}/upb up , trap {D}/t TERM , sleep\n  kill cgroup\n"+svc("c"))
			in.settled("a", "b", "c")
			in.appears("up", 1)
			in.appears("upb", 1)
			in.ok("kill", "a", "KILL")
			in.appears("up", 2)
			in.ok("stop", "b")
			if got := in.lines("t"); strings.Join(got, " ") != "got TERM" {
				t.Errorf("b got %v", got)
			}
			in.until("b's child is gone", func() bool { return len(in.children("")) == 2 })
			said := in.out.text()
			if strings.Count(said, "a: cgroup: it runs without its settings: ") != 1 || strings.Count(said, "b: cgroup: a stop signals its process group: ") != 1 ||
				strings.Count(said, "cgroup") > 6 || strings.Contains(said, "c: cgroup") {
				t.Errorf("it said\n%s", said)
			}
			want := "none (no cgroup2 is mounted)"
			if opt.Mode == supervisor {
				want = "(cannot make a group in "
				groupsRoot(t)
			}
			if text := in.ok("status"); opt.Mode != machine && !strings.Contains(text, want) {
				t.Errorf("status says\n%s", text)
			}
		})
	}
}

// P4: with ready pidfile the daemon that the started process leaves behind lives on in
// the group; a stop leaves nobody of it.
func TestC13_Daemon(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		if opt.Mode == rooted {
			return // its root folder has no shell
		}
		in := startWith(t, opt, "service a /bin/sh -c 'setsid /bin/sh -c \"sleep 1000 & echo \\$\\$ >{D}/p; exec sleep 1000\" & while [ ! -s {D}/p ]; do sleep 0.01; done'\n"+
			"  kill cgroup\n  ready pidfile {D}/p\n")
		in.settled("a")
		in.procsOf("a", 2)
		in.ok("stop", "a")
		in.procsOf("a", 0)
	})
}

// A storm of ends in a group: each incarnation lives, and nobody stays.
func TestC13_Storm(t *testing.T) {
	inGroup(t, func(t *testing.T, opt Options) {
		in := startWith(t, opt, "service a {V} daemon {D}/d , append {D}/up up\n  kill cgroup\n  restart always delay 0\n  post {V} append {D}/post post\n")
		in.appears("post", 30)
		in.ok("stop", "a")
		in.procsOf("a", 0)
		if up, post := len(in.lines("up")), len(in.lines("post")); up > post+1 || up < post-1 {
			t.Errorf("%d runs, %d of post", up, post)
		}
		in.flat()
	})
}

// Hostile words: a located fault each, and all else boots.
func TestC13_Faults(t *testing.T) {
	t.Parallel()
	bad := []string{"cgroup", "cgroup memory.max", "cgroup =1", "cgroup memory=1", "cgroup ../x.y=1", "cgroup cgroup.procs=1", "cgroup cgroup.kill=1", "cgroup cgroup.freeze=1",
		"cgroup cgroup.subtree_control=+cpu", "cgroup memory.max=", "cgroup \"memory.max=1\\n2\"", "cgroup memory.max=" + strings.Repeat("1", 257), "kill all", "kill cgroup process"}
	text := ""
	for i, key := range bad {
		text += fmt.Sprintf("service s%d {V} sleep\n  %s\n", i, key)
	}
	in := start(t, text+svc("ok"))
	in.settled("ok")
	for i, key := range bad {
		if reason := in.is(fmt.Sprintf("s%d", i), "failed").reason(); !strings.Contains(reason, fmt.Sprintf("test.conf:%d: ", 2*i+2)) {
			t.Errorf("%s: %q", key, reason)
		}
	}
}
