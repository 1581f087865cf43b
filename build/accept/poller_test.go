package accept

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The runtime ends the program at its first collection if it cannot make an epoll set
// then (runtime/netpoll_epoll.go): it has it from the start, while there are descriptors,
// and in each image.
func TestPollerFromTheStart(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	for range 2 {
		sets := 0
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", in.pid()))
		for _, l := range links {
			if to, _ := os.Readlink(l); to == "anon_inode:[eventpoll]" {
				sets++
			}
		}
		if sets != 2 {
			t.Errorf("%d epoll sets, want that of the loop and the runtime's", sets)
		}
		in.upgrade()
	}
}
