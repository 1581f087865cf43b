package accept

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// refuses wants that an upgrade is refused with these words, and that nothing is other
// than before.
func (in *Init) refuses(path string, words ...string) {
	in.t.Helper()
	image, was, children, files := in.image(), in.picture(), in.children(""), in.openFiles()
	args := []string{"upgrade"}
	if path != "" {
		args = append(args, path)
	}
	r := in.begins(args...).result(5 * step) // the check of a program has ten seconds
	if r.code != 1 || r.out != "" || !strings.HasPrefix(r.err, "motectl: ") {
		in.t.Errorf("upgrade %s exits %d, want 1 and the reason\nstdout: %.500q\nstderr: %.500q", path, r.code, r.out, r.err)
	}
	in.contains(r.err, words...)
	if strings.Count(r.err, "\n") != 1 || len(r.err) > 1000+len(path) {
		in.t.Errorf("the reason is no line: %.1500q", r.err)
	}
	if in.over() || in.image() != image {
		in.t.Fatalf("the init that ran is gone\n%s", in.out.text())
	}
	in.until("its children are those of before", func() bool { return reflect.DeepEqual(in.children(""), children) })
	in.noMoreFiles(files)
	in.same(was, in.picture())
	in.is("a", "running")
}

// program writes an executable file into the case's folder.
func (in *Init) program(name string, data []byte) string {
	in.t.Helper()
	path := filepath.Join(in.dir, "w", name)
	must(in.t, os.WriteFile(path, data, 0o755))
	return path
}

// refused are the files that no init becomes, and a word of the reason.
func refused(t *testing.T) map[string]struct {
	make func(in *Init) string
	word string
} {
	mote, err := os.ReadFile(moteBin)
	must(t, err)
	type file = struct {
		make func(in *Init) string
		word string
	}
	bytes := func(word string, data []byte) file {
		return file{func(in *Init) string { return in.program("new", data) }, word}
	}
	machine := func(n byte) []byte { // e_machine of elf(5)
		b := append([]byte{}, mote...)
		b[18], b[19] = n, 0
		return b
	}
	class := append([]byte{}, mote...)
	class[4] ^= 3 // ELFCLASS32 for ELFCLASS64, or the other way
	all := map[string]file{
		"missing":          {func(in *Init) string { return in.dir + "/w/nothing" }, "no such file"},
		"below a file":     {func(in *Init) string { return in.dir + "/c/test.conf/x" }, "not a directory"},
		"folder":           {func(in *Init) string { return in.dir + "/w" }, "director"},
		"device":           {func(in *Init) string { return "/dev/null" }, "regular"},
		"not executable":   {func(in *Init) string { p := in.program("new", mote); must(in.t, os.Chmod(p, 0o644)); return p }, "execut"},
		"empty":            bytes("", nil),
		"one byte":         bytes("", []byte{0x7f}),
		"text":             bytes("", []byte("hello, I am a text\n")),
		"script":           bytes("", []byte("#!/bin/sh\nexec sleep 1000\n")),
		"script that lies": bytes("", []byte("#!/bin/sh\necho ok\nexit 0\n")),
		"arm64":            bytes("is for aarch64, this machine", machine(183)),
		"mips":             bytes("is for mips", machine(8)),
		"the other class":  bytes("is for", class),
		"true":             {func(*Init) string { return "/bin/true" }, ""},
		"sleep":            {func(*Init) string { return "/bin/sleep" }, ""},
		"sh":               {func(*Init) string { return "/bin/sh" }, ""},
		"fifo": {func(in *Init) string {
			p := in.dir + "/w/fifo"
			must(in.t, mkfifo(p))
			return p
		}, "regular"},
		"loop": {func(in *Init) string {
			p := in.dir + "/w/loop"
			must(in.t, os.Symlink("loop", p))
			return p
		}, "symbolic links"},
		"long name": {func(*Init) string { return "/" + strings.Repeat("x", 5000) }, ""},
	}
	for _, n := range []int{63, 64, 65, 1000, 4096, len(mote) / 4, len(mote) / 2, len(mote) - 8192} {
		all[fmt.Sprintf("cut at %d", n)] = bytes("", mote[:n])
	}
	for _, mood := range []string{"hang", "hold", "crash", "silent", "noise", "endless", "fail"} {
		all["program: "+mood] = bytes("", moody(t, mood))
	}
	all["program: starved"] = bytes("its check was ended by KILL: there may be too little memory", moody(t, "starved"))
	return all
}

// moody is a program that is not mote, with something of its own to do (victim/mood.go).
func moody(t *testing.T, mood string) []byte {
	t.Helper()
	victim, err := os.ReadFile(victimBin)
	must(t, err)
	return append(victim, fmt.Sprintf("%256s", "mood "+mood)...)
}

// SPEC 9: refused, the old init goes on as if nothing had been asked, and says why.
func TestUpgradeRefused(t *testing.T) {
	for name, f := range refused(t) {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			in := start(t, svc("a")+svc("b", "requires a"))
			in.settled("a", "b")
			path := f.make(in)
			in.refuses(path, f.word)
			in.refuses(path, f.word)
			in.upgrade() // and one that can be had is done
			in.is("a", "running")
			if got := strings.Join(in.order(), " "); got != "+a +b" {
				t.Errorf("order is %q", got)
			}
		})
	}
}

// A program that is changed while it is checked is not executed, and the client is
// told at once, though nothing else happens that would wake the init.
func TestUpgradeChangedInTheCheck(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	path := in.program("new", moody(t, "change "+moteBin))
	must(t, os.Chown(path, uid, -1))
	for range 3 {
		in.refuses(path, "was changed since it was checked: try again", "the old init goes on")
	}
}

// DESIGN D6: a build that reads older snapshots only says so.
func TestUpgradeOlderThanTheState(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	in.refuses(buildOlder(t), "this binary reads 0", "the old init goes on")
}

// buildOlder makes the file under test with a state of version 0.
func buildOlder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, err := os.ReadFile("../../state/write.go")
	must(t, err)
	older := strings.NewReplacer("Version = 1\n", "Version = 0\n", "Oldest  = 1\n", "Oldest  = 0\n").Replace(string(source))
	if older == string(source) {
		t.Fatal("state/write.go has other constants than this case knows")
	}
	must(t, os.WriteFile(dir+"/write.go", []byte(older), 0o644))
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	flags := []string{"build", "-o", base + "/older"}
	if hasOverlay(t) {
		data, err := os.ReadFile("../../out/overlay/overlay.json")
		must(t, err)
		must(t, json.Unmarshal(data, &overlay))
		flags = append(flags, "-tags", "mote_overlay")
	}
	path, err := filepath.Abs("../../state/write.go")
	must(t, err)
	overlay.Replace[path] = dir + "/write.go"
	data, err := json.Marshal(overlay)
	must(t, err)
	must(t, os.WriteFile(dir+"/overlay.json", data, 0o644))
	run1(t, "go", append(flags, "-overlay", dir+"/overlay.json", "../..")...)
	must(t, os.Chmod(base+"/older", 0o755))
	return base + "/older"
}

// Where no sealed memory is to be had, an upgrade is refused.
func TestUpgradeWithoutMemfd(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"seals", "none"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			in := startWith(t, Options{Launch: []string{"-memfd", way}}, svc("a"))
			in.settled("a")
			in.refuses("", "memfd")
			in.signal(rt0 + 25)
			in.soonSays("memfd")
			in.refuses("", "memfd")
		})
	}
}

// Without /proc there is no way back, and an upgrade is refused.
func TestUpgradeWithoutProc(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container}, agentService+svc("a"))
	in.settled("a", "agent")
	if got := in.ask("umount /proc"); got != "ok" {
		t.Fatalf("umount: %s", got)
	}
	in.refuses("", "/proc")
	in.refuses("/mote", "/proc")
}

// SPEC 6: an upgrade is for root and the init's own user.
func TestUpgradeByOthers(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := start(t, "option ctl-read all\n"+svc("a"))
	in.settled("a")
	must(t, os.Chmod(in.dir+"/ctl", 0o755))
	image := in.image()
	if r := in.ctlAs(uid+1, "upgrade"); r.code != 1 || !strings.Contains(r.err, "permission denied") {
		t.Errorf("exit %d: %s", r.code, r.all())
	}
	if in.image() != image {
		t.Error("it re-executed itself")
	}
}

// Two at a time, and clients that go away: there is one init at the end.
func TestUpgradeTwice(t *testing.T) {
	t.Parallel()
	in := start(t, svc("a"))
	in.settled("a")
	was, files := in.picture(), in.openFiles()
	for range 5 {
		var all []*wire
		for range 8 {
			w, err := in.wire()
			must(t, err)
			fmt.Fprintln(w, "upgrade")
			all = append(all, w)
		}
		done := 0
		for i, w := range all {
			if i%3 == 2 {
				w.Close() // it does not wait
				continue
			}
			text, err := w.answer()
			if err != nil && !strings.Contains(err.Error(), ": err 1 ") {
				t.Errorf("client %d: %q, %v", i, text, err)
			} else if err == nil {
				done++
			}
			w.Close()
		}
		if done == 0 { // the one that was begun was that of a client that has gone
			in.until("another is let in", func() bool { return in.ctl("upgrade").code == 0 })
		}
	}
	in.ok("ping")
	in.same(was, in.picture())
	in.noMoreFiles(files)
}

// A file that is gone from the disk, or another one in its place, is no reason not to go
// on as what runs.
func TestUpgradeOfADeletedFile(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Mode: container}, svc("a"))
	in.settled("a")
	was := in.picture()
	must(t, syscall.Unlink(in.dir+"/mote"))
	in.upgrade()
	in.reexec()
	in.same(was, in.picture())
	in.write("mote", "no program")
	in.upgrade()
	in.same(was, in.picture())
	// A new one in its place, as packages do it, is what is meant by no path.
	must(t, os.Rename(in.dir+in.other("9.8.7", ""), in.dir+"/mote"))
	in.upgrade()
	in.contains(in.ok("version"), "init   mote 9.8.7")
	in.same(was, in.picture())
}
