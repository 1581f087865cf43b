package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// toDisk is process 1 of the initramfs: it makes the disk the root, with the same
// programs, and mote its init.
const toDisk = `#!/bin/sh
mount -t devtmpfs dev /dev
mount -t ext4 /dev/nvme0n1 /disk || exec sh
cp -a /bin /etc /lib* /disk/ 2>/dev/null
mkdir -p /disk/sbin /disk/proc /disk/sys /disk/dev /disk/run /disk/tmp
cp /init /disk/sbin/init
for n in motectl poweroff; do ln -sf ../sbin/init /disk/bin/$n; done
exec switch_root /disk /sbin/init
`

// replace puts another file in the place of the program of process 1, as a package
// does, and ends the machine.
const replace = `
cat /sbin/init >/sbin/init.new; chmod 755 /sbin/init.new
[ "$1" = kept ] || mv /sbin/init.new /sbin/init
echo "disk-exe $(readlink /proc/1/exe)"
motectl poweroff
`

// TestDisk ends a machine whose root is an ext4 filesystem: it is clean afterwards,
// also when the file that process 1 runs was replaced. Without a new image of its
// own the remount fails, since the kernel keeps the old file for process 1
// (sb_prepare_remount_readonly, fs/namespace.c).
func TestDisk(t *testing.T) {
	for _, how := range []string{"kept", "replaced"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			skipShort(t)
			disk := filepath.Join(t.TempDir(), "disk")
			for _, tool := range []string{"mke2fs", "dumpe2fs"} {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skipf("%v: install e2fsprogs", err)
				}
			}
			if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", disk, "32M").CombinedOutput(); err != nil {
				t.Fatalf("mke2fs: %v: %s", err, out)
			}
			im := withShell(t)
			im.Bytes("first", []byte(toDisk), 0o755)
			im.Dir("disk", 0o755)
			for _, n := range []string{"cp", "mkdir", "ln", "switch_root", "chmod", "mv"} {
				im.Link("bin/"+n, "busybox")
			}
			im.Bytes("etc/mote/services/disk.conf", []byte("task disk /bin/sh /etc/replace "+how+"\n  log console\n"), 0o644)
			im.Bytes("etc/replace", []byte(replace), 0o644)
			m := boot(t, im, "rdinit=/first", "-drive", "file="+disk+",if=none,id=disk,format=raw", "-device", "nvme,drive=disk,serial=1")
			see(t, m, "disk-exe /sbin/init")
			off(t, m, "Power down")
			text := string(m.text)
			for _, bad := range []string{"cannot remount", "EXT4-fs error"} {
				if strings.Contains(text, bad) {
					t.Errorf("it says %q", bad)
				}
			}
			if again := strings.Contains(text, "re-executed"); again != (how == "replaced") {
				t.Errorf("a new image: %v", again)
			}
			head, err := exec.Command("dumpe2fs", "-h", disk).CombinedOutput()
			if err != nil {
				t.Fatalf("dumpe2fs: %v: %s", err, head)
			}
			if s := string(head); !strings.Contains(s, "state:         clean\n") || strings.Contains(s, "needs_recovery") {
				t.Errorf("the filesystem is not clean:\n%s", s)
			}
		})
	}
}
