package pid1

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseRun(t *testing.T) {
	const none = "no command: write mote run -- CMD ARG..."
	for _, c := range []struct {
		words, cmd string
		group      bool
		bad        string
	}{
		{"ls", "ls", false, ""},
		{"-- ls -l", "ls -l", false, ""},
		{"ls -g", "ls -g", false, ""},
		{"-g ls -- x", "ls -- x", true, ""},
		{"-g -- -x", "-x", true, ""},
		{"", "", false, none},
		{"--", "", false, none},
		{"-g", "", false, none},
		{"-r TERM:QUIT -rHUP:0 -r SIGUSR1:2 -r 64:1 x", "x", false, ""},
		{"-r", "", false, "-r needs FROM:TO, as in -r TERM:QUIT"},
		{"-r TERM x", "", false, `-r "TERM" is not FROM:TO with two signals: write -r TERM:QUIT, or -r HUP:0 to drop it`},
		{"-r TERM:FOO x", "", false, `-r "TERM:FOO" is not FROM:TO with two signals: write -r TERM:QUIT, or -r HUP:0 to drop it`},
		{"-r 0:1 x", "", false, `-r "0:1" is not FROM:TO with two signals: write -r TERM:QUIT, or -r HUP:0 to drop it`},
		{"-r 65:1 x", "", false, `-r "65:1" is not FROM:TO with two signals: write -r TERM:QUIT, or -r HUP:0 to drop it`},
		{"-r 1:65 x", "", false, `-r "1:65" is not FROM:TO with two signals: write -r TERM:QUIT, or -r HUP:0 to drop it`},
		{"-x ls", "", false, `unknown option "-x": see mote run --help`},
	} {
		w, bad := parseRun(strings.Fields(c.words))
		if bad != c.bad {
			t.Errorf("%q: %q, expected %q", c.words, bad, c.bad)
		}
		if bad == "" && (w.group != c.group || !slices.Equal(w.cmd, strings.Fields(c.cmd))) {
			t.Errorf("%q: %v %q", c.words, w.group, w.cmd)
		}
	}
	w, _ := parseRun(strings.Fields("-r TERM:QUIT -rHUP:0 -r SIGUSR1:2 -r 64:1 x"))
	for from, to := range map[int]int{int(unix.SIGTERM): int(unix.SIGQUIT), 1: -1, int(unix.SIGUSR1): 2, 64: 1, 2: 0} {
		if w.rewrite[from] != to {
			t.Errorf("signal %d becomes %d, expected %d", from, w.rewrite[from], to)
		}
	}
}

// A word of the options that is empty is the command's own affair.
func TestParseRunEmptyWord(t *testing.T) {
	if w, bad := parseRun([]string{"", "x"}); bad != "" || len(w.cmd) != 2 {
		t.Errorf("%v, %q", w, bad)
	}
}
