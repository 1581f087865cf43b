package pid1

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/proc"
)

// lingering gives a connection whose last close takes a minute: nobody reads what
// it has still to send.
func lingering(t *testing.T, l net.Listener) int {
	t.Helper()
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err = unix.Connect(c, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(c, true)
	for block := make([]byte, 64<<10); err == nil; {
		_, err = unix.Write(c, block)
	}
	unix.SetNonblock(c, false)
	if err := unix.SetsockoptLinger(c, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 60}); err != nil {
		t.Fatal(err)
	}
	return c
}

// swift fails when the init is held up. A close that waits takes a minute.
func swift(t *testing.T, what string, do func()) {
	t.Helper()
	began := proc.Now()
	do()
	if took := time.Duration(proc.Now() - began); took > 20*time.Second {
		t.Fatalf("%s took %v", what, took)
	}
}

// Whoever can reach a notify socket can put the last descriptor of a file into its
// queue whose close takes long.
func TestNotifyLingering(t *testing.T) {
	in, _ := speaker(t, speaking)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	main := in.units[0].main
	send := func(text string) {
		c := lingering(t, l)
		swift(t, "a message with a descriptor", func() {
			name := &unix.SockaddrUnix{Name: proc.SocketName(int(in.units[0].notify))}
			s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err == nil {
				err = unix.Sendmsg(s, []byte(text), unix.UnixRights(c), name, 0)
			}
			unix.Close(s)
			unix.Close(c)
			if err != nil {
				t.Fatal(err)
			}
			in.turn()
		})
	}
	taken := func() bool { return in.units[0].taker == 0 && len(in.procs) == 1 }
	before := descriptors(t)
	send("STATUS=first") // its own, but nothing that is to be stored
	in.until(t, "it is taken", taken)
	in.units[0].main = 1 << 22 // from here on of a stranger
	send("STATUS=second")
	send("STATUS=third")
	in.until(t, "they are taken", taken)
	in.units[0].main = main
	if n := descriptors(t); n > before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
	if text := in.world.Status(0).Text; text != "first" {
		t.Errorf("it has said %q", text)
	}
	send("STATUS=stale")
	swift(t, "a new socket", func() {
		old := proc.SocketName(int(in.units[0].notify))
		if name, err := in.notifySocket(0); err != nil || name == old {
			t.Errorf("%s: %v", name, err)
		}
	})
	in.until(t, "the old one is closed", func() bool { return len(in.procs) == 1 && descriptors(t) == before })
	send("STATUS=last")
	swift(t, "the end", func() { in.closeNotify(&in.units[0]) })
	in.until(t, "it is closed", func() bool { return len(in.procs) == 1 && descriptors(t) == before-1 })
}

// The names that are in use, which everybody can see, tell nothing of the next:
// else a stranger could take it first.
func TestNotifyNames(t *testing.T) {
	in := testInit(t, speaking+"service b /bin/sleep 1000\n  ready notify\n  restart never\n")
	in.boot(t)
	in.until(t, "both are up", func() bool { return in.units[0].notify > 0 && in.units[1].notify > 0 })
	one, _ := strings.CutSuffix(proc.SocketName(int(in.units[0].notify)), "/a")
	two, _ := strings.CutSuffix(proc.SocketName(int(in.units[1].notify)), "/b")
	if one == two || len(one) != len(two) {
		t.Errorf("%s, %s", one, two)
	}
}

// A look at a sender goes through its parents. Those whom many strangers make
// necessary do not add up in one turn.
func TestNotifyLooks(t *testing.T) {
	in, _ := speaker(t, "service a /bin/sleep 1000\n  ready notify\n  restart never\nservice b /bin/sleep 1000\n  restart never\n")
	in.until(t, "b runs", func() bool { return in.units[1].main > 0 })
	in.units[0].main, in.units[0].sid = 1<<22, 1<<22 // nobody that sends
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	name := &unix.SockaddrUnix{Name: proc.SocketName(int(in.units[0].notify))}
	sent := 0
	for ; err == nil && sent < 8; sent++ { // as of two, by turns
		pid := []int32{int32(unix.Getpid()), int32(unix.Getppid())}[sent%2]
		err = unix.Sendmsg(s, []byte("X=1"), unix.UnixCredentials(&unix.Ucred{Pid: pid}), name, 0)
	}
	if err == unix.EPERM {
		t.Skip("only root may send another's credentials")
	}
	if err != nil {
		t.Fatal(err)
	}
	in.looks = lookBudget - 3
	in.readNotify(0)
	if n, err := unix.IoctlGetInt(int(in.units[0].notify), unix.SIOCINQ); err != nil || n == 0 || !in.again {
		t.Errorf("all %d were looked at: %d, %v, again %v", sent, n, err, in.again)
	}
	in.clock()
	in.readNotify(0)
	if n, err := unix.IoctlGetInt(int(in.units[0].notify), unix.SIOCINQ); err != nil || n != 0 {
		t.Errorf("the rest is left: %d, %v", n, err)
	}
}
