package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// loopback is a port of 127.0.0.1 that nobody has at the moment.
func loopback(t *testing.T) Endpoint {
	t.Helper()
	fd, _, err := ListenInet(&Endpoint{IP: [16]byte{127, 0, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return Endpoint{IP: [16]byte{127, 0, 0, 1}, Port: uint16(at.(*unix.SockaddrInet4).Port)}
}

// connectTo gives a connection to an endpoint, or -1.
func connectTo(t *testing.T, e Endpoint) (fd int) {
	t.Helper()
	family, addr := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(e.Port), Addr: [4]byte(e.IP[:4])})
	switch {
	case e.Path != "":
		family, addr = unix.AF_UNIX, &unix.SockaddrUnix{Name: e.Path}
	case e.V6:
		family, addr = unix.AF_INET6, &unix.SockaddrInet6{Port: int(e.Port), Addr: e.IP}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	if err := uninterrupted(func() error { return unix.Connect(fd, addr) }); err != nil {
		unix.Close(fd)
		return -1
	}
	return fd
}

func listenTCP(t *testing.T, e Endpoint) int {
	t.Helper()
	fd, _, err := ListenInet(&e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestListenInet(t *testing.T) {
	e := loopback(t)
	fd := listenTCP(t, e)
	if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
		t.Error("not close-on-exec")
	}
	if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 {
		t.Error("non-blocking")
	}
	if _, _, err := ListenInet(&e); err != unix.EADDRINUSE {
		t.Errorf("a second one: %v", err)
	}
	udp := e
	udp.UDP = true
	listenTCP(t, udp)
	if _, _, err := ListenInet(&udp); err != unix.EADDRINUSE {
		t.Errorf("a second one of udp: %v", err)
	}
}

// [::] takes both families, and without IPv6 it is 0.0.0.0.
func TestListenInetBoth(t *testing.T) {
	e := loopback(t)
	listenTCP(t, Endpoint{V6: true, Port: e.Port})
	four := connectTo(t, e)
	if four < 0 {
		t.Fatal("not over IPv4")
	}
	unix.Close(four)
	if have, _ := os.ReadFile("/proc/net/if_inet6"); len(have) > 0 {
		six := connectTo(t, Endpoint{IP: [16]byte{15: 1}, V6: true, Port: e.Port})
		if six < 0 {
			t.Fatal("not over IPv6")
		}
		unix.Close(six)
	}
}

// 203.0.113.0/24 is for documentation (RFC 5737): no interface has it.
func TestListenInetEarly(t *testing.T) {
	fd, early, err := ListenInet(&Endpoint{IP: [16]byte{203, 0, 113, 7}, Port: 4242})
	if err != nil || !early {
		t.Fatalf("%t, %v", early, err)
	}
	unix.Close(fd)
	e := loopback(t)
	fd, early, err = ListenInet(&e)
	if err != nil || early {
		t.Fatalf("an address that is there: %t, %v", early, err)
	}
	unix.Close(fd)
}

func TestListenUnix(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	dir := shortDir(t)
	path := filepath.Join(dir, "a", "b", "s")
	s, err := ListenUnix(path, 0o626, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"a": 0o755, "a/b": 0o755, "a/b/s": 0o626} {
		if st, err := os.Lstat(filepath.Join(dir, name)); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
	if now := unix.Umask(0o077); now != 0o077 {
		t.Errorf("the umask is %o", now)
	}
	if flags, _ := unix.FcntlInt(uintptr(s.Fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 {
		t.Error("non-blocking")
	}
	if _, err := ListenUnix(path, 0o600, -1, -1); err == nil || err.Error() != "somebody listens there already" {
		t.Errorf("a second one: %v", err)
	}
	if _, err := dial(t, path); err != nil {
		t.Error(err)
	}
	s.Close()
	if Exists(path) {
		t.Error("the file is left")
	}
}

func TestListenUnixOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a file is given away")
	}
	path := filepath.Join(shortDir(t), "s")
	s, err := ListenUnix(path, 0o660, 1234, 5678)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Uid != 1234 || st.Gid != 5678 || st.Mode&0o7777 != 0o660 {
		t.Errorf("%d:%d %o, %v", st.Uid, st.Gid, st.Mode, err)
	}
	if s.Lost() {
		t.Error("lost")
	}
}

// What is there already: a dead socket is replaced, nothing else is touched.
func TestListenUnixInTheWay(t *testing.T) {
	dir := shortDir(t)
	dead := filepath.Join(dir, "dead")
	s, err := ListenUnix(dead, 0o600, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(s.Fd)
	if s, err = ListenUnix(dead, 0o600, -1, -1); err != nil {
		t.Fatalf("a dead socket: %v", err)
	}
	s.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		if _, err := ListenUnix(path, 0o600, -1, -1); err == nil || !strings.HasPrefix(err.Error(), "something that is not a socket is there") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if data, _ := os.ReadFile(file); string(data) != "kept" {
		t.Error("the file was touched")
	}
	if _, err := ListenUnix(file+"/s", 0o600, -1, -1); err == nil {
		t.Error("a folder below a file")
	}
}

func TestListenUnixAbstract(t *testing.T) {
	name := fmt.Sprintf("@mote-test-%d", os.Getpid())
	s, err := ListenUnix(name, 0o600, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := ListenUnix(name, 0o600, -1, -1); err != unix.EADDRINUSE {
		t.Errorf("a second one: %v", err)
	}
	if _, err := dial(t, name); err != nil {
		t.Error(err)
	}
}

func TestSpoilt(t *testing.T) {
	s, err := ListenUnix(fmt.Sprintf("@mote-test-spoilt-%d", os.Getpid()), 0o600, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := loopback(t)
	udp := e
	udp.UDP = true
	for i, fd := range []int{s.Fd, listenTCP(t, e), listenTCP(t, udp)} {
		if Spoilt(fd) {
			t.Errorf("%d: spoilt from the first", i)
		}
		unix.Shutdown(fd, unix.SHUT_RDWR)
		if !Spoilt(fd) {
			t.Errorf("%d: not seen", i)
		}
	}
}

// A connection counts from its first moment to when the server closes it.
func TestInUse(t *testing.T) {
	limit := maxNetTable
	defer func() { maxNetTable = limit }()
	maxNetTable = 64 << 20 // whatever else this machine does
	e := loopback(t)
	path := filepath.Join(shortDir(t), "s")
	s, err := ListenUnix(path, 0o600, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	both := loopback(t)
	both.IP, both.V6 = [16]byte{}, true
	for _, c := range []struct {
		end  Endpoint
		fd   int
		from Endpoint
		addr string
	}{
		{e, listenTCP(t, e), e, "tcp"},
		{both, listenTCP(t, both), Endpoint{IP: e.IP, Port: both.Port}, "tcp of both"},
		{Endpoint{Path: path}, s.Fd, Endpoint{Path: path}, "unix"},
	} {
		ends := []Endpoint{{Path: "/no/such"}, {IP: [16]byte{127, 0, 0, 9}, Port: c.end.Port}, c.end}
		if InUse(ends) {
			t.Errorf("%s: used at first", c.addr)
		}
		client := connectTo(t, c.from)
		if client < 0 {
			t.Fatalf("%s: no connection", c.addr)
		}
		if !InUse(ends) {
			t.Errorf("%s: a connection that waits is not seen", c.addr)
		}
		if InUse(ends[:2]) {
			t.Errorf("%s: another's connection is", c.addr)
		}
		server, _, err := unix.Accept(c.fd)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(client)
		if !InUse(ends) {
			t.Errorf("%s: the server has not closed it", c.addr)
		}
		unix.Close(server)
		if InUse(ends) {
			t.Errorf("%s: used at the end", c.addr)
		}
	}
}

func TestListenersAndHolder(t *testing.T) {
	e := loopback(t)
	if got := Listeners(nil, e.Port); len(got) != 0 {
		t.Fatalf("%v before", got)
	}
	tcp := Inode(listenTCP(t, e))
	udp := e
	udp.UDP = true
	other := Inode(listenTCP(t, udp))
	if got := Listeners(nil, e.Port); !slices.Equal(got, []uint64{tcp, other}) {
		t.Errorf("%v, want %d and %d", got, tcp, other)
	}
	comm, _ := os.ReadFile("/proc/self/comm")
	pid, name, ok := SocketHolder(tcp)
	if !ok || pid != os.Getpid() || name != strings.TrimSpace(string(comm)) {
		t.Errorf("%d, %q, %t", pid, name, ok)
	}
	if _, _, ok := SocketHolder(1); ok {
		t.Error("a holder of inode 1")
	}
}

// In the way is who has the same address, or all; another address is free.
func TestInTheWay(t *testing.T) {
	one := loopback(t)
	first := Inode(listenTCP(t, one))
	two := one
	two.IP[3] = 2
	second := Inode(listenTCP(t, two))
	three, all, mapped, other, udp := one, Endpoint{Port: one.Port}, Endpoint{Port: one.Port, V6: true, IP: mappedIPv4}, one, one
	three.IP[3] = 3
	copy(mapped.IP[12:], two.IP[:4])
	other.Port ^= 1
	udp.UDP = true
	for _, c := range []struct {
		e    Endpoint
		want []uint64
	}{{one, []uint64{first}}, {two, []uint64{second}}, {mapped, []uint64{second}}, {three, nil}, {other, nil}, {udp, nil}} {
		if got := InTheWay(nil, &c.e); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.e, got, c.want)
		}
	}
	both := InTheWay(nil, &all)
	slices.Sort(both)
	want := []uint64{first, second}
	if slices.Sort(want); !slices.Equal(both, want) {
		t.Errorf("all: %v, want %v", both, want)
	}
	wide := loopback(t)
	wide.IP = [16]byte{}
	got := Inode(listenTCP(t, wide))
	for _, e := range []Endpoint{wide, {Port: wide.Port, IP: one.IP}, {Port: wide.Port, V6: true, IP: [16]byte{15: 1}}} {
		if way := InTheWay(nil, &e); !slices.Equal(way, []uint64{got}) {
			t.Errorf("%v: %v, want %d", e, way, got)
		}
	}
}

// A table that cannot be read to its end says that there may be a connection.
func TestInUseUnreadable(t *testing.T) {
	ends := []Endpoint{{Port: 1}}
	if !inetInUse("/no/such/table", ends) || !unixInUse("/no/such/table", ends) {
		t.Error("a table that is not there")
	}
	if inetInUse("/no/such/tcp6", ends) {
		t.Error("a kernel without IPv6")
	}
	long := filepath.Join(t.TempDir(), "tcp")
	line := "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
	if err := os.WriteFile(long, []byte("heading\n"+strings.Repeat(line, 3*maxNetTable/2/len(line))), 0o600); err != nil {
		t.Fatal(err)
	}
	if !inetInUse(long, ends) {
		t.Error("a table over the limit")
	}
}

func TestParseInet(t *testing.T) {
	for _, c := range []struct {
		line string
		want inetLine
		ok   bool
	}{
		{"   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 77 1 0", inetLine{port: 80, state: 10, inode: 77}, true},
		{" 2: x:y", inetLine{}, false},
		{"", inetLine{}, false},
		{" 3: 0100:0050", inetLine{}, false},
	} {
		if got, ok := parseInet([]byte(c.line)); ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v, %t", c.line, got, ok)
		}
	}
}
