package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// emptied drops what an earlier incarnation has said, and reports whether it is
// all: of processes that are gone their user alone would speak for them.
func (in *Init) emptied(u *unitIO) bool {
	var b [1]byte
	for range maxStale {
		note, ok := proc.PeekNotify(int(u.notify), b[:])
		if !ok {
			return u.taker == 0
		}
		if note.Fds || u.taker != 0 {
			return false
		}
		proc.TakeNotify(int(u.notify), false)
	}
	return false
}

// closeNotify closes the unit's notify socket. Strangers may have put into its
// queue what takes time to close (proc.CloseAside).
func (in *Init) closeNotify(u *unitIO) {
	if u.notify == 0 {
		return
	}
	in.poll.Remove(int(u.notify))
	if pid, err := proc.CloseAside(int(u.notify)); err == nil {
		in.procs[pid] = &process{unit: graph.None, result: -1, fds: []int{int(u.notify)}}
	}
	u.notify, u.taker = 0, 0
}

// takeAside has a child take a datagram with descriptors that are not wanted;
// until it has, no other is read.
func (in *Init) takeAside(id graph.ID) {
	u := &in.units[id]
	pid, err := proc.TakeAside(int(u.notify))
	if err != nil {
		return // there are too many processes: the next turn tries again
	}
	in.poll.Modify(int(u.notify), 0, tokNotify|uint64(id))
	u.taker = int32(pid)
	in.procs[pid] = &process{unit: graph.None, result: -1, helper: helpTake, of: id}
}

// tookAside goes on with the datagrams behind the one that was taken.
func (in *Init) tookAside(id graph.ID, pid int) {
	if u := &in.units[id]; u.taker == int32(pid) {
		u.taker = 0
		in.poll.Modify(int(u.notify), unix.EPOLLIN, tokNotify|uint64(id))
	}
}
