package graph

import (
	"testing"
	"time"
)

func TestRoundText(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0ms", 999 * time.Millisecond: "999ms", time.Second: "1s", 90 * time.Second: "1m 30s",
		time.Hour: "1h 0m", 24*time.Hour - 1: "23h 59m", 24 * time.Hour: "1d 0h", 10960 * time.Hour: "456d 16h",
	} {
		if got := roundText(Instant(d)); got != want {
			t.Errorf("%v is %q, not %q", d, got, want)
		}
	}
}
