package proc

import (
	"strings"

	"golang.org/x/sys/unix"
)

// listenBacklog is how many connections may wait for a service; the kernel cuts
// it to net.core.somaxconn (listen(2)).
const listenBacklog = 4096

// Endpoint is where a socket of a service listens.
type Endpoint struct {
	Path string // of a Unix socket, "@" and a name for an abstract one; "" is an internet one
	IP   [16]byte
	V6   bool // else only the first four of IP count
	UDP  bool
	Port uint16
}

// any reports whether it stands for every address of the machine.
func (e *Endpoint) any() bool { return e.IP == [16]byte{} }

// ListenInet opens an internet socket, close-on-exec. It blocks, since those
// who get it share its flags with the init, which never reads it. [::] takes
// IPv4 too, and is 0.0.0.0 where there is no IPv6. An address that no interface
// has yet is taken all the same (IP_FREEBIND of ip(7)), and early says so.
func ListenInet(e *Endpoint) (fd int, early bool, err error) {
	fd, early, err = e.listen()
	if e.V6 && e.any() && (err == unix.EAFNOSUPPORT || err == unix.EADDRNOTAVAIL) {
		v4 := *e
		v4.V6 = false
		fd, early, err = v4.listen()
	}
	return fd, early, err
}

func (e *Endpoint) listen() (fd int, early bool, err error) {
	family, kind := unix.AF_INET, unix.SOCK_STREAM
	if e.V6 {
		family = unix.AF_INET6
	}
	if e.UDP {
		kind = unix.SOCK_DGRAM
	}
	if fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, false, err
	}
	if !e.UDP { // else another could take the port as well (socket(7))
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil && e.V6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	if err == nil {
		if err = e.bind(fd); err == unix.EADDRNOTAVAIL {
			// Of an IPv6 socket too: IPV6_FREEBIND is younger (Linux 4.15).
			if err = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_FREEBIND, 1); err == nil {
				early, err = true, e.bind(fd)
			}
		}
	}
	if err == nil && !e.UDP {
		err = unix.Listen(fd, listenBacklog)
	}
	if err != nil {
		unix.Close(fd)
		return -1, false, err
	}
	return fd, early, nil
}

func (e *Endpoint) bind(fd int) error {
	if e.V6 {
		return unix.Bind(fd, &unix.SockaddrInet6{Port: int(e.Port), Addr: e.IP})
	}
	return unix.Bind(fd, &unix.SockaddrInet4{Port: int(e.Port), Addr: [4]byte(e.IP[:4])})
}

// ListenUnix opens a stream socket of a service; mode, and uid and gid where
// they are not -1, are those of its file. Folders that are missing are made,
// 0755. A socket on which nobody answers is replaced, anything else is not.
func ListenUnix(path string, mode uint32, uid, gid int) (Socket, error) {
	s := Socket{Fd: -1, Path: path}
	addr, err := socketAddr(path)
	if err != nil {
		return s, err
	}
	if !abstract(path) {
		if OnNetworkOrFuse(path) {
			return s, reason("it is on a network or FUSE mount, which the init does not wait for: choose a path in /run")
		}
		// Nobody else here makes files meanwhile: there is one thread of ours. So
		// the file has its whole mode from the first, and no more than that.
		defer unix.Umask(unix.Umask(0))
		if err = makeParents(path); err == nil {
			err = clearStale(unix.SOCK_STREAM, path, addr)
		}
		if err == ErrAnswered {
			err = reason("somebody listens there already")
		}
		if err != nil {
			return s, err
		}
	}
	if s.Fd, err = bindSocket(unix.SOCK_STREAM, addr, mode); err != nil {
		return s, err
	}
	if !abstract(path) {
		err = s.give(uid, gid)
	}
	if err == nil {
		err = unix.Listen(s.Fd, listenBacklog)
	}
	if err != nil {
		s.Close()
		return s, err
	}
	Plain(s.Fd)
	return s, nil
}

// makeParents makes the folders above path.
func makeParents(path string) error {
	if IsDir(parentOf(path)) {
		return nil
	}
	for i := 1; i < len(path); i++ {
		if path[i] != '/' || IsDir(path[:i]) {
			continue
		}
		if err := unix.Mkdir(path[:i], 0o755); err != nil {
			return cannot("make "+shown(path[:i]), err)
		}
	}
	return nil
}

// give remembers which file is ours and gives it to its owner. It goes by a
// descriptor: where others may write, a link could be in the file's place by
// now, or another name of a file that must not be given away.
func (s *Socket) give(uid, gid int) error {
	fd, err := openFile(s.Path, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || st.Nlink != 1 || int(st.Uid) != unix.Geteuid() {
		return reason("another file is in its place at once: choose a folder where nobody else writes")
	}
	s.Dev, s.Ino = uint64(st.Dev), st.Ino
	if uid < 0 {
		return nil
	}
	return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
}

// Plain takes O_NONBLOCK off a socket that processes share: one that set it and
// has ended must not surprise the next.
func Plain(fd int) { unix.FcntlInt(uintptr(fd), unix.F_SETFL, 0) }

// Spoilt reports whether one of those who share a listening socket has ended it
// for all (shutdown(2)).
func Spoilt(fd int) bool {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p[:], 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLRDHUP|unix.POLLNVAL) != 0
}

// Inode gives the number by which /proc knows a socket; 0 when it cannot be told.
func Inode(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}

// SocketHolder names a process that holds the socket with that inode. It looks
// at so many descriptors at most, those of the oldest processes first.
func SocketHolder(inode uint64) (pid int, name string, ok bool) {
	names, err := ListDir("/proc")
	if err != nil || !ownProc() {
		return 0, "", false
	}
	want := "socket:[" + utoa64(inode) + "]"
	links := 0
	for _, dir := range names {
		pid, ok := pidNumber(dir)
		if !ok {
			continue
		}
		fds, err := ListDir("/proc/" + dir + "/fd")
		if err != nil {
			continue // it has ended, or is another user's
		}
		for _, fd := range fds {
			if links++; links > maxHolderLinks {
				return 0, "", false
			}
			if to, ok := Readlink("/proc/" + dir + "/fd/" + fd); ok && to == want {
				comm, _ := ReadSmall("/proc/"+dir+"/comm", 64)
				return pid, shown(strings.TrimRight(string(comm), "\n")), true
			}
		}
	}
	return 0, "", false
}

// maxHolderLinks bounds what SocketHolder reads: some 20 ms.
const maxHolderLinks = 8192
