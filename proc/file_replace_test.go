package proc

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/a/b/file"
	for _, text := range []string{"one", "", "two\n"} {
		if err := Replace(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
	}
	if err := os.Symlink("/nowhere", path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("x")); text(err) != "cannot write "+path+": "+unix.ELOOP.Error() {
		t.Errorf("through a link: %v", err)
	}
	if err := Replace(dir+"/a/b", []byte("x")); text(err) != "cannot write "+dir+"/a/b: "+unix.EISDIR.Error() {
		t.Errorf("a folder: %v", err)
	}
	if Exists(dir + "/a/b.new") {
		t.Error("a part is left")
	}
}
