package accept

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// sshd is an init in namespaces whose root folder has dropbear, a shell, and an
// account that a key opens.
type sshd struct {
	*Init
	host, key string
}

// dropbear starts it with the recipe; real root, since a server that opens
// accounts has to change its user. What is replaced comes in pairs.
func dropbear(t *testing.T, pairs ...string) sshd {
	t.Helper()
	needRoot(t)
	host := loopback()
	for _, n := range []string{"dropbear", "dropbearkey", "dbclient", "busybox"} {
		debianProgram(t, n)
	}
	in := prepareInit(t, Options{Mode: rooted, Root: map[string]string{
		"etc/passwd":       "root::0:0:root:/root:/bin/sh\n",
		"etc/group":        "root:x:0:\n",
		"etc/shells":       "/bin/sh\n",
		"etc/dropbear/why": "the folder of the host key\n",
	}}, recipe(t, "service dropbear", append([]string{"-p 22", "-p " + host + ":18022"}, pairs...)...))
	in.installDebian("dropbear", "/usr/sbin/dropbear")
	in.installDebian("dropbearkey", "/usr/bin/dropbearkey")
	in.installDebian("busybox", "/bin/busybox")
	for _, n := range []string{"sh", "cat", "id", "echo", "sleep"} {
		must(t, os.Symlink("busybox", in.dir+"/bin/"+n))
	}
	s := sshd{in, host, in.dir + "-key"}
	t.Cleanup(func() { os.Remove(s.key) })
	r := program(t, 0, debian.env, debianProgram(t, "dropbearkey"), "-t", "ed25519", "-f", s.key)
	_, public, _ := strings.Cut(r.out, "\nssh-")
	public, _, _ = strings.Cut("ssh-"+public, "\n")
	if r.code != 0 || len(public) < 40 {
		t.Fatalf("dropbearkey exits %d: %s", r.code, r.all())
	}
	in.write("root/.ssh/authorized_keys", public+"\n")
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
	in.settled("dropbear")
	return s
}

// login begins a command over ssh, without a terminal.
func (s sshd) login(words ...string) *exec.Cmd {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*step)
	s.t.Cleanup(cancel)
	c := exec.CommandContext(ctx, debianProgram(s.t, "dbclient"), append([]string{"-y", "-y", "-T", "-i", s.key, "-p", "18022", "root@" + s.host}, words...)...)
	c.Env = append(append([]string{}, debian.env...), "HOME="+s.dir)
	c.WaitDelay = step
	return c
}

// says gives what a command over ssh prints; the first ones may come before
// dropbear listens.
func (s sshd) says(words ...string) string {
	s.t.Helper()
	var out []byte
	s.until("a login works", func() bool {
		var err error
		out, err = s.login(words...).Output()
		return err == nil
	})
	return strings.TrimSpace(string(out))
}

// session is a login whose cat gives back each line.
type session struct {
	t   *testing.T
	c   *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (s sshd) session() *session {
	s.t.Helper()
	c := s.login("cat")
	in, err := c.StdinPipe()
	must(s.t, err)
	out, err := c.StdoutPipe()
	must(s.t, err)
	must(s.t, c.Start())
	one := &session{s.t, c, in, bufio.NewReader(out)}
	s.t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	one.echoes("begin")
	return one
}

func (s *session) echoes(word string) {
	s.t.Helper()
	fmt.Fprintln(s.in, word)
	if got, err := s.out.ReadString('\n'); err != nil || got != word+"\n" {
		s.t.Fatalf("the session gives %q, %v; want %q", got, err, word)
	}
}

// The host key is made before the first start and only then; a login runs a
// command and gives its exit status.
func TestDropbear_Login(t *testing.T) {
	t.Parallel()
	s := dropbear(t)
	s.contains(s.says("id"), "uid=0")
	err := s.login("exit 7").Run()
	if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 7 {
		t.Errorf("exit 7 over ssh gives %v", err)
	}
	if got := s.says("echo $NOTIFY_SOCKET$LISTEN_FDS$MOTE_SOCKET."); got != "." {
		t.Errorf("the login has %q of the init's environment", got)
	}
	before, err := os.ReadFile(s.dir + "/etc/dropbear/host_key")
	must(t, err)
	s.ok("restart", "hostkey")
	s.contains(s.is("hostkey", "exited").reason(), "skipped")
	s.settled("dropbear")
	s.contains(s.says("id"), "uid=0")
	after, _ := os.ReadFile(s.dir + "/etc/dropbear/host_key")
	if string(before) != string(after) {
		t.Error("the host key was made twice")
	}
	s.contains(s.ok("logs", "dropbear"), "Pubkey auth succeeded")
}

// A login outlives what the listener goes through: reload, restart, crash, stop.
func TestDropbear_SessionsLive(t *testing.T) {
	t.Parallel()
	s := dropbear(t)
	s.says("id")
	one := s.session()
	s.write("c/more.conf", s.expand(svc("more")))
	s.ok("reload")
	s.settled("more")
	one.echoes("after a reload")
	s.ok("restart", "dropbear")
	one.echoes("after a restart")
	pid := s.unit("dropbear").pid()
	s.ok("kill", "dropbear", "KILL")
	s.when("dropbear", "runs again", func(u Unit) bool { return u.State == "running" && u.pid() != pid })
	one.echoes("after a crash")
	s.contains(s.says("echo another one"), "another one")
	s.ok("stop", "dropbear")
	one.echoes("after a stop")
	if s.login("id").Run() == nil {
		t.Error("a new login works after the stop")
	}
	s.signal(syscall.SIGTERM)
	if code := s.gone(2 * step); code != 0 {
		t.Errorf("the container exits %d, want 0", code)
	}
	if line, err := one.out.ReadString('\n'); err == nil {
		t.Errorf("the session outlives the container: %q", line)
	}
}

// Twenty logins, some broken off: nobody stays behind as a zombie.
func TestDropbear_NoZombies(t *testing.T) {
	t.Parallel()
	s := dropbear(t)
	s.says("id")
	for i := range 20 {
		if i%4 > 0 {
			s.says("sleep 1000 & echo left behind")
			continue
		}
		one := s.session()
		one.c.Process.Kill()
	}
	s.until("no zombie", func() bool { return len(s.zombies()) == 0 })
	// What logins left behind is the init's: its end is seen, also when many
	// end while the init cannot look.
	var left []int
	s.until("15 processes are left behind", func() bool {
		left = left[:0]
		for _, p := range s.children("S") {
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p)); string(comm) == "sleep\n" {
				left = append(left, p)
			}
		}
		return len(left) == 15
	})
	s.signal(syscall.SIGSTOP)
	for _, p := range left {
		s.kill(p, syscall.SIGKILL)
	}
	s.until("they are zombies", func() bool { return len(s.zombies()) == len(left) })
	s.signal(syscall.SIGCONT)
	s.until("no zombie", func() bool { return len(s.zombies()) == 0 })
	if u := s.is("dropbear", "running"); u.Restarts != 0 {
		t.Errorf("%d restarts", u.Restarts)
	}
	s.ok("ping")
}

// zombies gives the dead that a process of the case's pid namespace has not
// waited for.
func (in *Init) zombies() []string {
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", in.pid()))
	must(in.t, err)
	var dead []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		stat, err := os.ReadFile(d + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if ns, _ := os.Readlink("/proc/" + f[1] + "/ns/pid"); f[0] == "Z" && ns == own {
			dead = append(dead, string(stat[:min(len(stat), 60)]))
		}
	}
	return dead
}
