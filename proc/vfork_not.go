//go:build !mote_overlay

package proc

import (
	"syscall"
	"unsafe"
)

// forkShared is fork: the other way needs the overlay.
func forkShared(child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno) {
	return fork(child, arg)
}
