package pid1

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// up is the init that was booted and whose units have not been stopped yet.
// There is one at most: any init reaps what has ended, whosever child it was.
var up *Init

// boot starts all and stops all at the end of the test.
func (in *Init) boot(t *testing.T) {
	t.Helper()
	if up != nil {
		t.Fatal("another init is up, whose children this one would reap")
	}
	up = in
	in.apply(graph.Event{Kind: graph.Boot, Unit: graph.None})
	t.Cleanup(func() {
		up = nil
		in.apply(graph.Event{Kind: graph.AskStopAll})
		in.until(t, "all are stopped", func() bool { return len(in.procs) == 0 && len(in.spawns) == 0 })
	})
}

// notify sends one datagram to a unit's socket.
func (in *Init) notify(t *testing.T, id graph.ID, text string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte(text), 0, &unix.SockaddrUnix{Name: proc.SocketName(int(in.units[id].notify))}); err != nil {
		t.Fatal(err)
	}
	in.turn()
}

func TestNotify(t *testing.T) {
	in := testInit(t, "service a /bin/sleep 1000\n  ready notify\n  restart never\n")
	in.boot(t)
	in.until(t, "a runs", func() bool { return in.world.Status(0).Phase == graph.PhaseMain })
	in.notify(t, 0, "READY=1\nSTATUS=forged\n")
	if st := in.world.Status(0); st.State != graph.Starting || st.Text != "" {
		t.Fatalf("a stranger's message: %s %q", st.State, st.Text)
	}
	in.units[0].main = int32(os.Getpid()) // from here on the test is the service
	for _, c := range []struct{ send, text string }{
		{"STATUS=one\r\n", "one"},
		{"STATUS=two", "two"},
		{"\n\n=\nSTATUS\nstatus=x\nREADY=0\nREADY=11\n", "two"},
		{"STATUS=" + strings.Repeat("x", 300), strings.Repeat("x", 256)},
		{"STATUS=" + strings.Repeat("y", 4090), strings.Repeat("x", 256)}, // over 4096 bytes: nothing of it counts
		{"STATUS=", ""},
		{"STATUS=\x00\xff\x1b[2J", "\x00\xff\x1b[2J"},
	} {
		if in.notify(t, 0, c.send); in.world.Status(0).Text != c.text {
			t.Errorf("%.40q gives %.40q, expected %.40q", c.send, in.world.Status(0).Text, c.text)
		}
	}
	if st := in.world.State(0); st != graph.Starting {
		t.Fatalf("a is %s", st)
	}
	in.notify(t, 0, "X=1\nREADY=1")
	in.notify(t, 0, "READY=1")
	if st := in.world.State(0); st != graph.Running {
		t.Errorf("a is %s", st)
	}
	in.units[0].main = 0 // it has ended: nobody may speak for it
	if in.notify(t, 0, "STATUS=late"); in.world.Status(0).Text == "late" {
		t.Error("a message of nobody counts")
	}
}

func TestReadyFD(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         graph.State
	}{
		{"a newline", "echo >&3; exec sleep 1000", graph.Running},
		{"after other bytes", "printf abc >&3; printf 'd\\ne' >&3; exec sleep 1000", graph.Running},
		{"no newline", "printf abc >&3; exec 3>&-; exec sleep 1000", graph.Starting},
		{"closed", "exec 3>&-; exec sleep 1000", graph.Starting},
		{"said and ended", "echo >&3", graph.Exited},
		{"ended and nothing said", "exit 0", graph.Failed},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			in := testInit(t, "service a /bin/sh -c \""+strings.ReplaceAll(c.script, "\\", "\\\\")+"\"\n  ready fd 3\n  restart never\n")
			in.boot(t)
			if c.want == graph.Starting {
				in.until(t, "the pipe is closed", func() bool { return in.units[0].ready == 0 })
			}
			in.until(t, c.want.String(), func() bool { return in.world.State(0) == c.want })
		})
	}
}

// SPEC L1: the pipe outlives what writes to it, and nothing is kept of it when
// the last writer has gone.
func TestLogPipeLife(t *testing.T) {
	path := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	in := testInit(t, "task a /bin/sh -c 'echo one; (read x <"+path+"; echo two) & echo three'\n  kill process\nservice n /bin/echo x\n  log null\n  restart never\n")
	in.boot(t)
	in.until(t, "a is done", func() bool { return in.world.State(0) == graph.Exited })
	u := &in.units[0]
	if u.pipeW != 0 || u.pipeR == 0 {
		t.Fatalf("the pipe is %d, %d while somebody writes to it", u.pipeR, u.pipeW)
	}
	if in.units[1].pipeR != 0 {
		t.Error("log null has a pipe")
	}
	in.apply(graph.Event{Kind: graph.AskRestart, IDs: []graph.ID{0}})
	in.until(t, "a ran again", func() bool { return in.world.State(0) == graph.Exited && len(in.procs) == 0 })
	if _, err := fifo.WriteString("go\ngo\n"); err != nil {
		t.Fatal(err)
	}
	in.until(t, "the pipe is closed", func() bool { return u.pipeR == 0 })
	var lines []string
	r := in.logs.NewReader([]*UnitLog{u.log}, -1, false)
	for {
		it, st := r.Next()
		if st == LogDone {
			break
		}
		if st == LogLine {
			lines = append(lines, string(it.Text))
		}
	}
	if got := strings.Join(lines, " "); got != "one three one three two two" {
		t.Errorf("the log has %q", got)
	}
}
