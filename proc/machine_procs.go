package proc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxProcs bounds a walk through /proc.
const maxProcs = 1 << 17

// procStat is what the walk needs of /proc/PID/stat.
type procStat struct {
	pid, ppid int
	state     byte
	kernel    bool  // a thread of the kernel
	ticks     int64 // user and system time in 1/userHZ s
	pages     int64 // resident
}

// pfKthread is in the flags of /proc/PID/stat (include/linux/sched.h).
const pfKthread = 0x00200000

// ended reports whether the process only waits to be reaped.
func (s *procStat) ended() bool { return s.state == 'Z' || s.state == 'X' }

// parseStat takes a line of /proc/PID/stat. The name in it may hold blanks and
// brackets; the last bracket ends it.
func parseStat(line string) (s procStat, ok bool) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 1 || end < open {
		return procStat{}, false
	}
	s.pid = int(parseInt(strings.TrimSpace(line[:open])))
	rest := strings.TrimSpace(line[end+1:])
	field := 3 // of proc_pid_stat(5): the state, behind the name
	for ; rest != ""; field++ {
		var f string
		f, rest, _ = strings.Cut(rest, " ")
		switch field {
		case 3:
			if f != "" {
				s.state = f[0]
			}
		case 4:
			s.ppid = int(parseInt(f))
		case 9:
			s.kernel = parseInt(f)&pfKthread != 0
		case 14, 15: // in user mode, in the kernel
			s.ticks += parseInt(f)
		case 24:
			s.pages = parseInt(f)
		}
	}
	if s.pid <= 0 || field <= 15 {
		return procStat{}, false
	}
	return s, true
}

// parseInt is 0 for what is no number.
func parseInt(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// pidNumber takes a name of /proc for a pid.
func pidNumber(name string) (pid int, ok bool) {
	if name == "" || name[0] < '1' || name[0] > '9' {
		return 0, false
	}
	pid, err := strconv.Atoi(name)
	return pid, err == nil
}

// ownProc reports whether /proc numbers processes as this pid namespace does.
func ownProc() bool {
	self, ok := Readlink("/proc/self")
	return ok && self == strconv.Itoa(unix.Getpid())
}

// readProcs looks at every process. /proc/PID/stat takes no lock that a hung
// process holds, unlike cmdline.
func readProcs() ([]procStat, error) {
	if !ownProc() {
		return nil, cannot("look through /proc", reason("it is not mounted, or is that of another pid namespace"))
	}
	names, err := ListDir("/proc")
	if err != nil {
		return nil, err
	}
	procs := make([]procStat, 0, len(names))
	for _, name := range names {
		if _, ok := pidNumber(name); !ok || len(procs) == maxProcs {
			continue
		}
		stat, err := ReadSmall("/proc/"+name+"/stat", 4096)
		if err != nil {
			continue // it has ended
		}
		if s, ok := parseStat(string(stat)); ok {
			procs = append(procs, s)
		}
	}
	return procs, nil
}

// Living counts the processes of this pid namespace, less this one, zombies
// and the kernel's own threads: kill(-1, 0) counts these too, and so is never
// without an answer on a machine.
func Living() (int, error) {
	procs, err := readProcs()
	self, n := unix.Getpid(), 0
	for i := range procs {
		if s := &procs[i]; s.pid != self && !s.kernel && !s.ended() {
			n++
		}
	}
	return n, err
}

// Descendants gives the living processes below this one, by the chains of
// their parents in /proc; with a subreaper none can leave (prctl(2),
// PR_SET_CHILD_SUBREAPER). Zombies do not count. Its own children it could
// know, theirs only so.
func Descendants() ([]int, error) {
	procs, err := readProcs()
	if err != nil {
		return nil, err
	}
	return descendants(procs, unix.Getpid()), nil
}

// descendants works from the root down, since a child's number may be lower
// than its parent's.
func descendants(procs []procStat, root int) []int {
	children := make(map[int][]int, len(procs))
	for i, s := range procs {
		children[s.ppid] = append(children[s.ppid], i)
	}
	var living []int
	queue := children[root]
	seen := make([]bool, len(procs))
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if seen[i] || procs[i].pid == root {
			continue
		}
		seen[i] = true
		if !procs[i].ended() {
			living = append(living, procs[i].pid)
		}
		queue = append(queue, children[procs[i].pid]...)
	}
	return living
}

// KillDescendants sends sig to every living process below this one and says
// how many there were: what a supervisor does at its end, where PID 1 has
// kill(-1). A process that forks meanwhile may leave a child behind: the
// caller repeats it until it says 0. A number cannot become a stranger's
// between the look and the signal, short of the kernel going once through
// all of its pids in these microseconds.
func KillDescendants(sig int) (int, error) {
	pids, err := Descendants()
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		unix.Kill(pid, unix.Signal(sig))
	}
	return len(pids), nil
}
