package proc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph/line"
)

// Limits of reading (SPEC F1). The total holds for one Files value, which is
// one reading of the whole configuration.
const (
	MaxFile   = 1 << 20  // bytes of one file that a user names
	MaxConfig = 16 << 20 // bytes of all configuration files together
	maxNames  = 65536    // names in one directory
	maxFiles  = 4096     // files that one path or pattern may stand for
)

// OpError is a complete sentence, "cannot " + Doing + ": " + Err. Err is an
// errno where the kernel gave one, so that errors.Is(err, unix.ENOENT) works.
type OpError struct {
	Doing string // "read /etc/passwd"
	Err   error
}

// Error is the sentence.
func (e *OpError) Error() string { return "cannot " + e.Doing + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *OpError) Unwrap() error { return e.Err }

// cannot is nil for a nil err.
func cannot(doing string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Doing: doing, Err: err}
}

// reason is a cause that is not an errno.
type reason string

func (r reason) Error() string { return string(r) }

// shown is a path for a message: quoted if it holds anything but printable
// ASCII without blanks, so that no name can reach a terminal as a control.
func shown(path string) string {
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '"' {
			return strconv.QuoteToASCII(path)
		}
	}
	if path == "" {
		return `""`
	}
	return path
}

// uninterrupted repeats call while a signal handler of the runtime cuts it short.
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func openFile(path string, flags int) (fd int, err error) {
	err = uninterrupted(func() error {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		return err
	})
	return fd, err
}

// kindOf names what a mode stands for, as a cause.
func kindOf(mode uint32) reason {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "it is a directory, not a regular file"
	case unix.S_IFIFO:
		return "it is a FIFO, not a regular file"
	case unix.S_IFSOCK:
		return "it is a socket, not a regular file"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "it is a device, not a regular file"
	}
	return "it is not a regular file"
}

func tooLarge(size int64, limit int) reason {
	return reason(strconv.FormatInt(size, 10) + " bytes: the limit is " + strconv.Itoa(limit))
}

// ReadRegular gives the content of a regular file of at most limit bytes. It
// never hangs on a FIFO, a terminal or a tape, and a device is not even
// opened, for opening some (a watchdog) has effects; the second look, at what
// was opened, closes the gap in which the file could be exchanged. The error
// says which file and why.
func ReadRegular(path string, limit int) ([]byte, error) {
	data, err := readRegular(path, limit)
	if err != nil {
		return nil, cannot("read "+shown(path), err)
	}
	return data, nil
}

func readRegular(path string, limit int) ([]byte, error) {
	var st unix.Stat_t
	if err := uninterrupted(func() error { return unix.Stat(path, &st) }); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, kindOf(st.Mode)
	}
	fd, err := openFile(path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, kindOf(st.Mode)
	}
	if st.Size > int64(limit) {
		return nil, tooLarge(st.Size, limit)
	}
	return readAll(fd, int(st.Size), limit)
}

// ReadSmall gives the content of a file of /proc or /sys, whose size is not
// known before it is read, up to limit bytes; more is an error.
func ReadSmall(path string, limit int) ([]byte, error) {
	fd, err := openFile(path, unix.O_RDONLY)
	if err != nil {
		return nil, cannot("read "+shown(path), err)
	}
	defer unix.Close(fd)
	data, err := readAll(fd, min(limit, 4095), limit)
	if err != nil {
		return nil, cannot("read "+shown(path), err)
	}
	return data, nil
}

// readAll reads to the end of fd; size is what is expected.
func readAll(fd, size, limit int) ([]byte, error) {
	buf := make([]byte, min(size, limit)+1)
	n := 0
	for {
		got := 0
		err := uninterrupted(func() (err error) {
			got, err = unix.Read(fd, buf[n:])
			return err
		})
		if err != nil {
			return nil, err
		}
		n += got
		switch {
		case n > limit:
			return nil, reason("more than " + strconv.Itoa(limit) + " bytes, which is the limit")
		case got == 0:
			return buf[:n], nil
		case n == len(buf):
			bigger := make([]byte, min(2*len(buf), limit+1))
			copy(bigger, buf)
			buf = bigger
		}
	}
}

// ListDir gives the names in a directory, in byte order, without "." and "..".
func ListDir(path string) ([]string, error) {
	names, err := listDir(path)
	if err != nil {
		return nil, cannot("list "+shown(path), err)
	}
	return names, nil
}

func listDir(path string) ([]string, error) {
	fd, err := openFile(path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var names []string
	buf := make([]byte, 8192)
	for {
		n := 0
		err := uninterrupted(func() (err error) {
			n, err = unix.ReadDirent(fd, buf)
			return err
		})
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
		if len(names) > maxNames {
			return nil, reason("more than " + strconv.Itoa(maxNames) + " names, which is the limit")
		}
	}
	line.SortWords(names)
	return names, nil
}

// Exists reports whether path leads to something, through symbolic links.
func Exists(path string) bool {
	var st unix.Stat_t
	return uninterrupted(func() error { return unix.Stat(path, &st) }) == nil
}

// IsDir reports whether path leads to a directory, through symbolic links.
func IsDir(path string) bool {
	var st unix.Stat_t
	err := uninterrupted(func() error { return unix.Stat(path, &st) })
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// Files reads the files of one configuration and keeps count of their bytes.
// Its methods are what the parser wants of the disk; errors name no path,
// since the parser puts it in front of them.
type Files struct{ used int }

// Files gives what path stands for: itself, or the *.conf of a directory in
// byte order, less those that begin with "." or end in "~".
func (f *Files) Files(path string) ([]string, error) {
	var st unix.Stat_t
	err := uninterrupted(func() error { return unix.Stat(path, &st) })
	if err != nil {
		return nil, cannot("read", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return []string{path}, nil
	}
	names, err := listDir(path)
	if err != nil {
		return nil, cannot("list", err)
	}
	var out []string
	for _, name := range names {
		if strings.HasSuffix(name, ".conf") && name[0] != '.' {
			out = append(out, joinPath(path, name))
		}
	}
	if len(out) > maxFiles {
		return nil, cannot("read", reason(strconv.Itoa(len(out))+" files: the limit is "+strconv.Itoa(maxFiles)))
	}
	return out, nil
}

// Glob gives what an include pattern stands for.
func (f *Files) Glob(pattern string) ([]string, error) { return Glob(pattern) }

// Read gives a regular file of at most MaxFile bytes, as long as all files
// together are not over MaxConfig.
func (f *Files) Read(path string) ([]byte, error) {
	data, err := readRegular(path, MaxFile)
	if err != nil {
		return nil, cannot("read", err)
	}
	if f.used+len(data) > MaxConfig {
		return nil, cannot("read", reason("the configuration has more than "+strconv.Itoa(MaxConfig)+
			" bytes in all, which is the limit"))
	}
	f.used += len(data)
	return data, nil
}

func joinPath(dir, name string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// WriteFile writes to one of the kernel's files in /proc or /sys, which must
// exist.
func WriteFile(path, text string) error { return cannot("write "+shown(path), writeFile(path, text)) }

// writeFile is WriteFile with the errno alone.
func writeFile(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(text))
	unix.Close(fd)
	return err
}

// ReadOwned gives the content of a regular file of at most limit bytes that is no
// link, and what is known of it. Errors are errnos, or say what is wrong.
func ReadOwned(path string, limit int) (data []byte, st unix.Stat_t, err error) {
	if err := uninterrupted(func() error { return unix.Lstat(path, &st) }); err != nil {
		return nil, st, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil, st, reason("it is a symbolic link, not a regular file")
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, st, kindOf(st.Mode)
	}
	fd, err := openFile(path, unix.O_RDONLY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, st, err
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, st, err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, st, kindOf(st.Mode)
	case st.Size > int64(limit):
		return nil, st, tooLarge(st.Size, limit)
	}
	data, err = readAll(fd, int(st.Size), limit)
	return data, st, err
}
