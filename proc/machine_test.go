package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	helpers["inmachine"] = helperInMachine
	helpers["mountearly"] = helperMountEarly
	helpers["stdio"] = helperStdio
	helpers["loopback"] = helperLoopback
	helpers["descendants"] = helperDescendants
	helpers["killall"] = helperKillAll
	helpers["end"] = helperEnd
	helpers["pause"] = func() { fmt.Println("up"); unix.Pause() }
}

// inNamespaces runs this test file as a helper in new pid, mount, network and
// uts namespaces, and without root in a new user namespace too. It gives what
// the helper prints, and how it ended.
func inNamespaces(t *testing.T, name string, env ...string) (string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), helperVar+"="+name, "container="), env...)
	cmd.Stderr = os.Stderr
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.Output()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		t.Skip("no namespaces here:", err)
	}
	return string(out), err
}

// privately is the first act of a helper that mounts: nothing of what it does
// reaches the machine. It refuses to go on where it would.
func privately() {
	if os.Getpid() != 1 {
		panic("not alone in a pid namespace")
	}
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// emptyRoot makes a tmpfs the root, with the folders named in it.
func emptyRoot(dirs ...string) {
	privately()
	dir, err := os.MkdirTemp("", "root")
	must(err)
	must(unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"))
	for _, d := range dirs {
		must(os.MkdirAll(dir+d, 0o755))
	}
	must(unix.Chdir(dir))
	must(unix.Chroot("."))
}

func TestInitialPIDNamespace(t *testing.T) {
	if link, err := os.Readlink("/proc/self/ns/pid"); err == nil && InitialPIDNamespace() != (link == "pid:[4026531836]") {
		t.Error(link)
	}
	got, err := inNamespaces(t, "inmachine")
	if want := "false true\nfalse true\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// helperInMachine asks with /proc and without it.
func helperInMachine() {
	fmt.Println(InitialPIDNamespace(), InContainer())
	emptyRoot()
	fmt.Println(InitialPIDNamespace(), InContainer())
}

func TestDecideMachine(t *testing.T) {
	for _, c := range []struct {
		err      error
		evidence string
		want     bool
	}{
		{nil, "", true}, {nil, "/.dockerenv", true}, {unix.EINVAL, "", false}, {unix.EPERM, "", false},
		{unix.ENOSYS, "", true}, {unix.ENOSYS, "container=lxc", false},
	} {
		if got := decideMachine(c.err, c.evidence); got != c.want {
			t.Errorf("%v %q: %v", c.err, c.evidence, got)
		}
	}
}

func TestContainerEvidence(t *testing.T) {
	t.Setenv("container", "lxc")
	if got := ContainerEvidence(); got != "container=lxc" || !InContainer() {
		t.Error(got)
	}
}

// A root of nothing: every folder, mount and node is made or its failure said,
// and a second time all are there.
func TestMountEarly(t *testing.T) {
	got, err := inNamespaces(t, "mountearly", "ROOTDIRS=")
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + got)
	for _, want := range []string{
		"proc /proc made\n", "tmpfs /run made\n", "devpts /dev/pts made\n", "tmpfs /dev/shm made\n",
		"proc /proc there\n", "tmpfs /run there\n", "devpts /dev/pts there\n",
		"0 names in /run\n", "link /dev/fd\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
	if os.Geteuid() == 0 {
		for _, want := range []string{"sysfs /sys made\n", "devtmpfs /dev made\n", "devtmpfs /dev there\n", "node /dev/null\n", "node /dev/console\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q", want)
			}
		}
	} else if want := "devtmpfs /dev cannot mount devtmpfs on /dev: operation not permitted\n"; !strings.Contains(got, want) {
		t.Errorf("no %q", want)
	}
}

// A read-only root without the folders: each failure is said, none ends it.
func TestMountEarlyReadOnly(t *testing.T) {
	got, err := inNamespaces(t, "mountearly", "READONLY=1", "ROOTDIRS=/proc /dev /run")
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + got)
	for _, want := range []string{"proc /proc made\n", "tmpfs /run made\n",
		"sysfs /sys cannot make the mount point /sys: read-only file system\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
}

// Where devtmpfs is missing, the nodes are made by hand: on a read-only root
// in a tmpfs.
func TestMakeDevices(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make device nodes")
	}
	for _, readOnly := range []string{"", "1"} {
		got, err := inNamespaces(t, "mountearly", "NODES=1", "READONLY="+readOnly, "ROOTDIRS=/dev")
		if err != nil {
			t.Fatal(err)
		}
		want := "device nodes /dev made\n"
		if readOnly != "" {
			want = "tmpfs /dev made\n" + want
		}
		if !strings.HasPrefix(got, want) || !strings.Contains(got, "node /dev/console\n") || !strings.Contains(got, "node /dev/null\n") {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

func helperMountEarly() {
	emptyRoot(strings.Fields(os.Getenv("ROOTDIRS"))...)
	if os.Getenv("READONLY") != "" {
		must(unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	}
	show := func(results []MountResult) {
		for _, r := range results {
			state := "made"
			if r.There {
				state = "there"
			}
			if r.Err != nil {
				state = r.Err.Error()
			}
			fmt.Println(r.What, r.Where, state)
		}
	}
	if os.Getenv("NODES") != "" {
		show(makeDevices())
	} else {
		show(MountEarly())
		show(MountEarly())
	}
	if names, err := os.ReadDir("/run"); err == nil {
		fmt.Println(len(names), "names in /run")
	}
	for _, name := range []string{"null", "console"} {
		if st, err := os.Stat("/dev/" + name); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			fmt.Println("node /dev/" + name)
		}
	}
	if _, err := os.Lstat("/dev/fd"); err == nil {
		fmt.Println("link /dev/fd")
	}
}

// With nothing in /dev each number is held, 0 reads as an end of file, and a
// write to 1 fails; with a /dev/null it is that.
func TestEnsureStdio(t *testing.T) {
	got, err := inNamespaces(t, "stdio")
	want := "empty: 3 open, read 0 <nil>, write -1 invalid argument, next 3\n" +
		"console: 3 open, 1 is a FIFO false\n" +
		"closed 1: 3 open\n" +
		"a folder as 1: 3 open\n"
	if err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func helperStdio() {
	emptyRoot("/dev")
	out, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 100)
	must(err)
	say := func(format string, args ...any) { unix.Write(out, fmt.Appendf(nil, format, args...)) }
	count := func() (n int) {
		for fd := range 3 {
			if stdioKind(fd) != stdioClosed {
				n++
			}
		}
		return n
	}
	for fd := range 20 {
		unix.Close(fd)
	}
	EnsureStdio(false)
	n, rerr := unix.Read(0, make([]byte, 8))
	w, werr := unix.Write(1, []byte("x"))
	next, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(err)
	unix.Close(next)
	say("empty: %d open, read %d %v, write %d %v, next %d\n", count(), n, rerr, w, werr, next)

	// A FIFO stands in for a console that has appeared: what leads nowhere
	// moves there.
	must(unix.Mkfifo("/dev/console", 0o600))
	EnsureStdio(true)
	var st unix.Stat_t
	must(unix.Fstat(1, &st))
	say("console: %d open, 1 is a FIFO %v\n", count(), st.Mode&unix.S_IFMT != unix.S_IFIFO)
	unix.Close(1)
	EnsureStdio(false)
	say("closed 1: %d open\n", count())
	unix.Close(1)
	_, err = unix.Open("/", unix.O_RDONLY, 0)
	must(err)
	EnsureStdio(false)
	say("a folder as 1: %d open\n", count())
}

func TestLoopbackAndHostname(t *testing.T) {
	got, err := inNamespaces(t, "loopback")
	want := "up <nil>\nagain <nil>\nconnected\nno file: \"\" <nil>\nname \"box\" <nil>, box\n" +
		"bad: cannot set the host name of /etc/hostname: \"a b\" has a byte that a name cannot have\n"
	if err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func helperLoopback() {
	fmt.Println("up", LoopbackUp())
	fmt.Println("again", LoopbackUp())
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 8080}))
	must(unix.Listen(l, 1))
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Connect(c, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 8080}))
	fmt.Println("connected")
	emptyRoot("/etc")
	name, err := SetHostname()
	fmt.Printf("no file: %q %v\n", name, err)
	must(os.WriteFile("/etc/hostname", []byte("# us\nbox\n"), 0o644))
	name, err = SetHostname()
	var uts unix.Utsname
	must(unix.Uname(&uts))
	fmt.Printf("name %q %v, %s\n", name, err, unix.ByteSliceToString(uts.Nodename[:]))
	must(os.WriteFile("/etc/hostname", []byte("a b\n"), 0o644))
	_, err = SetHostname()
	fmt.Println("bad:", err)
}

// The kernel's threads are not processes that somebody has left.
func TestLiving(t *testing.T) {
	procs, err := readProcs()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Living(); err != nil || n < 1 {
		t.Error(n, err)
	}
	if InitialPIDNamespace() && !slices.ContainsFunc(procs, func(s procStat) bool { return s.kernel }) {
		t.Error("no thread of the kernel is seen")
	}
}

func TestProcInfo(t *testing.T) {
	for end := time.Now().Add(30 * time.Millisecond); time.Now().Before(end); {
	}
	memory, cpu, ok := ProcInfo(os.Getpid())
	if !ok || memory < 1<<20 || memory > 1<<32 || cpu < 10 {
		t.Error(memory, cpu, ok)
	}
	if _, _, ok := ProcInfo(1 << 30); ok {
		t.Error("a process that is not")
	}
}

func TestParseStat(t *testing.T) {
	tail := " 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20"
	for line, want := range map[string]procStat{
		"42 (sh) S 41" + tail:              {pid: 42, ppid: 41, state: 'S', ticks: 175},
		"42 (a) b) (c) Z 41" + tail + "\n": {pid: 42, ppid: 41, state: 'Z', ticks: 175},
		"42 () R 0" + tail:                 {pid: 42, state: 'R', ticks: 175},
		"42 (x S 41" + tail:                {},
		"x (sh) S 41" + tail:               {},
		"42 (sh) S 41":                     {},
		"":                                 {},
		")(":                               {},
		"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 1 2 0 0 20": {pid: 2, state: 'S', kernel: true, ticks: 3},
	} {
		if got, _ := parseStat(line); got != want {
			t.Errorf("%q: %+v; want %+v", line, got, want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (a) b) (c) Z 41 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20")
	f.Fuzz(func(t *testing.T, line string) {
		if s, ok := parseStat(line); ok && s.pid <= 0 {
			t.Errorf("%q: %+v", line, s)
		}
	})
}

func TestDescendantsTree(t *testing.T) {
	var procs []procStat
	for _, p := range [...][3]int{{5, 9, 'S'}, {9, 1, 'S'}, {1, 0, 'S'}, {7, 5, 'Z'}, {8, 7, 'R'},
		{3, 2, 'S'}, {20, 20, 'S'}, {21, 22, 'S'}, {22, 21, 'S'}} {
		procs = append(procs, procStat{pid: p[0], ppid: p[1], state: byte(p[2])})
	}
	if got := descendants(procs, 9); !slices.Equal(got, []int{5, 8}) {
		t.Error(got)
	}
	if got := descendants(procs, 20); len(got) != 0 {
		t.Error(got)
	}
	if got := descendants(procs, 21); !slices.Equal(got, []int{22}) {
		t.Error(got)
	}
}

// A supervisor's last act reaches grandchildren, double-forked and in sessions
// of their own, and nobody else.
func TestKillDescendants(t *testing.T) {
	bystander := exec.Command("sleep", "60")
	if err := bystander.Start(); err != nil {
		t.Skip("no sleep:", err)
	}
	defer bystander.Wait()
	defer bystander.Process.Kill()
	if got, want := helper(t, "descendants"), "all killed true, 0 left\n"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if unix.Kill(bystander.Process.Pid, 0) != nil {
		t.Error("a stranger was killed")
	}
}

func helperDescendants() {
	must(Subreaper())
	cmd := exec.Command("sh", "-c", "(sleep 60 & setsid sleep 60 & echo up; sleep 60) & wait")
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	out.Read(make([]byte, 3))
	killed := 0
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		n, err := KillDescendants(int(unix.SIGKILL))
		must(err)
		if n == 0 {
			break
		}
		killed = max(killed, n)
		for {
			if pid, ok := NextExit(); !ok {
				break
			} else {
				Reap(pid)
			}
		}
	}
	left, err := Descendants()
	must(err)
	// Two shells and three sleeps; a shell may have become its last command.
	fmt.Printf("all killed %v, %d left\n", killed == 4 || killed == 5, len(left))
}

// reapOne waits for the child pid, and reaps others meanwhile.
func reapOne(pid int) Exit {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if dead, ok := NextExit(); ok {
			if e, ok := Reap(dead); ok && dead == pid {
				return e
			}
			continue
		}
		unix.Poll(nil, 1)
	}
	panic("child does not end")
}

// PID 1 kills everybody, except for root's processes that begin with "@".
func TestKillAll(t *testing.T) {
	if _, err := KillAll(0); err == nil {
		t.Error("allowed to a process that is not PID 1")
	}
	got, err := inNamespaces(t, "killall")
	want := "first: 0, sleeper killed, daemon lives, living 2 then 1\nsecond: 3\nplain: 0, daemon killed\nlast: 3, living 0\n" +
		"cannot look through /proc: it is not mounted, or is that of another pid namespace\nblind: 3\n"
	if err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func helperKillAll() {
	privately()
	must(unix.Mount("proc", "/proc", "proc", 0, ""))
	start := func(argv0 string) int {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = []string{argv0}
		cmd.Env = []string{helperVar + "=pause"}
		out, err := cmd.StdoutPipe()
		must(err)
		must(cmd.Start())
		out.Read(make([]byte, 3))
		return cmd.Process.Pid
	}
	gone := func(pid int) string {
		for range 1000 {
			if e, ok := Reap(pid); ok {
				return map[bool]string{true: "killed", false: "ended"}[e.Signal == 9]
			}
			unix.Poll(nil, 1)
		}
		return "lives"
	}
	kill := func() int {
		pid, err := KillAll(int(unix.SIGKILL))
		must(err)
		for range 5000 {
			if e, ok := Reap(pid); ok {
				return e.Code
			}
			unix.Poll(nil, 1)
		}
		panic("KillAll does not end")
	}
	living := func() int {
		n, err := Living()
		must(err)
		return n
	}
	daemon, sleeper := start("@daemon"), start("sleeper")
	before := living()
	code := kill()
	state := gone(sleeper)
	alive := "lives"
	if _, ok := Reap(daemon); ok {
		alive = "is gone"
	}
	fmt.Printf("first: %d, sleeper %s, daemon %s, living %d then %d\n", code, state, alive, before, living())
	fmt.Printf("second: %d\n", kill())
	pid, err := Child(Op{Kind: OpKillAll, Signal: int(unix.SIGKILL)})
	must(err)
	var e Exit
	for ok := false; !ok; e, ok = Reap(pid) {
		unix.Poll(nil, 1)
	}
	fmt.Printf("plain: %d, daemon %s\n", e.Code, gone(daemon))
	fmt.Printf("last: %d, living %d\n", kill(), living())
	must(unix.Unmount("/proc", unix.MNT_DETACH))
	_, err = Living()
	fmt.Println(err)
	fmt.Printf("blind: %d\n", kill())
}

func TestCmdlinePath(t *testing.T) {
	var p killPlan
	copy(p.proc[:], "/proc")
	for _, pid := range []int32{2, 10, 99, 4194304, 67108863} {
		p.cmdlinePath(pid)
		if got, want := unix.ByteSliceToString(p.path[:]), fmt.Sprintf("/proc/%d/cmdline", pid); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		copy(p.names[:], strconv.Itoa(int(pid))+"\x00")
		if got := p.number(0); got != pid {
			t.Errorf("%d, want %d", got, pid)
		}
	}
	for _, name := range []string{"", "self", "1x", ".."} {
		copy(p.names[:], name+"\x00")
		if got := p.number(0); got != 0 {
			t.Errorf("%q: %d", name, got)
		}
	}
}

// The end in namespaces: what can be unmounted is, the rest is read-only for
// us and not for the machine, and reboot(2) ends PID 1 with the signal that
// stands for the command.
func TestEnd(t *testing.T) {
	for power, want := range map[Power]syscall.Signal{PowerOff: unix.SIGINT, PowerHalt: unix.SIGINT, PowerReboot: unix.SIGHUP} {
		dir := t.TempDir()
		got, err := inNamespaces(t, "end", "POWER="+strconv.Itoa(int(power)), "DIR="+dir)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != want {
			t.Errorf("power %d: %v", power, err)
		}
		t.Log("\n" + got)
		for _, line := range []string{
			"sync: <nil>\n",
			"unmount " + dir + "/a/b: <nil>\n",
			"unmount " + dir + "/a: <nil>\n",
			"unmount " + dir + "/busy: cannot unmount " + dir + "/busy: device or resource busy\n",
			"remount / read-only: <nil>\n",
			"write to /: read-only file system\n",
		} {
			if !strings.Contains(got, line) {
				t.Errorf("no %q in\n%s", line, got)
			}
		}
		if strings.Contains(got, "swap") {
			t.Error("touched the swap of the machine")
		}
		if err := os.WriteFile(filepath.Join(dir, "after"), nil, 0o600); err != nil {
			t.Error("the machine's filesystem:", err)
		}
	}
}

func helperEnd() {
	privately()
	must(unix.Mount("proc", "/proc", "proc", 0, ""))
	if InitialPIDNamespace() {
		panic("this would end the machine")
	}
	dir := os.Getenv("DIR")
	for _, name := range []string{"/a", "/busy", "/src/b"} {
		must(os.MkdirAll(dir+name, 0o755))
	}
	// Folders of a disk filesystem, bound to where they can be unmounted.
	must(unix.Mount(dir+"/src", dir+"/a", "", unix.MS_BIND, ""))
	must(unix.Mount(dir+"/src", dir+"/a/b", "", unix.MS_BIND, ""))
	must(unix.Mount(dir+"/src", dir+"/busy", "", unix.MS_BIND, ""))
	must(os.Chdir(dir + "/busy"))
	power, err := strconv.Atoi(os.Getenv("POWER"))
	must(err)
	end := NewEnd(Power(power), "")
	for {
		step, ok := end.Next()
		if !ok {
			fmt.Println("still there")
			return
		}
		if strings.HasPrefix(step.What, "reboot") || step.What == "halt" || step.What == "switch the machine off" {
			fmt.Println("write to /:", errors.Unwrap(os.WriteFile(dir+"/before", nil, 0o600)))
		}
		pid, err := step.Start()
		must(err)
		fmt.Printf("%s: %v\n", step.What, step.Outcome(reapOne(pid)))
	}
}

func TestEndPlans(t *testing.T) {
	mounts := ParseMountinfo(testMountinfo)
	var points []string
	for _, m := range unmountable(mounts) {
		points = append(points, m.Point)
	}
	want := `/lower /lower /over /over /mnt/data/fuse /mnt/data /srv/with blank\x`
	if got := strings.Join(points, " "); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	what := func(steps []Step) (s []string) {
		for _, step := range steps {
			s = append(s, step.What)
		}
		return s
	}
	// As owner each filesystem once; else each mount that is not yet ro.
	if got := what(readOnlySteps(mounts, true)); !slices.Equal(got, []string{"remount /lower read-only", "remount /over read-only",
		"remount /mnt/data read-only", "remount / read-only"}) {
		t.Error(got)
	}
	if got := what(readOnlySteps(mounts, false)); !slices.Equal(got, []string{"remount /lower read-only", "remount /over read-only", "remount / read-only"}) {
		t.Error(got)
	}
	if got := what(rebootSteps(PowerReboot, "bootloader\x1b")); !slices.Equal(got, []string{`reboot to "bootloader\x1b"`, "reboot"}) {
		t.Error(got)
	}
	swaps := "Filename\t\t\t\tType\t\tSize\n/swap\\040file file 1 0 -2\n/dev/sda2 partition 1 0 -3\n/gone\\040(deleted) file 1 0 -4\n"
	if got := parseSwaps(swaps); !slices.Equal(got, []string{"/swap file", "/gone (deleted)"}) {
		t.Errorf("%q", got)
	}
}
