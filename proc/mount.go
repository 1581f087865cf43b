package proc

import "golang.org/x/sys/unix"

// MountResult is one step of MountEarly. There: it was so before.
type MountResult struct {
	What, Where string
	There       bool
	Err         error // a complete sentence
}

type earlyMount struct {
	what, where string
	flags       uintptr
	data        []string // options to try in turn: kernels differ in what they know
}

const hardened = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// earlyMounts is in the order of need: every point but the first lies on an
// earlier one or on the root. The group 5 of terminals (tty) is that of all
// distributions; a user namespace that has no such group refuses it.
var earlyMounts = [...]earlyMount{
	{"proc", "/proc", hardened, []string{""}},
	{"sysfs", "/sys", hardened, []string{""}},
	{"devtmpfs", "/dev", unix.MS_NOSUID, []string{"mode=0755", ""}},
	{"devpts", "/dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC,
		[]string{"gid=5,mode=0620,ptmxmode=0666", "mode=0620,ptmxmode=0666", ""}},
	{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, []string{"mode=1777"}},
	{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, []string{"mode=0755"}},
	{"cgroup2", "/sys/fs/cgroup", hardened, []string{"nsdelegate,memory_recursiveprot", "nsdelegate", ""}},
}

// MountEarly mounts what a machine needs, makes the device nodes where the
// kernel does not, and the links that programs expect in /dev. What is mounted
// already stays. Every step is in the result, failed ones too; none of them
// ends the others.
func MountEarly() []MountResult {
	var results []MountResult
	for i := range earlyMounts {
		m := &earlyMounts[i]
		there, err := m.mount()
		results = append(results, MountResult{What: m.what, Where: m.where, There: there, Err: err})
		if m.where == "/dev" {
			results = append(results, makeDevices()...)
		}
	}
	return results
}

func (m *earlyMount) mount() (there bool, err error) {
	if isMountPoint(m.where) {
		return true, nil
	}
	if !IsDir(m.where) {
		if err := unix.Mkdir(m.where, 0o755); err != nil {
			return false, cannot("make the mount point "+m.where, err)
		}
	}
	for _, data := range m.data {
		err = unix.Mount(m.what, m.where, m.what, m.flags, data)
		if err != unix.EINVAL {
			break
		}
	}
	if err == unix.EBUSY {
		return true, nil // the very same filesystem lies there (mount(2))
	}
	return false, cannot("mount "+m.what+" on "+m.where, err)
}

// isMountPoint asks the mount table, and where there is none yet, whether the
// folder lies on another device than the one above.
func isMountPoint(path string) bool {
	if mounts, err := ReadMounts(); err == nil && len(mounts) > 0 {
		for i := range mounts {
			if mounts[i].Point == path {
				return true
			}
		}
		return false
	}
	var st, above unix.Stat_t
	if unix.Lstat(path, &st) != nil || unix.Lstat(parentOf(path), &above) != nil {
		return false
	}
	return st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Dev != above.Dev
}

// devices are those that nearly everything needs (admin-guide/devices.txt).
var devices = [...]struct {
	name         string
	mode         uint32
	major, minor uint32
}{
	{"console", 0o600, 5, 1}, {"null", 0o666, 1, 3}, {"tty", 0o666, 5, 0}, {"kmsg", 0o600, 1, 11},
	{"zero", 0o666, 1, 5}, {"full", 0o666, 1, 7}, {"random", 0o666, 1, 8}, {"urandom", 0o666, 1, 9},
}

var deviceLinks = [...][2]string{
	{"/proc/self/fd", "/dev/fd"}, {"fd/0", "/dev/stdin"}, {"fd/1", "/dev/stdout"}, {"fd/2", "/dev/stderr"},
	{"pts/ptmx", "/dev/ptmx"},
}

// makeDevices makes the nodes that are missing. A /dev that is empty and takes
// none, because the root is read-only, gets a tmpfs. Links are a courtesy:
// nobody is told when they cannot be made.
func makeDevices() (results []MountResult) {
	made, err := makeNodes()
	if err != nil {
		if names, e := listDir("/dev"); e == nil && len(names) == 0 && !isMountPoint("/dev") {
			e := unix.Mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID, "mode=0755")
			results = append(results, MountResult{What: "tmpfs", Where: "/dev", Err: cannot("mount tmpfs on /dev", e)})
			if e == nil {
				made, err = makeNodes()
			}
		}
	}
	if made || err != nil {
		results = append(results, MountResult{What: "device nodes", Where: "/dev", Err: err})
	}
	for _, l := range deviceLinks {
		unix.Symlink(l[0], l[1])
	}
	return results
}

// makeNodes reports whether it made any, and the first failure.
func makeNodes() (made bool, first error) {
	for i := range devices {
		d := &devices[i]
		path := "/dev/" + d.name
		err := unix.Mknod(path, unix.S_IFCHR|d.mode, int(unix.Mkdev(d.major, d.minor)))
		switch {
		case err == nil:
			made = true
			unix.Chmod(path, d.mode) // whatever the umask is
		case err != unix.EEXIST && first == nil && !Exists(path):
			first = cannot("make "+path, err)
		}
	}
	return made, first
}
