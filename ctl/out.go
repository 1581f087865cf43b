package ctl

import (
	"golang.org/x/sys/unix"
)

// flushBytes is how much output is gathered before it is written.
const flushBytes = 32 << 10

// out gathers what goes to stdout, so that a screenful is one write. After a
// reader has gone (EPIPE) it swallows everything and says so in gone: the
// client then ends quietly, as the last part of "motectl logs | head" should.
type out struct {
	fd   int
	buf  []byte
	gone bool
	err  error // the first error that is not EPIPE
}

// raw adds bytes as they are: our own text, or what a pipe may have.
//
//go:noinline
func (o *out) raw(s string) {
	o.buf = append(o.buf, s...)
	if len(o.buf) >= flushBytes {
		o.flush()
	}
}

// text adds text of the init's, sanitised.
//
//go:noinline
func (o *out) text(t term, s string) {
	o.buf = appendSafe(o.buf, s, t.utf8 || !t.tty, false)
}

// bytes adds a line of somebody's output: sanitised for a terminal (tabs are
// kept), else byte for byte.
func (o *out) bytes(t term, s string) {
	if !t.tty {
		o.buf = append(o.buf, s...)
		return
	}
	o.buf = appendSafe(o.buf, s, t.utf8, true)
}

// newline ends a line, and writes if a screenful or two has come together.
//
//go:noinline
func (o *out) newline() { o.raw("\n") }

// json adds one JSON text and ends its line.
//
//go:noinline
func (o *out) json(j *jsonWriter) {
	o.buf = append(o.buf, j.buf...)
	j.buf = j.buf[:0]
	o.newline()
}

// flush writes what was gathered and gives the first error but EPIPE.
func (o *out) flush() error {
	if len(o.buf) > 0 && !o.gone && o.err == nil {
		switch err := writeAll(o.fd, o.buf); err {
		case nil:
		case unix.EPIPE:
			o.gone = true
		default:
			o.err = err
		}
	}
	o.buf = o.buf[:0]
	return o.err
}

// writeAll writes all of b to a descriptor that may be non-blocking. EPIPE
// raises SIGPIPE too, which the Go runtime drops for raw writes.
func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch err {
		case nil:
			b = b[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			if _, err := unix.Poll(p, -1); err != nil && err != unix.EINTR {
				return err
			}
		default:
			return err
		}
	}
	return nil
}
