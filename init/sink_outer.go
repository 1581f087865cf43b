package pid1

import "mote/graph"

// Who makes a unit wait, as a set.
const (
	heldConsole uint8 = 1 << iota
	heldFile
	heldPipe
)

// setOuter sets what is behind a descriptor: the file and the pipe.
func (l *UnitLog) setOuter(sinks []graph.Sink) {
	var file *graph.Sink
	to := ""
	for i := range sinks {
		switch s := &sinks[i]; s.Kind {
		case graph.SinkFile:
			file = s
		case graph.SinkPipe:
			to = s.To
		}
	}
	l.setFile(file)
	l.setPipe(to)
}

// flushSinks gives the sinks what they take at once.
func (l *UnitLog) flushSinks() {
	if l.sinks&toFile != 0 {
		l.logs.files.drain()
	}
	if l.pipe != nil {
		l.pipe.drain()
	}
	l.logs.FlushConsole()
}

// outerRoom gives how many bytes may be read so that file and pipe take the
// lines; at 0 the unit is held.
func (l *UnitLog) outerRoom() int {
	m, room := l.logs, logReadBytes
	if l.sinks&toFile != 0 {
		n := l.fileRoom()
		if n == 0 {
			m.files.flush()
			n = l.fileRoom()
		}
		if n == 0 {
			m.files.hold(l)
		}
		room = min(room, n)
	}
	if l.sinks&toPipe != 0 {
		n := l.pipeRoom()
		if n == 0 {
			l.pipe.flush()
			n = l.pipeRoom()
		}
		if n == 0 {
			l.pipe.hold(l)
		}
		room = min(room, n)
	}
	return room
}

// setHeld notes who makes a unit wait, and tells the loop when the first does
// and when the last no longer does.
func (m *Logs) setHeld(l *UnitLog, by uint8, on bool) {
	was := l.held
	if l.held &^= by; on {
		l.held |= by
	}
	if (was != 0) != (l.held != 0) && m.OnHold != nil {
		m.OnHold(l, on)
	}
}

// Elsewhere says where the unit's lines are besides the ring: in which files,
// and to which service they went; "" is nowhere.
func (l *UnitLog) Elsewhere() string {
	var text string
	if l.sinks&toFile != 0 {
		text = "see " + l.filePath
	}
	if l.pipe != nil {
		if text != "" {
			text += "; "
		}
		text += "piped to " + l.pipe.name
	}
	if text != "" && !l.HasRing() {
		text += "; no ring is kept"
	}
	return text
}

// Put adds a line that did not come through the unit's pipe; flushSinks is to
// follow.
func (l *UnitLog) Put(text []byte) {
	limit := l.lineLimit()
	for len(text) > limit {
		l.line(text[:limit])
		text = text[limit:]
	}
	l.line(text)
}

// takes reports whether the sinks have room for a line. If not the unit is held
// until they do, or are given up.
func (l *UnitLog) takes() bool {
	if l.sinks&toConsole != 0 && l.logs.consoleRoom(l) == 0 {
		l.logs.hold(l)
		return false
	}
	return l.sinks&(toFile|toPipe) == 0 || l.outerRoom() > 0
}
