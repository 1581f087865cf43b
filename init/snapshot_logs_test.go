package pid1

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// logsInit is an init with an arena, and with a test for a child that writes the
// files: its end of the socket is filer.out.
func logsInit(t testing.TB, world *graph.World) *Init {
	t.Helper()
	in := &Init{pid: unix.Getpid(), uid: unix.Getuid(), role: Supervisor, procs: make(map[int]*process), sigs: &proc.Signals{}}
	in.server.in, in.end.in, in.critical.in, in.dog.in, in.booted.in = in, in, in, in, in
	in.filer.worker = worker{in: in, what: "log files", word: "files"}
	in.syslog.worker = worker{in: in, what: "syslog", word: "syslog"}
	var err error
	if in.poll, err = proc.NewPoll(); err != nil {
		t.Fatal(err)
	}
	if in.timer, err = proc.NewTimer(); err != nil {
		t.Fatal(err)
	}
	in.arena = proc.NewArena()
	in.logs = NewLogs(in.arena)
	in.logs.OnHold, in.logs.OnBlocked = in.holdLog, in.sinkBlocked
	in.logs.OnFile = func() int {
		ours, theirs, err := fileSocket()
		if err == nil {
			err = in.poll.Add(ours, unix.EPOLLIN, tokSink)
		}
		if err != nil {
			t.Fatal(err)
		}
		in.filer.stdin, in.filer.out = theirs, theirs
		return ours
	}
	in.world, in.conf = world, graph.Load(textSource(""), []graph.Root{{Path: "test.conf"}})
	in.clock()
	return in
}

// logsWorld is the world of a configuration.
func logsWorld(t testing.TB, config string) *graph.World {
	t.Helper()
	conf := graph.Load(textSource(config), []graph.Root{{Path: "test.conf"}})
	for i := range conf.Faults {
		t.Fatal(conf.Faults[i].String())
	}
	return graph.NewWorld(conf.Units)
}

// openAll opens the logs of all units.
func (in *Init) openAll() *Init {
	for id := range in.world.Len() {
		in.openUnit(graph.ID(id))
	}
	return in
}

// logsText is a snapshot of the world and the logs.
func (in *Init) logsText(t testing.TB) (text string, fds []int) {
	t.Helper()
	var b strings.Builder
	k := keeper{Writer: state.NewWriter("1", func(p []byte) error { b.Write(p); return nil })}
	worldPart.put(in, &k)
	logsPart.put(in, &k)
	if _, err := k.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), k.fds
}

func readLogs(text string) (*saved, error) {
	snap, err := state.Read(text)
	if err != nil {
		return nil, err
	}
	s := &saved{snap: snap}
	for i := range snap.Records {
		if err := s.take(&snap.Records[i]); err != nil {
			return nil, err
		}
	}
	if err := worldPart.check(s); err != nil {
		return nil, err
	}
	return s, logsPart.check(s)
}

// reexec gives an init that goes on with the logs of this one, which is no more;
// descriptors that are not in the snapshot are closed, as an exec does it.
func (in *Init) reexec(t testing.TB) *Init {
	t.Helper()
	text, _ := in.logsText(t)
	s, err := readLogs(text)
	if err != nil {
		t.Fatal(err, "\n", text)
	}
	if len(s.snap.Unknown) > 0 {
		t.Fatal("not read: ", s.snap.Unknown)
	}
	next := logsInit(t, nil)
	in.poll.Close()
	in.timer.Close()
	worldPart.attach(next, s)
	logsPart.attach(next, s)
	for _, w := range []*worker{&next.filer.worker, &next.syslog.worker} {
		if w.stdin > 0 { // the processes are attached then
			w.adopt(&process{unit: graph.None, result: -1})
		}
	}
	return next
}

// stream is what comes to one reader.
type stream struct {
	t    *testing.T
	read func(b []byte) (int, error)
	text bytes.Buffer
}

func (s *stream) take(most int) bool {
	b := make([]byte, most)
	n, err := s.read(b)
	s.text.Write(b[:max(n, 0)])
	return err == nil && n > 0
}

// numbered checks that a text is the lines 1 to n, each with something in front of
// it that cut takes off.
func numbered(t *testing.T, what, text string, n int, cut func(string) (string, bool)) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	next := 1
	for _, l := range lines {
		l, ok := cut(l)
		if !ok {
			continue
		}
		if l != strconv.Itoa(next) {
			t.Fatalf("%s: %.60q where %d is to be", what, l, next)
		}
		next++
	}
	if next != n+1 {
		t.Fatalf("%s: ends with %d of %d lines", what, next-1, n)
	}
}

// What a child prints all the while is complete in the ring and in every sink after
// hundreds of images, each of which stops wherever it is.
func TestSnapshotLogStream(t *testing.T) {
	const n = 1_500_000
	world := logsWorld(t, "service a x\n  log ring 1M\n  log console\n  log pipe b\n  log file /x 1M x3\nservice b x\nservice c x\n")
	in := logsInit(t, world).openAll()
	con, w := testPipe(t)
	in.logs.SetConsole(w)
	in.logs.SetOwn(MsgInfo, false, false)
	pipe, err := in.logPipe(0)
	if err != nil {
		t.Fatal(err)
	}
	out, err := unix.FcntlInt(uintptr(pipe), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("seq", strconv.Itoa(n))
	write := os.NewFile(uintptr(out), "pipe")
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	in.restLog(0)
	nonblocking := func(fd int, read func(fd int, b []byte) (int, error)) func(b []byte) (int, error) {
		return func(b []byte) (int, error) {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			if n, _ := unix.Poll(p, 0); n <= 0 {
				return 0, unix.EAGAIN
			}
			return read(fd, b)
		}
	}
	console := stream{t: t, read: nonblocking(con, unix.Read)}
	piped := stream{t: t, read: nonblocking(mustFeed(t, in, "b"), unix.Read)}
	var file stream
	rnd := rand.New(rand.NewPCG(5, 6))
	var cur ringCursor
	var ring bytes.Buffer
	images, held := 0, 0
	end := time.Now().Add(patience)
	idle := func() bool {
		return in.units[0].pipeR == 0 && in.logs.files.buffered() == 0 && in.logs.console.buffered() == 0 && in.logs.feeds[0].buffered() == 0
	}
	for !idle() {
		if in.turn(); time.Now().After(end) {
			t.Fatalf("line %d after %d images", cur.seq, images)
		}
		if in.units[0].log.Held() {
			held++
		}
		for {
			_, text, lost, ok := in.units[0].log.ring.Next(&cur)
			if lost > 0 {
				t.Fatalf("%d lines are lost before %d", lost, cur.seq)
			}
			if !ok {
				break
			}
			ring.Write(append(text, '\n'))
		}
		if fd := in.filer.out; fd > 0 {
			file.read = nonblocking(fd, func(fd int, b []byte) (int, error) {
				n, _, err := unix.Recvfrom(fd, b, 0)
				_, lines, _ := bytes.Cut(b[:max(n, 0)], newline)
				return copy(b, lines), err
			})
		}
		for _, s := range []*stream{&console, &piped, &file} {
			for n := rnd.IntN(12); n > 0 && s.read != nil && s.take(4*sinkBatch); n-- {
			}
		}
		if images < 400 || rnd.IntN(8) == 0 {
			in = in.reexec(t)
			images++
		}
	}
	for _, s := range []*stream{&console, &piped, &file} {
		for s.take(4 * sinkBatch) { // what the kernel holds
		}
	}
	bare := func(l string) (string, bool) { return l, true }
	numbered(t, "ring", ring.String(), n, bare)
	numbered(t, "pipe", piped.text.String(), n, bare)
	numbered(t, "file", file.text.String(), n, bare)
	numbered(t, "console", console.text.String(), n, func(l string) (string, bool) { return strings.CutPrefix(l, "a: ") })
	if got := in.units[0].log; got.ring.Total() != n || got.Dropped() != uint64(n-got.ring.Count()) {
		t.Errorf("%d lines, %d held, %d dropped", got.ring.Total(), got.ring.Count(), got.Dropped())
	}
	if images < 200 || held == 0 {
		t.Errorf("%d images, in %d turns the pipe had to wait", images, held)
	}
	t.Logf("%d images, in %d turns the pipe had to wait", images, held)
}

func mustFeed(t *testing.T, in *Init, name string) int {
	t.Helper()
	fd, ok, err := in.logs.FeedOf(name)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	return fd
}
