package graph

import (
	"math"
	"math/bits"
	"strings"
)

// Zone is a span of time in which local time runs without a jump. Instants are
// seconds since 1970, UTC.
type Zone struct {
	Offset int64 // local time less UTC, in seconds
	From   int64 // the first second of the span; math.MinInt64 when it has no beginning
	Until  int64 // the first second after it; math.MaxInt64 when it has no end
}

// UTC is the one span of a place without a zone.
func UTC(int64) Zone { return Zone{From: math.MinInt64, Until: math.MaxInt64} }

// The fields of "at", in their order.
const (
	cronMinute = iota
	cronHour
	cronDay
	cronMonth
	cronWeekday
	cronFields
)

const allHours = 1<<24 - 1

// Cron is the key "at": the minutes of local time at which a task runs.
type Cron struct {
	sets  [cronFields]uint64 // a bit for each value; weekday 0 is Sunday
	words [cronFields]string // as written
}

var cronForms = [cronFields]struct {
	name        string
	least, most int
	names       string // three letters each, from the value first on
	first       int
}{
	cronMinute:  {name: "MIN", most: 59},
	cronHour:    {name: "HOUR", most: 23},
	cronDay:     {name: "DAY", least: 1, most: 31},
	cronMonth:   {name: "MONTH", least: 1, most: 12, names: "janfebmaraprmayjunjulaugsepoctnovdec", first: 1},
	cronWeekday: {name: "WEEKDAY", most: 7, names: "sunmontuewedthufrisat"},
}

// parseCron reads the five words of "at". wrong is empty, or the whole fault.
func parseCron(w [cronFields]string) (c *Cron, wrong string) {
	c = &Cron{words: w}
	for f := range w {
		set, bad := cronField(f, w[f])
		if bad != "" {
			return nil, "at " + cronForms[f].name + " " + quote(w[f]) + " " + bad
		}
		c.sets[f] = set
	}
	if c.sets[cronWeekday]&(1<<7) != 0 { // Sunday's other number
		c.sets[cronWeekday] = c.sets[cronWeekday]&^(1<<7) | 1
	}
	longest := 0
	for m := 1; m <= 12; m++ {
		if c.sets[cronMonth]&(1<<m) != 0 {
			longest = max(longest, monthDays(2024, m))
		}
	}
	if bits.TrailingZeros64(c.sets[cronDay]) > longest && c.star(cronWeekday) {
		return nil, "at: no month in " + quote(w[cronMonth]) + " has a day " + quote(w[cronDay]) + ": correct one of them"
	}
	return c, ""
}

// cronField reads a list of "*", N and N-M, with "/STEP" behind the first and
// the last.
func cronField(f int, word string) (set uint64, wrong string) {
	form := &cronForms[f]
	for item := range strings.SplitSeq(word, ",") {
		span, step, stepped := strings.Cut(item, "/")
		low, high, ranged := strings.Cut(span, "-")
		a, b, by := form.least, form.most, 1
		switch {
		case span == "*" && f == cronWeekday:
			b = 6
		case span == "*":
		default:
			if a, wrong = cronValue(f, low); wrong != "" {
				return 0, wrong
			}
			b = a
			if ranged {
				if b, wrong = cronValue(f, high); wrong != "" {
					return 0, wrong
				}
				if b == 0 && f == cronWeekday && a > 0 {
					b = 7 // fri-sun
				}
			} else if stepped {
				return 0, "has a step and no range: write " + quote(low+"-"+itoa(form.most)+"/"+step)
			}
		}
		if a > b {
			return 0, "runs backwards: write two ranges with a comma"
		}
		if stepped {
			if by, wrong = parseNumber(step, 1, form.most); wrong != "" {
				return 0, "has a step that " + wrong
			}
		}
		for ; a <= b; a += by {
			set |= 1 << a
		}
	}
	return set, ""
}

// cronValue reads one number, or a name where the field has names.
func cronValue(f int, s string) (n int, wrong string) {
	form := &cronForms[f]
	if len(s) == 3 && form.names != "" {
		for i := 0; i < len(form.names); i += 3 {
			if lower(s) == form.names[i:i+3] {
				return i/3 + form.first, ""
			}
		}
	}
	v, ok := digits(s, int64(form.most))
	if ok && v >= int64(form.least) && v <= int64(form.most) {
		return int(v), ""
	}
	wrong = "is not made of numbers from " + itoa(form.least) + " to " + itoa(form.most)
	if form.names != "" {
		wrong += " or names such as " + quote(form.names[3:6])
	}
	return 0, wrong + `, as in "*", "*/2", "1-3" or "1,3": correct it`
}

// star reports whether a field asks for nothing, as cron has it: it begins
// with "*". If neither of day and weekday does, one of them is enough.
func (c *Cron) star(f int) bool { return c.words[f][0] == '*' }

// hourly reports whether every hour is meant. Such a task goes by the time
// that passes, all others by what the clock on the wall shows; the two differ
// where that is put forward or back.
func (c *Cron) hourly() bool { return c.sets[cronHour] == allHours }

// horizonYears is how far Next looks: 29 February is at most 8 years off.
const horizonYears = 9

// Next gives the first moment after "after", both in seconds since 1970, at
// which the task is to run. Minutes that a jump of local time leaves out run
// once, right after it; those that come twice run the first time alone; but a
// task of every hour runs as the time passes. ok is false when there is none.
func (c *Cron) Next(after int64, zone func(int64) Zone) (at int64, ok bool) {
	limit := after + horizonYears*366*86400
	z := zone(after)
	local := after + z.Offset + 1
	if !c.hourly() && z.From > math.MinInt64 { // it may be the second time for these minutes
		local = max(local, z.From+zone(z.From-1).Offset)
	}
	for {
		until := min(z.Until, limit)
		if l, found := c.match(local, until+z.Offset); found {
			return l - z.Offset, true
		}
		if until == limit {
			return 0, false
		}
		now := zone(until)
		if now.Until <= until {
			return 0, false // a table that does not go on
		}
		old, jump := until+z.Offset, until+now.Offset // local time before and after
		z, local = now, jump
		if c.hourly() {
			continue
		}
		if _, missed := c.match(old, jump); missed {
			return until, true
		}
		local = max(old, jump)
	}
}

// match gives the first minute of local time from "from" on and before "until"
// that the fields name, all in seconds of local time.
func (c *Cron) match(from, until int64) (at int64, ok bool) {
	minute := floorDiv(from+59, 60)
	for day := floorDiv(minute, 1440); day*86400 < until; day++ {
		first := max(minute-day*1440, 0)
		if !c.onDay(day) {
			continue
		}
		for h := int(first / 60); h < 24; h++ {
			if c.sets[cronHour]&(1<<h) == 0 {
				continue
			}
			m := c.sets[cronMinute]
			if h == int(first/60) {
				m &= ^uint64(0) << (first % 60)
			}
			if m != 0 {
				at = day*86400 + int64(h)*3600 + int64(bits.TrailingZeros64(m))*60
				return at, at < until
			}
		}
	}
	return 0, false
}

// onDay reports whether the fields name a day, in days since 1970.
func (c *Cron) onDay(day int64) bool {
	_, month, mday := civil(day)
	if c.sets[cronMonth]&(1<<month) == 0 {
		return false
	}
	onDay := c.sets[cronDay]&(1<<mday) != 0
	onWeekday := c.sets[cronWeekday]&(1<<((day%7+11)%7)) != 0 // 1970 began on a Thursday
	if c.star(cronDay) || c.star(cronWeekday) {
		return onDay && onWeekday
	}
	return onDay || onWeekday
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// civil gives the date of a day since 1970 in the Gregorian calendar. Years are
// counted from March, so that a leap day is the last of its year.
func civil(day int64) (year, month, mday int) {
	day += 719468 // from 1 March of the year 0
	era := floorDiv(day, 146097)
	d := day - era*146097
	y := (d - d/1460 + d/36524 - d/146096) / 365
	d -= y*365 + y/4 - y/100
	m := (5*d + 2) / 153
	mday = int(d-(153*m+2)/5) + 1
	month = int(m) + 3
	year = int(y + era*400)
	if month > 12 {
		month, year = month-12, year+1
	}
	return year, month, mday
}

func monthDays(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
