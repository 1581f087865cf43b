//go:build 386 || arm

package proc

import "golang.org/x/sys/unix"

// The plain calls of these machines take 16-bit ids.
const (
	sysSetgroups = unix.SYS_SETGROUPS32
	sysSetgid    = unix.SYS_SETGID32
	sysSetuid    = unix.SYS_SETUID32
)
