package pid1

import (
	"strconv"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// sinkSocket is the kernel's buffer between the init and the child that writes
// the files; the kernel doubles it (socket(7), SO_SNDBUF).
const sinkSocket = 64 << 10

// stampBytes is the length of what appendStamp adds.
const stampBytes = len("2006-01-02T15:04:05.000Z ")

// fileHead begins each message to the child: where its lines go. A message
// says all, so that a child that is started anew has to be told nothing.
func fileHead(s *graph.Sink) string {
	return strconv.Itoa(s.SizeBytes) + " " + strconv.Itoa(s.Files) + " " + s.Path + "\n"
}

// setFile sets or takes away the file of a unit; nil is none.
func (l *UnitLog) setFile(s *graph.Sink) {
	l.fileHead, l.stamp = "", false
	if s == nil {
		l.logs.files.release(l)
		return
	}
	l.fileHead, l.filePath, l.stamp = fileHead(s), s.Path, s.Stamp
	if s.Files > 1 {
		l.filePath += " and " + s.Path + ".1"
	}
	if s.Files > 2 {
		l.filePath += " to ." + strconv.Itoa(s.Files-1)
	}
}

// fileRoom is backlog.room for the unit's file.
func (l *UnitLog) fileRoom() int {
	l.logs.openFiles()
	perByte := 1
	if l.stamp {
		perByte += stampBytes
	}
	return l.logs.files.room(l, &l.fileShare, perByte, 9*(4+len(l.fileHead)))
}

// fileLine gives a line to the child.
func (l *UnitLog) fileLine(text []byte) {
	m := l.logs
	b := &m.files
	m.openFiles()
	var stamp []byte
	if l.stamp {
		m.stamp = appendStamp(m.stamp[:0], m.wallNs)
		stamp = m.stamp
	}
	b.line(l, &l.fileShare, l.fileHead, stamp, text, newline)
}

// openFiles makes sure that there is a socket to the child, if there can be.
func (m *Logs) openFiles() {
	if m.files.fd < 0 && m.OnFile != nil {
		m.files.fd = m.OnFile()
	}
}

var newline = []byte{'\n'}

// fileSocket makes the socket between init and child: messages, so that one is
// taken as a whole or not at all. The init keeps both ends: what a child has
// not taken waits for the next one.
func fileSocket() (ours, theirs int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, err
	}
	unix.SetsockoptInt(p[0], unix.SOL_SOCKET, unix.SO_SNDBUF, sinkSocket)
	return p[0], p[1], nil
}

// appendStamp adds the time in UTC as in RFC 3339, with milliseconds and a
// blank. The days become a date as in H. Hinnant's "chrono-compatible
// low-level date algorithms", with years that begin in March.
func appendStamp(dst []byte, wallNs int64) []byte {
	ms := max(wallNs, 0) / 1e6
	day, ms := ms/86400e3, ms%86400e3
	day += 719468 // from 0000-03-01 to 1970-01-01
	era, doe := day/146097, day%146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	month, year := (5*doy+2)/153, yoe+400*era
	dom := doy - (153*month+2)/5 + 1
	if month += 3; month > 12 {
		month, year = month-12, year+1
	}
	number := func(n int64, width int, end byte) {
		for div := int64(pow10[width-1]); div > 0; div /= 10 {
			dst = append(dst, byte('0'+n/div%10))
		}
		dst = append(dst, end)
	}
	number(year, 4, '-')
	number(month, 2, '-')
	number(dom, 2, 'T')
	number(ms/3600e3, 2, ':')
	number(ms/60e3%60, 2, ':')
	number(ms/1e3%60, 2, '.')
	number(ms%1e3, 3, 'Z')
	return append(dst, ' ')
}

var pow10 = [...]int64{1, 10, 100, 1000}
