package pid1

import "golang.org/x/sys/unix"

const (
	spliceBytes = 1 << 20  // asked for at once; a pipe takes what it has room for
	copyBytes   = 16 << 10 // of a buffer, where there is no pipe
	maxSpare    = 16       // empty pipes that are kept for the next bytes
)

// transit is where the bytes of one way are between two sockets: a pipe, through
// which splice(2) moves pages and copies nothing, or else a buffer. It is filled
// when it is empty alone, so that EAGAIN of a fill says that the socket is dry
// and not that the pipe is full. A way has one only while it has bytes.
type transit struct {
	r, w int    // the pipe; -1 = there is none
	buf  []byte // nil = the pipe is used
	at   int    // of buf: where the bytes begin
	n    int    // bytes that wait
}

// takeHold gives an empty one. It is a buffer when splice(2) is of no use here,
// and when pipes would take the descriptors that connections need.
func (p *relay) takeHold() *transit {
	if last := len(p.spare) - 1; last >= 0 {
		h := p.spare[last]
		p.spare = p.spare[:last]
		return h
	}
	h := &transit{r: -1, w: -1}
	var fds [2]int
	if !p.copies && p.pipes < p.maxPipes && unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC) == nil {
		h.r, h.w = fds[0], fds[1]
		p.pipes++
		return h
	}
	h.buf = make([]byte, copyBytes)
	return h
}

// giveHold takes one back; what is still in it is lost.
func (p *relay) giveHold(h *transit) {
	if h.n == 0 && len(p.spare) < maxSpare && (h.buf == nil || p.copies) {
		p.spare = append(p.spare, h)
		return
	}
	p.closePipe(h)
}

func (p *relay) closePipe(h *transit) {
	if h.r >= 0 {
		unix.Close(h.r)
		unix.Close(h.w)
		h.r, h.w = -1, -1
		p.pipes--
	}
}

// toBuffer turns a pipe into a buffer that has its bytes: the kernel cannot
// splice one of these sockets (splice(2), EINVAL), and will not the next time.
// It gives EINTR: once more.
func (p *relay) toBuffer(h *transit) unix.Errno {
	p.copies = true
	h.buf, h.at = make([]byte, max(copyBytes, h.n)), 0
	for got := 0; got < h.n; {
		n, err := failure(unix.Read(h.r, h.buf[got:h.n]))
		if n == 0 && err != unix.EINTR {
			return unix.EIO // the bytes were there: it cannot be
		}
		got += n
	}
	p.closePipe(h)
	return unix.EINTR
}

// fill takes bytes from a socket into an empty transit; 0 is their end.
func (p *relay) fill(h *transit, fd int) (n int, err unix.Errno) {
	for {
		if h.buf == nil {
			n, err = p.splice(fd, h.w, spliceBytes, h)
		} else {
			n, err = failure(unix.Read(fd, h.buf))
		}
		if err != unix.EINTR {
			h.at, h.n = 0, n
			return n, err
		}
	}
}

// drain gives bytes of a transit to a socket, as many as it takes in one call.
func (p *relay) drain(h *transit, fd int) (err unix.Errno) {
	for {
		n := 0
		if h.buf == nil {
			n, err = p.splice(h.r, fd, h.n, h)
		} else {
			n, err = failure(unix.Write(fd, h.buf[h.at:h.at+h.n]))
		}
		if err != unix.EINTR {
			h.at += n
			h.n -= n
			return err
		}
	}
}

// splice is splice(2). Where the kernel cannot do it for one of these files the
// pipe becomes a buffer, and EINTR has the caller come again.
func (p *relay) splice(from, to, size int, h *transit) (int, unix.Errno) {
	n64, e := unix.Splice(from, nil, to, nil, size, unix.SPLICE_F_NONBLOCK)
	n, err := failure(int(n64), e)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP:
		return 0, p.toBuffer(h)
	}
	return n, err
}

// failure is what a call of the kernel gave, as numbers: no bytes and why, or
// the bytes and 0.
func failure(n int, err error) (int, unix.Errno) {
	if e, bad := err.(unix.Errno); bad {
		return 0, e
	}
	return n, 0
}
