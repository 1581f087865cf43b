package proc

import (
	"runtime"
	"strconv"
	"strings"

	"mote/proc/first"

	"golang.org/x/sys/unix"
)

// firstVar tells an image what the first image of the process was started with, and
// what is different now: "PID CUR MAX IGNORED UNREAD FD...". Children never see it.
const firstVar = "MOTE_FIRST"

// maxStartedWith bounds the descriptors in it.
const maxStartedWith = 64

// startedWith are the descriptors that were open when the first image began and are
// not ours. They are known from the first re-exec on, before which nothing that is
// open without close-on-exec is ours.
var startedWith struct {
	known bool
	fds   []int
}

// findForeign is called before anything of ours is left open for the next image.
func findForeign() {
	if !startedWith.known {
		startedWith.known, startedWith.fds = true, inheritable()
	}
}

// unread are signals that the image before had and not seen to: bit n-1 stands for
// signal n.
var unread uint64

// noteUnread collects the signals that only the runtime's queue has, which the exec
// would forget. Those that came in the last tenth of a millisecond may not have got to the receiver yet.
func noteUnread() {
	if theRuntime == nil {
		return
	}
	for range 3 {
		runtime.Gosched()
	}
	unread = theRuntime.pending.Load()
}

// sendUnread sends them again.
func sendUnread() {
	for sig := 1; unread != 0; sig++ {
		if unread&1 != 0 {
			unix.Kill(unix.Getpid(), unix.Signal(sig))
		}
		unread >>= 1
	}
}

// recallFirst takes firstVar over, in an image that is not the first. What is not of
// this very process was inherited and says nothing.
func recallFirst(env []string, pid int) {
	v, _ := lookup(env, firstVar)
	words := strings.Fields(v)
	if len(words) < 5 || parseInt(words[0]) != int64(pid) {
		return
	}
	first.Nofile = first.Limit{Cur: uint64(parseInt(words[1])), Max: uint64(parseInt(words[2]))}
	for i, sig := range hangups {
		ignoredAtStart[sig] = parseInt(words[3])>>i&1 != 0
	}
	unread, _ = strconv.ParseUint(words[4], 10, 64)
	startedWith.known = true
	for _, w := range words[5:] {
		if fd := int(parseInt(w)); fd > 2 {
			startedWith.fds = append(startedWith.fds, fd)
		}
	}
}

// sayFirst is the value of firstVar for the next image.
func sayFirst(pid int) string {
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
	text += " " + utoa64(unread)
	for _, fd := range startedWith.fds[:min(len(startedWith.fds), maxStartedWith)] {
		text += " " + utoa64(uint64(fd))
	}
	return text
}

// nextEnviron is env for an image after this one: with the mask full it is a second
// image again, else a first one, which may get the mask by itself (Early).
func nextEnviron(env []string, pid int, full bool) []string {
	env = userEnviron(env, pid)
	if full {
		env = stageEnviron(env, pid)
	}
	return append(env, firstVar+"="+sayFirst(pid))
}
