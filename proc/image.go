package proc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Image is an open file that can take this program's place. What was checked and
// what is executed are the same file, by its descriptor, whoever renames or
// replaces names meanwhile.
type Image struct {
	fd   int
	name string // for messages
	st   unix.Stat_t
}

const (
	selfExe   = "/proc/self/exe"
	fdFolder  = "/proc/self/fd/"
	deleted   = " (deleted)" // behind the target of a link in /proc (proc_pid_exe(5))
	stNoexec  = 8            // ST_NOEXEC of statvfs(3)
	noProc    = reason("/proc is not mounted: mount it")
	tooRemote = "is on a network or FUSE mount, which can hang: it has to be copied first"
)

// wrong is "NAME: " and what is wrong with the file, and how to mend it.
func wrong(name string, err error) error { return reason(shown(name) + ": " + err.Error()) }

// OpenImage opens a program file and looks whether this process could execute it,
// without ever waiting for somebody. A file on a network or FUSE mount is refused
// (OnNetworkOrFuse says so before): CopyImage makes one of it. /proc/self/exe is not,
// wherever it is: this program lives on its pages anyhow.
func OpenImage(path string) (*Image, error) {
	own, err := ownELF()
	if err != nil {
		return nil, err
	}
	fd, err := openProgram(path)
	if err == nil {
		img := &Image{fd: fd, name: path}
		if err = img.check(own); err == nil {
			return img, nil
		}
		unix.Close(fd)
	}
	return nil, wrong(path, err)
}

func openProgram(path string) (fd int, err error) {
	if path != selfExe && OnNetworkOrFuse(path) {
		return -1, reason(tooRemote)
	}
	// A device is not even opened, as in ReadRegular.
	var st unix.Stat_t
	if err := uninterrupted(func() error { return unix.Stat(path, &st) }); err != nil {
		return -1, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, kindOf(st.Mode)
	}
	return openFile(path, unix.O_RDONLY)
}

// check looks at the open file and remembers it.
func (img *Image) check(own *elfHead) error {
	if err := unix.Fstat(img.fd, &img.st); err != nil {
		return err
	}
	if img.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return kindOf(img.st.Mode)
	}
	if becomes(&img.st, unix.Geteuid(), unix.Getegid()) {
		return reason("is setuid or setgid, and would run as another user or group: chmod ug-s it")
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(img.fd, &fs); err == nil && fs.Flags&stNoexec != 0 {
		return reason("is on a mount with noexec: copy it elsewhere")
	}
	switch err := unix.Access(img.Path(), unix.X_OK); err {
	case nil:
	case unix.EACCES:
		return reason("is not executable: chmod +x it")
	default:
		return err
	}
	return checkELF(img.fd, img.st.Size, own)
}

// becomes reports whether a program changes the user or the group of who executes it
// (execve(2)): one that is another user's takes all rights from an init that is root.
func becomes(st *unix.Stat_t, uid, gid int) bool {
	const group = unix.S_ISGID | unix.S_IXGRP
	return st.Mode&unix.S_ISUID != 0 && int(st.Uid) != uid || st.Mode&group == group && int(st.Gid) != gid
}

// ownELF is the header of the running program.
func ownELF() (*elfHead, error) {
	fd, err := openFile(selfExe, unix.O_RDONLY)
	if err == unix.ENOENT {
		return nil, noProc
	}
	if err != nil {
		return nil, cannot("open "+selfExe, err)
	}
	defer unix.Close(fd)
	b, err := preadAll(fd, 0, elfHeadBytes)
	if err != nil {
		return nil, wrong(selfExe, err)
	}
	h, need, ok := parseElf(b)
	if !ok || len(b) < need {
		return nil, wrong(selfExe, reason("is not a program"))
	}
	return &h, nil
}

// Same reports whether the file's content is still what was checked, by its size and
// the time of the last write. That of the last change (st_ctime, inode(7)) says less:
// a link to the file that somebody makes, or its name that is gone, changes it too.
func (img *Image) Same() bool {
	var st unix.Stat_t
	return unix.Fstat(img.fd, &st) == nil && st.Dev == img.st.Dev && st.Ino == img.st.Ino &&
		st.Size == img.st.Size && st.Mtim == img.st.Mtim
}

// FD is the descriptor, close-on-exec.
func (img *Image) FD() int { return img.fd }

// Name is what the file was called, for messages.
func (img *Image) Name() string { return img.name }

// Path is the file by its descriptor, for an exec of this process. A child needs
// the descriptor too: give it a number (Spec.Fds), and this path with that number.
func (img *Image) Path() string { return fdPath(img.fd) }

func fdPath(fd int) string { return fdFolder + strconv.Itoa(fd) }

// Close gives it up.
func (img *Image) Close() {
	if img.fd >= 0 {
		unix.Close(img.fd)
		img.fd = -1
	}
}

// SelfPath is the file that this program was started from, which may have been
// replaced by another one since; where there is none any more, /proc/self/exe, which
// leads to the running program itself.
func SelfPath() string {
	path, ok := Readlink(selfExe)
	if !ok {
		return selfExe
	}
	path = strings.TrimSuffix(path, deleted)
	if OnNetworkOrFuse(path) || Exists(path) { // the one must not be asked
		return path
	}
	return selfExe
}

// SelfDeleted reports whether the file of the running program has no name any more:
// then its mount cannot become read-only (Linux, sb_prepare_remount_readonly). A
// program in memory, such as CopyImage makes, lies on no such mount.
func SelfDeleted() bool {
	path, ok := Readlink(selfExe)
	return ok && strings.HasSuffix(path, deleted) && !strings.HasPrefix(path, "/memfd:")
}
