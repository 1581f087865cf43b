package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/proc"
)

// Times of the proxy, in nanoseconds.
const (
	minPause     = int64(10e6)  // before the backend is tried again, doubled each time
	maxPause     = int64(500e6) // up to this
	connectLimit = int64(10e9)  // for a backend that does not take the connection
	drainLimit   = int64(30e9)  // for what is open after TERM
	statusPause  = int64(10e9)  // between two STATUS lines
	sayPause     = int64(10e9)  // between two complaints
)

// Tokens of what is no pair: generation 0.
const (
	tokProxySignal = iota
	tokProxyTimer
	tokProxyInit
	tokProxyListen // the first listener
)

// spareFiles are the descriptors beside those of connections and pipes.
const spareFiles = maxListeners + 16

// relay is the role "mote proxy": it takes connections for a server that cannot
// be handed a socket and passes them on. One thread and one epoll set, as the
// init itself. It holds at most o.max pairs, which have two descriptors each and
// a pipe or a buffer (copyBytes) for each way whose receiver is slower.
type relay struct {
	o         proxyOptions
	poll      *proc.Poll
	sigs      *proc.Signals
	timer     *proc.Timer
	armed     int64 // what the timer is set to
	now       int64
	ready     [64]proc.Ready
	listeners []int
	watching  bool // of the listeners

	pairs    []*pair // by slot
	free     []*pair
	again    []*pair // have more to move
	turned   []*pair // the other of two slices for again
	gen      uint32
	spare    []*transit
	pipes    int
	maxPipes int
	copies   bool // splice(2) is of no use here

	open, waiting int // pairs; of them those that have not reached the backend
	ask           unitAsk
	ctl           string     // the init's socket
	pause         int64      // before the next look at what waits
	lastErr       unix.Errno // of the backend

	// Moments on the clock of now; 0 = none.
	acceptAt, retryAt, idleAt, endAt, statusAt int64

	notify        string // NOTIFY_SOCKET
	statusLast    int64
	sayAt         int64
	total, failed uint64
	moved         [2]uint64 // bytes to the backend, and from it
	slept         bool
	done          bool
}

// Proxy is the role for servers that cannot take a socket; it returns the exit
// status.
func Proxy(args []string) int {
	p := &relay{}
	wrong := p.o.parse(args)
	if wrong != "" {
		complain("proxy: " + wrong)
		return 2
	}
	proc.EnsureStdio(false)
	proc.Lean()
	if p.listeners, wrong = inheritedListeners(); wrong != "" {
		complain("proxy: " + wrong)
		return 1
	}
	p.ctl = controlSocket()
	p.notify, _ = unix.Getenv("NOTIFY_SOCKET")
	p.fit()
	var err error
	if p.sigs, err = proc.OpenSignals(); err == nil {
		if err = p.start(); err == nil {
			err = p.poll.Add(p.sigs.FD(), unix.EPOLLIN, tokProxySignal)
		}
	}
	for err == nil && !p.done {
		err = p.turn(true)
	}
	if err != nil {
		complain("proxy: " + err.Error())
		return 1
	}
	complain("proxy: " + p.counts())
	return 0
}

// fit lowers what there may be to the descriptors that there are. Pipes get
// those that connections do not need.
func (p *relay) fit() {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return
	}
	files := int(min(r.Cur, 1<<20)) - spareFiles
	if room := max(files/2, 1); room < p.o.max {
		complain("proxy: limit nofile has no room for max " + strconv.Itoa(p.o.max) + ": it is " + strconv.Itoa(room) + " now: raise it")
		p.o.max = room
	}
	p.maxPipes = max(0, files/2-p.o.max)
}

// start makes what the loop stands on.
func (p *relay) start() (err error) {
	p.now, p.pause, p.ask.fd = proc.Now(), minPause, -1
	if p.poll, err = proc.NewPoll(); err != nil {
		return err
	}
	if p.timer, err = proc.NewTimer(); err != nil {
		return err
	}
	if err = p.poll.Add(p.timer.FD(), unix.EPOLLIN, tokProxyTimer); err != nil {
		return err
	}
	p.watch()
	p.beIdle()
	p.tell("READY=1\nSTATUS=" + p.counts())
	return nil
}

// turn handles what is ready; with wait it sleeps until something is.
func (p *relay) turn(wait bool) error {
	p.arm()
	if wait && len(p.again) == 0 {
		if !p.slept {
			p.slept = true
			proc.Trim(true)
		}
	} else {
		wait = false
	}
	var n int
	var err error
	if wait {
		n, err = p.poll.Wait(p.ready[:])
	} else {
		n, err = p.poll.Peek(p.ready[:])
	}
	if err != nil {
		return err
	}
	p.now = proc.Now()
	p.again, p.turned = p.turned[:0], p.again
	for _, c := range p.turned {
		if c.queued = false; c.state == pairOpen {
			p.move(c)
		}
	}
	for _, r := range p.ready[:n] {
		p.dispatch(r)
	}
	p.tick()
	return nil
}

func (p *relay) dispatch(r proc.Ready) {
	if gen := uint32(r.Token >> 32); gen != 0 {
		c := p.pairs[uint32(r.Token)>>1]
		if c.gen == gen && c.state != pairFree {
			p.pairEvent(c, int(r.Token&1), r.Events)
		}
		return
	}
	switch r.Token {
	case tokProxySignal:
		p.signals()
	case tokProxyTimer:
		p.timer.Drain()
		p.armed = 0
	case tokProxyInit:
		p.readAnswer()
	default:
		if p.watching {
			p.accept(p.listeners[r.Token-tokProxyListen])
		}
	}
}

// signals takes what was sent. The first wish to end lets what is open finish,
// the second does not.
func (p *relay) signals() {
	for {
		sig, ok := p.sigs.Next()
		if !ok {
			return
		}
		switch unix.Signal(sig.Number) {
		case unix.SIGUSR1:
			complain("proxy: " + p.counts() + ", " + strconv.Itoa(p.open) + " open now")
		case unix.SIGTERM, unix.SIGINT, unix.SIGQUIT:
			p.finish()
		}
	}
}

// finish takes no more connections and ends with the last that is open.
func (p *relay) finish() {
	p.done = p.endAt != 0 || p.ask.verb == "stop" || p.open == 0
	p.endAt = p.now + drainLimit
	p.watch()
}

// tick does what is due.
func (p *relay) tick() {
	if p.acceptAt != 0 && p.now >= p.acceptAt {
		p.acceptAt = 0
		p.watch()
	}
	if p.retryAt != 0 && p.now >= p.retryAt {
		p.sweep()
	}
	if p.idleAt != 0 && p.now >= p.idleAt {
		p.idleAt = 0
		switch {
		case p.o.unit == "":
			p.done = true
		case p.ask.verb != "": // whoever wanted the start has gone: the answer comes first
			p.idleAt = p.now + askPause
		default:
			p.question("stop")
			p.watch() // who comes now waits in the queue, for the next one that is started
		}
	}
	if p.endAt != 0 && (p.open == 0 || p.now >= p.endAt) {
		p.done = true
	}
	if p.statusAt != 0 && p.now >= p.statusAt {
		p.statusAt, p.statusLast = 0, p.now
		p.tell("STATUS=" + p.counts())
	}
}

// sweep looks at all that waits: for the init, and for the backend. The first
// that is refused speaks for the others.
func (p *relay) sweep() {
	p.retryAt = 0
	p.pause = min(2*p.pause, maxPause)
	p.lookAfterQuestion()
	try := true
	for _, c := range p.pairs {
		if p.waiting == 0 {
			break
		}
		if c.state != pairWaiting && c.state != pairConnecting {
			continue
		}
		if c.since != 0 && p.now-c.since >= connectLimit {
			text := "it does not answer"
			if c.state == pairWaiting && p.lastErr != 0 {
				text = p.lastErr.Error()
			}
			p.fail(c, p.o.name+": "+text+", for 10s")
		} else if try && c.state == pairWaiting {
			try = p.begin(c)
		}
	}
	if p.waiting > 0 || p.ask.verb != "" {
		p.soon()
	} else {
		p.pause, p.retryAt = minPause, 0
	}
}

// soon has what waits looked at after the pause.
func (p *relay) soon() {
	if p.retryAt == 0 {
		p.retryAt = p.now + p.pause
	}
}

// beIdle begins the time after which there is no use in going on.
func (p *relay) beIdle() {
	if p.o.idle > 0 {
		p.idleAt = p.now + int64(p.o.idle)
	}
}

// watch looks at the listeners, or not. They are taken out of the set, since one
// that has an error would be told of whatever is asked for (epoll_ctl(2)).
func (p *relay) watch() {
	want := p.open < p.o.max && p.acceptAt == 0 && p.endAt == 0 && p.ask.verb != "stop"
	if want == p.watching {
		return
	}
	p.watching = want
	for i, fd := range p.listeners {
		if !want {
			p.poll.Remove(fd)
		} else if p.poll.Add(fd, unix.EPOLLIN, tokProxyListen+uint64(i)) != nil {
			p.acceptAt = p.now + int64(acceptPause)
		}
	}
	if want && p.acceptAt != 0 {
		p.watch() // memory is short: none is watched until then
	}
}

// arm sets the timer to the next moment, if that is another one.
func (p *relay) arm() {
	next := int64(0)
	for _, at := range [...]int64{p.acceptAt, p.retryAt, p.idleAt, p.endAt, p.statusAt} {
		if at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	if next != p.armed {
		p.armed = next
		p.timer.Arm(next)
	}
}

// changed has the counts told before long.
func (p *relay) changed() {
	if p.notify != "" && p.statusAt == 0 {
		p.statusAt = max(p.now, p.statusLast) + statusPause
	}
}

func (p *relay) counts() string {
	return strconv.FormatUint(p.total, 10) + " connections, " + strconv.FormatUint(p.failed, 10) + " of them failed, " +
		strconv.FormatUint(p.moved[endClient], 10) + " bytes to " + p.o.name + ", " +
		strconv.FormatUint(p.moved[endBackend], 10) + " bytes from it"
}

// tell sends a datagram to the init (sd_notify(3)); one that is lost is no harm.
func (p *relay) tell(text string) {
	if p.notify == "" {
		return
	}
	if fd, err := connectUnix(unix.SOCK_DGRAM, p.notify); err == nil {
		unix.Write(fd, []byte(text))
		unix.Close(fd)
	}
}

// grumble says what went wrong, not more often than every few seconds.
func (p *relay) grumble(text string) {
	if p.now >= p.sayAt {
		p.sayAt = p.now + sayPause
		complain("proxy: " + text)
	}
}
