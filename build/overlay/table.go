package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// table is one of the runtime's signal tables and the rows to change in it.
type table struct {
	file string
	rows map[string]string // signal name: the flags that its row must have
}

const plain = "_SigNotify"

var tables = []table{
	{"sigtab_linux_generic.go", map[string]string{
		"SIGHUP":    "_SigNotify + _SigKill",
		"SIGINT":    "_SigNotify + _SigKill",
		"SIGQUIT":   "_SigNotify + _SigThrow",
		"SIGABRT":   "_SigNotify + _SigThrow",
		"SIGTERM":   "_SigNotify + _SigKill",
		"SIGSTKFLT": "_SigThrow + _SigUnblock",
		"SIGCHLD":   "_SigNotify + _SigUnblock + _SigIgn",
		"SIGSYS":    "_SigThrow",
	}},
	// mips has no STKFLT and has EMT, which nothing but kill(2) sends.
	{"sigtab_linux_mipsx.go", map[string]string{
		"SIGHUP":  "_SigNotify + _SigKill",
		"SIGINT":  "_SigNotify + _SigKill",
		"SIGQUIT": "_SigNotify + _SigThrow",
		"SIGABRT": "_SigNotify + _SigThrow",
		"SIGEMT":  "_SigThrow",
		"SIGTERM": "_SigNotify + _SigKill",
		"SIGCHLD": "_SigNotify + _SigUnblock + _SigIgn",
		"SIGSYS":  "_SigThrow",
	}},
}

// unblockable are the rows that must be all that is left with a flag that
// makes the runtime unblock the signal (runtime/signal_unix.go, blockableSig).
var unblockable = []string{"SIGBUS", "SIGFPE", "SIGILL", "SIGPROF", "SIGSEGV", "SIGTRAP",
	"signal 32", "signal 33", "signal 34"}

var row = regexp.MustCompile(`(?m)^(\t/\* *\d+ \*/ \{)([^,]*)(, "((?:SIG[A-Z0-9]+|signal \d+))(?:: [^"]*)?"\}.*)$`)

// markerSource is what proc/overlay.go links against.
const markerSource = `
// moteMarker says that the table above is not the one of the Go distribution.
//
//go:linkname moteMarker mote/proc.overlayMarker
func moteMarker() uint32 { return 1 }
`

// rewrite gives the table's source with plain flags in t.rows and the marker.
func (t table) rewrite(src string) (string, error) {
	const clause = "\npackage runtime\n"
	if strings.Count(src, clause) != 1 || strings.Contains(src, "\nimport") {
		return "", fmt.Errorf("the source does not begin as it did in go1.26")
	}
	seen := map[string]int{}
	var faults, left []string
	text := row.ReplaceAllStringFunc(src, func(line string) string {
		m := row.FindStringSubmatch(line)
		flags, name := m[2], m[4]
		seen[name]++
		if want, ok := t.rows[name]; ok {
			if flags != want {
				faults = append(faults, fmt.Sprintf("%s has the flags %q, not %q", name, flags, want))
			}
			return m[1] + plain + m[3]
		}
		for _, f := range []string{"_SigKill", "_SigThrow", "_SigUnblock"} {
			if strings.Contains(flags, f) {
				left = append(left, name)
				break
			}
		}
		return line
	})
	for name := range t.rows {
		if seen[name] != 1 {
			faults = append(faults, fmt.Sprintf("%d rows of %s, not 1", seen[name], name))
		}
	}
	slices.Sort(left)
	if !slices.Equal(left, unblockable) {
		faults = append(faults, fmt.Sprintf("the signals left unblocked are %q, not %q", left, unblockable))
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return "", fmt.Errorf("not the table of go1.26: %s", strings.Join(faults, "; "))
	}
	return strings.Replace(text, clause, clause+"\nimport _ \"unsafe\" // for go:linkname\n", 1) + markerSource, nil
}
