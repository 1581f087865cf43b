package pid1

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// The reboots of critical units are remembered in criticalFile, a line with the
// boot's id for each, written by a child. When criticalBoots of them have not
// helped, the next is none. A boot that has been up for criticalGood without such
// a failure forgets them.
const (
	criticalFile  = "/var/lib/mote/critical"
	criticalBoots = 3
	criticalGood  = graph.Instant(10 * time.Minute)
	criticalLimit = graph.Instant(5 * time.Second) // of the child: the disk may be what is broken
	maxCritical   = 4096                           // bytes of the file
)

// critical is what becomes of a machine whose critical units have failed.
type critical struct {
	in     *Init
	dueAt  graph.Instant // a reboot; 0 = none
	unit   graph.ID      // that it is for
	goodAt graph.Instant // when the reboots are forgotten; 0 = never
	child  *process      // that counts the reboot; nil = none
	until  graph.Instant // when that is given up; 0 = never
}

// rescueUptime is how long a machine must be up before a critical unit
// reboots it (SPEC 4).
const rescueUptime = graph.Instant(60e9)

// escalate does what "critical" says of a unit that failed for good.
func (in *Init) escalate(e *graph.Effect) {
	why := "critical unit " + in.name(e.Unit) + " failed: " + in.world.ReasonText(e.Reason)
	in.booted.failed()
	if in.role != Machine {
		if e.Critical == graph.CriticalShell {
			in.logs.Say(MsgWarn, why, ": no rescue but on a machine: the rest goes on")
		} else {
			in.logs.Say(MsgWarn, why, ": shutdown")
			in.queue = append(in.queue, in.haltEvent(graph.Halt{Kind: graph.HaltExit, Code: 1}))
		}
		return
	}
	in.critical.goodAt = 0
	switch e.Critical {
	case graph.CriticalShell:
		in.queue = append(in.queue, in.rescue(why)...)
	case graph.CriticalReboot:
		if in.now < rescueUptime {
			if in.critical.dueAt == 0 {
				in.critical.dueAt, in.critical.unit = rescueUptime, e.Unit
			}
			in.logs.Say(MsgWarn, why, ": reboot in ", spanText(int64(rescueUptime-in.now)))
			return
		}
		in.logs.Say(MsgWarn, why, ": reboot")
		in.critical.reboot(e.Unit)
	case graph.CriticalPoweroff:
		in.logs.Say(MsgWarn, why, ": poweroff")
		in.queue = append(in.queue, in.haltEvent(graph.Halt{Kind: graph.HaltPoweroff}))
	}
}

// boot begins the time after which the reboots before are forgotten.
func (c *critical) boot() {
	in := c.in
	for id := 0; in.role == Machine && id < in.world.Len(); id++ {
		if in.world.Unit(graph.ID(id)).Critical == graph.CriticalReboot {
			c.goodAt = in.now + criticalGood
			return
		}
	}
}

// cancel forgets what is to come, since the machine ends anyway.
func (c *critical) cancel() {
	c.child.forget()
	c.dueAt, c.goodAt, c.child, c.until = 0, 0, nil, 0
}

// deadline is when tick has something to do; 0 is never.
func (c *critical) deadline() graph.Instant {
	at := c.dueAt
	for _, d := range [...]graph.Instant{c.goodAt, c.until} {
		if d != 0 && (at == 0 || d < at) {
			at = d
		}
	}
	return at
}

func (c *critical) tick() {
	in := c.in
	if c.dueAt != 0 && c.dueAt <= in.now {
		c.dueAt = 0
		c.due()
	}
	if c.goodAt+c.until != 0 && in.ending().Kind != graph.HaltNone {
		c.cancel()
	}
	if c.goodAt != 0 && c.goodAt <= in.now {
		c.goodAt = 0
		c.start("forget", helpNone)
	}
	if c.until != 0 && c.until <= in.now {
		in.logs.Say(MsgWarn, "the reboot cannot be remembered in ", criticalFile, ": no answer in ", spanText(int64(criticalLimit)))
		c.child.forget()
		c.child, c.until = nil, 0
		in.halt(graph.Halt{Kind: graph.HaltReboot}, "now: critical unit "+in.name(c.unit)+" is failed")
	}
}

// due is the reboot that a critical unit has waited for, unless somebody has
// mended the unit meanwhile.
func (c *critical) due() {
	in := c.in
	switch {
	case in.ending().Kind != graph.HaltNone:
	case in.world.Gone(c.unit) || in.world.State(c.unit) != graph.Failed:
		in.logs.Say(MsgInfo, "critical unit ", in.name(c.unit), " is ", in.world.State(c.unit).String(), " now: no reboot")
	default:
		c.reboot(c.unit)
	}
}

// reboot has a child count the reboot, which follows when the child says so.
func (c *critical) reboot(id graph.ID) {
	if c.child != nil {
		return
	}
	c.unit = id
	c.child = c.start("count", helpCount)
	if c.child == nil {
		c.in.queue = append(c.in.queue, c.in.haltEvent(graph.Halt{Kind: graph.HaltReboot}))
		c.in.drain()
		return
	}
	c.until = c.in.now + criticalLimit
}

// start forks the child; nil is that it cannot.
func (c *critical) start(what string, whose helper) *process {
	in := c.in
	child, err := proc.Spawn(proc.NewSpec(selfPaths(), []string{"mote", criticalWord, what, criticalFile}, nil))
	if err != nil {
		in.logs.Say(MsgWarn, criticalFile, ": ", err.Error())
		return nil
	}
	p := &process{helper: whose}
	in.help(&child, p)
	return p
}

// counted reboots, or goes over to the rescue.
func (c *critical) counted(p *process, ex proc.Exit) {
	if c.child != p {
		return
	}
	c.child, c.until = nil, 0
	in := c.in
	why := "critical unit " + in.name(c.unit) + " is failed"
	switch {
	case in.ending().Kind != graph.HaltNone:
		return
	case ex.Code == criticalStop && ex.Signal == 0:
		in.queue = append(in.queue, in.rescue(why+": no reboot, three have not helped ("+criticalFile+")")...)
		in.drain()
		return
	case ex.Code != 0 || ex.Signal != 0 || p.fail != nil:
		text := "the child did not end well"
		if ex.Code > 0 && ex.Code < criticalStop {
			text = syscall.Errno(ex.Code).Error()
		}
		in.logs.Say(MsgWarn, "the reboot cannot be remembered in ", criticalFile, ": ", text)
	}
	in.halt(graph.Halt{Kind: graph.HaltReboot}, "now: "+why)
}

// criticalWord starts the program as the child of critical, criticalStop is its
// exit status when there is to be no reboot; others are an errno.
const (
	criticalWord = "@critical"
	criticalStop = 200
)

// runCritical is that child: "count PATH" or "forget PATH".
func runCritical(args []string) int {
	if len(args) != 2 {
		return int(unix.EINVAL)
	}
	what, path := args[0], args[1]
	if what == "forget" {
		if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
			return exitErrno(err)
		}
		return 0
	}
	boot, err := proc.ReadSmall("/proc/sys/kernel/random/boot_id", 128)
	if err != nil {
		return exitErrno(err)
	}
	code, err := countReboot(path, string(boot))
	if err != nil {
		return exitErrno(err)
	}
	return code
}

// exitErrno gives an error as an exit status.
func exitErrno(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		if errno, ok := err.(syscall.Errno); ok && errno > 0 && errno < criticalStop {
			return int(errno)
		}
	}
	return int(unix.EINVAL)
}

// countReboot adds a boot's id to the file, in one step; criticalStop says that
// there are enough of others.
func countReboot(path, boot string) (code int, err error) {
	data, err := proc.ReadRegular(path, maxCritical)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return 0, err
	}
	boots := strings.Fields(string(data))
	boot = strings.TrimSpace(boot)
	if slices.Contains(boots, boot) {
		return 0, nil // this boot was to end before
	}
	if len(boots) >= criticalBoots {
		return criticalStop, nil
	}
	return 0, proc.Replace(path, []byte(strings.Join(append(boots, boot), "\n")+"\n"))
}
