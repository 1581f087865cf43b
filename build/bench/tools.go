package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed service.c
var serviceSource []byte

//go:embed base.c
var baseSource []byte

// goBase is what the reader must know of a run without the C programs.
const goBase = "the base is a loop of Go's ForkExec and the service is a Go program; the budgets are for a base in C"

// A toolbox holds the programs of a run. Each is a command to which arguments
// are added.
type toolbox struct {
	service, base []string
	goLoop        []string // the base in Go: a bare loop of ForkExec and wait4
	mote, client  string
	note          string // what the base is, for the table
}

// makeTools builds base and service in dir, and copies mote there: PSS divides
// a page by the processes that map it, and other inits may run the same file.
// Without a C compiler this program itself plays both roles.
func makeTools(dir, mote string, cc string) (*toolbox, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &toolbox{
		mote:    filepath.Join(dir, "mote"),
		client:  filepath.Join(dir, "motectl"),
		goLoop:  []string{self, roleFlag, "base"},
		base:    []string{self, roleFlag, "base"},
		service: []string{self, roleFlag, "service"},
	}
	if err := copyFile(t.mote, mote); err != nil {
		return nil, fmt.Errorf("cannot copy %s: %w: run make first", mote, err)
	}
	if err := os.Symlink("mote", t.client); err != nil {
		return nil, err
	}
	if cc == "none" {
		t.note = "without a C compiler: " + goBase
		return t, nil
	}
	path, err := exec.LookPath(cc)
	if err != nil {
		t.note = "no C compiler (" + cc + "): install gcc, or name one with -cc: " + goBase
		return t, nil
	}
	var built [][]string
	for _, p := range []struct {
		name   string
		source []byte
	}{{"service", serviceSource}, {"base", baseSource}} {
		source, file := filepath.Join(dir, p.name+".c"), filepath.Join(dir, p.name)
		if err := os.WriteFile(source, p.source, 0o600); err != nil {
			return nil, err
		}
		if out, err := exec.Command(path, "-O2", "-static", "-o", file, source).CombinedOutput(); err != nil {
			t.note = fmt.Sprintf("%s cannot build %s.c: %v: install a static libc\n%sbench: %s", path, p.name, err, out, goBase)
			return t, nil
		}
		built = append(built, []string{file})
	}
	t.service, t.base = built[0], built[1]
	t.note = "the base is base.c, built by " + path + " -O2 -static"
	return t, nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
