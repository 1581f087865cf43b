package main

import (
	"fmt"
	"strings"
)

// Between the start of the runtime and the moment when the init asks for them, the
// signals of a fault that another process has sent end the program, and a re-exec goes
// through that again and again. A fault of the program's own is told apart by its code
// (sigaction(2), si_code), and is as ever.
const (
	signalFile   = "signal_unix.go"
	signalExpect = `	if c.sigFromUser() && signal_ignored(sig) {
		return
	}
`
	signalInstead = `	if c.sigFromUser() && (signal_ignored(sig) || flags&(_SigThrow|_SigPanic) != 0) {
		return
	}
`
)

// rewriteSignal has runtime.sighandler drop them.
func rewriteSignal(old string) (string, error) {
	if n := strings.Count(old, signalExpect); n != 1 {
		return "", fmt.Errorf("%s: the lines that pass over an ignored signal stand in it %d times, not once: "+
			"look at sighandler of this Go", signalFile, n)
	}
	return strings.Replace(old, signalExpect, signalInstead, 1), nil
}
