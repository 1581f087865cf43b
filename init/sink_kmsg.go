package pid1

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// kmsgBytes bounds one record: the kernel refuses one over its own limit
// (kernel/printk/printk.c, devkmsg_write; 992 bytes in the oldest we run on).
const kmsgBytes = 900

// The priorities of records: facility daemon (3) with a severity of syslog(3).
const (
	kmsgWarn  = 3<<3 | 4
	kmsgInfo  = 3<<3 | 6
	kmsgDebug = 3<<3 | 7
)

// kmsgRetry is how long a missing /dev/kmsg is not tried again.
const kmsgRetry = graph.Instant(time.Second)

// kmsgSink writes lines to the kernel's log, one record each, and keeps
// nothing: a line that the kernel does not take is lost and counted. The
// kernel itself rations writers unless /proc/sys/kernel/printk_devkmsg says
// "on"; what it leaves out that way it reports there, not to us.
type kmsgSink struct {
	fd    int           // -1 = not open
	retry graph.Instant // no open before this
	err   error         // of the last open or write, to be said once
	said  bool
	lost  uint64
	took  bool // a write succeeded after a loss: time to report it
	buf   [kmsgBytes]byte
}

// SetKmsg gives the descriptor of the kernel's log, which then is Logs' own.
// Without it /dev/kmsg is opened at the first line that needs it.
func (m *Logs) SetKmsg(fd int) {
	if m.kmsg.fd >= 0 {
		unix.Close(m.kmsg.fd)
	}
	m.kmsg.fd, m.kmsg.retry = fd, 0
}

// ready reports whether there is a kernel log to write to, and opens it.
func (k *kmsgSink) ready(now graph.Instant) bool {
	if k.fd >= 0 {
		return true
	}
	if now < k.retry {
		return false
	}
	fd, err := unix.Open("/dev/kmsg", unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		k.retry, k.err = now+kmsgRetry, err
		return false
	}
	k.fd = fd
	return true
}

// line writes "<prio>name[pid]: text" in one write, cut with "..." where it
// is too long (/dev/kmsg, Documentation/ABI/testing/dev-kmsg). The newline
// ends the record: without it the kernel keeps it back, for a continuation,
// until somebody else logs.
func (k *kmsgSink) line(prio uint8, name string, pid int, text []byte, now graph.Instant) {
	if !k.ready(now) {
		k.lost++
		return
	}
	b := append(k.buf[:0], '<')
	b = strconv.AppendUint(b, uint64(prio), 10)
	b = append(b, '>')
	b = append(b, name...)
	if pid > 0 {
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(pid), 10)
		b = append(b, ']')
	}
	b = append(b, ": "...)
	const cut = "..."
	b, whole := appendClean(b, text, kmsgBytes-len(b)-len(cut)-1)
	if !whole {
		b = append(b, cut...)
	}
	b = append(b, '\n')
	for {
		_, err := unix.Write(k.fd, b)
		switch err {
		case unix.EINTR:
			continue
		case nil:
			k.took = k.lost > 0
		default:
			k.lost, k.err = k.lost+1, err
		}
		return
	}
}
