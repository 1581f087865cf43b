package proc

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// elfOf is a small program file: a header, program headers, and what they say is
// loaded.
type elfOf struct {
	wide          bool
	order         binary.ByteOrder
	machine, kind uint16
	interp        string
	segments      int
}

func (e elfOf) bytes() []byte {
	b := make([]byte, 400)
	copy(b, "\x7fELF\x01\x01\x01")
	if e.wide {
		b[4] = 2
	}
	if e.order == binary.BigEndian {
		b[5] = 2
	}
	put := func(at, size int, n uint64) {
		switch size {
		case 2:
			e.order.PutUint16(b[at:], uint16(n))
		case 4:
			e.order.PutUint32(b[at:], uint32(n))
		case 8:
			e.order.PutUint64(b[at:], n)
		}
	}
	put(16, 2, uint64(e.kind))
	put(18, 2, uint64(e.machine))
	// phoff, phentsize, phnum; then in each header type, offset, filesz.
	at, word, sizes, each, offset, filesz := 28, 4, 42, 32, 4, 16
	if e.wide {
		at, word, sizes, each, offset, filesz = 32, 8, 54, 56, 8, 32
	}
	put(at, word, 64)
	put(sizes, 2, uint64(each))
	put(sizes+2, 2, uint64(e.segments))
	for i := range e.segments {
		h := 64 + i*each
		put(h, 4, elfLoad)
		put(h+offset, word, 0)
		put(h+filesz, word, 400)
		if e.interp != "" && i == 0 {
			put(h, 4, elfInterp)
			put(h+offset, word, 350)
			put(h+filesz, word, uint64(copy(b[350:], e.interp+"\x00")))
		}
	}
	return b
}

// what elfOf makes for this machine.
func ownElfOf(t *testing.T) elfOf {
	h, err := ownELF()
	if err != nil {
		t.Fatal(err)
	}
	e := elfOf{wide: h.wide, order: binary.LittleEndian, machine: uint16(h.machine), kind: 2, segments: 2}
	if h.big {
		e.order = binary.BigEndian
	}
	return e
}

// Every file that cannot take the program's place is refused with its reason.
func TestOpenImage(t *testing.T) {
	dir := t.TempDir()
	good := ownElfOf(t)
	file := func(data []byte) string {
		f, err := os.CreateTemp(dir, "x")
		if err != nil {
			t.Fatal(err)
		}
		f.Write(data)
		f.Chmod(0o755)
		f.Close()
		return f.Name()
	}
	with := func(change func(*elfOf)) string {
		e := good
		change(&e)
		return file(e.bytes())
	}
	other, name := uint16(183), "aarch64"
	if good.machine == other {
		other, name = 62, "x86-64"
	}
	own, _ := ownELF()
	plain := file(good.bytes())
	os.Chmod(plain, 0o644)
	fifo := filepath.Join(dir, "fifo")
	unix.Mkfifo(fifo, 0o777)
	exe, _ := os.Executable()
	whole, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	for what, tc := range map[string]struct{ path, want string }{
		"itself":       {exe, ""},
		"a program":    {file(good.bytes()), ""},
		"with loader":  {with(func(e *elfOf) { e.interp = exe }), ""},
		"missing":      {filepath.Join(dir, "none"), "no such file or directory"},
		"a directory":  {dir, "it is a directory, not a regular file"},
		"a FIFO":       {fifo, "it is a FIFO, not a regular file"},
		"a device":     {"/dev/null", "it is a device, not a regular file"},
		"no x":         {plain, "is not executable: chmod +x it"},
		"empty":        {file(nil), "is not a program: name an ELF file"},
		"a script":     {file([]byte("#!/bin/sh\nexit 0\n")), "is not a program: name an ELF file"},
		"four bytes":   {file([]byte("\x7fELF")), "is not a program: name an ELF file"},
		"cut in head":  {file(good.bytes()[:40]), "is cut: it has 40 bytes and needs 64: copy it again"},
		"cut in table": {file(good.bytes()[:100]), "is cut: it has 100 bytes and needs 176: copy it again"},
		"cut":          {file(good.bytes()[:399]), "is cut: it has 399 bytes and needs 400: copy it again"},
		"half of us":   {file(whole[:len(whole)/2]), "is cut: it has "},
		"a library":    {with(func(e *elfOf) { e.kind = 1 }), "is an ELF file and not a program: link it"},
		"no segments":  {with(func(e *elfOf) { e.segments = 0 }), "is not a program: its header says nothing to load"},
		"interp alone": {with(func(e *elfOf) { e.segments, e.interp = 1, "/x" }), "is not a program: its header says nothing to load"},
		"no loader":    {with(func(e *elfOf) { e.interp = "/lib/no such" }), `needs the loader "/lib/no such", which is not there: link it statically (CGO_ENABLED=0)`},
		"machine": {with(func(e *elfOf) { e.machine = other }), "is for " + name + ", this machine runs " + own.name() +
			" programs: build it with GOARCH=" + runtime.GOARCH},
	} {
		t.Run(what, func(t *testing.T) {
			img, err := OpenImage(tc.path)
			if err == nil {
				defer img.Close()
				if !img.Same() || img.Name() != tc.path || !strings.HasPrefix(img.Path(), "/proc/self/fd/") {
					t.Error("not the same at once")
				}
			}
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.path+": "+tc.want)):
				t.Errorf("got %v, want %s: %s", err, tc.path, tc.want)
			}
		})
	}
}

// A program that would run as somebody else is none for this process.
func TestImageBecomes(t *testing.T) {
	for _, tc := range []struct {
		mode uint32
		uid  int
		gid  int
		want bool
	}{
		{0o755, 0, 0, false}, {0o4755, 7, 0, false}, {0o4755, 0, 8, true}, {0o2755, 0, 8, false},
		{0o2755, 7, 0, true}, {0o2745, 7, 0, false}, {0o6755, 7, 8, false}, {0o6755, 7, 0, true},
	} {
		st := unix.Stat_t{Mode: unix.S_IFREG | tc.mode, Uid: 7, Gid: 8}
		if got := becomes(&st, tc.uid, tc.gid); got != tc.want {
			t.Errorf("%o of 7:8 for %d:%d: %v", tc.mode, tc.uid, tc.gid, got)
		}
	}
	if os.Geteuid() != 0 {
		return // only root gives a file away
	}
	path := filepath.Join(t.TempDir(), "x")
	must(os.WriteFile(path, ownElfOf(t).bytes(), 0o755))
	must(os.Chown(path, 7, 8))
	must(os.Chmod(path, os.ModeSetuid|0o755))
	const want = ": is setuid or setgid, and would run as another user or group: chmod ug-s it"
	if img, err := OpenImage(path); err == nil {
		img.Close()
		t.Error("opened")
	} else if err.Error() != path+want {
		t.Errorf("got %v", err)
	}
}

func TestMachineName(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	for _, tc := range []struct {
		wide    bool
		order   binary.ByteOrder
		machine uint16
		want    string
	}{
		{false, le, 3, "386"}, {true, le, 62, "x86-64"}, {true, le, 183, "aarch64"}, {true, be, 183, "aarch64be"},
		{false, le, 40, "arm"}, {false, be, 8, "mips"}, {false, le, 8, "mipsle"}, {true, be, 8, "mips64"},
		{true, le, 8, "mips64le"}, {true, be, 21, "ppc64"}, {true, le, 21, "ppc64le"}, {true, be, 22, "s390x"},
		{true, le, 243, "riscv64"}, {false, le, 243, "riscv"}, {true, le, 258, "loong64"}, {true, le, 9999, "machine 9999"},
	} {
		h, _, ok := parseElf(elfOf{wide: tc.wide, order: tc.order, machine: tc.machine, kind: 2, segments: 3}.bytes())
		if !ok || h.name() != tc.want || h.wide != tc.wide || h.count != 3 || h.table != 64 {
			t.Errorf("%+v is called %s, want %s", h, h.name(), tc.want)
		}
	}
}

// FuzzELF: no header makes the check panic or read without end.
func FuzzELF(f *testing.F) {
	for _, wide := range []bool{true, false} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			e := elfOf{wide: wide, order: order, machine: 62, kind: 2, segments: 2, interp: "/lib/x"}
			f.Add(e.bytes())
			f.Add(e.bytes()[:80])
		}
	}
	fd, err := unix.MemfdCreate("elf", unix.MFD_CLOEXEC)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { unix.Close(fd) })
	f.Fuzz(func(t *testing.T, data []byte) {
		unix.Ftruncate(fd, 0)
		unix.Pwrite(fd, data, 0)
		own, _, ok := parseElf(data)
		err := checkELF(fd, int64(len(data)), &own)
		if err == nil && !ok {
			t.Error("what is no ELF file is taken")
		}
	})
}

// A file that was written is another one. One that has another mode, or more or
// fewer names, is not: it is executed by its descriptor.
func TestImageSame(t *testing.T) {
	e := ownElfOf(t)
	for what, change := range map[string]func(string) error{
		"written":          func(p string) error { return os.WriteFile(p, e.bytes()[:300], 0o755) },
		"same bytes":       func(p string) error { return os.WriteFile(p, e.bytes(), 0o755) },
		"kept":             func(string) error { return nil },
		"kept, mode":       func(p string) error { return os.Chmod(p, 0o700) },
		"kept, linked":     func(p string) error { return os.Link(p, p+"2") },
		"kept, no name":    os.Remove,
		"kept, name taken": func(p string) error { os.WriteFile(p+"2", e.bytes(), 0o755); return os.Rename(p+"2", p) },
	} {
		kept := strings.HasPrefix(what, "kept")
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, e.bytes(), 0o755); err != nil {
			t.Fatal(err)
		}
		img, err := OpenImage(path)
		if err != nil {
			t.Fatal(err)
		}
		tick() // of the clock that file times are taken from
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if img.Same() != kept {
			t.Errorf("%s: Same is %v", what, img.Same())
		}
		if !kept {
			if err := Reexec(img, []string{"x"}, nil, nil); err == nil || err.Error() != path+": was changed since it was checked: try again" {
				t.Errorf("%s: %v", what, err)
			}
		}
		img.Close()
	}
}

// tick waits until a file that is changed has another time than one that was
// changed before.
func tick() {
	var from, now unix.Timespec
	unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &from)
	for now = from; now == from; {
		unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now)
	}
}

// A program on a mount with noexec, and one that is to be executed without /proc,
// are refused for that.
func TestImageElsewhere(t *testing.T) {
	out, err := inNamespaces(t, "elsewhere")
	const want = "/x: is on a mount with noexec: copy it elsewhere\n" +
		"/proc is not mounted: mount it\n" +
		"/y: /proc is not mounted: mount it\n"
	if out != want || err != nil {
		t.Errorf("%v\n got %q\nwant %q", err, out, want)
	}
}

func helperElsewhere() {
	exe, err := os.ReadFile(selfExe)
	must(err)
	emptyRoot("/proc", "/dev")
	must(unix.Mount("proc", "/proc", "proc", 0, ""))
	must(os.WriteFile("/x", exe, 0o755))
	must(os.WriteFile("/y", exe, 0o755))
	img, err := OpenImage("/y")
	must(err)
	must(unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOEXEC, ""))
	_, err = OpenImage("/x")
	fmt.Println(err)
	must(unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, ""))
	must(unix.Unmount("/proc", 0))
	_, err = OpenImage("/x")
	fmt.Println(err)
	fmt.Println(Reexec(img, Args(), nil, nil))
}

// What the image before has left open, and nobody takes over, is closed; the rest
// is not.
func TestCloseInherited(t *testing.T) {
	var fds []int
	for range 3 {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		fds = append(fds, fd)
	}
	if err := Inherit(fds[:2]); err != nil {
		t.Fatal(err)
	}
	stray := CloseInherited(func(fd int) bool { return fd != fds[0] })
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if pid, ok := NextExit(); ok { // it has closed them
			Reap(pid)
			break
		}
	}
	if !slices.Equal(stray, fds[:1]) {
		t.Errorf("%v, want %v", stray, fds[:1])
	}
	for i, want := range []unix.Errno{unix.EBADF, 0, 0} {
		if _, errno := fcntl(fds[i], unix.F_GETFD, 0); errno != want {
			t.Errorf("descriptor %d: %v, want %v", i, errno, want)
		}
	}
}

// An exec that fails says why, and leaves descriptors, dispositions and the limit
// as they were.
func TestReexecFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "text")
	if err := os.WriteFile(path, []byte("no program\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	keep, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(keep)
	err2, _ := fcntl(2, unix.F_GETFD, 0)
	for _, tc := range []struct {
		name  string
		flags int
		mode  uint32
		env   []string
		keep  []int
		want  string
	}{
		{"text", unix.O_RDONLY, 0o755, nil, []int{2, keep}, ": cannot be executed: exec format error: it is damaged, or for another machine"},
		{"writer", unix.O_RDWR, 0o755, nil, []int{keep}, ": cannot be executed: text file busy: it is open for writing: try again when it is complete"},
		{"mode", unix.O_RDONLY, 0o644, nil, []int{keep}, ": cannot be executed: permission denied"},
		{"large", unix.O_RDONLY, 0o755, []string{"A=" + strings.Repeat("x", 1<<20)}, []int{keep},
			": cannot be executed: argument list too long: the environment is too large"},
		{"descriptor", unix.O_RDONLY, 0o755, nil, []int{keep, 9999}, "cannot keep descriptor 9999 over the exec: bad file descriptor"},
	} {
		os.Chmod(path, os.FileMode(tc.mode))
		fd, err := unix.Open(path, tc.flags|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		img := &Image{fd: fd, name: path}
		unix.Fstat(fd, &img.st)
		var before, after unix.Rlimit
		unix.Getrlimit(unix.RLIMIT_NOFILE, &before)
		hup, open := disposition(int(unix.SIGHUP)), len(inheritable())
		err = Reexec(img, []string{"x"}, tc.env, tc.keep)
		if err == nil || strings.TrimPrefix(err.Error(), path) != tc.want {
			t.Errorf("%s: %v", tc.name, err)
		}
		unix.Getrlimit(unix.RLIMIT_NOFILE, &after)
		if now, _ := fcntl(2, unix.F_GETFD, 0); now != err2 {
			t.Errorf("%s: descriptor 2 has the flags %d, and had %d", tc.name, now, err2)
		}
		if before != after || disposition(int(unix.SIGHUP)) != hup || len(inheritable()) != open {
			t.Errorf("%s: the limit was %v and is %v, HUP %#x, %#x; %d descriptors are left open, %d before", tc.name,
				before, after, hup, disposition(int(unix.SIGHUP)), len(inheritable()), open)
		}
		img.Close()
	}
}
