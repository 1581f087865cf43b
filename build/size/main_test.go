package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"good", "# c\nfile 12 # why\n\ngzip 3\n", ""},
		{"words", "file\n", "b.txt:1: 1 words: write NAME BYTES"},
		{"number", "\nfile 2MB\n", `b.txt:2: "2MB" is no number of bytes: write digits`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse("b.txt", tt.text)
			if tt.want == "" {
				if want := map[string]int64{"file": 12, "gzip": 3}; err != nil || !maps.Equal(got, want) {
					t.Errorf("got %v, %v, want %v", got, err, want)
				}
			} else if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestMeasureFile says "over" for each budget on its own.
func TestMeasureFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 10000), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		limits map[string]int64
		over   bool
	}{
		{map[string]int64{"file-ceiling": 10000, "gzip-ceiling": 1000}, false},
		{map[string]int64{"file-ceiling": 9999, "gzip-ceiling": 1000}, true},
		{map[string]int64{"file-ceiling": 10000, "gzip-ceiling": 10}, true},
	} {
		var w strings.Builder
		over, err := measureFile(&w, path, tt.limits)
		if err != nil || over != tt.over {
			t.Errorf("limits %v: over %v, %v, want %v\n%s", tt.limits, over, err, tt.over, w.String())
		}
	}
}
