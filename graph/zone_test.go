package graph

import (
	"archive/zip"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// zoneFiles are those that come with the tool chain.
func zoneFiles(t *testing.T) map[string][]byte {
	z, err := zip.OpenReader(filepath.Join(runtime.GOROOT(), "lib/time/zoneinfo.zip"))
	if err != nil {
		t.Skip("needs the tool chain's zones: ", err)
	}
	defer z.Close()
	all := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		r.Close()
		if len(data) > 0 {
			all[f.Name] = data
		}
	}
	return all
}

// TestZones: every zone there is agrees with package time.
func TestZones(t *testing.T) {
	files := zoneFiles(t)
	r := rand.New(rand.NewPCG(1, 2))
	for name, data := range files {
		z, ok := ParseZone(data)
		if !ok {
			t.Errorf("%s cannot be read", name)
			continue
		}
		loc, err := time.LoadLocationFromTZData(name, data)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			s := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).Unix() + r.Int64N(150*366*86400)
			_, off := time.Unix(s, 0).In(loc).Zone()
			span := z.At(s)
			if span.Offset != int64(off) || span.From > s || span.Until <= s {
				t.Errorf("%s at %v: %+v, expected %d", name, time.Unix(s, 0).UTC(), span, off)
				break
			}
			if next := z.At(min(span.Until, 1<<40)); span.Until < 1<<40 && next.From != span.Until {
				t.Errorf("%s: %+v is followed by %+v", name, span, next)
				break
			}
		}
	}
}

func TestZoneRules(t *testing.T) {
	spring := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC).Unix()
	autumn := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC).Unix()
	z, ok := ParseZoneRule("CET-1CEST,M3.5.0,M10.5.0/3")
	if !ok || z.At(spring-1).Offset != 3600 || z.At(spring) != (Zone{7200, spring, autumn}) || z.At(autumn).Offset != 3600 {
		t.Errorf("%+v %+v %+v", z.At(spring-1), z.At(spring), z.At(autumn))
	}
	for s, want := range map[string]int64{"UTC0": 0, "EST5": -18000, "<+0545>-5:45": 20700, "XYZ-5:30": 19800, "IST-1GMT0,M10.5.0,M3.5.0/1": 3600,
		"EST5EDT": -14400, "AAA0BBB,J60/0,J300/0": 3600, "AAA0BBB,59,299/-1:30:30": 3600} {
		z, ok := ParseZoneRule(s)
		if !ok || z.At(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Unix()).Offset != want {
			t.Errorf("%s: %v %+v, expected %d", s, ok, z, want)
		}
	}
	for _, s := range []string{"", "UTC", "X1", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M1.1.1", "CET-1CEST,M0.5.0,M1.1.1", "CET-999", "CET-1 ", "<CET-1",
		"CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,J0,J1", "CET1:60", "CET-1CEST,M3.5.7,M10.5.0"} {
		if _, ok := ParseZoneRule(s); ok {
			t.Errorf("%q is no rule", s)
		}
	}
}

// FuzzZone: no file and no rule breaks anything; spans hold their instant.
func FuzzZone(f *testing.F) {
	head := "TZif2" + strings.Repeat("\x00", 15)
	counts := strings.Repeat("\x00", 16) + "\x00\x00\x00\x01\x00\x00\x00\x04"
	block := head + counts + strings.Repeat("\x00", 6) + "UTC\x00"
	f.Add([]byte(block+block+"\nCET-1CEST,M3.5.0,M10.5.0/3\n"), int64(1e9))
	f.Add([]byte(block[:50]), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, s int64) {
		s %= 1 << 40
		z, ok := ParseZone(data)
		if !ok {
			if z, ok = ParseZoneRule(string(data)); !ok {
				return
			}
		}
		z.At(s)
	})
}
