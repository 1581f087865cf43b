package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func goSource(t *testing.T, elem ...string) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(append([]string{strings.TrimSpace(string(out)), "src"}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRewrite(t *testing.T) {
	for _, table := range tables {
		src := goSource(t, "runtime", table.file)
		text, err := table.rewrite(src)
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		old := strings.Split(src, "\n")
		for _, line := range strings.Split(text, "\n") {
			if row.MatchString(line) && !strings.Contains(src, line+"\n") {
				changed++
				if !strings.Contains(line, "{_SigNotify, ") {
					t.Errorf("%s: %q", table.file, line)
				}
			}
		}
		if changed != len(table.rows) {
			t.Errorf("%s: %d rows have changed, not %d", table.file, changed, len(table.rows))
		}
		if n := len(strings.Split(text, "\n")) - len(old); n != 2+strings.Count(markerSource, "\n") {
			t.Errorf("%s: %d lines more", table.file, n)
		}
	}
}

func TestRewriteRefuses(t *testing.T) {
	table := tables[0]
	src := goSource(t, "runtime", table.file)
	replace := func(old, new string) string {
		if strings.Count(src, old) != 1 {
			t.Fatalf("%q is not in the table once", old)
		}
		return strings.Replace(src, old, new, 1)
	}
	for _, tc := range []struct{ name, src, want string }{
		{"other flags", replace(`_SigNotify + _SigKill, "SIGTERM`, `_SigNotify + _SigThrow, "SIGTERM`),
			`not the table of go1.26: SIGTERM has the flags "_SigNotify + _SigThrow", not "_SigNotify + _SigKill"`},
		{"a row is gone", replace("\t/* 17 */ {_SigNotify + _SigUnblock + _SigIgn, \"SIGCHLD: child status has changed\"},\n", ""),
			"not the table of go1.26: 0 rows of SIGCHLD, not 1"},
		{"a row more that is unblocked", replace(`{_SigNotify, "SIGUSR1`, `{_SigNotify + _SigKill, "SIGUSR1`),
			`not the table of go1.26: the signals left unblocked are ["SIGBUS" "SIGFPE" "SIGILL" "SIGPROF" "SIGSEGV" "SIGTRAP" "SIGUSR1" "signal 32" "signal 33" "signal 34"], not ["SIGBUS" "SIGFPE" "SIGILL" "SIGPROF" "SIGSEGV" "SIGTRAP" "signal 32" "signal 33" "signal 34"]`},
		{"another beginning", replace("package runtime\n", "package runtime\n\nimport \"unsafe\"\n"),
			"the source does not begin as it did in go1.26"},
	} {
		if _, err := table.rewrite(tc.src); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
}

// Each of the small rewrites changes what it means to, and refuses a source
// without it.
func TestRewriteLines(t *testing.T) {
	for _, tc := range []struct {
		path    []string
		rewrite func(string) (string, error)
		gone    string
	}{
		{[]string{"runtime", fdsFile}, rewriteFds, fdsExpect},
		{[]string{"runtime", signalFile}, rewriteSignal, signalExpect},
		{[]string{"internal", "godebug", godebugFile}, rewriteGodebug, godebugExpect},
	} {
		text, err := tc.rewrite(goSource(t, tc.path...))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, tc.gone) {
			t.Errorf("%v still has %q", tc.path, tc.gone)
		}
		if _, err := tc.rewrite(text); err == nil || !strings.Contains(err.Error(), "0 times, not once") {
			t.Errorf("%v: a source without the lines: %v", tc.path, err)
		}
	}
}

// The list names existing files on the left, or new ones in existing folders,
// and the written ones on the right; a second run changes nothing.
func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := run(out); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, "overlay.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for old, new := range list.Replace {
		if _, err := os.Stat(filepath.Dir(old)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(new); err != nil {
			t.Error(err)
		}
	}
	if len(list.Replace) != len(tables)+4 {
		t.Errorf("%d files", len(list.Replace))
	}
}
