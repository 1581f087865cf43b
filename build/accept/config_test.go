package accept

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check runs "mote check" on files with these texts; {F} is their folder.
func check(t *testing.T, files map[string]string, args ...string) (result, string) {
	t.Helper()
	dir, err := os.MkdirTemp(base, "check")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Dir(dir+"/"+name), 0o755))
		must(t, os.WriteFile(dir+"/"+name, []byte(strings.ReplaceAll(text, "{F}", dir)), 0o644))
	}
	return program(t, uid, nil, moteBin, append(append([]string{"check"}, args...), dir)...), dir
}

// F6: instances of a template have their own %i.
func TestD1_Instances(t *testing.T) {
	t.Parallel()
	in := start(t, "service getty@ {V} unit {D}/order %i-%n 3\n  ready fd 3\n  env NAME=%i\n"+
		"target t\n  wants getty@ttyS0 getty@tty1\n")
	in.settled("t", "getty@ttyS0", "getty@tty1")
	in.until("both have begun", func() bool { return len(in.order()) == 2 })
	text := strings.Join(in.order(), " ")
	in.contains(text, "+ttyS0-getty@ttyS0", "+tty1-getty@tty1")
	for _, u := range in.units() {
		if u.Name == "getty@" {
			t.Errorf("the template is a unit")
		}
	}
	in.must(4, "status", "getty@")
	in.ok("start", "getty@later") // an instance on demand
	in.is("getty@later", "running")
	in.must(4, "start", "nothing@later")
	in.contains(in.ok("show", "getty@tty1"), "tty1")
}

// SPEC 6: names are whole names.
func TestD2_NamesAreWhole(t *testing.T) {
	t.Parallel()
	in := start(t, svc("foo")+svc("foobar")+svc("foo-bar", "after foo"))
	in.settled("foo", "foobar", "foo-bar")
	if text := in.ok("status", "foo"); strings.Contains(text, "foobar") {
		t.Errorf("status foo speaks of foobar:\n%s", text)
	}
	in.ok("stop", "foo")
	in.is("foobar", "running")
	in.is("foo-bar", "running")
	in.must(4, "status", "fo")
	in.must(4, "stop", "foob")
}

// F10: a fault never stops the rest.
func TestD8_OneBrokenFile(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 10 {
		files[fmt.Sprintf("%d.conf", i)] = svc(fmt.Sprintf("u%d", i))
	}
	files["4.conf"] = "service u4 {V} sleep\n  afer u3\n  description 'a quote that is open\n"
	files[".hidden.conf"] = svc("hidden")
	files["old.conf~"] = svc("old")
	files["readme.txt"] = "not a configuration"
	in := startWith(t, Options{Files: files}, "")
	for i := range 10 {
		if i != 4 {
			in.settled(fmt.Sprintf("u%d", i))
		}
	}
	in.contains(in.is("u4", "failed").reason(), "4.conf:2", "afer", `"after"`)
	in.contains(in.ok("status"), "4.conf:2", "4.conf:3")
	in.must(4, "status", "hidden")
	in.must(4, "status", "old")
	in.must(1, "start", "u4")
	in.contains(in.must(3, "status", "u4"), "4.conf:2")
}

// F1 to F10: each fault is located; what else is in the file is still read.
func TestD10_Faults(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70<<10)
	cases := []struct {
		name, text string
		words      []string // in the output; {F} is the folder
	}{
		{"unknown key", "service a /bin/true\n  afer b\n", []string{"t.conf:2:", `"afer"`, `"after"`}},
		{"unknown header", "servce a /bin/true\n", []string{"t.conf:1:", `"servce"`, `"service"`}},
		{"key twice", "service a /bin/true\n  user x\n  user y\n", []string{"t.conf:3:", "user"}},
		{"key of another kind", "target t\n  user x\n", []string{"t.conf:2:", "user", "target"}},
		{"key without header", "  user x\nservice a /bin/true\n", []string{"t.conf:1:"}},
		{"NUL", "service a /bin/true\n  description x\x00y\n", []string{"t.conf:2:", "NUL"}},
		{"open quote", "service a /bin/true\n  description \"x\n", []string{"t.conf:2:", "quote"}},
		{"open single quote", "service a /bin/true\n  description 'x\n  user y\n", []string{"t.conf:2:", "quote"}},
		{"long line", "service a /bin/true\n  description " + long + "\n", []string{"t.conf:2:", "65536"}},
		{"long line of joins", "service a /bin/true\n  description " + strings.Repeat("xxxxxxxxxxxxxxx\\\n", 5000) + "\n", []string{"t.conf:2:", "65536"}},
		{"duration", "service a /bin/true\n  start-timeout 5\n", []string{"t.conf:2:", `"5"`, `"5s"`}},
		{"duration with two units", "service a /bin/true\n  start-timeout 1m30s\n", []string{"t.conf:2:", "1m30s"}},
		{"duration that overflows", "service a /bin/true\n  start-timeout 99999999999999999999s\n", []string{"t.conf:2:"}},
		{"negative duration", "service a /bin/true\n  start-timeout -5s\n", []string{"t.conf:2:"}},
		{"signal", "service a /bin/true\n  stop TREM 5s\n", []string{"t.conf:2:", "TREM"}},
		{"stop without time", "service a /bin/true\n  stop TERM\n", []string{"t.conf:2:"}},
		{"octal", "service a /bin/true\n  umask 089\n", []string{"t.conf:2:", "089"}},
		{"restart word", "service a /bin/true\n  restart allways\n", []string{"t.conf:2:", "allways", "always"}},
		{"restart for a task", "task a /bin/true\n  restart always\n", []string{"t.conf:2:", "restart"}},
		{"ready fd", "service a /bin/true\n  ready fd x\n", []string{"t.conf:2:"}},
		{"ready fd too high", "service a /bin/true\n  ready fd 99999999999\n", []string{"t.conf:2:"}},
		{"no command", "service a\n  description x\n", []string{"t.conf:1:", "exec"}},
		{"two commands", "service a /bin/true\n  exec /bin/false\n", []string{"t.conf:2:", "command"}},
		{"exec and sh", "service a\n  exec /bin/true\n  sh 'true'\n", []string{"t.conf:"}},
		{"bad name", "service a/b /bin/true\n", []string{"t.conf:1:", "a/b"}},
		{"long name", "service " + strings.Repeat("n", 65) + " /bin/true\n", []string{"t.conf:1:", "64"}},
		{"two at signs", "service a@b@c /bin/true\n", []string{"t.conf:1:"}},
		{"no name", "service\n", []string{"t.conf:1:"}},
		{"twice", "service a /bin/true\nservice a /bin/false\n", []string{"t.conf:2:", "t.conf:1"}},
		{"extend of nothing", "extend ghost\n  after x\n", []string{"t.conf:1:", "ghost"}},
		{"requires of nothing", "service a /bin/true\n  requires ghost\n", []string{"t.conf:2:", "ghost"}},
		{"if", "service a /bin/true\n  if exist /x\n", []string{"t.conf:2:", "exist"}},
		{"env without =", "service a /bin/true\n  env A\n", []string{"t.conf:2:", "A"}},
		{"option", "option shutdwn-timeout 5s\n", []string{"t.conf:1:", "shutdwn-timeout", "shutdown-timeout"}},
		{"include loop", "include *.conf\nservice a /bin/true\n", []string{"t.conf:1:", "loop"}},
		{"main of nothing", "main ghost\n", []string{"t.conf:1:", "ghost"}},
		{"cycle", "task a /bin/true\n  requires b\ntask b /bin/true\n  requires a\n", []string{"t.conf:2", "t.conf:4", "a -> b -> a"}},
		{"two at once", "service a /bin/true\n  foo 1\nservice b /bin/true\n  bar 2\n", []string{"t.conf:2:", "t.conf:4:", "foo", "bar"}},
		{"class", "service a /bin/true\n  class sytem\n", []string{"t.conf:2:", "sytem", "system"}},
		{"start", "service a /bin/true\n  start maybe\n", []string{"t.conf:2:", "maybe"}},
		{"control bytes in a name", "service a\x1b[31mb /bin/true\n", []string{"t.conf:1:"}},
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			r, _ := check(t, map[string]string{"t.conf": c.text})
			if r.code != 1 {
				t.Errorf("exit %d, expected 1", r.code)
			}
			for _, w := range c.words {
				if !strings.Contains(r.all(), w) {
					t.Errorf("%q is not in:\n%.2000s", w, r.all())
				}
			}
			for _, b := range []string{"\x1b", "\x00", "panic", "goroutine"} {
				if strings.Contains(r.all(), b) {
					t.Errorf("%q is in the output: %.500q", b, r.all())
				}
			}
			if len(r.all()) > 4096 {
				t.Errorf("%d bytes of output for one fault", len(r.all()))
			}
		})
	}
}

// F1 to F10: what is no fault.
func TestD10_NoFaults(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"CRLF":               "service a /bin/true\r\n  description x\r\n  after a2\r\nservice a2 /bin/true\r\n",
		"no last newline":    "service a /bin/true\n  description x",
		"not UTF-8":          "service a /bin/true \xff\xfe\n  description caf\xe9\n",
		"comments":           "# x\n\n   # y\nservice a /bin/true # z\n  description a#b # c\n\t\n",
		"joined lines":       "service a \\\n  /bin/true \\\n  x\n  descr\\\niption \"a b\"\n",
		"two backslashes":    "service a /bin/true x\\\\\n  description y\n",
		"x- keys":            "service a /bin/true\n  x-mine 1 2 3\n  x-mine 4\n",
		"empty":              "",
		"only a comment":     "# nothing",
		"empty list":         "service a /bin/true\n  env A=1\n  !env\n  user root\n  !user\n",
		"extend":             "service a /bin/true\n  user root\nextend a\n  user nobody\n  env A=1\n",
		"tab before the key": "service a /bin/true\n\tdescription x\n",
		"numbers":            "service a /bin/true\n  stop 15 5s SIGQUIT 200ms RTMIN+3 1m 64 1h\n  start-timeout 0\n",
		"include":            "include sub/*.inc\nservice b /bin/true\n  after a\n",
		"main":               "service a /bin/true\nmain a\n",
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			r, _ := check(t, map[string]string{"t.conf": text, "sub/x.inc": "service a9 /bin/true\n"})
			if r.code != 0 {
				t.Errorf("exit %d: %s", r.code, r.all())
			}
		})
	}
}

// F1: what is not a regular file is an error at once, not a hang.
func TestD10_OddFiles(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp(base, "odd")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.MkdirAll(dir+"/dir/sub.conf", 0o755))
	must(t, os.MkdirAll(dir+"/fifo", 0o755))
	must(t, mkfifo(dir+"/fifo/f.conf"))
	must(t, os.MkdirAll(dir+"/big", 0o755))
	must(t, os.WriteFile(dir+"/big/b.conf", nil, 0o644))
	must(t, os.Truncate(dir+"/big/b.conf", 1<<30))
	must(t, os.MkdirAll(dir+"/zero", 0o755))
	must(t, os.Symlink("/dev/zero", dir+"/zero/z.conf"))
	must(t, os.MkdirAll(dir+"/dangling", 0o755))
	must(t, os.Symlink("/no/such/file", dir+"/dangling/d.conf"))
	must(t, os.MkdirAll(dir+"/secret", 0o755))
	must(t, os.WriteFile(dir+"/secret/s.conf", nil, 0o000))
	must(t, os.WriteFile(dir+"/good.conf", []byte("service good /bin/true\n"), 0o644))
	for _, path := range []string{"dir", "fifo", "fifo/f.conf", "big", "zero", "zero/z.conf", "dangling", "secret", "none", "none.conf"} {
		t.Run(strings.ReplaceAll(path, "/", "_"), func(t *testing.T) {
			r := program(t, uid, nil, moteBin, "check", dir+"/"+path)
			if r.code != 1 || !strings.Contains(r.all(), dir+"/"+path) {
				t.Errorf("exit %d, expected 1 with the path:\n%s", r.code, r.all())
			}
		})
	}
	// The init starts what it can read.
	in := prepareInit(t, Options{Args: []string{"-c", dir + "/fifo", "-c", dir + "/big", "-c", dir + "/zero/z.conf", "-c", dir + "/none"}}, svc("a"))
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("a")
	in.contains(in.ok("status"), dir+"/fifo/f.conf", dir+"/big/b.conf", dir+"/zero/z.conf")
}

// F1: 16 MiB of configuration in all.
func TestD10_SixteenMegabytes(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	block := strings.Repeat("# "+strings.Repeat("c", 1021)+"\n", 1023)
	for i := range 17 {
		files[fmt.Sprintf("%02d.conf", i)] = block + fmt.Sprintf("service u%d /bin/true\n", i)
	}
	r, _ := check(t, files)
	if r.code != 1 || !strings.Contains(r.all(), "16") {
		t.Errorf("exit %d, expected 1 and the limit:\n%.2000s", r.code, r.all())
	}
}

// SPEC 6: mote check gives 0 or 1, and JSON.
func TestD12_Check(t *testing.T) {
	t.Parallel()
	good := map[string]string{"a.conf": "service a /bin/true\n  requires b\n", "b.conf": "task b /bin/true\n"}
	if r, _ := check(t, good); r.code != 0 {
		t.Errorf("a good tree: exit %d\n%s", r.code, r.all())
	}
	if r, _ := check(t, map[string]string{"a.conf": "service a /bin/true\n  wants ghost\n"}); r.code != 0 || !strings.Contains(r.all(), "ghost") {
		t.Errorf("a warning: exit %d, expected 0 and its text\n%s", r.code, r.all())
	}
	good["c.conf"] = "service c /bin/true\n  afer b\n  user\n"
	r, dir := check(t, good)
	if r.code != 1 || strings.Count(r.all(), dir+"/c.conf:") != 2 {
		t.Errorf("a bad tree: exit %d, expected 1 and two faults\n%s", r.code, r.all())
	}
	for _, files := range []map[string]string{good, {"a.conf": "service a /bin/true\n"}} {
		for _, words := range [][]string{{"--json", "check"}, {"check", "--json"}} {
			dir, err := os.MkdirTemp(base, "json")
			must(t, err)
			must(t, os.Chmod(dir, 0o755))
			t.Cleanup(func() { os.RemoveAll(dir) })
			for n, text := range files {
				must(t, os.WriteFile(dir+"/"+n, []byte(text), 0o644))
			}
			r := program(t, uid, nil, moteBin, append(words, dir)...)
			if !json.Valid([]byte(r.out)) {
				t.Errorf("%v: not JSON: %q %q", words, r.out, r.err)
			}
		}
	}
	// One file as the path, and the configuration of a role that has none.
	if r := program(t, uid, nil, moteBin, "check", dir+"/c.conf"); r.code != 1 {
		t.Errorf("one file: exit %d\n%s", r.code, r.all())
	}
}

// F8: a unit defined twice, extend, and what !key empties, as the init sees it.
func TestD12_ShowIsTheUnit(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Files: map[string]string{
		"1.conf": svc("a", "env A=1 'B=two words'", "after b", "description one") + svc("b"),
		"2.conf": "extend a\n  description two\n  env C=3\n  !after\n  after c\n" + "service b /bin/false\n" + svc("c"),
	}}, "")
	in.settled("a", "b", "c")
	text := in.ok("show", "a")
	in.contains(text, "description two", "A=1", "two words", "C=3", "after", "c")
	in.contains(in.ok("status"), "2.conf:6", "1.conf:") // b twice
	// F11: what show prints is the same unit.
	in2 := start(t, text+in.ok("show", "b")+in.ok("show", "c"))
	in2.settled("a", "b", "c")
	if again := in2.ok("show", "a"); again != text {
		t.Errorf("show of show differs:\n%s\n%s", text, again)
	}
}

// SPEC 2: a class of units by the path they come from; -c may be repeated.
func TestD8_SeveralPaths(t *testing.T) {
	t.Parallel()
	in := prepareInit(t, Options{}, svc("a"))
	in.write("w/extra.conf", in.expand(svc("b", "after a")))
	in.opt.Args = []string{"-c", in.dir + "/w/extra.conf"}
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("a", "b")
	in.wantOrder("+a", "+b")
}

// F10: no unit at all is no reason to refuse.
func TestD8_NoConfiguration(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Files: map[string]string{"readme": ""}}, "")
	if all := in.units(); len(all) != 0 {
		t.Errorf("units are %v", all)
	}
	in.contains(in.ok("status"), "supervisor")
	// A path that is not there is told; who has no unit at all may refuse.
	in2 := prepareInit(t, Options{Args: []string{"-c", "/no/such/path"}, Bare: true}, "")
	in2.launch()
	in2.until("it answers or ends", func() bool { return in2.over() || in2.ctl("ping").code == 0 })
	if in2.over() && in2.gone(step) != 1 {
		t.Errorf("it exits %d, expected 1", in2.gone(step))
	}
	in.contains(in2.out.text(), "/no/such/path")
}
