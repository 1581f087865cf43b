package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// result is one step: how many tests passed, and the others by name.
type result struct {
	Step    string
	Passed  int
	Failed  []string // "PACKAGE TEST"
	Skipped []skip
	Seconds float64
}

// skip is a test that did not run, and why.
type skip struct {
	Test   string // "PACKAGE TEST"
	Reason string // what was given to t.Skip, on one line
}

func (r result) encode(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// runCommand runs a command as if it were one test.
func runCommand(r *result, args []string) {
	c := exec.Command(args[0], args[1:]...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		fmt.Printf("FAIL %s: %v\n", strings.Join(args, " "), err)
		r.Failed = append(r.Failed, strings.Join(args, " "))
		return
	}
	r.Passed++
}

// runTests runs go test -json and shows on w what go test would show without
// -v: a line for each package, and the output of what failed.
func runTests(r *result, w io.Writer, args []string) {
	c := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		fmt.Fprintf(w, "FAIL cannot run go test: %v\n", err)
		r.Failed = append(r.Failed, "go test")
		return
	}
	r.read(out, w)
	if err := c.Wait(); err != nil && len(r.Failed) == 0 {
		fmt.Fprintf(w, "FAIL go test: %v\n", err)
		r.Failed = append(r.Failed, "go test "+strings.Join(args, " "))
	}
}

// event is one line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output, ImportPath string
}

// read takes the lines of go test -json until their end.
func (r *result) read(src io.Reader, w io.Writer) {
	output := map[string][]string{} // test key -> its lines so far
	lines := bufio.NewScanner(src)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(w, lines.Text()) // not JSON: a message of the go command
			continue
		}
		r.take(e, output, w)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintf(w, "FAIL cannot read the output of go test: %v\n", err)
		r.Failed = append(r.Failed, "go test")
	}
}

func (r *result) take(e event, output map[string][]string, w io.Writer) {
	key := strings.TrimSpace(e.Package + " " + e.Test)
	switch e.Action {
	case "build-output":
		fmt.Fprint(w, e.Output)
	case "output":
		if e.Test == "" && closing(e.Output) {
			fmt.Fprint(w, e.Output)
		} else {
			output[key] = append(output[key], e.Output)
		}
	case "pass":
		if e.Test != "" {
			r.Passed++
		}
		delete(output, key)
	case "skip":
		if e.Test != "" {
			r.Skipped = append(r.Skipped, skip{key, reason(output[key])})
		}
		delete(output, key)
	case "fail":
		fmt.Fprint(w, strings.Join(output[key], ""))
		if e.Test != "" || !r.names(e.Package) { // the package fails with its tests
			r.Failed = append(r.Failed, key)
		}
		delete(output, key)
	}
}

// names reports whether a test of the package is among the failed ones.
func (r *result) names(pkg string) bool {
	return slices.ContainsFunc(r.Failed, func(f string) bool { return strings.HasPrefix(f, pkg+" ") })
}

// closing reports whether a package's line of output is its last one, which
// is shown whatever the outcome.
func closing(s string) bool {
	for _, p := range []string{"ok  \t", "FAIL\t", "?   \t", "---\t"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// reason finds what was given to t.Skip: the lines of output that are not the
// frame of the test, without "file.go:LINE: ".
func reason(lines []string) string {
	var words []string
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "=== ") || strings.HasPrefix(l, "--- SKIP") {
			continue
		}
		if i := strings.Index(l, ".go:"); i >= 0 {
			if j := strings.Index(l[i:], ": "); j >= 0 {
				l = l[i+j+2:]
			}
		}
		words = append(words, l)
	}
	if len(words) == 0 {
		return "no reason given"
	}
	return strings.Join(words, " ")
}
