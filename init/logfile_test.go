package pid1

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// fileSays collects what a logFile reports.
type fileSays struct{ said []string }

func (s *fileSays) say(parts ...string) { s.said = append(s.said, strings.Join(parts, "")) }

func testFile(t *testing.T, sizeBytes, files int) (*logFile, *fileSays) {
	s := &fileSays{}
	f := newLogFile(&graph.Sink{Path: t.TempDir() + "/a/b.log", SizeBytes: sizeBytes, Files: files}, s.say)
	t.Cleanup(f.close)
	return f, s
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(data)
}

func TestLogFileRotates(t *testing.T) {
	f, s := testFile(t, 100, 3)
	all := ""
	for i := range 40 {
		b := ""
		for j := range 1 + i%5 {
			b += fmt.Sprintf("line %d %d %s\n", i, j, strings.Repeat("x", i%30))
		}
		f.put([]byte(b), int64(i))
		all += b
	}
	got := content(t, f.path+".2") + content(t, f.path+".1") + content(t, f.path)
	if !strings.HasSuffix(all, got) || len(got) < 100 {
		t.Errorf("the files hold %q", got)
	}
	for i := range 3 {
		if n := len(content(t, f.numbered(i))); n > 100 || n == 0 {
			t.Errorf("%s has %d bytes", f.numbered(i), n)
		}
	}
	if content(t, f.path+".3") != "" || len(s.said) > 0 {
		t.Errorf("a fourth file, or %q", s.said)
	}
}

func TestLogFileFewer(t *testing.T) {
	f, _ := testFile(t, 20, 6)
	for i := range 20 {
		f.put(fmt.Appendf(nil, "line number %02d\n", i), 0)
	}
	f.files = 2 // a reload says so
	f.put([]byte("line number 20\n"), 0)
	if content(t, f.path) != "line number 20\n" || content(t, f.path+".1") != "line number 19\n" {
		t.Errorf("%q, %q", content(t, f.path), content(t, f.path+".1"))
	}
	for i := 2; i < 7; i++ {
		if content(t, f.numbered(i)) != "" {
			t.Errorf("%s is left", f.numbered(i))
		}
	}
	f.files = 1
	f.put([]byte("only\n"), 0)
	f.put([]byte("line number 22\n"), 0)
	if content(t, f.path) != "line number 22\n" {
		t.Errorf("%q", content(t, f.path))
	}
	long := strings.Repeat("y", 50) + "\n" // longer than a file: one of its own
	f.put([]byte(long+"z\n"), 0)
	if content(t, f.path) != "z\n" {
		t.Errorf("%q", content(t, f.path))
	}
}

// Somebody else moves, removes, cuts, or has not ended the last line.
func TestLogFileChangedByOthers(t *testing.T) {
	f, s := testFile(t, 1000, 3)
	f.put([]byte("one\n"), 0)
	if err := os.Rename(f.path, f.path+".old"); err != nil {
		t.Fatal(err)
	}
	f.put([]byte("two\n"), 0)
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	f.put([]byte("three\n"), 0)
	if content(t, f.path+".old") != "one\n" || content(t, f.path) != "three\n" {
		t.Errorf("%q", content(t, f.path))
	}
	if err := os.Truncate(f.path, 2); err != nil {
		t.Fatal(err)
	}
	f.close()
	f.put([]byte("four\n"), 0)
	if content(t, f.path) != "th\nfour\n" || len(s.said) > 0 {
		t.Errorf("%q, said %q", content(t, f.path), s.said)
	}
}

// A disk that gets full in the middle of a line: the line is taken back, the
// loss is counted, said once, and the file goes on when there is room.
func TestLogFileFull(t *testing.T) {
	signal.Ignore(unix.SIGXFSZ)
	defer signal.Reset(unix.SIGXFSZ)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	f, s := testFile(t, 1000, 3)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 25, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	f.put([]byte("0123456\n1234567\n2345678\n3456789\n4567890\n"), 0)
	f.put([]byte("5678901\n"), 5e8)
	f.put([]byte("6789012\n"), 2e9)
	err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old)
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, f.path); got != "0123456\n1234567\n2345678\n" {
		t.Errorf("%q", got)
	}
	if len(s.said) != 1 || !strings.Contains(s.said[0], "cannot write: file too large: lines are dropped until it can") {
		t.Errorf("said %q", s.said)
	}
	f.put([]byte("7890123\n"), 4e9)
	if got := content(t, f.path); got != "0123456\n1234567\n2345678\n7890123\n" {
		t.Errorf("%q", got)
	}
	if len(s.said) != 2 || !strings.HasSuffix(s.said[1], "it can be written again: 4 lines dropped") {
		t.Errorf("said %q", s.said)
	}
}

func TestLogFileRefusals(t *testing.T) {
	f, s := testFile(t, 1000, 3)
	f.path = t.TempDir()
	f.put([]byte("x\n"), 0)
	fifo := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	f.path = fifo
	f.put([]byte("x\n"), 2e9)
	f.path = "/dev/null"
	f.put([]byte("x\n"), 4e9)
	if len(s.said) != 1 || !strings.Contains(s.said[0], "no regular file") || f.lost != 3 {
		t.Errorf("said %q, lost %d", s.said, f.lost)
	}
}

func TestLogFilesOpen(t *testing.T) {
	dir := t.TempDir()
	s := &fileSays{}
	fs := logFiles{say: s.say}
	for i := range 2*logFilesOpen + 5 {
		sink := graph.Sink{Path: fmt.Sprintf("%s/a b %d", dir, i), SizeBytes: 1000, Files: 2}
		fs.message([]byte(fileHead(&sink)+"x\n"), 0)
		if got := content(t, sink.Path); got != "x\n" {
			t.Fatalf("%q", got)
		}
	}
	open := 0
	for _, f := range fs.all {
		if open++; f.fd < 0 {
			t.Errorf("%s is closed", f.path)
		}
	}
	if open != logFilesOpen || len(s.said) > 0 {
		t.Errorf("%d files are open; said %q", open, s.said)
	}
	first := fs.all[len(fs.all)-1]
	if fs.file(first.path) != first || fs.all[0] != first {
		t.Error("the last file did not come to the front")
	}
	for _, f := range fs.all {
		f.end()
	}
	fs.message([]byte("junk"), 0)
	if len(s.said) != 1 {
		t.Errorf("said %q", s.said)
	}
}

func TestAppendStamp(t *testing.T) {
	for i := range 20000 {
		ns := rand.Int64N(4e18)
		if i < 2 {
			ns = int64(i) * (951782400e9 + 86399999999999) // 2000-02-29
		}
		want := time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z ")
		if got := string(appendStamp(nil, ns)); got != want || len(got) != stampBytes {
			t.Fatalf("%d is %q, want %q", ns, got, want)
		}
	}
}
