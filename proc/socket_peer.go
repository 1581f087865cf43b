package proc

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Accept takes one waiting client, non-blocking and close-on-exec. No client
// is fd -1 and no error; an error (EMFILE, ENFILE) leaves the client waiting,
// and the listener ready, so the caller must stop watching it for a while.
func Accept(listener int) (fd int, err error) {
	for range backlog {
		fd, _, err = unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			return fd, nil
		case unix.EINTR, unix.ECONNABORTED:
			continue
		case unix.EAGAIN:
			return -1, nil
		}
		return -1, cannot("accept a client", err)
	}
	return -1, nil
}

// PeerCred says who connected, as of then (SO_PEERCRED, unix(7)). A pid of 0
// is a process outside this pid namespace.
func PeerCred(fd int) (pid int, uid, gid uint32, err error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, noID, noID, cannot("tell who connected", err)
	}
	return int(cred.Pid), cred.Uid, cred.Gid, nil
}

// PeerInGroup reports whether the process that connected has gid as its group
// or among its supplementary ones. The kernel kept the list of that moment
// (SO_PEERGROUPS, Linux 4.13). Where it has none, the group file decides for
// the peer's uid: /proc/PID/status would be that of whoever has the pid by now.
func PeerInGroup(fd int, gid uint32) bool {
	_, uid, primary, err := PeerCred(fd)
	if err != nil {
		return false
	}
	if primary == gid {
		return true
	}
	groups, err := peerGroups(fd)
	if err != nil {
		account, err := LookupUser(utoa(uid))
		if err != nil {
			return false
		}
		groups, _ = GroupsOf(account.Name, account.Gid)
	}
	return slices.Contains(groups, gid)
}

// peerGroups asks twice, since the first answer to a short buffer is ERANGE
// and the length that it takes.
func peerGroups(fd int) ([]uint32, error) {
	list := make([]uint32, 32)
	for range 2 {
		size := uint32(len(list) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return list[:min(int(size/4), len(list))], nil
		case errno != unix.ERANGE || size/4 > maxGroups:
			return nil, errno
		}
		list = make([]uint32, size/4)
	}
	return nil, unix.ERANGE
}

// NewNotify binds a datagram socket for NOTIFY_SOCKET whose messages come with
// the sender's credentials. Services run as other users, so whoever can reach
// the file may send: the credentials decide. A file that is there is replaced,
// a leading "@" is an abstract name.
func NewNotify(path string) (fd int, err error) {
	doing := "make the notify socket " + shown(path)
	addr, err := socketAddr(path)
	if err != nil {
		return -1, cannot(doing, err)
	}
	if !abstract(path) {
		dir, err := socketDir(parentOf(path))
		if err != nil {
			return -1, cannot(doing, err)
		}
		unix.Close(dir)
		if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
			return -1, cannot(doing, err)
		}
	}
	if fd, err = bindSocket(unix.SOCK_DGRAM, addr, 0o666); err != nil {
		return -1, cannot(doing, err)
	}
	if abstract(path) {
		return fd, nil
	}
	if err = unix.Chmod(path, 0o666); err != nil { // whatever the umask is
		unix.Close(fd)
		return -1, cannot(doing, err)
	}
	return fd, nil
}

// Receive takes one datagram of ListenDatagrams and says who sent it, as
// PeekNotify does; of one that did not fit it gives what did. Without wait it
// reports false when none is there, and with it only when none will come any
// more, because the socket was shut down. Every datagram has credentials,
// an empty one too (SO_PASSCRED), but not that end. Descriptors that came with it
// are dropped by a child, which is waited for.
func Receive(fd int, buf []byte, wait bool) (n, pid int, uid uint32, ok bool) {
	how := 0
	if !wait {
		how = unix.MSG_DONTWAIT
	}
	n, flags, pid, uid, err := receive(fd, buf, how|unix.MSG_PEEK)
	if err != nil || uid == noID {
		return n, pid, uid, false
	}
	if flags&unix.MSG_CTRUNC != 0 {
		if child, err := TakeAside(fd); err == nil {
			uninterrupted(func() error { _, err := unix.Wait4(child, nil, 0, nil); return err })
			return n, pid, uid, true
		}
	}
	TakeNotify(fd, false)
	return n, pid, uid, true
}

// receive takes one datagram, or looks at it; uid is noID if it came without
// credentials.
//
// Descriptors that came along are not received: there is no room for them
// (MSG_CTRUNC). One of a file whose server does not answer must not become ours
// before it is known whether it is wanted, since even its close(2) waits for the
// server (the flush of NFS and FUSE); one that the kernel drops is not flushed.
func receive(fd int, buf []byte, how int) (n, flags, pid int, uid uint32, err error) {
	var oob [(unix.SizeofCmsghdr+7)&^7 + (unix.SizeofUcred+7)&^7]byte
	var oobn int
	err = uninterrupted(func() (err error) {
		n, oobn, flags, _, err = unix.Recvmsg(fd, buf, oob[:], how)
		return err
	})
	if err != nil {
		return 0, 0, 0, noID, err
	}
	if oobn < unix.CmsgLen(0) { // x/sys takes a header for granted
		return n, flags, 0, noID, nil
	}
	hdr, data, _, bad := unix.ParseOneSocketControlMessage(oob[:oobn])
	if bad != nil || hdr.Level != unix.SOL_SOCKET || hdr.Type != unix.SCM_CREDENTIALS || len(data) < unix.SizeofUcred {
		return n, flags, 0, noID, nil
	}
	cred := (*unix.Ucred)(unsafe.Pointer(&data[0]))
	return n, flags, int(cred.Pid), cred.Uid, nil
}
