package proc

import (
	"strings"

	"golang.org/x/sys/unix"
)

// groupText gives one of the kernel's files; one that is not there is empty.
func groupText(path string) string {
	data, _ := ReadSmall(path, maxGroupFile)
	return string(data)
}

// hasWord reports whether word is in a list with blanks and line ends between.
func hasWord(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if w == word {
			return true
		}
	}
	return false
}

// keyedValue gives the number behind a key of a flat keyed file
// (admin-guide/cgroup-v2.rst), such as memory.events; -1 when it is not there.
func keyedValue(text, key string) int64 {
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if k, v, ok := strings.Cut(line, " "); ok && k == key {
			return parseInt(v)
		}
	}
	return -1
}

// populated reports whether a process lives in the group or below it. The root
// of the hierarchy does not say.
func populated(path string) bool {
	return keyedValue(groupText(path+"/cgroup.events"), "populated") == 1
}

// Calm reports whether a child that begins in the group of that name can be waited
// for: nobody lives there who could freeze it meanwhile, and nobody has frozen it
// (Linux 5.2), or a group above, since then the child stays before its exec for as
// long as that lasts.
func (c *Cgroups) Calm(name string) bool {
	events := groupText(c.path(name) + "/cgroup.events")
	return keyedValue(events, "populated") == 0 && keyedValue(events, "frozen") != 1
}

// Populated reports whether a process lives in the group of that name.
func (c *Cgroups) Populated(name string) bool { return populated(c.path(name)) }

// Kill ends every process of the group and of those below it. Linux 5.14 does
// that at once, whoever forks meanwhile (cgroup.kill); before, each is signalled,
// and it is looked again for new ones until there are none, a bounded number of
// times.
//
// From Linux 6.14 on (seen on 6.18) a child that is cloned into a group after a
// cgroup.kill is killed as well: the kernel compares the number of kills of that
// group with the one of the parent's (kernel/cgroup/cgroup.c, cgroup_css_set_fork).
// Until it has been removed and made anew, who enters has to move itself there.
func (c *Cgroups) Kill(name string) {
	if writeFile(c.path(name)+"/cgroup.kill", "1") != nil {
		c.killEach(name)
	}
}

func (c *Cgroups) killEach(name string) {
	last := ""
	for range killRounds {
		pids := groupProcs(c.path(name), maxGroupDepth)
		if pids == last {
			return // they only have to end yet
		}
		signalAll(pids, int(unix.SIGKILL))
		last = pids
	}
}

// Signal sends sig to every process of the group and of those below it. A number
// cannot become a stranger's between the look and the signal, short of the kernel
// going once through all of its pids in these microseconds. It reports whether pid
// is one of them.
func (c *Cgroups) Signal(name string, sig, pid int) bool {
	pids := groupProcs(c.path(name), maxGroupDepth)
	signalAll(pids, sig)
	return hasWord(pids, utoa(uint32(pid)))
}

func signalAll(pids string, sig int) {
	for _, word := range strings.Fields(pids) {
		if pid := parseInt(word); pid > 1 { // 0 is one of another pid namespace
			unix.Kill(int(pid), unix.Signal(sig))
		}
	}
}

// groupProcs gives the processes of a group, and of those below it, a line for each.
func groupProcs(path string, depth int) string {
	pids := groupText(path + "/cgroup.procs")
	if depth > 0 {
		for _, name := range groupsIn(path) {
			pids += groupProcs(path+"/"+name, depth-1)
		}
	}
	return pids
}

// groupsIn gives the names of the groups in a group, as a rule none; cgroup.stat
// says so without a walk (Linux 4.14).
func groupsIn(path string) (names []string) {
	if keyedValue(groupText(path+"/cgroup.stat"), "nr_descendants") == 0 {
		return nil
	}
	all, _ := listDir(path)
	for _, name := range all {
		if IsDir(path + "/" + name) {
			names = append(names, name)
		}
	}
	return names
}

// removeGroup removes a group and the empty ones below it. One that is not there
// is removed.
func removeGroup(path string, depth int) error {
	err := unix.Rmdir(path)
	if err == unix.EBUSY && depth > 0 {
		removeBelow(path, depth-1)
		err = unix.Rmdir(path)
	}
	if err == unix.ENOENT {
		return nil
	}
	return err
}

func removeBelow(path string, depth int) {
	for _, name := range groupsIn(path) {
		removeGroup(path+"/"+name, depth)
	}
}

// CgroupUsage is what a group has used; -1 is what it does not count.
type CgroupUsage struct {
	MemoryBytes int64 // memory.current
	CPUMS       int64 // cpu.stat, all that its processes ever used
	OOMKills    int64 // memory.events, since the group was made
}

// Usage reads what the group of that name counts.
func (c *Cgroups) Usage(name string) CgroupUsage {
	u := CgroupUsage{-1, -1, c.OOMKills(name)}
	path := c.path(name)
	if text := groupText(path + "/memory.current"); text != "" {
		u.MemoryBytes = parseInt(strings.TrimSuffix(text, "\n"))
	}
	if us := keyedValue(groupText(path+"/cpu.stat"), "usage_usec"); us >= 0 {
		u.CPUMS = us / 1000
	}
	return u
}

// OOMKills is how many processes of the group the kernel has killed for want of
// memory since it was made; -1 where that is not counted.
func (c *Cgroups) OOMKills(name string) int64 {
	return keyedValue(groupText(c.path(name)+"/memory.events"), "oom_kill")
}
