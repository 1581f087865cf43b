package stage

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRoot packs and unpacks the root of every mode, with this machine's
// programs and without, and looks for what each must have.
func TestRoot(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, small := range []bool{true, false} {
		im, notes, err := Root(self, self, Tour, small)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notes {
			t.Log(n)
		}
		if small && len(notes) > 0 {
			t.Errorf("small: notes %q about programs that nobody asked for", notes)
		}
		dir := t.TempDir()
		if err := im.Unpack(dir, "."); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"bin/mote", "bin/demo", "init", "bin/motectl", "etc/mote/services/90-tour.conf", "etc/mote/services/30-web.conf", "srv/www/index.html"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("small %v: %v", small, err)
			}
		}
		conf, err := os.ReadFile(filepath.Join(dir, "etc/mote/services/30-web.conf"))
		_, none := exec.LookPath("busybox") // without it the demo's own programs stand in
		if own := small || none != nil; err != nil || own != bytes.Contains(conf, []byte("/bin/demo httpd")) {
			t.Errorf("small %v: web is %q, %v", small, conf, err)
		}
	}
}

// TestAddProgram runs a dynamic program of this machine with nothing but what
// was added for it.
func TestAddProgram(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("chroot needs root: run as root")
	}
	path, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Skip("no redis-cli: run build/deps.sh as root")
	}
	im, notes, err := Root(path, path, Namespace, true)
	if err != nil {
		t.Fatal(err, notes)
	}
	dir := t.TempDir()
	if err := im.Unpack(dir, "."); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chroot", dir, "/bin/demo", "--version").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
