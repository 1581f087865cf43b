package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What is no watchdog is said, and not kept open (TestMain looks). The rest is in
// build/boot, on a kernel that has one.
func TestOpenWatchdog(t *testing.T) {
	fifo := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/dev/no-such-dog": "no such file or directory",
		"/dev/null":        "it is no watchdog: inappropriate ioctl for device",
		fifo:               "it is no character device",
		"/":                "it is no character device",
	} {
		if w, err := OpenWatchdog(path, 30); w != nil || text(err) != "cannot open the watchdog "+path+": "+want {
			t.Errorf("%s: %v, %v", path, w, err)
		}
	}
}
