package accept

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programsDir is where build/deps.sh unpacks what is not installed.
const programsDir = "../../out/programs/usr"

// debian holds the programs of Debian that are the subjects of the cases, where
// the ordinary user can reach them.
var debian struct {
	sync.Once
	err error
	env []string
}

// bringPrograms copies out/programs into the folder of all cases. The database
// is redis-check-rdb by its other name, as in the package redis-server.
func bringPrograms() error {
	dir := base + "/debian"
	if err := os.MkdirAll(dir+"/bin", 0o755); err != nil {
		return err
	}
	for _, d := range []string{"bin", "sbin", "lib"} {
		from := filepath.Join(programsDir, d)
		if _, err := os.Stat(from); err != nil {
			continue
		}
		if err := os.CopyFS(filepath.Join(dir, d), os.DirFS(from)); err != nil {
			return err
		}
	}
	if path, err := exec.LookPath("redis-check-rdb"); err == nil {
		if err := os.Symlink(path, dir+"/bin/redis-server"); err != nil {
			return err
		}
	}
	libs, err := filepath.Glob(dir + "/lib/*-linux-gnu*")
	if err != nil {
		return err
	}
	debian.env = []string{
		"PATH=" + dir + "/sbin:" + dir + "/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LD_LIBRARY_PATH=" + strings.Join(libs, ":"),
	}
	return nil
}

// program gives the path of a program of Debian; without it the case is skipped.
func debianProgram(t *testing.T, name string) string {
	t.Helper()
	debian.Do(func() { debian.err = bringPrograms() })
	must(t, debian.err)
	for _, dir := range []string{base + "/debian/sbin", base + "/debian/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if st, err := os.Stat(dir + "/" + name); err == nil && st.Mode().Perm()&0o111 != 0 {
			return dir + "/" + name
		}
	}
	t.Skipf("no %s: run build/deps.sh, as root if apt has no lists", name)
	return ""
}

// withDebian starts an init, in the supervisor role, that finds these programs
// by their names.
func withDebian(t *testing.T, config string, names ...string) *Init {
	t.Helper()
	in := prepareDebian(t, config, names...)
	in.launchDebian()
	return in
}

// prepareDebian is withDebian without the start.
func prepareDebian(t *testing.T, config string, names ...string) *Init {
	t.Helper()
	for _, n := range names {
		debianProgram(t, n)
	}
	return prepareInit(t, Options{Env: debian.env}, config)
}

func (in *Init) launchDebian() {
	in.t.Helper()
	in.t.Cleanup(in.sweep) // comes after the end of the init
	in.launch()
	in.until("the init answers", func() bool { return in.ctl("ping").code == 0 })
}

// sweep ends what is left of servers that write over their environment, where
// the mark of a case is looked for: the case's folder is among their words.
func (in *Init) sweep() {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		words, _ := os.ReadFile(f)
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		if !strings.Contains(string(words), in.dir+"/") || pid == os.Getpid() {
			continue
		}
		if !in.t.Failed() {
			in.t.Errorf("SPEC 8: the init left behind: %s", describe([]int{pid}))
		}
		if group, err := syscall.Getpgid(pid); err == nil && group > 1 && group != syscall.Getpgrp() {
			syscall.Kill(-group, syscall.SIGKILL)
		}
	}
}

// run runs a program of Debian as the init's user.
func (in *Init) run(name string, args ...string) result {
	in.t.Helper()
	return program(in.t, uid, debian.env, debianProgram(in.t, name), args...)
}

// installDebian puts a program of Debian and its libraries into the root folder.
func (in *Init) installDebian(name, as string) {
	in.t.Helper()
	path := debianProgram(in.t, name)
	c := exec.Command("ldd", path)
	c.Env = debian.env
	out, _ := c.Output() // a static program has status 1 and no paths
	for _, w := range strings.Fields(string(out)) {
		if !strings.HasPrefix(w, "/") {
			continue
		}
		to := w
		if strings.HasPrefix(w, base) {
			to = "/lib/" + filepath.Base(w)
		}
		must(in.t, os.MkdirAll(in.dir+filepath.Dir(to), 0o755))
		if _, err := os.Stat(in.dir + to); err != nil {
			real, err := filepath.EvalSymlinks(w)
			must(in.t, err)
			in.install(real, to)
		}
	}
	must(in.t, os.MkdirAll(in.dir+filepath.Dir(as), 0o755))
	path, err := filepath.EvalSymlinks(path)
	must(in.t, err)
	in.install(path, as)
}

// loopback gives an address that no other case has, so that a port can be
// chosen: all of 127.0.0.0/8 is this machine.
func loopback() string {
	n := serial.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 1+n%250, 1+os.Getpid()/250%250, 1+os.Getpid()%250)
}

// get gives the body of an answer 200.
func get(addr, path string) (string, error) {
	c := http.Client{Timeout: step, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + addr + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", r.StatusCode)
	}
	return string(body), err
}

// serves waits until an address gives this body.
func (in *Init) serves(addr, path, want string) {
	in.t.Helper()
	var last string
	end := time.Now().Add(step)
	for {
		body, err := get(addr, path)
		if err == nil && body == want {
			return
		}
		if last = fmt.Sprintf("%q, %v", body, err); time.Now().After(end) {
			in.t.Fatalf("%s%s answers %s; want %q", addr, path, last, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// nginxConf is a server that answers every request with one line.
func (in *Init) nginxConf(addr, says string) {
	in.t.Helper()
	in.write("w/nginx.conf", in.expand(`pid {D}/nginx.pid;
worker_processes 2;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path {D}/t1; proxy_temp_path {D}/t2; fastcgi_temp_path {D}/t3; uwsgi_temp_path {D}/t4; scgi_temp_path {D}/t5;
  server {
    listen `+addr+`;
    location / { return 200 "`+says+`\n"; }
    location /slow { root {D}; limit_rate 64k; }
  }
}
`))
}

// recipes gives the examples of build/doc/recipes.md.
func recipes(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../doc/recipes.md")
	must(t, err)
	var all []string
	for i, block := range strings.Split(string(page), "```") {
		if text, ok := strings.CutPrefix(block, "mote\n"); ok && i%2 == 1 {
			all = append(all, text)
		}
	}
	return all
}

// recipe gives the example in which a unit is defined, with words replaced, in
// pairs; a word that is not there is a fault of either.
func recipe(t *testing.T, header string, pairs ...string) string {
	t.Helper()
	for _, text := range recipes(t) {
		if !slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool {
			return strings.HasPrefix(strings.Join(strings.Fields(l), " ")+" ", header+" ")
		}) {
			continue
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Fatalf("recipes.md: the example of %q has no %q", header, pairs[i])
			}
		}
		return strings.NewReplacer(pairs...).Replace(text)
	}
	t.Fatalf("recipes.md: no example has %q", header)
	return ""
}
