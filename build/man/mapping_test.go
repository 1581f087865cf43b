package main

import (
	"strings"
	"testing"

	"mote/build/doc"
)

// TestMapping looks that nothing of the page is lost on the way to mdoc: each
// row of a table is an entry, each block is there, and no Markdown is left.
func TestMapping(t *testing.T) {
	got, err := mapping()
	if err != nil {
		t.Fatal(err)
	}
	rows, blocks := 0, strings.Count(doc.Mapping, "\n```")/2
	lines := strings.Split(doc.Mapping, "\n")
	for i, l := range lines {
		if cells, ok := doc.Cells(l); ok && !strings.HasPrefix(lines[min(i+1, len(lines)-1)], "|---") {
			rows++
			if want := `\(-> ` + fonts(cells[1]) + "\n"; !strings.Contains(got, want) {
				t.Errorf("mapping.md:%d: the page does not have %q", i+1, want)
			}
		}
	}
	if n := strings.Count(got, ".It \""); n != rows || rows == 0 {
		t.Errorf("%d entries for %d rows", n, rows)
	}
	if n := strings.Count(got, ".Bd "); n != blocks || n != strings.Count(got, ".Ed\n") || blocks == 0 {
		t.Errorf("%d blocks, %d ends: want %d", n, strings.Count(got, ".Ed\n"), blocks)
	}
	literal := false
	for l := range strings.Lines(got) {
		if strings.HasPrefix(l, ".Bd") || strings.HasPrefix(l, ".Ed") {
			literal = l[1] == 'B'
		}
		if !literal && (strings.Contains(l, "`") || strings.HasPrefix(l, "#") || strings.HasPrefix(l, "|")) {
			t.Errorf("Markdown is left: %q", l)
		}
	}
}

func TestFonts(t *testing.T) {
	for in, want := range map[string]string{
		"`a-b` and `.c`": `\fBa\-b\fR and \fB.c\fR`,
		".x":             `\&.x`,
		"a `b`.":         `a \fBb\fR.`,
	} {
		if got := fonts(in); got != want {
			t.Errorf("fonts(%q) is %q, want %q", in, got, want)
		}
	}
}
