package proc

import (
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxImage bounds a program that is copied into memory, in bytes: ten times this one.
const maxImage = 32 << 20

// ImageCopy is a program file on its way into memory: a child reads it, from a disk
// or a server that may hang, and PID 1 does not wait.
type ImageCopy struct {
	Pid  int // of the child
	fd   int
	name string
}

// copyJob is what the child needs.
type copyJob struct {
	path *byte
	to   uintptr
	end  uintptr // above every descriptor
	buf  [64 << 10]byte
}

// CopyImage begins to copy a file. The caller reaps the child as any, kills it when
// its time is up, and ends it all with Image or Close.
func CopyImage(path string) (*ImageCopy, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, wrong(path, unix.EINVAL)
	}
	fd, err := execMemfd("mote")
	if err != nil {
		return nil, err
	}
	job := &copyJob{path: unsafe.StringData(path + "\x00"), to: uintptr(fd), end: uintptr(tableSize())}
	pid, errno := fork(runCopy, unsafe.Pointer(job))
	if errno != 0 {
		unix.Close(fd)
		return nil, &Failure{Stage: StageFork, Errno: errno}
	}
	return &ImageCopy{Pid: int(pid), fd: fd, name: path}, nil
}

// execMemfd makes a memory file that can be executed. A kernel that knows the flag
// (Linux 6.3) has to be told; with vm.memfd_noexec=2 it refuses (EACCES).
func execMemfd(name string) (fd int, err error) {
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	if fd, err = unix.MemfdCreate(name, flags|unix.MFD_EXEC); err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err == unix.EACCES {
		err = reason("vm.memfd_noexec is 2: sysctl vm.memfd_noexec=1")
	}
	return fd, cannot("make a memory file for the program", err)
}

// runCopy is that child; the rules of forked.go hold. It keeps no descriptor of its
// parent's but the copy: it may hang for ever, and whoever waits for the end of a
// pipe must not hang with it.
//
//go:nosplit
//go:norace
func runCopy(arg unsafe.Pointer) {
	job := (*copyJob)(arg)
	for fd := uintptr(0); fd < job.end; fd++ {
		if fd != job.to {
			syscall.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
		}
	}
	at := unix.AT_FDCWD
	from, _, errno := syscall.RawSyscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(job.path)), openFlags|unix.O_RDONLY, 0, 0, 0)
	for total := uintptr(0); errno == 0; {
		var n, put uintptr
		n, _, errno = syscall.RawSyscall(unix.SYS_READ, from, uintptr(unsafe.Pointer(&job.buf)), unsafe.Sizeof(job.buf))
		if n == 0 && errno == 0 {
			exitChild(0)
		}
		if total += n; errno == 0 && total > maxImage {
			errno = unix.EFBIG
		}
		for done := uintptr(0); errno == 0 && done < n; done += put {
			put, _, errno = syscall.RawSyscall(unix.SYS_WRITE, job.to, uintptr(unsafe.Pointer(&job.buf))+done, n-done)
		}
	}
	exitChild(uintptr(errno))
}

// Image takes the end of the child, closes the copy for changes and looks at it as
// OpenImage does. Whatever comes of it, c is done.
func (c *ImageCopy) Image(e Exit) (*Image, error) {
	defer c.Close()
	if e.Signal != 0 || e.Code != 0 {
		how := "it was killed"
		if e.Signal == 0 {
			how = syscall.Errno(e.Code).Error()
		}
		return nil, wrong(c.name, reason("cannot be copied into memory: "+how))
	}
	own, err := ownELF()
	if err == nil {
		err = seal(c.fd, "with the program")
	}
	if err != nil {
		return nil, err
	}
	img := &Image{fd: c.fd, name: c.name}
	if err := img.check(own); err != nil {
		return nil, wrong(c.name, err)
	}
	c.fd = -1
	return img, nil
}

// Close gives the copy up. A child that still lives is the caller's.
func (c *ImageCopy) Close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}
