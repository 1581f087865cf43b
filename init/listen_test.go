package pid1

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// The sockets of a unit are matched with its lines: what is asked for again
// stays the same socket, whatever its name and place.
func TestOpenSockets(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := testInit(t, fmt.Sprintf("service a /bin/true\n  listen unix %s/x mode 600\n  listen unix %[1]s/y name why\n", dir))
	id := in.unit(t, "a")
	t.Cleanup(func() { in.closeSockets(id) })
	if bad := in.openSockets(id); bad != nil {
		t.Fatal(bad.words())
	}
	first := in.passed(id)
	if len(first) != 2 || first[0].name != "a" || first[1].name != "why" {
		t.Fatalf("%+v", first)
	}
	if bad := in.openSockets(id); bad != nil || in.passed(id)[0] != first[0] {
		t.Errorf("opened again: %+v, were %+v", in.passed(id), first)
	}
	// Another order, another name, a mode that changes, one more that cannot be.
	u := in.world.Unit(id)
	u.Duty.Listen[0], u.Duty.Listen[1] = u.Duty.Listen[1], u.Duty.Listen[0]
	u.Duty.Listen[0].Name = "now"
	u.Duty.Listen[1].Mode = 0o666
	u.Duty.Listen = append(u.Duty.Listen, graph.Listen{Kind: graph.ListenUnix, Path: "/proc/version/s", Mode: -1})
	bad := in.openSockets(id)
	if bad == nil || !strings.HasPrefix(bad.words(), "listen: unix /proc/version/s: ") {
		t.Fatalf("%v", bad)
	}
	if got := in.units[id].socks.list; len(got) != 1 || got[0].sock.Fd != first[1].fd {
		t.Errorf("%+v is left, were %+v", got, first)
	}
	if _, err := os.Lstat(dir + "/x"); err == nil {
		t.Error("the file of a socket that was closed is left")
	}
	u.Duty.Listen = u.Duty.Listen[:2]
	if bad := in.openSockets(id); bad != nil {
		t.Fatal(bad.words())
	}
	if got := in.passed(id); len(got) != 2 || got[0] != (passedFD{first[1].fd, "now"}) || got[1].name != "a" {
		t.Errorf("%+v, were %+v", got, first)
	}
	if st, err := os.Lstat(dir + "/x"); err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", st, err)
	}
	// One whose file is gone is made again; the others stay.
	os.Remove(dir + "/x")
	if bad := in.openSockets(id); bad != nil || in.passed(id)[0].fd != first[1].fd {
		t.Errorf("%v, %+v", bad, in.passed(id))
	}
	if _, err := os.Lstat(dir + "/x"); err != nil {
		t.Error(err)
	}
	u.Duty.Listen = nil
	if bad := in.openSockets(id); bad != nil || in.units[id].socks != nil {
		t.Errorf("%v, %+v", bad, in.units[id].socks)
	}
	if _, err := os.Lstat(dir + "/y"); err == nil {
		t.Error("the file of a socket that nobody wants is left")
	}
}

// A socket on which nobody can connect any more is opened again.
func TestOpenSocketsSpoilt(t *testing.T) {
	in := testInit(t, "service a /bin/true\n  listen unix @mote-test-spoilt\n")
	id := in.unit(t, "a")
	t.Cleanup(func() { in.closeSockets(id) })
	in.openForFirst(id)
	if socks := in.units[id].socks; socks == nil || !socks.polled {
		t.Fatal("not waited for")
	}
	unix.Shutdown(in.passed(id)[0].fd, unix.SHUT_RDWR)
	in.turn()
	if socks := in.units[id].socks; socks == nil || socks.polled {
		t.Fatal("its end is not seen")
	}
	if bad := in.openSockets(id); bad != nil || in.units[id].socks.list[0].lost() {
		t.Error("it is as it was")
	}
}
