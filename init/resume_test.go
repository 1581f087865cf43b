package pid1

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// sealedText gives a descriptor of a text that nobody can change, as an image finds it.
func sealedText(t *testing.T, text string) int {
	t.Helper()
	s, err := proc.NewSealed("test")
	if err == nil {
		err = s.Write([]byte(text))
	}
	if err == nil {
		err = s.Seal()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.FD()
}

// The variable is believed of a sealed file alone, and of this very process; what is
// damaged is salvaged, what is another's is nothing.
func TestInheritState(t *testing.T) {
	in := testInit(t, "service a /bin/true\n")
	good := textOfState(t, in)
	in.pid++
	other := textOfState(t, in)
	in.pid--
	head, body, _ := strings.Cut(good[:strings.LastIndex(good, "end ")], "\n")
	boot, _ := proc.BootID()
	early := signed(head, strings.Replace(body, boot, "another", 1))
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	open, err := proc.NewMemfd("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pipe[0]); unix.Close(pipe[1]); unix.Close(open) })
	for _, c := range []struct {
		what, word, why string
		goes, salvage   bool
	}{
		{"its own", strconv.Itoa(sealedText(t, good)), "", true, true},
		{"a word", "x", "", false, false},
		{"stdout", "1", "", false, false},
		{"a pipe", strconv.Itoa(pipe[0]), "it is no memory file", false, false},
		{"not sealed", strconv.Itoa(open), "it is not sealed", false, false},
		{"closed", "99999", "bad file descriptor", false, false},
		{"another boot's", strconv.Itoa(sealedText(t, early)), "it is the state of another boot", false, true},
		{"another's", strconv.Itoa(sealedText(t, other)), "it is the state of pid ", false, false},
		{"cut", strconv.Itoa(sealedText(t, good[:len(good)-9])), "it is cut", false, true},
		{"hostile", strconv.Itoa(sealedText(t, strings.Repeat("\xff\x00\n", 1000))), "it is no snapshot", false, true},
		{"empty", strconv.Itoa(sealedText(t, "")), "it is no snapshot", false, true},
	} {
		t.Setenv(stateVar, c.word)
		s, old, why := inheritState()
		if (s != nil) != c.goes || (old != nil) != c.salvage || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %v, %v, %q", c.what, s != nil, old != nil, why)
		}
		if fd, err := strconv.Atoi(c.word); err == nil && fd > 2 && c.salvage {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				t.Errorf("%s: descriptor %d is open", c.what, fd)
			}
		} else if c.what == "another's" {
			unix.Close(fd)
		}
	}
}

// A state is that of one process of one boot.
func TestWhose(t *testing.T) {
	pid := unix.Getpid()
	tick, ok := proc.StartTick(pid)
	boot, err := proc.BootID()
	if !ok || err != nil || boot == "" {
		t.Fatal("/proc is not as it should be")
	}
	good := savedHead{Pid: pid, Boot: boot, Tick: tick}
	for want, h := range map[string]savedHead{
		"<nil>": good,
		"it is the state of pid 1, not of " + strconv.Itoa(pid): {Pid: 1, Boot: good.Boot, Tick: tick},
		"it is the state of another boot":                       {Pid: pid, Boot: "x", Tick: tick},
		"it is the state of a machine's init, which is pid 1":   {Pid: pid, Boot: good.Boot, Tick: tick, Role: Machine},
		"it is the state of an earlier process with this pid":   {Pid: pid, Boot: good.Boot, Tick: tick + 1},
	} {
		text := "<nil>"
		if err := h.whose(pid); err != nil {
			text = err.Error()
		}
		if text != want {
			t.Errorf("%q, expected %q", text, want)
		}
	}
}

// A state that cannot say of what boot it is, since no descriptor is left, is none: the
// next image would not believe it, and begin anew among services that run.
func TestStateWithoutDescriptors(t *testing.T) {
	in := &Init{pid: unix.Getpid(), role: Supervisor, conf: &graph.Config{}, world: graph.NewWorld(nil), logs: NewLogs(nil)}
	whole := textOfState(t, in)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	_, _, err := in.putState(func([]byte) error { return nil })
	unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
	if !strings.Contains(whole, " boot=") || err == nil || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("%v\n%s", err, whole)
	}
}

// What a program says is one line of a bounded length in the reason.
func TestOutcome(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "it ended with exit code 3 and said nothing",
		" a\nb\x1b[31m\u0085c\n": `it ended with exit code 3 and said "a b?[31m?c"`,
		"\xff":                   `it ended with exit code 3 and said "?"`,
	} {
		if got := outcome(proc.Exit{Code: 3}, text); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
	if got := outcome(proc.Exit{Signal: 9}, strings.Repeat("x", 4096)); len(got) > 400 || !strings.HasPrefix(got, "it was ended by KILL and said ") {
		t.Errorf("%q", got)
	}
}

// changedImage is a program that was checked and is another one by now.
func changedImage(t *testing.T) *proc.Image {
	t.Helper()
	path := t.TempDir() + "/changed"
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	img, err := proc.OpenImage(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(img.Close)
	if err := os.WriteFile(path, append(program, 0), 0o755); err != nil { // it is never executed
		t.Fatal(err)
	}
	return img
}

// An exec that fails when a CHLD has been taken off the queue leaves no child unseen.
func TestSignalsBeforeAnExecThatFails(t *testing.T) {
	in := testInit(t, "service web /bin/web\n")
	in.upgrade.stage, in.upgrade.image = agreed, changedImage(t)
	in.signaled, in.again = false, false
	in.upgrade.turn()
	if in.upgrade.stage != noUpgrade || !strings.Contains(in.own(), "was changed since") || !in.signaled || !in.again {
		t.Errorf("stage %d, signaled %v, again %v\n%s", in.upgrade.stage, in.signaled, in.again, in.own())
	}
}

// A state that this very program could not read is not given to it after a panic: the
// next image would have to begin anew.
func TestSpoiledStateIsNoReasonToStartOver(t *testing.T) {
	in, img := testInit(t, "service web /bin/web\n"), changedImage(t)
	if err := in.execute(img, "panic"); err == nil || !strings.Contains(err.Error(), "was changed since") {
		t.Errorf("a good state: %v", err)
	}
	in.units[0].sid = -1
	if err := in.execute(img, "panic"); err == nil || !strings.Contains(err.Error(), "io: it cannot be") {
		t.Errorf("a spoiled state: %v", err)
	}
}

// What a re-exec begins again is not begun of a unit that was stopped meanwhile.
func TestBegunAgainWhileWanted(t *testing.T) {
	in := testInit(t, "service web /bin/sleep 1000\n  start manual\n  listen unix "+t.TempDir()+"/sock\n")
	in.checks = []graph.Effect{{Kind: graph.Open}}
	in.catchUp()
	if in.units[0].socks != nil || len(in.checks) != 0 {
		t.Errorf("its sockets are open, or %d effects wait", len(in.checks))
	}
}
