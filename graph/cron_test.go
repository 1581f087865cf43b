package graph

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func mustCron(t testing.TB, text string) *Cron {
	t.Helper()
	c, wrong := parseCron([cronFields]string(strings.Fields(text)))
	if wrong != "" {
		t.Fatalf("%s: %s", text, wrong)
	}
	return c
}

// goZone is the zone of a place by package time's tables.
func goZone(t testing.TB, name string) (*time.Location, func(int64) Zone) {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc, func(s int64) Zone {
		at := time.Unix(s, 0).In(loc)
		_, off := at.Zone()
		z := Zone{int64(off), math.MinInt64, math.MaxInt64}
		if a, b := at.ZoneBounds(); true {
			if !a.IsZero() {
				z.From = a.Unix()
			}
			if !b.IsZero() {
				z.Until = b.Unix()
			}
		}
		return z
	}
}

// TestCronNext: the next times in a row, over the jumps of local time.
func TestCronNext(t *testing.T) {
	for _, tt := range []struct{ name, at, zone, after, want string }{
		{"each minute", "* * * * *", "UTC", "2026-01-01T00:00:30Z", "00:01 00:02"},
		{"not the minute it is", "5 * * * *", "UTC", "2026-01-01T00:05:00Z", "01:05 02:05"},
		{"steps", "*/20 8-9 * * *", "UTC", "2026-01-01T08:19:59Z", "08:20 08:40 09:00 09:20 09:40 2T08:00"},
		{"lists", "0,30 1,3 * * *", "UTC", "2026-01-01T00:00:00Z", "01:00 01:30 03:00 03:30"},
		{"range with a step", "10-40/15 0 * * *", "UTC", "2026-01-01T00:00:00Z", "00:10 00:25 00:40 2T00:10"},
		{"weekdays", "0 9 * * mon-fri", "UTC", "2026-01-01T12:00:00Z", "2T09:00 5T09:00 6T09:00"},
		{"weekend", "0 9 * * sat-sun", "UTC", "2026-01-01T12:00:00Z", "3T09:00 4T09:00 10T09:00"},
		{"7 is Sunday", "0 9 * * 7", "UTC", "2026-01-01T12:00:00Z", "4T09:00 11T09:00"},
		{"day or weekday", "0 0 13 * fri", "UTC", "2026-01-08T00:00:00Z", "9T00:00 13T00:00 16T00:00"},
		{"day and any weekday", "0 0 13 * *", "UTC", "2026-01-01T00:00:00Z", "13T00:00 2-13T00:00"},
		{"each second day and Friday", "0 0 */2 * fri", "UTC", "2026-01-01T12:00:00Z", "9T00:00 23T00:00"},
		{"months by name", "0 0 1 FEB,apr *", "UTC", "2026-01-01T00:00:00Z", "2-1T00:00 4-1T00:00"},
		{"31st", "0 0 31 * *", "UTC", "2026-01-01T00:00:00Z", "31T00:00 3-31T00:00 5-31T00:00"},
		{"leap day", "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-2-29T00:00"},
		{"before 1970", "30 23 31 12 *", "UTC", "1960-06-01T00:00:00Z", "1960-12-31T23:30"},
		{"forward: left out", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "29T03:00 30T02:30"},
		{"forward: all minutes of the hour are one", "*/10 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "29T03:00 30T02:00"},
		{"forward: the hour after", "0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "29T03:00 30T03:00"},
		{"forward: every hour", "30 * * * *", "Europe/Berlin", "2026-03-29T00:45:00+01:00", "29T01:30 29T03:30"},
		{"back: the first time alone", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00+02:00", "25T02:30+0200 26T02:30+0100"},
		{"back: asked the second time", "30 2 * * *", "Europe/Berlin", "2026-10-25T02:15:00+01:00", "26T02:30+0100"},
		{"back: every hour", "30 * * * *", "Europe/Berlin", "2026-10-25T01:45:00+02:00", "25T02:30+0200 25T02:30+0100 25T03:30+0100"},
		{"back: after it", "0 3 * * *", "Europe/Berlin", "2026-10-25T00:00:00+02:00", "25T03:00+0100 26T03:00+0100"},
		{"back: at midnight", "0 0 * * *", "America/Havana", "2026-10-31T12:00:00-04:00", "11-1T00:00-0400 11-2T00:00-0500"},
		{"half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", "4T02:30 5T02:15"},
		{"a day that is left out", "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00-10:00", "2011-12-31T00:00 2012-12-30T12:00"},
	} {
		loc, zone := goZone(t, tt.zone)
		c := mustCron(t, tt.at)
		after, err := time.Parse(time.RFC3339, tt.after)
		if err != nil {
			t.Fatal(err)
		}
		day := after.In(loc)
		var got []string
		at := after.Unix()
		for range strings.Fields(tt.want) {
			n, ok := c.Next(at, zone)
			if !ok || n <= at {
				t.Fatalf("%s: after %v: %d %v", tt.name, time.Unix(at, 0).In(loc), n, ok)
			}
			at = n
			l := time.Unix(at, 0).In(loc)
			form := "15:04"
			switch w := strings.Fields(tt.want)[len(got)]; {
			case strings.Count(strings.SplitN(w, "T", 2)[0], "-") == 2:
				form = "2006-1-2T15:04"
			case strings.Contains(strings.SplitN(w, "T", 2)[0], "-"):
				form = "1-2T15:04"
			case strings.Contains(w, "T"):
				form = "2T15:04"
			case l.Day() != day.Day():
				form = "2T15:04"
			}
			if w := strings.Fields(tt.want)[len(got)]; strings.Contains(w, "+") || strings.Count(w, "-") > 0 && strings.HasSuffix(w, "00") && len(w) > 9 && strings.Contains(w, "T") && w[len(w)-5] == '-' {
				form += "-0700"
			}
			got = append(got, l.Format(form))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s in %s after %s: %s, expected %s", tt.name, tt.at, tt.zone, tt.after, s, tt.want)
		}
	}
}

// TestCronMatchesByMinute: in a place without jumps Next agrees with a look at
// every minute, on random fields.
func TestCronMatchesByMinute(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	for range 300 {
		text := strings.Join([]string{pick("*", "*/7", "5", "0,59", "10-20/3"), pick("*", "*/5", "23", "0", "3-4"),
			pick("*", "*", "1", "31", "*/9", "10-12"), pick("*", "*", "2", "jan,dec"), pick("*", "*", "sun", "mon-fri", "6-7")}, " ")
		c, wrong := parseCron([cronFields]string(strings.Fields(text)))
		if wrong != "" {
			if !strings.Contains(wrong, "no month") {
				t.Fatal(wrong)
			}
			continue
		}
		from := time.Date(2023+r.IntN(3), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 0, time.UTC)
		want := from.Truncate(time.Minute).Add(time.Minute)
		for ; want.Before(from.AddDate(0, 0, 40)); want = want.Add(time.Minute) {
			if cronHas(c, want) {
				break
			}
		}
		got, ok := c.Next(from.Unix(), UTC)
		if !ok || got != want.Unix() && want.Before(from.AddDate(0, 0, 40)) {
			t.Fatalf("%s after %v: %v %v, expected %v", text, from, time.Unix(got, 0).UTC(), ok, want)
		}
	}
}

func cronHas(c *Cron, at time.Time) bool {
	in := func(f, v int) bool { return c.sets[f]&(1<<v) != 0 }
	day, week := in(cronDay, at.Day()), in(cronWeekday, int(at.Weekday()))
	days := day && week
	if c.words[cronDay][0] != '*' && c.words[cronWeekday][0] != '*' {
		days = day || week
	}
	return in(cronMinute, at.Minute()) && in(cronHour, at.Hour()) && in(cronMonth, int(at.Month())) && days
}

// TestCivil agrees with package time for 400 years.
func TestCivil(t *testing.T) {
	for day := int64(-30000); day < 120000; day += 13 {
		y, m, d := civil(day)
		at := time.Unix(day*86400, 0).UTC()
		if y != at.Year() || m != int(at.Month()) || d != at.Day() {
			t.Fatalf("day %d: %d-%d-%d, it is %v", day, y, m, d, at)
		}
	}
}
