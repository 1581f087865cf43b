package pid1

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// clockSlack is how far the clocks may drift from one another before the world
// is told: a deadline that comes due is looked at with readings this good.
const clockSlack = graph.Instant(time.Millisecond)

// never is a moment that does not come: a hundred years of uptime.
const never = graph.Instant(100 * 366 * 24 * time.Hour)

// clocks are the two that timed tasks need beside the loop's own: "every" goes
// on while the machine sleeps, "at" follows the clock on the wall. Each timer
// exists only while there is such a task, and is armed to the loop's nearest
// deadline, whosever that is: when it expires early or late for it, one of the
// clocks has made a jump, and the readings say so.
type clocks struct {
	boot, wall       graph.Instant // what the world was told last
	every, at        bool
	bootAt, wallAt   graph.Instant // what the timers are set to, on the loop's clock
	bootTimer, timer *proc.Timer
	zone             *graph.Zones // nil until it is needed
}

// readClocks tells the world of the clocks where they have changed; all says
// that no timed task may be there yet and the world is to know nevertheless.
func (in *Init) readClocks(all bool) {
	c := &in.clocks
	if !all && !c.every && !c.at {
		return
	}
	wall, boot := graph.Instant(in.wall)-in.now, max(graph.Instant(proc.Boot())-in.now, 0)
	near := func(a, b graph.Instant) bool { return a-b < clockSlack && b-a < clockSlack }
	if near(wall, c.wall) && near(boot, c.boot) {
		return
	}
	c.wall, c.boot = wall, boot
	c.bootAt, c.wallAt = 0, 0
	in.apply(graph.Event{Kind: graph.ClockSet, Boot: boot, Wall: wall})
}

// findTimed looks for timed tasks, in a new configuration or a new unit.
func (in *Init) findTimed() {
	c := &in.clocks
	c.every, c.at = false, false
	for id := 0; id < in.world.Len(); id++ {
		if !in.world.Gone(graph.ID(id)) {
			every, at := in.world.Timed(graph.ID(id))
			c.every, c.at = c.every || every, c.at || at
		}
	}
	in.keepTimer(&c.bootTimer, c.every, proc.NewBootTimer)
	in.keepTimer(&c.timer, c.at, proc.NewWallTimer)
	c.bootAt, c.wallAt = 0, 0
}

// keepTimer makes a timer, or gives it up. Without one the loop's own still
// fires, only not for a jump of the clock.
func (in *Init) keepTimer(t **proc.Timer, want bool, make func() (*proc.Timer, error)) {
	switch {
	case want && *t == nil:
		n, err := make()
		if err == nil {
			err = in.poll.Add(n.FD(), unix.EPOLLIN, tokTimer)
		}
		if err != nil {
			in.logs.Say(MsgWarn, "timer: ", err.Error(), ": a clock that is set is seen late")
			return
		}
		*t = n
	case !want && *t != nil:
		in.poll.Remove((*t).FD())
		(*t).Close()
		*t = nil
	}
}

// drain takes expiries off both.
func (c *clocks) drain() {
	if c.bootTimer != nil && c.bootTimer.Drain() {
		c.bootAt = 0
	}
	if c.timer != nil {
		c.timer.Drain()
		c.wallAt = 0 // an expiry, or the clock was set, which only a read clears
	}
}

// arm sets both to a moment on the loop's clock. Without one the first rests;
// the second waits for the clock to be set.
func (c *clocks) arm(at graph.Instant) {
	if c.bootTimer != nil && at != c.bootAt {
		c.bootAt = at
		if at == 0 {
			c.bootTimer.Arm(0)
		} else {
			c.bootTimer.Arm(int64(at + c.boot))
		}
	}
	if at == 0 {
		at = never
	}
	if c.timer != nil && at != c.wallAt {
		c.wallAt = at
		c.timer.Arm(int64(at + c.wall))
	}
}

// Where local time is, and the bound of a file of it; the largest there is has
// 4 KB.
const (
	zoneFolder = "/usr/share/zoneinfo/"
	localtime  = "/etc/localtime"
	maxZone    = 64 << 10
)

// local gives the world local time: that of "set TZ", of the TZ that the init
// was started with, or of /etc/localtime (SPEC 4, at). It is read when a task
// first needs it, and again with a reload.
func (in *Init) local(at int64) graph.Zone {
	if in.clocks.zone == nil {
		tz, set := (&environ{list: in.env}).get("TZ")
		for _, v := range in.conf.Set {
			if v.Name == "TZ" {
				tz, set = graph.ExpandText(v.Value, nil, nil), true
			}
		}
		z, ok := loadZone(tz, set)
		if !ok {
			in.logs.Say(MsgWarn, "time zone ", strconv.Quote(tz), " is neither a file of ", zoneFolder,
				" nor a rule such as CET-1CEST,M3.5.0,M10.5.0/3: the times of at are UTC")
			z = &graph.Zones{}
		}
		in.clocks.zone = z
	}
	return in.clocks.zone.At(at)
}

// loadZone reads a TZ as tzset(3) has it: the name of a file below zoneFolder,
// its path, or a rule. Without one it is /etc/localtime, and UTC where that is
// missing too.
func loadZone(tz string, set bool) (*graph.Zones, bool) {
	tz = strings.TrimPrefix(tz, ":")
	path := zoneFolder + tz
	switch {
	case !set:
		if path = localtime; !proc.Exists(path) {
			return &graph.Zones{}, true
		}
	case tz == "" || tz == "UTC":
		return &graph.Zones{}, true
	case tz[0] == '/':
		path = tz
	}
	if data, err := proc.ReadSmall(path, maxZone); err == nil {
		return graph.ParseZone(data)
	}
	return graph.ParseZoneRule(tz)
}
