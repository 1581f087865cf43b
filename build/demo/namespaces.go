package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"mote/build/demo/stage"
)

// spaces are the namespaces of the demo: nothing in it can reach the machine's
// own processes, mounts, network or name.
const spaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// outside prepares the root and starts this program again in new namespaces,
// where it is process 1. As root it needs no user namespace; an ordinary user
// becomes root of one.
func outside(mote string, keep, small bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mote-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	im, notes, err := stage.Root(mote, self, stage.Namespace, small)
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Println("demo:", n)
	}
	if err := im.Unpack(dir, "."); err != nil {
		return err
	}
	args := []string{"inside"}
	if keep {
		args = append(args, "-keep")
	}
	var tried []error
	for _, user := range []bool{false, true} {
		if !user && os.Geteuid() != 0 {
			continue
		}
		c := exec.Command(self, append(args, dir)...)
		c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
		c.SysProcAttr = attributes(user)
		err := c.Start()
		if err == nil {
			return verdict(c.Wait())
		}
		tried = append(tried, err)
	}
	return fmt.Errorf("cannot make namespaces (%w): run as root, or allow user namespaces, or use make boot", errors.Join(tried...))
}

// verdict leaves the words to process 1, which has said them.
func verdict(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return errors.New("not everything was as it should be")
	}
	return err
}

func attributes(user bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: spaces, Pdeathsig: syscall.SIGKILL}
	if user {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return a
}

// enter makes root the root of this mount namespace, with its own /proc, /run
// and /tmp, and a /dev of the few devices that programs cannot do without.
func enter(root string) error {
	steps := []struct {
		what, from, to, kind string
		flags                uintptr
	}{
		{"keep mounts to ourselves", "", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{"bind the root", root, root, "", unix.MS_BIND | unix.MS_REC},
		{"mount proc", "proc", root + "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{"mount dev", "dev", root + "/dev", "tmpfs", unix.MS_NOSUID},
		{"mount run", "run", root + "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV},
		{"mount tmp", "tmp", root + "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV},
	}
	for _, s := range steps {
		if err := unix.Mount(s.from, s.to, s.kind, s.flags, ""); err != nil {
			return fmt.Errorf("cannot %s: %w", s.what, err)
		}
	}
	for _, d := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		to := filepath.Join(root, "dev", d)
		if err := os.WriteFile(to, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+d, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot bind /dev/%s: %w", d, err)
		}
	}
	// pivot_root(2), NOTES: with "." twice the old root ends on top of the new one.
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("cannot change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot leave the old root: %w", err)
	}
	return unix.Chdir("/")
}
