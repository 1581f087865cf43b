package ctl

import (
	"strconv"
	"strings"
	"time"
)

// number is an integer that may be absent.
type number struct {
	n  int64
	ok bool
}

// unit is one unit as the init tells it. It is the client's own picture, not
// graph's type: the wire is words.
type unit struct {
	name, kind, class, state, want  string
	pid                             number
	ready                           string // yes, no, or empty
	since                           number // unix milliseconds
	uptimeMS, restarts, exitCode    number
	exitSignal, reason, description string
	waitingOn                       []string
	requires, wants                 []string
	after, conflicts, listen        []string
	memoryBytes, cpuMS, oomKills    number
	statusText, errno, readyError   string // of sd_notify(3); errno is "2 ENOENT"
	reloading                       bool
	storedFDs                       number

	health [len(healthKeys)]string // of the checks; empty what does not apply

	fault, stage string // not in JSON
	nextMS       number // until the next try
	file         string // FILE:LINE
	stoppedBy    string
	main         bool
}

// decodeUnit reads the pairs of a unit line. Keys that it does not know are
// skipped, and so are numbers that are none.
func decodeUnit(words []string) unit {
	var u unit
	pairs(words, u.set)
	return u
}

// pairs hands over KEY VALUE KEY VALUE...; an odd word at the end is dropped.
func pairs(words []string, set func(key, value string)) {
	for ; len(words) >= 2; words = words[2:] {
		set(words[0], words[1])
	}
}

func (u *unit) set(key, value string) {
	switch key {
	case "name":
		u.name = value
	case "kind":
		u.kind = value
	case "class":
		u.class = value
	case "state":
		u.state = value
	case "want":
		u.want = value
	case "pid":
		u.pid = parseNumber(value)
	case "ready":
		u.ready = value
	case "since":
		u.since = parseNumber(value)
	case "uptime_ms":
		u.uptimeMS = parseNumber(value)
	case "restarts":
		u.restarts = parseNumber(value)
	case "exit_code":
		u.exitCode = parseNumber(value)
	case "exit_signal":
		u.exitSignal = value
	case "reason":
		u.reason = value
	case "waiting_on":
		u.waitingOn = strings.Fields(value)
	case "requires":
		u.requires = strings.Fields(value)
	case "wants":
		u.wants = strings.Fields(value)
	case "after":
		u.after = strings.Fields(value)
	case "conflicts":
		u.conflicts = strings.Fields(value)
	case "memory_bytes":
		u.memoryBytes = parseNumber(value)
	case "cpu_ms":
		u.cpuMS = parseNumber(value)
	case "oom_kills":
		u.oomKills = parseNumber(value)
	case "description":
		u.description = value
	case "listen": // once for each socket
		u.listen = append(u.listen, value)
	default:
		u.setMore(key, value)
	}
}

// setMore takes the keys that few units have, and those that are not in the JSON.
func (u *unit) setMore(key, value string) {
	switch key {
	case "status_text":
		u.statusText = value
	case "reloading":
		u.reloading = value == "yes"
	case "errno":
		u.errno = value
	case "ready_error":
		u.readyError = value
	case "stored_fds":
		u.storedFDs = parseNumber(value)
	case "fault":
		u.fault = value
	case "stage":
		u.stage = value
	case "next_ms":
		u.nextMS = parseNumber(value)
	case "file":
		u.file = value
	case "stopped_by":
		u.stoppedBy = value
	case "main":
		u.main = value == "yes"
	default:
		u.setHealth(key, value)
	}
}

// healthKeys are those of a unit that is checked; the wire and the JSON have the
// same.
var healthKeys = [...]string{"health", "health_ms", "health_age_ms", "health_failures", "health_error", "health_error_age_ms"}

const (
	healthState = iota
	healthMS
	healthAgeMS
	healthFailures
	healthError
	healthErrorAgeMS
)

func (u *unit) setHealth(key, value string) {
	for i, name := range healthKeys {
		if key == name {
			u.health[i] = value
		}
	}
}

func parseNumber(s string) number {
	n, err := strconv.ParseInt(s, 10, 64)
	return number{n, err == nil}
}

// satisfied reports whether what requires the unit may run (SPEC 5).
func (u *unit) satisfied() bool {
	switch u.state {
	case "running", "waiting":
		return true
	case "exited":
		return u.kind == "task" && u.exitCode == number{0, true} || strings.HasPrefix(u.reason, "skipped")
	}
	return false
}

// age gives how long the unit has been in its state, in milliseconds.
func (u *unit) age(now time.Time) number {
	if u.uptimeMS.ok {
		return u.uptimeMS
	}
	ms := now.UnixMilli() - u.since.n
	return number{ms, u.since.ok && ms >= 0}
}

// why gives the reason of the state in one line: who is waited for, what
// happened, and when the next try is.
func (u *unit) why() string {
	text := ""
	add := func(s string) {
		if s == "" {
			return
		}
		if text != "" {
			text += "; "
		}
		text += s
	}
	if len(u.waitingOn) > 0 && u.reason == "" {
		add("waits for " + strings.Join(u.waitingOn, ", "))
	}
	if u.fault != "" && u.fault != u.reason && !strings.Contains(u.reason, u.fault) {
		add(u.fault)
	}
	add(u.reason)
	// A service that waits was stopped because nobody used it.
	waits := u.state == "waiting" && u.kind == "service"
	if u.reason == "" && u.fault == "" && u.state != "running" && u.state != "starting" && !waits {
		add(u.ended())
	}
	if u.state == "backoff" && u.nextMS.ok && !strings.Contains(u.reason, "next try") {
		add("next try in " + shortDuration(u.nextMS.n))
	}
	if u.state == "waiting" && u.nextMS.ok {
		what := "next try in "
		if u.kind == "task" {
			what = "next run in "
		}
		add(what + shortDuration(u.nextMS.n))
	}
	if u.stoppedBy != "" && !strings.Contains(u.reason, u.stoppedBy) {
		add("stopped by " + u.stoppedBy)
	}
	return text
}

// ended gives how the last process ended, if that was no success.
func (u *unit) ended() string {
	switch {
	case u.exitSignal != "":
		return "signal " + u.exitSignal
	case u.exitCode.ok && u.exitCode.n != 0:
		return "exit " + strconv.FormatInt(u.exitCode.n, 10)
	}
	return ""
}

// json writes the unit's stable keys (SPEC 6), in this order, into an object
// that is open.
func (u *unit) json(j *jsonWriter) {
	j.key("name").text(u.name)
	j.key("kind").text(u.kind)
	j.key("class").text(u.class)
	j.key("state").text(u.state)
	j.key("want").text(u.want)
	j.key("pid").opt(u.pid)
	j.key("ready").boolean(u.ready == "yes")
	j.key("since").time(u.since)
	j.key("uptime_ms").opt(u.uptimeMS)
	j.key("restarts").opt(u.restarts)
	j.key("exit_code").opt(u.exitCode)
	j.key("exit_signal").text(u.exitSignal)
	j.key("reason").text(u.reason)
	j.key("waiting_on").strs(u.waitingOn)
	j.key("requires").strs(u.requires)
	j.key("wants").strs(u.wants)
	j.key("after").strs(u.after)
	j.key("conflicts").strs(u.conflicts)
	j.key("memory_bytes").opt(u.memoryBytes)
	j.key("cpu_ms").opt(u.cpuMS)
	j.key("description").text(u.description)
	j.key("listen").strs(u.listen)
	for i, name := range healthKeys {
		j.key(name)
		if i == healthState || i == healthError {
			j.text(u.health[i])
		} else {
			j.opt(parseNumber(u.health[i]))
		}
	}
	j.key("status_text").text(u.statusText)
	j.key("reloading").boolean(u.reloading)
	j.key("errno").text(u.errno)
	j.key("ready_error").text(u.readyError)
	j.key("stored_fds").opt(u.storedFDs)
	j.key("oom_kills").opt(u.oomKills)
	j.key("next_ms").opt(u.nextMS)
}

// checks gives what the checks of the unit have found, for people.
func (u *unit) checks() string {
	span := func(i int) string { return shortDuration(parseNumber(u.health[i]).n) }
	text := u.health[healthState]
	if ms := u.health[healthMS]; ms != "" {
		text += " " + span(healthAgeMS) + " ago in " + ms + "ms"
	}
	if n := u.health[healthFailures]; n != "" && n != "0" {
		text += ", " + n + " in a row"
	}
	if failed := u.health[healthError]; failed != "" {
		text += "; failed " + span(healthErrorAgeMS) + " ago: " + failed
	}
	return text
}

// yearTenThousand is where RFC 3339 ends, in unix milliseconds.
const yearTenThousand = 253402300800000

// time writes a time of day as RFC 3339 in UTC with milliseconds, or null.
func (j *jsonWriter) time(ms number) {
	if !ms.ok || ms.n < 0 || ms.n >= yearTenThousand {
		j.null()
		return
	}
	j.str(timeOfDay(ms.n, true))
}

// timeOfDay gives unix milliseconds as RFC 3339 in UTC. It does by itself what
// time.Format does, which brings 70 KB of time zones along.
func timeOfDay(ms int64, milli bool) string {
	if ms < 0 || ms >= yearTenThousand {
		return "-"
	}
	year, month, day := civil(ms / 86400000)
	s := ms / 1000 % 86400
	b := make([]byte, 0, len("2006-01-02T15:04:05.000Z"))
	b = appendDigits(b, year, 4)
	b = appendDigits(append(b, '-'), month, 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), s/3600, 2)
	b = appendDigits(append(b, ':'), s/60%60, 2)
	b = appendDigits(append(b, ':'), s%60, 2)
	if milli {
		b = appendDigits(append(b, '.'), ms%1000, 3)
	}
	return string(append(b, 'Z'))
}

// civil gives the date of a day that is counted from 1970-01-01. Years are
// counted from March, so that the leap day is the last; an era is the 400
// years after which the calendar repeats.
func civil(days int64) (year, month, day int64) {
	days += 719468 // from 0000-03-01
	era := days / 146097
	days %= 146097
	year = (days - days/1460 + days/36524 - days/146096) / 365
	days -= 365*year + year/4 - year/100
	month = (5*days + 2) / 153 // March is 0
	day = days - (153*month+2)/5 + 1
	year += 400 * era
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// appendDigits appends the last so many digits of n.
//
//go:noinline
func appendDigits(b []byte, n int64, digits int) []byte {
	for range digits {
		b = append(b, '0')
	}
	for i := len(b) - 1; digits > 0; digits-- {
		b[i] += byte(n % 10)
		n /= 10
		i--
	}
	return b
}

// shortDuration gives milliseconds in at most two units: 420ms 7s 2m 3s.
func shortDuration(ms int64) string {
	if ms < 0 {
		ms = 0
	}
	if ms < 1000 {
		return strconv.FormatInt(ms, 10) + "ms"
	}
	s := ms / 1000
	two := func(a int64, unit string, b int64, small string) string {
		text := strconv.FormatInt(a, 10) + unit
		if b > 0 {
			text += " " + strconv.FormatInt(b, 10) + small
		}
		return text
	}
	switch {
	case s < 60:
		return strconv.FormatInt(s, 10) + "s"
	case s < 3600:
		return two(s/60, "m", s%60, "s")
	case s < 86400:
		return two(s/3600, "h", s%3600/60, "m")
	}
	return two(s/86400, "d", s%86400/3600, "h")
}

// shortBytes gives a size with one digit more than it needs: 812B 1.2M.
func shortBytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatInt(n, 10) + "B"
	}
	i := 0
	for ; n >= 1024*1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	return strconv.FormatInt(n/1024, 10) + "." + strconv.FormatInt(n%1024*10/1024, 10) + units[i:i+1]
}
