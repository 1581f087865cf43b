package pid1

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
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

// terminal gives the two ends of one: a character device that is no watchdog, but
// shows what is written to it.
func terminal(t *testing.T) (master, slave int) {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err == nil {
		err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	}
	n := 0
	if err == nil {
		n, err = unix.IoctlGetInt(master, unix.TIOCGPTN)
	}
	if err == nil {
		slave, err = unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(master) })
	return master, slave
}

// The device stays open, without the letter that would switch it off, and is fed
// at once.
func TestWatchdogGoesOn(t *testing.T) {
	const config = "option watchdog-device /dev/dog 9s\n"
	in := testInit(t, config)
	in.role = Machine
	master, slave := terminal(t)
	in.dog = watchdog{in: in, path: "/dev/dog", limit: 9 * time.Second, fixed: true, every: 3e9, next: in.now + 1, wait: 10e9,
		dev: &proc.Watchdog{FD: slave, Name: `"a dog"`, Seconds: 9, Reset: true}}
	next := nextImage(t, in, config)
	d := next.dog
	if d.dev == nil || *d.dev != *in.dog.dev || d.path != "/dev/dog" || d.limit != 9*time.Second || !d.fixed || d.every != 3e9 || d.wait != 10e9 {
		t.Fatalf("it is %+v, want %+v", d, in.dog)
	}
	// A terminal says that it cannot be fed: so it was tried.
	if d.next != next.now+3e9 || !strings.HasPrefix(next.own(), "watchdog /dev/dog: cannot feed the watchdog: ") {
		t.Errorf("it is fed at %d, says %q", d.next, next.own())
	}
	var b [8]byte
	if n, err := unix.Read(master, b[:]); err != unix.EAGAIN {
		t.Errorf("%q was written to it, %v", b[:max(n, 0)], err)
	}
	next.dog.last(graph.HaltReboot)
	if last := nextImage(t, next, config); last.dog.next != 0 || last.dog.dev == nil || last.own() != "" {
		t.Errorf("before reboot(2): %+v, it says %q", last.dog, last.own())
	}
	next.dog.last(graph.HaltPoweroff)
	if n, err := unix.Read(master, b[:]); n != 1 || b[0] != 'V' {
		t.Errorf("switched off: %q, %v", b[:max(n, 0)], err)
	}

	in.dog.dev.FD = master + 500 // nothing is there
	if next = nextImage(t, in, config); next.dog.dev != nil || next.dog.next != next.now || !strings.Contains(next.own(), "lost in the re-exec") {
		t.Errorf("%+v, it says %q", next.dog, next.own())
	}
	in.dog.dev, in.dog.next, in.dog.said = nil, in.now+7e9, "cannot"
	if next = nextImage(t, in, config); next.dog.next != in.now+7e9 || next.dog.said != "cannot" || next.own() != "" {
		t.Errorf("one that waits to be opened: %+v, it says %q", next.dog, next.own())
	}
}
