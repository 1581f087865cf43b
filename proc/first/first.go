// Package first records what the standard library changes before main: package
// syscall raises the soft limit of open files in its init function, and
// programs that the init starts are owed the limit it was started with.
//
// It must import nothing that needs initialization. Packages are initialized
// in the order of their import paths as far as their imports allow (Go
// specification, Package initialization), so this one comes before "syscall".
// A test in proc fails if that ever changes.
package first

import (
	"runtime"
	"unsafe"
)

// rawSyscall6 is syscall.RawSyscall6, which works before its package is
// initialized; package syscall offers it to x/sys by this name.
//
//go:linkname rawSyscall6 syscall.RawSyscall6
func rawSyscall6(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2, errno uintptr)

// Limit is struct rlimit64 of prlimit(2).
type Limit struct{ Cur, Max uint64 }

// Nofile is RLIMIT_NOFILE as the process was started with it. It is zero on a
// kernel without prlimit64 (before Linux 2.6.36).
var Nofile Limit

func init() {
	rlimitNofile := uintptr(7)
	if runtime.GOARCH == "mips" || runtime.GOARCH == "mipsle" ||
		runtime.GOARCH == "mips64" || runtime.GOARCH == "mips64le" {
		rlimitNofile = 5
	}
	if n := prlimit64(); n != 0 {
		rawSyscall6(n, 0, rlimitNofile, 0, uintptr(unsafe.Pointer(&Nofile)), 0, 0)
	}
}

// prlimit64 is the call's number; the packages that know it cannot be imported.
func prlimit64() uintptr {
	switch runtime.GOARCH {
	case "386":
		return 340
	case "amd64":
		return 302
	case "arm":
		return 369
	case "arm64", "loong64", "riscv64":
		return 261
	case "mips", "mipsle":
		return 4338
	case "mips64", "mips64le":
		return 5297
	case "ppc64", "ppc64le":
		return 325
	case "s390x":
		return 334
	}
	return 0
}
