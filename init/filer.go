package pid1

import (
	"strings"

	"golang.org/x/sys/unix"
)

// reportBudget bounds what is taken of a turn from the child.
const reportBudget = 32

// filer looks after "mote log files", the one child that writes the log files
// of all units (DESIGN D7): it takes messages from a socket. One child keeps
// the memory of small boards small; the price is that a disk which hangs makes
// the files on all disks wait, and lose lines, until it goes on.
type filer struct {
	worker
	asked   bool // the socket could not be made: that was said
	hurried bool // the end did not wait for the next try
}

// open makes the socket and starts the child, at the first line for a file.
func (f *filer) open() int {
	if f.over || f.out > 0 {
		return -1
	}
	ours, theirs, err := fileSocket()
	if err == nil {
		if err = f.in.poll.Add(ours, unix.EPOLLIN, tokSink); err != nil {
			unix.Close(ours)
			unix.Close(theirs)
		}
	}
	if err != nil {
		if !f.asked {
			f.asked = true
			f.in.logs.Say(MsgWarn, "log files: ", err.Error(), ": lines are dropped")
		}
		return -1
	}
	f.stdin, f.out = theirs, theirs
	f.start()
	return ours
}

// ready takes what the child says, and gives it what it takes.
func (f *filer) ready() {
	in := f.in
	fd := in.logs.files.fd
	var buf [1024]byte
	for i := 0; fd >= 0 && i < reportBudget; i++ {
		n, _, err := unix.Recvfrom(fd, buf[:], unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			break
		}
		if err != nil || n <= 0 { // the last child has ended
			f.close()
			return
		}
		in.logs.Say(MsgWarn, "log files: ", strings.TrimRight(string(buf[:n]), "\n"))
	}
	in.logs.files.drain()
}

// finish ends the child once it has all that units have written: it finds the
// end of the socket behind it. It is called again and again at the end, whose
// bounds are also the child's.
func (f *filer) finish() {
	if f.over || f.out == 0 {
		f.over = true
		return
	}
	b := &f.in.logs.files
	if f.child == nil && !f.hurried {
		f.hurried = true
		f.start()
	}
	if b.drain(); b.buffered() > 0 || len(b.held) > 0 {
		return
	}
	f.over, f.retry = true, 0
	unix.Shutdown(b.fd, unix.SHUT_WR)
	unix.Close(f.out)
	f.out = 0
}

func (f *filer) close() {
	b := &f.in.logs.files
	f.in.poll.Remove(b.fd)
	unix.Close(b.fd)
	b.fd = -1
	b.empty()
}

// sinkBlocked waits, or no longer, until a sink takes more (Logs.OnBlocked).
func (in *Init) sinkBlocked(slot, fd int, on bool) {
	token := tokSink | uint64(slot)
	var err error
	switch {
	case slot == 0 && on:
		err = in.poll.Modify(fd, unix.EPOLLIN|unix.EPOLLOUT, token)
	case slot == 0:
		err = in.poll.Modify(fd, unix.EPOLLIN, token)
	case on:
		err = in.poll.Add(fd, unix.EPOLLOUT, token)
	default:
		err = in.poll.Remove(fd)
	}
	if err != nil && fd >= 0 && on {
		in.logs.Say(MsgWarn, "a log sink cannot be waited for: ", err.Error())
	}
}

// sinkReady goes on with a sink.
func (in *Init) sinkReady(slot int) {
	if slot == 0 {
		in.filer.ready()
		return
	}
	if slot <= len(in.logs.feeds) && in.logs.feeds[slot-1] != nil {
		in.logs.feeds[slot-1].drain()
	}
}
