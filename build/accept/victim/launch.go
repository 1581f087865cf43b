package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launch prepares the process that will be the init and becomes it, so that
// the init starts in a world that a case has chosen: a root of its own,
// closed descriptors, ignored and blocked signals, a file limit.
func launch(args []string) {
	f := flag.NewFlagSet("launch", flag.ExitOnError)
	root := f.String("root", "", "make this folder the root, with a new /proc")
	dev := f.String("dev", "few", "few: null, zero, random ...; host: the whole /dev; none: an empty folder")
	groups := f.Bool("cgroup", false, "of a root: mount cgroup version 2 in it, where this process is the root of it")
	closed := f.Bool("close", false, "close descriptors 0, 1 and 2")
	nofile := f.Uint64("nofile", 0, "soft limit of open files")
	ignored := f.String("ignore", "", "signals to ignore")
	blocked := f.String("block", "", "signals to block")
	argv0 := f.String("argv0", "", "the program's name for itself")
	memfd := f.String("memfd", "", "none: memfd_create gives ENOSYS; seals: with MFD_ALLOW_SEALING EINVAL")
	given := f.String("given", "", "VARIABLE=FILE: the number of a sealed memfd with what is in FILE; VARIABLE=unsealed:FILE")
	var children []string
	f.Func("child", "OLD=STEPS: a child that does these steps; pid=OLD in what is given becomes its pid", func(s string) error {
		children = append(children, s)
		return nil
	})
	must(f.Parse(args))
	runtime.LockOSThread()
	if *root != "" {
		if *groups {
			try("unshare", syscall.Unshare(syscall.CLONE_NEWCGROUP))
			try("mkdir", os.MkdirAll(*root+"/sys/fs/cgroup", 0o755))
			try("mount cgroup2", syscall.Mount("cgroup2", *root+"/sys/fs/cgroup", "cgroup2", 0, ""))
		}
		changeRoot(*root, *dev)
	}
	if *nofile != 0 {
		var lim syscall.Rlimit
		must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim))
		lim.Cur = *nofile
		must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim))
	}
	if *ignored != "" {
		signal.Ignore(signalsOf(*ignored)...)
	}
	if *blocked != "" {
		var mask uint64
		for _, s := range signalsOf(*blocked) {
			mask |= 1 << (uint(s.(syscall.Signal)) - 1)
		}
		syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 0, uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0)
	}
	if *closed {
		for fd := range 3 {
			syscall.Close(fd)
		}
	}
	if *given != "" {
		give(*given, children)
	}
	if *memfd != "" {
		refuseMemfd(*memfd == "seals")
	}
	argv := append([]string{}, f.Args()...)
	if *argv0 != "" {
		argv[0] = *argv0
	}
	try("exec "+f.Arg(0), syscall.Exec(f.Arg(0), argv, os.Environ()))
}

// changeRoot makes dir the root of this mount namespace and lets the old one
// go, as container runtimes do (pivot_root(2), the "." "." form).
func changeRoot(dir, dev string) {
	try("mount", syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	try("mount", syscall.Mount(dir, dir, "", syscall.MS_BIND|syscall.MS_REC, ""))
	try("mkdir", os.MkdirAll(dir+"/proc", 0o755))
	try("mount", syscall.Mount("proc", dir+"/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""))
	try("mkdir", os.MkdirAll(dir+"/dev", 0o755))
	switch dev {
	case "host":
		try("mount", syscall.Mount("/dev", dir+"/dev", "", syscall.MS_BIND|syscall.MS_REC, ""))
	case "few":
		try("mount", syscall.Mount("tmpfs", dir+"/dev", "tmpfs", syscall.MS_NOSUID, "mode=755"))
		for _, n := range strings.Fields("null zero full random urandom") {
			path := filepath.Join(dir, "dev", n)
			try("create", os.WriteFile(path, nil, 0o666))
			try("mount", syscall.Mount("/dev/"+n, path, "", syscall.MS_BIND, ""))
		}
	}
	try("chdir", syscall.Chdir(dir))
	try("pivot_root", syscall.PivotRoot(".", "."))
	try("umount", syscall.Unmount(".", syscall.MNT_DETACH))
	try("chdir", syscall.Chdir("/"))
}

// give starts the children, and sets the variable to a memfd that an exec does not close.
func give(given string, children []string) {
	name, path, _ := strings.Cut(given, "=")
	path, unsealed := strings.CutPrefix(path, "unsealed:")
	text, err := os.ReadFile(path)
	must(err)
	for _, c := range children {
		pid, steps, _ := strings.Cut(c, "=")
		child := self(&syscall.SysProcAttr{Setsid: true}, strings.Fields(steps)...)
		text = bytes.ReplaceAll(text, []byte(" pid="+pid+" "), fmt.Appendf(nil, " pid=%d ", child.Process.Pid))
	}
	fd, err := unix.MemfdCreate("given", unix.MFD_ALLOW_SEALING)
	must(err)
	_, err = unix.Pwrite(fd, text, 0)
	must(err)
	if !unsealed {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
		must(err)
	}
	must(os.Setenv(name, strconv.Itoa(fd)))
}

// refuseMemfd has the kernel refuse memfd_create(2) to this thread and all that
// comes from it (seccomp(2)): all of it, or only with seals.
func refuseMemfd(sealsOnly bool) {
	const argument1 = 16 + 8 // of struct seccomp_data: args[1], its lower half on little endian
	errno := uint32(unix.ENOSYS)
	if sealsOnly {
		errno = uint32(unix.EINVAL)
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_MEMFD_CREATE, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: argument1},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.MFD_ALLOW_SEALING, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if !sealsOnly {
		filter[3].Jf = 0
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	try("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	try("seccomp", unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0))
}
