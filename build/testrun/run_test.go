package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const stream = `{"Action":"run","Package":"m/a","Test":"TestGood"}
{"Action":"output","Package":"m/a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"pass","Package":"m/a","Test":"TestGood"}
{"Action":"output","Package":"m/a","Test":"TestBad","Output":"    a_test.go:7: got 1, want 2\n"}
{"Action":"fail","Package":"m/a","Test":"TestBad"}
{"Action":"output","Package":"m/a","Test":"TestNot","Output":"    a_test.go:9: no kernel: run build/deps.sh\n"}
{"Action":"output","Package":"m/a","Test":"TestNot","Output":"--- SKIP: TestNot (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestNot"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.01s\n"}
{"Action":"fail","Package":"m/a"}
not json
{"Action":"skip","Package":"m/b"}
{"Action":"fail","Package":"m/c"}
`

func TestRead(t *testing.T) {
	var w strings.Builder
	var r result
	r.read(strings.NewReader(stream), &w)
	if r.Passed != 1 || !slices.Equal(r.Failed, []string{"m/a TestBad", "m/c"}) {
		t.Errorf("passed %d, failed %q", r.Passed, r.Failed)
	}
	if len(r.Skipped) != 1 || r.Skipped[0] != (skip{"m/a TestNot", "no kernel: run build/deps.sh"}) {
		t.Errorf("skipped %q", r.Skipped)
	}
	want := "    a_test.go:7: got 1, want 2\nFAIL\tm/a\t0.01s\nnot json\n"
	if w.String() != want {
		t.Errorf("shown:\n%s\nwant:\n%s", w.String(), want)
	}
}

// TestReport walks the verdicts: a failure, an unexpected skip in CI, an
// expected one, and a run in which nothing was tested.
func TestReport(t *testing.T) {
	skipped := result{Step: "s", Passed: 3, Skipped: []skip{{"m/a TestNot", "no kernel"}}}
	tests := []struct {
		name    string
		r       result
		expect  string
		strict  bool
		want    int
		closing string
	}{
		{"all passed", result{Step: "s", Passed: 2}, "", true, 0, "2 passed, 0 failed, 0 skipped\n"},
		{"one failed", result{Step: "s", Passed: 2, Failed: []string{"m/a TestBad"}}, "", false, 1, "2 passed, 1 failed, 0 skipped\n"},
		{"nothing ran", result{Step: "s"}, "", false, 1, "0 passed, 0 failed, 0 skipped\n"},
		{"skip at home", skipped, "", false, 0, "3 passed, 0 failed, 1 skipped\n"},
		{"skip in CI", skipped, "", true, 1, "3 passed, 1 failed, 1 skipped\n"},
		{"expected skip in CI", skipped, "# why\nTestNot: no kernel\n", true, 0, "3 passed, 0 failed, 1 skipped\n"},
		{"bad pattern", skipped, "(\n", true, 1, "mend the regular expression\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.r.save(dir); err != nil {
				t.Fatal(err)
			}
			expect := filepath.Join(dir, "skips.txt")
			if err := os.WriteFile(expect, []byte(tt.expect), 0o666); err != nil {
				t.Fatal(err)
			}
			var w strings.Builder
			if got := reportAll(&w, dir, expect, tt.strict); got != tt.want {
				t.Errorf("exit %d, want %d", got, tt.want)
			}
			if !strings.HasSuffix(w.String(), tt.closing) {
				t.Errorf("report:\n%s\nwant it to end with %q", w.String(), tt.closing)
			}
		})
	}
}
