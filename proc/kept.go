package proc

import (
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Descriptors that services give into the init's keeping (sd_notify(3),
// FDSTORE). They come from strangers: reading, polling and closing one may wait
// for whoever serves its file.

// Kept says what can be done with such a descriptor.
type Kept uint8

const (
	KeptNot  Kept = iota // it is on a network or FUSE mount, or nobody knows where
	KeptFile             // a file or device: it can be kept
	KeptPoll             // a socket or a pipe: its end can be waited for, too
)

// Keep says what can be done with fd, by calls that ask no file system: fstat(2)
// would.
func Keep(fd int) Kept {
	if _, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil {
		return KeptPoll
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil {
		return KeptPoll
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err == nil {
		return KeptFile // memory, by memfd_create(2) or of a tmpfs
	}
	number := strconv.Itoa(fd)
	link, ok := Readlink("/proc/self/fd/" + number)
	if ok && !strings.HasPrefix(link, "/") {
		return KeptFile // anon_inode:, and the like, which no path can be called
	}
	info, err := ReadSmall("/proc/self/fdinfo/"+number, 4096)
	if err != nil {
		return KeptNot
	}
	mounts, _ := ReadMounts()
	_, id, _ := strings.Cut(string(info), "mnt_id:\t")
	id, _, _ = strings.Cut(id, "\n")
	for i := range mounts {
		if strconv.Itoa(mounts[i].ID) == id && !remoteType(mounts[i].Type) {
			return KeptFile
		}
	}
	return KeptNot
}

// SameFile reports whether two descriptors are the same open file (kcmp(2),
// Linux 3.5); where the kernel does not say they are two.
func SameFile(a, b int) bool {
	const kcmpFile = 0
	pid := uintptr(unix.Getpid())
	r, _, errno := unix.RawSyscall6(unix.SYS_KCMP, pid, pid, kcmpFile, uintptr(a), uintptr(b), 0)
	return errno == 0 && r == 0
}

// CloseAll closes descriptors of this process in a child that shares its table,
// since the last close of one may wait: a file's for its server, a socket's for
// its peer (socket(7), SO_LINGER), which is switched off: whoever could switch it on
// again has the socket too, and then this close is not the last. Until the child has come to them their numbers
// are taken. The caller reaps it as any child.
func CloseAll(fds []int) (pid int, err error) {
	for _, fd := range fds {
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{}) // ENOTSOCK of others
	}
	got, errno := forkCopied(plainCall(unix.CLONE_FILES), runClose, unsafe.Pointer(&fds))
	if errno != 0 {
		return 0, &Failure{Stage: StageFork, Errno: errno}
	}
	return int(got), nil
}

// runClose is the child of CloseAll; the rules of forked.go hold.
//
//go:nosplit
//go:norace
func runClose(arg unsafe.Pointer) {
	for _, fd := range *(*[]int)(arg) {
		syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	}
	exitChild(0)
}
