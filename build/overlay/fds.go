package main

import (
	"fmt"
	"strings"
)

// The runtime ends a program that starts without descriptor 0, 1 or 2 where
// /dev/null cannot be opened either: a kernel without /dev/console in its
// initramfs starts PID 1 just so, and would panic. The number goes to the root
// folder instead, which the init takes for closed (proc.EnsureStdio).
const (
	fdsFile   = "fds_unix.go"
	fdsExpect = `			print("runtime: standard file descriptor ", i, " closed, unable to open /dev/null, errno=", errno, "\n")
			throw("cannot open standard fds")
`
	fdsInstead = `			// Something has to hold the number until the init sees to it.
			root := []byte("/\x00")
			if open(&root[0], 0, 0) < 0 {
				return
			}
`
)

// rewriteFds takes the throw out of runtime.checkfds.
func rewriteFds(old string) (string, error) {
	if n := strings.Count(old, fdsExpect); n != 1 {
		return "", fmt.Errorf("%s: the lines that end a program without /dev/null stand in it %d times, not once: "+
			"look at checkfds of this Go", fdsFile, n)
	}
	return strings.Replace(old, fdsExpect, fdsInstead, 1), nil
}
