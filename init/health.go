package pid1

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// health is what the loop keeps of a unit that is checked (SPEC H1): the check
// that is under way, and what the last ones have found. No check takes more than
// one descriptor or one process, and no unit has more than one check.
type health struct {
	gen   uint64        // of the check under way; 0 = none
	began graph.Instant // when it was begun
	fd    int32         // its connection; 0 = none
	pid   int32         // its process, or that of an earlier one that has not ended yet; 0 = none

	of      *graph.Health // what request is made of
	request []byte        // of http: what is sent; empty asks for the connection alone
	sent    int           // of it
	reading bool          // all was sent
	answer  []byte        // what has come; the memory is used again

	at     graph.Instant // when the last one was over; 0 = none since the start
	took   graph.Instant
	row    int           // that failed in a row
	blind  bool          // the last one could not be made: that was said
	failed graph.Instant // when the last one that failed was over; 0 = never
	text   string        // what was wrong
}

// The token of a check's connection: the unit in the lower 32 bits, and some of
// its generation, so that an event of an earlier descriptor in the same batch is
// not taken for one of this.
const (
	checkGenShift = 32
	checkGenMask  = 0xffffff
)

// probe begins a check. What can be told at once is told at once; nothing here
// waits.
func (in *Init) probe(e *graph.Effect) {
	k := in.world.Unit(e.Unit).Duties().Health
	h := in.units[e.Unit].health
	if h == nil {
		h = &health{}
		in.units[e.Unit].health = h
	}
	h.gen, h.began = e.Gen, in.now
	switch {
	case k.Kind == graph.HealthExec:
		in.perform(&graph.Effect{Kind: graph.Spawn, Unit: e.Unit, Gen: e.Gen, Role: graph.RoleHealth})
	case k.Kind != graph.HealthUnix:
		in.connect(e.Unit, h, k)
	case k.Path[0] != '@' && proc.OnNetworkOrFuse(k.Path):
		in.tryElsewhere(e.Unit, h, k.Path)
	default:
		in.tried(e.Unit, h, proc.TryUnix(k.Path))
	}
}

// connect begins the connection of a check by tcp or http.
func (in *Init) connect(id graph.ID, h *health, k *graph.Health) {
	fd, errno := proc.DialTCP(k.Addr.IP, k.Addr.V6, k.Addr.Port)
	if errno != 0 {
		in.tried(id, h, errno)
		return
	}
	h.fd, h.sent, h.reading = int32(fd), 0, false
	token := tokHealth | (h.gen&checkGenMask)<<checkGenShift | uint64(id)
	if err := in.poll.Add(fd, unix.EPOLLOUT, token); err != nil {
		in.checked(id, h, err.Error(), true)
		return
	}
	if h.of != k {
		h.of, h.request = k, requestOf(k)
	}
}

// checkReady goes on with a check whose connection is ready.
func (in *Init) checkReady(token uint64) {
	id := graph.ID(uint32(token))
	h := in.units[id].health
	if h == nil || h.fd == 0 || h.gen&checkGenMask != token>>checkGenShift {
		return // closed earlier in this turn
	}
	if h.reading {
		in.readAnswer(id, h)
		return
	}
	if h.sent == 0 {
		if errno := proc.Connected(int(h.fd)); errno != 0 || len(h.request) == 0 {
			in.tried(id, h, errno)
			return
		}
	}
	n, err := unix.SendmsgN(int(h.fd), h.request[h.sent:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if err != nil {
		in.broken(id, h, err)
		return
	}
	if h.sent += n; h.sent == len(h.request) {
		h.reading = true
		in.poll.Modify(int(h.fd), unix.EPOLLIN, tokHealth|token)
	}
}

// readAnswer takes one buffer of what an http server says, until that says
// enough. The core ends a check whose server is slow.
func (in *Init) readAnswer(id graph.ID, h *health) {
	var buf [answerMost]byte
	n, err := unix.Read(int(h.fd), buf[:answerMost-len(h.answer)])
	if err != nil {
		in.broken(id, h, err)
		return
	}
	h.answer = append(h.answer, buf[:n]...)
	if text, over := httpVerdict(h.answer, n == 0); over {
		in.checked(id, h, text, false)
	}
}

// broken takes the error of a connection that was there.
func (in *Init) broken(id graph.ID, h *health, err error) {
	errno, ok := err.(syscall.Errno)
	if !ok {
		errno = unix.EIO
	}
	if errno != unix.EAGAIN && errno != unix.EINTR {
		in.tried(id, h, errno)
	}
}

// tried tells of a check that is over with an errno, or none.
func (in *Init) tried(id graph.ID, h *health, errno syscall.Errno) {
	text := ""
	switch errno {
	case 0:
	case unix.EAGAIN:
		text = "its backlog is full: it accepts nothing"
	default:
		text = errno.Error()
	}
	in.checked(id, h, text, proc.Exhausted(errno))
}

// checked tells the world what a check has found; an empty text is that all is
// well. One that is blind could not be made: it is not the service's fault that
// the init has no descriptor left, and a check that says nothing must not end it.
func (in *Init) checked(id graph.ID, h *health, text string, blind bool) {
	ev := graph.Event{Kind: graph.Probed, Unit: id, Gen: h.gen, Text: text}
	in.endCheck(h)
	if !blind {
		in.found(id, h, text)
	} else if ev.Text, ev.Code = "", 1; !h.blind {
		h.blind = true
		in.tellHealth(id, MsgWarn, "cannot check: "+text)
	}
	in.apply(ev)
}

// found remembers what a check has found, and logs what changes by it: that one
// failed, and that one passes again.
func (in *Init) found(id graph.ID, h *health, text string) {
	h.at, h.took, h.blind = in.now, in.now-h.began, false
	switch {
	case text == "":
		if h.row > 0 {
			in.tellHealth(id, MsgInfo, "passes again after "+strconv.Itoa(h.row)+" that failed")
		}
		h.row = 0
		return
	case h.row == 0:
		in.tellHealth(id, MsgWarn, "failed: "+text)
	}
	h.row++
	h.failed, h.text = in.now, text
}

// tellHealth logs what changes. That a service which starts does not answer yet
// is no news.
func (in *Init) tellHealth(id graph.ID, level MsgLevel, what string) {
	if in.world.State(id) == graph.Starting {
		level = MsgDebug
	}
	in.logs.Say(level, in.name(id), ": health: ", what)
}

// unprobe gives up what is to answer a generation: a check, or reload-exec.
func (in *Init) unprobe(e *graph.Effect) {
	h := in.units[e.Unit].health
	if h == nil || h.gen != e.Gen {
		pid := int(in.units[e.Unit].renew)
		if p := in.procs[pid]; p != nil && p.gen == e.Gen {
			killAll(pid)
		}
		return
	}
	in.endCheck(h)
	if e.Text != "" {
		in.found(e.Unit, h, e.Text)
	}
	if h.pid > 0 {
		killAll(int(h.pid))
	}
}

// endCheck closes what a check has open. A process of it ends by itself, or is
// killed.
func (in *Init) endCheck(h *health) {
	if h.fd > 0 {
		in.poll.Remove(int(h.fd))
		unix.Close(int(h.fd))
	}
	h.fd, h.gen, h.answer = 0, 0, h.answer[:0]
}
