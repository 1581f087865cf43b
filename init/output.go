package pid1

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// logPipe gives the write end of the unit's log pipe; 0 when no sink wants the
// lines, and nobody seeks a text in them. Both ends are the init's while the unit is up or starts again, so that
// the pipe outlives every process of it (L1).
func (in *Init) logPipe(id graph.ID) (int, error) {
	u := &in.units[id]
	if u.pipeW > 0 || u.log.Discards() && in.world.Unit(id).Ready.Kind != graph.ReadyLog {
		return int(u.pipeW), nil
	}
	if u.pipeR > 0 { // an earlier incarnation's children still write to it
		path := "/proc/self/fd/" + strconv.Itoa(int(u.pipeR))
		if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err == nil {
			unix.SetNonblock(fd, false)
			u.pipeW = int32(fd)
			return fd, nil
		}
		in.readLog(id)
		in.closeLog(u)
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	// Only our end: a service must block on a full pipe, and is slowed by it.
	// F_SETFL at once: a new pipe has no flags to be kept.
	_, err := unix.FcntlInt(uintptr(fds[0]), unix.F_SETFL, unix.O_NONBLOCK)
	if err == nil {
		err = in.poll.Add(fds[0], unix.EPOLLIN, tokLog|uint64(id))
	}
	if err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return 0, err
	}
	u.pipeR, u.pipeW = int32(fds[0]), int32(fds[1])
	return fds[1], nil
}

// restLog gives the write end up when the unit is at rest: the pipe stays as
// long as somebody holds the other one, and 10,000 tasks that are done hold
// no descriptors.
func (in *Init) restLog(id graph.ID) {
	u := &in.units[id]
	if u.pipeW > 0 {
		unix.Close(int(u.pipeW))
		u.pipeW = 0
	}
	if u.pipeR > 0 && !u.log.Held() {
		in.readLog(id)
	}
}

func (in *Init) closeLog(u *unitIO) {
	in.poll.Remove(int(u.pipeR))
	unix.Close(int(u.pipeR))
	u.pipeR = 0
}

// readLog takes what a unit has written, up to its share of a turn.
func (in *Init) readLog(id graph.ID) {
	u := &in.units[id]
	if u.pipeR == 0 {
		return // closed earlier in this turn
	}
	if injecting {
		in.inject("log", "", id)
	}
	_, _, eof := u.log.ReadFrom(int(u.pipeR), logBudget)
	if eof {
		u.log.Flush()
		in.closeLog(u)
	}
	if u.log.Found() {
		st := in.world.Status(id)
		in.apply(graph.Event{Kind: graph.BecameReady, Unit: id, Gen: st.Gen})
	}
}

// seekReady has the output of a service sought for the text of "ready log". What
// an earlier incarnation has left in the pipe does not count (P1).
func (in *Init) seekReady(id graph.ID) {
	if u := in.world.Unit(id); u.Ready.Kind == graph.ReadyLog {
		l := in.units[id].log
		l.Seek("")
		in.readLog(id)
		l.Seek(u.Ready.Arg)
	}
}

// holdLog stops or resumes the reading of a unit's pipe (Logs.OnHold). It
// leaves the epoll set: a pipe without writers is always ready for EPOLLHUP.
func (in *Init) holdLog(l *UnitLog, held bool) {
	if !held {
		in.syslog.resume(l)
	}
	id, ok := in.world.Find(l.Name())
	if !ok || in.units[id].log != l || in.units[id].pipeR == 0 {
		return
	}
	fd := int(in.units[id].pipeR)
	if held {
		in.poll.Remove(fd)
		return
	}
	if in.poll.Add(fd, unix.EPOLLIN, tokLog|uint64(id)) != nil {
		in.logs.Say(MsgWarn, l.Name(), ": its output cannot be read any more")
	}
}

// readyPipe makes the pipe of "ready fd N" and gives the end for the child.
func (in *Init) readyPipe(id graph.ID, gen uint64) (int, error) {
	u := &in.units[id]
	in.closeReady(u)
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	err := unix.SetNonblock(fds[0], true)
	if err == nil {
		err = in.poll.Add(fds[0], unix.EPOLLIN, tokReady|uint64(id))
	}
	if err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return 0, err
	}
	u.ready, u.gen = int32(fds[0]), gen
	return fds[1], nil
}

// readReady waits for the newline of s6's readiness protocol (s6: "service
// startup notifications"); what comes before and after it does not count.
func (in *Init) readReady(id graph.ID) {
	u := &in.units[id]
	var buf [512]byte
	for u.ready > 0 {
		n, err := unix.Read(int(u.ready), buf[:])
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return
		}
		if n > 0 && bytes.IndexByte(buf[:n], '\n') < 0 {
			in.again = true // a flood without a newline gets one read a turn
			return
		}
		gen := u.gen
		in.closeReady(u)
		if n > 0 {
			in.apply(graph.Event{Kind: graph.BecameReady, Unit: id, Gen: gen})
		}
	}
}

func (in *Init) closeReady(u *unitIO) {
	if u.ready > 0 {
		in.poll.Remove(int(u.ready))
		unix.Close(int(u.ready))
		u.ready = 0
	}
}
