package pid1

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mote/proc"
)

// logLines is how many lines are printed in TestSnapshotLogExec.
const logLines = 300_000

// TestSnapshotLogExec executes this file again and again while lines come: each is
// in the ring of the last image's memory, and no descriptor is left over.
func TestSnapshotLogExec(t *testing.T) {
	if state := os.Getenv("MOTE_TEST_IMAGE"); state != "" {
		logImage(t, strings.Fields(state))
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		rnd := rand.New(rand.NewPCG(7, 8))
		var text []byte
		for i := range logLines {
			text = append(strconv.AppendInt(text, int64(i+1), 10), '\n')
		}
		for len(text) > 0 {
			n := min(1+rnd.IntN(5000), len(text))
			if _, err := w.Write(text[:n]); err != nil {
				break
			}
			text = text[n:]
		}
		w.Close()
	}()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSnapshotLogExec$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "MOTE_TEST_IMAGE=0 0 0 0 0")
	cmd.ExtraFiles = []*os.File{r}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "images, all lines") {
		t.Fatalf("%v\n%s", err, out)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	t.Log(line)
}

// logImage is one image. words are its number, the snapshot, where it is in the
// ring, and how many descriptors are open.
func logImage(t *testing.T, words []string) {
	var number [5]int
	for i, w := range words {
		number[i], _ = strconv.Atoi(w)
	}
	images, cur := number[0], ringCursor{uint64(number[2]), uint64(number[3])}
	var in *Init
	if images == 0 {
		in = logsInit(t, logsWorld(t, "service a x\n  log ring 1M\n")).openAll()
		fd, err := unix.FcntlInt(3, unix.F_DUPFD_CLOEXEC, 10)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(3)
		unix.SetNonblock(fd, true)
		if err := in.poll.Add(fd, unix.EPOLLIN, tokLog); err != nil {
			t.Fatal(err)
		}
		in.units[0].pipeR = int32(fd)
	} else {
		f := os.NewFile(uintptr(number[1]), "state")
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		s, err := readLogs(string(text))
		if err != nil {
			t.Fatal(err)
		}
		in = logsInit(t, nil)
		worldPart.attach(in, s)
		logsPart.attach(in, s)
	}
	in.until(t, "a line", func() bool { return in.units[0].pipeR == 0 || in.units[0].log.ring.Total() > cur.seq })
	for l := in.units[0].log; ; {
		_, text, lost, ok := l.ring.Next(&cur)
		if !ok {
			break
		}
		if lost > 0 || string(text) != strconv.FormatUint(cur.seq, 10) {
			t.Fatalf("image %d: %q is line %d, %d lost", images, text, cur.seq, lost)
		}
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if images > 1 && len(open) > number[4] && in.units[0].pipeR > 0 {
		t.Fatalf("image %d: %d descriptors, %d in the first", images, len(open), number[4])
	}
	if in.units[0].pipeR == 0 {
		if l := in.units[0].log; cur.seq != logLines || l.ring.Total() != logLines || images < 10 {
			t.Fatalf("%d lines after %d images", cur.seq, images)
		}
		os.Stdout.WriteString(strconv.Itoa(images) + " images, all lines\n")
		return
	}
	text, fds := in.logsText(t)
	fd, err := proc.NewMemfd("state")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Pwrite(fd, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
	for _, fd := range append(fds, fd) {
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	}
	state := ""
	for _, n := range []int{images + 1, fd, int(cur.seq), int(cur.at), len(open)} {
		state += strconv.Itoa(n) + " "
	}
	err = syscall.Exec("/proc/self/exe", os.Args, append(without(os.Environ()), "MOTE_TEST_IMAGE="+state))
	t.Fatal(err)
}

// without gives an environment without the last image's words.
func without(env []string) (out []string) {
	for _, v := range env {
		if !strings.HasPrefix(v, "MOTE_TEST_IMAGE=") {
			out = append(out, v)
		}
	}
	return out
}
