package ctl

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile is text that would act on a terminal if it were let through.
var hostile = []string{
	"\x1b]0;owned\x07\x1b[2J", "a\rb\nc\td", "\x9b31m\x90q\x9c", "\xc2\x9b31m", "\xff\xfe\x00\x7f",
	"\u202egnp.exe\u202c", "\u2066x\u2069\u200f\u061c", "\u2028\ufeff", "\xe2\x80", "\\x1b[0m\"'$#",
	"\u4e16\u754c e\u0301", strings.Repeat("\x1b[31m", 50), "\xed\xa0\x80", "",
}

// hostileUnits is a list where every value is hostile.
func hostileUnits() string {
	var b []byte
	for _, h := range hostile {
		b = appendLine(b, "unit", "name", h, "kind", h, "class", h, "state", h, "want", h, "pid", h, "since", h,
			"uptime_ms", h, "restarts", h, "exit_code", h, "exit_signal", h, "reason", h, "waiting_on", h, "requires", h,
			"wants", h, "after", h, "conflicts", h, "description", h, "file", h, "fault", h, "status_text", h, "errno", h, "ready_error", h, "stored_fds", h, h, h)
	}
	return string(b)
}

func hostileAnswers() map[string]string {
	units := hostileUnits()
	var more []byte
	for _, h := range hostile {
		more = appendLine(more, "log", h, "1767323042123", h)
		more = appendLine(more, "dropped", h, "3")
		more = appendLine(more, "event", "1767323042123", h, h, h, h, h)
		more = appendLine(more, "cause", h)
		more = appendLine(more, "wanted-by", h, h)
		more = appendLine(more, "would-stop", h)
		more = appendLine(more, "system", "role", h, "pid", h, "version", h, "phase", h, "socket", h, "signals", h, h, h)
		more = appendLine(more, "fault", h, h, h)
		more = appendLine(more, "text", h)
		more = appendLine(more, "note", h)
		more = appendLine(more, "warn", h)
		more = appendLine(more, "stopped", h)
		more = appendLine(more, "version", h, h, "version", h, "role", h)
		more = appendLine(more, h, h)
	}
	all := units + string(more)
	end := string(appendLine(nil, "err", "1", strings.Join(hostile, "")))
	a := make(map[string]string)
	for _, r := range []string{"list", "status", "status x", "why x", "show x", "logs", "logs x", "events", "start x", "stop x", "version", "ping"} {
		a[r] = all + "ok\n"
	}
	a["restart x"] = all + end
	return a
}

var hostileCalls = [][]string{
	{"list"}, {"status"}, {"status", "x"}, {"why", "x"}, {"show", "x"}, {"tree"}, {"graph"}, {"logs"}, {"logs", "x"},
	{"events"}, {"start", "x"}, {"stop", "x"}, {"restart", "x"}, {"version"}, {"ping"},
}

// TestHostileTerminal: nothing but text, line ends and our own colours reaches
// a terminal, with and without colours and UTF-8.
func TestHostileTerminal(t *testing.T) {
	f := startFake(t, hostileAnswers())
	for _, vars := range [][]string{
		{"TERM=vt100", "LANG=en_US.UTF-8"},
		{"TERM=vt100", "LANG=C"},
		{"TERM=dumb", "LC_ALL=C.utf8"},
		{"TERM=xterm", "NO_COLOR=1"},
		{"TERM=xterm", "LANG=C.UTF-8", "COLUMNS=20"},
	} {
		env := testEnv(append(vars, "MOTE_SOCKET="+f.path)...)
		colour := vars[0] != "TERM=dumb" && !strings.HasPrefix(vars[1], "NO_COLOR")
		ascii := strings.HasPrefix(vars[1], "NO_COLOR") || vars[1] == "LANG=C"
		for _, args := range hostileCalls {
			_, shown := openTerminal(t, 0).run(noKernel(t), env, args...)
			checkShown(t, strings.Join(append(vars, args...), " "), shown, colour, ascii)
		}
	}
}

func checkShown(t *testing.T, name, shown string, colour, ascii bool) {
	t.Helper()
	if colour {
		for _, code := range []string{red, green, yellow, cyan, dim, "0"} {
			shown = strings.ReplaceAll(shown, "\x1b["+code+"m", "")
		}
	}
	if !utf8.ValidString(shown) {
		t.Errorf("%s: not UTF-8: %q", name, shown)
	}
	for _, r := range shown {
		// The terminal's own line discipline makes blanks of tabs or not.
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || turnsText(r) || ascii && r > '~' {
			t.Errorf("%s: %U reached the terminal: %q", name, r, shown)
			return
		}
	}
}

// TestHostileJSON: whatever comes, the JSON is valid and has no byte that acts.
func TestHostileJSON(t *testing.T) {
	f := startFake(t, hostileAnswers())
	env := testEnv("MOTE_SOCKET=" + f.path)
	for _, args := range hostileCalls {
		args = append(args, "--json")
		r := runClient(t, noKernel(t), env, args...)
		for _, s := range strings.Split(strings.TrimSuffix(r.out, "\n"), "\n") {
			if !json.Valid([]byte(s)) {
				t.Errorf("%v: %q", args, s)
			}
		}
		checkShown(t, strings.Join(args, " "), r.out, false, false)
		checkShown(t, strings.Join(args, " ")+" stderr", r.errOut, false, true)
	}
}

// TestRawLogs: a file or a pipe gets the very bytes.
func TestRawLogs(t *testing.T) {
	f := startFake(t, hostileAnswers())
	r := runClient(t, noKernel(t), testEnv(), "-s", f.path, "logs", "x")
	for _, h := range hostile {
		if !strings.Contains(r.out, "2026-01-02T03:04:02.123Z "+h+"\n") {
			t.Errorf("%q is not in %q", h, r.out)
		}
	}
}

func TestAppendSafe(t *testing.T) {
	for _, c := range []struct{ in, unicode, ascii string }{
		{"plain ~", "plain ~", "plain ~"},
		{"\x1b[31m\n\x7f\t", `\x1b[31m\x0a\x7f\x09`, `\x1b[31m\x0a\x7f\x09`},
		{"caf\u00e9", "caf\u00e9", `caf\xc3\xa9`},
		{"\u009b1m", `\xc2\x9b1m`, `\xc2\x9b1m`},
		{"\xff\xe2\x80", `\xff\xe2\x80`, `\xff\xe2\x80`},
		{"a\u202eb", "a\ufffdb", `a\xe2\x80\xaeb`},
		{"\ufffd", "\ufffd", `\xef\xbf\xbd`},
	} {
		if got := string(appendSafe(nil, c.in, true, false)); got != c.unicode {
			t.Errorf("%q: %q", c.in, got)
		}
		if got := string(appendSafe(nil, c.in, false, false)); got != c.ascii {
			t.Errorf("%q as ASCII: %q", c.in, got)
		}
	}
	if got := string(appendSafe(nil, "a\tb", true, true)); got != "a\tb" {
		t.Errorf("tab: %q", got)
	}
}

// TestTerminalTable is the table on a serial line: 80 columns, colours, and
// what is too long cut.
func TestTerminalTable(t *testing.T) {
	long := "unit|name|a-very-long-name-of-a-unit-that-nobody-would-type@instance0|kind|service|state|failed|restarts|7|reason|" +
		"requires db, which failed because its disk is full and nobody has looked"
	f := startFake(t, map[string]string{"list": reply(append(router, long)...), "status db": reply(
		"unit|name|db|kind|service|class|user|state|failed|want|up|reason|" + strings.Repeat("a long reason goes on below ", 6))})
	var all strings.Builder
	for _, c := range []struct {
		columns int
		vars    string
	}{
		{80, "TERM=vt100"}, {0, "TERM=dumb"}, {0, "COLUMNS=60"}, {200, "NO_COLOR=1"}, {40, "LANG=C.UTF-8"}, {5, ""},
	} {
		env := testEnv(c.vars, "MOTE_SOCKET="+f.path)
		all.WriteString("$ list # " + itoa(c.columns) + " columns " + c.vars + "\n")
		_, shown := openTerminal(t, c.columns).run(noKernel(t), env, "list")
		all.WriteString(strings.ReplaceAll(shown, "\x1b", "ESC") + "\n")
		limit := c.columns
		if limit == 0 {
			limit = 80
		}
		for _, l := range strings.Split(shown, "\n") {
			for _, code := range []string{red, green, yellow, cyan, dim, "0"} {
				l = strings.ReplaceAll(l, "\x1b["+code+"m", "")
			}
			if columns(l) > max(limit, 66) {
				t.Errorf("%d columns: %q has %d", c.columns, l, columns(l))
			}
		}
	}
	_, shown := openTerminal(t, 80).run(noKernel(t), testEnv("MOTE_SOCKET="+f.path), "status", "db")
	all.WriteString("$ status db\n" + shown)
	golden(t, "terminal", all.String())
}
