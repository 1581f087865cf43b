package proc

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
	var used unix.Rusage // until it has used 30 ms of the processor, however long that takes
	for used.Utime.Nano()+used.Stime.Nano() < 30e6 {
		if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
			t.Fatal(err)
		}
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
		"42 (sh) S 41" + tail:                        {pid: 42, ppid: 41, state: 'S', ticks: 175},
		"42 (a) b) (c) Z 41" + tail + "\n":           {pid: 42, ppid: 41, state: 'Z', ticks: 175},
		"42 () R 0" + tail:                           {pid: 42, state: 'R', ticks: 175},
		"42 (sh) S 41" + tail + " 0 1 0 9 1000 77 0": {pid: 42, ppid: 41, state: 'S', ticks: 175, pages: 77},
		"42 (x S 41" + tail:                          {},
		"x (sh) S 41" + tail:                         {},
		"42 (sh) S 41":                               {},
		"":                                           {},
		")(":                                         {},
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
	for end := time.Now().Add(patience); time.Now().Before(end); {
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
		for end := time.Now().Add(patience); time.Now().Before(end); {
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
		for end := time.Now().Add(patience); time.Now().Before(end); {
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
