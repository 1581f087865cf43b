package accept

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// limits gives the rows of /proc/self/limits that a task "cat" has logged.
func (in *Init) limits(name string) map[string]string {
	in.t.Helper()
	in.state(name, "exited")
	lines, _ := in.logs(name)
	rows := map[string]string{}
	for _, l := range lines {
		if len(l) > 66 {
			rows[strings.TrimSpace(l[:26])] = strings.Join(strings.Fields(l[26:66]), " ")
		}
	}
	return rows
}

// The key limit: every one, one value for both, and the init's own file limit.
func TestC7_Limits(t *testing.T) {
	t.Parallel()
	in := startWith(t, Options{Launch: []string{"-nofile", "234"}},
		"task a /bin/cat /proc/self/limits\n  limit nofile 55:66\n  limit core 0\n  limit as 1G\n  limit nproc 1000:2000\n  limit memlock 16K:32K\n"+
			"  limit stack 2M:4M\n  limit cpu 60\n  limit fsize 1M\n  limit data 1G\n  limit rss 1G\n  limit locks 77\n  limit sigpending 88\n"+
			"  limit msgqueue 8K\n  limit nice 0\n  limit rtprio 0\n  limit rttime 1000000\n"+
			"task b /bin/sh -c 'ulimit -Sn'\n"+
			"task c /bin/sh -c 'ulimit -Sn; ulimit -Hn'\n  limit nofile 40\n  limit nofile 50\nextend c\n  limit nofile 60:70\n"+
			"task d /bin/sh -c 'ulimit -Sc'\n  limit core infinity:infinity\n")
	got := in.limits("a")
	for row, want := range map[string]string{"Max open files": "55 66", "Max core file size": "0 0", "Max address space": "1073741824 1073741824",
		"Max processes": "1000 2000", "Max locked memory": "16384 32768", "Max stack size": "2097152 4194304", "Max cpu time": "60 60",
		"Max file size": "1048576 1048576", "Max data size": "1073741824 1073741824", "Max resident set": "1073741824 1073741824",
		"Max file locks": "77 77", "Max pending signals": "88 88", "Max msgqueue size": "8192 8192", "Max nice priority": "0 0",
		"Max realtime priority": "0 0", "Max realtime timeout": "1000000 1000000"} {
		if got[row] != want {
			t.Errorf("%s is %q, expected %q", row, got[row], want)
		}
	}
	for name, want := range map[string]string{"b": "234", "c": "60 70", "d": "unlimited"} {
		in.state(name, "exited")
		if l, _ := in.logs(name); strings.Join(l, " ") != want {
			t.Errorf("%s has %v, expected %s", name, l, want)
		}
	}
	in.contains(in.ok("show", "a"), "nofile 55:66", "as 1G", "core 0", "memlock 16K:32K")
}

// The key limit: what one may not have is a clean failure that names it.
func TestC7_LimitRefused(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} append {D}/order a\n  limit cpu 100\n  limit nofile 10:infinity\n  restart never\n  start manual\n"+
		svc("ok"))
	in.settled("ok")
	in.contains(in.must(1, "start", "a"), "limit EPERM", "nofile")
	in.contains(in.is("a", "failed").reason(), "limit EPERM", "nofile")
	in.wantOrder("+ok")
}

// The limit nproc meets whoever has more processes already at its exec.
func TestC7_LimitOfProcesses(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted}, "service a /victim append /w/order a\n  user 54321\n  limit nproc 0\n  restart never\n  start manual\n"+
		"service b /victim unit /w/order b 3\n  ready fd 3\n  user 54321\n  limit nproc 200\n  restart never\n  start manual\n")
	must(t, os.Chmod(in.dir+"/w", 0o777))
	in.ok("start", "b")
	in.contains(in.must(1, "start", "a"), "exec EAGAIN")
	in.wantOrder("+b")
}

// The keys nice, oom, sched, cpus and ionice, read back; what a start asks for
// changes neither the init nor its other children.
func TestC7_Priorities(t *testing.T) {
	t.Parallel()
	const facts = "/bin/sh -c 'cut -d\" \" -f19,40,41 /proc/$$/stat; cat /proc/$$/oom_score_adj; grep Cpus_allowed_list: /proc/$$/status'\n"
	plain := strings.Fields(run1(t, "sh", "-c", "cut -d' ' -f19 /proc/$$/stat; cat /proc/$$/oom_score_adj; grep Cpus_allowed_list: /proc/$$/status"))
	nice, oom, cpus := plain[0], plain[1], plain[3]
	first := strings.FieldsFunc(cpus, func(r rune) bool { return r == '-' || r == ',' })[0]
	in := start(t, "task a "+facts+"  nice 11\n  oom 789\n  sched batch\n  cpus "+first+",1023\n"+
		"task b "+facts+"  after a\n"+
		"task c "+facts+"  sched idle\n  nice +19\n  oom 1000\n  cpus 0-1023\n"+
		"task d "+facts+"  sched other\n"+
		"task e /bin/sh -c 'ionice || echo none'\n  ionice best-effort:6\n"+
		"task f /bin/sh -c 'ionice || echo none'\n  ionice idle\n")
	for name, want := range map[string]string{
		"a": "11 0 3 789 Cpus_allowed_list: " + first,
		"b": nice + " 0 0 " + oom + " Cpus_allowed_list: " + cpus,
		"c": "19 0 5 1000 Cpus_allowed_list: " + cpus,
		"d": nice + " 0 0 " + oom + " Cpus_allowed_list: " + cpus,
	} {
		in.state(name, "exited")
		if l, _ := in.logs(name); strings.Join(strings.Fields(strings.Join(l, " ")), " ") != want {
			t.Errorf("%s has %v, expected %s", name, l, want)
		}
	}
	if _, err := exec.LookPath("ionice"); err == nil {
		for name, want := range map[string]string{"e": "best-effort: prio 6", "f": "idle"} {
			in.state(name, "exited")
			if l, _ := in.logs(name); len(l) != 1 || l[0] != want {
				t.Errorf("%s has %v, expected %s", name, l, want)
			}
		}
	}
	if after := run1(t, "sh", "-c", fmt.Sprintf("cut -d' ' -f19,40,41 /proc/%d/stat; cat /proc/%d/oom_score_adj", in.pid(), in.pid())); strings.Join(strings.Fields(after), " ") != nice+" 0 0 "+oom {
		t.Errorf("the init itself is %q", after)
	}
}

// run1 gives what a command prints.
func run1(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

// The same keys where they need a right that an ordinary user has not.
func TestC7_PrioritiesRefused(t *testing.T) {
	t.Parallel()
	text := ""
	for i, key := range []string{"nice -10", "oom -1000", "sched fifo 10", "cpus 1023", "ionice realtime:0", "securebits noroot", "caps none", "caps net_raw", "chroot /", "chroot {V}"} {
		text += fmt.Sprintf("service s%d {V} append {D}/order s%d\n  %s\n  restart never\n  start manual\n", i, i, key)
	}
	in := start(t, text)
	for i, want := range []string{"nice EACCES", "oom EACCES", "sched EPERM", "cpus EINVAL", "ionice EPERM", "securebits EPERM", "bounding EPERM: chown", "bounding EPERM: chown", "chroot EPERM: /", "chroot ENOTDIR"} {
		name := fmt.Sprintf("s%d", i)
		in.contains(in.must(1, "start", name), want)
		in.contains(in.is(name, "failed").reason(), want)
	}
	if got := in.order(); len(got) > 0 {
		t.Errorf("%v ran", got)
	}
}

// The key no-new-privs needs no right, and reaches every process of the unit.
func TestC8_NoNewPrivs(t *testing.T) {
	t.Parallel()
	in := start(t, "task a {V} report {D}/a\n  no-new-privs yes\n  pre {V} report {D}/pre\n  post {V} report {D}/post\n"+
		"task b {V} report {D}/b\n  no-new-privs no\n")
	for name, want := range map[string]string{"a": "1", "pre": "1", "post": "1", "b": "0"} {
		if got := in.report(name).Status["NoNewPrivs"]; got != want {
			t.Errorf("%s has %s, expected %s", name, got, want)
		}
	}
}

// The keys caps and securebits, with user and without.
func TestC8_Capabilities(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted, Root: map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:the web:/srv/web:/bin/false\n"}},
		"task a {V} report {D}/a\n  user web\n  caps CAP_NET_BIND_SERVICE\n"+
			"task b {V} report {D}/b\n  caps net_bind_service Cap_Chown\n"+
			"task c {V} report {D}/c\n  user web\n  caps none\n"+
			"task d {V} report {D}/d\n  caps none\n"+
			"task e {V} report {D}/e\n  securebits noroot noroot-locked\n  caps chown\n"+
			"task f {V} report {D}/f\n  user web\n  no-new-privs yes\n  securebits keep-caps-locked no-setuid-fixup no-setuid-fixup-locked noroot noroot-locked\n  caps kill\nextend f\n  caps chown\n"+
			"task g {V} report {D}/g\n  user web\n")
	must(t, os.Chmod(in.dir+"/w", 0o777))
	for name, want := range map[string]string{ // inheritable, permitted, effective, bounding, ambient
		"a": "400 400 400 400 400",
		"b": "401 401 401 401 0",
		"c": "0 0 0 0 0",
		"d": "0 0 0 0 0",
		"e": "1 1 1 1 1",
		"f": "21 21 21 21 21",
		"g": "0 0 0 all 0",
	} {
		in.ok("restart", name) // it may have found the folder closed
		r := in.report(name)
		var got []string
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			v := strings.TrimLeft(r.Status[set], "0")
			if v == "" {
				v = "0"
			} else if len(v) > 4 {
				v = "all"
			}
			got = append(got, v)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s has %s, expected %s", name, text, want)
		}
	}
	if r := in.report("f"); r.Uid != 33 || r.Status["NoNewPrivs"] != "1" {
		t.Errorf("f is %d, %s", r.Uid, r.Status["NoNewPrivs"])
	}
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", in.pid())); err == nil && !strings.Contains(string(data), "NoNewPrivs:\t0\n") {
		t.Error("the init itself has no new privileges")
	}
}

// The key chroot: dir and command inside, the rest outside.
func TestC9_Chroot(t *testing.T) {
	needRoot(t)
	t.Parallel()
	in := startWith(t, Options{Mode: rooted, Root: map[string]string{
		"etc/passwd":       "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:the web:/srv/web:/bin/false\n",
		"jail/etc/passwd":  "web:x:44:44::/:/\n",
		"jail/here/nobody": "", "vars": "A=outside\n", "text": "from outside\n"}},
		"task a /victim listdir /out/root / , listdir /out/dir . , append /out/a \"${A}\"\n  chroot /jail\n  dir /here\n  user web\n  env-file /vars\n  oom 300\n"+
			"task b victim report out/b\n  chroot /jail\n  env PATH=/nowhere:/ A=1\n"+
			"service c /mote ping\n  chroot /jail\n  restart never\n  start manual\n"+
			"service d /victim sleep\n  chroot /jail\n  dir /bin\n  restart never\n  start manual\n"+
			"service e /victim sleep\n  chroot /no/jail\n  restart never\n  start manual\n"+
			"service f /victim sleep\n  chroot /vars\n  restart never\n  start manual\n"+svc("ok"))
	in.settled("ok")
	in.install(victimBin, "jail/victim")
	must(t, os.Mkdir(in.dir+"/jail/out", 0o777))
	must(t, os.Chmod(in.dir+"/jail/out", 0o777))
	in.ok("restart", "a", "b")
	data, err := os.ReadFile(in.dir + "/jail/out/a")
	if err != nil || strings.TrimSpace(string(data)) != "outside" {
		t.Errorf("a wrote %q, %v", data, err)
	}
	for name, want := range map[string]string{"root": "etc here out victim", "dir": "nobody"} {
		if data, err := os.ReadFile(in.dir + "/jail/out/" + name); err != nil || strings.TrimSpace(string(data)) != want {
			t.Errorf("%s is %q, %v; expected %s", name, data, err, want)
		}
	}
	if st, err := os.Stat(in.dir + "/jail/out/a"); err != nil || st.Sys().(*syscall.Stat_t).Uid != 33 {
		t.Errorf("a is of another user than web outside: %v", err)
	}
	if _, err := os.Stat(in.dir + "/jail/out/b"); err != nil {
		t.Error(err)
	}
	in.contains(in.must(1, "start", "c"), "exec ENOENT")
	in.contains(in.must(1, "start", "d"), "chdir ENOENT: /bin")
	in.contains(in.must(1, "start", "e"), "chroot ENOENT: /no/jail")
	in.contains(in.must(1, "start", "f"), "chroot ENOTDIR: /vars")
}

// The key stdin tty in a service: a controlling terminal, the log for the rest.
func TestC9_ServiceTty(t *testing.T) {
	t.Parallel()
	_, path := openPty(t)
	in := start(t, "service s {V} report {D}/r , print logged , copy /dev/tty {D}/tty\n  tty "+path+"\n  stdin tty\n  nice 3\n")
	r := in.report("r")
	if r.Fds["0"] != path || !strings.HasPrefix(r.Fds["1"], "pipe:") || r.Sid != r.Pid {
		t.Errorf("descriptors are %v, pid %d, session %d", r.Fds, r.Pid, r.Sid)
	}
	in.until("its output is in the log", func() bool { l, _ := in.logs("s"); return len(l) > 0 && l[0] == "logged" })
}

// The key tty is enough: the terminal is the standard input then.
func TestC9_ServiceTtyAlone(t *testing.T) {
	t.Parallel()
	_, path := openPty(t)
	in := start(t, "service s {V} report {D}/r , sleep\n  tty "+path+"\ntask n {V} report {D}/n\n  tty "+path+"\n  stdin null\ntask g {V} sleep\n  tty {D}/none\n")
	if r := in.report("r"); r.Fds["0"] != path {
		t.Errorf("descriptors are %v", r.Fds)
	}
	if r := in.report("n"); r.Fds["0"] != "/dev/null" {
		t.Errorf("descriptors with stdin null are %v", r.Fds)
	}
	in.contains(in.state("g", "failed").reason(), "spawn tty ENOENT")
	if text := in.ok("show", "s"); strings.Contains(text, "stdin") {
		t.Errorf("show s is %q", text)
	}
}

// Every key with hostile values: a located fault each, and all else boots.
func TestC9_ContextFaults(t *testing.T) {
	t.Parallel()
	bad := []string{"chroot x", "caps chwon", "caps none chown", "no-new-privs maybe", "securebits no-root", "limit nofiles 1", "limit nofile 5:4", "limit core 1T",
		"nice 20", "nice", "oom -1001", "sched fifo", "sched rr 100", "cpus 3-1", "cpus 1024", "ionice best-effort:8", "ionice rt", "limit core", "caps \"\"", "cpus 0-99999999999999999999"}
	text := ""
	for i, key := range bad {
		text += fmt.Sprintf("service s%d {V} sleep\n  %s\n", i, key)
	}
	in := start(t, text+svc("ok"))
	in.settled("ok")
	for i, key := range bad {
		reason := in.is(fmt.Sprintf("s%d", i), "failed").reason()
		word, _, _ := strings.Cut(key, " ")
		if !strings.Contains(reason, fmt.Sprintf("test.conf:%d: ", 2*i+2)) || !strings.Contains(reason, strings.TrimSuffix(word, "s")) && word != "caps" {
			t.Errorf("%s: %q", key, reason)
		}
	}
	in.contains(in.is("s1", "failed").reason(), `unknown capability "chwon": write "chown"`)
}
