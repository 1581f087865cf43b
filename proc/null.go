package proc

import "golang.org/x/sys/unix"

// theNull is /dev/null and theSealed stands in for it; each is opened at its
// first use and kept, -1 before.
var theNull, theSealed int32 = -1, -1

// nullFD is a descriptor for "nothing". Where there is no /dev/null, and a
// machine begins so, it is a sealed empty file: it reads as its end, and
// writes to it fail at once with EPERM. The next call tries /dev/null again.
func nullFD() (int32, error) {
	if theNull >= 0 {
		return theNull, nil
	}
	if fd := openNull(); fd >= 0 {
		theNull = int32(fd)
		return theNull, nil
	}
	if theSealed < 0 {
		fd, err := sealedNull()
		if err != nil {
			return -1, err
		}
		theSealed = fd
	}
	return theSealed, nil
}

func sealedNull() (int32, error) {
	fd, err := unix.MemfdCreate("null", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, err
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return int32(fd), nil
}

// openNull is /dev/null if it is that device, else -1: a regular file of that
// name would fill the disk, a FIFO would block.
func openNull() int {
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return -1
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == unix.Mkdev(1, 3) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_RDWR); err == nil {
			return fd
		}
	}
	unix.Close(fd)
	return -1
}
