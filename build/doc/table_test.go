package doc

import (
	"slices"
	"testing"
)

func TestCells(t *testing.T) {
	for line, want := range map[string][]string{
		"| `a` | none | why |":          {"`a`", "none", "why"},
		"| `a` | `b` | |":               {"`a`", "`b`", ""},
		`| begins with \| | x | y\|z |`: {"begins with |", "x", "y|z"},
	} {
		if got, ok := Cells(line); !ok || !slices.Equal(got, want) {
			t.Errorf("Cells(%q) is %q, %v: want %q", line, got, ok, want)
		}
	}
	for _, line := range []string{"", "text", "|---|---|---|", "- | a |"} {
		if got, ok := Cells(line); ok {
			t.Errorf("Cells(%q) is %q: want none", line, got)
		}
	}
}

func TestSpans(t *testing.T) {
	if got, want := Spans("a `b c`, `d` e"), []string{"b c", "d"}; !slices.Equal(got, want) {
		t.Errorf("Spans: %q, want %q", got, want)
	}
	if got := Spans("plain"); len(got) != 0 {
		t.Errorf("Spans of plain text: %q", got)
	}
}
