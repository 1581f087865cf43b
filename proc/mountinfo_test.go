package proc

import (
	"reflect"
	"strings"
	"testing"
)

const testMountinfo = `22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
garbage
30 28 0:40 / /srv/with\040blank\134x rw - nfs4 host:/a\040b rw,vers=4.2
31 28 8:2 /sub /mnt/data ro,relatime master:1 propagate_from:2 - ext4 /dev/sdb1 rw
32 31 0:41 / /mnt/data/fuse rw - fuse.sshfs x:/ rw
33 28 0:42 / /mnt rw - tmpfs tmpfs rw
34 28 0:43 / /auto rw - autofs systemd-1 rw
35 28 8:3 / /over rw - ext4 /dev/c rw
36 35 0:44 / /over rw - nfs h:/ rw
37 28 0:45 / /lower rw - nfs h:/ rw
38 37 8:4 / /lower rw - ext4 /dev/d rw
x 28 0:42 / /bad rw - tmpfs tmpfs rw
40 28 0:42 /bad rw
`

func TestParseMountinfo(t *testing.T) {
	got := ParseMountinfo(testMountinfo)
	if len(got) != 11 {
		t.Fatalf("%d mounts: %+v", len(got), got)
	}
	want := Mount{30, 28, "0:40", "/", `/srv/with blank\x`, "rw", "nfs4", "host:/a b", "rw,vers=4.2"}
	if !reflect.DeepEqual(got[2], want) {
		t.Errorf("%+v", got[2])
	}
	want = Mount{31, 28, "8:2", "/sub", "/mnt/data", "ro,relatime", "ext4", "/dev/sdb1", "rw"}
	if !reflect.DeepEqual(got[3], want) {
		t.Errorf("%+v", got[3])
	}
	if !hasOption("ro,relatime", "ro") || hasOption("errors=remount-ro", "ro") || hasOption("", "ro") {
		t.Error("hasOption")
	}
}

func TestOnRemoteMount(t *testing.T) {
	mounts := ParseMountinfo(testMountinfo)
	links := map[string]string{
		"/usr/nfs": `/srv/with blank\x/bin`, "/rel": "srv/../usr/nfs", "/loop": "loop", "/up": "../../../usr",
		"/ok": "/usr/bin/true",
	}
	looked := ""
	readlink := func(path string) (string, bool) {
		looked += path + " "
		target, ok := links[path]
		return target, ok
	}
	for path, want := range map[string]bool{
		"/":                             false,
		"/bin/sh":                       false,
		`/srv/with blank\x/bin/sh`:      true,
		`/srv/with blank\x`:             true,
		`/srv/with blank\xy`:            false,
		"/usr/nfs/sh":                   true,
		"/rel/sh":                       true,
		"/loop/x":                       false,
		"/up/nfs/x":                     true,
		"/ok":                           false,
		"/mnt/data/fuse/x":              false, // covered by the tmpfs on /mnt
		"/auto/x":                       true,
		"/over/x":                       true,
		"/lower/x":                      false, // a local one lies on top of the NFS
		"/bin/../auto":                  true,
		"/bin/../../..//./over":         true,
		`/srv/../srv/with blank\x/../y`: true,
	} {
		if got := OnRemoteMount(mounts, path, readlink); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	looked = ""
	OnRemoteMount(mounts, "/over/x/y", readlink)
	if looked != "" {
		t.Error("looked into a remote filesystem:", looked)
	}
	// A chroot's table need not have a root.
	if !OnRemoteMount(mounts[2:3], `/srv/with blank\x/a`, readlink) {
		t.Error("no root mount")
	}
}

func TestReadMounts(t *testing.T) {
	mounts, err := ReadMounts()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, m := range mounts {
		found = found || m.Point == "/proc" && m.Type == "proc"
	}
	if !found {
		t.Errorf("no /proc in %+v", mounts)
	}
	if OnNetworkOrFuse("/proc/self/exe") {
		t.Error("/proc/self/exe is said to be remote")
	}
}

func FuzzMountinfo(f *testing.F) {
	f.Add(testMountinfo, "/mnt/data/fuse")
	f.Add("1 1 0:1 / / rw - rootfs rootfs rw\n2 1 0:2 / / rw - x y z\n1 2 0:3 / / rw - x y z\n", "/a/../b")
	f.Fuzz(func(t *testing.T, info, path string) {
		mounts := ParseMountinfo(info)
		for _, m := range mounts {
			if !strings.HasPrefix(m.Point, "/") {
				t.Errorf("%+v", m)
			}
		}
		OnRemoteMount(mounts, path, func(p string) (string, bool) { return path, len(p)%3 == 0 })
	})
}
