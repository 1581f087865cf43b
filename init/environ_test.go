package pid1

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

func TestInherited(t *testing.T) {
	got := inherited([]string{"A=1", "NOTIFY_SOCKET=x", "NOTIFY_SOCKETS=y", "LISTEN_FDS=1", "LISTEN_PID=2", "LISTENER=z", "MOTE_SOCKET=/x",
		"MOTE_X=", "=odd", "bare", "", "EMPTY=", "B=a=b"})
	if want := []string{"A=1", "NOTIFY_SOCKETS=y", "LISTENER=z", "EMPTY=", "B=a=b"}; !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
}

func TestEnviron(t *testing.T) {
	e := &environ{}
	e.set("A", "1")
	e.set("AB", "2")
	e.set("A", "3")
	e.set("E", "")
	if want := []string{"A=3", "AB=2", "E="}; !slices.Equal(e.list, want) {
		t.Errorf("%q, expected %q", e.list, want)
	}
	for name, want := range map[string]string{"A": "3", "AB": "2", "E": ""} {
		if v, ok := e.get(name); !ok || v != want {
			t.Errorf("%s is %q, %v", name, v, ok)
		}
	}
	if _, ok := e.get("B"); ok {
		t.Error("B is there")
	}
}

// SPEC 4, env: each source outranks those after it.
func TestEnvironmentOrder(t *testing.T) {
	dir := t.TempDir()
	file := dir + "/env"
	text := "# a comment\n; another\n\nC=file\nexport D=file\nE = \"a b\" \r\nF='q\"'\nG=\nH=x=y\n  I=blank  \nJ=\"open\nHOME=/file\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	in := testInit(t, "set B set\nset C set\nset D set\nset X ${B}-${A}\ntask a /bin/true\n  env-file "+file+"\n  env-file -"+dir+"/missing\n"+
		"  env D=env K=${C}/${X} MOTE_SOCKET=/mine\n")
	in.env = []string{"A=inherited", "B=inherited", "C=inherited", "D=inherited", "HOME=/inherited", "SHELL=/inherited"}
	in.server.path = "/run/x.sock"
	acc := &proc.Account{Name: "web", Home: "/web", Shell: "/bin/web"}
	env, bad := in.environment(in.world.Unit(0), &graph.Effect{Role: graph.RoleMain}, acc)
	if bad != nil {
		t.Fatal(bad.words())
	}
	for name, want := range map[string]string{"A": "inherited", "B": "set", "C": "file", "D": "env", "E": "a b", "F": `q"`, "G": "", "H": "x=y",
		"I": "blank", "J": `"open`, "K": "file/${B}-${A}", "HOME": "/file", "USER": "web", "LOGNAME": "web", "SHELL": "/bin/web",
		"X": "${B}-${A}", "MOTE_SOCKET": "/run/x.sock"} {
		if v, ok := env.get(name); !ok || v != want {
			t.Errorf("%s is %q, expected %q", name, v, want)
		}
	}
	if len(env.list) != 17 {
		t.Errorf("%q", env.list)
	}
}

func TestEnvironmentOfPostAndStop(t *testing.T) {
	in := testInit(t, "service a /bin/true\n")
	in.units[0].main = 77
	u := in.world.Unit(0)
	post, _ := in.environment(u, &graph.Effect{Role: graph.RolePost, Result: "signal", Code: 9}, nil)
	if r, _ := post.get("MOTE_RESULT"); r != "signal" {
		t.Errorf("MOTE_RESULT is %q", r)
	}
	if c, _ := post.get("MOTE_CODE"); c != "9" {
		t.Errorf("MOTE_CODE is %q", c)
	}
	stop, _ := in.environment(u, &graph.Effect{Role: graph.RoleStop}, nil)
	if p, _ := stop.get("MAINPID"); p != "77" {
		t.Errorf("MAINPID is %q", p)
	}
	if _, ok := stop.get("MOTE_RESULT"); ok {
		t.Error("stop-exec has a MOTE_RESULT")
	}
}

// Errors of env-files, whole.
func TestEnvFileErrors(t *testing.T) {
	dir := t.TempDir()
	unix.Mkfifo(dir+"/fifo", 0o644)
	os.WriteFile(dir+"/large", make([]byte, maxEnvFile+1), 0o644)
	os.Symlink(dir+"/nowhere", dir+"/dangling")
	const not = ": not NAME=VALUE: write it so, or begin it with #"
	for _, c := range []struct{ name, text, want string }{
		{"a", "A=1\nB\n", "/a:2" + not},
		{"b", "A=1\r\n\r\n=x\r\n", "/b:3" + not},
		{"c", "A B=1\n", "/c:1" + not},
		{"d", "A=\x00\n", "/d:1" + not},
		{"e", "\n\n\"A\"=1", "/e:3" + not},
		{"missing", "", "cannot read DIR/missing: no such file or directory"},
		{"fifo", "", "cannot read DIR/fifo: it is a FIFO, not a regular file"},
		{"large", "", "cannot read DIR/large: 1048577 bytes: the limit is 1048576"},
		{"dangling", "", "cannot read DIR/dangling: no such file or directory"},
	} {
		if c.text != "" {
			os.WriteFile(dir+"/"+c.name, []byte(c.text), 0o644)
		}
		in := testInit(t, "task a /bin/true\n  env-file "+dir+"/"+c.name+"\n")
		_, bad := in.environment(in.world.Unit(0), &graph.Effect{}, nil)
		if bad == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		want := "env-file: " + strings.ReplaceAll(c.want, "DIR", dir)
		if c.text != "" {
			want = "env-file: " + dir + c.want
		}
		if got := bad.words(); got != want {
			t.Errorf("%s: %s\nexpected %s", c.name, got, want)
		}
	}
	in := testInit(t, "task a /bin/true\n  env-file -"+dir+"/fifo\n")
	if _, bad := in.environment(in.world.Unit(0), &graph.Effect{}, nil); bad == nil {
		t.Error("a FIFO that may be missing is taken for missing")
	}
	in = testInit(t, "task a /bin/true\n  env-file -"+dir+"/dangling\n")
	if _, bad := in.environment(in.world.Unit(0), &graph.Effect{}, nil); bad != nil {
		t.Errorf("a link to nothing is not missing: %s", bad.words())
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct{ file, path, want string }{
		{"/bin/x", "/a", "/bin/x"},
		{"./x", "/a", "./x"},
		{"x", "/a:/b/", "/a/x /b/x"},
		{"x", ":/b", "./x /b/x"},
		{"x", "", "/usr/sbin/x /usr/bin/x /sbin/x /bin/x"},
	} {
		if got := strings.Join(candidates(c.file, c.path), " "); got != c.want {
			t.Errorf("%s in %q: %s, expected %s", c.file, c.path, got, c.want)
		}
	}
}
