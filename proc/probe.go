package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DialTCP begins a connection to an internet address; an IPv4 one is in the
// first four bytes of ip. It never blocks: the descriptor is ready to be written
// to (EPOLLOUT) when Connected has the answer (connect(2), EINPROGRESS). The
// errno is 0, or fd is -1.
func DialTCP(ip [16]byte, v6 bool, port uint16) (fd int, errno syscall.Errno) {
	var addr unix.Sockaddr = &unix.SockaddrInet4{Port: int(port), Addr: [4]byte(ip[:4])}
	family := unix.AF_INET
	if v6 {
		addr, family = &unix.SockaddrInet6{Port: int(port), Addr: ip}, unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		if err = unix.Connect(fd, addr); err == nil || err == unix.EINPROGRESS {
			return fd, 0
		}
		unix.Close(fd)
	}
	return -1, asErrno(err)
}

// Connected gives the outcome of a connection that DialTCP began, when its
// descriptor is ready.
func Connected(fd int) syscall.Errno {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return asErrno(err)
	}
	if n != 0 {
		return syscall.Errno(n)
	}
	peer, errno := nameOf(fd, unix.SYS_GETPEERNAME)
	if errno != 0 {
		return errno
	}
	// Nobody listens, but the kernel has taken the very port that was asked for
	// as this end's own: both SYNs cross (RFC 9293, 3.5, simultaneous open).
	if own, _ := nameOf(fd, unix.SYS_GETSOCKNAME); own == peer {
		return unix.ECONNREFUSED
	}
	return 0
}

// nameOf gives the address of one end of a TCP connection as the kernel has it: a
// sockaddr_in or sockaddr_in6, with zeros behind.
func nameOf(fd int, call uintptr) (name [unix.SizeofSockaddrInet6]byte, errno syscall.Errno) {
	size := uint32(len(name))
	_, _, errno = unix.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)))
	return name, errno
}

// TryUnix connects to a unix socket of any kind ("@" and a name is an abstract
// one) and hangs up. It does not wait for the other side, but the path must not
// lie on a mount that can hang (OnNetworkOrFuse). EAGAIN is a listener whose
// backlog is full (unix(7)).
func TryUnix(path string) syscall.Errno {
	addr, err := socketAddr(path)
	if err != nil {
		return unix.ENAMETOOLONG
	}
	// EPROTOTYPE is what connect(2) gives for a socket of another kind.
	for _, kind := range [...]int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET} {
		fd, bad := newSocket(kind)
		if err = bad; bad == nil {
			err = unix.Connect(fd, addr)
			HangUp(fd) // it may have sent something already
		}
		if err == nil {
			return 0
		}
		if err != unix.EPROTOTYPE {
			break
		}
	}
	return asErrno(err)
}

// Exhausted reports whether an errno says that this process, or the machine, has
// no more descriptors, memory, or ports of its own (connect(2), EADDRNOTAVAIL): it
// tells nothing of anybody else.
func Exhausted(errno syscall.Errno) bool {
	switch errno {
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS, unix.EADDRNOTAVAIL:
		return true
	}
	return false
}
