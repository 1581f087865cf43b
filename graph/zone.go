package graph

import (
	"math"
	"slices"
)

// Zones is local time in one place: what a file of tzfile(5) holds, and the rule
// behind it for the time after.
type Zones struct {
	at    []int64 // s since 1970, in order: local time makes a jump
	off   []int64 // the offset from then on
	first int64   // the offset before all
	rule  zoneRule
	ruled bool
}

// zoneRule is a rule of tzset(3); dst equals std where there is no summer.
type zoneRule struct {
	std, dst   int64 // s east of Greenwich
	start, end zoneDate
}

// zoneDate is a day of each year, and the second of local time on it.
type zoneDate struct {
	form             byte // 'M', 'J' (1 to 365, without 29 February) or 'N' (0 to 365)
	month, week, day int
	second           int64
}

// ParseZone reads a file of tzfile(5); it reports false for what is none.
func ParseZone(data []byte) (*Zones, bool) {
	block, rest, size := zoneBlock(data, 4)
	if block == nil {
		return nil, false
	}
	z := &Zones{}
	if data[4] == 0 {
		return z, z.read(data, block, size)
	}
	head := rest
	if block, rest, size = zoneBlock(head, 8); block == nil || !z.read(head, block, size) {
		return nil, false
	}
	if len(rest) > 2 && rest[0] == '\n' {
		if end := slices.Index(rest[1:], '\n'); end > 0 {
			z.rule, z.ruled = parseZoneRule(string(rest[1 : 1+end]))
		}
	}
	return z, true
}

const zoneHead = 44 // bytes of a header

// zoneBlock cuts a header off and the data that it announces, with times of so
// many bytes; block is nil when that is not all there.
func zoneBlock(data []byte, size int) (block, rest []byte, _ int) {
	if len(data) < zoneHead || string(data[:4]) != "TZif" {
		return nil, nil, 0
	}
	n := 0
	for i, width := range [6]int{1, 1, size + 4, size + 1, 6, 1} {
		count := bigEndian(data[20+4*i:], 4)
		if count < 0 || count > int64(len(data)) {
			return nil, nil, 0
		}
		n += int(count) * width
	}
	if data = data[zoneHead:]; n > len(data) {
		return nil, nil, 0
	}
	return data[:n:n], data[n:], size
}

// bigEndian reads a signed number.
func bigEndian(b []byte, size int) int64 {
	v := int64(int8(b[0]))
	for _, c := range b[1:size] {
		v = v<<8 | int64(c)
	}
	return v
}

// read takes the jumps of a block.
func (z *Zones) read(head, block []byte, size int) bool {
	times, types := int(bigEndian(head[32:], 4)), int(bigEndian(head[36:], 4))
	kinds := block[times*size:]
	offsets := kinds[times:]
	if types == 0 {
		return false
	}
	z.first = bigEndian(offsets, 4)
	for i := range times {
		kind := int(kinds[i])
		at := bigEndian(block[i*size:], size)
		if kind >= types || i > 0 && at <= z.at[i-1] {
			return false
		}
		z.at, z.off = append(z.at, at), append(z.off, bigEndian(offsets[6*kind:], 4))
	}
	return true
}

// ParseZoneRule reads a TZ of tzset(3) that is no file's name, such as
// "CET-1CEST,M3.5.0,M10.5.0/3".
func ParseZoneRule(s string) (*Zones, bool) {
	r, ok := parseZoneRule(s)
	return &Zones{first: r.std, rule: r, ruled: true}, ok
}

// At gives the span of an instant in seconds since 1970.
func (z *Zones) At(s int64) Zone {
	i, end := 0, len(z.at) // how many come before, or are, this second
	for i < end {
		if m := (i + end) / 2; z.at[m] <= s {
			i = m + 1
		} else {
			end = m
		}
	}
	out := Zone{z.first, math.MinInt64, math.MaxInt64}
	if i > 0 {
		out.Offset, out.From = z.off[i-1], z.at[i-1]
	}
	switch {
	case i < len(z.at):
		out.Until = z.at[i]
	case z.ruled:
		from := out.From
		out = z.rule.at(s)
		out.From = max(out.From, from)
	}
	return out
}

// at gives the span of an instant by the rule alone.
func (r *zoneRule) at(s int64) Zone {
	out := Zone{r.std, math.MinInt64, math.MaxInt64}
	if r.std == r.dst {
		return out
	}
	year, _, _ := civil(floorDiv(s, 86400))
	for y := year - 1; y <= year+1; y++ {
		for _, jump := range [2]struct{ at, off int64 }{
			{r.start.in(y) - r.std, r.dst}, {r.end.in(y) - r.dst, r.std},
		} {
			switch {
			case jump.at <= s && jump.at > out.From:
				out.From, out.Offset = jump.at, jump.off
			case jump.at > s && jump.at < out.Until:
				out.Until = jump.at
			}
		}
	}
	return out
}

// in gives the second of local time since 1970 of a year's date.
func (d *zoneDate) in(year int) int64 {
	first := dayOf(year, 1, 1)
	day := first + int64(d.day)
	switch d.form {
	case 'J':
		if day--; d.day > 59 && monthDays(year, 2) == 29 {
			day++
		}
	case 'M':
		first = dayOf(year, d.month, 1)
		mday := (d.day - int((first%7+11)%7) + 7) % 7 // the first such weekday, from 0
		for w := 1; w < d.week && mday+7 < monthDays(year, d.month); w++ {
			mday += 7
		}
		day = first + int64(mday)
	}
	return day*86400 + d.second
}

// dayOf is the inverse of civil.
func dayOf(year, month, mday int) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	era := floorDiv(int64(year), 400)
	y := int64(year) - era*400
	return era*146097 + y*365 + y/4 - y/100 + int64((153*(month-3)+2)/5+mday-1) - 719468
}
