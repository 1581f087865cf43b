package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mote/graph/line"
)

// expectFaults compares all faults and warnings, as whole strings.
func expectFaults(t *testing.T, c *Config, want ...string) {
	t.Helper()
	if got := faults(c); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLinesOfBytes(t *testing.T) {
	long := strings.Repeat("x", line.MaxLine)
	tests := []struct {
		name, text string
		want       []string
		units      string
	}{
		{"CRLF", "service a x\r\n    user b\r\n\r\n# c\r\nservice b y", nil, "a b"},
		{"no last newline", "service a x\n    usr b", []string{`/c/a.conf:2: unknown key "usr": write "user"`}, "a!"},
		{"joined", "service a \\\n x\n  af\\\nter b\nservice b x\n    usr c", []string{`/c/a.conf:6: unknown key "usr": write "user"`}, "a b!"},
		{"even backslashes", "service a x\\\\\n    user b", nil, "a"},
		{"NUL in a key line", "service a x\n    user \x00\nservice b x",
			[]string{"/c/a.conf:2: NUL byte in the line: remove it"}, "a! b"},
		{"NUL in a header", "service a \x00x\n    usr b\nservice b x",
			[]string{"/c/a.conf:1: NUL byte in the line: remove it"}, "b"},
		{"NUL before any header", "    a\x00", []string{"/c/a.conf:1: NUL byte in the line: remove it"}, ""},
		{"NUL in a comment", "# \x00\nservice a x", []string{"/c/a.conf:1: NUL byte in the line: remove it"}, "a"},
		{"not UTF-8", "service a \xff\xfe\n    description \xc3(\n    usr \xff",
			[]string{`/c/a.conf:3: unknown key "usr": write "user"`}, "a!"},
		{"not UTF-8 in a name", "service \xff x", []string{`/c/a.conf:1: name "\xff" has "\xff": use letters, digits, "-", "_", "." and at most one "@"`}, ""},
		{"64 KiB", "service a x\n    description " + long[:line.MaxLine-len("    description ")] + "\nservice b x", nil, "a b"},
		{"over 64 KiB", "service a x\n    description " + long + "\nservice b x",
			[]string{"/c/a.conf:2: line of 65552 bytes: the limit is 65536: split it"}, "a! b"},
		{"over 64 KiB, header", "service a " + long + "\n    user x\nservice b x",
			[]string{"/c/a.conf:1: line of 65546 bytes: the limit is 65536: split it"}, "b"},
		{"words", "service a x\n    description" + strings.Repeat(" a", MaxWords) + "\nservice b" + strings.Repeat(" b", MaxWords),
			[]string{"/c/a.conf:2: line of 4097 words: the limit is 4096: split it", "/c/a.conf:3: line of 4098 words: the limit is 4096: split it"}, "a!"},
		{"expanded line", "service a@ x" + strings.Repeat(" %n", 1100) + "\ntarget t\n    requires a@" + strings.Repeat("i", 62),
			[]string{"/c/a.conf:1: expanded line of 71575 bytes: the limit is 65536: shorten it"}, "t a@" + strings.Repeat("i", 62) + "!"},
		{"a long word is cut in its fault", "service a x\n    start " + strings.Repeat("y", 100),
			[]string{`/c/a.conf:2: start "` + strings.Repeat("y", 64) + `"... is unknown: write "auto" or "manual"`}, "a!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := load(tt.text)
			expectFaults(t, c, tt.want...)
			if got := unitNames(c); got != tt.units {
				t.Errorf("units %q, want %q", got, tt.units)
			}
		})
	}
}

// unitNames gives the units in order; "!" stands behind those that fail.
func unitNames(c *Config) string {
	var names []string
	for _, u := range c.Units {
		name := u.Name
		if u.Fault != "" {
			name += "!"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestTooManyUnits(t *testing.T) {
	var text strings.Builder
	for i := range MaxUnits + 2 {
		text.WriteString("target u" + itoa(i) + "\n")
	}
	c := load(text.String())
	expectFaults(t, c, `/c/a.conf:65537: unit "u65536" is one too many: the limit is 65536 units`)
	if len(c.Units) != MaxUnits {
		t.Errorf("%d units", len(c.Units))
	}
}

// TestInstancesWithoutEnd: a template whose instances name two more each stops
// at the limit, and soon.
func TestInstancesWithoutEnd(t *testing.T) {
	start := used(t)
	c := load("service a@ x\n    wants a@%i0 a@%i1\ntarget t\n    wants a@x\n")
	if len(c.Units) != MaxUnits || !slices.ContainsFunc(faults(c), func(s string) bool { return strings.Contains(s, "is one too many") }) {
		t.Errorf("%d units", len(c.Units))
	}
	if d := used(t) - start; d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}

// used is how long this process has had the processor. The time on the wall
// would tell of the others that have it.
func used(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestTooManyFiles(t *testing.T) {
	m := memory{"/c/a.conf": "include /d/*\n"}
	for i := range maxFiles {
		m["/d/"+itoa(1000000+i)] = ""
	}
	expectFaults(t, loadFiles(m), `/c/a.conf:1: include "/d/*": one file too many: the limit is 4096`)
}

// refusing is a Source that can read nothing.
type refusing struct{ memory }

func (refusing) Read(string) ([]byte, error) {
	return nil, errors.New("cannot read: not a regular file: remove it")
}

func (refusing) Glob(string) ([]string, error) {
	return nil, errors.New("cannot read: permission denied: allow it")
}

func TestFilesThatCannotBeRead(t *testing.T) {
	m := memory{"/c/a.conf": "", "/c/b.conf": ""}
	expectFaults(t, Load(refusing{m}, []Root{{Path: "/c"}}),
		"/c/a.conf: cannot read: not a regular file: remove it", "/c/b.conf: cannot read: not a regular file: remove it")
	expectFaults(t, Load(m, []Root{{Path: "/none"}, {Path: "/c"}, {Path: "/not", Optional: true}}),
		"/none: cannot read: no such file or directory: correct the path")
	expectFaults(t, Load(errno{}, []Root{{Path: "/s", Optional: true}, {Path: "/c"}}),
		"/c: cannot read: no such file or directory: correct the path")
	c := Load(globless{memory{"/c/a.conf": "include x*\nservice a x\n"}}, []Root{{Path: "/c"}})
	expectFaults(t, c, `/c/a.conf:1: include "x*": cannot read: permission denied: allow it`)
	if unitNames(c) != "a" {
		t.Error("a fault of an include stopped the rest")
	}
}

// errno is a Source whose errors are what the kernel says.
type errno struct{ memory }

func (errno) Files(string) ([]string, error) {
	return nil, fmt.Errorf("cannot read: %w", syscall.ENOENT)
}

// globless is a Source with folders that cannot be read.
type globless struct{ memory }

func (globless) Glob(string) ([]string, error) { return refusing{}.Glob("") }

// TestTenThousandUnits: a configuration of 10,000 units, a chain of requires
// over all of them among it, is read and linked in well under a second.
func TestTenThousandUnits(t *testing.T) {
	text := bigConfig(10000)
	start := used(t)
	c := load(text)
	d := used(t) - start
	t.Logf("%d bytes, %v", len(text), d)
	expectFaults(t, c)
	if len(c.Units) != 10000 || d > 2*time.Second {
		t.Errorf("%d units in %v", len(c.Units), d)
	}
}

func bigConfig(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("service unit-" + itoa(i) + " /usr/bin/daemon -f --number " + itoa(i) + "\n")
		if i+1 < n {
			b.WriteString("    requires  unit-" + itoa(i+1) + "\n")
		}
		if i > 10 {
			b.WriteString("    before    unit-" + itoa(i-7) + " unit-" + itoa(i-3) + "\n")
			b.WriteString("    conflicts none-" + itoa(i) + "\n")
		}
		b.WriteString("    user      www-data\n    env       A=1 B=${HOME}\n    restart   always delay 1s max 60s\n")
	}
	return strings.ReplaceAll(b.String(), "    conflicts none-", "    x-was ")
}

func BenchmarkLoad(b *testing.B) {
	m := memory{"/c/a.conf": bigConfig(10000)}
	for b.Loop() {
		loadFiles(m)
	}
}
