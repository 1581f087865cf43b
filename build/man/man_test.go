package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mote/graph"
)

// TestPages renders all pages, looks that no mark is left and no key is
// forgotten, and asks mandoc what it thinks.
func TestPages(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	conf, err := render("mote.conf.5")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range graph.Keys() {
		if !strings.Contains(conf, ".It Ic "+escape(k.Name)) {
			t.Errorf("mote.conf.5 does not have %q", k.Name)
		}
	}
	client, err := render("motectl.8")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"list", "why", "start\\-all", "poweroff"} {
		if !strings.Contains(client, ".It Ic "+v) {
			t.Errorf("motectl.8 does not have %q", v)
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("no mandoc: run build/deps.sh as root")
	}
	pages, err := filepath.Glob(dir + "/*")
	if err != nil || len(pages) != 4 {
		t.Fatalf("pages %q, %v: want four", pages, err)
	}
	if out, err := exec.Command("mandoc", append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v:\n%s", err, out)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		`a-b`: `a\-b`, `\n`: `\en`, `.x`: `\&.x`, `'LINE'`: `\&'LINE'`, `plain`: `plain`,
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) is %q, want %q", in, got, want)
		}
	}
}
