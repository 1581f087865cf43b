package pid1

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// savedSink is what waits for a sink behind a descriptor: the console, the child
// that writes the files, or a service that others pipe to.
type savedSink struct {
	rec     *state.Record
	Name    string // of the service
	FD      int    // the init's end; 0 = none
	Peer    int    // the other end, which the init keeps for the child or the service
	Buf     []byte
	Lost    uint64
	Took    bool
	Full    bool
	Stalled bool
	Since   graph.Instant
	savedWorker
}

func (k *savedSink) load(r *state.Record) error {
	k.rec = r
	return r.Load(k.fields)
}

func (k *savedSink) fields(f *state.Fields) {
	f.Text("name", &k.Name)
	state.Int(f, "fd", &k.FD)
	state.Int(f, "peer", &k.Peer)
	f.Bytes("buf", &k.Buf)
	state.Int(f, "lost", &k.Lost)
	f.Bool("took", &k.Took)
	f.Bool("full", &k.Full)
	f.Bool("stalled", &k.Stalled)
	state.Int(f, "since", &k.Since)
	k.savedWorker.fields(f)
}

// savedWorker is a worker without its child, which is with the processes.
type savedWorker struct {
	Started graph.Instant
	Delay   graph.Instant
	Retry   graph.Instant
	Over    bool
	Asked   bool // of the filer
	Hurried bool
}

func (w *savedWorker) fields(f *state.Fields) {
	state.Int(f, "started", &w.Started)
	state.Int(f, "delay", &w.Delay)
	state.Int(f, "retry", &w.Retry)
	f.Bool("over", &w.Over)
	f.Bool("asked", &w.Asked)
	f.Bool("hurried", &w.Hurried)
}

// savedSyslog is the socket of option syslog, and what came from it.
type savedSyslog struct {
	rec  *state.Record
	Path string
	Sock int // 0 = none
	Dev  uint64
	Ino  uint64
	FD   int // the init's end of the child's socket
	Peer int
	Rest []byte
	Pids []int64 // of those that have ended, the oldest first
	IDs  []int64 // their units
	At   []int64
	savedWorker
}

func (y *savedSyslog) fields(f *state.Fields) {
	f.Text("path", &y.Path)
	state.Int(f, "sock", &y.Sock)
	state.Int(f, "dev", &y.Dev)
	state.Int(f, "ino", &y.Ino)
	state.Int(f, "fd", &y.FD)
	state.Int(f, "peer", &y.Peer)
	f.Bytes("rest", &y.Rest)
	state.Ints(f, "pids", &y.Pids)
	state.Ints(f, "units", &y.IDs)
	state.Ints(f, "at", &y.At)
	y.savedWorker.fields(f)
}

func (in *Init) putSinks(k *keeper) {
	m := in.logs
	c := &m.console
	k.sink("console", &savedSink{FD: max(c.fd, 0), Buf: c.buf[c.off:], Lost: c.lost, Took: c.took, Full: c.full, Stalled: c.stalled, Since: c.since})
	if m.files.fd >= 0 || in.filer.over || m.files.lost > 0 {
		r := m.files.saved(in.filer.out)
		r.take(&in.filer.worker)
		r.Asked, r.Hurried = in.filer.asked, in.filer.hurried
		k.sink("files", r)
	}
	for _, f := range m.feeds {
		if f != nil && (f.fd >= 0 || f.lost > 0) {
			r := f.backlog.saved(max(f.r, 0))
			r.Name = f.name
			k.sink("feed", r)
		}
	}
	s := &in.syslog
	if s.path == "" && s.ours == 0 && !s.over {
		return
	}
	y := &savedSyslog{Path: s.path, Sock: s.stdin, Dev: s.sock.Dev, Ino: s.sock.Ino, FD: s.ours, Peer: s.out, Rest: s.rest}
	y.take(&s.worker)
	for i := range s.gone {
		if g := &s.gone[(s.last+1+i)%syslogEnded]; g.at != 0 {
			y.Pids, y.IDs, y.At = append(y.Pids, int64(g.pid)), append(y.IDs, int64(g.id)), append(y.At, int64(g.at))
		}
	}
	k.fd(y.Sock)
	k.fd(y.FD)
	k.fd(y.Peer)
	k.Put("syslog", y.fields)
}

func (k *keeper) sink(kind string, r *savedSink) {
	k.fd(r.FD)
	k.fd(r.Peer)
	k.Put(kind, r.fields)
}

func (b *backlog) saved(peer int) *savedSink {
	return &savedSink{FD: max(b.fd, 0), Peer: peer, Buf: b.buf[b.off:], Lost: b.lost, Took: b.took, Full: b.full, Stalled: b.stalled, Since: b.since}
}

func (k *savedWorker) take(w *worker) {
	k.Started, k.Delay, k.Retry, k.Over = w.since, w.delay, w.retry, w.over
}

func (s *savedLogs) checkSinks(fds *claims, units int) error {
	for _, k := range [...]*savedSink{&s.console, &s.files} {
		if err := k.check(fds, k == &s.files); err != nil {
			return err
		}
	}
	for i := range s.feeds {
		if err := s.feeds[i].check(fds, false); err != nil {
			return err
		}
	}
	y := &s.syslog
	switch {
	case y.rec == nil:
		return nil
	case !fds.may(y.Sock, y.FD, y.Peer) || (y.FD == 0) != (y.Peer == 0) || y.Sock != 0 && y.FD == 0:
		return y.rec.Wrong(badDescriptor)
	case len(y.Rest) > sinkBatch || len(y.Pids) > syslogEnded || len(y.IDs) != len(y.Pids) || len(y.At) != len(y.Pids) || !y.possible():
		return y.rec.Wrong(badBounds)
	}
	for _, pid := range y.Pids {
		if pid <= 1 {
			return y.rec.Wrong("pid " + strconv.FormatInt(pid, 10) + " has not ended")
		}
	}
	return knownUnits(y.rec, y.IDs, 0, units)
}

const badBounds = "it is beyond its bounds"

// check looks at one that is there. packets says that buf has messages.
func (k *savedSink) check(fds *claims, packets bool) error {
	switch {
	case k.rec == nil:
		return nil
	case !fds.may(k.FD, k.Peer):
		return k.rec.Wrong(badDescriptor)
	case len(k.Buf) > max(sinkBytes, consoleBytes) || k.Since < 0 || packets && !whole(k.Buf) || !k.possible():
		return k.rec.Wrong(badBounds)
	}
	return nil
}

func (w *savedWorker) possible() bool {
	return w.Started >= 0 && w.Delay >= 0 && w.Delay <= workerMost && w.Retry >= 0
}

// whole reports whether buf has messages as backlog has them, and nothing else.
func whole(buf []byte) bool {
	for len(buf) > 4 {
		n := int(buf[0]) | int(buf[1])<<8 | int(buf[2])<<16 | int(buf[3])<<24
		if n <= 0 || n > len(buf)-4 {
			return false
		}
		buf = buf[4+n:]
	}
	return len(buf) == 0
}

// attachKmsg takes over the kernel's log, which may be out of reach by now.
func (in *Init) attachKmsg(s *saved) {
	a, m := &s.logs.arena, in.logs
	if m.kmsg.lost += a.KmsgLost; a.KmsgFails {
		m.kmsg.said = true
	}
	if s.claim(a.Kmsg, unix.S_IFCHR) && unix.SetNonblock(a.Kmsg, true) == nil {
		m.SetKmsg(a.Kmsg)
	}
}

func (in *Init) attachSinks(s *saved) {
	in.attachKmsg(s)
	in.attachFiles(s)
	for i := range s.logs.feeds {
		k := &s.logs.feeds[i]
		f := in.logs.feedOf(k.Name)
		if f == nil || f.fd >= 0 {
			continue
		}
		if s.claim(k.FD, unix.S_IFIFO) && s.claim(k.Peer, unix.S_IFIFO) && unix.SetNonblock(k.FD, true) == nil {
			f.fd, f.r = k.FD, k.Peer
		}
		f.takeOver(k)
	}
	in.attachSyslog(s)
}

// attachConsole goes on with the console that was: one that is a pipe or a socket
// cannot be opened again. What this image has not shown yet comes behind.
func (in *Init) attachConsole(s *saved) {
	k, c := &s.logs.console, &in.logs.console
	if k.rec == nil {
		return
	}
	c.buf = append(k.Buf, c.buf[c.off:]...)
	c.off, c.lost, c.took = 0, c.lost+k.Lost, k.Took
	c.full, c.stalled, c.since = k.Full, k.Stalled, min(k.Since, in.now)
	fd := c.fd
	if s.claim(k.FD, 0) {
		fd = k.FD
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && (st.Mode&unix.S_IFMT == unix.S_IFCHR || st.Mode&unix.S_IFMT == unix.S_IFIFO) {
			unix.SetNonblock(fd, true)
		}
	} else if k.FD != 0 && fd < 0 {
		in.openConsole()
		fd = c.fd
	}
	in.logs.SetConsole(fd)
}

func (in *Init) attachFiles(s *saved) {
	k, f, b := &s.logs.files, &in.filer, &in.logs.files
	if k.rec == nil {
		return
	}
	f.asked, f.hurried = k.Asked, k.Hurried
	if in.claimPolled(s, k.FD, unix.S_IFSOCK, tokSink) {
		b.fd = k.FD
		if s.claim(k.Peer, unix.S_IFSOCK) {
			f.stdin, f.out = k.Peer, k.Peer
		}
	}
	f.takeOver(&k.savedWorker)
	b.takeOver(k)
}

// takeOver gives a sink what waited for it, which is lost if it is no more, and
// goes on with it.
func (b *backlog) takeOver(k *savedSink) {
	b.lost, b.took = k.Lost, k.Took
	if b.fd < 0 {
		b.lost += uint64(bytes.Count(k.Buf, newline))
		b.took = k.FD != 0
		b.report()
		return
	}
	b.buf, b.full, b.stalled, b.since = k.Buf, k.Full, k.Stalled, min(k.Since, b.logs.now)
	b.drain()
}

// takeOver goes on with a worker. A child that is not adopted (adopt) is started
// again.
func (w *worker) takeOver(k *savedWorker) {
	w.since, w.delay, w.over = k.Started, k.Delay, k.Over
	if w.retry = min(k.Retry, w.in.now+workerMost); w.retry == 0 && w.out > 0 && w.stdin > 0 && !w.over {
		w.retry = w.in.now
	}
}

func (in *Init) attachSyslog(s *saved) {
	k, y := &s.logs.syslog, &in.syslog
	if k.rec == nil {
		return
	}
	for i := range k.Pids {
		y.last = i
		y.gone[i] = endedProcess{int(k.Pids[i]), graph.ID(k.IDs[i]), graph.Instant(k.At[i])}
	}
	y.path, y.rest = k.Path, k.Rest
	if s.claim(k.Peer, unix.S_IFSOCK) && in.claimPolled(s, k.FD, unix.S_IFSOCK, tokSyslog) {
		y.ours, y.out = k.FD, k.Peer
	}
	if s.claim(k.Sock, unix.S_IFSOCK) && (y.ours > 0 || y.connect() == nil) {
		y.sock, y.stdin = proc.Socket{Fd: k.Sock, Path: k.Path, Dev: k.Dev, Ino: k.Ino}, k.Sock
	} else if k.Sock != 0 {
		in.logs.Say(MsgWarn, "option syslog: the socket was closed: reload makes it again")
	}
	y.takeOver(&k.savedWorker)
	in.again = in.again || len(y.rest) > 0
}
