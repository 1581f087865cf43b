package proc

import "golang.org/x/sys/unix"

// manyFiles is the kernel's default of /proc/sys/fs/nr_open, the most that a
// limit can be.
const manyFiles = 1 << 20

// RaiseFiles lets this process have as many descriptors as there may be: each
// unit that runs takes two of them, and the kernel starts PID 1 with 4096
// (INR_OPEN_MAX, include/uapi/linux/fs.h). Who may not raise the hard limit
// keeps it; the soft one follows it since before main (package first). Children
// get the limits that the init was started with.
func RaiseFiles() {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil && r.Max < manyFiles {
		unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: manyFiles, Max: manyFiles})
	}
}
