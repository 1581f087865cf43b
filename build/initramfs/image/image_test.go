package image

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// member is what a reader of the format sees of one entry.
type member struct {
	name         string
	mode         uint64
	major, minor uint64
	data         string
}

func (m member) String() string {
	return fmt.Sprintf("%s %o %d,%d %q", m.name, m.mode, m.major, m.minor, m.data)
}

// unpack reads an archive without the code under test.
func unpack(t *testing.T, zipped []byte) []member {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("gzip header has time %v and name %q", z.ModTime, z.Name)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if len(b)%512 != 0 {
		t.Errorf("archive has %d bytes, not a multiple of 512", len(b))
	}
	var all []member
	for at := 0; ; {
		if string(b[at:at+6]) != "070701" {
			t.Fatalf("no magic at %d", at)
		}
		field := func(i int) uint64 {
			n, err := strconv.ParseUint(string(b[at+6+8*i:at+14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if field(2) != 0 || field(3) != 0 || field(5) != 0 {
			t.Errorf("owner %d:%d or time %d at %d is not 0", field(2), field(3), field(5), at)
		}
		nameEnd := at + 110 + int(field(11))
		name := string(b[at+110 : nameEnd-1])
		start := (nameEnd + 3) &^ 3
		end := start + int(field(6))
		if name == "TRAILER!!!" {
			return all
		}
		all = append(all, member{name, field(1), field(9), field(10), string(b[start:end])})
		at = (end + 3) &^ 3
	}
}

const list = `# a small root
file /init       mote     755   # the init
dir  /tmp        1777
node /dev/sda    b 8 0    660
link "/bin/a sh" ../init
file /etc/motd   'a b'    0644
dir  /etc        700
`

func fill(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"mote": "binary\x00", "a b": "hello\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func pack(t *testing.T, dir string) []byte {
	t.Helper()
	var im Image
	if err := im.Parse("list", list); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := im.Write(&b, dir); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWrite(t *testing.T) {
	dir := fill(t)
	got := pack(t, dir)
	var text strings.Builder
	for _, m := range unpack(t, got) {
		fmt.Fprintln(&text, m)
	}
	want := `init 100755 0,0 "binary\x00"
tmp 41777 0,0 ""
dev 40755 0,0 ""
dev/sda 60660 8,0 ""
bin 40755 0,0 ""
bin/a sh 120777 0,0 "../init"
etc 40700 0,0 ""
etc/motd 100644 0,0 "hello\n"
dev/console 20600 5,1 ""
`
	if text.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", text.String(), want)
	}
	old := filepath.Join(dir, "mote")
	if err := os.Chmod(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if again := pack(t, dir); !bytes.Equal(got, again) {
		t.Error("the same list packed twice gives other bytes")
	}
}

// TestCpio asks the cpio tool whether it sees the same names.
func TestCpio(t *testing.T) {
	if _, err := exec.LookPath("cpio"); err != nil {
		t.Skip("no cpio tool: install cpio")
	}
	z, err := gzip.NewReader(bytes.NewReader(pack(t, fill(t))))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("cpio", "-t", "--quiet")
	c.Stdin = z
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("cpio: %v: %s", err, out)
	}
	want := "init\ntmp\ndev\ndev/sda\nbin\nbin/a sh\netc\netc/motd\ndev/console\n"
	if string(out) != want {
		t.Errorf("cpio lists:\n%s\nwant:\n%s", out, want)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"entry", "pipe /x 644", `l:1: unknown entry "pipe": write file, dir, node or link`},
		{"words", "\nfile /x", "l:2: 2 words: write file PATH SOURCE MODE"},
		{"mode", "dir /x 799", `l:1: mode "799": write octal digits, at most 7777`},
		{"mode too large", "dir /x 10000", `l:1: mode "10000": write octal digits, at most 7777`},
		{"device", "node /x p 1 2 600", `l:1: kind of device "p": write c or b`},
		{"major", "node /x c 4096 2 600", `l:1: major "4096": write a number from 0 to 4095`},
		{"minor", "node /x c 1 -2 600", `l:1: minor "-2": write a number from 0 to 1048575`},
		{"root", "dir / 755", `l:1: "/" is no path below the root: write one such as /bin/sh`},
		{"target", `link /x ""`, "l:1: the link's target is empty: write where it leads"},
		{"both", "dir\nlink", "l:1: 1 words: write dir PATH MODE\nl:2: 1 words: write link PATH TARGET"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var im Image
			if err := im.Parse("l", tt.text); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	var im Image
	if err := im.Parse("l", `file "/x`); err == nil || !strings.HasPrefix(err.Error(), "l:1: ") {
		t.Errorf("open quote: got %v, want an error at l:1", err)
	}
}

func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ name, text, want string }{
		{"twice", "link /x a\nlink x/ b", "l:2: /x is there already: drop one of them"},
		{"below a link", "link /x a\ndir /x/y 755", "l:2: /x is no folder: /x/y cannot be in it"},
		{"missing", "file /x nothing 644", "l:1: /x: stat " + dir + "/nothing: no such file or directory"},
		{"folder", "file /x . 644", "l:1: /x: " + dir + " is no regular file: name one"},
		{"device", "file /x /dev/zero 644", "l:1: /x: /dev/zero is no regular file: name one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var im Image
			if err := im.Parse("l", tt.text); err != nil {
				t.Fatal(err)
			}
			if err := im.Write(io.Discard, dir); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
