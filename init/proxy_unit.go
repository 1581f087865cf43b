package pid1

import (
	"bytes"

	"golang.org/x/sys/unix"

	"mote/graph/line"
	"mote/proc"
)

const (
	askPause = int64(1e9)       // between two questions
	askLimit = int64(5 * 60e9)  // for an answer
	askBytes = line.MaxLine + 1 // of one line of an answer
)

// unitAsk is what the init was asked for the backend's unit: one request on a
// connection of its own, and its answer, which may take as long as the start.
type unitAsk struct {
	verb      string // that is to be answered; empty = none
	fd        int    // of the connection; -1 = none yet
	in        []byte // of a line that is not whole
	since     int64
	notBefore int64 // of the next question: a client must not keep the init busy
	up        bool  // the start was answered with ok
}

// question asks the init, unless it is being asked.
func (p *relay) question(verb string) {
	if p.ask.verb != "" {
		return
	}
	p.ask.verb, p.ask.since = verb, p.now
	if verb == "stop" {
		p.ask.notBefore = 0
	}
	p.soon()
	p.lookAfterQuestion()
}

// lookAfterQuestion sends what has not been sent, and gives up in the end.
func (p *relay) lookAfterQuestion() {
	a := &p.ask
	switch {
	case a.verb == "":
	case p.now-a.since >= askLimit:
		p.answered(false, "no answer of the init for 5m")
	case a.fd < 0 && p.now >= a.notBefore:
		a.notBefore = p.now + askPause
		if err := p.sendQuestion(); err != nil && err != unix.EAGAIN {
			p.answered(false, "cannot ask the init at "+p.ctl+": "+err.Error())
		}
	}
}

// sendQuestion connects to the init and writes the request. A full queue is
// EAGAIN at once (connect(2) on a Unix socket), and tried again.
func (p *relay) sendQuestion() error {
	fd, err := connectUnix(unix.SOCK_STREAM, p.ctl)
	if err != nil {
		return err
	}
	// It is the first on an empty socket and goes in as one.
	if _, err = unix.Write(fd, append(line.Append(nil, p.ask.verb, p.o.unit), '\n')); err == nil {
		err = p.poll.Add(fd, unix.EPOLLIN, tokProxyInit)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	p.ask.fd = fd
	return nil
}

// connectUnix gives a socket that never blocks, connected to a name.
func connectUnix(kind int, name string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err = unix.Connect(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// readAnswer takes what the init says, until a line that begins with ok or err.
func (p *relay) readAnswer() {
	a := &p.ask
	if a.fd < 0 {
		return
	}
	var buf [1 << 10]byte
	n, err := failure(unix.Read(a.fd, buf[:]))
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if n == 0 {
		p.answered(false, "the init closed the connection before its answer")
		return
	}
	a.in = append(a.in, buf[:n]...)
	for a.fd >= 0 {
		i := bytes.IndexByte(a.in, '\n')
		if i < 0 && len(a.in) <= askBytes {
			return // the rest of the line comes
		}
		var words []string
		if i >= 0 {
			words, _ = line.Words(nil, string(a.in[:i]))
			a.in = a.in[:copy(a.in, a.in[i+1:])]
		}
		switch {
		case len(words) == 0:
			p.answered(false, "cannot read the answer: is mote at "+p.ctl+"?")
		case words[0] == "ok":
			p.answered(true, "")
		case words[0] == "err":
			p.answered(false, words[len(words)-1])
		}
	}
}

// answered ends the question. Without the unit nobody is kept waiting.
func (p *relay) answered(ok bool, text string) {
	a := &p.ask
	verb := a.verb
	p.closeQuestion()
	if verb == "stop" {
		if !ok {
			complain("proxy: stop " + p.o.unit + ": " + text)
		}
		p.done = true
		return
	}
	if a.up = ok; ok {
		p.pause = minPause
		p.retryAt = p.now
		return
	}
	a.notBefore = p.now + askPause
	for _, c := range p.pairs {
		if c.state == pairWaiting {
			p.fail(c, "start "+p.o.unit+": "+text)
		}
	}
}

func (p *relay) closeQuestion() {
	a := &p.ask
	if a.fd >= 0 {
		p.poll.Remove(a.fd)
		unix.Close(a.fd)
	}
	a.fd, a.verb, a.in = -1, "", nil
}

// controlSocket is where the init that started this process answers.
func controlSocket() string {
	return proc.SocketPath(unix.Getuid(), func(name string) string { v, _ := unix.Getenv(name); return v })
}
