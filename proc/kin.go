package proc

import (
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxKin bounds how far up a chain of parents is followed.
const maxKin = 32

// ChildState says of one pid whether it is a child of ours, has ended and is not
// yet reaped, and with exit status 0. It never blocks and leaves it there.
func ChildState(pid int) (ours, ended, clean bool) {
	var info unix.Siginfo
	if pid <= 0 {
		return false, false, false
	}
	err := uninterrupted(func() error {
		return unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	})
	if err != nil {
		return false, false, false
	}
	// si_pid, si_uid, si_status: an int each.
	at := unsafe.Add(unsafe.Pointer(&info), siginfoPid)
	ended = *(*int32)(at) == int32(pid)
	return true, ended, ended && *(*int32)(unsafe.Add(at, 8)) == 0
}

// statOf reads /proc/PID/stat; rest is what follows the name.
func statOf(pid int) (s procStat, rest string, ok bool) {
	text, err := ReadSmall("/proc/"+strconv.Itoa(pid)+"/stat", statBytes)
	if err != nil {
		return procStat{}, "", false
	}
	s, ok = parseStat(string(text))
	return s, string(text[strings.LastIndexByte(string(text), ')')+1:]), ok && s.pid == pid
}

// Descends reports whether pid is below the process from, by the chain of
// parents that /proc shows. Who has lost a parent on the way is not.
func Descends(pid, from int) bool {
	if !ownProc() {
		return false
	}
	for range maxKin {
		s, _, ok := statOf(pid)
		if !ok || s.ppid <= 1 || s.ppid == unix.Getpid() {
			return false
		}
		if s.ppid == from {
			return true
		}
		pid = s.ppid
	}
	return false
}

// Under gives the child of the process from that pid is, or is below, by the
// chain of parents that /proc shows; 0 if it is not below it.
func Under(pid, from int) int {
	if !ownProc() {
		return 0
	}
	for range maxKin {
		s, _, ok := statOf(pid)
		if !ok {
			return 0
		}
		if s.ppid == from {
			return pid
		}
		pid = s.ppid
	}
	return 0
}

// Alive reports whether there is a process pid that has not ended.
func Alive(pid int) bool {
	if Kill(pid, 0) == unix.ESRCH {
		return false
	}
	if ours, ended, _ := ChildState(pid); ours {
		return !ended
	}
	s, _, ok := statOf(pid)
	return !ok || !s.ended()
}

// UserOf gives the real user of a process, by /proc/PID/status.
func UserOf(pid int) (uid uint32, ok bool) {
	text, err := ReadSmall("/proc/"+strconv.Itoa(pid)+"/status", 16<<10)
	if err != nil {
		return noID, false
	}
	_, uids, ok := strings.Cut(string(text), "\nUid:\t")
	first, _, more := strings.Cut(uids, "\t")
	n, err := strconv.ParseUint(first, 10, 32)
	return uint32(n), ok && more && err == nil
}

// ExitOf says how a process ended that is not our child and that its parent has
// not reaped, by the last field of proc_pid_stat(5). It is 0 for those who may
// not trace the process, too, and believed of our own user's alone.
func ExitOf(pid int) (e Exit, ok bool) {
	s, rest, ok := statOf(pid)
	if !ok || !s.ended() {
		return Exit{}, false
	}
	fields := strings.Fields(rest) // from the third, the state, on
	if len(fields) < 50 {
		return Exit{}, false
	}
	status := int(parseInt(fields[49])) // exit_code, the 52nd
	if status == 0 {
		if uid, known := UserOf(pid); !known || int(uid) != unix.Geteuid() {
			return Exit{}, false
		}
	}
	return Exit{Pid: pid, Code: status >> 8 & 0xff, Signal: status & 0x7f}, true
}

// havePidFD is what the first try has said (pidfd_open(2), Linux 5.3).
var havePidFD = true

// PidFD gives a descriptor that is readable when the process has ended, whoever
// its parent is; -1 where there is none such, or no such process (gone).
func PidFD(pid int) (fd int, gone bool) {
	if !havePidFD {
		return -1, false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	switch err {
	case nil:
		return fd, false
	case unix.ESRCH:
		return -1, true
	case unix.ENOSYS, unix.EPERM:
		havePidFD = false
	}
	return -1, false
}
