package proc

import (
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Power is how a machine ends.
type Power uint8

const (
	PowerOff Power = iota
	PowerReboot
	PowerHalt
)

// The limits of the steps of an End. Slow flash takes its time to write; what
// takes longer than this is not going to come back.
const (
	syncLimit     = 30 * time.Second
	swapLimit     = 10 * time.Second
	unmountLimit  = 3 * time.Second
	readOnlyLimit = 10 * time.Second
	rebootLimit   = 30 * time.Second

	unmountRounds = 3                // one makes room for the next
	unmountTime   = 20 * time.Second // after it no further unmount begins
)

// Step is one thing to do at the end, by a child of its own. When Limit is
// over, its child may be stuck in the kernel for good: kill it, do not wait.
type Step struct {
	What  string // "unmount /srv"
	Limit time.Duration
	Op    Op
}

// Start forks the child that does it.
func (s *Step) Start() (pid int, err error) {
	if pid, err = Child(s.Op); err != nil {
		return 0, cannot(s.What, err)
	}
	return pid, nil
}

// Outcome is the complete error of a child that has ended, or nil.
func (s *Step) Outcome(e Exit) error {
	switch {
	case e.Signal != 0:
		return cannot(s.What, reason("the child ended by signal "+utoa(uint32(e.Signal))))
	case e.Code != 0:
		return cannot(s.What, syscall.Errno(e.Code))
	}
	return nil
}

// EndPhase is which steps an End plans next.
type EndPhase uint8

const (
	endSync EndPhase = iota
	endSwap
	endUnmount
	endReadOnly
	endSyncAgain
	endReboot
	EndDone // nothing is left to plan
)

// End gives, one after another, the steps that take a machine down once no
// unit runs any more: sync, swap files off, unmount what can be, remount the
// rest read-only, sync, reboot(2). It looks at the mount table as it goes.
//
// In a pid namespace of its own the machine role does not own the disks: there
// only the mounts become read-only and not the filesystems, which belong to
// whoever is outside, and swap stays.
//
// All of it is in its fields, so that another image can go on with it.
type End struct {
	Power    Power
	Arg      string // see NewEnd
	Owner    bool   // of the disks
	Phase    EndPhase
	Queue    []Step // of the phase before, not begun yet
	Round    int    // of unmounting, from 1
	Last     int    // unmountable mounts before the round
	Deadline int64  // no further unmount after it (Now)
}

// NewEnd begins at the first step. arg goes to reboot(2) as RESTART2's string
// (a boot loader's mode), "" is a plain restart.
func NewEnd(power Power, arg string) *End {
	return &End{Power: power, Arg: arg, Owner: InitialPIDNamespace()}
}

// Wrong says what no End can be; "" is that it can.
func (e *End) Wrong() string {
	if e.Power > PowerHalt || e.Phase > EndDone {
		return "there is no such power or phase"
	}
	for i := range e.Queue {
		if wrong := e.Queue[i].Wrong(); wrong != "" {
			return wrong
		}
	}
	return ""
}

// Wrong says what no step of an End can be; "" is that it can.
func (s *Step) Wrong() string {
	if s.Limit <= 0 || s.Limit > rebootLimit || s.Op.Kind > OpSwapOff || s.Op.Kind == OpKillAll || len(s.Op.Paths) > 1 {
		return "there is no such step"
	}
	return ""
}

// Next is the next step, or false when even reboot(2) is behind: PID 1 then
// stays, it never exits.
func (e *End) Next() (Step, bool) {
	if e.Phase == endUnmount && Now() > e.Deadline {
		e.Queue = nil
		e.Phase++
	}
	for len(e.Queue) == 0 {
		if e.Phase == EndDone {
			return Step{}, false
		}
		e.plan()
	}
	s := e.Queue[0]
	e.Queue = e.Queue[1:]
	return s, true
}

// Final reports whether nothing but reboot(2) is left: the disks are safe.
func (e *End) Final() bool { return e.Phase == EndDone }

// plan fills the queue for the phase, and goes to the next one when nothing is
// to do in it.
func (e *End) plan() {
	switch e.Phase {
	case endSync, endSyncAgain:
		e.Queue = []Step{childStep("sync", syncLimit, Op{Kind: OpSync})}
		e.Phase++
	case endSwap:
		if e.Owner {
			e.Queue = swapSteps()
		}
		e.Phase++
		e.Deadline = Now() + int64(unmountTime)
	case endUnmount:
		mounts := unmountable(currentMounts())
		if e.Round == unmountRounds || len(mounts) == 0 || e.Round > 0 && len(mounts) == e.Last {
			e.Phase++
			return
		}
		e.Round++
		e.Last = len(mounts)
		e.Queue = unmountSteps(mounts, e.Round > 1)
	case endReadOnly:
		e.Queue = readOnlySteps(currentMounts(), e.Owner)
		e.Phase++
	case endReboot:
		e.Queue = rebootSteps(e.Power, e.Arg)
		e.Phase++
	}
}

// currentMounts is the mount table, or the root alone where there is no /proc.
func currentMounts() []Mount {
	mounts, err := ReadMounts()
	if err != nil || len(mounts) == 0 {
		return []Mount{{Point: "/", Dev: "?"}}
	}
	return mounts
}

// memoryType reports whether a filesystem has nothing to save: it is left
// alone, as PID 1 and the steps to come need some of them.
func memoryType(fstype string) bool {
	switch fstype {
	case "proc", "sysfs", "devtmpfs", "devpts", "tmpfs", "ramfs", "rootfs", "cgroup", "cgroup2", "mqueue",
		"hugetlbfs", "debugfs", "tracefs", "securityfs", "configfs", "bpf", "pstore", "efivarfs", "fusectl",
		"binfmt_misc", "autofs", "rpc_pipefs", "nsfs", "selinuxfs":
		return true
	}
	return false
}

// unmountable gives what should go, the last mounted first.
func unmountable(mounts []Mount) []Mount {
	var out []Mount
	for _, m := range slices.Backward(mounts) {
		if m.Point != "/" && !memoryType(m.Type) {
			out = append(out, m)
		}
	}
	return out
}

// unmountSteps is a step for each, so that one that hangs holds up no other.
// A remote one is told not to wait for its server; what is still busy when it
// is tried again is taken out of the tree, which a remote one survives.
func unmountSteps(mounts []Mount, again bool) []Step {
	steps := make([]Step, 0, len(mounts))
	for _, m := range mounts {
		flags := unix.UMOUNT_NOFOLLOW
		if remoteType(m.Type) {
			flags |= unix.MNT_FORCE
			if again {
				flags |= unix.MNT_DETACH
			}
		}
		steps = append(steps, childStep("unmount "+shown(m.Point), unmountLimit,
			Op{Kind: OpUmount, Paths: []string{m.Point}, Flags: flags}))
	}
	return steps
}

// readOnlySteps is a step for each filesystem that can still be written, the
// last mounted first.
func readOnlySteps(mounts []Mount, owner bool) []Step {
	var steps []Step
	var done []string
	for _, m := range slices.Backward(mounts) {
		if memoryType(m.Type) || remoteType(m.Type) {
			continue
		}
		flags := 0
		if owner {
			if hasOption(m.Super, "ro") || slices.Contains(done, m.Dev) {
				continue
			}
			done = append(done, m.Dev)
		} else {
			if hasOption(m.Options, "ro") {
				continue
			}
			flags = unix.MS_BIND // the mount alone (mount(2))
		}
		steps = append(steps, childStep("remount "+shown(m.Point)+" read-only", readOnlyLimit,
			Op{Kind: OpReadOnly, Paths: []string{m.Point}, Flags: flags}))
	}
	return steps
}

func rebootSteps(power Power, arg string) []Step {
	var steps []Step
	add := func(what string, cmd uint32, arg string) {
		steps = append(steps, childStep(what, rebootLimit, Op{Kind: OpReboot, Cmd: int(int32(cmd)), Arg: arg}))
	}
	switch power {
	case PowerHalt:
		add("halt", unix.LINUX_REBOOT_CMD_HALT, "")
	case PowerOff:
		// A kernel that cannot switch off halts (kernel/reboot.c).
		add("switch the machine off", unix.LINUX_REBOOT_CMD_POWER_OFF, "")
	case PowerReboot:
		if arg != "" {
			add("reboot to "+shown(arg), unix.LINUX_REBOOT_CMD_RESTART2, arg)
		}
		add("reboot", unix.LINUX_REBOOT_CMD_RESTART, "")
	}
	return steps
}

func childStep(what string, limit time.Duration, op Op) Step {
	return Step{What: what, Limit: limit, Op: op}
}

// swapSteps is a step for each swap file: one in use keeps its filesystem from
// becoming read-only. Swap on a partition is nobody's business.
func swapSteps() []Step {
	text, err := ReadSmall("/proc/swaps", 1<<20)
	if err != nil {
		return nil
	}
	var steps []Step
	for _, file := range parseSwaps(string(text)) {
		steps = append(steps, childStep("stop to swap to "+shown(file), swapLimit, Op{Kind: OpSwapOff, Paths: []string{file}}))
	}
	return steps
}

// parseSwaps gives the swap files of /proc/swaps.
func parseSwaps(text string) []string {
	var files []string
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if f := strings.Fields(line); len(f) >= 5 && f[1] == "file" && strings.HasPrefix(f[0], "/") {
			files = append(files, unescapeOctal(f[0]))
		}
	}
	return files
}
