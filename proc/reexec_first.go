package proc

import (
	"strconv"
	"strings"

	"mote/proc/first"

	"golang.org/x/sys/unix"
)

// firstVar tells an image what the first image of the process was started with, and
// what is different now: "PID CUR MAX IGNORED FD...". Children never see it.
const firstVar = "MOTE_FIRST"

// maxStartedWith bounds the descriptors in it.
const maxStartedWith = 64

// startedWith is the part of it that is nobody else's.
var startedWith struct {
	fds []int // open, not close-on-exec, and not ours
}

// recallFirst takes firstVar over, in an image that is not the first. What is not of
// this very process was inherited and says nothing.
func recallFirst(env []string, pid int) {
	v, _ := lookup(env, firstVar)
	words := strings.Fields(v)
	if len(words) < 4 || parseInt(words[0]) != int64(pid) {
		return
	}
	first.Nofile = first.Limit{Cur: uint64(parseInt(words[1])), Max: uint64(parseInt(words[2]))}
	for i, sig := range hangups {
		ignoredAtStart[sig] = parseInt(words[3])>>i&1 != 0
	}
	for _, w := range words[4:] {
		if fd := int(parseInt(w)); fd > 2 {
			startedWith.fds = append(startedWith.fds, fd)
		}
	}
}

// sayFirst is the value of firstVar for the next image; fds are those of startedWith.
func sayFirst(pid int, fds []int) string {
	ignored := uint64(0)
	for i, sig := range hangups {
		if ignoredAtStart[sig] {
			ignored |= 1 << i
		}
	}
	text := utoa64(uint64(pid))
	for _, n := range [...]uint64{first.Nofile.Cur, first.Nofile.Max, ignored} {
		text += " " + strconv.FormatInt(int64(n), 10) // no limit is -1
	}
	for _, fd := range fds[:min(len(fds), maxStartedWith)] {
		text += " " + utoa64(uint64(fd))
	}
	return text
}

// nextEnviron is env for an image after this one: with the mask full it is a second
// image again, else a first one, which may get the mask by itself (Early).
func nextEnviron(env []string, pid int, full bool, fds []int) []string {
	env = userEnviron(env, pid)
	if full {
		env = stageEnviron(env, pid)
	}
	return append(env, firstVar+"="+sayFirst(pid, fds))
}

// possibleFDs lists the numbers that descriptors may have, without /proc: one
// beyond the limit can be open only if the limit was higher once, and a bound keeps
// this from taking seconds.
func possibleFDs() (fds []int) {
	const bound = 1 << 16
	r := unix.Rlimit{Max: bound}
	unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	for fd := 3; fd < int(min(max(r.Max, first.Nofile.Max), bound)); fd++ {
		fds = append(fds, fd)
	}
	return fds
}
