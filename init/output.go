package pid1

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// notifyBudget bounds the datagrams taken from one unit in a turn.
const notifyBudget = 64

// logPipe gives the write end of the unit's log pipe; 0 when no sink wants the
// lines. Both ends are the init's while the unit is up or starts again, so that
// the pipe outlives every process of it (L1).
func (in *Init) logPipe(id graph.ID) (int, error) {
	u := &in.units[id]
	if u.log.Discards() || u.pipeW > 0 {
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
	if _, _, eof := u.log.ReadFrom(int(u.pipeR), logBudget); eof {
		u.log.Flush()
		in.closeLog(u)
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

// notifySocket gives the unit's NOTIFY_SOCKET, an abstract name: it needs no
// writable place, and who writes is checked.
func (in *Init) notifySocket(id graph.ID) (string, error) {
	name := "@mote/" + in.token + "/" + in.name(id)
	u := &in.units[id]
	if u.notify > 0 {
		return name, nil
	}
	fd, err := proc.NewNotify(name)
	if err != nil {
		return "", err
	}
	if err := in.poll.Add(fd, unix.EPOLLIN, tokNotify|uint64(id)); err != nil {
		unix.Close(fd)
		return "", err
	}
	u.notify = int32(fd)
	return name, nil
}

// readNotify takes sd_notify(3) messages of a unit's own processes.
func (in *Init) readNotify(id graph.ID) {
	u := &in.units[id]
	var buf [4096]byte
	for i := 0; i < notifyBudget; i++ {
		n, pid, uid, ok := proc.ReadNotify(int(u.notify), buf[:])
		if !ok {
			return
		}
		if !in.ownSender(id, pid, uid) {
			continue
		}
		for line := range bytes.Lines(buf[:n]) {
			in.notified(id, strings.TrimRight(string(line), "\r\n"))
		}
	}
	in.again = true
}

// ownSender reports whether a message comes from the unit: from its session.
// A sender that is gone is known by its user alone: the unit's own, or root.
func (in *Init) ownSender(id graph.ID, pid int, uid uint32) bool {
	main := int(in.units[id].main)
	if main == 0 {
		return false
	}
	if pid == main {
		return true
	}
	sid, err := unix.Getsid(pid)
	if err == nil {
		return sid == main
	}
	return uid == 0 || uid == in.units[id].uid
}

func (in *Init) notified(id graph.ID, line string) {
	st := in.world.Status(id)
	switch {
	case line == "READY=1":
		if in.world.Unit(id).Ready.Kind == graph.ReadyNotify {
			in.apply(graph.Event{Kind: graph.BecameReady, Unit: id, Gen: st.Gen})
		}
	case strings.HasPrefix(line, "STATUS="):
		text := line[len("STATUS="):]
		if len(text) > 256 {
			text = text[:256]
		}
		in.apply(graph.Event{Kind: graph.StatusSet, Unit: id, Gen: st.Gen, Text: text})
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
