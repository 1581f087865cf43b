package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mote/build/demo/stage"
	"mote/build/initramfs/image"
)

const kernel = "../../out/kernel/vmlinuz"

// soon bounds one step of a boot; plain emulation on busy cores needs some 5 s
// to the first word of process 1.
const soon = 60 * time.Second

// motePath gives the file under test, absolute.
func motePath(t *testing.T) string {
	t.Helper()
	path := os.Getenv("MOTE_BIN")
	if path == "" {
		path = "../../out/mote"
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("no file to boot: %v: run make, or set MOTE_BIN", err)
	}
	return path
}

func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots take seconds: run without -short")
	}
}

// boot starts the image; the machine is stopped when the test ends, and its
// serial line shown when the test failed.
func boot(t *testing.T, im *image.Image, words string, devices ...string) *machine {
	t.Helper()
	skipShort(t)
	if err := ready(kernel); err != nil {
		t.Skip(err)
	}
	initrd := filepath.Join(t.TempDir(), "initrd.gz")
	if _, err := pack(im, initrd); err != nil {
		t.Fatal(err)
	}
	m, err := start(kernel, initrd, words, nil, devices...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.stop()
		if t.Failed() {
			t.Logf("the whole serial line:\n%s", m.text)
		}
	})
	return m
}

// see fails the test when one of the wanted strings does not come.
func see(t *testing.T, m *machine, wants ...string) int {
	t.Helper()
	which, err := m.expect(soon, wants...)
	if err != nil {
		t.Fatal(err)
	}
	return which
}

// ask types a command at the shell's prompt and gives what it printed. The
// end mark is computed by the shell, so that the echo of the typed line is not
// taken for it.
func ask(t *testing.T, m *machine, command string) string {
	t.Helper()
	if err := m.send(command + "; echo end-$((7*6))\n"); err != nil {
		t.Fatal(err)
	}
	see(t, m, "echo end-$((7*6))") // the echo, which holds the command too
	m.mu.Lock()
	from := m.seen
	m.mu.Unlock()
	see(t, m, "end-42")
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.ReplaceAll(string(m.text[from:m.seen-len("end-42")]), "\r", "")
}

// off expects the kernel's last word and the end of QEMU.
func off(t *testing.T, m *machine, word string) {
	t.Helper()
	see(t, m, "reboot: "+word)
	if err := m.wait(10 * time.Second); err != nil {
		t.Fatal(err)
	}
}

// bare is an image of one file.
func bare(t *testing.T) *image.Image {
	im := new(image.Image)
	im.File("init", motePath(t), 0o755)
	return im
}

// withShell is mote and busybox, without any configuration.
func withShell(t *testing.T) *image.Image {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox: run build/deps.sh as root")
	}
	im := bare(t)
	if err := stage.AddProgram(im, "bin/busybox", busybox); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"sh", "cat", "ls", "mount", "hostname", "ip", "kill", "sleep", "grep", "id", "ps", "readlink"} {
		im.Link("bin/"+n, "busybox")
	}
	for _, n := range []string{"motectl", "poweroff", "reboot", "halt"} {
		im.Link("bin/"+n, "../init")
	}
	return im
}

// TestPanic proves that a panic is seen at once and not waited out.
func TestPanic(t *testing.T) {
	t.Parallel()
	im := new(image.Image)
	im.Bytes("init", []byte("no program"), 0o755)
	m := boot(t, im, "")
	if _, err := m.expect(soon, "never said"); err == nil || !strings.HasPrefix(err.Error(), errPanic.Error()) {
		t.Errorf("got %v, want %q first", err, errPanic)
	}
	if m.alive() {
		t.Error("a machine that panicked counts as alive")
	}
}

// TestBare boots an initramfs of one file: no shell, no configuration. The
// machine says so and stays alive.
func TestBare(t *testing.T) {
	t.Parallel()
	m := boot(t, bare(t), "")
	see(t, m, "no shell")
	// Nothing more is to come; a panic would within this time.
	if _, err := m.expect(3*time.Second, "reboot: "); err == nil || !strings.HasPrefix(err.Error(), "no [") {
		t.Errorf("got %v, want silence", err)
	}
	if !m.alive() {
		t.Error("the machine is gone")
	}
}

// TestShell boots to a prompt without any configuration, looks around, and
// powers off by the verb's name.
func TestShell(t *testing.T) {
	t.Parallel()
	im := withShell(t)
	im.Bytes("etc/hostname", []byte("board7\n"), 0o644)
	m := boot(t, im, "some.word=1 another")
	see(t, m, "# ")
	for _, c := range []struct{ name, command, want string }{
		{"proc 1 is mote", "readlink /proc/1/exe", "/init\n"},
		{"mounts", "mount", "on /proc type proc"},
		{"mounts", "mount", "on /sys type sysfs"},
		{"mounts", "mount", "on /dev type devtmpfs"},
		{"mounts", "mount", "on /dev/pts type devpts"},
		{"mounts", "mount", "on /dev/shm type tmpfs"},
		{"mounts", "mount", "on /run type tmpfs"},
		{"mounts", "mount", "on /sys/fs/cgroup type cgroup2"},
		{"hostname", "hostname", "board7\n"},
		{"loopback", "ip addr show dev lo", "127.0.0.1/8"},
		{"client", "motectl ping && echo answered-$((1+1))", "answered-2"},
		{"client", "motectl version", "signalfd"},
		{"terminal", "ls -l /proc/self/fd/0", "console"},
		{"ctrl-alt-del", "cat /proc/sys/kernel/ctrl-alt-del", "0\n"},
	} {
		if got := ask(t, m, c.command); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s says %q, want %q in it", c.name, c.command, got, c.want)
		}
	}
	m.send("poweroff\n")
	off(t, m, "Power down")
}

// TestShellReturns ends the shell on the console: it comes back.
func TestShellReturns(t *testing.T) {
	t.Parallel()
	m := boot(t, withShell(t), "")
	see(t, m, "# ")
	first := strings.TrimSpace(ask(t, m, "echo $$"))
	m.send("exit\n")
	see(t, m, "BusyBox v") // the new shell's greeting; what is typed before it is lost
	see(t, m, "# ")
	if second := strings.TrimSpace(ask(t, m, "echo $$")); second == first {
		t.Errorf("the shell still has pid %s", first)
	}
	m.send("reboot\n")
	off(t, m, "Restarting system")
}

// story is a small machine that is told by its units: each says a word on the
// console, and the last one drives the client and gives verdicts.
const story = `
service  base
    ready  fd 3
    sh     'echo base-up; echo >&3; trap "echo base-down; exit 0" TERM; while :; do sleep 1 & wait $!; done'
    log    console

task     middle
    requires  base
    sh        'echo middle-done'
    log       console

service  top
    requires  middle
    sh        'echo top-up; trap "echo top-down; exit 0" TERM; while :; do sleep 1 & wait $!; done'
    restart   always delay 100ms
    log       ring
    log       console

task     teller
    wants  top
    after  top
    sh     'sh /etc/story'
    log    console
`

const teller = `
verdict() { if [ "$1" = 0 ]; then echo "verdict $2 good"; else echo "verdict $2 BAD"; fi; }
pid() { motectl --json list | grep -o '"name":"top"[^}]*' | grep -o '"pid":[0-9]*'; }
motectl status top >/dev/null; verdict $? running
old=$(pid)
motectl kill top KILL; verdict $? kill
i=0
while [ $i -lt 100 ]; do
	new=$(pid)
	[ -n "$new" ] && [ "$new" != "$old" ] && break
	i=$((i+1)); sleep 0.1
done
[ "$new" != "$old" ]; verdict $? returned
motectl wait top; verdict $? ready
motectl restart top; verdict $? restart
motectl logs top | grep -q top-down; verdict $? logs
motectl stop base; verdict $? stop
motectl status top >/dev/null; [ $? = 3 ]; verdict $? followed
motectl start base; verdict $? start
motectl wait top; verdict $? again
motectl start nothing 2>/dev/null; [ $? = 4 ]; verdict $? unknown
echo story-told
motectl %s
`

// TestStory boots a small set of services three times: it ends with power
// off, reboot and halt.
func TestStory(t *testing.T) {
	for verb, word := range map[string]string{"poweroff": "Power down", "reboot": "Restarting system", "halt": "System halted"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			im := withShell(t)
			im.Bytes("etc/mote/services/story.conf", []byte(story), 0o644)
			im.Bytes("etc/story", fmt.Appendf(nil, teller, verb), 0o644)
			m := boot(t, im, "")
			for _, w := range []string{"base-up", "middle-done", "top-up"} {
				see(t, m, w)
			}
			for _, v := range []string{"running", "kill", "returned", "ready", "restart", "logs", "stop", "followed", "start", "again", "unknown"} {
				if see(t, m, "verdict "+v+" good", "verdict "+v+" BAD") != 0 {
					t.Errorf("%s went wrong", v)
				}
			}
			see(t, m, "story-told")
			for _, w := range []string{"top-down", "base-down"} {
				see(t, m, w)
			}
			if verb == "halt" {
				see(t, m, "reboot: "+word) // a halted machine stays on
				return
			}
			off(t, m, word)
		})
	}
}

// modules are where build/deps.sh puts two modules of the kernel.
const modules = "../../out/kernel/"

// TestWatchdog has the kernel's software watchdog, which comes after the init has
// looked for it: it is fed while the init works, also as another image, which it is
// never closed for, and its time comes when process 1 is frozen. One that the
// machine is switched off with is stopped.
func TestWatchdog(t *testing.T) {
	for _, end := range []string{"freeze", "poweroff"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			skipShort(t)
			im := withShell(t)
			for _, name := range []string{"watchdog.ko", "softdog.ko"} {
				data, err := os.ReadFile(modules + name)
				if err != nil {
					t.Skipf("%v: remove out/kernel/vmlinuz and run build/deps.sh", err)
				}
				im.Bytes(name, data, 0o644)
			}
			for _, n := range []string{"insmod", "mkdir"} {
				im.Link("bin/"+n, "busybox")
			}
			im.Bytes("etc/mote/services/dog.conf", []byte("option watchdog-device /dev/watchdog 6s\n"+
				"task dog /bin/sh /etc/dog\n  log console\n"), 0o644)
			im.Bytes("etc/dog", []byte(dog+end+"\n"), 0o644)
			m := boot(t, im, "")
			see(t, m, "cannot open the watchdog /dev/watchdog: no such file or directory; next try in 10s")
			see(t, m, "watchdog /dev/watchdog (\"Software Watchdog\"): 6s, fed every 2s")
			see(t, m, "dog-has 6")
			see(t, m, "dog-upgraded 0")
			see(t, m, "dog-was-fed")
			if strings.Contains(string(m.text), "watchdog did not stop") {
				t.Error("the watchdog was closed by the re-exec")
			}
			if end == "freeze" {
				see(t, m, "softdog: Initiating system reboot")
				return
			}
			off(t, m, "Power down")
			if strings.Contains(string(m.text), "watchdog did not stop") {
				t.Error("the watchdog runs on")
			}
		})
	}
}

// dog waits twice the watchdog's time.
const dog = `
freeze() { mkdir /sys/fs/cgroup/ice; echo 1 >/sys/fs/cgroup/ice/cgroup.procs; echo 1 >/sys/fs/cgroup/ice/cgroup.freeze; }
insmod /watchdog.ko; insmod /softdog.ko
until grep -q '^active' /sys/class/watchdog/watchdog0/state; do sleep 1; done
echo dog-has $(cat /sys/class/watchdog/watchdog0/timeout)
motectl upgrade
echo dog-upgraded $?
sleep 12
echo dog-was-fed
`

// TestTour boots the demo's whole set, with this machine's programs and
// without.
func TestTour(t *testing.T) {
	for _, small := range []bool{false, true} {
		t.Run(fmt.Sprintf("small %v", small), func(t *testing.T) {
			t.Parallel()
			skipShort(t)
			demo := filepath.Join(t.TempDir(), "demo")
			c := exec.Command("go", "build", "-trimpath", "-o", demo, "../demo")
			c.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("go build: %v: %s", err, out)
			}
			im, notes, err := stage.Root(motePath(t), demo, stage.Tour, small)
			if err != nil {
				t.Fatal(err)
			}
			if len(notes) > 0 {
				t.Skip(errors.New(strings.Join(notes, "; ")))
			}
			m := boot(t, im, "")
			if see(t, m, "demo: ok:", "demo: FAILED:") != 0 {
				t.Error("the tour found something wrong")
			}
			off(t, m, "Power down")
		})
	}
}
