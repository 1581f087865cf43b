package proc

import (
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of what is read and done in the tree of groups.
const (
	maxOwnGroups  = 64      // inits that may have their groups in one place
	maxGroupFile  = 1 << 20 // bytes of one of the kernel's files: cgroup.procs has 8 for a process
	maxGroupDepth = 32      // groups below groups: a container in a container has some
	killRounds    = 32      // looks for new processes while a group is killed one by one
)

// CgroupMode says which hierarchies are mounted.
type CgroupMode uint8

const (
	CgroupNone   CgroupMode = iota // no version 2
	CgroupHybrid                   // version 2 beside version 1, which has most controllers
	CgroupV2                       // version 2 alone
)

// Cgroups is the place of this process in the tree of cgroup version 2, and the
// group of its own below, in which there is one for each name that is asked for:
//
//	BASE              where the init was started
//	BASE/mote         its own; mote-2 and so on where others have theirs
//	BASE/mote/init    the init and what has no group, if it had to leave BASE
//	BASE/mote/NAME
type Cgroups struct {
	Mode CgroupMode
	Base string // the folder of BASE
	Why  string // what does not work, and why; "" when all does

	own  string // the folder of its own group; "" = not taken
	lock int    // which is open and locked
	left bool   // the init is in its leaf
}

// FindCgroups looks where the process is, and changes nothing.
func FindCgroups() *Cgroups {
	self, err := ReadSmall("/proc/self/cgroup", maxGroupFile)
	if err != nil {
		return &Cgroups{Why: err.Error()}
	}
	mounts, err := ReadMounts()
	if err != nil {
		return &Cgroups{Why: err.Error()}
	}
	return findCgroups(mounts, string(self))
}

// findCgroups goes by the mounts and the text of /proc/self/cgroup (cgroups(7)):
// the line of version 2 is "0::PATH", as seen from the root of the cgroup
// namespace, and so is the root of a mount.
func findCgroups(mounts []Mount, self string) *Cgroups {
	var best *Mount
	old := false
	for i := range mounts {
		m := &mounts[i]
		old = old || m.Type == "cgroup"
		if m.Type == "cgroup2" && (best == nil || m.Point == "/sys/fs/cgroup") {
			best = m
		}
	}
	switch {
	case best == nil && old:
		return &Cgroups{Why: "only cgroup version 1 is mounted"}
	case best == nil:
		return &Cgroups{Why: "no cgroup2 is mounted"}
	}
	c := &Cgroups{Mode: CgroupV2}
	if old {
		c.Mode = CgroupHybrid
	}
	_, path, found := strings.Cut("\n"+self, "\n0::")
	path, _, _ = strings.Cut(path, "\n")
	rest, below := strings.CutPrefix(strings.TrimSuffix(path, "/")+"/", strings.TrimSuffix(best.Root, "/")+"/")
	if !found || !below { // what is outside of the namespace begins with /.. and leads to no group
		c.Why = "the group " + shown(path) + " is not below what is mounted on " + shown(best.Point)
		return c
	}
	c.Base = strings.TrimSuffix(best.Point+"/"+rest, "/")
	return c
}

// Taken reports whether groups can be made.
func (c *Cgroups) Taken() bool { return c.own != "" }

func (c *Cgroups) path(name string) string { return c.own + "/" + name }

// Take makes the init's own group and asks for the controllers that only count.
// What cannot be had is in Why. The init moves into its leaf where controllers need
// that, or Leave is called: once, it takes some 10 ms (kernel/cgroup/cgroup.c,
// cgroup_attach_lock, waits for a grace period of RCU).
func (c *Cgroups) Take() {
	if c.own != "" || c.Base == "" {
		return
	}
	have, err := ReadSmall(c.Base+"/cgroup.controllers", maxGroupFile)
	if err == nil {
		err = cannot("make a group in "+shown(c.Base), c.take())
	}
	if err != nil {
		c.Why = err.Error()
		return
	}
	if haveIntoCgroup && c.Calm("") { // in one that is left frozen that child would not end
		haveIntoCgroup = c.lives()
	}
	switch {
	case hasWord(string(have), "memory"):
	case c.Mode == CgroupHybrid:
		c.Why = "controllers are in cgroup version 1"
	default:
		c.Why = "no controller memory in " + shown(c.Base)
	}
	for _, name := range [...]string{"memory", "pids"} {
		if hasWord(string(have), name) {
			if err := c.enable(name); err != nil && c.Why == "" {
				c.Why = "no controllers: " + err.Error()
			}
		}
	}
}

// take finds a folder that no other init has: a lock on it, which ends with its
// holder, says so, and processes of an earlier one that still live do.
func (c *Cgroups) take() (err error) {
	for n := 1; n <= maxOwnGroups; n++ {
		path := c.Base + "/mote"
		if n > 1 {
			path += "-" + utoa(uint32(n))
		}
		if err = unix.Mkdir(path, 0o755); err != nil && err != unix.EEXIST {
			return err
		}
		if err == unix.EEXIST && unix.Access(path, unix.W_OK) != nil {
			continue // left by an init of another user
		}
		if c.lock, err = openGroup(path); err != nil {
			return err
		}
		if err = unix.Flock(c.lock, unix.LOCK_EX|unix.LOCK_NB); err == nil && !populated(path) {
			c.own = path
			removeBelow(path, maxGroupDepth)
			return nil
		}
		unix.Close(c.lock)
	}
	return unix.EBUSY
}

func openGroup(path string) (fd int, err error) {
	return openFile(path, unix.O_RDONLY|unix.O_DIRECTORY)
}

// enable makes a controller's files appear in the groups, if they are not there.
func (c *Cgroups) enable(controller string) error {
	err := subtree(c.Base, controller)
	if err == unix.EBUSY { // processes are in BASE: of those, the init can move its own
		if err = c.Leave(); err == nil {
			err = subtree(c.Base, controller)
		}
		if err == unix.EBUSY {
			err = reason("other processes are in that group")
		}
	}
	if err == nil {
		err = subtree(c.own, controller)
	}
	return cannot("enable "+controller+" in "+shown(c.Base), err)
}

func subtree(path, controller string) error {
	path += "/cgroup.subtree_control"
	if hasWord(groupText(path), controller) {
		return nil
	}
	return writeFile(path, "+"+controller)
}

// Leave moves the init, and what it has started in BASE, to a leaf of its own, so
// that what they use is counted apart from the units, and BASE can have controllers.
func (c *Cgroups) Leave() error {
	leaf := c.path("init")
	if err := unix.Mkdir(leaf, 0o755); err != nil && err != unix.EEXIST {
		return err
	}
	leaf += "/cgroup.procs"
	err := writeFile(leaf, "0")
	if c.left = err == nil; !c.left || !AnyChild() {
		return err
	}
	ours, _ := Descendants() // without /proc the controllers say that others are there
	in := groupText(c.Base + "/cgroup.procs")
	for _, pid := range ours {
		if text := utoa(uint32(pid)); hasWord(in, text) {
			writeFile(leaf, text)
		}
	}
	return nil
}

// lives reports whether a child that is cloned into a new group gets to its first
// instruction. In a group that was killed once the parent is the wrong one for
// that (see Kill). The child does nothing but end: that is waited for.
func (c *Cgroups) lives() bool {
	const name = "probe"
	fd, err := c.Enter(name, false)
	if err != nil {
		return true // then no group can be made at all
	}
	pid, errno := forkCopied(clone3Call(unix.CLONE_VFORK, int32(fd)), endWell, nil)
	unix.Close(fd)
	var ws syscall.WaitStatus
	for errno == 0 {
		if _, err := syscall.Wait4(int(pid), &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	c.Remove(name)
	return errno == 0 && ws.Exited() || errno != 0 && !refused(errno)
}

// endWell is the child of lives; the rules of forked.go hold.
//
//go:nosplit
//go:norace
func endWell(unsafe.Pointer) { exitChild(0) }

// Enter makes the group of that name, empty and with nothing set, unless it is made
// or somebody lives in it. The caller closes fd.
func (c *Cgroups) Enter(name string, made bool) (fd int, err error) {
	path := c.path(name)
	if made {
		if fd, err = openGroup(path); err != unix.ENOENT { // else somebody else has removed it
			return fd, err
		}
	}
	if removeGroup(path, maxGroupDepth) == nil { // an earlier init's; its settings must not stay
		if err = unix.Mkdir(path, 0o755); err != nil {
			return 0, err
		}
	}
	return openGroup(path)
}

// EnterSide is a group below the one of that name, for a process that finds it
// taken: with controllers enabled below it, by its own processes, no other may
// live in it (cgroups(7), the no internal processes rule).
func (c *Cgroups) EnterSide(name string) (fd int, err error) {
	path := c.path(name) + "/mote-side"
	if err := unix.Mkdir(path, 0o755); err != nil && err != unix.EEXIST {
		return 0, err
	}
	return openGroup(path)
}

// Set writes a value to a file of the group. ENOENT: no controller that is
// enabled, or can be, has that file. Nothing is waited for: what a value that is
// below what is used already would have to reclaim stays (O_NONBLOCK,
// Documentation/admin-guide/cgroup-v2.rst, Linux 6.15), and a new group uses nothing.
func (c *Cgroups) Set(name, file, value string) error {
	path := c.path(name) + "/" + file
	err := writeFile(path, value)
	if err != unix.ENOENT {
		return err
	}
	controller, _, _ := strings.Cut(file, ".")
	if !hasWord(groupText(c.Base+"/cgroup.controllers"), controller) || c.enable(controller) != nil {
		return err
	}
	return writeFile(path, value)
}

// Remove takes an empty group away; EBUSY while somebody lives in it.
func (c *Cgroups) Remove(name string) error { return removeGroup(c.path(name), maxGroupDepth) }

// Close takes the init's own group away as far as it is empty.
func (c *Cgroups) Close() {
	if c.own != "" {
		if c.left { // refused where BASE has controllers: then the leaf stays
			writeFile(c.Base+"/cgroup.procs", "0")
		}
		removeGroup(c.own, maxGroupDepth)
		unix.Close(c.lock)
		c.own = ""
	}
}
