package pid1

import (
	"bytes"
	"strings"
	"testing"

	"mote/graph"
)

func TestSyslogHeader(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"priority and time", "<30>Oct 11 22:14:15 sshd[12]: hi", "sshd[12]: hi"},
		{"day with a blank", "<30>Oct  1 22:14:15 x: hi", "x: hi"},
		{"priority alone", "<191>x: hi", "x: hi"},
		{"time alone", "Oct 11 22:14:15 x", "x"},
		{"nothing", "x: hi", "x: hi"},
		{"time cut short", "<1>Oct 11 22:14:15", "Oct 11 22:14:15"},
		{"time that is none", "<1>Oct 11 22-14:15 x", "Oct 11 22-14:15 x"},
		{"no digits", "<>x", "<>x"},
		{"too many digits", "<1234>x", "<1234>x"},
		{"never closed", "<12", "<12"},
		{"no number", "<1x>y", "<1x>y"},
		{"new", "<34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed", "su: 'su root' failed"},
		{"new, all unknown", "<34>1 - - - - - - text", "text"},
		{"new, data and mark", "<165>1 2003-10-11T22:14:15Z h app 7 ID [a@1 b=\"x\\\"]\" c=\"]\"][d] \ufefftext", "app[7]: text"},
		{"new, no text", "<165>1 - h app 7 ID -", "app[7]: "},
		{"new, a field too few", "<165>1 - h app 7 text", "1 - h app 7 text"},
		{"new, data not closed", "<165>1 - h app 7 ID [a=\"] text", "1 - h app 7 ID [a=\"] text"},
		{"a text that begins so", "<1>1 apple", "1 apple"},
		{"empty", "", ""},
	} {
		tag, msg := syslogHeader(nil, []byte(c.in))
		if got := string(tag) + string(msg); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

// What is sent fits into a message, whatever comes in.
func TestSyslogDatagram(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"lines", "<1>t: a\n\nb\r\n", []string{"t: a", "b"}},
		{"NUL at the end", "<1>t: a\x00", []string{"t: a"}},
		{"controls", "a\x1b[2Jb\tc\x9b\xff", []string{"a\\x1b[2Jb\tc\\x9b\\xff"}},
		{"nothing", "<1>\n\n", nil},
		{"long", strings.Repeat("x", 5000), []string{strings.Repeat("x", 4096), strings.Repeat("x", 904)}},
		{"long controls", strings.Repeat("\x01", 1025), []string{strings.Repeat("\\x01", 1024), "\\x01"}},
		{"tag on each line", "<1>1 - - a - - - b\nc", []string{"a: b", "a: c"}},
	} {
		var s syslogChild
		s.datagram(0, 7, []byte(c.in))
		var got []string
		for l := range bytes.Lines(s.out) {
			pid, l, ok := leadingNumber(l)
			sid, l, ok2 := leadingNumber(l)
			uid, l, ok3 := leadingNumber(l)
			if !ok || !ok2 || !ok3 || pid != 0 || sid != 0 || uid != 7 {
				t.Errorf("%s: %q", c.name, s.out)
			}
			got = append(got, strings.TrimSuffix(string(l), "\n"))
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: %.100q, want %.100q", c.name, got, c.want)
		}
	}
}

func FuzzSyslog(f *testing.F) {
	f.Add([]byte("<165>1 2003-10-11T22:14:15Z h app 7 ID [a@1 b=\"x\\\"]\"] text"))
	f.Add([]byte("<30>Oct 11 22:14:15 sshd[12]: hi\nthere"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if len(msg) > 1000 {
			return // a message that is full is sent
		}
		var s syslogChild
		s.datagram(0, 0, msg)
		if len(s.out) > sinkBatch || len(s.out) > 0 && s.out[len(s.out)-1] != '\n' {
			t.Fatalf("%q gives %q", msg, s.out)
		}
		for _, c := range s.out {
			if c < ' ' && c != '\t' && c != '\n' || c == 0x7f {
				t.Fatalf("%q gives %q", msg, s.out)
			}
		}
	})
}

// Whose a line is: a process of a unit, one of its session, one that has ended;
// else, for one that is gone, that of its user if there is one alone.
func TestUnitOf(t *testing.T) {
	in := testInit(t, "service a x\nservice b x\nservice c x\nservice d x\n")
	in.uid = 0
	in.now = 1e9
	in.syslog.in, in.syslog.ours = in, 1
	a, b, c, d := in.unit(t, "a"), in.unit(t, "b"), in.unit(t, "c"), in.unit(t, "d")
	in.procs[100] = &process{unit: a}
	in.procs[101] = &process{unit: graph.None}
	in.units[b].main, in.units[b].uid = 200, 1000
	in.units[c].main, in.units[c].uid = 300, 1001
	in.units[d].main, in.units[d].uid = 400, 1001
	in.syslog.remember(150, c)
	in.syslog.remember(151, graph.None)
	for _, w := range []struct {
		name     string
		pid, sid int
		uid      uint32
		want     graph.ID
	}{
		{"main", 100, 100, 5, a},
		{"session", 105, 100, 5, a},
		{"a helper of the init", 101, 101, 0, graph.None},
		{"ended", 150, 150, 0, c},
		{"session of one that ended", 155, 150, 0, c},
		{"stranger", 500, 499, 1000, graph.None},
		{"gone, its user", 500, 0, 1000, b},
		{"gone, a user of two", 500, 0, 1001, graph.None},
		{"gone, of no unit", 500, 0, 1002, graph.None},
		{"gone, the init's user", 500, 0, 0, graph.None},
		{"no pid", 0, 0, 0, graph.None},
	} {
		if got := in.senderUnit(w.pid, w.sid, w.uid); got != w.want {
			t.Errorf("%s: unit %d, want %d", w.name, got, w.want)
		}
	}
	in.now += syslogMemory + 1
	if got := in.senderUnit(150, 150, 0); got != graph.None {
		t.Errorf("one that ended long ago: unit %d", got)
	}
}
