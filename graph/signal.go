package graph

import "strings"

// signalMin is RTMIN as programs see it: glibc and musl keep the kernel's 32
// and 33 for themselves (signal(7), Real-time signals).
const signalMin = 34

// SignalNumber gives the number of a signal written as TERM, SIGTERM, 15 or
// RTMIN+n, in the numbers of this architecture.
func SignalNumber(name string) (int, bool) {
	if n, ok := digits(name, signalMax); ok {
		return int(n), n >= 1 && n <= signalMax
	}
	name = strings.TrimPrefix(upper(name), "SIG")
	if rest, ok := strings.CutPrefix(name, "RTMIN"); ok {
		if rest == "" {
			return signalMin, true
		}
		n, ok := digits(strings.TrimPrefix(rest, "+"), signalMax)
		return signalMin + int(n), ok && rest[0] == '+' && signalMin+n <= signalMax
	}
	switch name {
	case "": // the table has unnamed numbers
		return 0, false
	case "IOT":
		name = "ABRT"
	case "CLD":
		name = "CHLD"
	case "POLL":
		name = "IO"
	}
	for n, s := range signalNames {
		if s == name {
			return n, true
		}
	}
	return 0, false
}

// SignalName gives the name of a signal without "SIG"; a number that has no
// name comes as it is.
func SignalName(n int) string {
	switch {
	case n > 0 && n < len(signalNames) && signalNames[n] != "":
		return signalNames[n]
	case n == signalMin:
		return "RTMIN"
	case n > signalMin && n <= signalMax:
		return "RTMIN+" + itoa(n-signalMin)
	}
	return itoa(n)
}
