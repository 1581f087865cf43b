// Package rebuild makes the file of this tree once more, with another version or with
// further build tags, for tests that have one init become another.
package rebuild

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// HasOverlay reports whether a built file has the runtime's overlay.
func HasOverlay(data []byte) bool { return bytes.Contains(data, []byte("proc.overlayMarker")) }

// Build makes the file in the folder out, as the Makefile in root does, and gives its
// path. Tags are separated by commas; none is "".
func Build(root, out, version, tags string, overlay bool) (string, error) {
	target := out + "/mote-plain"
	words := []string{"-s", "-C", root, "OUT=" + out, "VERSION=" + version}
	switch {
	case overlay:
		target = out + "/mote"
		words = append(words, "OVERLAYFLAGS=-overlay "+out+"/overlay/overlay.json -tags "+strings.TrimSuffix("mote_overlay,"+tags, ","))
	case tags != "":
		words = append(words, "BUILD=GOEXPERIMENT=nogreenteagc go build -tags "+tags)
	}
	c := exec.Command("make", append(words, target)...)
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { // this may be a child of make
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS")
	})
	if text, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make %s: %w: %s", target, err, text)
	}
	return target, nil
}
