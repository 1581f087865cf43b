package ctl

import (
	"strings"

	"golang.org/x/sys/unix"
)

// "add --persist" and "remove --persist" change the configuration on the disk.
// The client does that, since process 1 never writes to one: the init says what
// file it is and looks at what there is. A client that dies on the way leaves
// one of two things: the file as it was, or one that the next reload takes.
//
//	add     check: is the text one good unit?   write   init: take the file
//	remove  find: is it the unit's own file?    unlink  init: give the unit up

// persists reports whether --persist was given.
func (c *client) persists() bool {
	for _, f := range c.flags {
		if f == "--persist" {
			return true
		}
	}
	return false
}

// askPath sends a request that the init answers with the path of a unit's file,
// and the unit's name.
func (c *client) askPath(request ...string) (path, name string, err *failure) {
	cred, e := unix.GetsockoptUcred(c.conn.fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if e != nil || cred.Uid != 0 && cred.Uid != uint32(c.kernel.euid()) {
		return "", "", fail(Failed, c.verb.name+" --persist: the init at "+c.conn.path+" is not yours: be its user to write its files")
	}
	err = c.ask(request, func(w []string) *failure {
		if w[0] == "persist" && len(w) == 3 {
			path, name = w[1], w[2]
		}
		return nil
	})
	if err == nil && !strings.HasPrefix(path, "/") {
		err = fail(Failed, c.verb.name+" --persist: the init names no file: is it an older one?")
	}
	return path, name, err
}

// addPersist adds a unit and keeps it as a file of its own.
func (c *client) addPersist() *failure {
	text, err := readText(c.args[0])
	if err != nil {
		return err
	}
	path, name, err := c.askPath("persist", "check", c.args[0], text)
	if err != nil {
		return err
	}
	made, err := writeUnit(path, text)
	if err != nil {
		return err
	}
	if err = c.ask([]string{"persist", "add", name}, nil); err != nil {
		if made && err.code == Failed { // it said no: nothing is kept
			unix.Unlink(path)
		}
		return err
	}
	c.done()
	return nil
}

// removePersist removes the unit and the file that holds nothing but it.
func (c *client) removePersist() *failure {
	path, name, err := c.askPath("persist", "find", c.args[0])
	if err != nil {
		return err
	}
	if e := unix.Unlink(path); e != nil && e != unix.ENOENT {
		return fail(Failed, "cannot remove "+path+": "+e.Error())
	}
	if err := syncFolder(path); err != nil {
		return err
	}
	words := []string{"persist", "remove", name}
	if c.noWait {
		words = append(words, "--no-wait")
	}
	if err := c.ask(words, nil); err != nil {
		return err
	}
	c.done()
	return nil
}

// writeUnit puts the text into a new file, whole or not at all. made is false
// for one that is there and says the same.
func writeUnit(path, text string) (made bool, err *failure) {
	cannot := func(e error) (bool, *failure) { return false, fail(Failed, "cannot write "+path+": "+e.Error()) }
	folder := path[:strings.LastIndexByte(path, '/')]
	if e := unix.Mkdir(folder, 0o755); e != nil && e != unix.EEXIST {
		return cannot(e)
	}
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil {
		if old, err := readText(path); err == nil && old == text && st.Mode&unix.S_IFMT == unix.S_IFREG {
			return false, nil
		}
		return false, fail(Failed, path+": it is there, and says something else: remove it, or name the unit otherwise")
	}
	tmp := path + ".tmp" // no .conf: no init reads it
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, e := unix.Open(tmp, flags, 0o644)
	if e == unix.EEXIST { // of a client that died
		unix.Unlink(tmp)
		fd, e = unix.Open(tmp, flags, 0o644)
	}
	if e != nil {
		return cannot(e)
	}
	e = writeAll(fd, []byte(text))
	if e == nil {
		e = unix.Fsync(fd)
	}
	unix.Close(fd)
	if e == nil {
		e = unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
		if e == unix.EINVAL || e == unix.ENOSYS { // not every filesystem knows the flag
			e = unix.Rename(tmp, path)
		}
	}
	if e != nil {
		unix.Unlink(tmp)
		return cannot(e)
	}
	return true, syncFolder(path)
}

// syncFolder makes what happened to the name of a file last.
func syncFolder(path string) *failure {
	folder := path[:strings.LastIndexByte(path, '/')]
	fd, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Fsync(fd)
		unix.Close(fd)
	}
	if err != nil {
		return fail(Failed, "cannot write "+folder+" to its disk: "+err.Error())
	}
	return nil
}
