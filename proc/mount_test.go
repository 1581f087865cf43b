package proc

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A root of nothing: every folder, mount and node is made or its failure said,
// and a second time all are there.
func TestMountEarly(t *testing.T) {
	got, err := inNamespaces(t, "mountearly", "ROOTDIRS=")
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + got)
	for _, want := range []string{
		"proc /proc made\n", "tmpfs /run made\n", "devpts /dev/pts made\n", "tmpfs /dev/shm made\n",
		"proc /proc there\n", "tmpfs /run there\n", "devpts /dev/pts there\n",
		"0 names in /run\n", "link /dev/fd\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
	if os.Geteuid() == 0 {
		for _, want := range []string{"sysfs /sys made\n", "devtmpfs /dev made\n", "devtmpfs /dev there\n", "node /dev/null\n", "node /dev/console\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q", want)
			}
		}
	} else if want := "devtmpfs /dev cannot mount devtmpfs on /dev: operation not permitted\n"; !strings.Contains(got, want) {
		t.Errorf("no %q", want)
	}
}

// A read-only root without the folders: each failure is said, none ends it.
func TestMountEarlyReadOnly(t *testing.T) {
	got, err := inNamespaces(t, "mountearly", "READONLY=1", "ROOTDIRS=/proc /dev /run")
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + got)
	for _, want := range []string{"proc /proc made\n", "tmpfs /run made\n",
		"sysfs /sys cannot make the mount point /sys: read-only file system\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
}

// Where devtmpfs is missing, the nodes are made by hand: on a read-only root
// in a tmpfs.
func TestMakeDevices(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make device nodes")
	}
	for _, readOnly := range []string{"", "1"} {
		got, err := inNamespaces(t, "mountearly", "NODES=1", "READONLY="+readOnly, "ROOTDIRS=/dev")
		if err != nil {
			t.Fatal(err)
		}
		want := "device nodes /dev made\n"
		if readOnly != "" {
			want = "tmpfs /dev made\n" + want
		}
		if !strings.HasPrefix(got, want) || !strings.Contains(got, "node /dev/console\n") || !strings.Contains(got, "node /dev/null\n") {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

func helperMountEarly() {
	emptyRoot(strings.Fields(os.Getenv("ROOTDIRS"))...)
	if os.Getenv("READONLY") != "" {
		must(unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	}
	show := func(results []MountResult) {
		for _, r := range results {
			state := "made"
			if r.There {
				state = "there"
			}
			if r.Err != nil {
				state = r.Err.Error()
			}
			fmt.Println(r.What, r.Where, state)
		}
	}
	if os.Getenv("NODES") != "" {
		show(makeDevices())
	} else {
		show(MountEarly())
		show(MountEarly())
	}
	if names, err := os.ReadDir("/run"); err == nil {
		fmt.Println(len(names), "names in /run")
	}
	for _, name := range []string{"null", "console"} {
		if st, err := os.Stat("/dev/" + name); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			fmt.Println("node /dev/" + name)
		}
	}
	if _, err := os.Lstat("/dev/fd"); err == nil {
		fmt.Println("link /dev/fd")
	}
}
