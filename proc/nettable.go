package proc

import (
	"bytes"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The tables of the network in /proc/net, which are those of the network
// namespace that the init is in (proc_pid_net(5)).

// maxNetTable bounds what is read of one table, in bytes: 7,000 lines of
// /proc/net/tcp, those that wait for their end (TIME_WAIT) included, for which
// the kernel takes 10 to 80 ms. A variable for the test alone.
var maxNetTable = 1 << 20

// States of a line of /proc/net/tcp and udp (include/net/tcp_states.h).
const (
	tcpEstablished = 1
	tcpSynReceived = 3
	tcpClose       = 7 // of udp: not connected
	tcpCloseWait   = 8
	tcpListen      = 10
)

// netTable reads a table line by line.
type netTable struct {
	fd    int
	from  int // buf[from:to] is not used yet
	to    int
	total int
	whole bool // the end was reached
	buf   [8 << 10]byte
}

// theTable is the one table: its memory is used again.
var theTable netTable

// openTable begins with a table, behind its heading.
func openTable(path string) *netTable {
	t := &theTable
	t.from, t.to, t.total, t.whole = 0, 0, 0, false
	fd, err := openFile(path, unix.O_RDONLY)
	if err != nil {
		t.whole = err == unix.ENOENT && path[len(path)-1] == '6' // a kernel without IPv6
		t.fd = -1
		return t
	}
	t.fd = fd
	t.next()
	return t
}

func (t *netTable) close() {
	if t.fd >= 0 {
		unix.Close(t.fd)
	}
}

// next gives a line, nil at the end, or when the bound is reached.
func (t *netTable) next() []byte {
	for t.fd >= 0 {
		if i := bytes.IndexByte(t.buf[t.from:t.to], '\n'); i >= 0 {
			line := t.buf[t.from : t.from+i]
			t.from += i + 1
			return line
		}
		t.to = copy(t.buf[:], t.buf[t.from:t.to])
		if t.from = 0; t.to == len(t.buf) || t.total > maxNetTable {
			return nil
		}
		n, err := unix.Read(t.fd, t.buf[t.to:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			t.whole = err == nil
			return nil
		}
		t.to, t.total = t.to+n, t.total+n
	}
	return nil
}

// field cuts the first word off a line.
func field(line []byte) (word, rest []byte) {
	for len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		return line[:i], line[i:]
	}
	return line, nil
}

// inetLine is what counts of a line of tcp, tcp6, udp or udp6.
type inetLine struct {
	ip    [16]byte // as IPv6 has it: an IPv4 address is mapped (RFC 4291, 2.5.5.2)
	port  uint16
	state uint64
	inode uint64
}

func parseInet(line []byte) (l inetLine, ok bool) {
	_, line = field(line) // sl
	local, line := field(line)
	_, line = field(line) // rem_address
	state, line := field(line)
	for range 5 { // tx_queue:rx_queue tr:tm->when retrnsmt uid timeout
		_, line = field(line)
	}
	inode, _ := field(line)
	cut := bytes.IndexByte(local, ':')
	if cut != 8 && cut != 32 {
		return l, false
	}
	l.ip = mappedIPv4
	for i := 0; i < cut; i += 8 {
		// Each word is as the machine has it in memory.
		n := uint32(hex(local[i : i+8]))
		copy(l.ip[16-(cut-i)/2:], (*[4]byte)(unsafe.Pointer(&n))[:])
	}
	l.port, l.state = uint16(hex(local[cut+1:])), hex(state)
	l.inode, _ = strconv.ParseUint(string(inode), 10, 64)
	return l, true
}

// mappedIPv4 is ::ffff:0:0.
var mappedIPv4 = [16]byte{10: 0xff, 11: 0xff}

func hex(b []byte) uint64 {
	n, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil {
		return 0
	}
	return n
}

func utoa64(n uint64) string { return strconv.FormatUint(n, 10) }

// meets reports whether a socket with the line's address belongs to e.
func (e *Endpoint) meets(l *inetLine) bool {
	if e.Path != "" || e.UDP || e.Port != l.port {
		return false
	}
	if e.any() || e.V6 {
		return e.any() || e.IP == l.ip
	}
	return [12]byte(l.ip[:12]) == [12]byte(mappedIPv4[:12]) && [4]byte(l.ip[12:]) == [4]byte(e.IP[:4])
}

// InUse reports whether anybody has a connection to one of these, one that waits
// to be accepted included. Datagrams leave no trace. Of internet sockets the
// kernel is asked, or its table read where it does not answer; a table that cannot
// be read, or not to its end, is taken as use.
func InUse(ends []Endpoint) bool {
	inet, local := false, false
	for i := range ends {
		if ends[i].Path != "" {
			local = true
		} else if !ends[i].UDP {
			used, known := diagInUse(&ends[i])
			if used {
				return true
			}
			inet = inet || !known
		}
	}
	return inet && (inetInUse("/proc/net/tcp", ends) || inetInUse("/proc/net/tcp6", ends)) ||
		local && unixInUse("/proc/net/unix", ends)
}

func inetInUse(path string, ends []Endpoint) bool {
	t := openTable(path)
	defer t.close()
	for line := t.next(); line != nil; line = t.next() {
		l, ok := parseInet(line)
		if !ok || l.state != tcpEstablished && l.state != tcpSynReceived && l.state != tcpCloseWait {
			continue
		}
		for i := range ends {
			if ends[i].meets(&l) {
				return true
			}
		}
	}
	return !t.whole
}

// unixInUse looks for the server's ends of connections, which have the name of
// the listening socket: states 02 and 03, before and after they were accepted
// (net/unix/af_unix.c, unix_seq_show).
func unixInUse(path string, ends []Endpoint) bool {
	t := openTable(path)
	defer t.close()
	for line := t.next(); line != nil; line = t.next() {
		var state []byte
		for range 6 { // Num RefCount Protocol Flags Type St
			state, line = field(line)
		}
		_, line = field(line) // Inode
		if n := hex(state); n != 2 && n != 3 || len(line) < 2 {
			continue
		}
		for i := range ends {
			if ends[i].Path != "" && string(line[1:]) == ends[i].Path {
				return true
			}
		}
	}
	return !t.whole
}

// maxListeners bounds how many sockets of one port are looked at: SO_REUSEPORT
// lets there be many.
const maxListeners = 64

// Listeners appends the inodes of the sockets that have a port: of TCP those
// that listen, of UDP those that are not connected.
func Listeners(dst []uint64, port uint16) []uint64 {
	e := Endpoint{Port: port} // every address
	dst = InTheWay(dst, &e)
	e.UDP = true
	return InTheWay(dst, &e)
}

// InTheWay is Listeners of those that leave no room for e: they have its protocol
// and port, and its address or all, or e has all.
func InTheWay(dst []uint64, e *Endpoint) []uint64 {
	if e.UDP {
		dst = listeners(dst, "/proc/net/udp", e, tcpClose)
		return listeners(dst, "/proc/net/udp6", e, tcpClose)
	}
	dst = listeners(dst, "/proc/net/tcp", e, tcpListen)
	return listeners(dst, "/proc/net/tcp6", e, tcpListen)
}

// clashes reports whether there is no room for e beside a socket of its protocol.
func (e *Endpoint) clashes(l *inetLine) bool {
	if e.Port != l.port {
		return false
	}
	own := e.IP
	if !e.V6 {
		own = mappedIPv4
		copy(own[12:], e.IP[:4])
	}
	return e.any() || l.ip == own || l.ip == mappedIPv4 || l.ip == [16]byte{}
}

func listeners(dst []uint64, path string, e *Endpoint, state uint64) []uint64 {
	t := openTable(path)
	defer t.close()
	for line := t.next(); line != nil; line = t.next() {
		l, ok := parseInet(line)
		if ok && state == tcpListen && l.state != state {
			break // those that listen come first (net/ipv4/tcp_ipv4.c, tcp_seq_start)
		}
		if ok && l.state == state && e.clashes(&l) {
			if dst = append(dst, l.inode); len(dst) >= maxListeners {
				break
			}
		}
	}
	return dst
}
