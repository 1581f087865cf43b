package pid1

import (
	"os"
	"testing"
	"time"
)

// Local time by a file's name, its path, and a rule.
func TestLoadZone(t *testing.T) {
	summer := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC).Unix()
	names := map[string]int64{"CET-1CEST,M3.5.0,M10.5.0/3": 7200, ":EST5": -18000, "UTC": 0, "": 0}
	if _, err := os.Stat(zoneFolder + "Europe/Berlin"); err == nil {
		names["Europe/Berlin"], names[":Europe/Berlin"], names[zoneFolder+"Europe/Berlin"] = 7200, 7200, 7200
	}
	for name, want := range names {
		if z, ok := loadZone(name, true); !ok || z.At(summer).Offset != want {
			t.Errorf("%q: %v %+v, expected %d", name, ok, z, want)
		}
	}
	for _, name := range []string{"No/Such", "/no/such", "/etc/passwd", "/dev/zero"} {
		if _, ok := loadZone(name, true); ok {
			t.Errorf("%q is no zone", name)
		}
	}
	if _, ok := loadZone("", false); !ok {
		t.Error("without TZ there is no local time")
	}
}
