package proc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxSocketPath = 107 // bytes of sun_path less its NUL (unix(7))
	backlog       = 128
)

// ErrAnswered is the cause when somebody listens on the socket already.
var ErrAnswered error = reason("another init answers there")

// SocketPath gives the control socket's path for a user (SPEC 2). getenv gives
// "" for what is not set. A name that begins with "@" is an abstract one.
func SocketPath(uid int, getenv func(string) string) string {
	if path := getenv("MOTE_SOCKET"); path != "" {
		return path
	}
	if uid == 0 {
		return "/run/mote/ctl.sock"
	}
	if dir := getenv("XDG_RUNTIME_DIR"); strings.HasPrefix(dir, "/") {
		return joinPath(dir, "mote/ctl.sock")
	}
	return "/tmp/mote-" + strconv.Itoa(uid) + "/ctl.sock"
}

// AbstractName is the control socket's name where no place is writable.
func AbstractName(pid int) string { return "@mote/" + strconv.Itoa(pid) }

// Socket is a bound Unix socket. Path is what it was asked for; with "@" in
// front the name is abstract, and there is no file; else Dev and Ino say which
// file is its own. They outlive the image that has bound it.
type Socket struct {
	Fd   int
	Path string
	Dev  uint64
	Ino  uint64
}

// Listen binds and listens on a control socket with the given mode. Its
// descriptor is non-blocking and close-on-exec. A socket that answers is left
// alone (errors.Is ErrAnswered), one that nobody listens on is replaced. The
// parent folder is made: 0755 for root, 0700 else. An abstract name has no
// mode: whoever can reach the network namespace can connect, so the peer's
// credentials must decide.
func Listen(path string, mode uint32) (Socket, error) {
	return listenOn(unix.SOCK_STREAM, path, mode)
}

// ListenDatagrams is Listen for a socket of datagrams, which come with their
// senders' credentials (Receive).
func ListenDatagrams(path string, mode uint32) (Socket, error) {
	return listenOn(unix.SOCK_DGRAM, path, mode)
}

func listenOn(kind int, path string, mode uint32) (Socket, error) {
	s, err := listen(kind, path, mode)
	if err != nil {
		return Socket{Fd: -1}, cannot("listen on "+shown(path), err)
	}
	return s, nil
}

func listen(kind int, path string, mode uint32) (Socket, error) {
	s := Socket{Fd: -1, Path: path}
	addr, err := socketAddr(path)
	if err != nil {
		return s, err
	}
	if abstract(path) {
		if s.Fd, err = bindSocket(kind, addr, mode); err == unix.EADDRINUSE {
			return s, ErrAnswered
		}
	} else {
		var dir int
		if dir, err = socketDir(parentOf(path)); err != nil {
			return s, err
		}
		// Two inits that find the same dead socket must not both replace it.
		// The lock goes with the descriptor; a filesystem without locks is
		// no reason to have no socket.
		defer unix.Close(dir)
		if err := unix.Flock(dir, unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
			return s, reason("another process is just binding it")
		}
		if err = clearStale(kind, path, addr); err != nil {
			return s, err
		}
		if s.Fd, err = bindSocket(kind, addr, mode); err == nil {
			err = s.settle(mode)
		}
	}
	if err == nil && kind == unix.SOCK_STREAM {
		err = unix.Listen(s.Fd, backlog)
	}
	if err != nil && s.Fd >= 0 {
		unix.Close(s.Fd)
		s.Fd = -1
	}
	return s, err
}

// abstract reports whether path is a name without a file.
func abstract(path string) bool { return strings.HasPrefix(path, "@") }

// socketAddr checks what the kernel would cut or take for something else.
// x/sys turns a leading "@" into the NUL of an abstract name.
func socketAddr(path string) (*unix.SockaddrUnix, error) {
	switch {
	case path == "" || path == "@":
		return nil, reason("the path is empty")
	case strings.IndexByte(path, 0) >= 0:
		return nil, reason("the path has a NUL")
	case len(path) > maxSocketPath:
		return nil, reason("the path has " + strconv.Itoa(len(path)) + " bytes: the limit is " + strconv.Itoa(maxSocketPath))
	}
	return &unix.SockaddrUnix{Name: path}, nil
}

// SocketName gives the path that a Unix socket is bound to, as Socket has it.
func SocketName(fd int) string {
	addr, err := unix.Getsockname(fd)
	if u, ok := addr.(*unix.SockaddrUnix); ok && err == nil {
		return u.Name
	}
	return ""
}

func newSocket(kind int) (int, error) {
	return unix.Socket(unix.AF_UNIX, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// bindSocket makes a socket and binds it; a datagram one gets the senders'
// credentials. bind(2) gives the file the mode of
// the socket's inode less the umask (net/unix/af_unix.c, unix_bind_bsd), so
// that nobody can connect before settle has set the whole mode.
func bindSocket(kind int, addr *unix.SockaddrUnix, mode uint32) (int, error) {
	fd, err := newSocket(kind)
	if err != nil {
		return -1, err
	}
	if kind == unix.SOCK_DGRAM {
		// Before the bind, so that no datagram comes without credentials.
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	}
	if err == nil && !abstract(addr.Name) {
		err = unix.Fchmod(fd, mode)
	}
	if err == nil {
		err = unix.Bind(fd, addr)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// settle takes the umask out of the mode and remembers which file is ours.
func (s *Socket) settle(mode uint32) error {
	var st unix.Stat_t
	if err := unix.Lstat(s.Path, &st); err != nil {
		return err
	}
	s.Dev, s.Ino = uint64(st.Dev), st.Ino
	if st.Mode&0o777 == mode {
		return nil
	}
	return unix.Chmod(s.Path, mode)
}

// clearStale removes a socket that nobody listens on. A full backlog answers
// EAGAIN and is somebody too.
func clearStale(kind int, path string, addr *unix.SockaddrUnix) error {
	var st unix.Stat_t
	switch err := unix.Lstat(path, &st); {
	case err == unix.ENOENT:
		return nil
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return reason("something that is not a socket is there: remove it, or choose another path")
	}
	fd, err := newSocket(kind)
	if err != nil {
		return err
	}
	defer HangUp(fd)
	switch err := uninterrupted(func() error { return unix.Connect(fd, addr) }); err {
	case nil, unix.EAGAIN, unix.EINPROGRESS:
		return ErrAnswered
	case unix.ECONNREFUSED:
		if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
			return err
		}
		return nil
	case unix.ENOENT:
		return nil
	case unix.EPROTOTYPE:
		return reason("a socket of another kind is there: choose another path")
	default:
		return err
	}
}

func parentOf(path string) string {
	cut := strings.LastIndexByte(path, '/')
	switch {
	case cut < 0:
		return "."
	case cut == 0:
		return "/"
	}
	return path[:cut]
}

// socketDir makes the folder of a socket where it is missing and opens it. In
// a place where others may write (/tmp) the folder must be a real one, ours,
// and closed to writers: else its owner could put another socket in place of
// ours, or lead us away by a link.
func socketDir(dir string) (int, error) {
	euid := uint32(unix.Geteuid())
	mode := uint32(0o700)
	if euid == 0 {
		mode = 0o755
	}
	switch err := unix.Mkdir(dir, mode); err {
	case nil:
		if err := unix.Chmod(dir, mode); err != nil { // whatever the umask was
			return -1, err
		}
	case unix.EEXIST, unix.EISDIR: // EISDIR: "/"
	case unix.EACCES, unix.EPERM, unix.EROFS:
		if !IsDir(dir) {
			return -1, err
		}
	default:
		return -1, err
	}
	var above, st unix.Stat_t
	if err := unix.Stat(parentOf(dir), &above); err != nil {
		return -1, err
	}
	flags := unix.O_RDONLY | unix.O_DIRECTORY
	shared := above.Mode&0o022 != 0 && dir != "/"
	if shared {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := openFile(dir, flags)
	if shared && (err == unix.ELOOP || err == unix.ENOTDIR) {
		return -1, reason(shown(dir) + " is not a folder, or a link to one, in a place where others may write")
	}
	if err != nil || !shared {
		return fd, err
	}
	if err = unix.Fstat(fd, &st); err == nil {
		switch {
		case st.Uid != euid:
			err = reason(shown(dir) + " belongs to uid " + strconv.Itoa(int(st.Uid)) + ", in a place where others may write")
		case st.Mode&0o022 != 0:
			err = reason("others may write in " + shown(dir) + ": chmod go-w it")
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Lost reports whether the file is gone or no longer ours, so that no client
// finds the socket.
func (s *Socket) Lost() bool {
	if abstract(s.Path) {
		return s.Fd < 0
	}
	var st unix.Stat_t
	err := unix.Lstat(s.Path, &st)
	return err != nil || uint64(st.Dev) != s.Dev || st.Ino != s.Ino
}

// Permit sets the group (-1 leaves it) and the mode of the file. The group
// comes first: a mode of 0660 would else belong to the old one for a moment.
func (s *Socket) Permit(mode uint32, gid int) error {
	if abstract(s.Path) {
		return nil
	}
	if s.Lost() {
		return cannot("set the mode of "+shown(s.Path), unix.ENOENT)
	}
	if gid >= 0 {
		if err := unix.Lchown(s.Path, -1, gid); err != nil {
			return cannot("give "+shown(s.Path)+" to group "+strconv.Itoa(gid), err)
		}
	}
	return cannot("set the mode of "+shown(s.Path), unix.Chmod(s.Path, mode))
}

// Close closes the socket and removes its file if that is still ours.
func (s *Socket) Close() {
	if s.Fd >= 0 && !abstract(s.Path) && !s.Lost() {
		unix.Unlink(s.Path)
	}
	s.Abandon()
}

// Abandon closes the socket alone: a file is somebody else's, or gone.
func (s *Socket) Abandon() {
	if s.Fd >= 0 {
		closeBound(s.Fd, s.Path != "")
		s.Fd = -1
	}
}
