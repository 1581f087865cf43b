package pid1

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// The child that writes files is started again after its end with a delay that
// doubles, and is the first again when it was up for filerReset.
const (
	filerFirst = graph.Instant(200 * time.Millisecond)
	filerMost  = graph.Instant(30 * time.Second)
	filerReset = graph.Instant(10 * time.Second)
)

// reportBudget bounds what is taken of a turn from the child.
const reportBudget = 32

// filer looks after "mote log files", the one child that writes the log files
// of all units (DESIGN D7): it takes messages from a socket. One child keeps
// the memory of small boards small; the price is that a disk which hangs makes
// the files on all disks wait, and lose lines, until it goes on.
type filer struct {
	in      *Init
	theirs  int      // the child's end, kept for the next one; 0 = none
	child   *process // nil = none is running
	since   graph.Instant
	delay   graph.Instant
	retry   graph.Instant // when to start the next one; 0 = never
	asked   bool          // the socket could not be made: that was said
	over    bool          // it has all that it will get
	hurried bool          // the end did not wait for the next try
}

// open makes the socket and starts the child, at the first line for a file.
func (f *filer) open() int {
	if f.over || f.theirs > 0 {
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
	f.theirs = theirs
	f.start()
	return ours
}

// start forks the child. It is in a session and group of its own.
func (f *filer) start() {
	in := f.in
	f.retry = 0
	paths := []string{"/proc/self/exe"}
	if name := proc.ExecFn(); strings.HasPrefix(name, "/") {
		paths = append(paths, name) // there may be no /proc
	}
	spec := proc.NewSpec(paths, []string{"mote", "log", "files"}, append(slices.Clone(in.env), "GOMAXPROCS=1"))
	spec.Dir, spec.Stdin, spec.Out, spec.Umask = "/", f.theirs, f.theirs, 0o022
	child, err := proc.Spawn(spec)
	if err != nil {
		f.again("cannot start: " + err.Error())
		return
	}
	p := &process{unit: graph.None, result: child.Result}
	p.done = func(ex proc.Exit) { f.ended(p, ex) }
	in.procs[child.Pid] = p
	f.child, f.since = p, in.now
	if in.poll.Add(child.Result, unix.EPOLLIN, tokResult|uint64(child.Pid)) != nil {
		in.again = true
	}
}

// ended starts the next child after a while.
func (f *filer) ended(p *process, ex proc.Exit) {
	if f.child != p {
		return
	}
	f.child = nil
	if f.over {
		return
	}
	why := "the child ended with exit code " + strconv.Itoa(ex.Code)
	if ex.Signal != 0 {
		why = "the child was ended by " + graph.SignalName(ex.Signal)
	}
	if p.fail != nil {
		why = "cannot start: " + p.fail.Error()
	}
	f.again(why)
}

func (f *filer) again(why string) {
	in := f.in
	f.delay = min(max(2*f.delay, filerFirst), filerMost)
	if f.since != 0 && in.now-f.since >= filerReset {
		f.delay = filerFirst
	}
	f.retry = in.now + f.delay
	in.logs.Say(MsgWarn, "log files: ", why, "; next try in ", spanText(int64(f.delay)))
}

// tick starts the next child when it is time.
func (f *filer) tick() {
	if f.retry != 0 && f.retry <= f.in.now {
		f.start()
	}
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
	if f.over || f.theirs == 0 {
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
	unix.Close(f.theirs)
	f.theirs = 0
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
