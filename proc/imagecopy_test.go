package proc

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// copied takes a copy to its end.
func copied(path string) (*Image, error) {
	c, err := CopyImage(path)
	if err != nil {
		return nil, err
	}
	waitDead(c.Pid)
	e, _ := Reap(c.Pid)
	return c.Image(e)
}

func TestCopyImage(t *testing.T) {
	dir := t.TempDir()
	exe, _ := os.Executable()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	os.Truncate(large, maxImage+1)
	fifo := filepath.Join(dir, "fifo")
	unix.Mkfifo(fifo, 0o777)
	text := filepath.Join(dir, "text")
	os.WriteFile(text, []byte("no program"), 0o755)
	for path, want := range map[string]string{
		exe:           "",
		selfExe:       "",
		dir + "/none": ": cannot be copied into memory: no such file or directory",
		dir:           ": cannot be copied into memory: is a directory",
		large:         ": cannot be copied into memory: file too large",
		fifo:          ": is not a program: name an ELF file",
		text:          ": is not a program: name an ELF file",
		"/a\x00b":     ": invalid argument",
	} {
		img, err := copied(path)
		if want != "" {
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", path, err, want)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		whole, _ := os.ReadFile(exe)
		if text, err := ReadSealed(img.FD(), maxImage); err != nil || text != string(whole) || !img.Same() {
			t.Errorf("%s: %d bytes of %d, %v", path, len(text), len(whole), err)
		}
		img.Close()
	}
	c, err := CopyImage(exe)
	if err != nil {
		t.Fatal(err)
	}
	unix.Kill(c.Pid, unix.SIGKILL)
	waitDead(c.Pid)
	Reap(c.Pid)
	if _, err := c.Image(Exit{Signal: 9}); err == nil || err.Error() != exe+": cannot be copied into memory: it was killed" {
		t.Error(err)
	}
}

// A program on a mount whose server is dead is not opened; the child that copies it
// hangs, holds nothing of ours meanwhile, and can be killed.
func TestCopyImageHangs(t *testing.T) {
	dir, dev := hungMount(t)
	path := dir + "/x"
	if img, err := OpenImage(path); err == nil || err.Error() != path+": "+tooRemote {
		t.Errorf("%v, %v", img, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := CopyImage(path)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.SetReadDeadline(time.Now().Add(patience))
	if n, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the child keeps a pipe open: %d, %v", n, err)
	}
	if ours, ended, _ := ChildState(c.Pid); !ours || ended {
		t.Errorf("the child does not wait: %v, %v", ours, ended)
	}
	Kill(c.Pid, int(unix.SIGKILL))
	dev.Close() // whoever waits gets an error
	waitDead(c.Pid)
	e, _ := Reap(c.Pid)
	if _, err := c.Image(e); err == nil || err.Error() != path+": cannot be copied into memory: it was killed" {
		t.Errorf("%+v, %v", e, err)
	}
}

// A program whose file is gone goes on from a copy of itself, under its own name,
// and then from that copy again.
func TestReexecOfCopy(t *testing.T) {
	exe, _ := os.Executable()
	path := filepath.Join(t.TempDir(), "prog")
	whole, err := os.ReadFile(exe)
	if err == nil {
		err = os.WriteFile(path, whole, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), helperVar+"=copied")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	want := path + " false " + path + " prog\n" +
		path + " (deleted) true /proc/self/exe prog\n" +
		"/memfd:mote (deleted) false /proc/self/exe prog\n" +
		"/memfd:mote (deleted) false /proc/self/exe prog\n"
	if string(out) != want || err != nil {
		t.Errorf("%v\n got %q\nwant %q", err, out, want)
	}
}

func helperCopied() {
	Early()
	say := func() string {
		link, _ := os.Readlink(selfExe)
		comm, _ := os.ReadFile("/proc/self/comm")
		fmt.Print(link, " ", SelfDeleted(), " ", SelfPath(), " ", string(comm))
		return link
	}
	link := say()
	var img *Image
	var err error
	switch os.Getenv("NEXT") {
	case "":
		check(os.Remove(link))
		say()
		img, err = copied(SelfPath())
	case "1":
		img, err = OpenImage(SelfPath())
	default:
		return
	}
	check(err)
	next := "1"
	if strings.HasPrefix(link, "/memfd:") {
		next = "2"
	}
	check(Reexec(img, Args(), append(without(Environ(), "NEXT"), "NEXT="+next), nil))
}

// Where the machine forbids programs in memory the copy says which setting that is.
func TestCopyForbidden(t *testing.T) {
	if !Exists("/proc/sys/vm/memfd_noexec") {
		t.Skip("no such setting before Linux 6.3")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to set it")
	}
	out, err := inNamespaces(t, "copyforbidden")
	if err != nil || out != "cannot make a memory file for the program: vm.memfd_noexec is 2: sysctl vm.memfd_noexec=1\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func helperCopyForbidden() {
	privately()
	must(unix.Mount("proc", "/proc", "proc", 0, ""))
	must(WriteFile("/proc/sys/vm/memfd_noexec", "2"))
	_, err := CopyImage(selfExe)
	fmt.Println(err)
}
