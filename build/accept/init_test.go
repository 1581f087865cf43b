package accept

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Mode is how the init is started.
type Mode int

const (
	supervisor Mode = iota
	machine
	container
	rooted // container role, real root
)

// Options are what a case may choose; the zero value will do for most.
type Options struct {
	Mode   Mode
	Files  map[string]string // the configuration, when it is more than one file; {V} and {D} as in start
	Root   map[string]string // further files of the root folder (modes with one)
	Args   []string          // further words of the command line
	Env    []string
	Launch []string // options of victim launch
	Dev    string   // few, host, none
	Bare   bool     // no -c, no configuration at all
	Dirty  bool     // the case says itself what stays alive
	NoWait bool     // do not wait for the socket
	AsRoot bool     // of the supervisor role: as root
	Group  string   // a cgroup to start the init in, as an open folder has it
	Bin    string   // another build than the file under test
}

// Init is one init under test and the folder that it lives in.
type Init struct {
	t    *testing.T
	opt  Options
	dir  string // the case's folder, or the root folder of the init
	sock string // the socket's path, seen from outside
	mark string
	cmd  *exec.Cmd
	out  output
	done chan struct{} // closed when the init is gone
	wait error
}

// output collects what the init says. The buffer is not embedded: its ReadFrom
// would go round the lock.
type output struct {
	sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.Lock()
	defer o.Unlock()
	return o.buf.Write(p)
}

func (o *output) text() string {
	o.Lock()
	defer o.Unlock()
	return o.buf.String()
}

var serial atomic.Int64

// start runs an init in the supervisor role with one file of configuration,
// in which {V} is the victim and {D} the case's folder, and waits until it
// answers.
func start(t *testing.T, config string) *Init {
	t.Helper()
	return startWith(t, Options{}, config)
}

func startWith(t *testing.T, opt Options, config string) *Init {
	t.Helper()
	in := prepareInit(t, opt, config)
	in.launch()
	if !opt.NoWait {
		in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	}
	return in
}

// prepareInit makes the folder and the files, but starts nothing.
func prepareInit(t *testing.T, opt Options, config string) *Init {
	t.Helper()
	n := serial.Add(1)
	if opt.Bin == "" {
		opt.Bin = moteBin
	}
	in := &Init{t: t, opt: opt, dir: fmt.Sprintf("%s/%d", base, n), mark: fmt.Sprintf("ACCEPT_ID=%d.%s", n, marker)}
	in.sock = in.dir + "/ctl/sock"
	in.mkdir("")
	in.mkdir("ctl")
	in.mkdir("w")
	if opt.Mode != supervisor {
		for _, d := range []string{"etc", "run", "tmp", "sys", "bin"} {
			in.mkdir(d)
		}
		in.install(opt.Bin, "mote")
		in.install(victimBin, "victim")
		must(t, os.Symlink("mote", in.dir+"/motectl"))
		for name, text := range opt.Root {
			in.write(name, text)
		}
	}
	if opt.Files == nil && !opt.Bare {
		opt.Files = map[string]string{"test.conf": config}
	}
	if !opt.Bare {
		in.mkdir("c")
	}
	for name, text := range opt.Files {
		in.write("c/"+name, in.expand(text))
	}
	return in
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inside gives a path as the init sees it.
func (in *Init) inside(path string) string {
	if in.opt.Mode == supervisor {
		return in.dir + "/" + path
	}
	return "/" + path
}

func (in *Init) expand(text string) string {
	victim := victimBin
	if in.opt.Mode != supervisor {
		victim = "/victim"
	}
	return strings.NewReplacer("{V}", victim, "{D}", in.inside("w"), "{C}", in.inside("c")).Replace(text)
}

func (in *Init) own(path string) {
	in.t.Helper()
	if asRoot && in.opt.Mode != rooted && !in.opt.AsRoot {
		must(in.t, os.Lchown(path, uid, uid))
	}
}

func (in *Init) mkdir(name string) {
	in.t.Helper()
	path := filepath.Join(in.dir, name)
	must(in.t, os.MkdirAll(path, 0o755))
	in.own(path)
}

func (in *Init) write(name, text string) {
	in.t.Helper()
	path := filepath.Join(in.dir, name)
	must(in.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(in.t, os.WriteFile(path, []byte(text), 0o644))
	in.own(path)
}

// install puts a program into the root folder, as a link where that works.
func (in *Init) install(from, name string) {
	in.t.Helper()
	to := filepath.Join(in.dir, name)
	if os.Link(from, to) == nil {
		return
	}
	data, err := os.ReadFile(from)
	must(in.t, err)
	must(in.t, os.WriteFile(to, data, 0o755))
}

// credential makes a child of the tests an ordinary user.
func credential() *syscall.Credential {
	if !asRoot {
		return nil
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
}

// namespaces are what makes the child PID 1 of its own world.
func namespaces(real bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
	if !real {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid(), Size: 1}}
		if asRoot {
			a.GidMappingsEnableSetgroups = true
			a.Credential = &syscall.Credential{Uid: 0, Gid: 0}
		}
	}
	return a
}

func gid() int {
	if asRoot {
		return uid
	}
	return os.Getgid()
}

// launch starts the init. The end of the case ends it.
func (in *Init) launch() {
	in.t.Helper()
	args := []string{"init", "-s", in.inside("ctl/sock")}
	switch in.opt.Mode {
	case machine:
		args = append(args, "--machine")
	case container, rooted:
		args = append(args, "--container")
	}
	if !in.opt.Bare {
		args = append(args, "-c", in.inside("c"))
	}
	args = append(args, in.opt.Args...)
	in.exec(args...)
	in.t.Cleanup(in.end)
}

// exec runs the file under test with these words, in the case's mode.
func (in *Init) exec(args ...string) {
	in.t.Helper()
	line := append([]string{"launch"}, in.opt.Launch...)
	attr := &syscall.SysProcAttr{Credential: credential()}
	if in.opt.Mode == supervisor {
		line = append(line, "--", in.opt.Bin)
	} else {
		attr = namespaces(in.opt.Mode == rooted)
		dev := in.opt.Dev
		if dev == "" {
			dev = "few"
		}
		line = append(line, "-root", in.dir, "-dev", dev, "--", "/mote")
	}
	in.cmd = exec.Command(victimBin, append(line, args...)...)
	in.place(attr)
	in.cmd.SysProcAttr = attr
	in.cmd.Dir = "/"
	in.cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", marker, in.mark}, in.opt.Env...)
	in.cmd.Stdout, in.cmd.Stderr = &in.out, &in.out
	in.cmd.WaitDelay = step
	must(in.t, in.cmd.Start())
	in.done = make(chan struct{})
	go func() { in.wait = in.cmd.Wait(); close(in.done) }()
}

// pid is the init's pid, seen from outside.
func (in *Init) pid() int { return in.cmd.Process.Pid }

// gone waits for the init's end and gives its exit status, 128+n for a signal.
func (in *Init) gone(within time.Duration) int {
	in.t.Helper()
	select {
	case <-in.done:
	case <-time.After(within):
		in.t.Fatalf("the init still runs after %v", within)
	}
	ws := in.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// over reports whether the init is gone.
func (in *Init) over() bool {
	select {
	case <-in.done:
		return true
	default:
		return false
	}
}

// end stops the init in order, says what it left behind, and kills the rest.
func (in *Init) end() {
	if in.t.Failed() {
		in.dump()
	}
	if !in.over() && in.opt.Mode == supervisor && !in.t.Failed() {
		syscall.Kill(in.pid(), syscall.SIGTERM)
		select {
		case <-in.done:
		case <-time.After(3 * step):
			in.t.Errorf("TERM did not end the init in %v", 3*step)
			in.dump()
		}
	}
	clean := in.over()
	if !clean {
		syscall.Kill(in.pid(), syscall.SIGKILL)
	}
	<-in.done
	if in.opt.Mode == supervisor {
		if left := marked(in.mark); len(left) > 0 && clean && !in.opt.Dirty {
			in.t.Errorf("SPEC 8: the init left behind: %s", describe(left))
		}
		killAll(in.mark)
	}
	os.RemoveAll(in.dir)
}

// dump prints what one needs to understand a failure.
func (in *Init) dump() {
	files, _ := filepath.Glob(in.dir + "/c/*")
	for _, f := range files {
		data, _ := os.ReadFile(f)
		in.t.Logf("---- configuration %s\n%.1500s", filepath.Base(f), data)
	}
	said := in.out.text()
	in.t.Logf("---- the init said\n%s", said[max(len(said)-3000, 0):])
	if !in.over() {
		in.t.Logf("---- list\n%.2000s", in.ctl("list").all())
	}
	files, _ = filepath.Glob(in.dir + "/w/*")
	for _, f := range files {
		if st, err := os.Stat(f); err == nil && st.Mode().IsRegular() && st.Size() < 1<<20 {
			data, _ := os.ReadFile(f)
			in.t.Logf("---- file %s\n%.1000s", filepath.Base(f), data)
		}
	}
}

// signal sends a signal to the init from outside.
func (in *Init) signal(s syscall.Signal) {
	in.t.Helper()
	must(in.t, syscall.Kill(in.pid(), s))
}

// children gives the pids of the init's children, seen from outside, that are
// in one of these states (R, S, Z, ...; empty for all).
func (in *Init) children(states string) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, d := range dirs {
		data, err := os.ReadFile(d)
		if err != nil {
			continue
		}
		f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(f) > 2 && f[1] == strconv.Itoa(in.pid()) && (states == "" || strings.Contains(states, f[0])) {
			pid, _ := strconv.Atoi(strings.Split(d, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// memory gives the init's resident kilobytes that are its own.
func (in *Init) memory() int {
	in.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", in.pid()))
	must(in.t, err)
	for _, l := range strings.Split(string(data), "\n") {
		if v, ok := strings.CutPrefix(l, "RssAnon:"); ok {
			n, _ := strconv.Atoi(strings.Fields(v)[0])
			return n
		}
	}
	in.t.Fatal("no RssAnon")
	return 0
}

// flat fails when the init has grown: whatever went on, its own memory stays
// below what one Go heap takes before its first collection (4 MiB) and the
// runtime beside it.
func (in *Init) flat() {
	in.t.Helper()
	if m := in.memory(); m > 6<<10 {
		in.t.Errorf("the init has %d kB of its own", m)
	}
}

// descriptors gives the number of the init's open files, -1 where /proc hides them.
func (in *Init) descriptors() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", in.pid()))
	if err != nil {
		return -1
	}
	return len(entries)
}
