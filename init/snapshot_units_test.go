package pid1

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// firstWords are what the next image says before it takes the state over.
var firstWords string

// reborn makes the init one that has its state from a snapshot alone, as the image
// does that is executed: of the process only the descriptors that go with it are left,
// and the children. It is not turned yet. Some descriptors may get lost on the way.
func (in *Init) reborn(t *testing.T, lost ...int) {
	t.Helper()
	var b strings.Builder
	_, fds, err := in.putState(func(p []byte) error { b.Write(p); return nil })
	if err != nil {
		t.Fatal(err)
	}
	text := b.String()
	s, err := readState(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(s.snap.Unknown) > 0 {
		t.Errorf("unknown: %q", s.snap.Unknown)
	}
	old := *in
	in.poll.Close()
	in.timer.Close()
	for _, timer := range []*proc.Timer{in.clocks.bootTimer, in.clocks.timer} {
		if timer != nil {
			timer.Close()
		}
	}
	for id := range in.units {
		if h := in.units[id].health; h != nil && h.fd > 0 {
			unix.Close(int(h.fd))
		}
	}
	*in = Init{pid: old.pid, uid: old.uid, role: old.role, sigs: old.sigs, now: old.now, wall: old.wall,
		procs: make(map[int]*process), asks: make(map[graph.ID]*proc.Asking), mute: make(map[graph.ID]string)}
	in.server.in, in.end.in, in.critical.in, in.dog.in, in.booted.in = in, in, in, in, in
	in.filer.worker, in.syslog.worker = worker{in: in, what: "log files", whose: helpFiler, stdin: 1}, worker{in: in, what: "syslog", whose: helpSyslog, stdin: 1}
	in.server.limit = maxClients
	in.logs = NewLogs(nil)
	if old.arena != nil {
		in.arena = proc.NewArena()
		in.logs.space = in.arena
	}
	in.logs.OnHold, in.logs.OnBlocked = in.holdLog, in.sinkBlocked
	in.logs.SetClock(in.wall, in.now)
	if in.poll, err = proc.NewPoll(); err == nil {
		in.timer, err = proc.NewTimer()
	}
	if err != nil {
		t.Fatal(err)
	}
	if firstWords != "" {
		in.logs.Say(MsgInfo, firstWords)
	}
	for _, fd := range fds {
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0) // as reexec does
	}
	for i, fd := range lost {
		if unix.Close(fd); i > 0 && lost[i-1] < 0 { // its number is another's
			unix.Dup3(in.poll.FD(), fd, unix.O_CLOEXEC)
		}
	}
	for i := range savedParts {
		if p := &savedParts[i]; p.attach != nil {
			p.attach(in, s)
		}
	}
	for _, fd := range fds {
		if !s.has(fd) && !slices.Contains(lost, fd) {
			t.Errorf("descriptor %d is kept and nobody takes it", fd)
		}
	}
	if was, is := unlogged(text), unlogged(textOfState(t, in)); was != is && len(lost) == 0 {
		t.Errorf("was\n%s\nis\n%s", was, is)
	}
	in.drain()
}

// unlogged takes the records of the logs, in which attach may write, out of a snapshot.
func unlogged(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool {
		word, _, _ := strings.Cut(l, " ")
		return word == "end" || slices.ContainsFunc(logsPart.kinds, func(k savedKind) bool { return k.name == word })
	}), "\n")
}

// dead waits until a child is a zombie, which it stays.
func dead(t *testing.T, pid int) {
	t.Helper()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

// gate gives the words of a shell that waits until open is called.
func gate(t *testing.T) (words string, open func()) {
	t.Helper()
	path := t.TempDir() + "/gate"
	err := unix.Mkfifo(path, 0o600)
	var fd int
	if err == nil {
		fd, err = unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return "read x < " + path, func() { unix.Write(fd, []byte("x\n")) }
}

// Exits, failed execs and readiness are not lost, whether they come before the exec,
// during it, or after.
func TestExecKeepsProcesses(t *testing.T) {
	onCode, codeMay := gate(t)
	onFD, fdMay := gate(t)
	onPre, preMay := gate(t)
	in := testInit(t, "service missing /no/such/file\n  restart never\n"+
		"service code /bin/sh -c '"+onCode+"; exit 7'\n  restart never\n"+
		"service fd /bin/sh -c '"+onFD+"; echo >&9; exec sleep 1000'\n  ready fd 9\n  restart never\n"+
		"task pre /bin/true\n  pre /bin/sh -c '"+onPre+"; exit 5'\n"+
		"service kept /bin/sleep 1000\n  reload-exec /bin/sleep 1000\n")
	missing, code, fd, pre, kept := graph.ID(0), graph.ID(1), graph.ID(2), graph.ID(3), graph.ID(4)
	in.boot(t)
	in.reborn(t) // execs are under way
	in.until(t, "all execs are over", func() bool {
		return in.world.State(missing) == graph.Failed && in.world.Status(code).Phase == graph.PhaseMain &&
			in.world.Status(fd).Phase == graph.PhaseMain && in.world.Status(pre).Pid > 0 && in.world.State(kept) == graph.Running
	})
	if got := in.world.ReasonText(in.world.Status(missing).Reason); !strings.Contains(got, "exec ENOENT: /no/such/file") {
		t.Error(got)
	}
	in.apply(graph.Event{Kind: graph.AskRenew, Unit: kept})
	main, mains := in.units[kept].main, in.world.Status(kept).Pid
	ends := []int{int(in.world.Status(code).Pid), int(in.world.Status(pre).Pid)}
	in.reborn(t)
	codeMay()
	fdMay()
	preMay()
	for _, pid := range ends {
		dead(t, pid)
	}
	in.reborn(t)
	if in.procs[ends[0]] == nil || in.procs[ends[1]] == nil || in.units[code].main == 0 {
		t.Error("they are reaped already")
	}
	in.until(t, "all is seen", func() bool {
		return in.world.State(code) == graph.Failed && in.world.State(fd) == graph.Running && in.world.State(pre) == graph.Failed
	})
	if st := in.world.Status(code); st.ExitCode != 7 || st.Reason.Kind != graph.ReasonExit {
		t.Errorf("%+v", st)
	}
	if got := in.world.ReasonText(in.world.Status(pre).Reason); got != "pre exit 5" {
		t.Error(got)
	}
	st := in.world.Status(kept)
	if in.units[kept].main != main || st.Pid != mains || in.units[kept].sid != main || st.AuxGen == 0 || in.units[kept].renew != st.AuxPid {
		t.Errorf("%+v\n%+v", in.units[kept], st)
	}
	in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{kept}})
	in.reborn(t)
	in.until(t, "it and its reload-exec are gone", func() bool { return in.world.State(kept) == graph.Inactive && len(in.procs) == 1 })
}

// What services say over their notify socket is heard, in its order, and what they
// have given into keeping they get back.
func TestExecKeepsWords(t *testing.T) {
	in, say := speaker(t, speaking)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	say("FDSTORE=1\nFDNAME=pipe", pipe[0])
	say("FDSTORE=1\nFDNAME=event", event)
	say("FDSTORE=1\nFDNAME=gone", event, pipe[1])
	unix.Close(pipe[0])
	unix.Close(event)
	say("ERRNO=5\nSTATUS=before")
	main := in.units[0].main
	in.units[0].main = int32(in.world.Status(0).Pid)
	send := func(text string) {
		t.Helper()
		s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Sendto(s, []byte(text), 0, &unix.SockaddrUnix{Name: proc.SocketName(int(in.units[0].notify))})
			unix.Close(s)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	in.until(t, "what came twice is closed", func() bool { return in.keeping.count == 3 })
	in.dropIf(0, func(s *storedFD) bool { return s.name == "gone" }) // to be closed by a child
	in.reborn(t)
	if k := &in.keeping; k.count != 3 || len(k.dropped) != 1 || in.procs[int(in.units[0].main)] == nil {
		t.Errorf("%+v", k)
	}
	in.units[0].main = main // it is the test
	send("READY=1\nSTATUS=during")
	in.units[0].main = int32(in.world.Status(0).Pid)
	in.reborn(t)
	in.units[0].main = main
	in.until(t, "it is heard", func() bool { return in.world.Status(0).Text == "during" })
	in.until(t, "what was dropped is closed", func() bool { in.closeDropped(); return in.keeping.count == 2 })
	if st := in.world.Status(0); st.State != graph.Running || in.units[0].said.errno != 5 {
		t.Errorf("%+v %+v", st, in.units[0].said)
	}
	if got := in.stored(0); len(got) != 2 || got[0].name != "pipe" || got[1].name != "event" {
		t.Errorf("stored are %+v", got)
	}
	unix.Close(pipe[1])
	in.until(t, "the end of the pipe is seen", func() bool { in.closeDropped(); return in.keeping.count == 1 })
	in.units[0].main = int32(in.world.Status(0).Pid)
	in.reborn(t)
	in.units[0].main = main
	if got := in.stored(0); len(got) != 1 || got[0].name != "event" {
		t.Errorf("stored are %+v", got)
	}
	in.dropStored(0)
	in.until(t, "all is closed", func() bool { in.closeDropped(); return in.keeping.count == 0 && in.keeping.closers == 0 })
}

// A datagram with descriptors is in the hands of a child, and so are descriptors that
// are to be closed, when the init is executed.
func TestExecAmidClosing(t *testing.T) {
	in, _ := speaker(t, speaking)
	stop := func(p *process) int { // makes a child that does not end yet one of the init's own
		child := aChild(t, "exec sleep 1000")
		in.help(child, p)
		in.until(t, "it runs", func() bool { return p.result < 0 })
		return child.Pid
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	taker := stop(&process{helper: helpTake})
	in.units[0].taker = int32(taker)
	fresh, err := unix.Eventfd(0, 0) // a number that was closed, and that the next image uses
	if err != nil {
		t.Fatal(err)
	}
	closer := stop(&process{helper: helpClose, fds: []int{event, int(in.units[0].notify), 1 << 15, fresh}})
	in.keeping.closers, in.keeping.count = 1, 3
	in.units[0].main = int32(in.world.Status(0).Pid)
	in.reborn(t, -1, fresh)
	if flagsOf(fresh) < 0 {
		t.Error("the next image's own is closed")
	}
	unix.Close(fresh)
	if in.units[0].taker != int32(taker) || in.keeping.closers != 1 || !slices.Equal(in.keeping.dropped, []int{event}) || in.keeping.count != 1 {
		t.Errorf("%+v %+v", in.units[0], in.keeping)
	}
	in.units[0].main = int32(os.Getpid())
	in.notify(t, 0, "STATUS=waits")
	if got := in.world.Status(0).Text; got != "" {
		t.Errorf("%q is heard before the taker is done", got)
	}
	unix.Kill(taker, unix.SIGKILL)
	unix.Kill(closer, unix.SIGKILL)
	in.until(t, "all is over", func() bool {
		in.closeDropped()
		return in.world.Status(0).Text == "waits" && in.keeping.count == 0 && in.keeping.closers == 0
	})
	if _, err := unix.FcntlInt(uintptr(event), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("it is still open: %v", err)
	}
}

// port gives a number at which nobody listens.
func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// A socket is the same one before and after, with who waits in its queue; a first
// connection is seen, and its file is not another's.
func TestExecKeepsSockets(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := testInit(t, "service a /bin/sleep 1000\n  on-demand\n  listen unix "+dir+"/s mode 640 name first\n  listen tcp 127.0.0.1:"+port(t)+"\n"+
		"service b /bin/sleep 1000\n  listen udp 127.0.0.1:"+port(t)+"\n  listen unix @mote-test-exec\n")
	in.boot(t)
	in.until(t, "b runs", func() bool { return in.world.State(1) == graph.Running && in.world.State(0) == graph.Waiting })
	was, others := in.passed(0), in.passed(1)
	c, err := net.Dial("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in.reborn(t)
	in.until(t, "a is started", func() bool { return in.world.State(0) == graph.Running })
	in.reborn(t)
	if now := in.passed(0); !slices.Equal(now, was) || in.units[0].socks.polled || in.units[0].socks.list[0].lost() {
		t.Errorf("%+v, were %+v", now, was)
	}
	if now := in.passed(1); !slices.Equal(now, others) || in.units[1].socks.list[1].sock.Path != "@mote-test-exec" {
		t.Errorf("%+v, were %+v", now, others)
	}
	in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{0}})
	in.until(t, "a is down", func() bool { return in.world.State(0) == graph.Inactive })
	if _, err := os.Lstat(dir + "/s"); err == nil {
		t.Error("the file of the socket is left")
	}
}

// A check by command goes on, one by connection is made again; the counts go on.
func TestExecKeepsHealth(t *testing.T) {
	onCheck, may := gate(t)
	var answers atomic.Bool
	l := serving(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		if c.Read(make([]byte, 4096)); answers.Load() {
			c.Write([]byte("HTTP/1.1 503 x\r\n\r\n"))
		} else {
			c.Read(make([]byte, 4096)) // for ever
		}
	})
	in := testInit(t, "service a /bin/sleep 1000\n  health exec /bin/sh -c '"+onCheck+"; exit 3' every 100ms fails 1000 grace 1ms timeout 1h\n"+
		"service b /bin/sleep 1000\n  health http "+l.Addr().String()+" every 1h fails 1000 grace 1ms timeout 1h\n"+
		"service c /bin/sleep 1000\n  health exec /bin/false every 1h fails 1000 grace 1ms\n")
	in.boot(t)
	in.until(t, "they are checked", func() bool {
		a, b, c := in.units[0].health, in.units[1].health, in.units[2].health
		return a != nil && a.pid > 0 && b != nil && b.reading && c != nil && c.row == 1
	})
	a, b := *in.units[0].health, in.world.Status(1)
	in.reborn(t)
	answers.Store(true)
	may()
	dead(t, int(a.pid))
	in.reborn(t)
	if h := in.units[0].health; h.pid != a.pid || h.gen != a.gen {
		t.Errorf("%+v", h)
	}
	in.until(t, "both have answered", func() bool { return in.units[0].health.row == 1 && in.units[1].health.row == 1 })
	if h := in.units[0].health; h.text != "exit 3" {
		t.Errorf("%+v", h)
	}
	if h, st := in.units[1].health, in.world.Status(1); h.text != "http 503" || st.Failures != 1 || st.Probe != 0 || b.Probe == 0 {
		t.Errorf("%+v %+v", h, st)
	}
	if h := in.units[2].health; h.row != 1 || h.text != "exit 1" || h.at == 0 {
		t.Errorf("%+v", h)
	}
}

// A main process that is no child is waited for by the same descriptor, and those
// before it are known.
func TestExecKeepsStrays(t *testing.T) {
	in := testInit(t, "service a /bin/sleep 1000\n  restart never\n")
	in.boot(t)
	in.until(t, "it is up", func() bool { return in.world.State(0) == graph.Running })
	old := int(in.units[0].main)
	cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & echo $!; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL); cmd.Wait() }()
	var buf [16]byte
	n, _ := out.Read(buf[:])
	pid := int(numberOf(buf[:n-1], 1<<30))
	in.apply(graph.Event{Kind: graph.MainPid, Unit: 0, Gen: in.world.Status(0).Gen, Pid: int32(pid)})
	in.reborn(t)
	p := in.procs[pid]
	if p == nil || !p.adopted || !p.stray || int(in.units[0].main) != pid || !in.procs[old].former ||
		!slices.Equal(in.units[0].said.former, []int32{int32(old)}) {
		t.Fatalf("%+v %+v", p, in.units[0])
	}
	unix.Kill(pid, unix.SIGKILL)
	in.reborn(t)
	in.until(t, "its end is seen", func() bool { return len(in.procs) == 0 && in.world.State(0) != graph.Running })
	if st := in.world.Status(0); st.ExitSignal != 9 && st.ExitCode != unknownExit {
		t.Errorf("%+v", st)
	}
}

// Starts and checks that wait for their turn are made in their order.
func TestExecKeepsQueue(t *testing.T) {
	var b strings.Builder
	const n = 50
	for i := range n {
		fmt.Fprintf(&b, "service s%d /bin/sleep 1000\n", i)
	}
	in := testInit(t, b.String())
	in.now -= 10 * spawnBudget // as if the turn had been long already
	in.boot(t)
	in.reborn(t)
	if len(in.spawns) != n || len(in.procs) != 0 {
		t.Fatalf("%d wait, %d were made", len(in.spawns), len(in.procs))
	}
	for i, e := range in.spawns {
		if int(e.Unit) != i || e.Gen != in.world.Status(e.Unit).Gen {
			t.Fatalf("spawn %d is %+v", i, e)
		}
	}
	in.until(t, "all run", func() bool {
		in.reborn(t)
		for id := range graph.ID(n) {
			if in.world.State(id) != graph.Running {
				return false
			}
		}
		return true
	})
	if len(in.procs) != n {
		t.Errorf("%d processes of %d units", len(in.procs), n)
	}
}

// A question is not asked twice, and its terminal is given back as it was.
func TestExecKeepsQuestion(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminal: ", err)
	}
	defer master.Close()
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	in := testInit(t, "tty t /bin/sleep 1000\n  tty /dev/pts/"+strconv.Itoa(n)+"\n  askfirst\n")
	in.asks, in.mute = make(map[graph.ID]*proc.Asking), make(map[graph.ID]string)
	in.boot(t)
	in.until(t, "it asks", func() bool { return in.asks[0] != nil })
	in.reborn(t)
	if in.asks[0] == nil || len(in.checks) > 0 {
		t.Fatalf("%+v", in.checks)
	}
	master.Write([]byte("x"))
	in.reborn(t)
	in.until(t, "a key is pressed", func() bool { return in.world.State(0) == graph.Running })
	in.reborn(t)
	if len(in.asks) > 0 {
		t.Error("it still asks")
	}
}

// An end that is kept for the world, which gets no events after panics, is no lost
// process.
func TestExecKeepsEnds(t *testing.T) {
	words, may := gate(t)
	in := testInit(t, "service a /bin/sh -c '"+words+"; exit 7'\n  restart never\n")
	in.boot(t)
	in.until(t, "it runs", func() bool { return in.world.State(0) == graph.Running })
	for range maxBugs {
		in.countBug()
	}
	may()
	in.until(t, "its end is kept", func() bool { return len(in.bugs.kept) == 1 && len(in.procs) == 0 })
	in.reborn(t)
	if in.turn(); !in.bugs.degraded || len(in.bugs.kept) != 1 || len(in.queue) > 0 {
		t.Errorf("%+v", in.bugs)
	}
	in.bugs.until = in.now
	in.until(t, "the world knows", func() bool { return in.world.State(0) == graph.Failed })
	if st := in.world.Status(0); st.ExitCode != 7 {
		t.Errorf("%+v", st)
	}
}

// A descriptor that does not come through is said, and nobody waits for it for ever.
func TestExecLosesDescriptors(t *testing.T) {
	path := "@mote-test-lost"
	in := testInit(t, "service demand /bin/sleep 1000\n  on-demand\n  listen unix "+path+"\n"+
		"service fd /bin/sleep 1000\n  ready fd 9\n  restart never\n"+
		"service says /bin/sleep 1000\n  ready notify\n  start-timeout 0\n")
	in.boot(t)
	in.until(t, "they have begun", func() bool {
		return in.world.State(0) == graph.Waiting && in.world.Status(1).Phase == graph.PhaseMain && in.world.Status(2).Phase == graph.PhaseMain
	})
	main := in.procs[int(in.units[2].main)]
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	unix.Close(pipe[1])
	main.result = pipe[0] // as if its exec were under way
	in.word(1).store = []storedFD{{passedFD: passedFD{1 << 14, "x"}}}
	in.reborn(t, in.units[0].socks.list[0].sock.Fd, int(in.units[1].ready), int(in.units[2].notify), pipe[0], 1<<14)
	if in.units[1].ready != 0 || in.units[2].notify != 0 || in.procs[int(in.units[2].main)].result != -1 || len(in.stored(1)) > 0 || in.keeping.count > 0 {
		t.Errorf("%+v", in.units)
	}
	own := in.own()
	for _, want := range []string{"demand: its socket unix " + path, "fd: its ready pipe", "says: its notify socket", "fd: its descriptor x"} {
		if strings.Count(own, "re-exec: "+want+" is lost") != 1 {
			t.Errorf("%q is not said once:\n%s", want, own)
		}
	}
	in.until(t, "its socket is there again", func() bool { return in.units[0].socks != nil && in.units[0].socks.polled })
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in.until(t, "it is started", func() bool { return in.world.State(0) == graph.Running })
}

// Each of the init's own processes is told of to the same as before.
func TestExecKeepsHelpers(t *testing.T) {
	in := testInit(t, "task a /bin/true\n  start manual\n  if exists /no/such\nservice b /bin/true\n  start manual\n  ready path /no/such\n")
	in.boot(t)
	in.asks, in.mute = make(map[graph.ID]*proc.Asking), make(map[graph.ID]string)
	var kids []*proc.Process
	open := make(map[helper]func())
	for h := helpNone; h < helperCount; h++ {
		if h == helpProbe || h == helpTry || h == helpTake || h == helpClose || h == helpStep {
			continue // of them others tell
		}
		words, may := gate(t)
		child := aChild(t, words+"; exit 1")
		in.help(child, &process{helper: h, group: h == helpBoot})
		kids, open[h] = append(kids, child), may
	}
	in.critical.until = in.now + graph.Instant(patience)
	in.end.stage, in.end.halt, in.end.deadline = termLeft, graph.Halt{Kind: graph.HaltExit}, in.critical.until
	in.reborn(t)
	if f, s := in.filer.child, in.syslog.child; f == nil || f.helper != helpFiler || s == nil || s.helper != helpSyslog || in.booted.child == nil ||
		in.critical.child == nil || in.end.child == nil || len(in.procs) != len(kids) {
		t.Errorf("%+v", in.procs)
	}
	in.booted.name = "boot-good"
	in.critical.cancel() // what that goes on with is no test's
	in.end.stage = notEnding
	for _, may := range open {
		may()
	}
	for _, child := range kids {
		dead(t, child.Pid)
	}
	in.until(t, "all are over", func() bool { return len(in.procs) == 0 })
	for _, w := range []*worker{&in.filer.worker, &in.syslog.worker} {
		if w.child != nil || w.retry == 0 {
			t.Errorf("%s: %+v", w.what, w)
		}
		w.retry = 0
	}
	if own := in.own(); !strings.Contains(own, "boot-good: exit 1") || in.end.child != nil {
		t.Error(own)
	}
	// A step is that of an end alone, a count that of a reboot.
	for stage, want := range map[stage]helper{notEnding: helpNone, killLeft: helpNone, lastSteps: helpStep} {
		p := &process{helper: helpStep}
		in.end.stage = stage
		if in.giveBack(savedProc{7, p}); p.helper != want {
			t.Errorf("stage %d: helper %d", stage, p.helper)
		}
	}
	p := &process{helper: helpCount}
	if in.giveBack(savedProc{7, p}); p.helper != helpNone {
		t.Error("a count that nobody waits for")
	}
	in.end.stage = notEnding
}

// What a fault of the image before has lost is said, and nothing waits for ever.
func TestExecLost(t *testing.T) {
	in := testInit(t, "service nobody /bin/sleep 1000\n  restart never\nservice reaped /bin/sleep 1000\n  restart never\n"+
		"task check /bin/true\n  if exists /no/such\nservice pipe /bin/sleep 1000\n  ready fd 9\n  restart never\nservice aux /bin/sleep 1000\n")
	in.boot(t)
	in.until(t, "they run", func() bool {
		return in.world.State(0) == graph.Running && in.world.State(1) == graph.Running && in.world.Status(3).Phase == graph.PhaseMain
	})
	pids := []int{int(in.units[0].main), int(in.units[1].main)}
	for _, pid := range pids {
		unix.Kill(pid, unix.SIGKILL)
		dead(t, pid)
		proc.Reap(pid)
	}
	delete(in.procs, pids[0])
	in.until(t, "check is skipped", func() bool { return in.world.State(2) == graph.Exited })
	child := aChild(t, "exec sleep 1000")
	in.help(child, &process{helper: helpCheck})
	unix.Kill(child.Pid, unix.SIGKILL)
	dead(t, child.Pid)
	proc.Reap(child.Pid)
	in.units[0].main = 0
	in.reborn(t)
	in.until(t, "both have ended", func() bool {
		return in.world.State(0) == graph.Failed && in.world.State(1) == graph.Failed && in.procs[child.Pid] == nil
	})
	own := in.own()
	for id, pid := range pids {
		if st := in.world.Status(graph.ID(id)); st.ExitCode != unknownExit || in.units[id].main != 0 {
			t.Errorf("%d: %+v", pid, st)
		}
	}
	for _, want := range []string{"re-exec: nobody: nobody knows its process", "re-exec: reaped: process " + strconv.Itoa(pids[1]) + " is no child any more",
		"re-exec: one of its own: process " + strconv.Itoa(child.Pid)} {
		if strings.Count(own, want) != 1 {
			t.Errorf("%q is not said once:\n%s", want, own)
		}
	}
}

// What no init can have written is refused, with its place.
func TestExecHostile(t *testing.T) {
	in := testInit(t, "service a /bin/true\n  health tcp 127.0.0.1:1\nservice b /bin/true\n")
	in.asks, in.mute = make(map[graph.ID]*proc.Asking), make(map[graph.ID]string)
	in.boot(t)
	in.until(t, "they have begun", func() bool { return in.world.Status(1).Gen > 0 || in.world.State(1) == graph.Backoff })
	lines := strings.Split(strings.TrimSuffix(textOfState(t, in), "\n"), "\n")
	gen := in.world.Save().Gen
	kept := lines[:0:0]
	for _, l := range lines[:len(lines)-1] {
		if word, _, _ := strings.Cut(l, " "); word != "process" && word != "spawn" && word != "io" && word != "health" && word != "said" {
			kept = append(kept, l)
		}
	}
	read := func(more string) error {
		text := strings.Join(kept, "\n") + "\n" + more + "\n"
		sum := uint64(14695981039346656037)
		for _, c := range []byte(text) {
			sum = (sum ^ uint64(c)) * 1099511628211
		}
		_, err := readState(text + fmt.Sprintf("end lines=%d digest=%016x\n", strings.Count(text, "\n"), sum))
		return err
	}
	if err := read("process pid=" + strconv.Itoa(maxPid) + " unit=-1"); err != nil {
		t.Fatal(err)
	}
	const twice, cannot, fd = "it cannot be, or is there twice", "there is no such process", "cannot be one that was kept, or is there twice"
	last, next := strconv.FormatUint(gen, 10), strconv.FormatUint(gen+1, 10)
	for more, want := range map[string]string{
		"process unit=-1":                                                "process: pid 0 cannot be",
		"process pid=1 unit=-1":                                          "process: pid 1 cannot be",
		"process pid=-5 unit=-1":                                         "process: pid -5 cannot be",
		"process pid=1073741825 unit=-1":                                 "process: pid 1073741825 cannot be",
		"process pid=" + strconv.Itoa(in.pid) + " unit=-1":               "process: pid " + strconv.Itoa(in.pid) + " cannot be",
		"process pid=1073741823 unit=-1\nprocess pid=1073741823 unit=-1": "process: pid 1073741823 cannot be, or is there twice",
		"process pid=9 unit=2":                                           "process: there is no unit 2",
		"process pid=9 unit=-2":                                          "process: there is no unit 0",
		"process pid=9 unit=-1 helper=1 of=2":                            "process: there is no unit 2",
		"process pid=9 unit=-1 helper=5 of=-1":                           "process: there is no unit -1",
		"process pid=9 unit=-1 helper=" + strconv.Itoa(int(helperCount)): "process: " + cannot,
		"process pid=9 helper=1":                                         "process: " + cannot,
		"process pid=9 unit=-1 adopted=yes":                              "process: " + cannot,
		"process pid=9 role=1 former=yes":                                "process: " + cannot,
		"process pid=9 stray=yes":                                        "process: " + cannot,
		"process pid=9 role=6":                                           "process: " + cannot,
		"process pid=9 role=256":                                         "process: role 256 is out of range",
		"process pid=9 result=40 what=x":                                 "process: its words are not",
		"process pid=9 gen=" + next:                                      "process: generation " + next + " was not given yet",
		"process pid=9 gen=" + last + "\nprocess pid=10 gen=" + last:     "process: generation " + last + " is there twice",
		"process pid=9 gen=" + last + "\nspawn gen=" + last:              "spawn: generation " + last + " is there twice",
		"process pid=9 result=2":                                         "process: descriptor 2 " + fd,
		"process pid=9 watch=-4":                                         "process: descriptor -4 " + fd,
		"process pid=9 result=1048576":                                   "process: descriptor 1048576 " + fd,
		"process pid=9 result=40 watch=40":                               "process: descriptor 40 " + fd,
		"spawn":                                                          "spawn: " + cannot,
		"spawn unit=2 gen=1":                                             "spawn: there is no unit 2",
		"spawn role=6 gen=1":                                             "spawn: " + cannot,
		"spawn gen=" + next:                                              "spawn: generation " + next,
		"io unit=2":                                                      "io: there is no unit 2",
		"io unit=-1":                                                     "io: there is no unit -1",
		"io notify=40 ready=40":                                          "io: descriptor 40 " + fd,
		"io notify=40\nio unit=1 ready=40":                               "io: descriptor 40 " + fd,
		"io ready=40 ready-gen=" + next:                                  "io: " + twice,
		"io sid=-1":                                                      "io: " + twice,
		"io starter=1":                                                   "io: " + twice,
		"io cgroup=16":                                                   "io: " + twice,
		"io removals=9":                                                  "io: " + twice,
		"said\nsaid":                                                     "said: " + twice,
		"said errno=4096":                                                "said: " + twice,
		"stored fd=40 name=x":                                            "stored: nothing that its unit has said",
		"said\nstored fd=40 name=a:b":                                    "stored: " + twice,
		"said\nstored name=a":                                            "stored: " + twice,
		"said\nstored fd=40 name=a\nstored fd=40 name=b":                 "stored: descriptor 40 " + fd,
		"said\n" + many(storeUnit+1, "stored name=a fd="):                "stored: " + twice,
		"health\nhealth":                                                 "health: " + twice,
		"health gen=" + next:                                             "health: " + twice,
		"health row=-1":                                                  "health: " + twice,
		"socket at=127.0.0.1:80":                                         "socket: " + twice,
		"socket fd=40 kind=3 at=/x":                                      `socket: "/x" is of no kind`,
		"socket fd=40 at=x":                                              `socket: "x" is no address with its port`,
		"socket fd=40 kind=2 at=x":                                       `socket: "x" is no path of a socket`,
		"socket fd=40 kind=2 at=/x mode=4096":                            "socket: " + twice,
		"socket fd=40 kind=2 at=/x name=a:b":                             "socket: " + twice,
		"socket fd=40 at=1.1.1.1:1\nsocket fd=40 at=1.1.1.1:2":           "socket: descriptor 40 " + fd,
		"asking fd=40 old=x":                                             "asking: " + twice,
		"port port=65536":                                                "port: port 65536 is out of range",
		"port port=1 unit=7":                                             "port: there is no unit 7",
		"loop mode=3":                                                    "loop: its cgroup cannot be",
		"loop base=/a own=/etc":                                          "loop: its cgroup cannot be",
		"loop lock=1":                                                    "loop: descriptor 1 " + fd,
		"dropped":                                                        "dropped: descriptor 1 " + fd,
		"dropped fd=40\ndropped fd=40":                                   "dropped: descriptor 40 " + fd,
		strings.TrimSuffix(many(maxDrops+1, "dropped fd="), "\n"):        "dropped: more than 2048",
		"process pid=9 result=40\nio notify=40":                          "io: descriptor 40 " + fd,
	} {
		err := read(strings.TrimSuffix(more, "\n"))
		at := strconv.Itoa(len(kept) + 1 + strings.Count(strings.TrimSuffix(more, "\n"), "\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "snapshot:"+at+": "+want) {
			t.Errorf("%.80q: %v, want snapshot:%s: %s", more, err, at, want)
		}
	}
}

// many gives so many records with a descriptor of their own.
func many(n int, record string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d\n", record, 40+i)
	}
	return b.String()
}

// The numbers that stand in snapshots, and in the pipes of execs that are under way,
// mean the same in every release: what is new goes to the end.
func TestExecNumbers(t *testing.T) {
	for got, want := range map[int]int{int(helpNone): 0, int(helpCheck): 1, int(helpLook): 2, int(helpProbe): 3, int(helpTry): 4, int(helpTake): 5,
		int(helpClose): 6, int(helpFiler): 7, int(helpSyslog): 8, int(helpBoot): 9, int(helpCount): 10, int(helpKill): 11, int(helpStep): 12} {
		if got != want {
			t.Errorf("helper %d was %d", got, want)
		}
	}
	const stages = "prepare fork cgroup setsid tty stdin fd oom limit nice ionice sched cpus chroot chdir securebits bounding " +
		"setgroups setgid setuid caps ambient no-new-privs exec"
	for i, want := range strings.Fields(stages) {
		if got := proc.Stage(i).String(); got != want {
			t.Errorf("stage %d is %s, was %s", i, got, want)
		}
	}
	for i, want := range []string{"main", "pre", "post", "stop-exec", "reload-exec", "health"} {
		if got := graph.Role(i).String(); got != want {
			t.Errorf("role %d is %s, was %s", i, got, want)
		}
	}
	if graph.ListenTCP != 0 || graph.ListenUDP != 1 || graph.ListenUnix != 2 || proc.CgroupHybrid != 1 || proc.CgroupV2 != 2 ||
		cgroupMade != 1 || cgroupSaid != 2 || cgroupKilled != 4 || cgroupOOM != 8 {
		t.Error("a number means another thing")
	}
}

// The cgroup stays the init's own, and its units' with it.
func TestExecKeepsCgroups(t *testing.T) {
	in := testInit(t, "service a /bin/sleep 1000\n  cgroup pids.max=100\n  kill cgroup\n")
	if !in.cgroups.take() {
		t.Skip("no group can be made here: " + in.cgroups.own.Why)
	}
	t.Cleanup(func() { in.cgroups.own.Close() })
	in.boot(t)
	in.until(t, "it is up", func() bool { return in.world.State(0) == graph.Running })
	was := in.cgroups.own.Keep()
	in.units[0].oomSeen, in.units[0].oomKills = 0, 3
	in.reborn(t)
	if now := in.cgroups.own.Keep(); now != was || in.units[0].cgroup&cgroupMade == 0 || in.units[0].oomKills != 3 {
		t.Errorf("%+v, was %+v", now, was)
	}
	var other cgroups
	if other.take(); other.own.Keep().Own == was.Own {
		t.Error("another init takes it for its own")
	}
	other.own.Close()
	in.apply(graph.Event{Kind: graph.AskStop, IDs: []graph.ID{0}})
	in.reborn(t)
	in.until(t, "its group is gone", func() bool { return in.world.State(0) == graph.Inactive && in.units[0].cgroup&cgroupMade == 0 })
}
