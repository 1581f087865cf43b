package graph

import (
	"strconv"
	"strings"
	"time"
)

// Limits of single values, each shown by the fault that meets it.
const (
	maxDuration  = 8784 * time.Hour // a leap year
	minRingBytes = 1 << 10
	maxRingBytes = 16 << 20
	minFileBytes = 8 << 10 // the longest line and its time fit
	maxFileBytes = 1 << 30
	maxLogFiles  = 99
	maxRestarts  = 1000000 // restart limit
	maxReadyFD   = 63
	maxPath      = 4095      // PATH_MAX without the NUL (path_resolution(7))
	maxAccount   = 255       // bytes of a user's or a group's name (LOGIN_NAME_MAX)
	maxUID       = 1<<32 - 2 // -1 means "leave it" to chown and setresuid
)

// digits reads a number of decimal digits alone. A number over limit gives
// limit+1, so that nothing overflows.
func digits(s string, limit int64) (n int64, ok bool) {
	if s == "" {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		if n <= limit {
			n = n*10 + int64(c-'0')
		}
	}
	return min(n, limit+1), true
}

// quote gives user text for a fault: on one line, without control bytes, and
// cut when it is long.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}

var durationUnits = [...]struct {
	name string
	unit time.Duration
}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

// ParseDuration reads a duration as the configuration and the client write it:
// a whole number and one of ms, s, m and h; 0 needs none (SPEC F7). wrong is
// empty, or what is wrong and how to mend it, to be put behind the word.
func ParseDuration(s string) (d time.Duration, wrong string) {
	digitsEnd := 0
	for digitsEnd < len(s) && s[digitsEnd] >= '0' && s[digitsEnd] <= '9' {
		digitsEnd++
	}
	n, ok := digits(s[:digitsEnd], int64(maxDuration/time.Millisecond))
	if !ok {
		return 0, noDuration
	}
	name := s[digitsEnd:]
	if name == "" {
		if n == 0 {
			return 0, ""
		}
		if n > int64(maxDuration/time.Second) {
			return 0, noDuration
		}
		return 0, "has no unit: write " + quote(s+"s")
	}
	for _, u := range durationUnits {
		if u.name != name {
			continue
		}
		if n > int64(maxDuration/u.unit) {
			return 0, "is over the limit of " + FormatDuration(maxDuration) + ": lower it"
		}
		return time.Duration(n) * u.unit, ""
	}
	return 0, noDuration
}

const noDuration = `is no duration: write a whole number and one unit, such as "200ms", "5s", "2m" or "1h"`

// FormatDuration gives a duration as ParseDuration reads it, in the largest
// unit that loses nothing above a millisecond.
func FormatDuration(d time.Duration) string {
	if d < time.Millisecond {
		return "0"
	}
	for _, u := range durationUnits {
		if d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// ParseSize reads a number of bytes: digits, with K, M or G behind them for the
// powers of 1024. wrong is as for ParseDuration.
func ParseSize(s string, least, most int) (n int, wrong string) {
	number, shift := s, 0
	if s != "" {
		if i := strings.IndexByte("KMG", s[len(s)-1]); i >= 0 {
			number, shift = s[:len(s)-1], 10*(i+1)
		}
	}
	count, ok := digits(number, int64(most))
	switch {
	case !ok:
		return 0, `is no size: write a whole number, such as "64K" or "1M"`
	case count > int64(most>>shift):
		return 0, "is over the limit of " + FormatSize(most) + ": lower it"
	case int(count)<<shift < least:
		return 0, "is under the least size of " + FormatSize(least) + ": raise it"
	}
	return int(count) << shift, ""
}

// FormatSize gives a size as ParseSize reads it.
func FormatSize(n int) string {
	unit := ""
	for _, u := range []string{"K", "M", "G"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, u
	}
	return itoa(n) + unit
}

// parseNumber reads a whole number from least to most.
func parseNumber(s string, least, most int) (n int, wrong string) {
	v, ok := digits(s, int64(most))
	if !ok || v < int64(least) || v > int64(most) {
		return 0, noNumber(least, most)
	}
	return int(v), ""
}

func noNumber(least, most int) string {
	return "is no number from " + itoa(least) + " to " + itoa(most) + ": correct it"
}

// tooLong says that a word has more bytes than it may have.
func tooLong(s string, most int) string {
	return "has " + itoa(len(s)) + " bytes: the limit is " + itoa(most)
}

// parseOctal reads permission bits, 0 to 0777.
func parseOctal(s string) (n int, wrong string) {
	const bad = `is no octal number from 0 to 0777: write one such as "022"`
	if s == "" {
		return 0, bad
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '7' || n > 0o777 {
			return 0, bad
		}
		n = n*8 + int(s[i]-'0')
	}
	if n > 0o777 {
		return 0, bad
	}
	return n, ""
}

// formatOctal gives permission bits with three digits.
func formatOctal(n int) string {
	return string([]byte{'0' + byte(n>>6&7), '0' + byte(n>>3&7), '0' + byte(n&7)})
}

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }
