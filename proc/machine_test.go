package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	helpers["inmachine"] = helperInMachine
	helpers["mountearly"] = helperMountEarly
	helpers["stdio"] = helperStdio
	helpers["loopback"] = helperLoopback
	helpers["descendants"] = helperDescendants
	helpers["killall"] = helperKillAll
	helpers["end"] = helperEnd
	helpers["pause"] = func() { fmt.Println("up"); unix.Pause() }
}

// inNamespaces runs this test file as a helper in new pid, mount, network and
// uts namespaces, and without root in a new user namespace too. It gives what
// the helper prints, and how it ended.
func inNamespaces(t *testing.T, name string, env ...string) (string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), helperVar+"="+name, "container=", "TMPDIR="+t.TempDir()), env...)
	cmd.Stderr = os.Stderr
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd.SysProcAttr = attr
	timer := time.AfterFunc(2*patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.Output()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		t.Skip("no namespaces here:", err)
	}
	return string(out), err
}

// privately is the first act of a helper that mounts: nothing of what it does
// reaches the machine. It refuses to go on where it would.
func privately() {
	if os.Getpid() != 1 {
		panic("not alone in a pid namespace")
	}
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// emptyRoot makes a tmpfs the root, with the folders named in it.
func emptyRoot(dirs ...string) {
	privately()
	dir, err := os.MkdirTemp("", "root")
	must(err)
	must(unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"))
	for _, d := range dirs {
		must(os.MkdirAll(dir+d, 0o755))
	}
	must(unix.Chdir(dir))
	must(unix.Chroot("."))
}

func TestInitialPIDNamespace(t *testing.T) {
	if link, err := os.Readlink("/proc/self/ns/pid"); err == nil && InitialPIDNamespace() != (link == "pid:[4026531836]") {
		t.Error(link)
	}
	got, err := inNamespaces(t, "inmachine")
	if want := "false true\nfalse true\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// helperInMachine asks with /proc and without it.
func helperInMachine() {
	fmt.Println(InitialPIDNamespace(), InContainer())
	emptyRoot()
	fmt.Println(InitialPIDNamespace(), InContainer())
}

func TestDecideMachine(t *testing.T) {
	for _, c := range []struct {
		err      error
		evidence string
		want     bool
	}{
		{nil, "", true}, {nil, "/.dockerenv", true}, {unix.EINVAL, "", false}, {unix.EPERM, "", false},
		{unix.ENOSYS, "", true}, {unix.ENOSYS, "container=lxc", false},
	} {
		if got := decideMachine(c.err, c.evidence); got != c.want {
			t.Errorf("%v %q: %v", c.err, c.evidence, got)
		}
	}
}

func TestContainerEvidence(t *testing.T) {
	t.Setenv("container", "lxc")
	if got := ContainerEvidence(); got != "container=lxc" || !InContainer() {
		t.Error(got)
	}
}

// With nothing in /dev each number is held, 0 reads as an end of file, and a
// write to 1 fails; with a /dev/null it is that.
func TestEnsureStdio(t *testing.T) {
	got, err := inNamespaces(t, "stdio")
	want := "empty: 3 open, read 0 <nil>, write -1 invalid argument, next 3\n" +
		"console: 3 open, 1 is a FIFO false\n" +
		"closed 1: 3 open\n" +
		"a folder as 1: 3 open\n"
	if err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func helperStdio() {
	emptyRoot("/dev")
	out, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 100)
	must(err)
	say := func(format string, args ...any) { unix.Write(out, fmt.Appendf(nil, format, args...)) }
	count := func() (n int) {
		for fd := range 3 {
			if stdioKind(fd) != stdioClosed {
				n++
			}
		}
		return n
	}
	for fd := range 20 {
		unix.Close(fd)
	}
	EnsureStdio(false)
	n, rerr := unix.Read(0, make([]byte, 8))
	w, werr := unix.Write(1, []byte("x"))
	next, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(err)
	unix.Close(next)
	say("empty: %d open, read %d %v, write %d %v, next %d\n", count(), n, rerr, w, werr, next)

	// A FIFO stands in for a console that has appeared: what leads nowhere
	// moves there.
	must(unix.Mkfifo("/dev/console", 0o600))
	EnsureStdio(true)
	var st unix.Stat_t
	must(unix.Fstat(1, &st))
	say("console: %d open, 1 is a FIFO %v\n", count(), st.Mode&unix.S_IFMT != unix.S_IFIFO)
	unix.Close(1)
	EnsureStdio(false)
	say("closed 1: %d open\n", count())
	unix.Close(1)
	_, err = unix.Open("/", unix.O_RDONLY, 0)
	must(err)
	EnsureStdio(false)
	say("a folder as 1: %d open\n", count())
}

func TestLoopbackAndHostname(t *testing.T) {
	got, err := inNamespaces(t, "loopback")
	want := "up <nil>\nagain <nil>\nconnected\nno file: \"\" <nil>\nname \"box\" <nil>, box\n" +
		"bad: cannot set the host name of /etc/hostname: \"a b\" has a byte that a name cannot have\n"
	if err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func helperLoopback() {
	fmt.Println("up", LoopbackUp())
	fmt.Println("again", LoopbackUp())
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 8080}))
	must(unix.Listen(l, 1))
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	must(unix.Connect(c, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 8080}))
	fmt.Println("connected")
	emptyRoot("/etc")
	name, err := SetHostname()
	fmt.Printf("no file: %q %v\n", name, err)
	must(os.WriteFile("/etc/hostname", []byte("# us\nbox\n"), 0o644))
	name, err = SetHostname()
	var uts unix.Utsname
	must(unix.Uname(&uts))
	fmt.Printf("name %q %v, %s\n", name, err, unix.ByteSliceToString(uts.Nodename[:]))
	must(os.WriteFile("/etc/hostname", []byte("a b\n"), 0o644))
	_, err = SetHostname()
	fmt.Println("bad:", err)
}
