package ctl

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph/line"
)

const (
	// idleLimit is how long a verb that only reads waits for the next byte.
	idleLimit = 10 * time.Second
	idleWord  = "10s"
	// maxReplyBytes bounds what one answer may make the client hold; 65,536
	// units with a thousand bytes each are as much.
	maxReplyBytes = 64 << 20
	// maxSunPath is the room for a path in a sockaddr_un, less its NUL (unix(7)).
	maxSunPath = 107
)

// maxReplyLine bounds one line of an answer: a unit may name 65,536 others in
// each of several lists, with up to 64 bytes. A variable for the test alone.
var maxReplyLine = 16 << 20

// conn is the connection to the init. A nil conn may be closed.
type conn struct {
	fd       int
	path     string
	buf      []byte // what was read and is not used up yet
	from     int    // where in buf the next line begins
	bytes    int    // read in all
	deadline time.Time
	words    []string
	request  []byte
}

func (k *conn) close() {
	if k != nil && k.fd >= 0 {
		unix.Close(k.fd)
		k.fd = -1
	}
}

// connect reaches the init's socket. A full queue (EAGAIN: a hundred clients
// at once) is tried again until the time is up, since connect(2) on a
// non-blocking Unix socket cannot be waited for.
func (c *client) connect() *failure {
	path, named, err := c.socketPath()
	if err != nil {
		return err
	}
	if len(path) > maxSunPath {
		return fail(Usage, "socket "+quote(path)+" has "+strconv.Itoa(len(path))+" bytes, the limit is "+strconv.Itoa(maxSunPath))
	}
	fd, e := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if e != nil {
		return fail(Failed, "cannot make a socket: "+e.Error())
	}
	c.conn = &conn{fd: fd, path: path}
	start := time.Now()
	if c.timeout > 0 {
		c.conn.deadline = start.Add(c.timeout)
	}
	giveUp := start.Add(idleLimit)
	for pause := 1; ; pause = min(pause*2, 20) {
		e = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		switch e {
		case nil:
			return nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			now := time.Now()
			if d := c.conn.deadline; !d.IsZero() && now.After(d) {
				return c.timedOut()
			}
			if c.timeout == 0 && now.After(giveUp) {
				return fail(TimedOut, "cannot connect to "+path+": its queue has been full for "+idleWord)
			}
			unix.Poll(nil, pause)
			continue
		}
		return connectFailure(path, named, e)
	}
}

// connectFailure says why nobody was reached: exit status 1 when it was not
// allowed, else 5.
func connectFailure(path string, named bool, e error) *failure {
	text := "cannot connect to " + path + ": " + e.Error()
	if e == unix.EACCES || e == unix.EPERM {
		return fail(Failed, text+": become root, or join the group of option ctl-group")
	}
	if named {
		return fail(NoInit, text+": is mote running there?")
	}
	return fail(NoInit, text+": is mote running? name its socket with -s or MOTE_SOCKET")
}

func (c *client) timedOut() *failure {
	return fail(TimedOut, "timed out after "+c.within)
}

// ask sends one request and hands each data line of the reply to data, whose
// words are valid until it returns. Notes, warnings and stopped dependents
// are dealt with here; data sees "stopped" too.
func (c *client) ask(request []string, data func(words []string) *failure) *failure {
	if err := c.send(request); err != nil {
		return err
	}
	for {
		words, end, err := c.next()
		if err != nil || end {
			return err
		}
		switch words[0] {
		case "note":
			c.note(words)
			continue
		case "warn":
			if len(words) > 1 {
				c.out.flush()
				c.complain(words[1])
			}
			continue
		case "stopped":
			if len(words) > 1 {
				c.gone = append(c.gone, words[1])
			}
		}
		if data != nil {
			if err := data(words); err != nil {
				return err
			}
		}
	}
}

func (c *client) note(words []string) {
	if len(words) < 2 {
		return
	}
	if c.json {
		c.notes = append(c.notes, words[1])
		return
	}
	c.out.text(c.term, words[1])
	c.out.newline()
}

// send writes the request. That the peer has hung up is not an error yet: it
// may have said why.
func (c *client) send(request []string) *failure {
	k := c.conn
	k.request = appendLine(k.request[:0], request...)
	if len(k.request)-1 > line.MaxLine {
		return fail(Usage, c.verb.name+": the request has "+strconv.Itoa(len(k.request))+" bytes, the limit is "+strconv.Itoa(line.MaxLine))
	}
	for b := k.request; len(b) > 0; {
		n, err := unix.Write(k.fd, b)
		switch err {
		case nil:
			b = b[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			if err := c.await(unix.POLLOUT, false); err != nil {
				return err
			}
		case unix.EPIPE, unix.ECONNRESET:
			return nil
		default:
			return fail(Failed, "cannot write to "+k.path+": "+err.Error())
		}
	}
	return nil
}

// endless reports whether the reply may rightly be silent for any time.
func (c *client) endless() bool {
	waits := c.verb.waits && (c.verb.name != "reload" || len(c.args) > 0) // it is the unit that takes its time
	return waits && !c.noWait || c.follow
}

// next gives the next line of the reply, decoded; end says that it was the
// last. Before it waits, what was gathered for stdout is written if the reply
// is one that comes piece by piece.
func (c *client) next() (words []string, end bool, err *failure) {
	k := c.conn
	seen := 0 // bytes after from that hold no newline
	for {
		i := bytes.IndexByte(k.buf[k.from+seen:], '\n')
		if i >= 0 && seen+i <= maxReplyLine {
			text := string(k.buf[k.from : k.from+seen+i])
			k.from += seen + i + 1
			words, end, err = decodeReply(k.words[:0], text)
			if err == nil {
				k.words = words
			}
			return words, end, err
		}
		seen = len(k.buf) - k.from
		if i >= 0 || seen > maxReplyLine {
			return nil, true, fail(Failed, "cannot read the reply: a line has over "+strconv.Itoa(maxReplyLine)+" bytes: is mote at this socket?")
		}
		if err := c.fill(); err != nil {
			return nil, true, err
		}
	}
}

// fill waits for bytes of the reply and reads what there is.
func (c *client) fill() *failure {
	k := c.conn
	if k.from > 0 {
		k.buf = k.buf[:copy(k.buf, k.buf[k.from:])]
		k.from = 0
	}
	if cap(k.buf)-len(k.buf) < 4<<10 {
		grown := make([]byte, len(k.buf), max(16<<10, 2*cap(k.buf)))
		k.buf = grown[:copy(grown, k.buf)]
	}
	for {
		if err := c.await(unix.POLLIN, c.endless()); err != nil {
			return err
		}
		n, err := unix.Read(k.fd, k.buf[len(k.buf):cap(k.buf)])
		switch {
		case err == unix.EINTR || err == unix.EAGAIN:
			continue
		case err == unix.ECONNRESET || err == nil && n == 0:
			return fail(NoInit, "the init closed the connection at "+k.path+" before it had answered")
		case err != nil:
			return fail(Failed, "cannot read from "+k.path+": "+err.Error())
		}
		k.buf = k.buf[:len(k.buf)+n]
		if k.bytes += n; k.bytes > maxReplyBytes && !c.streams() {
			return fail(Failed, "cannot read the reply: over "+strconv.Itoa(maxReplyBytes>>20)+" MiB: is mote at this socket?")
		}
		return nil
	}
}

// streams reports whether the reply is shown as it comes and nothing is kept.
func (c *client) streams() bool {
	return c.verb.name == "logs" || c.verb.name == "events"
}

// errGone ends a stream whose reader has gone; run makes it a quiet end.
var errGone = &failure{code: OK}

// await waits until the socket is ready, the time is up, or the reader of a
// stream has gone.
func (c *client) await(events int16, endless bool) *failure {
	k := c.conn
	fds := []unix.PollFd{{Fd: int32(k.fd), Events: events}}
	if c.streams() {
		c.out.flush()
		if c.out.gone || c.out.err != nil {
			return errGone
		}
		// No events asked for: POLLERR and POLLHUP are always told (poll(2)).
		fds = append(fds, unix.PollFd{Fd: int32(c.out.fd)})
	}
	start := time.Now()
	for {
		limit, late := k.deadline, c.timedOut
		if limit.IsZero() && !endless {
			limit, late = start.Add(idleLimit), noAnswer
		}
		ms := -1
		if !limit.IsZero() {
			left := time.Until(limit)
			if left <= 0 {
				return late()
			}
			ms = int(min(left/time.Millisecond+1, 1<<30))
		}
		n, err := unix.Poll(fds, ms)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fail(Failed, "cannot wait for "+k.path+": "+err.Error())
		case n > 0 && fds[0].Revents != 0:
			return nil
		case n > 0: // only stdout has something to tell: its reader has gone
			return errGone
		}
	}
}

func noAnswer() *failure {
	return fail(TimedOut, "no answer for "+idleWord+": the init is busy or hangs")
}
