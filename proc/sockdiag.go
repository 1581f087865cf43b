package proc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What sock_diag(7) calls by number (linux/sock_diag.h, linux/inet_diag.h).
const (
	sockDiagByFamily = 20
	diagBytecode     = 1 // INET_DIAG_REQ_BYTECODE
	diagPortFrom     = 2 // INET_DIAG_BC_S_GE
	diagPortTo       = 3 // INET_DIAG_BC_S_LE
)

// maxDiagReads bounds the answer, of 8 KiB each: of the connections to one port.
const maxDiagReads = 64

// diagRequest asks for the sockets of a family that are in some states and whose
// local port is one: a netlink(7) header, an inet_diag_req_v2 and its filter.
type diagRequest struct {
	header   unix.NlMsghdr
	family   uint8
	protocol uint8
	_        [2]uint8
	states   uint32
	_        [48]byte // of one socket
	attr     unix.NlAttr
	filter   [4]struct {
		code, yes uint8
		no        uint16
	}
}

// diagInUse reports whether there is a connection to e. Other than /proc/net/tcp
// the kernel leaves out by itself what is not asked for: on a busy machine there
// are thousands of lines of connections that are over. known is false where the
// kernel does not answer: it may have no module inet_diag.
func diagInUse(e *Endpoint) (used, known bool) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return false, false
	}
	defer unix.Close(fd)
	for _, family := range [...]uint8{unix.AF_INET, unix.AF_INET6} {
		if family == unix.AF_INET6 && !e.V6 {
			continue
		}
		used, known = diagAsk(fd, family, e)
		if used || !known {
			return used, known
		}
	}
	return false, true
}

func diagAsk(fd int, family uint8, e *Endpoint) (used, known bool) {
	q := diagRequest{family: family, protocol: unix.IPPROTO_TCP, states: 1<<tcpEstablished | 1<<tcpSynReceived | 1<<tcpCloseWait}
	q.header = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(q)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST | unix.NLM_F_DUMP}
	q.attr = unix.NlAttr{Len: uint16(unsafe.Sizeof(q.attr) + unsafe.Sizeof(q.filter)), Type: diagBytecode}
	// yes: how far the next one is; no: behind the end, which refuses.
	f := &q.filter
	f[0].code, f[0].yes, f[0].no, f[1].no = diagPortFrom, 8, 20, e.Port
	f[2].code, f[2].yes, f[2].no, f[3].no = diagPortTo, 8, 12, e.Port
	if _, err := unix.Write(fd, unsafe.Slice((*byte)(unsafe.Pointer(&q)), unsafe.Sizeof(q))); err != nil {
		return false, false
	}
	buf := theTable.buf[:]
	for range maxDiagReads {
		n, err := 0, error(nil)
		err = uninterrupted(func() error {
			n, err = unix.Read(fd, buf)
			return err
		})
		if err != nil || n < unix.SizeofNlMsghdr {
			return false, false
		}
		used, over, ok := diagAnswer(buf[:n], e)
		if used || over || !ok {
			return used, ok
		}
	}
	return true, true // thousands: that is use enough
}

// diagAnswer looks through the messages of one read.
func diagAnswer(b []byte, e *Endpoint) (used, over, ok bool) {
	const head = unix.SizeofNlMsghdr
	for len(b) >= head {
		h := (*unix.NlMsghdr)(unsafe.Pointer(&b[0]))
		size := int(h.Len)
		switch {
		case size < head || size > len(b) || h.Type == unix.NLMSG_ERROR:
			return false, false, false
		case h.Type == unix.NLMSG_DONE:
			return false, true, true
		case h.Type == sockDiagByFamily && size >= head+24: // inet_diag_msg, as far as its source
			m := b[head:]
			l := inetLine{ip: mappedIPv4, port: uint16(m[4])<<8 | uint16(m[5])}
			if m[0] == unix.AF_INET6 {
				copy(l.ip[:], m[8:24])
			} else {
				copy(l.ip[12:], m[8:12])
			}
			if e.meets(&l) {
				return true, true, true
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return false, false, true
}
