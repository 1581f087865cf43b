package pid1

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// hostile gives a snapshot of a world with units a and b, and records as they are
// written here.
func hostile(t *testing.T, records string) string {
	t.Helper()
	in := logsInit(t, logsWorld(t, "service a x\nservice b x\n  log pipe a\n"))
	defer in.poll.Close()
	defer in.timer.Close()
	defer in.arena.Close()
	var b strings.Builder
	w := state.NewWriter("1", func(p []byte) error { b.Write(p); return nil })
	worldPart.put(in, &keeper{Writer: w})
	for l := range strings.Lines(records) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		w.Put(kind, func(f *state.Fields) {
			for rest != "" {
				var word string
				word, rest, _ = strings.Cut(rest, " ")
				key, value, _ := strings.Cut(word, "=")
				value = strings.ReplaceAll(value, "~", strings.Repeat("~", 5000))
				f.Text(key, &value)
			}
		})
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const hostileArena = "logs arena=900 chunks=1048576\n"

func TestSnapshotLogHostile(t *testing.T) {
	messages := strings.Repeat("~", 14)
	for records, want := range map[string]string{
		"":                               "",
		hostileArena:                     "",
		"log unit=2":                     "unit 2: there is none",
		"log unit=1 r=7 w=8\n":           "", // no record of logs: it is as if there were none
		"logs level=3":                   "level 3, own 0, memory 0: no log is so",
		"logs level=255":                 "level 255, own 0",
		"logs own=1":                     "own 1, memory 0: no log is so",
		"logs memory=-1":                 "memory -1: no log is so",
		"logs kmsg=2":                    badDescriptor,
		"logs arena=-3":                  badDescriptor,
		"logs arena=7 chunks=1048577":    "whole pages",
		"logs arena=7 chunks=7,x":        `chunks "x" is no number`,
		"logs arena=7 kmsg=7":            badDescriptor,
		"logs arena=2147483647":          badDescriptor,
		hostileArena + "log unit=2":      "unit 2: there is none",
		hostileArena + "log unit=-2":     "unit -2: there is none",
		hostileArena + "log\nlog":        "unit 0: there is none, or its place is before 0",
		hostileArena + "log unit=1\nlog": "unit 0: there is none, or its place is before 1",
		hostileArena + "log size=4096\nlog unit=1 size=1000":        "another one has them",
		hostileArena + "log at=1044480 size=8192":                   "no chunk has them all",
		hostileArena + "log at=1048576 size=4096":                   "pages up to 1048576",
		hostileArena + "log at=-4096 size=4096":                     "pages up to 1048576",
		hostileArena + "log at=8 size=4096":                         "pages up to 1048576",
		hostileArena + "log size=-1":                                "pages up to 1048576",
		hostileArena + "log size=255":                               "a ring of 255 bytes cannot be so",
		hostileArena + "log size=4096 head=4096":                    "a ring of 4096 bytes cannot be so",
		hostileArena + "log size=4096 head=-1":                      "a ring of 4096 bytes cannot be so",
		hostileArena + "log size=4096 used=4097 count=1 total=1":    "a ring of 4096 bytes cannot be so",
		hostileArena + "log size=4096 used=100 count=9 total=9":     "a ring of 4096 bytes cannot be so",
		hostileArena + "log size=4096 used=100 count=5 total=4":     "a ring of 4096 bytes cannot be so",
		hostileArena + "log size=4096 used=100":                     "a ring of 4096 bytes cannot be so",
		hostileArena + "log size=4096 used=100 count=5 total=5":     "",
		hostileArena + "log size=4096 start=4611686018427387904":    "a ring of 4096 bytes cannot be so",
		hostileArena + "log part=~":                                 "the limit is 4098",
		hostileArena + "log seek=" + messages:                       "no log seeks so",
		hostileArena + "log seek=ab tail=ab":                        "no log seeks so",
		hostileArena + "log tail=ab":                                "no log seeks so",
		hostileArena + "log pid=-1":                                 "is of pid -1",
		hostileArena + "log unit=-1 r=7":                            "the init has no pipe to itself",
		hostileArena + "log r=900":                                  badDescriptor,
		hostileArena + "log r=7 w=7":                                badDescriptor,
		hostileArena + "log r=1":                                    badDescriptor,
		hostileArena + "log w=1048576":                              badDescriptor,
		hostileArena + "log r=7\nlog unit=1 w=7":                    badDescriptor,
		hostileArena + "log r=4294967303":                           "out of range",
		hostileArena + "log more=maybe":                             `more "maybe" is unknown`,
		hostileArena + "journal next=1":                             badBounds,
		hostileArena + "journal next=1 units=0 seq=1 at=1":          badBounds,
		hostileArena + "journal units=0 seq=1 at=1 line=1":          badBounds,
		hostileArena + "journal next=-1 units=0 seq=1 at=1 line=1":  badBounds,
		hostileArena + "journal next=1 units=2 seq=1 at=1 line=1":   "unit 2: there is none",
		hostileArena + "journal next=1 units=-3 seq=1 at=1 line=1":  "unit -3: there is none",
		hostileArena + "journal next=1 units=-2 seq=-1 at=1 line=1": "",
		hostileArena + "console fd=900":                             badDescriptor,
		hostileArena + "console buf=" + messages:                    badBounds,
		hostileArena + "console since=-1":                           badBounds,
		hostileArena + "files fd=7 peer=7":                          badDescriptor,
		hostileArena + "files buf=abc":                              badBounds,
		hostileArena + "files buf=aaaaaa":                           badBounds,
		hostileArena + "files buf=\x02\x00\x00\x00x":                badBounds,
		hostileArena + "files buf=\x00\x00\x00\x00x":                badBounds,
		hostileArena + "files buf=\x02\x00\x00\xffxy":               badBounds,
		hostileArena + "files buf=\x02\x00\x00\x00xy\x01":           badBounds,
		hostileArena + "files buf=\x02\x00\x00\x00xy":               "",
		hostileArena + "files delay=30000000001":                    badBounds,
		hostileArena + "files retry=-1":                             badBounds,
		hostileArena + "files started=-1":                           badBounds,
		hostileArena + "feed name=a fd=7\nfeed name=b fd=7":         badDescriptor,
		hostileArena + "feed name=a\nfeed name=a":                   "",
		hostileArena + "feed name=nobody fd=7 peer=8":               "",
		hostileArena + "syslog sock=7":                              badDescriptor,
		hostileArena + "syslog fd=7":                                badDescriptor,
		hostileArena + "syslog fd=7 peer=8 sock=8":                  badDescriptor,
		hostileArena + "syslog rest=~~":                             badBounds,
		hostileArena + "syslog pids=7":                              badBounds,
		hostileArena + "syslog pids=7 units=0,1 at=1":               badBounds,
		hostileArena + "syslog pids=1 units=0 at=1":                 "pid 1 has not ended",
		hostileArena + "syslog pids=7 units=2 at=1":                 "unit 2: there is none",
		hostileArena + "syslog pids=7 units=-1 at=1":                "unit -1: there is none",
	} {
		s, err := readLogs(hostile(t, records))
		if want == "" {
			if err != nil {
				t.Errorf("%.80q: %v", records, err)
				continue
			}
			next := logsInit(t, nil)
			worldPart.attach(next, s)
			logsPart.attach(next, s)
			next.syslog.retry, next.filer.retry = 0, 0
			next.turn()
			if next.units[0].pipeR != 0 || len(next.units) != 2 {
				t.Errorf("%.80q: it has a pipe", records)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "snapshot:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %s", records, err, want)
		}
	}
}

// What does not come through is said once, and the rest goes on.
func TestSnapshotLogLost(t *testing.T) {
	in := logsInit(t, logsWorld(t, "service a x\n  log ring 16K\n  log file /x\n  log pipe b\nservice b x\nservice c x\n")).openAll()
	con, w := testPipe(t)
	in.logs.SetConsole(w)
	in.logs.SetOwn(MsgInfo, true, false)
	for id := range 3 {
		if _, err := in.logPipe(graph.ID(id)); err != nil {
			t.Fatal(err)
		}
		in.units[id].log.Feed([]byte("one\ntwo\nbegun"))
	}
	in.units[0].log.flushSinks()
	if err := in.syslog.connect(); err != nil {
		t.Fatal(err)
	}
	sock, err := proc.ListenDatagrams(t.TempDir()+"/log", 0o666)
	if err != nil {
		t.Fatal(err)
	}
	in.syslog.path, in.syslog.stdin, in.syslog.sock = sock.Path, sock.Fd, sock
	text, fds := in.logsText(t)
	s, err := readLogs(text)
	if err != nil {
		t.Fatal(err)
	}
	next := logsInit(t, nil)
	keep := map[int]bool{w: true, int(in.units[1].pipeR): true}
	for _, fd := range fds {
		if !keep[fd] {
			unix.Close(fd)
		}
	}
	worldPart.attach(next, s)
	logsPart.attach(next, s)
	b := make([]byte, 5000)
	n, _ := unix.Read(con, b)
	got := string(b[:max(n, 0)])
	for _, want := range []string{
		"mote: log rings: bad file descriptor: 6 lines lost\n",
		"mote: option syslog: the socket was closed: reload makes it again\n",
		"mote: log pipes: 2 were closed: what their units print is lost until they start again\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("the console has %q, want %q", got, want)
		}
	}
	for id := range 3 {
		l := next.units[id].log
		l.Feed([]byte(" and ended\n"))
		want := "and ended"
		if id == 1 {
			want = "begun and ended" // its pipe is there, and more may come
		}
		if got := ringLines(t, &l.ring); strings.TrimSpace(got[len(got)-1]) != want || l.Dropped() != 2 || next.units[id].pipeW != 0 {
			t.Errorf("unit %d: %q, %d dropped", id, got, l.Dropped())
		}
	}
	if fd, err := next.logPipe(0); err != nil || fd <= 0 {
		t.Error(fd, err)
	}
}

// Rings that are in no file end with their image, and their lines are counted.
func TestSnapshotLogNoArena(t *testing.T) {
	in := logsInit(t, logsWorld(t, "service a x\nservice b x\n"))
	in.arena.Close()
	in.arena, in.logs = nil, NewLogs(nil)
	in.openAll()
	in.units[0].log.Feed([]byte("one\ntwo\nbeg"))
	in.units[1].log.Feed([]byte("three\n"))
	in = in.reexec(t)
	a := in.units[0].log
	a.Feed([]byte("un\n"))
	if got := ringLines(t, &a.ring); len(got) != 1 || got[0] != "begun" || a.ring.Total() != 3 || a.Dropped() != 2 {
		t.Errorf("%q, %d dropped of %d", got, a.Dropped(), a.ring.Total())
	}
	if got := ringLines(t, &in.logs.own.ring); len(got) != 1 || got[0] != "log rings: they were in no file: 3 lines lost" {
		t.Errorf("mote: %q", got)
	}
	in = in.reexec(t)
	if got := ringLines(t, &in.logs.own.ring); len(got) != 1 {
		t.Errorf("it is said again: %q", got)
	}
}

// What a log adds to a snapshot is bounded (mote/state).
func TestSnapshotLogBound(t *testing.T) {
	big, wide := int(^uint(0)>>1), ^uint64(0)>>1
	l := savedLog{ID: 1<<31 - 1, Pid: big, Ring: RingState{big, big, big, wide, wide}, At: big, Size: big,
		Part: []byte(strings.Repeat("\"", maxPartBytes)), R: 1<<31 - 1, W: 1<<31 - 1, More: true, Ended: true, Found: true}
	var size int
	w := state.NewWriter("1", func(p []byte) error { size += len(p); return nil })
	w.Put("log", l.fields)
	w.Close()
	if most := 300 + 2*maxPartBytes; size > most+100 { // the first line and the last
		t.Errorf("%d bytes, stated are %d", size, most)
	}
}
