package proc

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Replace gives a file new content, all of it or none, and waits until the disk
// has it: a rename(2) is one step. Folders that are missing are made. It can
// take as long as the disk does, so it is for children.
func Replace(path string, data []byte) error {
	if err := replace(path, data); err != nil {
		return cannot("write "+shown(path), err)
	}
	return nil
}

func replace(path string, data []byte) error {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			unix.Mkdir(path[:i], 0o755)
		}
	}
	part := path + ".new"
	fd, err := unix.Open(part, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	n, err := unix.Write(fd, data)
	if err == nil && n < len(data) {
		err = unix.ENOSPC
	}
	if err == nil {
		err = unix.Fsync(fd)
	}
	unix.Close(fd)
	if err == nil {
		err = unix.Rename(part, path)
	}
	if err != nil {
		unix.Unlink(part)
		return err
	}
	if dir, err := openFile(path[:strings.LastIndexByte(path, '/')+1], unix.O_RDONLY|unix.O_DIRECTORY); err == nil {
		unix.Fsync(dir) // some filesystems cannot
		unix.Close(dir)
	}
	return nil
}
