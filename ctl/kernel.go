package ctl

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel is what the power verbs and the search for the socket ask of the
// system, as values, so that no test can switch a machine off.
type kernel struct {
	now    func() time.Time // for ages; deadlines have the real clock
	euid   func() int
	kill   func(pid int, signal unix.Signal) error
	sync   func()
	reboot func(command uint32, arg string) error
	// mote reports whether process 1 is mote, and what it is.
	mote func() (yes bool, exe string)
}

var realKernel = kernel{
	now:    time.Now,
	euid:   unix.Geteuid,
	kill:   unix.Kill,
	sync:   unix.Sync,
	reboot: reboot,
	mote:   processOne,
}

// reboot calls reboot(2); arg is for LINUX_REBOOT_CMD_RESTART2, which takes
// the place of command when there is one.
func reboot(command uint32, arg string) error {
	p, err := unix.BytePtrFromString(arg)
	if err != nil {
		return err
	}
	if arg != "" {
		command = unix.LINUX_REBOOT_CMD_RESTART2
	}
	_, _, errno := unix.Syscall6(unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2,
		uintptr(command), uintptr(unsafe.Pointer(p)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// processOne reports whether process 1 runs this very file or one of our
// name. After an upgrade its file may be deleted, or a memfd of our name
// (proc(5), /proc/pid/exe).
func processOne() (bool, string) {
	buf := make([]byte, 4096)
	n, err := unix.Readlink("/proc/1/exe", buf)
	if err != nil {
		return false, ""
	}
	exe := string(buf[:n])
	var one, self unix.Stat_t
	if unix.Stat("/proc/1/exe", &one) == nil && unix.Stat("/proc/self/exe", &self) == nil &&
		one.Dev == self.Dev && one.Ino == self.Ino {
		return true, exe
	}
	return moteName(exe), exe
}

// moteName reports whether the path of a running file has our name.
func moteName(exe string) bool {
	const deleted, memfd = " (deleted)", "/memfd:"
	if len(exe) > len(deleted) && exe[len(exe)-len(deleted):] == deleted {
		exe = exe[:len(exe)-len(deleted)]
	}
	if len(exe) > len(memfd) && exe[:len(memfd)] == memfd {
		return exe[len(memfd):] == "mote"
	}
	return len(exe) >= 5 && exe[len(exe)-5:] == "/mote"
}
