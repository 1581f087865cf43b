package pid1

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"mote/proc"
)

// syslogDatagram is the longest message that is read whole; the rest of a
// longer one is lost, as syslogd does it too (RFC 5424 section 6.1 asks for 2048).
const syslogDatagram = 8 << 10

// syslogChild is "mote log syslog": it takes datagrams from the socket on 0 and
// sends lines to the init on 1. What comes is from anybody; all reading of it is
// done here and not in PID 1.
type syslogChild struct {
	out  []byte // a message for the init, of whole lines
	head []byte // of each line: PID SID UID
	text []byte
	line []byte
	sid  int // the last session that was asked for, and what above gave
	top  int
}

// syslogForInit works until the socket is shut down or the init is gone. It
// sends when nothing more is there, or a message is full.
func syslogForInit() int {
	var c syslogChild
	buf := make([]byte, syslogDatagram)
	for trimmed := false; ; {
		n, pid, uid, ok := proc.Receive(0, buf, len(c.out) == 0)
		if ok {
			c.datagram(pid, uid, buf[:n])
			continue
		}
		if len(c.out) == 0 {
			return 0
		}
		c.send()
		if !trimmed {
			trimmed = true
			proc.Trim(false)
		}
	}
}

// send waits for the init, which is how a flood is slowed.
func (c *syslogChild) send() {
	for len(c.out) > 0 {
		_, err := unix.SendmsgN(1, c.out, nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			unix.Exit(0) // the init is gone
		}
		c.out = c.out[:0]
	}
}

// datagram makes lines of a message. The session is asked for at once: a
// process such as logger(1) soon is no more.
func (c *syslogChild) datagram(pid int, uid uint32, msg []byte) {
	sid := 0
	if pid > 0 {
		if n, err := unix.Getsid(pid); err == nil {
			sid = c.above(n)
		}
	}
	c.head = strconv.AppendInt(c.head[:0], int64(pid), 10)
	c.head = strconv.AppendInt(append(c.head, ' '), int64(sid), 10)
	c.head = append(strconv.AppendUint(append(c.head, ' '), uint64(uid), 10), ' ')
	var tag []byte
	tag, msg = syslogHeader(c.text[:0], msg)
	c.text = tag
	for {
		text, rest, more := bytes.Cut(msg, newline)
		c.text = append(c.text[:len(tag)], text...)
		c.put(trimEnd(c.text))
		if msg = rest; !more {
			return
		}
	}
}

// above gives the session of the init's child that the leader of a session is, or
// is below: a login has a session of its own, and is its server's. The session
// itself is given where its leader is gone or below no child.
func (c *syslogChild) above(sid int) int {
	if sid == c.sid {
		return c.top
	}
	c.sid, c.top = sid, sid
	if child := proc.Under(sid, unix.Getppid()); child > 0 {
		if n, err := unix.Getsid(child); err == nil {
			c.top = n
		}
	}
	return c.top
}

// trimEnd takes off what some senders end a message with.
func trimEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\r' || b[len(b)-1] == 0) {
		b = b[:len(b)-1]
	}
	return b
}

// put adds a text as one line, or several if it is longer than a log takes.
func (c *syslogChild) put(text []byte) {
	for len(text) > 0 {
		c.line = c.line[:0]
		for len(text) > 0 {
			n, plain := cleanStep(text)
			need := n
			if !plain {
				need = 4 * n
			}
			if len(c.line)+need > maxLineBytes {
				break
			}
			c.line, _ = appendClean(c.line, text[:n], need)
			text = text[n:]
		}
		if len(c.out)+len(c.head)+len(c.line)+1 > sinkBatch {
			c.send()
		}
		c.out = append(append(append(c.out, c.head...), c.line...), '\n')
	}
}

// syslogHeader takes the priority and the header off a message: the time of RFC
// 3164 section 4.1.2, or all of RFC 5424 section 6.2 and 6.3 but the name and the
// number of the program, which are added to tag as RFC 3164 has them.
func syslogHeader(tag, m []byte) (newTag, msg []byte) {
	m = m[priorityLen(m):]
	if len(m) > 2 && m[0] == '1' && m[1] == ' ' {
		if t, msg, ok := newHeader(tag, m[2:]); ok {
			return t, msg
		}
	}
	const shape = "Aaa 99 99:99:99 "
	if len(m) < len(shape) {
		return tag, m
	}
	for i := range len(shape) {
		c, digit := m[i], m[i] >= '0' && m[i] <= '9'
		switch shape[i] {
		case 'A', 'a':
			if c|0x20 < 'a' || c|0x20 > 'z' {
				return tag, m
			}
		case '9':
			if !digit && (i != 4 || c != ' ') {
				return tag, m
			}
		default:
			if c != shape[i] {
				return tag, m
			}
		}
	}
	return tag, m[len(shape):]
}

// priorityLen gives the length of "<PRI>", 0 if a message has none.
func priorityLen(m []byte) int {
	if len(m) == 0 || m[0] != '<' {
		return 0
	}
	for i := 1; i < len(m) && i < 5; i++ {
		switch c := m[i]; {
		case c == '>' && i > 1:
			return i + 1
		case c < '0' || c > '9':
			return 0
		}
	}
	return 0
}

// newHeader reads what is behind "<PRI>1 " (RFC 5424): TIMESTAMP HOSTNAME
// APP-NAME PROCID MSGID STRUCTURED-DATA [MSG], each "-" if it is not known.
func newHeader(tag, m []byte) (newTag, msg []byte, ok bool) {
	if m[0] != '-' && (m[0] < '0' || m[0] > '9') {
		return tag, m, false
	}
	var field [5][]byte
	for i := range field {
		var more bool
		if field[i], m, more = bytes.Cut(m, []byte{' '}); !more || len(field[i]) == 0 {
			return tag, m, false
		}
	}
	n, ok := dataLen(m)
	if !ok {
		return tag, m, false
	}
	if m = m[n:]; len(m) > 0 && m[0] == ' ' {
		m = m[1:]
	}
	if len(m) >= 3 && string(m[:3]) == "\ufeff" { // the mark of UTF-8
		m = m[3:]
	}
	if app := field[2]; string(app) != "-" {
		tag = append(tag, app...)
		if id := field[3]; string(id) != "-" {
			tag = append(append(append(tag, '['), id...), ']')
		}
		tag = append(tag, ": "...)
	}
	return tag, m, true
}

// dataLen gives the length of STRUCTURED-DATA, in whose values \ takes a
// meaning from what follows it.
func dataLen(m []byte) (n int, ok bool) {
	if len(m) > 0 && m[0] == '-' {
		return 1, true
	}
	quoted, open := false, false
	for i := 0; i < len(m); i++ {
		switch c := m[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' && !open:
			open = true
		case c == ']' && open:
			if open = false; i+1 == len(m) || m[i+1] != '[' {
				return i + 1, true
			}
		case !open:
			return 0, false
		}
	}
	return 0, false
}
