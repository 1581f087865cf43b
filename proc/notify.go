package proc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxPassed is SCM_MAX_FD (net/scm.h).
const maxPassed = 253

// Note is one datagram of sd_notify(3).
type Note struct {
	Text []byte // empty for one that did not fit, or came without credentials
	Pid  int    // who sent it; 0 is a process outside this pid namespace
	Uid  uint32
	Fds  bool // descriptors came with it
}

// PeekNotify looks at the first datagram that waits, whose text goes into buf.
// It reports false when there is none, and never blocks. TakeNotify takes it.
func PeekNotify(fd int, buf []byte) (note Note, ok bool) {
	n, flags, pid, uid, err := receive(fd, buf, unix.MSG_DONTWAIT|unix.MSG_PEEK)
	if err != nil {
		return Note{Uid: noID}, false
	}
	note = Note{Pid: pid, Uid: uid, Fds: flags&unix.MSG_CTRUNC != 0}
	if flags&unix.MSG_TRUNC == 0 && uid != noID {
		note.Text = buf[:n]
	}
	return note, true
}

// TakeNotify takes the first datagram off the queue, and with want the
// descriptors that came with it, close-on-exec; else the kernel drops them.
func TakeNotify(fd int, want bool) []int {
	var p [1]byte
	if !want {
		unix.Read(fd, p[:])
		return nil
	}
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4*maxPassed))
	oobn := 0
	err := uninterrupted(func() (err error) {
		_, oobn, _, _, err = unix.Recvmsg(fd, p[:], oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		return err
	})
	if err != nil {
		return nil
	}
	var fds []int
	for rest := oob[:oobn]; len(rest) >= unix.CmsgLen(0); {
		hdr, data, more, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		if hdr.Level == unix.SOL_SOCKET && hdr.Type == unix.SCM_RIGHTS {
			for ; len(data) >= 4; data = data[4:] {
				fds = append(fds, int(*(*int32)(unsafe.Pointer(&data[0]))))
			}
		}
		rest = more
	}
	return fds
}
