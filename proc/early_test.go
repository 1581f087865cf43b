package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestStageEnviron(t *testing.T) {
	for _, user := range [][]string{
		{},
		{"A=1", "B="},
		{"GOMAXPROCS=7"},
		{"GODEBUG="},
		{"A=1", "GODEBUG=madvdontneed=1", "GOMAXPROCS="},
		{"GODEBUGX=1", "no equals sign", ""},
	} {
		staged := stageEnviron(user, 42)
		if !isSecondImage(staged, 42) || isSecondImage(staged, 43) {
			t.Errorf("%q is not marked for 42", staged)
		}
		if v, _ := lookup(staged, procsVar); v != "1" {
			t.Errorf("GOMAXPROCS is %q in %q", v, staged)
		}
		if v, _ := lookup(staged, debugVar); !strings.HasSuffix(v, debugValue) {
			t.Errorf("GODEBUG is %q", v)
		}
		back := userEnviron(staged, 42)
		slices.Sort(back)
		want := slices.Sorted(slices.Values(user))
		if !slices.Equal(back, want) {
			t.Errorf("%q comes back as %q", user, back)
		}
	}
	// Another process's stage is not ours to undo.
	got := userEnviron([]string{"MOTE_STAGE=1", "MOTE_GODEBUG=x", "GOMAXPROCS=3"}, 42)
	if !slices.Equal(got, []string{"GOMAXPROCS=3"}) {
		t.Errorf("%q", got)
	}
}

// The second image knows what the first was given, and children are given that.
func TestEarly(t *testing.T) {
	procs := "1"
	for _, tc := range []struct{ name, script, want string }{
		{"as it is", `exec "$0"`, procs + " [] " + wantMode()},
		{"user's values", `GOMAXPROCS=2 GODEBUG=madvdontneed=1 exec "$0"`,
			procs + " [GODEBUG=madvdontneed=1 GOMAXPROCS=2] " + wantMode()},
		// Executed once and still no full mask: never again.
		{"no loop", `MOTE_STAGE=$$ exec "$0"`, procs + " [] runtime"},
		{"inherited stage", `MOTE_STAGE=1 MOTE_GODEBUG=x exec "$0"`, procs + " [] " + wantMode()},
	} {
		got := helperWith(t, "early", []string{"/bin/sh", "-c", "unset GOMAXPROCS GODEBUG; " + tc.script})
		if strings.TrimSpace(got) != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func helperEarly() {
	Early()
	s, err := OpenSignals()
	if err != nil {
		fmt.Println(err)
		return
	}
	var seen []string
	for _, kv := range Environ() {
		if strings.HasPrefix(kv, "GOMAXPROCS=") || strings.HasPrefix(kv, "GODEBUG=") || strings.HasPrefix(kv, "MOTE") {
			seen = append(seen, kv)
		}
	}
	slices.Sort(seen)
	fmt.Println(runtime.GOMAXPROCS(0), seen, s.Mode())
}

// An image that replaces itself under a flood of TERM and CHLD lives, and the
// signals of the time in between are still there afterwards.
func TestReexecUnderSignals(t *testing.T) {
	if !hasOverlay() {
		t.Skip("without the overlay the runtime ends on a TERM before main")
	}
	exe, _ := os.Executable()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), helperVar+"=reexec", "ROUNDS=30")
	cmd.Stderr = os.Stderr
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	if line, _ := out.ReadString('\n'); line != "begin\n" {
		t.Fatalf("%q", line)
	}
	ended := make(chan string, 1)
	go func() {
		line, _ := out.ReadString('\n')
		ended <- fmt.Sprint(line, cmd.Wait())
	}()
	deadline := time.After(patience)
	for {
		select {
		case end := <-ended:
			if end != "TERM was kept\n<nil>" {
				t.Errorf("%q", end)
			}
			return
		case <-deadline:
			cmd.Process.Kill()
			t.Fatal("the helper did not end")
		case <-time.After(100 * time.Microsecond):
			unix.Kill(cmd.Process.Pid, unix.SIGTERM)
			unix.Kill(cmd.Process.Pid, unix.SIGHUP)
		}
	}
}

func helperReexec() {
	Early()
	rounds, _ := strconv.Atoi(os.Getenv("ROUNDS"))
	if rounds == 30 {
		unix.Kill(os.Getpid(), unix.SIGTERM) // one for certain, taken at the end
		fmt.Println("begin")
	}
	if rounds > 0 {
		env := append(without(syscall.Environ(), "ROUNDS"), "ROUNDS="+strconv.Itoa(rounds-1))
		exe, _ := os.Executable()
		fmt.Println(syscall.Exec(exe, os.Args, env))
		return
	}
	s, err := OpenSignals()
	if err != nil || s.Mode() != "signalfd" {
		fmt.Println(s.Mode(), err)
		return
	}
	for sig, ok := s.Next(); ok; sig, ok = s.Next() {
		if sig.Number == int(unix.SIGTERM) {
			fmt.Println("TERM was kept")
			return
		}
	}
}
