package proc

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A limit can be raised by who may, and a child gets that of the start.
func TestRaiseFiles(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if before.Max >= manyFiles {
		t.Skip("the limit is as high as it can be already")
	}
	RaiseFiles()
	var after unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &after); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	want := before
	if os.Geteuid() == 0 {
		want = unix.Rlimit{Cur: manyFiles, Max: manyFiles}
	}
	if after != want && after != before { // a container's root may be without CAP_SYS_RESOURCE
		t.Errorf("the limit is %+v, expected %+v", after, want)
	}
}
