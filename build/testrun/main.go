// Testrun runs one step of "make test", and at the end reports all of them.
//
//	testrun -step NAME -- ARGS        go test -json ARGS, shown as go test does
//	testrun -step NAME -cmd -- CMD    any command: its exit status is the test
//	testrun -report -expect FILE      what failed, what was skipped and why
//
// A step never ends the run: it writes its result beside the others in out/test
// and exits 0, so that one run shows everything that is wrong. The report's
// exit status is the verdict. Where CI is set, a skip that no line of FILE
// matches is a failure too.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	dir := flag.String("dir", "out/test", "folder of the results")
	step := flag.String("step", "", "name of the step to run")
	cmd := flag.Bool("cmd", false, "the arguments are a command, not those of go test")
	report := flag.Bool("report", false, "report all steps")
	expect := flag.String("expect", "", "file of the skips that CI accepts")
	flag.Parse()
	if *report {
		os.Exit(reportAll(os.Stdout, *dir, *expect, os.Getenv("CI") != ""))
	}
	if *step == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "testrun: no step: write testrun -step NAME -- ARGS")
		os.Exit(2)
	}
	start := time.Now()
	fmt.Printf("== %s\n", *step)
	r := result{Step: *step}
	if *cmd {
		runCommand(&r, flag.Args())
	} else {
		runTests(&r, os.Stdout, flag.Args())
	}
	r.Seconds = time.Since(start).Seconds()
	if err := r.save(*dir); err != nil {
		fmt.Fprintf(os.Stderr, "testrun: cannot keep the result of %q: %v\n", *step, err)
		os.Exit(1)
	}
}

// save appends r to the list of results.
func (r result) save(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, "results.json"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	if err := r.encode(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
