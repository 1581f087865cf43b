package proc

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMountWatch(t *testing.T) {
	var w mountWatch
	first := w.allLocal()
	defer unix.Close(w.fd)
	mounts, err := ReadMounts()
	if err != nil {
		t.Fatal(err)
	}
	want := true
	for _, m := range mounts {
		want = want && !remoteType(m.Type)
	}
	if first != want || w.allLocal() != want {
		t.Errorf("allLocal is %t, want %t", first, want)
	}
	w.local = !want // it answers from memory while nothing changes
	if w.allLocal() == want {
		t.Error("the table was read again without a change")
	}
	if unix.Getuid() != 0 {
		t.Skip("needs root to mount")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Skip("cannot mount here: ", err)
	}
	if w.allLocal() != want {
		t.Error("a mount went unnoticed")
	}
	w.local = !want
	unix.Unmount(dir, 0)
	if w.allLocal() != want {
		t.Error("an unmount went unnoticed")
	}
}

// hungMount mounts a FUSE without a server, which it needs none of as long as nobody
// looks into the mount.
func hungMount(t *testing.T) (dir string, dev *os.File) {
	t.Helper()
	if unix.Getuid() != 0 {
		t.Skip("needs root to mount")
	}
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no FUSE here: ", err)
	}
	t.Cleanup(func() { dev.Close() })
	dir = t.TempDir()
	data := "fd=" + strconv.Itoa(int(dev.Fd())) + ",rootmode=40000,user_id=0,group_id=0"
	if err := unix.Mount("test", dir, "fuse.test", 0, data); err != nil {
		t.Skip("cannot mount FUSE here: ", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir, dev
}

// A mount that waits for a server makes every spawn a plain fork.
func TestSpawnBesideFUSE(t *testing.T) {
	dir, dev := hungMount(t)
	if theMounts.allLocal() {
		t.Error("the mount is taken for local")
	}
	// The child hangs in its chdir, as on a dead server; the parent must not.
	s := sh("exit 0")
	s.Dir = dir + "/x"
	p, err := Spawn(s)
	if err != nil {
		t.Fatal(err)
	}
	if done, _ := ReadResult(p.Result); done {
		t.Error("the child did not wait for the server")
	}
	Kill(p.Pid, 9)
	dev.Close() // the server is gone: whoever waits gets an error
	finish(t, p)
}
