package proc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// BootID names this boot of the machine (random(4), boot_id). Where there is no such
// file it is empty and no error; it is one where it cannot be read now (EMFILE).
func BootID() (string, error) {
	const path = "/proc/sys/kernel/random/boot_id"
	text, err := ReadSmall(path, 64)
	if err != nil && !Exists(path) {
		err = nil
	}
	return strings.TrimSpace(string(text)), err
}

// StartTick is when a process was started, in clock ticks since the boot: with the
// pid it names one process among all of this boot (proc_pid_stat(5), starttime). It
// is false for one that is not there, and without a /proc of our own.
func StartTick(pid int) (tick uint64, ok bool) {
	_, rest, ok := statOf(pid)
	if !ok || !ownProc() {
		return 0, false
	}
	return startTick(rest), true
}

// startTick takes what follows the name in /proc/PID/stat.
func startTick(rest string) uint64 {
	fields := strings.Fields(rest) // from the third on
	if len(fields) < 20 {
		return 0
	}
	return uint64(parseInt(fields[19])) // the 22nd
}

// ChildProcess is one of this process's children.
type ChildProcess struct {
	Pid   int
	Comm  string // the name that the kernel shows, at most 15 bytes of any kind
	Tick  uint64 // StartTick
	Group string // the name of the group that Cgroups.Enter made for it, or ""
	Ended bool   // it waits to be reaped
}

// maxChildren bounds how many children are looked at, and maxChildList the bytes of
// the list: seven digits and a blank for each.
const (
	maxChildren  = 65536
	maxChildList = 8 * maxChildren
)

// Children gives all children of this process, in no order, at most maxChildren: for
// one that has lost its own notes of them. Those of other pid namespaces, and
// without a /proc of our own all, are not seen.
func Children() ([]ChildProcess, error) {
	if !ownProc() {
		return nil, cannot("look for children", reason("/proc is not mounted, or is that of another pid namespace"))
	}
	pids, ok := listedChildren()
	if !ok {
		var err error
		if pids, err = walkedChildren(); err != nil {
			return nil, err
		}
	}
	self := groupLine("self")
	var out []ChildProcess
	for _, word := range pids {
		text, _ := ReadSmall("/proc/"+word+"/stat", statBytes)
		line := string(text)
		s, ok := parseStat(line)
		if !ok || s.ppid != unix.Getpid() || len(out) == maxChildren {
			continue
		}
		end := strings.LastIndexByte(line, ')')
		out = append(out, ChildProcess{Pid: s.pid, Comm: line[strings.IndexByte(line, '(')+1 : end],
			Tick: startTick(line[end+1:]), Group: groupBelow(self, groupLine(word)), Ended: s.ended()})
	}
	return out, nil
}

// listedChildren reads the lists of each thread (proc_tid_children(5), Linux 4.2 with
// CONFIG_PROC_CHILDREN). They can miss one while others are taken away meanwhile;
// nobody but this process takes its children away.
func listedChildren() (pids []string, ok bool) {
	threads, err := listDir("/proc/self/task")
	for _, tid := range threads {
		var list []byte
		if list, err = ReadSmall("/proc/self/task/"+tid+"/children", maxChildList); err != nil {
			break
		}
		pids = append(pids, strings.Fields(string(list))...)
	}
	return pids, err == nil && len(threads) > 0
}

// walkedChildren looks at every process.
func walkedChildren() (pids []string, err error) {
	procs, err := readProcs()
	for i, self := 0, unix.Getpid(); i < len(procs); i++ {
		if procs[i].ppid == self {
			pids = append(pids, strconv.Itoa(procs[i].pid))
		}
	}
	return pids, err
}

// groupLine is the path of a process in the tree of cgroup version 2 (cgroups(7)).
func groupLine(pid string) string {
	text := groupText("/proc/" + pid + "/cgroup")
	_, path, _ := strings.Cut("\n"+text, "\n0::")
	path, _, _ = strings.Cut(path, "\n")
	return path
}

// groupBelow takes the name of a unit's group out of the path of a process: below
// the place of the init, self, which may be in its leaf.
func groupBelow(self, path string) string {
	base := self
	if own, leaf := strings.CutSuffix(self, "/init"); leaf {
		if at := strings.LastIndexByte(own, '/'); at >= 0 && ownName(own[at+1:]) {
			base = own[:at]
		}
	}
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(base, "/")+"/")
	own, rest, more := strings.Cut(rest, "/")
	if !ok || !more || !ownName(own) {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	if name = strings.TrimSuffix(name, deleted); name == "init" { // the leaf
		return ""
	}
	return name
}

// ownName reports whether an init's own group is called so (Cgroups.take).
func ownName(name string) bool {
	n, ok := strings.CutPrefix(name, "mote")
	return ok && (n == "" || n[0] == '-' && parseInt(n[1:]) > 1)
}
