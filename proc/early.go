package proc

import (
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stageVar holds the pid of a process that has executed itself once. The two
// others hold what the user had in the variables that the second image runs
// with, and are absent where he had nothing. Children never see them.
const (
	stageVar     = "MOTE_STAGE"
	userProcsVar = "MOTE_GOMAXPROCS"
	userDebugVar = "MOTE_GODEBUG"
)

// The second image runs with these: one thread of Go code, and no descriptors
// kept open on the cgroup's cpu files.
const (
	procsVar   = "GOMAXPROCS"
	debugVar   = "GODEBUG"
	debugValue = "containermaxprocs=0"
)

const atExecFn = 31 // AT_EXECFN, getauxval(3)

// runtimeArgs is os.Args for those who do without package os; the runtime
// pushes it to that name.
//
//go:linkname runtimeArgs os.runtime_args
func runtimeArgs() []string

// runtimeAuxv is the auxiliary vector in pairs; the runtime keeps this name for
// x/sys (runtime/runtime.go).
//
//go:linkname runtimeAuxv runtime.getAuxv
func runtimeAuxv() []uintptr

// Early is the first call of main in the roles of an init, on the main thread.
// In a build with the overlay it blocks all signals and executes the program
// once more, so that every thread of that second image has the full mask; it
// returns there, and also when that cannot be done. Without the overlay it asks
// the runtime for every signal, so that none ends the process from here on.
func Early() {
	dropSentFaults()
	recallFirst(syscall.Environ(), unix.Getpid())
	afterExec()
	ignoreLibcSignals()
	if !hasOverlay() {
		enableRuntime()
		runtime.GOMAXPROCS(1)
		return
	}
	if maskIsFull() {
		return // this is the second image, or a later one
	}
	if !isSecondImage(syscall.Environ(), unix.Getpid()) {
		execSelf()
	}
	runtime.GOMAXPROCS(1)
}

// execSelf returns only if it failed, with the mask as it was.
func execSelf() {
	var old unix.Sigset_t
	if unix.PthreadSigmask(unix.SIG_SETMASK, fullSet(), &old) != nil {
		return
	}
	argv := runtimeArgs()
	env := stageEnviron(syscall.Environ(), unix.Getpid())
	// AT_EXECFN is the path that execve was given and keeps the name that
	// /proc shows. It can be gone (fexecve), and /proc need not be there.
	for _, path := range []string{ExecFn(), selfExe} {
		if path != "" {
			syscall.Exec(path, argv, env)
		}
	}
	setMask(&old)
}

// ExecFn is the path that this program was executed by (getauxval(3), AT_EXECFN), or
// empty if that was a descriptor: its number may be another file's by now.
func ExecFn() string {
	if path := execFn(); !strings.HasPrefix(path, fdFolder) {
		return path
	}
	return ""
}

func execFn() string {
	auxv := runtimeAuxv()
	for i := 0; i+1 < len(auxv); i += 2 {
		if auxv[i] == atExecFn {
			return unix.BytePtrToString(*(**byte)(unsafe.Pointer(&auxv[i+1])))
		}
	}
	return ""
}

// isSecondImage reports whether env is that of a process pid that has executed
// itself: one whose mask is not full all the same must not try for ever.
func isSecondImage(env []string, pid int) bool {
	v, ok := lookup(env, stageVar)
	return ok && v == strconv.Itoa(pid)
}

// stageEnviron is env for the second image of process pid.
func stageEnviron(env []string, pid int) []string {
	out := without(env, stageVar, userProcsVar, userDebugVar, procsVar, debugVar)
	out = append(out, stageVar+"="+strconv.Itoa(pid), procsVar+"=1")
	if v, ok := lookup(env, procsVar); ok {
		out = append(out, userProcsVar+"="+v)
	}
	debug := debugValue
	if v, ok := lookup(env, debugVar); ok {
		out = append(out, userDebugVar+"="+v)
		if v != "" {
			debug = v + "," + debugValue
		}
	}
	return append(out, debugVar+"="+debug)
}

// userEnviron undoes stageEnviron. The variables of a stage that is not pid's
// own were inherited and say nothing about it.
func userEnviron(env []string, pid int) []string {
	out := without(env, stageVar, userProcsVar, userDebugVar, firstVar)
	if !isSecondImage(env, pid) {
		return out
	}
	out = without(out, procsVar, debugVar)
	if v, ok := lookup(env, userProcsVar); ok {
		out = append(out, procsVar+"="+v)
	}
	if v, ok := lookup(env, userDebugVar); ok {
		out = append(out, debugVar+"="+v)
	}
	return out
}

// Environ is the environment as the user gave it, for children.
func Environ() []string { return userEnviron(syscall.Environ(), unix.Getpid()) }

// lookup is the value of the first NAME=VALUE in env, as getenv(3) finds it.
func lookup(env []string, name string) (string, bool) {
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// without is a copy of env that lacks the variables names.
func without(env []string, names ...string) []string {
	out := make([]string, 0, len(env)+len(names))
next:
	for _, kv := range env {
		for _, name := range names {
			if len(kv) > len(name) && kv[len(name)] == '=' && kv[:len(name)] == name {
				continue next
			}
		}
		out = append(out, kv)
	}
	return out
}

// Args is the command line with argv[0], as os.Args is.
func Args() []string { return runtimeArgs() }
