package proc

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// within fails the test if f does not come back.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	timer := time.AfterFunc(patience, func() { panic(what + " hangs") })
	defer timer.Stop()
	f()
}

func TestReadRegular(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("small"), "hello\n")
	write(t, at("empty"), "")
	write(t, at("exact"), strings.Repeat("x", 100))
	write(t, at("over"), strings.Repeat("x", 101))
	write(t, at("sparse"), "")
	if err := os.Truncate(at("sparse"), 1<<30); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at("fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	fd, err := bindSocket(unix.SOCK_STREAM, &unix.SockaddrUnix{Name: at("sock")}, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := os.Symlink("small", at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", at("loop")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want, err string }{
		{at("small"), "hello\n", ""},
		{at("link"), "hello\n", ""},
		{at("empty"), "", ""},
		{at("exact"), strings.Repeat("x", 100), ""},
		{at("over"), "", "cannot read " + at("over") + ": 101 bytes: the limit is 100"},
		{at("sparse"), "", "cannot read " + at("sparse") + ": 1073741824 bytes: the limit is 100"},
		{at("fifo"), "", "cannot read " + at("fifo") + ": it is a FIFO, not a regular file"},
		{at("sock"), "", "cannot read " + at("sock") + ": it is a socket, not a regular file"},
		{dir, "", "cannot read " + dir + ": it is a directory, not a regular file"},
		{"/dev/null", "", "cannot read /dev/null: it is a device, not a regular file"},
		{"/dev/zero", "", "cannot read /dev/zero: it is a device, not a regular file"},
		{at("none"), "", "cannot read " + at("none") + ": no such file or directory"},
		{at("loop"), "", "cannot read " + at("loop") + ": too many levels of symbolic links"},
		{at("small") + "/x", "", "cannot read " + at("small") + "/x: not a directory"},
		{"/no where\x1b[2J", "", `cannot read "/no where\x1b[2J": no such file or directory`},
		{"", "", `cannot read "": no such file or directory`},
	} {
		within(t, c.path, func() {
			got, err := ReadRegular(c.path, 100)
			if text(err) != c.err || string(got) != c.want {
				t.Errorf("%q: %q, %v; want %q, %s", c.path, got, err, c.want, c.err)
			}
		})
	}
	if _, err := ReadRegular(at("none"), 1); !errors.Is(err, unix.ENOENT) {
		t.Error("the errno is lost:", err)
	}
	// /proc has files of size 0 that have content, and one that never ends.
	if got, err := ReadRegular("/proc/self/stat", 4096); err != nil || len(got) == 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadSmall(t *testing.T) {
	if got, err := ReadSmall("/proc/self/status", 1<<16); err != nil || !bytes.HasPrefix(got, []byte("Name:")) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := ReadSmall("/proc/self/status", 10); text(err) != "cannot read /proc/self/status: more than 10 bytes, which is the limit" {
		t.Error(err)
	}
	if _, err := ReadSmall("/proc/none", 10); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	within(t, "a directory", func() {
		if _, err := ReadSmall("/proc", 10); !errors.Is(err, unix.EISDIR) {
			t.Error(err)
		}
	})
	long := filepath.Join(t.TempDir(), "long")
	write(t, long, strings.Repeat("0123456789", 2000))
	for _, limit := range []int{20000, 1 << 20} {
		if got, err := ReadSmall(long, limit); err != nil || len(got) != 20000 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

func TestListDir(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 500 {
		name := "f" + strconv.Itoa(i*7919%500)
		write(t, filepath.Join(dir, name), "")
		want = append(want, name)
	}
	slices.Sort(want)
	if got, err := ListDir(dir); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ListDir(dir + "/f1"); text(err) != "cannot list "+dir+"/f1: not a directory" {
		t.Error(err)
	}
	if !Exists(dir) || !IsDir(dir) || !Exists(dir+"/f1") || IsDir(dir+"/f1") || Exists(dir+"/none") || IsDir(dir+"/none") {
		t.Error("Exists, IsDir")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.conf", "a.conf", "B.conf", ".hidden.conf", "c.conf~", "readme", "d.conf/x"} {
		write(t, filepath.Join(dir, name), name)
	}
	var f Files
	got, err := f.Files(dir)
	if want := []string{dir + "/B.conf", dir + "/a.conf", dir + "/b.conf", dir + "/d.conf"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := f.Files(dir + "/readme"); err != nil || !slices.Equal(got, []string{dir + "/readme"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := f.Files(dir + "/none"); !errors.Is(err, unix.ENOENT) || text(err) != "cannot read: no such file or directory" {
		t.Error(err)
	}
	if got, err := f.Read(dir + "/a.conf"); string(got) != "a.conf" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := f.Read(dir + "/d.conf"); text(err) != "cannot read: it is a directory, not a regular file" {
		t.Error(err)
	}
	write(t, dir+"/big", strings.Repeat("x", MaxFile))
	write(t, dir+"/bigger", strings.Repeat("x", MaxFile+1))
	if _, err := f.Read(dir + "/bigger"); text(err) != "cannot read: 1048577 bytes: the limit is 1048576" {
		t.Error(err)
	}
	for range 15 {
		if _, err := f.Read(dir + "/big"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Read(dir + "/big"); text(err) != "cannot read: the configuration has more than 16777216 bytes in all, which is the limit" {
		t.Error(err)
	}
	if _, err := f.Read(dir + "/a.conf"); err != nil {
		t.Error("what still fits:", err)
	}
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.conf", "b.conf", ".h.conf", "b.conf~", "x*y", "d1/u.conf", "d2/u.conf", "d2/v.conf", "e/w"} {
		write(t, filepath.Join(dir, name), "")
	}
	for _, c := range []struct {
		pattern string
		want    string
	}{
		{"/*.conf", "/a.conf /b.conf"},
		{"/.*.conf", "/.h.conf"},
		{"/*", "/a.conf /b.conf /d1 /d2 /e /x*y"},
		{"/*~", "/b.conf~"},
		{"/d?/*.conf", "/d1/u.conf /d2/u.conf /d2/v.conf"},
		{"/d[2-9]/u.conf", "/d2/u.conf"},
		{"/d[!2]/u.conf", "/d1/u.conf"},
		{"/d[^1]//u.conf", "/d2/u.conf"},
		{`/x\*y`, "/x*y"},
		{`/\a.conf`, "/a.conf"},
		{"/a.conf/*", ""},
		{"/none/*", ""},
		{"/none", ""},
		{"/[", ""},
		{"/*/../a.conf", "/d1/../a.conf /d2/../a.conf /e/../a.conf"},
	} {
		got, err := Glob(dir + c.pattern)
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], dir)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v; want %s", c.pattern, got, err, c.want)
		}
	}
	if got, err := Glob("file_te*.go"); err != nil || !slices.Equal(got, []string{"file_test.go"}) {
		t.Errorf("a relative pattern gives %q, %v", got, err)
	}
	for i := range maxGlobDirs {
		write(t, filepath.Join(dir, "many", strconv.Itoa(i), "f"), "")
	}
	if _, err := Glob(dir + "/many/*/f*"); text(err) != "cannot expand "+dir+"/many/*/f*: more than 256 directories to look through, which is the limit" {
		t.Error(err)
	}
}

// The matcher agrees with the standard library's on what both understand.
func FuzzMatchName(f *testing.F) {
	for _, s := range [][2]string{{"*.conf", "a.conf"}, {"a*b*c", "aXbbXc"}, {"[a-c]?", "bz"}, {"[^x]", "x"}, {"[]a]", "]"}, {"[", "["}, {"***", ""}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := matchName(pattern, name)
		if strings.ContainsAny(pattern, "/!]-\\") || strings.Contains(name, "/") || !ascii(pattern) || !ascii(name) {
			return
		}
		if want, err := path.Match(pattern, name); err == nil && got != want {
			t.Errorf("%q %q: %v, want %v", pattern, name, got, want)
		}
	})
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func TestMatchName(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a*b*c", "aXbbXc", true}, {"a*b*c", "aXbbX", false}, {"[a-c]?", "bz", true}, {"[a-c]?", "dz", false},
		{"[]a]", "]", true}, {"[]a]", "a", true}, {"[!]a]", "b", true}, {"[!]a]", "]", false}, {"[a-]", "-", true},
		{"[", "[", true}, {"[a", "[a", true}, {"[!", "[!", true}, {`\`, `\`, true}, {`\*`, "*", true}, {`\*`, "x", false},
		{"", "", true}, {"", "x", false}, {"*", "", true}, {"?", "", false}, {"\xff*", "\xff\xfe", true},
		{strings.Repeat("*a", 50) + "b", strings.Repeat("a", 5000), false},
	} {
		if got := matchName(c.pattern, c.name); got != c.want {
			t.Errorf("%q %q: %v", c.pattern, c.name, got)
		}
	}
}
