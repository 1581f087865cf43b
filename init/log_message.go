package pid1

import "strconv"

// OwnLogName is the unit name that the init's own messages stand under.
const OwnLogName = "mote"

// MsgLevel is how much a message of the init matters.
type MsgLevel uint8

const (
	MsgDebug MsgLevel = iota // kept and shown only with mote.log=debug
	MsgInfo                  // kept; shown unless mote.log=quiet
	MsgWarn                  // kept and always shown
)

// ParseMsgLevel gives the least level to show for a word of mote.log=.
func ParseMsgLevel(word string) (MsgLevel, bool) {
	switch word {
	case "debug":
		return MsgDebug, true
	case "info":
		return MsgInfo, true
	case "quiet":
		return MsgWarn, true
	}
	return MsgInfo, false
}

// SetOwn says from which level on, and where besides its ring, the init's own
// messages are shown. The console is stderr in the roles that have no other.
func (m *Logs) SetOwn(level MsgLevel, console, kmsg bool) {
	m.level, m.ownSinks = level, 0
	if console {
		m.ownSinks |= toConsole
	}
	if kmsg {
		m.ownSinks |= toKmsg
	}
}

// Own is the log of the init's own messages.
func (m *Logs) Own() *UnitLog { return m.own }

// Say logs a message of the init: its parts make one text, of one line or more.
func (m *Logs) Say(level MsgLevel, parts ...string) {
	if level == MsgDebug && m.level != MsgDebug {
		return
	}
	l := m.own
	l.sinks = toRing
	if level >= m.level {
		l.sinks |= m.ownSinks
	}
	l.prio = [...]uint8{kmsgDebug, kmsgInfo, kmsgWarn}[level]
	m.msg = m.msg[:0]
	for _, p := range parts {
		m.msg = append(m.msg, p...)
	}
	l.Feed(m.msg)
	l.flush()
	if cap(m.msg) > maxLineBytes {
		m.msg = nil // a stack trace, say
	}
	m.FlushConsole()
}

// notices reports what sinks lost, once they work again. It says each thing
// once, so a report that is lost itself makes no other.
func (m *Logs) notices() {
	if c := &m.console; c.took && c.lost > 0 && c.buffered() <= consoleLow {
		n := c.lost
		c.lost, c.took = 0, false
		m.Say(MsgWarn, "console: ", lineCount(n), " dropped: it did not take them in time")
	}
	k := &m.kmsg
	if k.took && k.lost > 0 {
		n := k.lost
		k.lost, k.took, k.said = 0, false, false
		m.Say(MsgWarn, "kmsg: ", lineCount(n), " dropped: the kernel did not take them")
	}
	if k.err != nil && !k.said {
		err := k.err
		k.err, k.said = nil, true
		m.Say(MsgWarn, "kmsg: cannot write to /dev/kmsg: ", err.Error(), ": lines are in the ring only")
	}
	m.sayMemory()
	if m.spaceErr != nil && !m.spaceSaid {
		m.spaceSaid = true
		m.Say(MsgWarn, "no room for a log ring: ", m.spaceErr.Error(), ": write smaller sizes in log ring")
	}
}

// lineCount gives "1 line" or "N lines".
func lineCount(n uint64) string {
	if n == 1 {
		return "1 line"
	}
	return strconv.FormatUint(n, 10) + " lines"
}
