package pid1

import (
	"strings"
	"time"

	"mote/graph"
	"mote/proc"
)

// A watchdog that cannot be opened is tried again after dogFirst, and after
// twice as long each time, up to dogMost: its driver may be a module.
const (
	dogFirst = graph.Instant(10 * time.Second)
	dogMost  = graph.Instant(5 * time.Minute)
	dogFeeds = 3 // how often it is fed in its time

	maxDogSeconds = 1 << 24 // of any driver
)

// watchdog is the hardware's (SPEC 8). The loop feeds it and nothing else does:
// when PID 1 is stuck the hardware resets the machine.
type watchdog struct {
	in    *Init
	path  string // empty = none
	limit time.Duration
	fixed bool // by mote.watchdog=: the option has no say
	dev   *proc.Watchdog
	every graph.Instant
	next  graph.Instant // when to feed it, or to try again; 0 = never
	wait  graph.Instant // between tries
	said  string        // why it cannot be opened
}

// fromKernel takes PATH[,D] of the kernel's command line, before there is a
// configuration.
func (d *watchdog) fromKernel(text string) {
	words := []string{text}
	if i := strings.LastIndexByte(text, ','); i >= 0 {
		words = []string{text[:i], text[i+1:]}
	}
	path, limit, wrong := graph.ParseWatchdog(words)
	if wrong != "" {
		d.in.logs.Say(MsgWarn, "mote.watchdog= ", wrong)
		return
	}
	d.fixed = true
	d.use(path, limit)
}

// option takes what the configuration says. Only a machine has a watchdog.
func (d *watchdog) option(path string, limit time.Duration) {
	if d.fixed || d.in.role != Machine || path == d.path && limit == d.limit {
		return
	}
	d.use(path, limit)
}

// use goes over to another device, or to none. A reload that asks for none means
// it: the old one is switched off.
func (d *watchdog) use(path string, limit time.Duration) {
	d.stop()
	d.path, d.limit, d.wait, d.said = path, limit, 0, ""
	if path != "" {
		d.open()
	}
}

func (d *watchdog) stop() {
	if d.dev != nil {
		d.dev.Stop()
		d.dev = nil
	}
	d.next = 0
}

// open opens the device, or sets the next try.
func (d *watchdog) open() {
	in := d.in
	dev, err := proc.OpenWatchdog(d.path, int(d.limit/time.Second))
	if err != nil {
		d.wait = min(max(2*d.wait, dogFirst), dogMost)
		d.next = in.now + d.wait
		if text := err.Error(); text != d.said {
			d.said = text
			in.logs.Say(MsgWarn, text, "; next try in ", spanText(int64(d.wait)))
		}
		return
	}
	has := time.Duration(dev.Seconds) * time.Second
	d.took(dev)
	d.said = ""
	in.logs.Say(MsgInfo, "watchdog ", d.path, " (", dev.Name, "): ", spanText(int64(has)), ", fed every ", spanText(int64(d.every)))
	if has != d.limit {
		in.logs.Say(MsgWarn, "watchdog ", d.path, ": ", spanText(int64(d.limit)), " was asked for, the driver has ", spanText(int64(has)))
	}
	if dev.Reset {
		in.logs.Say(MsgWarn, "watchdog ", d.path, ": it has reset the machine before this boot")
	}
	d.feed()
}

// took takes an open device.
func (d *watchdog) took(dev *proc.Watchdog) {
	d.dev, d.every = dev, graph.Instant(dev.Seconds)*graph.Instant(time.Second)/dogFeeds
}

func (d *watchdog) feed() {
	d.next = d.in.now + d.every
	err := d.dev.Feed()
	if err == nil {
		d.said = ""
		return
	}
	if text := err.Error(); text != d.said {
		d.said = text
		d.in.logs.Say(MsgWarn, "watchdog ", d.path, ": ", text)
	}
}

// tick feeds it, or tries to open it, when it is time.
func (d *watchdog) tick() {
	switch {
	case d.next == 0 || d.next > d.in.now:
	case d.dev == nil:
		d.open()
	default:
		d.feed()
	}
}

// last is before reboot(2), when the disks are safe. A reboot that hangs is the
// watchdog's to end, so it is fed a last time; whoever halts a machine or
// switches it off does not want it back.
func (d *watchdog) last(kind graph.HaltKind) {
	if d.dev == nil {
		d.next = 0
		return
	}
	if kind != graph.HaltReboot {
		d.stop()
		return
	}
	d.feed()
	d.next = 0
}
