package pid1

import (
	"slices"
	"strings"
	"testing"
)

func TestParseOptions(t *testing.T) {
	for _, c := range []struct {
		words   string
		machine bool
		want    Options
		bad     string
	}{
		{"", false, Options{}, ""},
		{"-c /a -c b -s @x -t t --main m --container", false, Options{Config: []string{"/a", "b"}, Socket: "@x", Target: "t", Main: "m", Container: true}, ""},
		{"-c=/a --main=m", false, Options{Config: []string{"/a"}, Main: "m"}, ""},
		{"--machine", false, Options{Machine: true}, ""},
		{"-c", false, Options{}, "-c needs a value: see mote init --help"},
		{"-s=", false, Options{}, "-s needs a value: see mote init --help"},
		{"--frob", false, Options{}, `unknown word "--frob": see mote init --help`},
		{"single", false, Options{}, `unknown word "single": see mote init --help`},
		{"--machine --container", false, Options{Machine: true, Container: true}, "--machine and --container exclude each other"},
		{"quiet single splash BOOT_IMAGE=/x -c", true, Options{Rescue: true}, ""},
		{"rescue", true, Options{Rescue: true}, ""},
		{"S", true, Options{Rescue: true}, ""},
		{"1", true, Options{Rescue: true}, ""},
		{"-t t -s", true, Options{Target: "t"}, ""},
	} {
		got, bad := ParseOptions(strings.Fields(c.words), c.machine)
		if bad != c.bad {
			t.Errorf("%q: %q, expected %q", c.words, bad, c.bad)
		}
		if bad == "" && (got.Socket != c.want.Socket || got.Target != c.want.Target || got.Main != c.want.Main || got.Machine != c.want.Machine ||
			got.Container != c.want.Container || got.Rescue != c.want.Rescue || !slices.Equal(got.Config, c.want.Config)) {
			t.Errorf("%q: %+v", c.words, got)
		}
	}
}

func TestRoleOf(t *testing.T) {
	for _, c := range []struct {
		pid     int
		initial bool
		opt     Options
		want    Role
	}{
		{1, true, Options{}, Machine},
		{1, true, Options{Container: true}, Machine}, // an exit would be the kernel's panic
		{1, false, Options{}, Container},
		{1, false, Options{Machine: true}, Machine},
		{7, true, Options{}, Supervisor},
		{7, false, Options{Machine: true}, Supervisor},
		{7, false, Options{Container: true}, Container},
	} {
		if got := roleOf(c.pid, c.initial, &c.opt); got != c.want {
			t.Errorf("pid %d, initial %v, %+v: %s, expected %s", c.pid, c.initial, c.opt, got, c.want)
		}
	}
}

func TestRoots(t *testing.T) {
	if got := Roots([]string{"/a", "/b"}, true); len(got) != 2 || got[0].Path != "/a" || got[0].Optional {
		t.Errorf("named: %+v", got)
	}
	if got := Roots(nil, true); len(got) != 2 || got[0].Path != systemPath || !got[0].Optional || !got[1].Optional {
		t.Errorf("a machine: %+v", got)
	}
	if got := Roots(nil, false); len(got) != 1 || got[0].Path != servicesPath || got[0].Optional {
		t.Errorf("a container: %+v", got)
	}
}
