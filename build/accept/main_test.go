package accept

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ordinaryUID is the user of the supervisor role when the tests run as root.
const ordinaryUID = 1234

var (
	base      string // the folder of all cases, 0755
	moteBin   string // a copy of the file under test
	clientBin string // a link to it with the client's name
	victimBin string
	asRoot    bool
	uid       = os.Getuid()
	marker    = "ACCEPT_RUN=" + strconv.Itoa(os.Getpid()) + "." + strconv.FormatInt(time.Now().UnixNano(), 36)
	step      = 5 * time.Second // the deadline of one step
)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil && !isSet("test.parallel") {
		flag.Set("test.parallel", "8") // cases wait more than they compute
	}
	os.Exit(run(m))
}

func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

func run(m *testing.M) int {
	if n, err := strconv.Atoi(os.Getenv("MOTE_TEST_SLOW")); err == nil && n > 1 {
		step *= time.Duration(n)
	}
	if os.Getuid() == 0 {
		asRoot, uid = true, ordinaryUID
	}
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "accept:", err)
		return 1
	}
	defer os.RemoveAll(base)
	code := m.Run()
	if left := marked(marker); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "accept: processes of the cases are left: %s\n", describe(left))
		killAll(marker)
		code = 1
	}
	return code
}

// prepare puts the file under test, its client name and the victim where the
// ordinary user can reach them.
func prepare() error {
	var err error
	if base, err = os.MkdirTemp("", "acc"); err != nil {
		return err
	}
	if err := os.Chmod(base, 0o755); err != nil {
		return err
	}
	from := os.Getenv("MOTE_BIN")
	if from == "" {
		from = "../../out/mote"
	}
	moteBin, clientBin, victimBin = base+"/mote", base+"/motectl", base+"/victim"
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("cannot read the file under test: %w: run make, or set MOTE_BIN", err)
	}
	if err := os.WriteFile(moteBin, data, 0o755); err != nil {
		return err
	}
	if err := os.Symlink("mote", clientBin); err != nil {
		return err
	}
	if c := os.Getenv("MOTE_TEST_CLIENT"); c != "" {
		clientBin = c
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", victimBin, "./victim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the victim: %w\n%s", err, out)
	}
	return os.Chmod(victimBin, 0o755)
}

// marked gives the processes whose first environment holds a word; zombies
// and what belongs to others do not show theirs.
func marked(word string) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		env, err := os.ReadFile(d + "/environ")
		if err != nil {
			continue
		}
		for _, v := range strings.Split(string(env), "\x00") {
			if v == word {
				pid, _ := strconv.Atoi(filepath.Base(d))
				if pid != os.Getpid() {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}

func describe(pids []int) string {
	var all []string
	for _, p := range pids {
		cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
		all = append(all, fmt.Sprintf("%d (%s)", p, strings.TrimRight(strings.ReplaceAll(string(cmd), "\x00", " "), " ")))
	}
	return strings.Join(all, ", ")
}

// killAll ends every process that carries the word, and looks again, since a
// process may have forked meanwhile.
func killAll(word string) {
	for range 200 {
		pids := marked(word)
		if len(pids) == 0 {
			return
		}
		for _, p := range pids {
			syscall.Kill(p, syscall.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// needRoot skips a case of the rooted mode elsewhere.
func needRoot(t *testing.T) {
	t.Helper()
	if !asRoot {
		t.Skip("needs root: the case is about real users")
	}
}
