package accept

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mote/build/rebuild"
)

// image names what runs as the init: each exec puts other random bytes and another
// stack address into the new image's auxiliary vector (getauxval(3), AT_RANDOM).
func (in *Init) image() string {
	in.t.Helper()
	var data []byte
	in.until("the init has an auxiliary vector", func() bool { // none in the middle of an exec
		var err error
		data, err = os.ReadFile(fmt.Sprintf("/proc/%d/auxv", in.pid()))
		return err == nil && len(data) > 0
	})
	return string(data)
}

// upgrade re-executes the init by the client, and wants that it did.
func (in *Init) upgrade(path ...string) {
	in.t.Helper()
	was := in.image()
	in.ok(append([]string{"upgrade"}, path...)...)
	if in.image() == was {
		in.t.Fatalf("upgrade %v exits 0, and the old image goes on", path)
	}
}

// reexec has the init re-execute itself by the signal, and waits until the next image is
// at work: one without the overlay hears no signal before.
func (in *Init) reexec() {
	in.t.Helper()
	was := in.image()
	in.signal(rt0 + 25)
	in.until("another image runs", func() bool { return in.image() != was })
	in.ok("ping")
}

// built are other builds of the file under test, by version and tags.
var built struct {
	sync.Mutex
	path map[string]string
}

// build makes the file under test once more, with another version and further build
// tags, in the same way as the Makefile and with the overlay if it has that.
func build(t *testing.T, version, tags string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	name := "mote-" + version + "-" + tags
	if path := built.path[name]; path != "" {
		return path
	}
	out := base + "/build-" + version + tags
	path, err := rebuild.Build("../..", out, version, tags, hasOverlay(t))
	must(t, err)
	must(t, os.Chmod(out, 0o755))
	must(t, os.Chmod(path, 0o755))
	if built.path == nil {
		built.path = map[string]string{}
	}
	built.path[name] = path
	return path
}

// other gives a build with another version, as the init finds it.
func (in *Init) other(version, tags string) string {
	in.t.Helper()
	path := build(in.t, version, tags)
	if in.opt.Mode == supervisor {
		return path
	}
	name := "mote-" + filepath.Base(filepath.Dir(path))
	if _, err := os.Lstat(in.dir + "/" + name); err != nil {
		in.install(path, name)
	}
	return "/" + name
}

// passing are keys of status --json that go on by themselves.
var passing = []string{"uptime_ms", "cpu_ms", "memory_bytes", "health_ms", "health_age_ms", "health_error_age_ms", "next_ms"}

// picture is all that list --json says, and when it was asked and answered.
type picture struct {
	units       map[string]map[string]any
	next        map[string]float64 // next_ms
	asked, came time.Time
}

func (in *Init) picture() picture {
	in.t.Helper()
	p := picture{units: map[string]map[string]any{}, next: map[string]float64{}, asked: time.Now()}
	r := in.ctl("--json", "list")
	p.came = time.Now()
	var all []map[string]any
	if err := json.Unmarshal([]byte(r.out), &all); err != nil {
		in.t.Fatalf("list --json: exit %d, %v\n%.1000s", r.code, err, r.all())
	}
	for _, u := range all {
		name := u["name"].(string)
		if n, ok := u["next_ms"].(float64); ok {
			p.next[name] = n
		}
		for _, k := range passing {
			delete(u, k)
		}
		if reason, ok := u["reason"].(string); ok { // "exit 1; next try in 4s"
			u["reason"], _, _ = strings.Cut(reason, "; next")
		}
		p.units[name] = u
	}
	return p
}

// same fails when a unit is not as it was, but for what goes on by itself: the time
// to its next start went on by as much as has passed.
func (in *Init) same(was, is picture) {
	in.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(was.units)) {
		if now := is.units[name]; now == nil {
			in.t.Errorf("%s is gone", name)
		} else {
			for k, v := range was.units[name] {
				if !reflect.DeepEqual(v, now[k]) {
					in.t.Errorf("%s: %s was %v, is %v", name, k, v, now[k])
				}
			}
		}
	}
	if len(is.units) != len(was.units) {
		in.t.Errorf("%d units, were %d", len(is.units), len(was.units))
	}
	const rounding = 2 // ms
	low, high := float64(is.asked.Sub(was.came).Milliseconds())-rounding, float64(is.came.Sub(was.asked).Milliseconds())+rounding
	for name, n := range was.next {
		now, ok := is.next[name]
		if passed := n - now; !ok || passed < low || passed > high {
			in.t.Errorf("%s: its next start was %v ms away and is %v ms (%v); %v to %v ms have passed", name, n, now, ok, low, high)
		}
	}
}

// owner makes a child of the tests the user that the init runs as, seen from outside.
func (in *Init) owner() *syscall.SysProcAttr {
	if in.opt.Mode == rooted || in.opt.AsRoot {
		return nil
	}
	return &syscall.SysProcAttr{Credential: credential()}
}

// asked is a client that waits for its answer.
type asked struct {
	in        *Init
	words     []string
	cmd       *exec.Cmd
	out, errs bytes.Buffer
	done      chan error
}

// asks starts a client, and returns when it waits.
func (in *Init) asks(words ...string) *asked {
	in.t.Helper()
	a := in.begins(words...)
	in.until(fmt.Sprintf("the client %v waits", words), func() bool { return sleeping(a.cmd.Process.Pid) })
	return a
}

// begins starts a client.
func (in *Init) begins(words ...string) *asked {
	in.t.Helper()
	a := &asked{in: in, words: words, done: make(chan error, 1)}
	a.cmd = exec.Command(clientBin, append([]string{"-s", in.sock}, words...)...)
	a.cmd.SysProcAttr = in.owner()
	a.cmd.Env = []string{marker, "NO_COLOR=1"}
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.errs
	must(in.t, a.cmd.Start())
	go func() { a.done <- a.cmd.Wait() }()
	in.t.Cleanup(func() { a.cmd.Process.Kill() })
	return a
}

// result waits for its end.
func (a *asked) result(within time.Duration) result {
	a.in.t.Helper()
	select {
	case <-a.done:
	case <-time.After(within):
		a.in.t.Fatalf("the client %v still waits after %v", a.words, within)
	}
	return result{a.out.String(), a.errs.String(), a.cmd.ProcessState.ExitCode()}
}

// answered wants its answer, and the exit status.
func (a *asked) answered(code int) string {
	a.in.t.Helper()
	r := a.result(2 * step)
	if r.code != code {
		a.in.t.Errorf("the client %v exits %d, want %d\n%s", a.words, r.code, code, r.all())
	}
	return r.all()
}

// openFiles counts the init's open files of each kind; none where /proc hides them.
func (in *Init) openFiles() map[string]int {
	kinds := map[string]int{}
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", in.pid()))
	for _, n := range names {
		if to, err := os.Readlink(n); err == nil {
			if kind, _, ok := strings.Cut(to, ":["); ok && kind != "anon_inode" {
				to = kind // without the number
			}
			kinds[to]++
		}
	}
	return kinds
}

// noMoreFiles waits until the init has no more open files of any kind than it had, but
// for the two of the runtime's poller, which comes with a file that package os opens,
// the few of /dev/null that hold places for a child's descriptors (proc/share.go), and
// the list of mounts, which is kept open once it was asked for (proc/mountinfo.go).
func (in *Init) noMoreFiles(had map[string]int) {
	in.t.Helper()
	more := ""
	for end := time.Now().Add(step); ; time.Sleep(10 * time.Millisecond) {
		more = ""
		has := in.openFiles()
		for kind, n := range has {
			if kind == "anon_inode:[eventpoll]" || kind == "anon_inode:[eventfd]" {
				n--
			}
			if kind == "/dev/null" {
				n -= 8
			}
			if strings.HasSuffix(kind, "/mountinfo") {
				n--
			}
			if n > had[kind] {
				more += fmt.Sprintf(" %d %s (had %d)", n, kind, had[kind])
			}
		}
		if more == "" {
			return
		}
		if time.Now().After(end) {
			in.t.Errorf("the init has more open files than before:%s", more)
			return
		}
	}
}
