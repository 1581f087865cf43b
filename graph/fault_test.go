package graph

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestFaults reads the cases of testdata/faults.txt: files, "====", and every
// fault that they have, as whole strings. With -update it writes the faults.
func TestFaults(t *testing.T) {
	data, err := os.ReadFile("testdata/faults.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split(string(data), "\n---- ")
	out := cases[0]
	for _, c := range cases[1:] {
		name, rest, _ := strings.Cut(c, "\n")
		files, want, ok := strings.Cut(rest, "\n====\n")
		if !ok {
			t.Fatalf("%s has no ====", name)
		}
		c := loadFiles(splitFiles(files))
		got := strings.Join(faults(c), "\n")
		out += "\n---- " + name + "\n" + files + "\n====\n" + got + "\n"
		if want = strings.TrimSpace(want); !*update && want != got {
			t.Errorf("%s:\n%s\n==== got\n%s\n==== want\n%s", name, files, got, want)
		}
		checkUnitFaults(t, name, c)
	}
	if *update {
		if err := os.WriteFile("testdata/faults.txt", []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkUnitFaults: a fault that names a unit makes it fail, warnings fail
// nothing, and what a unit fails with is among the faults.
func checkUnitFaults(t *testing.T, name string, c *Config) {
	t.Helper()
	all := faults(c)
	for _, f := range c.Faults {
		if u := c.Unit(f.Unit); f.Unit != "" && (u == nil || u.Fault == "" && !f.Warning) {
			t.Errorf("%s: %q fails no unit", name, f)
		}
	}
	for _, u := range c.Units {
		if u.Fault != "" && !slices.Contains(all, u.Fault) {
			t.Errorf("%s: %s fails with %q, which is not among the faults", name, u.Name, u.Fault)
		}
	}
}

// splitFiles takes lines "@ PATH" as the beginnings of files; without one all
// is /c/a.conf.
func splitFiles(text string) memory {
	m := memory{}
	name := "/c/a.conf"
	for l := range strings.Lines(text + "\n") {
		if rest, ok := strings.CutPrefix(l, "@ "); ok {
			name = strings.TrimSpace(rest)
			m[name] = ""
		} else {
			m[name] += l
		}
	}
	return m
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return "got  " + a + "\nwant " + b
		}
	}
	return ""
}
