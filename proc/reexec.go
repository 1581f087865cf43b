package proc

import (
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// One image of the program after the other, in one process.

// Inherit lets the next image have descriptors: it clears FD_CLOEXEC. After an
// error none of them has it cleared.
func Inherit(fds []int) error {
	for i, fd := range fds {
		if _, errno := fcntl(fd, unix.F_SETFD, 0); errno != 0 {
			Uninherit(fds[:i])
			return cannot("keep descriptor "+strconv.Itoa(fd)+" over the exec", errno)
		}
	}
	return nil
}

// Uninherit sets FD_CLOEXEC again. 0, 1 and 2 are open in every image.
func Uninherit(fds []int) {
	for _, fd := range fds {
		if fd > 2 {
			fcntl(fd, unix.F_SETFD, unix.FD_CLOEXEC)
		}
	}
}

// CloseInherited closes the descriptors that the image before has left open and of
// which has says that nobody has taken them over; it gives their numbers. 0, 1 and
// 2 are not touched, nor what that image opened for itself (that is close-on-exec), nor
// what the first image was started with. A child does the closing, which may wait
// (CloseAll), and is reaped as any; until it has come to them the numbers are taken.
func CloseInherited(has func(fd int) bool) []int {
	var stray []int
	for _, fd := range inheritable() {
		if !has(fd) && !contains(startedWith.fds, fd) {
			unix.CloseOnExec(fd) // if the child cannot be made
			stray = append(stray, fd)
		}
	}
	if len(stray) > 0 {
		CloseAll(stray)
	}
	return stray
}

func contains(fds []int, fd int) bool {
	for _, f := range fds {
		if f == fd {
			return true
		}
	}
	return false
}

// Reexec executes img in this process and keeps the descriptors keep, 0, 1, 2, and
// those that an earlier program left here, open. env is what Environ gives, and what
// the caller adds. It returns only if that failed, with everything as it was.
//
// Blocked signals that are pending stay so over an exec (execve(2)): in an image
// with the full mask none is lost. Those that the runtime unblocks before it has its
// handlers are ignored from here until then (runtime/proc.go, mstart1: minit comes
// before initsig), or a fault that another process sends would end the program. In the
// runtime's mode so are all others but CHLD. From initsig until Early TERM, QUIT and ABRT
// then have their default effect; HUP and INT are ignored for so long, which the runtime
// respects (runtime/signal_unix.go, sigInstallGoHandler) and Early ends.
func Reexec(img *Image, argv, env []string, keep []int) error {
	if !img.Same() {
		return wrong(img.name, reason("was changed since it was checked: try again"))
	}
	if len(argv) == 0 {
		return wrong(img.name, reason("has no argv[0]"))
	}
	full := hasOverlay() && maskIsFull()
	findForeign()
	keep = append([]int{img.fd}, keep...) // see afterExec
	if err := Inherit(keep); err != nil {
		return err
	}
	// Without this Exec would lower the limit to what package syscall found, also
	// where it fails, and the next image begin with more descriptors than allowed.
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) == nil {
		unix.Setrlimit(unix.RLIMIT_NOFILE, &files)
	}
	var old [65]sigaction
	for sig := 1; sig <= 64; sig++ {
		if ignoredOverExec(sig, full) {
			swapAction(sig, &sigactionIgnore, &old[sig])
		}
	}
	if !full {
		noteUnread()
	}
	err := syscall.Exec(img.Path(), argv, nextEnviron(env, unix.Getpid(), full))
	for sig := 1; sig <= 64; sig++ {
		if ignoredOverExec(sig, full) {
			swapAction(sig, &old[sig], nil)
		}
	}
	unread = 0
	Uninherit(keep)
	return wrong(img.name, whyNot(err))
}

var hangups = [...]unix.Signal{unix.SIGHUP, unix.SIGINT}

// ignoredOverExec reports whether a signal is ignored from the exec until the next
// image has a handler for it: those of neverBlocked that end a program, and in the
// runtime's mode all but CHLD, whose children would be reaped by the kernel.
func ignoredOverExec(sig int, full bool) bool {
	switch unix.Signal(sig) {
	case unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGPROF:
		return true
	case unix.SIGCHLD, unix.SIGKILL, unix.SIGSTOP:
		return false
	}
	return !full
}

// swapAction is rt_sigaction(2); the runtime keeps believing in its own handler.
func swapAction(sig int, act, old *sigaction) {
	ignoredKnown = false
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)),
		uintptr(unsafe.Pointer(old)), sigsetBytes, 0, 0)
}

// whyNot is an errno of execve(2) in words.
func whyNot(err error) error {
	how := ""
	switch err {
	case unix.ENOENT:
		if !Exists(fdFolder) {
			return noProc
		}
		how = ": its loader is missing"
	case unix.ENOEXEC:
		how = ": it is damaged, or for another machine"
	case unix.ETXTBSY:
		how = ": it is open for writing: try again when it is complete"
	case unix.E2BIG:
		how = ": the environment is too large"
	}
	return reason("cannot be executed: " + err.Error() + how)
}

// afterExec tidies up where Reexec has executed a descriptor. The kernel has called
// the process by its number (/proc/PID/comm), and left it open: where an emulator
// runs the programs of another machine (binfmt_misc), it opens that path only when
// the exec is done.
func afterExec() {
	path := execFn()
	if number, ok := strings.CutPrefix(path, fdFolder); ok {
		var st, exe unix.Stat_t
		fd := int(parseInt(number))
		if fd > 2 && unix.Fstat(fd, &st) == nil && unix.Stat(selfExe, &exe) == nil && st.Dev == exe.Dev && st.Ino == exe.Ino {
			unix.Close(fd)
		}
	}
	if args := runtimeArgs(); len(args) > 0 && strings.HasPrefix(path, "/proc/self/") {
		name := args[0][strings.LastIndexByte(args[0], '/')+1:] + "\x00"
		syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.StringData(name))), 0)
	}
}
