// Command overlay writes the files that change Go's runtime for the init, and
// the JSON that names them for "go build -overlay":
//
//	go run ./build/overlay -o out/overlay
//	go build -overlay out/overlay/overlay.json -tags mote_overlay .
//
// It makes five changes. In the runtime's tables of signals the rows that make
// the runtime unblock a signal on every thread, or end the program on it, become
// plain ones, so that a signalfd can have them. A start without descriptors 0 to
// 2 and without /dev/null no longer ends the program, nor does a signal of a fault that
// another process has sent. The watcher of the
// libraries' GODEBUG settings, which none of them here needs, is not started. And
// package syscall gets one function more, which forks with CLONE_VM and
// CLONE_VFORK. Nothing of Go's
// source is kept in this repository: the program reads the installed one and
// fails when it does not find the lines that it knows.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	out := flag.String("o", "out/overlay", "the folder to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	src := filepath.Join(strings.TrimSpace(string(goroot)), "src")
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	replace := map[string]string{}
	for _, t := range tables {
		old, err := os.ReadFile(filepath.Join(src, "runtime", t.file))
		if err != nil {
			return err
		}
		text, err := t.rewrite(string(old))
		if err != nil {
			return fmt.Errorf("%s: %w", t.file, err)
		}
		dst := filepath.Join(out, t.file)
		if err := writeFile(dst, text); err != nil {
			return err
		}
		replace[filepath.Join(src, "runtime", t.file)] = dst
	}
	for _, f := range []struct {
		path    string
		rewrite func(string) (string, error)
	}{
		{"runtime/" + fdsFile, rewriteFds},
		{"runtime/" + signalFile, rewriteSignal},
		{"internal/godebug/" + godebugFile, rewriteGodebug},
	} {
		old, err := os.ReadFile(filepath.Join(src, f.path))
		if err != nil {
			return err
		}
		text, err := f.rewrite(string(old))
		if err != nil {
			return err
		}
		dst := filepath.Join(out, filepath.Base(f.path))
		if err := writeFile(dst, text); err != nil {
			return err
		}
		replace[filepath.Join(src, f.path)] = dst
	}
	if err := checkVfork(src); err != nil {
		return err
	}
	dst := filepath.Join(out, vforkFile)
	if err := writeFile(dst, vforkSource); err != nil {
		return err
	}
	replace[filepath.Join(src, "syscall", vforkFile)] = dst

	list, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	path := filepath.Join(out, "overlay.json")
	if err := writeFile(path, string(list)+"\n"); err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// writeFile leaves a file alone that is right already: its time counts for make.
func writeFile(path, text string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
