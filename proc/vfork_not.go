//go:build !mote_overlay

package proc

import (
	"syscall"
	"unsafe"
)

// forkShared is never called: it needs the overlay, see mayShare.
func forkShared(c cloneCall, child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, errno syscall.Errno) {
	return forkCopied(c, child, arg)
}
