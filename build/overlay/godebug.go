package main

import (
	"fmt"
	"strings"
)

// Package time, which every package of system calls imports, asks for one
// GODEBUG setting (asynctimerchan) that means something only to programs with
// timers of Go, of which the init has none. The watcher of such settings brings
// 98 kB into the file, a twentieth of the whole: hash tables, metrics, bisecting.
// Without its start all settings of the libraries have their default. The
// runtime's own settings (containermaxprocs, madvdontneed, ...) are another
// matter and work as ever.
const (
	godebugFile   = "godebug.go"
	godebugExpect = `func init() {
	setUpdate(update)
	setNewIncNonDefault(newIncNonDefault)
}

`
)

// rewriteGodebug takes the start of the watcher out of internal/godebug.
func rewriteGodebug(old string) (string, error) {
	if n := strings.Count(old, godebugExpect); n != 1 {
		return "", fmt.Errorf("internal/godebug/%s: the lines that start the watcher stand in it %d times, not once: "+
			"look at its init of this Go", godebugFile, n)
	}
	return strings.Replace(old, godebugExpect, "", 1), nil
}
