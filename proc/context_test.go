package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// with gives a shell that has the context c.
func with(c Context, script string) *Spec {
	s := sh(script)
	s.Context = &c
	return s
}

// In the order of resources, as /proc/self/limits names them.
var limitRows = [...]string{"Max cpu time", "Max file size", "Max data size", "Max stack size", "Max core file size",
	"Max resident set", "Max processes", "Max open files", "Max locked memory", "Max address space", "Max file locks",
	"Max pending signals", "Max msgqueue size", "Max nice priority", "Max realtime priority", "Max realtime timeout"}

// limitsOf gives the numbers of each row of /proc/self/limits.
func limitsOf(text string) map[string]string {
	rows := map[string]string{}
	for line := range strings.Lines(text) {
		if len(line) > 50 {
			rows[strings.TrimSpace(line[:26])] = strings.Join(strings.Fields(line[26:66]), " ")
		}
	}
	return rows
}

func TestContextLimits(t *testing.T) {
	if len(limitRows) != len(resources) {
		t.Fatal("a resource has no row")
	}
	var c Context
	want := limitsOf(run(t, sh("exec cat /proc/self/limits")).out)
	for i, row := range limitRows {
		var old unix.Rlimit
		if err := unix.Prlimit(0, int(resources[i]), nil, &old); err != nil {
			t.Fatal(err)
		}
		l := Limit{Resource: i, Cur: 1 << 34, Max: 1<<35 + uint64(i)} // enough to live with
		if i == resourceNofile {
			l.Cur, l.Max = 9, 10
		}
		if l.Max > old.Max {
			l.Cur, l.Max = old.Max, old.Max
		}
		if l.Max > 1<<62 {
			continue
		}
		c.Limits = append(c.Limits, l)
		want[row] = fmt.Sprint(l.Cur, " ", l.Max)
	}
	got := limitsOf(run(t, with(c, "exec cat /proc/self/limits")).out)
	for _, row := range limitRows {
		if got[row] != want[row] {
			t.Errorf("%s: %q, want %q", row, got[row], want[row])
		}
	}
	// The last of a resource wins.
	c = Context{Limits: []Limit{{7, 20, 20}, {7, 8, 9}}}
	if got := run(t, with(c, "ulimit -Sn; ulimit -Hn")); got.out != "8\n9\n" || got.fail != nil {
		t.Errorf("%q %v", got.out, got.fail)
	}
}

// A limit that leaves no descriptor does not keep the OOM score away.
func TestContextFewFiles(t *testing.T) {
	exe, _ := os.Executable()
	s := NewSpec([]string{exe}, []string{exe}, []string{helperVar + "=oom"})
	s.Context = &Context{Limits: []Limit{{7, 3, 32}}, OOMSet: true, OOM: 700}
	if got := run(t, s); got.out != "700\n" || got.fail != nil {
		t.Errorf("%q %v", got.out, got.fail)
	}
}

func helperOOM() {
	fd, err := unix.Open("/proc/self/oom_score_adj", unix.O_RDONLY, 0)
	if err != nil {
		fmt.Println(err)
	}
	var buf [16]byte
	n, _ := unix.Read(fd, buf[:])
	os.Stdout.Write(buf[:n])
}

func TestContextPriorities(t *testing.T) {
	before := ownPriorities(t)
	// nice, realtime priority, policy: stat's 19th, 40th and 41st field
	const stat = "cut -d' ' -f19,40,41 /proc/$$/stat; cat /proc/$$/oom_score_adj; grep Cpus_allowed_list /proc/$$/status"
	for _, tc := range []struct {
		c    Context
		want string // nice, priority, policy, oom
		root bool
	}{
		{Context{}, fmt.Sprintf("%d 0 0 %d", before.nice, before.oom), false},
		{Context{NiceSet: true, Nice: 7, OOMSet: true, OOM: 321}, "7 0 0 321", false},
		{Context{NiceSet: true, Nice: 19, OOMSet: true, OOM: 1000}, "19 0 0 1000", false},
		{Context{NiceSet: true, Nice: -20}, fmt.Sprintf("-20 0 0 %d", before.oom), true},
		{Context{OOMSet: true, OOM: -1000}, fmt.Sprintf("%d 0 0 -1000", before.nice), true},
		{Context{OOMSet: true, OOM: before.oom + 1}, fmt.Sprintf("%d 0 0 %d", before.nice, before.oom+1), true},
		{Context{SchedSet: true, SchedPolicy: 3}, fmt.Sprintf("%d 0 3 %d", before.nice, before.oom), false},
		{Context{SchedSet: true, SchedPolicy: 5, NiceSet: true, Nice: 3}, fmt.Sprintf("3 0 5 %d", before.oom), false},
		{Context{SchedSet: true, SchedPolicy: 1, SchedPriority: 11}, fmt.Sprintf("%d 11 1 %d", before.nice, before.oom), true},
		{Context{SchedSet: true, SchedPolicy: 2, SchedPriority: 99}, fmt.Sprintf("%d 99 2 %d", before.nice, before.oom), true},
	} {
		if tc.root && unix.Getuid() != 0 {
			continue
		}
		got := run(t, with(tc.c, stat))
		words := strings.Fields(got.out)
		if tc.root && got.fail != nil && (got.fail.Errno == unix.EPERM || got.fail.Errno == unix.EACCES) {
			t.Logf("%+v: %v: a container's root may less", tc.c, got.fail)
			continue
		}
		if len(words) < 4 || strings.Join(words[:4], " ") != tc.want {
			t.Errorf("%+v: %q %v, want %s", tc.c, words, got.fail, tc.want)
		}
	}
	if after := ownPriorities(t); after != before {
		t.Errorf("the init itself was %+v and is %+v", before, after)
	}
}

type priorities struct {
	nice, oom, policy int
	cpus, caps        string
}

// ownPriorities are those of this process, which no child may change.
func ownPriorities(t *testing.T) (p priorities) {
	t.Helper()
	p.nice, _ = unix.Getpriority(unix.PRIO_PROCESS, 0)
	p.nice = 20 - p.nice
	data, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Sscan(string(data), &p.oom)
	policy, _, _ := unix.Syscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	p.policy = int(policy)
	own, _ := os.ReadFile("/proc/thread-self/status")
	for line := range strings.Lines(string(own)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t"); name {
		case "Cpus_allowed_list":
			p.cpus = value
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs":
			p.caps += value + " "
		}
	}
	return p
}

func TestContextCPUs(t *testing.T) {
	before := ownPriorities(t)
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	for cpu := range len(set) * int(unsafe.Sizeof(set[0])) * 8 {
		if !set.IsSet(cpu) {
			continue
		}
		const bits = int(unsafe.Sizeof(uint(0))) * 8
		mask := make([]uint, 1024/bits)
		mask[cpu/bits] = 1 << (cpu % bits)
		mask[1023/bits] |= 1 << (1023 % bits) // one that is not there
		s := catStatus()
		s.Context = &Context{CPUs: mask}
		if got := status(t, s, "Cpus_allowed_list"); got != fmt.Sprint(cpu) {
			t.Errorf("processors %s, want %d", got, cpu)
		}
	}
	if after := ownPriorities(t); after != before {
		t.Errorf("the init itself was %+v and is %+v", before, after)
	}
}

func TestContextIONice(t *testing.T) {
	exe, _ := os.Executable()
	for want := range map[int]bool{2<<13 | 6: true, 3 << 13: true, 1<<13 | 3: unix.Getuid() == 0} {
		s := NewSpec([]string{exe}, []string{exe}, []string{helperVar + "=ionice"})
		s.Context = &Context{IOPrio: want}
		got := run(t, s)
		if got.fail != nil && (got.fail.Errno == unix.ENOSYS || want>>13 == 1) {
			t.Logf("%#x: %v", want, got.fail) // a kernel without block devices, or no right
		} else if got.out != fmt.Sprintln(want) {
			t.Errorf("%q %v, want %d", got.out, got.fail, want)
		}
	}
}

func helperIONice() {
	got, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, 1, 0, 0)
	if errno != 0 {
		fmt.Println(errno)
	}
	fmt.Println(int(got))
}

func TestContextNoNewPrivs(t *testing.T) {
	for _, set := range []bool{false, true} {
		s := catStatus()
		s.Context = &Context{NoNewPrivs: set}
		if got, want := status(t, s, "NoNewPrivs"), map[bool]string{false: "0", true: "1"}[set]; got != want {
			t.Errorf("NoNewPrivs is %s, want %s", got, want)
		}
	}
}

// capsOf gives the sets of a child as /proc/self/status shows them, without zeros in front.
func capsOf(t *testing.T, s *Spec) string {
	t.Helper()
	got := run(t, s)
	if got.fail != nil {
		return got.fail.Error()
	}
	var all []string
	for line := range strings.Lines(got.out) {
		if v, ok := strings.CutPrefix(line, "Cap"); ok {
			name, value, _ := strings.Cut(strings.TrimSpace(v), ":\t")
			value = strings.TrimLeft(value, "0")
			all = append(all, name+"="+value)
		}
	}
	return strings.Join(all, " ")
}

func TestContextCaps(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root for capabilities")
	}
	before := ownPriorities(t)
	const noroot, fixup, keepLocked = 1, 4, 0x20
	chown, bind := uint64(1), uint64(1)<<unix.CAP_NET_BIND_SERVICE
	for _, tc := range []struct {
		name string
		user bool
		c    Context
		want string
	}{
		{"root", false, Context{CapsSet: true, Caps: chown | bind}, "Inh=401 Prm=401 Eff=401 Bnd=401 Amb="},
		{"root, none", false, Context{CapsSet: true}, "Inh= Prm= Eff= Bnd= Amb="},
		{"root without the root's way", false, Context{Securebits: noroot}, ""},
		{"and with ambient ones", false, Context{CapsSet: true, Caps: bind, Ambient: true, Securebits: noroot},
			"Inh=400 Prm=400 Eff=400 Bnd=400 Amb=400"},
		{"user", true, Context{CapsSet: true, Caps: bind, Ambient: true}, "Inh=400 Prm=400 Eff=400 Bnd=400 Amb=400"},
		{"user, with all securebits", true, Context{CapsSet: true, Caps: bind, Ambient: true, Securebits: 0x2f, NoNewPrivs: true},
			"Inh=400 Prm=400 Eff=400 Bnd=400 Amb=400"},
		{"user, keep-caps locked", true, Context{CapsSet: true, Caps: chown, Ambient: true, Securebits: keepLocked},
			"Inh=1 Prm=1 Eff=1 Bnd=1 Amb=1"},
		{"user, none", true, Context{CapsSet: true}, "Inh= Prm= Eff= Bnd= Amb="},
		{"user, none, no fixup", true, Context{CapsSet: true, Securebits: fixup}, "Inh= Prm= Eff= Bnd= Amb="},
		{"user, ambient ones forbidden", true, Context{CapsSet: true, Caps: bind, Ambient: true, Securebits: 0x40}, "ambient: operation not permitted"},
		{"a capability that no kernel has", true, Context{CapsSet: true, Caps: 1 << 63, Ambient: true}, "bounding: invalid argument"},
	} {
		s := catStatus()
		s.Context = &tc.c
		if tc.user {
			s.Cred, s.Uid, s.Gid = true, 61234, 61234
		}
		got := capsOf(t, s)
		if tc.want == "" {
			tc.want = got
			if !strings.Contains(got, "Eff= ") {
				tc.want = "Eff= "
			}
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	if after := ownPriorities(t); after != before {
		t.Errorf("the init itself was %+v and is %+v", before, after)
	}
}

// What a child may not do is said by its stage; here the init is nobody.
func TestContextRefused(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root to start as someone else")
	}
	want := `limit: operation not permitted (7)
nice: permission denied (0)
oom: permission denied (0)
sched: operation not permitted (0)
cpus: invalid argument (0)
ionice: operation not permitted (0)
ionice: invalid argument (0)
chroot: operation not permitted (0)
securebits: operation not permitted (0)
bounding: operation not permitted (13)
bounding: operation not permitted (0)
caps: operation not permitted (0)
prepare: invalid argument (0)
good (0)
`
	if got := helper(t, "contextrefused"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func helperContextRefused() {
	for number := range uintptr(unix.CAP_LAST_CAP + 1) {
		if number != unix.CAP_NET_RAW {
			unix.Prctl(unix.PR_CAPBSET_DROP, number, 0, 0, 0)
		}
	}
	syscall.Setgroups(nil)
	syscall.Setgid(61234)
	syscall.Setuid(61234)
	unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) // /proc/self is root's after a setuid without exec
	all := uint64(1)<<63 - 1
	last := make([]uint, 16)
	last[len(last)-1] = 1
	for _, c := range []Context{
		{Limits: []Limit{{7, 1, ^uint64(0)}}},
		{NiceSet: true, Nice: -5},
		{OOMSet: true, OOM: -999},
		{SchedSet: true, SchedPolicy: 1, SchedPriority: 1},
		{CPUs: last},
		{IOPrio: 1<<13 | 4},
		{IOPrio: 7 << 13},
		{},
		{Securebits: 1},
		{CapsSet: true},
		{CapsSet: true, Caps: all},
		{CapsSet: true, Caps: 1 << unix.CAP_NET_RAW, Ambient: true},
		{Limits: []Limit{{16, 0, 0}}},
		{NiceSet: true, Nice: 19, OOMSet: true, OOM: 1000, NoNewPrivs: true, SchedSet: true, SchedPolicy: 5},
	} {
		s := NewSpec([]string{"/bin/true"}, []string{"true"}, nil)
		s.Context = &c
		if !c.CapsSet && c.Securebits == 0 && c.IOPrio == 0 && len(c.Limits)+len(c.CPUs) == 0 && !c.OOMSet && !c.NiceSet && !c.SchedSet {
			s.Root = "/"
		}
		p, err := Spawn(s)
		fail := &Failure{}
		if !errors.As(err, &fail) {
			waitDead(p.Pid)
			Reap(p.Pid)
			_, fail = outcomeOf(p)
		}
		if fail == nil {
			fmt.Println("good (0)")
			continue
		}
		fmt.Printf("%v (%d)\n", fail, fail.Item)
	}
}

func TestContextChroot(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root for a chroot")
	}
	exe, _ := os.Executable()
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	os.Chmod(root, 0o755)
	os.MkdirAll(root+"/in/side", 0o755)
	if err := os.WriteFile(root+"/in/prog", data, 0o755); err != nil {
		t.Fatal(err)
	}
	run1 := func(path, dir string) outcome {
		s := NewSpec([]string{"/no/" + path, path}, []string{"x"}, []string{helperVar + "=where"})
		s.Root, s.Dir = root, dir
		s.Context = &Context{OOMSet: true, OOM: 500} // /proc is outside
		s.Cred, s.Uid, s.Gid = true, 61234, 61234
		return run(t, s)
	}
	if got := run1("/in/prog", "/in/side"); got.out != "/in/side [in] 61234\n" {
		t.Errorf("%q %v", got.out, got.fail)
	}
	for _, tc := range []struct{ path, dir, want string }{
		{"/bin/true", "/", "exec: no such file or directory"}, // outside it is there
		{"/in/prog", "/usr", "chdir: no such file or directory"},
		{"/in/prog", filepath.Join(root, "in"), "chdir: no such file or directory"},
	} {
		if got := run1(tc.path, tc.dir); got.fail == nil || got.fail.Error() != tc.want {
			t.Errorf("%s in %s: %v, want %s", tc.path, tc.dir, got.fail, tc.want)
		}
	}
	s := sh("exit 0")
	s.Root = root + "/in/prog"
	if got := run(t, s); got.fail == nil || got.fail.Error() != "chroot: not a directory" {
		t.Errorf("%v", got.fail)
	}
}

// Without /proc there is no OOM score to set, and that is said.
func TestContextNoProc(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root for a chroot")
	}
	t.Setenv("PROC_TEST_DIR", t.TempDir())
	if got := helper(t, "noproc"); got != "oom: no such file or directory\nexec: no such file or directory\n" {
		t.Errorf("%q", got)
	}
}

func helperNoProc() {
	nullFD() // there is no /dev either
	if err := errors.Join(unix.Chroot(os.Getenv("PROC_TEST_DIR")), os.Chdir("/")); err != nil {
		fmt.Println(err)
	}
	for _, set := range []bool{true, false} {
		s := NewSpec([]string{"/none"}, []string{"x"}, nil)
		s.Context = &Context{OOMSet: set, OOM: 5}
		p, err := Spawn(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		waitDead(p.Pid)
		_, fail := outcomeOf(p)
		fmt.Println(fail)
	}
}

func helperWhere() {
	dir, _ := os.Getwd()
	var names []string
	list, _ := os.ReadDir("/")
	for _, e := range list {
		names = append(names, e.Name())
	}
	fmt.Println(dir, names, os.Getuid())
}

// A child that asks for a place behind others is never waited for.
func TestContextIsNotWaitedFor(t *testing.T) {
	for _, tc := range []struct {
		c    Context
		want bool
	}{
		{Context{}, false}, {Context{CapsSet: true, NoNewPrivs: true, OOMSet: true}, false},
		{Context{NiceSet: true}, true}, {Context{SchedSet: true}, true}, {Context{IOPrio: 3 << 13}, true}, {Context{CPUs: []uint{1}}, true},
	} {
		var p plan
		s := with(tc.c, "")
		if err := p.prepare(s); err != nil || p.ctx.mayStarve() != tc.want {
			t.Errorf("%+v: %t %v", tc.c, p.ctx.mayStarve(), err)
		}
	}
}
