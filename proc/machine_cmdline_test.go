package proc

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseCmdline(t *testing.T) {
	for _, c := range []struct {
		text string
		want Cmdline
	}{
		{"", Cmdline{}},
		{" \n\t", Cmdline{}},
		{"console=ttyS0 quiet\n", Cmdline{Words: []string{"console=ttyS0", "quiet"}}},
		{"single", Cmdline{Words: []string{"single"}, Rescue: true}},
		{"ro S", Cmdline{Words: []string{"ro", "S"}, Rescue: true}},
		{"1", Cmdline{Words: []string{"1"}, Rescue: true}},
		{"rescue", Cmdline{Words: []string{"rescue"}, Rescue: true}},
		{"mote.rescue", Cmdline{Words: []string{"mote.rescue"}, Rescue: true}},
		{"-- single", Cmdline{Words: []string{"--", "single"}, Rescue: true}},
		{"x=1 singles 11 s", Cmdline{Words: []string{"x=1", "singles", "11", "s"}}},
		{"mote.config=/a mote.config=/b mote.target=x mote.target=y", Cmdline{
			Words:  []string{"mote.config=/a", "mote.config=/b", "mote.target=x", "mote.target=y"},
			Config: []string{"/a", "/b"}, Target: "y"}},
		{`mote.config="/with blank" "mote.target=a b" x"y z"w ""`, Cmdline{
			Words:  []string{"mote.config=/with blank", "mote.target=a b", "xy zw"},
			Config: []string{"/with blank"}, Target: "a b"}},
		{`mote.config="/open end`, Cmdline{Words: []string{"mote.config=/open end"}, Config: []string{"/open end"}}},
		{"mote.log=debug mote.watchdog=/dev/watchdog,30s", Cmdline{
			Words: []string{"mote.log=debug", "mote.watchdog=/dev/watchdog,30s"}, Log: "debug", Watchdog: "/dev/watchdog,30s"}},
		{"mote.log=loud mote.target= mote.config mote.xyz=1 motes", Cmdline{
			Words: []string{"mote.log=loud", "mote.target=", "mote.config", "mote.xyz=1", "motes"},
			Bad:   []string{"mote.log=loud", "mote.target=", "mote.config", "mote.xyz=1"}}},
		{"mote.target=a=b", Cmdline{Words: []string{"mote.target=a=b"}, Target: "a=b"}},
	} {
		if got := ParseCmdline(c.text); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v; want %+v", c.text, got, c.want)
		}
	}
	if got, err := ReadCmdline(); err != nil || len(got.Words) == 0 {
		t.Errorf("/proc/cmdline: %+v, %v", got, err)
	}
}

func FuzzCmdline(f *testing.F) {
	f.Add(`mote.config="/a b" single x="`)
	f.Add(strings.Repeat("\x00\xff\" ", 1000))
	f.Fuzz(func(t *testing.T, text string) {
		c := ParseCmdline(text)
		bytes := 0
		for _, w := range c.Words {
			if w == "" || strings.ContainsAny(w, `"`) {
				t.Errorf("%q in %q", w, text)
			}
			bytes += len(w)
		}
		if bytes > len(text) {
			t.Errorf("%d bytes from %d", bytes, len(text))
		}
	})
}

func TestParseHostname(t *testing.T) {
	for _, c := range []struct{ text, want, err string }{
		{"", "", ""},
		{"\n# nothing\n", "", ""},
		{"router\n", "router", ""},
		{"# a comment\n\n  box-1.example \r\nother\n", "box-1.example", ""},
		{strings.Repeat("x", 64), strings.Repeat("x", 64), ""},
		{strings.Repeat("x", 65), "", "it has 65 bytes: the limit is 64"},
		{"two words", "", `"two words" has a byte that a name cannot have`},
		{"a\x1b[2J", "", `"a\x1b[2J" has a byte that a name cannot have`},
	} {
		if got, err := ParseHostname(c.text); got != c.want || text(err) != c.err {
			t.Errorf("%q: %q, %v", c.text, got, err)
		}
	}
}
