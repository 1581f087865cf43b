package accept

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Report is what victim report says of a process.
type Report struct {
	Pid, Ppid, Pgid, Sid int
	Uid, Gid             int
	Groups               []int
	Dir                  string
	Umask                int
	Env                  []string
	Fds                  map[string]string
	Status               map[string]string
}

// report waits for what "victim report {D}/NAME" wrote.
func (in *Init) report(name string) Report {
	in.t.Helper()
	var r Report
	in.until("the report "+name, func() bool {
		data, err := os.ReadFile(in.dir + "/w/" + name)
		return err == nil && json.Unmarshal(data, &r) == nil
	})
	return r
}

// env gives a variable of a report, "unset" if it has none.
func (r Report) env(name string) string {
	for _, v := range r.Env {
		if val, ok := strings.CutPrefix(v, name+"="); ok {
			return val
		}
	}
	return "unset"
}

// The keys env and env-file: who outranks whom.
func TestC1_Environment(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{
		Env: []string{"A=inherited", "B=inherited", "C=inherited", "D=inherited", "NOTIFY_SOCKET=/x", "LISTEN_FDS=1", "LISTEN_PID=1", "MOTE_X=1"},
		Files: map[string]string{"1.conf": "set A set\nset B set\nset C set\nset E first\nset E last\n" +
			"task a {V} report {D}/a\n  env-file {C}/vars.env\n  env A=env 'Q=two words'\n  env R=1 S=\n",
			"vars.env": "# a comment\nA=file\nB=file\n\nT='quoted text'\n"},
	}, "")
	in.state("a", "exited")
	r := in.report("a")
	want := map[string]string{"A": "env", "B": "file", "C": "set", "D": "inherited", "E": "last", "Q": "two words", "R": "1", "S": "",
		"T": "quoted text", "NOTIFY_SOCKET": "unset", "LISTEN_FDS": "unset", "LISTEN_PID": "unset", "MOTE_X": "unset", "MOTE_SOCKET": in.sock}
	for _, k := range sortedKeys(want) {
		if got := r.env(k); got != want[k] {
			t.Errorf("%s is %q, expected %q", k, got, want[k])
		}
	}
	for i, v := range r.Env {
		name, _, _ := strings.Cut(v, "=")
		for _, w := range r.Env[i+1:] {
			if strings.HasPrefix(w, name+"=") {
				t.Errorf("%s is there twice", name)
			}
		}
	}
}

// F5: expansion, and what never expands or splits.
func TestC1_Expansion(t *testing.T) {
	t.Parallel()
	in := start(t, "set X 'a b'\nset Y *\nset Z '${X}'\ntask t@ {V} args {D}/args ${X} \"<${X}>\" '${X}' \\${X} $X $$ ${NONE}. ${NONE:-dflt} ${Y} ${Z} %i %n %% 100%z \"\"\n"+
		"target go\n  wants t@inst\n")
	got := in.appears("args", 1)[0]
	want := "15"
	for _, w := range []string{"a b", "<a b>", "${X}", "${X}", "$X", "$", ".", "dflt", "*", "${X}", "inst", "t@inst", "%", "100%z", ""} {
		want += " " + strconv.Quote(w)
	}
	if got != want {
		t.Errorf("the arguments are\n%s, expected\n%s", got, want)
	}
	in.until("the unset variable is told", func() bool { return strings.Contains(in.ok("logs")+in.out.text(), "NONE") })
}

// The key env-file: a missing one, with and without "-".
func TestC2_MissingEnvFile(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} exit 0\n  env-file -/no/such/file\ntask b {V} append {D}/order b\n  env-file /no/such/file\n"+
		"task c {V} append {D}/order c\n  env-file {D}\n"+"task d {V} append {D}/order d\n  env-file /dev/zero\n")
	in.state("a", "exited")
	in.contains(in.state("b", "failed").reason(), "/no/such/file")
	in.state("c", "failed") // a folder
	in.state("d", "failed") // a device
	if got := in.order(); len(got) > 0 {
		t.Errorf("%v ran", got)
	}
}

// The keys user, group and groups; the files are those of the init's root.
func TestC5_UserAndGroups(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted, Root: map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:the web:/srv/web:/bin/false\n",
		"etc/group":  "root:x:0:\nwebs:x:34:\naudio:x:50:other,web\nvideo:x:51:web\nmail:x:52:webs,other\n",
	}}, "task a {V} report {D}/a\n  user web\ntask b {V} report {D}/b\n  user web\n  group mail\n  groups audio\n"+
		"task c {V} report {D}/c\n  user 4711\ntask d {V} report {D}/d\ntask e {V} report {D}/e\n  group audio\n")
	must(t, os.Chmod(in.dir+"/w", 0o777))
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		in.ok("restart", n) // a may have found the folder closed
	}
	a := in.report("a")
	slices.Sort(a.Groups)
	if a.Uid != 33 || a.Gid != 34 || !slices.Equal(withoutOne(a.Groups, 34), []int{50, 51}) {
		t.Errorf("a is %d:%d %v, expected 33:34 with 50 and 51", a.Uid, a.Gid, a.Groups)
	}
	for k, v := range map[string]string{"HOME": "/srv/web", "USER": "web", "LOGNAME": "web", "SHELL": "/bin/false"} {
		if got := a.env(k); got != v {
			t.Errorf("%s is %q, expected %q", k, got, v)
		}
	}
	if b := in.report("b"); b.Uid != 33 || b.Gid != 52 || !slices.Equal(withoutOne(b.Groups, 52), []int{50}) {
		t.Errorf("b is %d:%d %v, expected 33:52 with 50", b.Uid, b.Gid, b.Groups)
	}
	if c := in.report("c"); c.Uid != 4711 || len(withoutOne(c.Groups, c.Gid)) != 0 || slices.Contains(c.Groups, 0) {
		t.Errorf("c is %d:%d %v, expected 4711 and no groups of root", c.Uid, c.Gid, c.Groups)
	}
	if d := in.report("d"); d.Uid != 0 || d.Gid != 0 {
		t.Errorf("d is %d:%d, expected root", d.Uid, d.Gid)
	}
	if e := in.report("e"); e.Uid != 0 || e.Gid != 50 {
		t.Errorf("e is %d:%d, expected 0:50", e.Uid, e.Gid)
	}
	for _, n := range []string{"a", "b", "c"} {
		if caps := in.report(n).Status["CapEff"]; strings.Trim(caps, "0") != "" {
			t.Errorf("%s keeps capabilities %s", n, caps)
		}
	}
}

func withoutOne(list []int, x int) []int {
	return slices.DeleteFunc(slices.Clone(list), func(y int) bool { return y == x })
}

// The key user: an unknown one is a clean failure with its stage.
func TestC6_UnknownUser(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted, Root: map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nbroken line\nbad:x:zz:0::/:\n"}},
		"service a {V} append {D}/order a\n  user nobody-here\n  restart never\n  start manual\n"+
			"service b {V} append {D}/order b\n  group none-here\n  restart never\n  start manual\n"+
			"service c {V} append {D}/order c\n  user bad\n  restart never\n  start manual\n"+svc("ok"))
	in.settled("ok")
	in.contains(in.must(1, "start", "a"), "nobody-here")
	in.contains(in.is("a", "failed").reason(), "nobody-here")
	in.contains(in.must(1, "start", "b"), "none-here")
	in.must(1, "start", "c")
	in.wantOrder("+ok")
}

// The key user as an ordinary user: only one's own.
func TestC6_UserWithoutRoot(t *testing.T) {
	t.Parallel()
	in := start(t, fmt.Sprintf("task own {V} report {D}/own\n  user %d\nservice other {V} append {D}/order other\n  user 4711\n  restart never\n", uid))
	in.state("own", "exited")
	if r := in.report("own"); r.Uid != uid {
		t.Errorf("uid is %d, expected %d", r.Uid, uid)
	}
	in.state("other", "failed")
	if got := in.order(); len(got) > 0 {
		t.Errorf("%v ran", got)
	}
}

// The keys dir and umask.
func TestC7_DirAndUmask(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} report {D}/a\n  dir {D}\n  umask 027\ntask b {V} report {D}/b\n")
	in.state("a", "exited")
	in.state("b", "exited")
	if r := in.report("a"); r.Dir != in.dir+"/w" || r.Umask != 0o27 {
		t.Errorf("dir %s, umask %o; expected %s/w, 27", r.Dir, r.Umask, in.dir)
	}
	if r := in.report("b"); r.Dir != "/" || r.Umask != 0o22 {
		t.Errorf("dir %s, umask %o; expected /, 22", r.Dir, r.Umask)
	}
}

// P5: what a process starts with, whatever the init was started with.
func TestC7_CleanStart(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Launch: []string{"-ignore", "HUP,INT,PIPE,USR2,TERM", "-block", "USR1,TERM,CHLD,HUP,40", "-nofile", "123"}},
		"task status /bin/cat /proc/self/status\ntask fds /bin/ls -l /proc/self/fd\ntask limit /bin/sh -c 'ulimit -Sn'\n"+svc("a")+"task r {V} report {D}/r\n")
	for _, n := range []string{"status", "fds", "limit", "r"} {
		in.state(n, "exited")
	}
	status, _ := in.logs("status")
	for _, k := range []string{"SigBlk", "SigIgn", "SigCgt", "SigPnd"} {
		if i := slices.IndexFunc(status, func(l string) bool { return strings.HasPrefix(l, k+":") }); i < 0 || strings.Trim(strings.TrimPrefix(status[i], k+":"), " \t0") != "" {
			t.Errorf("%s is not empty: %v", k, status)
		}
	}
	fds, _ := in.logs("fds")
	for _, l := range fds {
		if _, to, ok := strings.Cut(l, " -> "); ok && !strings.Contains(to, "/proc/") && !strings.HasPrefix(to, "pipe:") && to != "/dev/null" {
			t.Errorf("a descriptor that is not declared: %s", l)
		}
	}
	if n := len(fds); n != 5 { // total, 0, 1, 2 and the folder that ls reads
		t.Errorf("descriptors:\n%s\nexpected 0, 1 and 2", strings.Join(fds, "\n"))
	}
	if l, _ := in.logs("limit"); len(l) != 1 || l[0] != "123" {
		t.Errorf("the limit of files is %v, expected 123", l)
	}
	r := in.report("r")
	if r.Sid != r.Pid || r.Pgid != r.Pid {
		t.Errorf("pid %d, group %d, session %d; expected all the same", r.Pid, r.Pgid, r.Sid)
	}
	if r.Ppid != in.pid() {
		t.Errorf("the parent is %d, expected %d", r.Ppid, in.pid())
	}
	if r.Fds["0"] != "/dev/null" || r.Fds["1"] != r.Fds["2"] || !strings.HasPrefix(r.Fds["1"], "pipe:") {
		t.Errorf("descriptors are %v, expected null and one pipe twice (L1)", r.Fds)
	}
	// The init was started with TERM blocked and ignored: it still ends by it.
}

// P2, P5: a start that fails names the stage.
func TestC9_DirMissing(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/order a\n  dir /no/such/dir\n  restart never\n  start manual\n"+
		"service b {V} append {D}/order b\n  dir {V}\n  restart never\n  start manual\n")
	in.contains(in.must(1, "start", "a"), "dir", "/no/such/dir")
	in.contains(in.is("a", "failed").reason(), "chdir", "ENOENT")
	in.must(1, "start", "b")
	in.contains(in.is("b", "failed").reason(), "chdir", "ENOTDIR")
	if got := in.order(); len(got) > 0 {
		t.Errorf("%v ran", got)
	}
}

// The keys exec and sh, and the search of PATH.
func TestC9_ExecAndSh(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{}, "task a\n  exec {V} append {D}/order a\ntask b\n  after a\n  sh 'echo $((1+1)) \"$X\" >> {D}/order; echo done'\n  env 'X=a  b'\n"+
		"task c true\n  after b\n"+"task d sh -c 'echo d >> {D}/order'\n  after c\n")
	for _, n := range []string{"a", "b", "c", "d"} {
		in.state(n, "exited")
	}
	in.wantOrder("a", "2 a  b", "d")
}

// The key stdin: a file, and its absence.
func TestC9_Stdin(t *testing.T) {
	t.Parallel()
	in := start(t, "task a /bin/cat\n  stdin {C}/test.conf\nservice b /bin/cat\n  stdin /no/such/file\n  restart never\n"+
		"service fifo /bin/cat\n  stdin {D}/fifo\n  restart never\n  start manual\n"+svc("c"))
	in.settled("a", "c")
	if l, _ := in.logs("a"); len(l) == 0 || !strings.HasPrefix(l[0], "task a") {
		t.Errorf("it read %v", l)
	}
	in.contains(in.state("b", "failed").reason(), "stdin", "ENOENT")
	// Whatever a FIFO without a writer does to its unit, nobody else waits.
	must(t, mkfifo(in.dir+"/w/fifo"))
	in.own(in.dir + "/w/fifo")
	in.ok("start", "--no-wait", "fifo")
	in.ok("restart", "c")
	in.ok("stop", "fifo")
}
