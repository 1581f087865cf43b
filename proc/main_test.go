package proc

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

func init() { runtime.LockOSThread() }

// helperVar names the part that this very file plays in another process.
const helperVar = "PROC_TEST_HELPER"

// TestMain plays a helper's part, or runs the tests and fails if one of them
// has left a descriptor open.
func TestMain(m *testing.M) {
	if name := os.Getenv(helperVar); name != "" {
		helpers[name]()
		os.Exit(0)
	}
	// These are opened once and kept: nothing, the slots, the mount table, and
	// the poller of package os.
	theMounts.allLocal()
	if _, err := nullFD(); err != nil {
		fmt.Fprintln(os.Stderr, "nullFD:", err)
		os.Exit(1)
	}
	makeSlots()
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	before, _ := openFDs()
	code := m.Run()
	after, _ := openFDs()
	for _, fd := range after {
		if !slices.Contains(before, fd) {
			name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			fmt.Fprintf(os.Stderr, "leaked descriptor %d: %s\n", fd, name)
			code = 1
		}
	}
	os.Exit(code)
}

// openFDs lists the open descriptors from 3 on.
func openFDs() ([]int, bool) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return nil, false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	var fds []int
	for _, name := range names {
		if fd, bad := strconv.Atoi(name); bad == nil && fd >= 3 && fd != int(dir.Fd()) {
			fds = append(fds, fd)
		}
	}
	return fds, err == nil
}
