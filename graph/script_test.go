package graph

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestScripts plays the stories in testdata/*.script. A story is a list of
// blocks: a command, its lines of input, "----", and what it led to. Comments
// begin with "#". See command for the words.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.script")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".script"), func(t *testing.T) { playFile(t, f) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayer(t)
	var got strings.Builder
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	for i := 0; i < len(lines); {
		if l := lines[i]; l == "" || strings.HasPrefix(l, "#") {
			got.WriteString(l + "\n")
			i++
			continue
		}
		var input []string
		for ; i < len(lines) && lines[i] != "----"; i++ {
			input = append(input, lines[i])
		}
		for i++; i < len(lines) && lines[i] != ""; i++ {
		}
		p.out = nil
		p.command(input[0], input[1:])
		got.WriteString(strings.Join(input, "\n") + "\n----\n")
		for _, l := range p.out {
			got.WriteString(l + "\n")
		}
	}
	golden(t, file, got.String())
}

// golden compares with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			was := "the end"
			if i < len(w) {
				was = strconv.Quote(w[i])
			}
			t.Fatalf("%s:%d: got %q, want %s\n\n%s", file, i+1, g[i], was, strings.Join(g[max(0, i-12):min(len(g), i+12)], "\n"))
		}
	}
	t.Fatalf("%s: it ends too early", file)
}
