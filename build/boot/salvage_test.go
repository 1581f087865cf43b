package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// staleState is a state that nobody can read, of an init that has a watchdog at 9.
const staleState = "mote-state 1 release=0\nwatchdog path=/dev/watchdog limit=6000000000 fd=9 seconds=6\n"

// before is process 1 before the init: it leaves it the watchdog and the state.
const before = `#!/bin/sh
mount -t devtmpfs dev /dev
insmod /watchdog.ko; insmod /softdog.ko
exec 9>/dev/watchdog
exec /victim launch -given MOTE_STATE=/state -- /init
`

// TestSalvagedWatchdog starts the init with a state that it cannot read: the watchdog
// that the image before has had open is fed all the same, or it would reset the
// machine before it could be opened again.
func TestSalvagedWatchdog(t *testing.T) {
	t.Parallel()
	skipShort(t)
	im := withShell(t)
	for _, name := range []string{"watchdog.ko", "softdog.ko"} {
		data, err := os.ReadFile(modules + name)
		if err != nil {
			t.Skipf("%v: remove out/kernel/vmlinuz and run build/deps.sh", err)
		}
		im.Bytes(name, data, 0o644)
	}
	victim := filepath.Join(t.TempDir(), "victim")
	c := exec.Command("go", "build", "-trimpath", "-o", victim, "../accept/victim")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	im.File("victim", victim, 0o755)
	im.Link("bin/insmod", "busybox")
	im.Bytes("first", []byte(before), 0o755)
	im.Bytes("state", []byte(staleState), 0o644)
	im.Bytes("etc/mote/services/dog.conf", []byte("option watchdog-device /dev/watchdog 6s\n"+
		"task dog /bin/sh -c 'sleep 15; echo dog-$((6*7)); poweroff'\n  log console\n"), 0o644)
	m := boot(t, im, "rdinit=/first")
	see(t, m, "the state cannot be read")
	see(t, m, "dog-42")
	off(t, m, "Power down")
	for _, bad := range []string{"cannot open the watchdog", "watchdog did not stop", "Initiating system reboot"} {
		if strings.Contains(string(m.text), bad) {
			t.Errorf("%q is on the serial line", bad)
		}
	}
}
