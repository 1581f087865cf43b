//go:build mote_overlay

package proc

import (
	"syscall"
	"unsafe"
)

// vfork comes from the overlay's file in package syscall (build/overlay/vfork.go
// says what it does): a fork with CLONE_VM and CLONE_VFORK. It leaves the runtime
// in the state of beforeFork, for the caller to end with afterFork.
//
//go:linkname vfork
func vfork(trap, a1, a2 uintptr, child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno)

// forkShared is fork for a child that shares this process's memory while the
// parent sleeps, until its exec: no page tables are copied.
//
//go:noinline
//go:norace
func forkShared(c cloneCall, child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno) {
	pid, errno = vfork(c.trap, c.a1, c.a2, child, arg)
	afterFork()
	return pid, errno
}
