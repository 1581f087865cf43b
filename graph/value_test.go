package graph

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mote/graph/line"
)

func TestDurations(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		out  string
	}{
		{"0", 0, "0"}, {"0s", 0, "0"}, {"200ms", 200 * time.Millisecond, "200ms"}, {"5s", 5 * time.Second, "5s"},
		{"60s", time.Minute, "1m"}, {"90s", 90 * time.Second, "90s"}, {"1h", time.Hour, "1h"}, {"1000ms", time.Second, "1s"},
		{"007s", 7 * time.Second, "7s"}, {"8784h", maxDuration, "8784h"}, {"527040m", maxDuration, "8784h"},
		{"31622400000ms", maxDuration, "8784h"},
	} {
		d, wrong := ParseDuration(tt.in)
		if d != tt.want || wrong != "" || FormatDuration(d) != tt.out {
			t.Errorf("%s is %v %q, shown as %s", tt.in, d, wrong, FormatDuration(d))
		}
	}
	for _, in := range []string{"", "s", "5", "1.5s", "-1s", "+1s", "5 s", "5S", "5sec", "1m30s", "8785h", "31622400001ms", strings.Repeat("9", 99) + "h", "５s"} {
		if d, wrong := ParseDuration(in); d != 0 || wrong == "" {
			t.Errorf("%q is %v", in, d)
		}
	}
	if s := FormatDuration(1500*time.Millisecond + time.Microsecond); s != "1500ms" {
		t.Error(s)
	}
}

func TestSizes(t *testing.T) {
	for in, want := range map[string]int{"0": 0, "1": 1, "1K": 1024, "64K": 65536, "1M": 1 << 20, "16384K": 16 << 20, "16M": 16 << 20} {
		if n, wrong := ParseSize(in, 0, 16<<20); n != want || wrong != "" {
			t.Errorf("%s is %d %q", in, n, wrong)
		}
	}
	for _, in := range []string{"", "K", "1k", "1KB", "-1", "1.5M", "17M", "1G", "16777217", strings.Repeat("9", 50)} {
		if n, wrong := ParseSize(in, 0, 16<<20); n != 0 || wrong == "" {
			t.Errorf("%q is %d", in, n)
		}
	}
	for n, want := range map[int]string{0: "0", 1: "1", 1024: "1K", 1025: "1025", 1 << 20: "1M", 1 << 30: "1G", 3 << 29: "1536M"} {
		if s := FormatSize(n); s != want {
			t.Errorf("%d is shown as %s", n, s)
		}
	}
}

func TestSignals(t *testing.T) {
	for in, want := range map[string]int{"TERM": 15, "SIGTERM": 15, "term": 15, "15": 15, "KILL": 9, "HUP": 1, "RTMIN": 34,
		"RTMIN+1": 35, "SIGRTMIN+25": 59, "IOT": 6, "64": 64} {
		if n, ok := SignalNumber(in); n != want || !ok {
			t.Errorf("%s is %d %v", in, n, ok)
		}
	}
	for _, in := range []string{"", "SIG", "TRM", "0", "-1", "128", "99999999999999999999", "RTMIN+", "RTMIN1", "RTMIN++1", "RTMIN+99", "RTMAX"} {
		if n, ok := SignalNumber(in); ok {
			t.Errorf("%q is %d", in, n)
		}
	}
	for n := 1; n <= signalMax; n++ {
		if got, ok := SignalNumber(SignalName(n)); got != n || !ok {
			t.Errorf("signal %d is shown as %s, which is %d", n, SignalName(n), got)
		}
	}
	if SignalName(0) != "0" || SignalName(33) != "33" || SignalName(1000) != "1000" {
		t.Error("numbers without a name")
	}
}

func TestExpandText(t *testing.T) {
	env := map[string]string{"A": "a b", "EMPTY": "", "x_1": "$A"}
	for _, tt := range []struct{ word, want, unset string }{
		{`plain`, "plain", ""}, {`""`, "", ""}, {`${A}`, "a b", ""}, {`-${A}-${x_1}-`, "-a b-$A-", ""},
		{`${NO}`, "", "NO"}, {`${NO:-w}`, "w", ""}, {`${EMPTY:-w}`, "w", ""}, {`${EMPTY}`, "", ""}, {`${A:-w}`, "a b", ""}, {`${NO:-}`, "", ""},
		{`"${NO:-a b}c"`, "a bc", ""}, {`${NO:-\}}x`, "}x", ""}, {`${NO:-${A}}`, "${A}", ""},
		{`$$`, "$", ""}, {`$${A}`, "${A}", ""}, {`$$$$`, "$$", ""}, {`$`, "$", ""}, {`$A`, "$A", ""}, {`a$`, "a$", ""},
		{`\${A}`, "${A}", ""}, {`'${A}'`, "${A}", ""}, {`"\${A}"`, "${A}", ""}, {`$'{A}'`, "${A}", ""}, {`${A\}`, "${A}", ""},
		{`${}`, "${}", ""}, {`${1}`, "${1}", ""}, {`${A`, "${A", ""}, {`${A:x}`, "${A:x}", ""}, {`${A-x}`, "${A-x}", ""}, {`${A:-x`, "${A:-x", ""},
		{`$${`, "${", ""}, {`${A}$`, "a b$", ""},
	} {
		w, err := line.Split(nil, tt.word)
		if err != nil || len(w) != 1 {
			t.Fatalf("%s: %v %v", tt.word, w, err)
		}
		unset := ""
		got := ExpandText(parseText(w[0]), func(n string) (string, bool) { v, ok := env[n]; return v, ok }, func(n string) { unset += n })
		if got != tt.want || unset != tt.unset {
			t.Errorf("%s gives %q, unset %q; want %q, %q", tt.word, got, unset, tt.want, tt.unset)
		}
	}
	if s := ExpandText(Text{{Var: "NO"}}, func(string) (string, bool) { return "", false }, nil); s != "" {
		t.Error(s)
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct{ word, want string }{
		{"%i", "x"}, {"%n", "u@x"}, {"a%i-%n%%", "ax-u@x%"}, {"%%i", "%i"}, {"%%%i", "%x"}, {"%", "%"}, {"%d", "%d"}, {"100%", "100%"},
		{`\%i`, "%i"}, {`'%i'`, "%i"}, {`"%i"`, "x"}, {`%\i`, "%i"},
	} {
		w, _ := line.Split(nil, tt.word)
		if got, _ := percent(w[0], "u@x", "x", false); got.Text != tt.want {
			t.Errorf("%s gives %q, want %q", tt.word, got.Text, tt.want)
		}
	}
	w, _ := line.Split(nil, "%i%n%%i")
	if got, asked := percent(w[0], "", "", true); got.Text != "%i%n%i" || asked {
		t.Errorf("set line gives %q", got.Text)
	}
}

func TestNearest(t *testing.T) {
	for _, tt := range []struct {
		word, want string
		near       bool
	}{
		{"afer", "after", true}, {"exce", "exec", true}, {"usr", "user", true}, {"requries", "requires", true}, {"reqires", "requires", true},
		{"wnats", "wants", true}, {"restart", "restart", true}, {"g", "if", false}, {"frobnicate", "conflicts", false}, {strings.Repeat("x", 100000), "stop-exec", false},
	} {
		if got, near := nearest(tt.word, slices.Values(rowNames(keyRows))); near != tt.near || near && got != tt.want || got == "" {
			t.Errorf("%.20s is nearest to %s, %v", tt.word, got, near)
		}
	}
}

func TestKeyTable(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		id := itoa(int(k.Scope)) + k.Name
		if seen[id] || k.Help == "" || !strings.HasSuffix(k.Help, ".") || k.Args == "" {
			t.Errorf("row %+v", k)
		}
		seen[id] = true
		if k.Scope == InUnit && k.Kinds == 0 {
			t.Errorf("%s is for no kind", k.Name)
		}
		if text, ok := KeyHelp(k.Name); !ok || !strings.Contains(text, k.Help) {
			t.Errorf("help of %s: %q", k.Name, text)
		}
	}
	if _, ok := KeyHelp("frobnicate"); ok {
		t.Error("help of an unknown key")
	}
	if len(keyRows) > maxRows || keyRows[0].Name != "exec" || keyRows[1].Name != "sh" || len(optionRows) > len(parser{}.optionAt) {
		t.Error("the table does not have its shape")
	}
	for i := range keyRows {
		if r := &keyRows[i]; r.set == nil || r.reset == nil || r.show == nil {
			t.Errorf("%s does nothing", r.Name)
		}
	}
	want := `tty NAME [CMD ARG...]
    header, starts in column 0
    A process with a controlling terminal, such as a login.
tty PATH
    key of service, task, tty; once in a unit
    The controlling terminal, and the input; a tty unit's output too.
`
	if got, _ := KeyHelp("tty"); got != want {
		t.Errorf("help of tty:\n%s", got)
	}
}

// TestEmpty: "!key" brings back the default of every key (SPEC F8).
func TestEmpty(t *testing.T) {
	full := "service a x\n requires b\n wants b\n after b\n before b\n conflicts c\n start manual\n class system\n critical shell\n" +
		" if container\n dir /x\n umask 0\n env A=b\n env-file /x\n user a\n group b\n groups c\n tty /dev/x\n stdin tty\n pre x\n post y\n" +
		" ready notify\n health tcp localhost:1\n watchdog 1s\n listen tcp :1\n on-demand idle 1s\n ports 1\n reload-signal HUP\n start-timeout 1s\n restart never limit 3\n stop KILL 1s\n stop-exec x\n kill process\n log null\n description x\n"
	full = strings.Replace(full, "KILL 1s", "HUP 1s", 1)
	var empty strings.Builder
	empty.WriteString("extend a\n")
	for i := range keyRows {
		if keyRows[i].Kinds.Has(Service) {
			empty.WriteString("  !" + keyRows[i].Name + "\n")
		}
	}
	c := load("target b\ntarget c\n" + full + empty.String() + "  exec x\n")
	expectFaults(t, c)
	if got := strings.Join(Show(c.Unit("a")), "\n"); got != "service  a x" {
		t.Error(got)
	}
	for _, text := range []string{"service a x\n reload-exec y\n !reload-exec\n", "task a x\n every 5s\n !every\n", "task a x\n at * * * * *\n !at\n", "tty a x\n askfirst 'a b'\n !askfirst\n"} {
		c := load(text)
		expectFaults(t, c)
		if got := Show(c.Unit("a")); len(got) != 1 {
			t.Error(got)
		}
	}
}
