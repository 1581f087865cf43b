package proc

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lingers fills a TCP connection to a server that does not read, and makes its
// last close take a minute.
func lingers(t *testing.T, c int) {
	t.Helper()
	e := loopback(t)
	l := listenTCP(t, e)
	t.Cleanup(func() { unix.Close(l) })
	addr, err := unix.Getsockname(l)
	if err == nil {
		err = unix.Connect(c, addr)
	}
	if err == nil {
		err = unix.SetNonblock(c, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 64<<10); err == nil; {
		_, err = unix.Write(c, block)
	}
	unix.SetNonblock(c, false)
	if err := unix.SetsockoptLinger(c, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 60}); err != nil {
		t.Fatal(err)
	}
}

// sendLingering sends the last descriptor of such a connection.
func sendLingering(t *testing.T, s int) {
	t.Helper()
	c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	lingers(t, c)
	err = unix.Sendmsg(s, []byte("x"), unix.UnixRights(c), nil, 0)
	unix.Close(c)
	if err != nil {
		t.Fatal(err)
	}
}

// atOnce does what a minute's linger must not hold up, and reaps the child that
// was made for it.
func atOnce(t *testing.T, do func()) {
	t.Helper()
	began := Now()
	do()
	if took := time.Duration(Now() - began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			return
		}
	}
}

func TestHangUp(t *testing.T) {
	for _, strange := range []bool{false, true} {
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Write(p[1], []byte("ab"))
		if strange {
			sendLingering(t, p[1])
		}
		atOnce(t, func() {
			var buf [8]byte
			n, is, err := ReadPlain(p[0], buf[:])
			if is != strange || err != nil || n != 2 && !strange || n != 0 && strange {
				t.Errorf("%v: %d, %v, %v", strange, n, is, err)
			}
			HangUp(p[0])
		})
		if _, err := unix.Read(p[1], make([]byte, 1)); err != nil && err != unix.ECONNRESET {
			t.Error(err)
		}
		unix.Close(p[1])
	}
}

func TestReadPlainEnd(t *testing.T) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var buf [1]byte
	if n, strange, err := ReadPlain(p[0], buf[:]); n != 0 || strange || err != unix.EAGAIN {
		t.Errorf("empty: %d, %v, %v", n, strange, err)
	}
	unix.Close(p[1])
	if n, strange, err := ReadPlain(p[0], buf[:]); n != 0 || strange || err != nil {
		t.Errorf("at the end: %d, %v, %v", n, strange, err)
	}
	HangUp(p[0])
}

// A connection that nobody has accepted can hold descriptors.
func TestSocketCloseLingering(t *testing.T) {
	path := shortDir(t) + "/s"
	s, err := ListenUnix(path, 0o600, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dial(t, path)
	if err != nil {
		t.Fatal(err)
	}
	sendLingering(t, c)
	atOnce(t, s.Close)
	if Exists(path) {
		t.Error("its file is still there")
	}
}

// Who has a listening socket can make a connection of it.
func TestSocketCloseConnected(t *testing.T) {
	e := loopback(t)
	fd, _, err := ListenInet(&e)
	if err != nil {
		t.Fatal(err)
	}
	unix.Shutdown(fd, unix.SHUT_RDWR)
	lingers(t, fd)
	s := Socket{Fd: fd}
	atOnce(t, s.Close)
}

// Who logs can send descriptors, too.
func TestReceiveLingering(t *testing.T) {
	path := shortDir(t) + "/log"
	s, err := ListenDatagrams(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newSocket(unix.SOCK_DGRAM)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(c)
	if err := unix.Connect(c, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	sendLingering(t, c)
	unix.Write(c, []byte("next"))
	var buf [8]byte
	atOnce(t, func() {
		for _, want := range []string{"x", "next"} {
			if n, pid, _, ok := Receive(s.Fd, buf[:], false); !ok || string(buf[:n]) != want || pid != unix.Getpid() {
				t.Errorf("%q, %v", buf[:n], ok)
			}
		}
		if _, _, _, ok := Receive(s.Fd, buf[:], false); ok {
			t.Error("there is more")
		}
	})
	sendLingering(t, c)
	atOnce(t, s.Close)
}
