//go:build mote_overlay

package proc

import (
	"syscall"
	"unsafe"
)

// vfork comes from the overlay's file in package syscall (build/overlay/vfork.go
// says what it does): fork with CLONE_VM and CLONE_VFORK. It leaves the runtime
// in the state of beforeFork, for the caller to end with afterFork.
//
//go:linkname vfork
func vfork(child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno)

// forkShared is fork for a child that shares this process's memory while the
// parent sleeps, until its exec: no page tables are copied.
//
//go:noinline
//go:norace
func forkShared(child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno) {
	pid, errno = vfork(child, arg)
	afterFork()
	return pid, errno
}
