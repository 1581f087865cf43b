package proc

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// One process executes its own file a hundred times, and twenty times in other
// circumstances. In each image a child ends
// with a status of its own, which is read in the next one; another child lives
// through all of them; a pipe, a socket and a timer that are kept go on, and no
// descriptor, variable or limit comes to it or changes.
func TestReexec(t *testing.T) {
	for _, tc := range []struct{ name, script string }{
		{"as it is", `HOPS=100; ulimit -Sn 300; exec "$0"`},
		{"user's values", `ulimit -Sn 300; GOMAXPROCS=2 GODEBUG=madvdontneed=1 exec "$0"`},
		{"no mask", `ulimit -Sn 300; MOTE_STAGE=$$ exec "$0"`},
		{"nohup", `ulimit -Sn 300; trap "" HUP; exec "$0"`},
		{"under signals", `(sleep 0.05; while kill -USR1 $$ && kill -60 $$ && kill -ALRM $$ && kill -PIPE $$; do sleep 0.001; done) >/dev/null 2>&1 & ulimit -Sn 300; exec "$0"`},
		{"started with", `ulimit -Sn 300; exec 9</dev/null; exec "$0"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := strings.TrimSpace(helperWith(t, "hop", []string{"/bin/sh", "-c", "unset GOMAXPROCS GODEBUG; export HOPS=20; " + tc.script}))
			if got != "the same" {
				t.Error(got[:min(len(got), 4000)])
			}
		})
	}
}

// hopState is what must be in every image as it was in the first.
func hopState() string {
	var out []string
	env := slices.DeleteFunc(Environ(), func(kv string) bool { return strings.HasPrefix(kv, "HOP=") })
	slices.Sort(env)
	comm, _ := os.ReadFile("/proc/self/comm")
	out = append(out, fmt.Sprint(env), fmt.Sprint(runtime.GOMAXPROCS(0)), string(comm))
	fds, _ := openFDs()
	for _, fd := range fds {
		link, _ := os.Readlink(fdPath(fd))
		flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		// What each image opens anew, if it has come to that yet.
		if !slices.Contains([]string{"anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:[signalfd]", "/memfd:hop (deleted)"}, link) &&
			!strings.HasPrefix(link, "/sys/fs/cgroup") && !strings.HasPrefix(link, "/proc/") && (link != "/dev/null" || flags == 0) {
			out = append(out, fmt.Sprint(fd, " ", link, " ", flags))
		}
	}
	s := NewSpec([]string{"/bin/sh"}, []string{"sh", "-c", `ulimit -Sn; grep -E "^Sig(Blk|Ign)" /proc/self/status; ls /proc/self/fd`}, Environ())
	out = append(out, childPrints(s), fmt.Sprint(ignoredAtStart))
	return strings.Join(out, "\n")
}

// childPrints runs a child to its end and gives what it wrote.
func childPrints(s *Spec) string {
	var pipe [2]int
	unix.Pipe2(pipe[:], unix.O_CLOEXEC)
	s.Out = pipe[1]
	p, err := Spawn(s)
	unix.Close(pipe[1])
	if err != nil {
		return err.Error()
	}
	data, err := readAll(pipe[0], 100, 1<<16)
	unix.Close(pipe[0])
	if p.Result >= 0 {
		unix.Close(p.Result)
	}
	var ws syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(p.Pid, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	return fmt.Sprint(string(data), err, ws)
}

// hop is what the images hand on.
type hop struct {
	n               int
	state           *Sealed // of the first image
	sealed          int
	pipe            [2]int
	timer           int
	stray           int // a descriptor that nobody takes over
	sleeper, ending int // pids
}

func helperHop() {
	Early()
	signals, err := OpenSignals()
	check(err)
	var h hop
	if v := os.Getenv("HOP"); v == "" {
		h = firstHop()
	} else {
		fmt.Sscan(v, &h.n, &h.sealed, &h.pipe[0], &h.pipe[1], &h.timer, &h.stray, &h.sleeper, &h.ending)
		h.arrive()
	}
	signals.Next()
	if strconv.Itoa(h.n) == os.Getenv("HOPS") {
		unix.Kill(h.sleeper, unix.SIGKILL)
		var ws syscall.WaitStatus
		syscall.Wait4(h.sleeper, &ws, 0, nil)
		if !ws.Signaled() {
			fmt.Println("the long-lived child:", ws)
		}
		fmt.Println("the same")
		return
	}
	h.n++
	p, err := Spawn(NewSpec([]string{"/bin/sh"}, []string{"sh", "-c", "exit " + strconv.Itoa(h.n)}, nil))
	check(err)
	h.ending = p.Pid
	if p.Result >= 0 {
		unix.Close(p.Result)
	}
	h.stray, err = unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(err)
	img, err := OpenImage(SelfPath())
	check(err)
	env := append(Environ(), fmt.Sprint("HOP=", h.n, " ", h.sealed, " ", h.pipe[0], " ", h.pipe[1], " ", h.timer, " ", h.stray, " ", h.sleeper, " ", h.ending))
	check(Reexec(img, Args(), slices.DeleteFunc(env, func(kv string) bool {
		return strings.HasPrefix(kv, "HOP=") && !strings.HasPrefix(kv, fmt.Sprint("HOP=", h.n, " "))
	}), []int{h.sealed, h.pipe[0], h.pipe[1], h.timer, h.stray}))
}

func firstHop() (h hop) {
	check(unix.Pipe2(h.pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	unix.Write(h.pipe[1], []byte("0\n"))
	var err error
	h.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	check(err)
	check(unix.TimerfdSettime(h.timer, 0, &unix.ItimerSpec{Value: unix.Timespec{Sec: 1000}}, nil))
	p, err := Spawn(NewSpec([]string{"/bin/sleep"}, []string{"sleep", "1000"}, nil))
	check(err)
	h.sleeper = p.Pid
	if p.Result >= 0 {
		unix.Close(p.Result)
	}
	s, err := NewSealed("hop")
	check(err)
	h.sealed = s.FD()
	check(s.Write([]byte(hopState())))
	check(s.Seal())
	return h
}

// arrive is the begin of an image that is not the first.
func (h *hop) arrive() {
	Uninherit([]int{h.sealed, h.pipe[0], h.pipe[1], h.timer})
	if stray := CloseInherited(func(int) bool { return false }); !slices.Equal(stray, []int{h.stray}) {
		fmt.Println("image", h.n, "stray descriptors:", stray, "want", h.stray)
	}
	want, err := ReadSealed(h.sealed, 1<<16)
	check(err)
	var ws syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(h.ending, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	if err != nil || !ws.Exited() || ws.ExitStatus() != h.n {
		fmt.Println("image", h.n, "status", ws, err)
	}
	for {
		if pid, ok := NextExit(); ok { // that closes the stray one
			Reap(pid)
			break
		}
	}
	buf := make([]byte, 100)
	n, err := unix.Read(h.pipe[0], buf)
	if err != nil || string(buf[:n]) != fmt.Sprintln(h.n-1) {
		fmt.Println("image", h.n, "pipe:", string(buf[:n]), err)
	}
	unix.Write(h.pipe[1], []byte(fmt.Sprintln(h.n)))
	var left unix.ItimerSpec
	if err := unix.TimerfdGettime(h.timer, &left); err != nil || left.Value.Sec < 900 || left.Value.Sec > 999 {
		fmt.Println("image", h.n, "timer:", left, err)
	}
	got := hopState()
	wants := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(wants) || line != wants[i] {
			fmt.Printf("image %d\n got: %q\nwant: %q\n", h.n, line, wants[min(i, len(wants)-1)])
			os.Exit(1)
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
