package proc

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What was written is read back whole, as often as one likes, and nobody can change
// it; what is not such a file is refused, each for its reason.
func TestSealed(t *testing.T) {
	s, err := NewSealed("proc-test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := strings.Repeat("0123456789abcdef", 1<<16)
	for part := want; part != ""; part = part[1<<18:] {
		if err := s.Write([]byte(part[:1<<18])); err != nil {
			t.Fatal(err)
		}
	}
	read := func(fd, limit int, want string) {
		t.Helper()
		text, err := ReadSealed(fd, limit)
		if err == nil || text != "" || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d bytes, %v; want %q", len(text), err, want)
		}
	}
	read(s.FD(), 1<<20, ": it is not sealed against writing")
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if text, err := ReadSealed(s.FD(), 1<<20); err != nil || text != want {
			t.Errorf("%d bytes of %d: %v", len(text), len(want), err)
		}
	}
	read(s.FD(), 1<<20-1, ": 1048576 bytes: the limit is 1048575")
	if err := s.Write([]byte("x")); err == nil || err.Error() != "cannot write the memory file proc-test: operation not permitted" {
		t.Errorf("a write after the seal: %v", err)
	}
	if err := unix.Ftruncate(s.FD(), 0); err != unix.EPERM {
		t.Errorf("a truncation after the seal: %v", err)
	}
	if err := s.Seal(); err == nil || !strings.HasPrefix(err.Error(), "cannot seal the memory file proc-test: ") {
		t.Errorf("a second seal: %v", err)
	}
	pipe := make([]int, 2)
	if err := unix.Pipe2(pipe, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[1])
	read(pipe[0], 1<<20, ": it is no memory file")
	unix.Close(pipe[0])
	read(pipe[0], 1<<20, ": bad file descriptor")
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := ReadSealed(int(file.Fd()), 10); err == nil {
		t.Error("an ordinary file was read")
	}
}

// A memory file without the right to seals (a kernel before 3.17 has none) says so.
func TestNoSeals(t *testing.T) {
	fd, err := unix.MemfdCreate("proc-test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	s := &Sealed{fd, "proc-test"}
	defer s.Close()
	if err := s.Seal(); err == nil || err.Error() != "cannot seal the memory file proc-test: operation not permitted: it can have no seals (fcntl(2), F_ADD_SEALS)" {
		t.Error(err)
	}
}
