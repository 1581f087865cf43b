package accept

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// D9: start is parallel: each of these waits for what the other one does.
func TestA1_StartIsParallel(t *testing.T) {
	t.Parallel()
	var text string
	const n = 8
	for i := range n {
		text += fmt.Sprintf("task t%d {V} append {D}/f%d x", i, i)
		for j := range n {
			text += fmt.Sprintf(" , waitfile {D}/f%d", j)
		}
		text += "\n"
	}
	in := start(t, text)
	for i := range n {
		in.state(fmt.Sprintf("t%d", i), "exited")
	}
}

// D9: stop is parallel where the graph allows it.
func TestA2_StopIsParallel(t *testing.T) {
	t.Parallel()
	var text string
	for i := range 4 {
		text += fmt.Sprintf("task t%d {V} exit 0\n  stop-exec {V} append {D}/f%d x , waitfile {D}/f0 , waitfile {D}/f1 , waitfile {D}/f2 , waitfile {D}/f3\n  stop TERM 4s\n", i, i)
	}
	in := start(t, text)
	in.settled("t0", "t1", "t2", "t3")
	in.ok("stop", "t0", "t1", "t2", "t3")
	for i := range 4 {
		in.is(fmt.Sprintf("t%d", i), "inactive")
	}
}

// F3: include, relative to the file, in byte order; nothing matched is no fault.
func TestD8_Include(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Files: map[string]string{
		"main.conf":     "include parts/*.inc\ninclude none/*.inc\n" + svc("last", "after b"),
		"parts/2.inc":   svc("b", "after a"),
		"parts/1.inc":   svc("a") + "include deep/x\n",
		"parts/deep/x":  svc("x") + "  afer y\n",
		"parts/3.other": svc("no"),
	}}, "")
	in.settled("a", "b", "last")
	in.wantFirst("+a", "+b", "+last")
	in.must(4, "status", "no")
	in.contains(in.is("x", "failed").reason(), "parts/deep/x:3")
}

// F3: nine includes deep is one too many.
func TestD10_IncludeDepth(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 10 {
		files[fmt.Sprintf("d/%d", i)] = fmt.Sprintf("service s%d /bin/true\ninclude %d\n", i, i+1)
	}
	files["t.conf"] = "include d/0\n"
	r, dir := check(t, files)
	if r.code != 1 || !strings.Contains(r.all(), dir+"/d/7:2") {
		t.Errorf("exit %d, expected 1 and d/7:2:\n%s", r.code, r.all())
	}
}

// openPty gives the master's descriptor and the slave's path, which the
// ordinary user may open.
func openPty(t *testing.T) (*os.File, string) {
	t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("needs /dev/ptmx")
	}
	t.Cleanup(func() { m.Close() })
	var n, unlock uint32
	raw, err := m.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) {
		syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock)))
		syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGPTN, uintptr(unsafe.Pointer(&n)))
	}))
	path := "/dev/pts/" + strconv.Itoa(int(n))
	if asRoot {
		must(t, os.Chown(path, uid, uid))
	}
	return m, path
}

// The kind tty: a session of its own with a controlling terminal.
func TestC9_Tty(t *testing.T) {
	t.Parallel()
	_, path := openPty(t)
	in := start(t, "tty t {V} report {D}/r , append {D}/runs run , waitfile {D}/go , copy /dev/tty {D}/tty\n  tty "+path+"\n  restart always delay 0\n")
	r := in.report("r")
	if r.Fds["0"] != path || r.Fds["1"] != path || r.Fds["2"] != path {
		t.Errorf("descriptors are %v, expected %s", r.Fds, path)
	}
	if r.Sid != r.Pid || r.Pgid != r.Pid {
		t.Errorf("pid %d, group %d, session %d; expected all the same", r.Pid, r.Pgid, r.Sid)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.Pid))
	must(t, err)
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if f[4] == "0" || f[5] != strconv.Itoa(r.Pid) { // tty_nr, tpgid (proc(5))
		t.Errorf("the terminal is %s with foreground group %s, expected one, and %d", f[4], f[5], r.Pid)
	}
	in.kill(r.Pid, syscall.SIGKILL)
	in.appears("runs", 2) // and it comes back on the same terminal
	in.ok("stop", "t")
	in.is("t", "inactive")
}

// The kind tty: a terminal that is not there is a failure with its stage.
func TestC9_TtyMissing(t *testing.T) {
	t.Parallel()
	in := start(t, "tty t {V} sleep\n  tty /dev/no-such-tty\n  restart never\ntty u {V} sleep\n  tty /dev/null\n  restart never\n"+svc("a"))
	in.settled("a")
	in.contains(in.state("t", "failed").reason(), "tty", "ENOENT")
	in.contains(in.state("u", "failed").reason(), "tty")
}

// SPEC 2: the folder of the default socket must be one's own.
func TestF6_FolderOfAnother(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := prepareInit(t, Options{}, svc("a"))
	must(t, os.MkdirAll(in.dir+"/run/mote", 0o777))
	must(t, os.Chmod(in.dir+"/run", 0o777))
	must(t, os.Chmod(in.dir+"/run/mote", 0o777)) // root's, where anybody may write
	in.sock = in.dir + "/run/mote/ctl.sock"
	in.opt.Env = []string{"XDG_RUNTIME_DIR=" + in.dir + "/run"}
	in.exec("init", "-c", in.inside("c"))
	t.Cleanup(in.end)
	in.until("the init has said what it does", func() bool { return in.over() || in.out.text() != "" })
	if r := client(t, uid, []string{"XDG_RUNTIME_DIR=" + in.dir + "/run"}, "ping"); r.code != 5 && !strings.Contains(in.out.text(), "mote/"+strconv.Itoa(in.pid())) {
		t.Errorf("a socket in the folder of another: ping exits %d\n%s", r.code, in.out.text())
	}
	if _, err := os.Stat(in.sock); err == nil {
		t.Errorf("the socket is in the folder of another")
	}
}

// D1, D2: a start waits for what it pulls in, and fails with its reason.
func TestA10_StartNamesTheCulprit(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a", "requires b", "start manual")+svc("b", "requires c", "start manual")+"task c {V} exit 23\n  start manual\n")
	out := in.must(1, "start", "a")
	in.contains(out, "c")
	in.contains(out, "23")
	in.must(0, "start", "--no-wait", "a")
}

// P2: a unit of many quick crashes under a limit never runs more often.
func TestB2_LimitWithoutWindow(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/runs run , exit 1\n  restart always delay 10ms max 20ms reset 1h limit 5\n")
	in.contains(in.state("a", "failed").reason(), "limit")
	if n := len(in.lines("runs")); n != 6 {
		t.Errorf("%d runs, expected 6", n)
	}
}
