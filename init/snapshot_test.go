package pid1

import (
	"os"
	"strings"
	"testing"

	"mote/graph"
)

// textOfState gives what putState writes.
func textOfState(t testing.TB, in *Init) string {
	t.Helper()
	var b strings.Builder
	if _, _, err := in.putState(func(p []byte) error { b.Write(p); return nil }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A state that was written is read, and written again it is the same.
func TestStateRoundTrip(t *testing.T) {
	conf := graph.Load(textSource("set A 'b c'\noption rescue off\nservice web /bin/web ${A} \"a\\nb\"\n wants x@1 y\n"+
		"task x@ /bin/x %i\n start manual\nservice bad\n foo bar\n"), []graph.Root{{Path: "/etc/x.conf"}})
	in := &Init{pid: 7, role: Container, conf: conf, world: graph.NewWorld(conf.Units), logs: NewLogs(nil)}
	in.now, in.born = 5e9, 1e9
	for _, e := range in.world.Apply(5e9, graph.Event{Kind: graph.Boot, Unit: graph.None}) {
		if e.Kind == graph.Spawn { // it waits for its turn
			in.spawns = append(in.spawns, e)
		}
	}
	text := textOfState(t, in)
	s, err := readState(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again := &Init{pid: 7, role: Container, logs: NewLogs(nil)}
	again.filer.in, again.syslog.in = again, again
	again.now = 5e9
	for i := range savedParts {
		if p := &savedParts[i]; p.attach != nil {
			p.attach(again, s)
		}
	}
	if back := textOfState(t, again); back != text || len(s.snap.Unknown) > 0 {
		t.Errorf("unknown %q\nwas\n%s\nis\n%s", s.snap.Unknown, text, back)
	}
	id, _ := again.world.Find("x@1")
	if u := again.conf.Unit("x@1"); u == nil || again.world.Unit(id) != u {
		t.Errorf("%v", u)
	}
}

// What releases have written is read: a field or record that changes its meaning
// needs another version, and this file stays as it is. It is that of a running init
// with services in many states, clients, sockets and children of its own.
func TestEarlierRelease(t *testing.T) {
	text, err := os.ReadFile("testdata/state-1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := readState(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if s.world.Len() < 10 || len(s.snap.Unknown) > 0 {
		t.Errorf("%d units, unknown %q", s.world.Len(), s.snap.Unknown)
	}
	head, body, _ := strings.Cut(string(text), "\n")
	body = body[:strings.LastIndex(body, "\nend ")+1]
	newer := signed(head, "future a=b\n"+strings.Replace(body, "\nworld ", "\nworld novel=1 ", 1))
	if s, err = readState(newer); err != nil || strings.Join(s.snap.Unknown, ", ") != "future, world novel" {
		t.Errorf("%v, unknown %q", err, s.snap.Unknown)
	}
}
