package proc

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The child's Context; the rules and the order of forked.go hold here too.

var oomFile = [...]byte{'/', 'p', 'r', 'o', 'c', '/', 's', 'e', 'l', 'f', '/',
	'o', 'o', 'm', '_', 's', 'c', 'o', 'r', 'e', '_', 'a', 'd', 'j', 0}

// resourcesOf does the steps that need the init's rights and its root.
//
//go:nosplit
//go:norace
func (p *plan) resourcesOf() (Stage, syscall.Errno) {
	c := &p.ctx
	if c.OOMSet {
		if errno := p.setOOM(); errno != 0 {
			return StageOOM, errno
		}
	}
	for i := range p.limits {
		l := &p.limits[i]
		if _, _, errno := syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(resources[l.Resource]),
			uintptr(unsafe.Pointer(&l.Cur)), 0, 0, 0); errno != 0 {
			p.item = uint32(l.Resource)
			return StageLimit, errno
		}
	}
	if c.NiceSet {
		if _, _, errno := syscall.RawSyscall(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(c.Nice)); errno != 0 {
			return StageNice, errno
		}
	}
	if c.IOPrio != 0 {
		const process = 1 // IOPRIO_WHO_PROCESS
		if _, _, errno := syscall.RawSyscall(unix.SYS_IOPRIO_SET, process, 0, uintptr(c.IOPrio)); errno != 0 {
			return StageIonice, errno
		}
	}
	if c.SchedSet {
		p.number = int32(c.SchedPriority) // struct sched_param
		if _, _, errno := syscall.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, uintptr(c.SchedPolicy),
			uintptr(unsafe.Pointer(&p.number))); errno != 0 {
			return StageSched, errno
		}
	}
	if n := len(c.CPUs); n > 0 {
		if _, _, errno := syscall.RawSyscall(unix.SYS_SCHED_SETAFFINITY, 0, uintptr(n)*unsafe.Sizeof(c.CPUs[0]),
			uintptr(unsafe.Pointer(&c.CPUs[0]))); errno != 0 {
			return StageCPUs, errno
		}
	}
	return 0, 0
}

// setOOM writes the child's own score. The kernel leaves that of a process
// alone which shares the memory, if it is by a vfork (fs/proc/base.c,
// __set_oom_adj); a test looks at it.
//
//go:nosplit
//go:norace
func (p *plan) setOOM() syscall.Errno {
	fd, errno := openat(&oomFile[0], unix.O_WRONLY|unix.O_CLOEXEC)
	if errno != 0 {
		return errno
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&p.oom[0])), uintptr(len(p.oom)))
	syscall.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	return errno
}

// narrow does what CAP_SETPCAP is needed for, which a change of user takes.
// KEEP_CAPS goes first, since securebits may lock it; an exec clears it, locked
// or not (capabilities(7)).
//
//go:nosplit
//go:norace
func (p *plan) narrow() (Stage, syscall.Errno) {
	c := &p.ctx
	if c.CapsSet && c.Ambient {
		if _, errno := prctl(unix.PR_SET_KEEPCAPS, 1, 0); errno != 0 {
			return StageCaps, errno
		}
	}
	if c.Securebits != 0 {
		have, errno := prctl(unix.PR_GET_SECUREBITS, 0, 0)
		if errno == 0 {
			_, errno = prctl(unix.PR_SET_SECUREBITS, have|uintptr(c.Securebits), 0)
		}
		if errno != 0 {
			return StageSecurebits, errno
		}
	}
	if !c.CapsSet {
		return 0, 0
	}
	for number := uint32(0); number < 64; number++ {
		p.item = number
		wanted := c.Caps>>number&1 != 0
		have, errno := prctl(unix.PR_CAPBSET_READ, uintptr(number), 0)
		switch {
		case errno != 0 && c.Caps>>number != 0:
			return StageBounding, errno // EINVAL: this kernel has no such one
		case errno != 0:
			p.item = 0
			return 0, 0 // the last was the one before
		case have == 0 && wanted:
			return StageBounding, syscall.EPERM // gone already, and there is no way back
		case have != 0 && !wanted:
			if _, errno = prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0); errno != 0 {
				return StageBounding, errno
			}
		}
	}
	return 0, 0
}

// capData is struct __user_cap_data_struct of capset(2), of which version 3
// takes two: one for each 32 capabilities.
type capData struct{ effective, permitted, inheritable uint32 }

// finish makes the sets exactly Caps, and closes the way to more.
//
//go:nosplit
//go:norace
func (p *plan) finish() (Stage, syscall.Errno) {
	c := &p.ctx
	if c.CapsSet {
		p.capHeader = [2]uint32{unix.LINUX_CAPABILITY_VERSION_3, 0}
		for i := range p.capData {
			half := uint32(c.Caps >> (32 * uint(i)))
			p.capData[i] = capData{half, half, half}
		}
		if _, _, errno := syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&p.capHeader)),
			uintptr(unsafe.Pointer(&p.capData)), 0); errno != 0 {
			return StageCaps, errno
		}
	}
	if c.CapsSet && c.Ambient {
		for number := uint32(0); c.Caps>>number != 0; number++ {
			if c.Caps>>number&1 == 0 {
				continue
			}
			if _, errno := prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(number)); errno != 0 {
				p.item = number
				return StageAmbient, errno // EINVAL before Linux 4.3
			}
		}
	}
	if c.NoNewPrivs {
		if _, errno := prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0); errno != 0 {
			return StageNoNewPrivs, errno
		}
	}
	return 0, 0
}

//go:nosplit
//go:norace
func prctl(option, a, b uintptr) (uintptr, syscall.Errno) {
	got, _, errno := syscall.RawSyscall6(unix.SYS_PRCTL, option, a, b, 0, 0, 0)
	return got, errno
}
