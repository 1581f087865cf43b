package pid1

import "golang.org/x/sys/unix"

// feed is the pipe to the stdin of a service that others write their lines to
// ("log pipe NAME"). Both ends are the init's: it outlives the service and
// those that write. Only whole lines enter it, one unit's after another's.
type feed struct {
	backlog
	name  string
	r     int // the service's end
	users int // units with "log pipe NAME"
	said  error
}

// setPipe sets or takes away the service that the unit's lines go to; "" is
// none.
func (l *UnitLog) setPipe(name string) {
	m := l.logs
	old := l.pipe
	if old != nil && old.name == name || old == nil && name == "" {
		return
	}
	l.pipe = nil
	if name != "" {
		if l.pipe = m.feedOf(name); l.pipe == nil {
			l.pipe = m.newFeed(name)
		}
		l.pipe.users++
	}
	if old == nil {
		return
	}
	old.release(l)
	if old.users--; old.users == 0 {
		m.dropFeed(old)
	}
}

// feedOf gives the feed of a service, or nil.
func (m *Logs) feedOf(name string) *feed {
	for _, f := range m.feeds {
		if f != nil && f.name == name {
			return f
		}
	}
	return nil
}

// newFeed makes the feed of a service. It has no pipe yet.
func (m *Logs) newFeed(name string) *feed {
	slot := 0
	for slot < len(m.feeds) && m.feeds[slot] != nil {
		slot++
	}
	f := &feed{name: name, r: -1}
	f.backlog = backlog{logs: m, what: "log pipe " + name, fd: -1, slot: slot + 1, bit: heldPipe, last: -1}
	if slot == len(m.feeds) {
		m.feeds = append(m.feeds, nil)
	}
	m.feeds[slot] = f
	return f
}

// dropFeed closes a pipe that nobody writes to any more: the service that
// reads it finds its end.
func (m *Logs) dropFeed(f *feed) {
	f.releaseAll()
	f.block(false)
	if f.fd >= 0 {
		unix.Close(f.fd)
		unix.Close(f.r)
	}
	m.feeds[f.slot-1] = nil
}

// open makes the pipe.
func (f *feed) open() error {
	if f.fd >= 0 {
		return nil
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	// Only our end: the service must wait for lines.
	if err := unix.SetNonblock(p[1], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return err
	}
	f.r, f.fd = p[0], p[1]
	return nil
}

// FeedOf gives the descriptor that is the stdin of a service which others write
// their lines to; ok is false when there is none.
func (m *Logs) FeedOf(name string) (fd int, ok bool, err error) {
	f := m.feedOf(name)
	if f == nil {
		return -1, false, nil
	}
	err = f.open()
	return f.r, true, err
}

// pipeRoom is backlog.room for the unit's pipe.
func (l *UnitLog) pipeRoom() int {
	l.pipe.need()
	return l.pipe.room(l, &l.pipeShare, 1, 2)
}

// need makes the pipe, or says once why it cannot.
func (f *feed) need() {
	if err := f.open(); err != nil && f.said == nil {
		f.said = err
		f.logs.Say(MsgWarn, f.what, ": ", err.Error(), ": lines are dropped")
	}
}

// pipeLine gives a line to the service.
func (l *UnitLog) pipeLine(text []byte) {
	f := l.pipe
	f.need()
	f.line(l, &l.pipeShare, "", text, newline)
}
