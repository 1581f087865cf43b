package pid1

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
)

const (
	// logFileMode is that of a new file: what services print may be secret.
	logFileMode = 0o640
	// logFileRetry is how long a file that failed is not tried again.
	logFileRetry = int64(1e9)
	// logFilesOpen bounds the files that the child keeps open.
	logFilesOpen = 128
)

// logFile is one file that lines are added to, and its rotation: PATH is the
// newest, PATH.1 the one before. It is the child's alone; the init never opens
// one. Lines are written as they come, whole: none is split by a rotation or by
// a disk that gets full.
type logFile struct {
	path  string
	limit int64 // bytes after which it is rotated
	files int   // how many there are at most; 1: it begins anew
	say   func(parts ...string)

	fd      int // -1 = closed
	dev     uint64
	ino     uint64
	size    int64
	failing bool
	retry   int64  // ns, CLOCK_MONOTONIC: not tried before
	lost    uint64 // lines, since it fails
}

// put adds whole lines. While the file cannot be written they are dropped and
// counted, which is said once at the beginning and once at the end.
func (f *logFile) put(b []byte, now int64) {
	if f.failing && now < f.retry {
		f.drop(b)
		return
	}
	for first := true; len(b) > 0; {
		if err := f.ready(first); err != nil {
			f.fail(err, b, now)
			return
		}
		first = false
		n := f.fits(b)
		if n == 0 {
			if err := f.rotate(); err != nil {
				f.fail(err, b, now)
				return
			}
			continue
		}
		done, err := f.write(b[:n])
		if b = b[done:]; err != nil {
			f.fail(err, b, now)
			return
		}
	}
	if f.failing {
		f.say(f.path, ": it can be written again: ", lineCount(f.lost), " dropped")
		f.failing, f.lost = false, 0
	}
}

func (f *logFile) drop(b []byte) { f.lost += uint64(bytes.Count(b, newline)) }

func (f *logFile) fail(err error, b []byte, now int64) {
	f.drop(b)
	f.close()
	f.retry = now + logFileRetry
	if !f.failing {
		f.failing = true
		f.say(f.path, ": cannot write: ", err.Error(), ": lines are dropped until it can")
	}
}

func (f *logFile) close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}

// fits gives how many bytes of whole lines the file takes before it is rotated;
// a line that is longer than the limit has a file of its own.
func (f *logFile) fits(b []byte) int {
	room := f.limit - f.size
	if int64(len(b)) <= room {
		return len(b)
	}
	n := 0
	if room > 0 {
		n = bytes.LastIndexByte(b[:room], '\n') + 1
	}
	if n == 0 && f.size == 0 {
		n = bytes.IndexByte(b, '\n') + 1
	}
	return n
}

// ready opens the file if need be. With look it is opened anew when it is no
// longer the one at that path: somebody has moved or removed it.
func (f *logFile) ready(look bool) error {
	var st unix.Stat_t
	if f.fd >= 0 {
		if !look {
			return nil
		}
		if unix.Stat(f.path, &st) == nil && uint64(st.Dev) == f.dev && st.Ino == f.ino {
			f.size = st.Size // somebody may have cut it
			return nil
		}
		f.close()
	}
	// A device is not even opened: opening some (a watchdog) has effects.
	if unix.Stat(f.path, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		return errNotRegular
	}
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_APPEND | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_LARGEFILE
	fd, err := unix.Open(f.path, flags, logFileMode)
	if err == unix.ENOENT {
		makeParents(f.path)
		fd, err = unix.Open(f.path, flags, logFileMode)
	}
	if err != nil {
		return err
	}
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = errNotRegular
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	f.fd, f.dev, f.ino, f.size = fd, uint64(st.Dev), st.Ino, st.Size
	return f.mend()
}

// mend ends a last line that somebody was not able to end.
func (f *logFile) mend() error {
	var last [1]byte
	if f.size == 0 {
		return nil
	}
	if n, err := unix.Pread(f.fd, last[:], f.size-1); err != nil || n != 1 || last[0] == '\n' {
		return err
	}
	_, err := f.write(newline)
	return err
}

type logFileError string

func (e logFileError) Error() string { return string(e) }

const errNotRegular = logFileError("it is no regular file")

// makeParents makes the folders above path, as far as it can.
func makeParents(path string) {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			unix.Mkdir(path[:i], 0o755)
		}
	}
}

// write adds whole lines and gives how many bytes of them are in the file: when
// the disk gets full in the middle of a line, its beginning is taken back.
func (f *logFile) write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Write(f.fd, b[done:])
		if err == unix.EINTR {
			continue
		}
		if err == nil && n <= 0 {
			err = unix.EIO
		}
		if err != nil {
			keep := bytes.LastIndexByte(b[:done], '\n') + 1
			if keep < done {
				unix.Ftruncate(f.fd, f.size+int64(keep))
			}
			f.size += int64(keep)
			return keep, err
		}
		done += n
	}
	f.size += int64(done)
	return done, nil
}

// rotate makes room: PATH becomes PATH.1 and so on, the oldest goes.
func (f *logFile) rotate() error {
	if f.files <= 1 {
		f.size = 0
		return unix.Ftruncate(f.fd, 0)
	}
	f.close()
	for i := f.files; unix.Unlink(f.numbered(i)) == nil; i++ { // there were more once
	}
	for i := f.files - 1; i > 0; i-- {
		if err := unix.Rename(f.numbered(i-1), f.numbered(i)); err != nil && (err != unix.ENOENT || i == 1) {
			return err
		}
	}
	return nil
}

func (f *logFile) numbered(i int) string {
	if i == 0 {
		return f.path
	}
	return f.path + "." + strconv.Itoa(i)
}

// logFiles are the files that the child of the init writes.
type logFiles struct {
	all  []*logFile // that are known, at most logFilesOpen; the last one first
	head string     // of the last message, which was all[0]'s
	say  func(parts ...string)
}

// message takes what fileHead began.
func (fs *logFiles) message(b []byte, now int64) {
	head, lines, _ := bytes.Cut(b, newline)
	if string(head) != fs.head || len(fs.all) == 0 {
		w := strings.SplitN(string(head), " ", 3)
		if len(w) != 3 || len(lines) == 0 {
			fs.say("bug: message ", strconv.Quote(string(head)))
			return
		}
		f := fs.file(w[2])
		f.limit, _ = strconv.ParseInt(w[0], 10, 64)
		f.files, _ = strconv.Atoi(w[1])
		fs.head = string(head)
	}
	fs.all[0].put(lines, now)
}

// file gives the one at path; that of the last message stands first. When there
// are too many, the one that had no message for the longest time goes.
func (fs *logFiles) file(path string) *logFile {
	at := slices.IndexFunc(fs.all, func(f *logFile) bool { return f.path == path })
	var f *logFile
	switch {
	case at >= 0:
		f = fs.all[at]
	case len(fs.all) < logFilesOpen:
		at = len(fs.all)
		fs.all = append(fs.all, nil)
		f = &logFile{path: path, fd: -1, say: fs.say}
	default:
		at = len(fs.all) - 1
		fs.all[at].end()
		f = &logFile{path: path, fd: -1, say: fs.say}
	}
	copy(fs.all[1:at+1], fs.all[:at])
	fs.all[0] = f
	return f
}

// end closes the file and says what was lost if it fails still.
func (f *logFile) end() {
	if f.lost > 0 {
		f.say(f.path, ": ", lineCount(f.lost), " dropped")
	}
	f.close()
}

// newLogFile is the file of a "log file" line.
func newLogFile(s *graph.Sink, say func(parts ...string)) *logFile {
	return &logFile{path: s.Path, limit: int64(s.SizeBytes), files: s.Files, fd: -1, say: say}
}
