package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
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

// An image that replaces itself under a flood of signals lives, and those of the
// time in between are still there afterwards. Without the overlay the runtime ends on a TERM before
// main; HUP and INT must not end it there either, and are heard again later.
func TestReexecUnderSignals(t *testing.T) {
	flood := []unix.Signal{unix.SIGHUP, unix.SIGINT}
	if hasOverlay() {
		flood = append(flood, unix.SIGTERM, unix.SIGQUIT, unix.SIGCHLD, unix.SIGUSR1)
	}
	exe, _ := os.Executable()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), helperVar+"=reexec")
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
		text, _ := io.ReadAll(out)
		ended <- fmt.Sprint(string(text), cmd.Wait())
	}()
	deadline := time.After(patience)
	sent := 0
	for {
		select {
		case end := <-ended:
			if end != fmt.Sprint("kept\n", nil) {
				t.Errorf("%q after %d signals", end, sent)
			}
			return
		case <-deadline:
			cmd.Process.Kill()
			t.Fatal("the helper did not end")
		case <-time.After(100 * time.Microsecond):
			for _, sig := range flood {
				unix.Kill(cmd.Process.Pid, sig)
				sent++
			}
		}
	}
}

// helperReexec replaces itself a hundred times. Signals that it has had from the
// beginning, and has not looked at, are there in the end: as many as were sent where
// the kernel keeps them. Without the overlay it then waits for a HUP, too.
func helperReexec() {
	Early()
	s, err := OpenSignals()
	check(err)
	const once = 34 + 5
	rounds, _ := strconv.Atoi(os.Getenv("ROUNDS"))
	if rounds == 0 {
		for range 3 {
			unix.Kill(os.Getpid(), once)
		}
		fmt.Println("begin")
	}
	for s.runtime && s.pending.Load()>>(once-1)&1 == 0 {
		runtime.Gosched()
	}
	if rounds < 100 {
		img, err := OpenImage(SelfPath())
		check(err)
		check(Reexec(img, Args(), append(without(Environ(), "ROUNDS"), "ROUNDS="+strconv.Itoa(rounds+1)), nil))
	}
	had := [65]int{}
	for until := time.Now().Add(patience); time.Now().Before(until); {
		sig, ok := s.Next()
		had[sig.Number]++
		if ok && s.runtime && had[unix.SIGHUP] > 0 && had[once] == 1 || had[once] == 3 && had[unix.SIGTERM] > 0 {
			fmt.Println("kept")
			return
		}
	}
	fmt.Println(s.Mode(), had)
}
