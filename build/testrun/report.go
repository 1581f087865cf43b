package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// reportAll writes what all steps of dir said and gives the exit status: 0 when
// tests ran, none failed and, with strict, no skip was unexpected.
func reportAll(w io.Writer, dir, expect string, strict bool) int {
	results, err := load(filepath.Join(dir, "results.json"))
	if err != nil {
		fmt.Fprintf(w, "FAIL: cannot read the results: %v\n", err)
		return 1
	}
	expected, err := patterns(expect)
	if err != nil {
		fmt.Fprintf(w, "FAIL: %v\n", err)
		return 1
	}
	var passed, failed, skipped, unexpected int
	fmt.Fprintln(w, "== report")
	for _, r := range results {
		passed, failed, skipped = passed+r.Passed, failed+len(r.Failed), skipped+len(r.Skipped)
		fmt.Fprintf(w, "%-18s %5d passed %3d failed %3d skipped %6.1fs\n", r.Step, r.Passed, len(r.Failed), len(r.Skipped), r.Seconds)
	}
	for _, r := range results {
		for _, s := range r.Skipped {
			mark := ""
			if !matches(expected, s.Test+": "+s.Reason) {
				unexpected++
				mark = " (not expected)"
			}
			fmt.Fprintf(w, "skipped%s: %s: %s: %s\n", mark, r.Step, s.Test, s.Reason)
		}
	}
	for _, r := range results {
		for _, f := range r.Failed {
			fmt.Fprintf(w, "failed: %s: %s\n", r.Step, f)
		}
	}
	if strict && unexpected > 0 {
		fmt.Fprintf(w, "failed: %d skips that %s does not expect: mend the cause or add a line there\n", unexpected, expect)
		failed += unexpected
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 || passed == 0 {
		return 1
	}
	return 0
}

func load(path string) ([]result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []result
	for dec := json.NewDecoder(f); ; {
		var r result
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
}

// patterns reads the expected skips; an empty path has none.
func patterns(path string) ([]*regexp.Regexp, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []*regexp.Regexp
	for i, l := range strings.Split(string(text), "\n") {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		re, err := regexp.Compile(l)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %v: mend the regular expression", path, i+1, err)
		}
		all = append(all, re)
	}
	return all, nil
}

func matches(all []*regexp.Regexp, s string) bool {
	for _, re := range all {
		if re.MatchString(s) {
			return true
		}
	}
	return false
}
