package proc

import (
	"testing"
	"time"
)

// The other two clocks.
func TestClocks(t *testing.T) {
	now, boot := Now(), Boot()
	if boot < now-int64(time.Second) {
		t.Errorf("CLOCK_BOOTTIME %d is behind CLOCK_MONOTONIC %d", boot, now)
	}
	for _, c := range []struct {
		make func() (*Timer, error)
		now  func() int64
	}{{NewBootTimer, Boot}, {NewWallTimer, Wall}} {
		timer, err := c.make()
		if err != nil {
			t.Fatal(err)
		}
		defer timer.Close()
		if err := timer.Arm(c.now() + int64(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if timer.Drain() {
			t.Error("it has expired an hour early")
		}
		if err := timer.Arm(c.now() - 1); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); !timer.Drain(); {
			if time.Now().After(end) {
				t.Fatal("it does not expire")
			}
		}
	}
}
