package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A child comes to be in four ways: shared or copied, by clone3 or clone. The
// other tests take the first that this build and this kernel have.
func TestSpawnWays(t *testing.T) {
	clear := haveClearSighand
	defer func() { neverShare, haveClearSighand = false, clear }()
	for _, neverShare = range []bool{false, true} {
		for _, haveClearSighand = range []bool{false, clear} {
			t.Run(fmt.Sprintf("shared=%t,clone3=%t", !neverShare, haveClearSighand), func(t *testing.T) {
				t.Run("Exit", TestSpawnExit)
				t.Run("Clean", TestSpawnClean)
				t.Run("Ignored", testSpawnIgnored)
				t.Run("Session", TestSpawnSession)
				t.Run("Descriptors", TestSpawnDescriptors)
				t.Run("PidVars", TestSpawnPidVars)
				t.Run("Failures", TestSpawnFailures)
				t.Run("Context", TestSpawnContext)
				t.Run("Limits", TestContextLimits)
				t.Run("Priorities", TestContextPriorities)
				t.Run("Caps", TestContextCaps)
				t.Run("Chroot", TestContextChroot)
				t.Run("KillEarly", TestSpawnKillEarly)
				t.Run("Allocations", TestSpawnAllocations)
			})
		}
	}
}

// The child knows its own pid before it is one that others know.
func TestSpawnPidVars(t *testing.T) {
	s := sh("echo $A $PID $B $$; exec env")
	s.Env = []string{"PATH=/usr/bin:/bin", "A=a", "B=b"}
	s.PidVars = [2]string{"PID", "PID2"}
	for range 3 {
		got := run(t, s)
		pid := fmt.Sprint(got.exit.Pid)
		if !strings.HasPrefix(got.out, "a "+pid+" b "+pid+"\n") || strings.Count(got.out, "PID="+pid+"\n") != 1 || strings.Count(got.out, "PID2="+pid+"\n") != 1 {
			t.Errorf("pid %s: %q, %v", pid, got.out, got.fail)
		}
	}
}

func testSpawnIgnored(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGTSTP, 32, 34} {
		setDisposition(int(sig), sigIgn)
		defer setDisposition(int(sig), sigDfl)
	}
	if got := status(t, catStatus(), "SigIgn"); got != "0000000000000000" {
		t.Errorf("the child ignores %s", got)
	}
}

// The kernel gives up clone3's flag by EINVAL: the spawn goes on without.
func TestSpawnOldClone3(t *testing.T) {
	if !haveClearSighand {
		return // as it is anyway
	}
	defer func() { haveClearSighand, clone3Extra = true, 0 }()
	clone3Extra = 1 << 63 // no kernel knows it
	if got := run(t, sh("exit 5")); got.exit.Code != 5 || got.fail != nil || haveClearSighand {
		t.Errorf("%+v, clone3 %t", got, haveClearSighand)
	}
}

// namedPTY is the master of a pseudoterminal and the path of its terminal.
func namedPTY(t *testing.T) (master int, name string) {
	t.Helper()
	master, terminal := pty(t)
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", terminal))
	if err != nil {
		t.Fatal(err)
	}
	return master, name
}

// readLines reads n lines of the master: what was written before an exit may
// come after it, since the kernel passes it on in a worker.
func readLines(t *testing.T, master, n int) []string {
	t.Helper()
	poll, err := NewPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.Close()
	timer, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.Close()
	timer.Arm(Now() + int64(patience))
	poll.Add(master, unix.EPOLLIN, 0)
	poll.Add(timer.FD(), unix.EPOLLIN, 1)
	var text []byte
	var ready [1]Ready
	for strings.Count(string(text), "\n") < n {
		if got, _ := poll.Wait(ready[:]); got == 1 && ready[0].Token == 1 {
			t.Fatalf("only %q after %v", text, patience)
		}
		buf := make([]byte, 4096)
		if got, err := unix.Read(master, buf); err == nil {
			text = append(text, buf[:got]...)
		}
	}
	return strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
}

func TestSpawnTTY(t *testing.T) {
	master, name := namedPTY(t)
	s := sh("tty; echo to tty >/dev/tty; grep flags /proc/self/fdinfo/0; echo $$ $(cut -d' ' -f6,8 /proc/$$/stat)")
	s.TTY, s.TTYOut = name, true
	p, err := Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	fail, exit := finish(t, p)
	if fail != nil || exit.Code != 0 {
		t.Fatalf("%v %+v", fail, exit)
	}
	lines := readLines(t, master, 4)
	var flags uint64
	if lines[0] != name || lines[1] != "to tty" {
		t.Fatalf("%q", lines)
	}
	fmt.Sscanf(strings.TrimPrefix(lines[2], "flags:"), "%o", &flags)
	if flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the terminal is left non-blocking: %q", lines[2])
	}
	if want := fmt.Sprint(p.Pid, " ", p.Pid, " ", p.Pid); lines[3] != want {
		t.Errorf("pid, session, foreground group: %q, want %q", lines[3], want)
	}
}

// A command of the wrapper gets the terminal: its group is the foreground one.
func TestSpawnForeground(t *testing.T) {
	master, name := namedPTY(t)
	exe, _ := os.Executable()
	s := NewSpec([]string{exe}, []string{exe}, append(os.Environ(), helperVar+"=foreground"))
	s.TTY, s.TTYOut = name, true
	p, err := Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	if fail, exit := finish(t, p); fail != nil || exit.Code != 0 {
		t.Fatalf("%v %+v", fail, exit)
	}
	if got := readLines(t, master, 1)[0]; got != "foreground" {
		t.Errorf("%q", got)
	}
}

func helperForeground() {
	Early()
	s := sh("set -- $(cut -d' ' -f5,8 /proc/$$/stat); [ $1 = $$ ] && [ $2 = $$ ] && echo foreground || echo $$ $*")
	s.Group, s.Inherit = GroupForeground, true
	p, err := Spawn(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	waitDead(p.Pid)
}

func TestSpawnInherit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	fd, err := unix.Open(file, unix.O_CREAT|unix.O_RDWR, 0o600) // not close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	s := sh(fmt.Sprintf("ls -l /proc/self/fd >/proc/self/fd/%d", fd))
	s.Inherit = true
	p, err := Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	if fail, exit := finish(t, p); fail != nil || exit.Code != 0 {
		t.Fatalf("%v %+v", fail, exit)
	}
	out, _ := os.ReadFile(file)
	if !strings.Contains(string(out), fmt.Sprintf("%d -> %s\n", fd, file)) || strings.Contains(string(out), "mountinfo") {
		t.Errorf("%s", out)
	}
}
