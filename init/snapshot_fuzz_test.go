package pid1

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// sealed gives a snapshot with the right last line, whatever its lines are.
func signed(head, body string) string {
	text := head + "\n" + body
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	h := fnv.New64a()
	h.Write([]byte(text))
	sum := strconv.FormatUint(h.Sum64(), 16)
	return text + "end lines=" + strconv.Itoa(strings.Count(text, "\n")) + " digest=" + strings.Repeat("0", 16-len(sum)) + sum + "\n"
}

// richState gives the first line and the records of an init that has of everything
// something. Its descriptors and processes are nobody's.
func richState(t testing.TB) (head, body string) {
	t.Helper()
	conf := graph.Load(textSource("set A 'b c'\noption boot-good /bin/x\noption syslog /tmp/x\nservice web /bin/web\n wants x@1\n listen tcp 127.0.0.1:80\n"+
		" health tcp 127.0.0.1:80\n ready notify\ntask x@ /bin/x %i\n every 5s\nservice pipe /bin/p\n ready fd 3\nservice l /bin/l\n log pipe pipe\n log ring 8K\n"),
		[]graph.Root{{Path: "/etc/x.conf"}})
	in := bareInit()
	in.pid, in.role, in.conf, in.world = 1, Machine, conf, graph.NewWorld(conf.Units)
	in.now = 100e9
	for id := range in.world.Len() {
		in.openUnit(graph.ID(id))
	}
	for _, e := range in.world.Apply(in.now, graph.Event{Kind: graph.Boot, Unit: graph.None}) {
		if e.Kind == graph.Spawn {
			in.spawns = append(in.spawns, e)
		}
	}
	for id, pid := range [...]int{1 << 21, 1<<21 + 1} {
		in.world.Apply(in.now, graph.Event{Kind: graph.Spawned, Unit: in.spawns[0].Unit, Gen: in.spawns[0].Gen, Pid: int32(pid)})
		in.procs[pid] = &process{unit: in.spawns[0].Unit, gen: in.spawns[0].Gen, result: farFD + id, group: true}
		in.units[in.spawns[0].Unit].pipeR, in.units[in.spawns[0].Unit].pipeW = int32(farFD+10+2*id), int32(farFD+11+2*id)
		in.spawns = in.spawns[1:]
	}
	in.procs[1<<21+2] = &process{unit: graph.None, result: farFD + 2, helper: helpBoot, group: true}
	in.opt, in.env, in.texts = Options{Config: []string{"/c"}}, []string{"A=1", "B= "}, []runText{{runPrefix + "1-x", "service n x\n"}}
	in.critical.dueAt, in.critical.unit, in.critical.goodAt = in.now, 1, in.now
	in.booted = bootCheck{check: graph.BootCheck{Open: true, Limit: in.now, Since: 1}, name: goodName, pid: 1<<21 + 2, until: in.now, out: farFD + 3, text: []byte("half")}
	in.dog = watchdog{path: "/dev/dog", limit: 9 * time.Second, dev: &proc.Watchdog{FD: farFD + 4, Name: "a dog", Seconds: 9}}
	in.end.halt, in.end.stage, in.end.deadline = graph.Halt{Kind: graph.HaltReboot, Arg: "x"}, lastSteps, in.now
	in.end.steps, in.end.step = proc.NewEnd(proc.PowerReboot, "x"), proc.Step{What: "sync", Limit: time.Second}
	in.end.steps.Queue = []proc.Step{{What: "unmount /a", Limit: time.Second, Op: proc.Op{Kind: proc.OpUmount, Paths: []string{"/a"}}}}
	in.rescuing, in.added, in.reexecs = true, 4, reexecs{1, "end", 4}
	richClients(in)
	text := textOfState(t, in)
	head, rest, _ := strings.Cut(text, "\n")
	body = rest[:strings.LastIndexByte(strings.TrimSuffix(rest, "\n"), '\n')+1]
	if _, err := readState(signed(head, body)); err != nil || signed(head, body) != text {
		t.Fatalf("the seed itself: %v\n%s", err, text)
	}
	return head, body
}

// richClients gives the init a client of each kind.
func richClients(in *Init) {
	in.units[0].log.Feed([]byte("one\ntwo\n"))
	all := []*client{
		{reply: reply{kind: replyStatus, ids: []graph.ID{0, 1}}, in: []byte("pin"), out: []byte("unit x"), uid: 1, pid: 2},
		{wait: in.world.NewWait(graph.WaitStart, 0, []graph.ID{0, 1}), closed: true, group: true},
		{reply: reply{kind: replyLogs}, tail: in.logs.NewReader([]*UnitLog{in.logs.own, in.units[0].log}, 1, true)},
		{reply: reply{kind: replyFollow, next: 3}, tail: in.logs.NewReader(nil, 1, true)},
		{feed: true, lost: 4}, {upgrade: true}, {reply: reply{kind: replyTroubled, next: 1}, last: true},
	}
	for i, c := range all {
		c.slot, c.fd = i, farFD+20+i
		in.server.clients[i] = c
	}
	in.server.count, in.server.first = len(all), 5
	in.units[0].log.Feed([]byte("three\n"))
}

// farFD is the first of descriptors that nobody has.
const farFD = 900000

// bareInit is an init without a configuration, and without anything that is open.
func bareInit() *Init {
	in := &Init{procs: map[int]*process{}, asks: map[graph.ID]*proc.Asking{}, mute: map[graph.ID]string{}, sigs: &proc.Signals{}, logs: NewLogs(nil)}
	in.server.in, in.end.in, in.critical.in, in.dog.in, in.booted.in, in.upgrade.in = in, in, in, in, in, in
	in.filer.worker = worker{in: in, what: "log files", word: "files", whose: helpFiler}
	in.syslog.worker = worker{in: in, what: "syslog", word: "syslog", whose: helpSyslog}
	in.now = 200e9
	return in
}

// FuzzState reads what anybody may have written behind a valid first and before a
// valid last line: it is read or refused, and nothing else.
func FuzzState(f *testing.F) {
	head, body := richState(f)
	f.Add(body)
	for l := range strings.Lines(body) {
		f.Add(strings.Replace(body, l, "", 1))
		f.Add(strings.Replace(body, l, l+l, 1))
	}
	f.Fuzz(func(t *testing.T, body string) {
		s, err := readState(signed(head, body))
		switch {
		case err == nil && (s.world == nil || s.conf == nil || s.Pid <= 0):
			t.Error("it is read, and there is no world")
		case err != nil && err.Error() == "":
			t.Error("it is refused without a word")
		}
	})
}

// nasty are values that a number may not have, or just so.
var nasty = []string{"", "0", "-1", "1", "2", "255", "256", "65535", "65536", "1048575", "1048576", "2147483647", "2147483648", "-2147483648",
	"4294967296", "100000000000", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "yes", "x", "/", "(run-time)/x", "\\"}

// A state with nasty values in it is refused, or all parts take it over and can be
// written again: none panics.
func TestStateNasty(t *testing.T) {
	head, body := richState(t)
	rounds := 2000
	if testing.Short() {
		rounds = 400
	}
	dice := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range rounds {
		lines := strings.SplitAfter(body, "\n")
		lines = lines[:len(lines)-1]
		for range 1 + dice.IntN(3) {
			change(lines, dice)
		}
		changed := strings.Join(lines, "")
		s, err := readState(signed(head, changed))
		if err != nil {
			continue
		}
		read++
		if bug := takeOver(t, s); bug != "" {
			t.Fatalf("%s\nafter\n%s", bug, changed)
		}
	}
	if read < rounds/20 {
		t.Errorf("%d of %d were read", read, rounds)
	}
}

// change makes one of the lines another.
func change(lines []string, dice *rand.Rand) {
	i := dice.IntN(len(lines))
	words := strings.Split(strings.TrimSuffix(lines[i], "\n"), " ")
	n := dice.IntN(len(words))
	key, _, pair := strings.Cut(words[n], "=")
	switch k := dice.IntN(20); {
	case k == 0:
		lines[i] = ""
		return
	case k == 1:
		lines[i] += lines[i]
		return
	case k == 2:
		words = append(words[:n], words[n+1:]...)
	case pair:
		words[n] = key + "=" + nasty[dice.IntN(len(nasty))]
	default:
		return
	}
	lines[i] = strings.Join(words, " ") + "\n"
}

// takeOver attaches all parts of a state, and gives the bug that there is.
func takeOver(t *testing.T, s *saved) (bug string) {
	in := bareInit()
	in.role, in.pid = s.Role, unix.Getpid()
	var err error
	if in.poll, err = proc.NewPoll(); err != nil {
		t.Fatal(err)
	}
	defer in.poll.Close()
	if in.timer, err = proc.NewTimer(); err != nil {
		t.Fatal(err)
	}
	defer in.timer.Close()
	defer func() {
		if b := recover(); b != nil {
			bug = fmt.Sprint(b, "\n", string(debug.Stack()))
		}
	}()
	for i := range savedParts {
		if p := &savedParts[i]; p.attach != nil {
			p.attach(in, s)
		}
	}
	in.arm()
	textOfState(t, in)
	return ""
}
