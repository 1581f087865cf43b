package pid1

import (
	"strings"
	"testing"
	"time"

	"mote/graph"
)

// A device that is not there is tried again, ever more rarely, and said once.
func TestWatchdogRetries(t *testing.T) {
	in := testInit(t, "option watchdog-device /dev/no-such-dog 10s\n")
	in.setOptions()
	if in.dog.next != 0 || in.dog.path != "" {
		t.Error("a supervisor has a watchdog")
	}
	in.role = Machine
	in.setOptions()
	var waits []time.Duration
	for range 7 {
		waits = append(waits, time.Duration(in.dog.next-in.now))
		in.now = in.dog.next
		in.tick()
	}
	want := []time.Duration{10e9, 20e9, 40e9, 80e9, 160e9, 300e9, 300e9}
	for i := range want {
		if waits[i] != want[i] {
			t.Errorf("it waits for %v, want %v", waits, want)
			break
		}
	}
	const says = "cannot open the watchdog /dev/no-such-dog: no such file or directory; next try in 10s"
	if n := strings.Count(in.own(), "watchdog"); n != 1 || !strings.Contains(in.own(), says) {
		t.Errorf("it says %q", in.own())
	}
	in.dog.last(graph.HaltReboot)
	if in.dog.next != 0 {
		t.Error("it is tried at the end")
	}
	in.dog.option("", 0)
	if in.dog.next != 0 || in.dog.path != "" {
		t.Error("it is not given up")
	}
}

// What the kernel's command line has is so, whatever the option says.
func TestWatchdogFromKernel(t *testing.T) {
	for _, c := range []struct {
		text, path string
		limit      time.Duration
		says       string
	}{
		{"/dev/no-dog", "/dev/no-dog", 30 * time.Second, "next try in 10s"},
		{"/dev/no-dog,1m", "/dev/no-dog", time.Minute, "next try in 10s"},
		{"/dev/no-dog,60", "", 0, `mote.watchdog= "60" has no unit: write "60s"`},
		{"dog", "", 0, `mote.watchdog= "dog" is no absolute path: begin it with "/"`},
	} {
		in := testInit(t, "option watchdog-device /dev/other 10s\n")
		in.role = Machine
		in.dog.fromKernel(c.text)
		if in.dog.path != c.path || in.dog.limit != c.limit || !strings.Contains(in.own(), c.says) {
			t.Errorf("%q: %s, %v, it says %q", c.text, in.dog.path, in.dog.limit, in.own())
		}
		in.setOptions()
		if want := c.path == ""; (in.dog.path == "/dev/other") != want {
			t.Errorf("%q: then it is %q", c.text, in.dog.path)
		}
	}
}
