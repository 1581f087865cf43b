package proc

import "golang.org/x/sys/unix"

// pollBatch bounds the events of one Wait. What is left stays ready in the
// kernel and comes with the next call.
const pollBatch = 128

// Ready is one event: the kernel's EPOLL bits and the token given to Add.
type Ready struct {
	Events uint32
	Token  uint64
}

// Poll is one epoll set, level triggered unless the events say otherwise.
type Poll struct {
	fd     int
	events [pollBatch]unix.EpollEvent
}

// NewPoll makes an empty set.
func NewPoll() (*Poll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &Poll{fd: fd}, nil
}

// FD is the descriptor of the set itself.
func (p *Poll) FD() int { return p.fd }

// Close gives the set up; the descriptors in it stay open.
func (p *Poll) Close() error { return unix.Close(p.fd) }

func pollEvent(events uint32, token uint64) unix.EpollEvent {
	// The kernel hands the 64 bits back as it got them; Fd and Pad are only
	// their halves.
	return unix.EpollEvent{Events: events, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32))}
}

// Add watches fd for events (EPOLLIN, EPOLLOUT, ...; EPOLLHUP and EPOLLERR
// are always reported). The token comes back in Ready.
func (p *Poll) Add(fd int, events uint32, token uint64) error {
	ev := pollEvent(events, token)
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev)
}

// Modify replaces the events and the token of a watched descriptor.
func (p *Poll) Modify(fd int, events uint32, token uint64) error {
	ev := pollEvent(events, token)
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &ev)
}

// Remove stops watching fd. It must come before fd is closed: a child that
// was forked and has not exec'd yet holds the same open file, and the set
// would go on reporting it (epoll(7), Questions and answers).
func (p *Poll) Remove(fd int) error {
	var ev unix.EpollEvent // kernels before 2.6.9 want one
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, &ev)
}

// Wait blocks, without a time limit, until something is ready, and fills dst.
// It reports 0 when a signal handler interrupted it.
func (p *Poll) Wait(dst []Ready) (int, error) { return p.wait(dst, -1) }

// Peek is Wait that never blocks.
func (p *Poll) Peek(dst []Ready) (int, error) { return p.wait(dst, 0) }

func (p *Poll) wait(dst []Ready, msec int) (int, error) {
	if len(dst) == 0 {
		return 0, unix.EINVAL
	}
	n, err := unix.EpollWait(p.fd, p.events[:min(len(dst), pollBatch)], msec)
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for i := range p.events[:n] {
		ev := &p.events[i]
		dst[i] = Ready{Events: ev.Events, Token: uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32}
	}
	return n, nil
}
