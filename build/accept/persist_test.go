package accept

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files gives the names in the folder of the configuration.
func (in *Init) files() string {
	in.t.Helper()
	entries, err := os.ReadDir(in.dir + "/c")
	must(in.t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// text writes a file beside the configuration and gives its path.
func (in *Init) text(name, text string) string {
	in.t.Helper()
	in.write("w/"+name, in.expand(text))
	return filepath.Join(in.dir, "w", name)
}

// SPEC 6, add and remove with --persist: the unit is in force at once and has a
// file of its own, which a reload and the next init read.
func TestPersist(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	a := in.unit("a").pid()
	path := in.text("any-name", svc("web", "requires a"))
	in.contains(in.ok("add", "--persist", path), "web: new in "+in.dir+"/c/web.conf:1")
	in.settled("web")
	if got := in.files(); got != "test.conf web.conf" {
		t.Errorf("the folder has %s", got)
	}
	kept, err := os.ReadFile(in.dir + "/c/web.conf")
	must(t, err)
	if string(kept) != in.expand(svc("web", "requires a")) {
		t.Errorf("the file is %q", kept)
	}
	pid := in.unit("web").pid()
	in.contains(in.ok("reload"), "nothing has changed")
	in.ok("add", path, "--persist") // it is there, and the same: nothing happens
	if in.unit("web").pid() != pid || in.unit("a").pid() != a {
		t.Error("a unit has another process")
	}
	in.contains(in.must(1, "remove", "web"), "web.conf:1")
	in.contains(in.must(1, "remove", "--persist", "a"), "test.conf:1, not in a file of its own")
	in.ok("remove", "--persist", "web")
	in.must(4, "status", "web")
	if got := in.files(); got != "test.conf" {
		t.Errorf("the folder has %s", got)
	}
	in.contains(in.ok("reload"), "nothing has changed")
	in.wantOrder("+a", "+web", "-web")
	in.must(4, "remove", "--persist", "web")
}

// A unit that is kept is there after the next start.
func TestPersistIsKept(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.ok("add", "--persist", in.text("x", svc("web")))
	in.settled("a", "web")
	in.ok("shutdown")
	in.gone(3 * step)
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("a", "web")
	in.ok("remove", "--no-wait", "--persist", "web")
	in.until("web is gone", func() bool { return in.ctl("status", "web").code == 4 })
}

// What is refused leaves neither a unit nor a file.
func TestPersistRefused(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Files: map[string]string{"test.conf": svc("a"), "two.conf": svc("two") + svc("three"), "odd.conf": "# not the unit odd\n"}}, "")
	in.settled("a", "two", "three")
	before := in.files()
	for _, c := range []struct{ text, want string }{
		{"service x\n  afer a\n", "unknown key \"afer\""},
		{svc("a", "description other"), "defined"},
		{svc("x") + svc("y"), "--persist takes one unit a file, and there are x and y"},
		{"# nothing\n", "there is no unit in it"},
		{svc(".x"), "is not read: name the unit otherwise"},
		{svc("odd"), in.dir + "/c/odd.conf: it is there, and says something else"},
		{"target x\n  requires nobody-here\n", "nobody-here"},
	} {
		in.contains(in.must(1, "add", "--persist", in.text("new", c.text)), c.want)
		if got := in.files(); got != before {
			t.Fatalf("after %q the folder has %s", c.text, got)
		}
	}
	in.ok("add", in.text("r", svc("r")))
	in.contains(in.must(1, "remove", "--persist", "r"), "in memory alone")
	in.contains(in.must(1, "remove", "--persist", "two"), "two.conf has three too")
	in.must(1, "add", "--persist", in.text("new", svc("r"))) // the one in memory stays in force
	in.settled("r", "two", "three")
	if got := in.files(); got != before {
		t.Errorf("the folder has %s", got)
	}
	in.must(2, "add", "--persist")
	in.must(2, "start", "--persist", "a")
}

// What a client that died on the way has left is taken over.
func TestPersistHalfWay(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.write("c/web.conf", in.expand(svc("web")))
	in.write("c/next.conf.tmp", "half a")
	path := in.text("web", svc("web"))
	in.contains(in.ok("add", "--persist", path), "web: new in")
	in.settled("web")
	in.ok("add", "--persist", in.text("next", svc("next")))
	in.settled("next")
	if got := in.files(); got != "next.conf test.conf web.conf" {
		t.Errorf("the folder has %s", got)
	}
	// A file that is gone already, and its unit not.
	must(t, os.Remove(in.dir+"/c/web.conf"))
	in.ok("remove", "--persist", "web")
	in.must(4, "status", "web")
}

// The other units that have changed on the disk are left for a reload.
func TestPersistTouchesNothingElse(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	pid := in.unit("a").pid()
	in.write("c/test.conf", in.expand(svc("a", "env X=1")+svc("b")))
	in.ok("add", "--persist", in.text("x", svc("web")))
	in.settled("web")
	in.must(4, "status", "b")
	if in.unit("a").pid() != pid {
		t.Error("a has another process")
	}
	in.contains(in.ok("reload"), "a: env changed: restart it", "b: new")
}

// Where the configuration is a file there is no place for another.
func TestPersistNeedsAFolder(t *testing.T) {
	t.Parallel()
	in := prepareInit(t, Options{}, svc("a"))
	in.exec("init", "-s", in.sock, "-c", in.dir+"/c/test.conf")
	t.Cleanup(in.end)
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("a")
	out := in.must(1, "add", "--persist", in.text("x", svc("web")))
	in.contains(out, "the configuration is the file "+in.dir+"/c/test.conf, and --persist needs a folder")
	in.must(4, "status", "web")
	in.must(1, "remove", "--persist", "a")
}

// The client writes: it must be the init's own user, and be allowed to.
func TestPersistRights(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := start(t, svc("a"))
	path := in.text("x", svc("web"))
	r := in.ctlAs(0, "add", "--persist", path)
	if r.code != 1 || !strings.Contains(r.err, "is not yours") {
		t.Errorf("root at another's init: exit %d, %s", r.code, r.all())
	}
	must(t, os.Chown(in.dir+"/c", 0, 0))
	in.contains(in.must(1, "add", "--persist", path), "cannot write "+in.dir+"/c/web.conf: permission denied")
	in.must(4, "status", "web")
	must(t, os.Chmod(in.dir+"/c", 0o777))
	in.ok("add", "--persist", path)
	must(t, os.Chmod(in.dir+"/c", 0o755))
	in.contains(in.must(1, "remove", "--persist", "web"), "cannot remove "+in.dir+"/c/web.conf: permission denied")
	in.settled("web")
}

// What another unit requires is not taken away from under it.
func TestRemoveWhatIsRequired(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.ok("add", in.text("x", svc("x")+svc("y", "requires x")))
	in.contains(in.must(1, "remove", "x"), "x: y requires it: remove that first")
	in.settled("a", "x", "y")
	in.ok("remove", "y")
	in.ok("add", "--persist", in.text("z", svc("z", "requires x")))
	in.ok("add", "--persist", in.text("last", svc("last", "requires z")))
	in.must(1, "remove", "x")
	in.contains(in.must(1, "remove", "--persist", "z"), "last requires it")
	in.settled("a", "x", "z", "last")
	in.ok("remove", "--persist", "last")
	in.ok("remove", "--persist", "z")
	in.ok("remove", "x")
}
