package proc

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// initialPIDNamespace is what /proc/self/ns/pid says on the machine itself
// (include/linux/proc_ns.h, PROC_PID_INIT_INO 0xEFFFFFFC).
const initialPIDNamespace = "pid:[4026531836]"

// InitialPIDNamespace reports whether this process is on the machine itself,
// not in a container's pid namespace.
//
// Without a readable /proc, PID 1 asks reboot(2) to disable Ctrl-Alt-Del, which
// a machine wants anyway: it is EINVAL in any other pid namespace and EPERM for
// who may not (kernel/reboot.c, reboot_pid_ns, since Linux 3.4). Only where
// even this says nothing do variables and files decide, for machine unless
// they speak of a container.
func InitialPIDNamespace() bool {
	if link, ok := Readlink("/proc/self/ns/pid"); ok {
		return link == initialPIDNamespace
	}
	if unix.Getpid() != 1 {
		return ContainerEvidence() == ""
	}
	return decideMachine(unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF), ContainerEvidence())
}

func decideMachine(reboot error, evidence string) bool {
	switch reboot {
	case nil:
		return true
	case unix.EINVAL, unix.EPERM:
		return false
	}
	return evidence == ""
}

// InContainer reports whether this process runs in a container: another pid
// namespace, or a sign of one (a container may share the machine's pids).
func InContainer() bool {
	return !InitialPIDNamespace() || ContainerEvidence() != ""
}

// ContainerEvidence names what a container's maker left, or is "".
func ContainerEvidence() string {
	// The variable is systemd's convention (Container Interface), kept by
	// podman, lxc and nspawn.
	if kind, ok := unix.Getenv("container"); ok && kind != "" {
		return "container=" + kind
	}
	for _, path := range [...]string{"/.dockerenv", "/run/.containerenv", "/run/systemd/container"} {
		if Exists(path) {
			return path
		}
	}
	return ""
}

// CADOff makes Ctrl-Alt-Del an INT for PID 1 in place of an instant reboot.
func CADOff() error {
	return cannot("disable the instant reboot of ctrl-alt-del", unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF))
}

// NewSession makes PID 1 a session and a group of its own; the kernel starts
// it in number 0. Whoever leads already stays as it is.
func NewSession() { unix.Setsid() }

// maxHostname is __NEW_UTS_LEN (linux/utsname.h).
const maxHostname = 64

// SetHostname sets the name of /etc/hostname and returns it. A missing file is
// no error and sets nothing.
func SetHostname() (string, error) {
	data, err := readRegular("/etc/hostname", 4096)
	if err == unix.ENOENT {
		return "", nil
	}
	if err != nil {
		return "", cannot("read /etc/hostname", err)
	}
	name, err := ParseHostname(string(data))
	if err != nil || name == "" {
		return "", cannot("set the host name of /etc/hostname", err)
	}
	return name, cannot("set the host name "+shown(name), unix.Sethostname([]byte(name)))
}

// ParseHostname gives the first line that is neither empty nor a comment
// (hostname(5)), without blanks around it. No such line is "".
func ParseHostname(text string) (string, error) {
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) > maxHostname {
			return "", reason("it has " + utoa(uint32(len(line))) + " bytes: the limit is " + utoa(maxHostname))
		}
		for i := range len(line) {
			if c := line[i]; c <= ' ' || c >= 0x7f {
				return "", reason(shown(line) + " has a byte that a name cannot have")
			}
		}
		return line, nil
	}
	return "", nil
}

// LoopbackUp sets the interface lo up, and the kernel gives it its addresses
// (net/ipv4/devinet.c, NETDEV_UP). Any socket will do for the call; a Unix one
// is there on a kernel without IPv4 too.
func LoopbackUp() error {
	const doing = "set the interface lo up"
	fd, err := newSocket(unix.SOCK_DGRAM)
	if err != nil {
		return cannot(doing, err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr)
	}
	if err == nil && ifr.Uint16()&unix.IFF_UP == 0 {
		ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
	}
	return cannot(doing, err)
}

// userHZ is the unit of times in /proc on all of Go's Linux ports.
const userHZ = 100

// ProcInfo gives the resident memory in bytes and the processor time in
// milliseconds of one process; false when it is gone or /proc is. One read of one
// file answers both, and takes no lock that a hung process holds.
func ProcInfo(pid int) (memoryBytes, cpuMS int64, ok bool) {
	fd, err := unix.Open("/proc/"+utoa(uint32(pid))+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, 0, false
	}
	var buf [statBytes]byte
	n, err := unix.Read(fd, buf[:])
	unix.Close(fd)
	if err != nil || n <= 0 {
		return 0, 0, false
	}
	s, ok := parseStat(unsafe.String(&buf[0], n)) // which keeps nothing of it
	return s.pages * int64(unix.Getpagesize()), s.ticks * (1000 / userHZ), ok
}

// statBytes is more than a line of /proc/PID/stat has: 52 numbers and a name.
const statBytes = 1280
