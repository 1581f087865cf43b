package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

func childCode(t *testing.T, ops ...Op) Exit {
	t.Helper()
	pid, err := Child(ops...)
	if err != nil {
		t.Fatal(err)
	}
	waitDead(pid)
	e, _ := Reap(pid)
	return e
}

func TestChild(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name string
		ops  []Op
		want unix.Errno
	}{
		{"nothing", nil, 0},
		{"umount of no mount", []Op{{Kind: OpUmount, Paths: []string{dir}}}, unix.EINVAL},
		{"umount of nothing", []Op{{Kind: OpUmount, Paths: []string{dir + "/x"}}}, unix.ENOENT},
		{"the last error", []Op{{Kind: OpUmount, Paths: []string{dir, dir + "/x"}}, {Kind: OpUmount}}, unix.ENOENT},
		{"read-only of no mount", []Op{{Kind: OpReadOnly, Paths: []string{dir}}}, unix.EINVAL},
		{"swap to nothing", []Op{{Kind: OpSwapOff, Paths: []string{dir + "/x"}}}, unix.ENOENT},
		{"a bad command", []Op{{Kind: OpReboot, Cmd: 1}}, unix.EINVAL},
		{"unknown", []Op{{Kind: 99}}, unix.ENOSYS},
	} {
		want := int(tc.want)
		e := childCode(t, tc.ops...)
		if unix.Getuid() != 0 && want != 0 && e.Code == int(unix.EPERM) {
			continue // that is the answer without root
		}
		if e.Code != want || e.Signal != 0 {
			t.Errorf("%s: %+v, want code %d", tc.name, e, want)
		}
	}
	if _, err := Child(Op{Kind: OpKillAll, Signal: 15}); err == nil {
		t.Error("kill(-1) by another than PID 1")
	}
	if _, err := Child(Op{Kind: OpUmount, Paths: []string{"a\x00b"}}); err == nil {
		t.Error("a NUL in a path")
	}
}

func TestChildUmount(t *testing.T) {
	if unix.Getuid() != 0 {
		t.Skip("needs root to mount")
	}
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			t.Skip("cannot mount here: ", err)
		}
		defer unix.Unmount(dir, unix.MNT_DETACH)
	}
	if e := childCode(t, Op{Kind: OpSync}, Op{Kind: OpReadOnly, Paths: []string{a}}); e.Code != 0 {
		t.Errorf("%+v", e)
	}
	if err := unix.Mkdir(a+"/x", 0o700); err != unix.EROFS {
		t.Errorf("after the remount: %v", err)
	}
	if e := childCode(t, Op{Kind: OpUmount, Paths: []string{a, b}}); e.Code != 0 {
		t.Errorf("%+v", e)
	}
	for _, dir := range []string{a, b} {
		if err := unix.Unmount(dir, 0); err != unix.EINVAL {
			t.Errorf("%s is still mounted: %v", dir, err)
		}
	}
}
