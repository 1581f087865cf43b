package pid1

import (
	"os"
	"testing"

	"mote/proc"
)

func TestConditions(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(dir+"/f", []byte("one two\tthree\r\nfour\x00five\n"), 0o644)
	inner := !proc.InitialPIDNamespace()
	for _, c := range []struct {
		line string
		role Role
		met  bool
	}{
		{"exists " + dir + "/f", Supervisor, true},
		{"exists " + dir + "/g", Supervisor, false},
		{"not exists " + dir + "/g", Supervisor, true},
		{"file-has " + dir + "/f one", Supervisor, true},
		{"file-has " + dir + "/f three", Supervisor, true},
		{"file-has " + dir + "/f thre", Supervisor, false},
		{"file-has " + dir + "/f five", Supervisor, false},
		{"file-has " + dir + "/g one", Supervisor, false},
		{"not file-has " + dir + " one", Supervisor, true},
		{"cmdline no-such-word-at-all", Machine, false},
		{"container", Container, true},
		{"container", Machine, false},
		{"container", Supervisor, inner},
	} {
		in := testInit(t, "task a /bin/true\n  if "+c.line+"\n")
		in.role = c.role
		want := "if " + c.line
		if c.met {
			want = ""
		}
		if got := in.unmet(in.world.Unit(0)); got != want {
			t.Errorf("%s in a %s: %q, expected %q", c.line, c.role, got, want)
		}
	}
	in := testInit(t, "task a /bin/true\n  if exists /\n  if not exists "+dir+"\n  if exists /nosuch\n")
	if got := in.unmet(in.world.Unit(0)); got != "if not exists "+dir {
		t.Errorf("of several: %q", got)
	}
}

// The child that looks at network mounts says which line does not hold.
func TestRunCheck(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{condWord}, 0},
		{[]string{condWord, "no", "?", "/", ""}, 0},
		{[]string{condWord, "yes", "?", "/", ""}, 1},
		{[]string{condWord, "no", "?", "/", "", "no", "?", "/nosuch", ""}, 2},
		{[]string{condWord, "no", "yes", "", "word", "yes", "no", "", ""}, 0},
		{[]string{condWord, "no", "no", "", "word"}, 1},
		{[]string{condWord, "no", "?", "/etc/passwd", "no-such-word"}, 1},
		{[]string{condWord, "no", "?"}, 0},
	} {
		if got := RunCheck(c.args); got != c.want {
			t.Errorf("%q: %d, expected %d", c.args, got, c.want)
		}
	}
}
