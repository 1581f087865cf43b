package pid1

import (
	"math"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

func TestParseMessage(t *testing.T) {
	none := message{mainPid: -1, errno: -1, extend: -1}
	with := func(change func(m *message)) message {
		m := none
		change(&m)
		return m
	}
	for _, c := range []struct {
		text string
		want message
	}{
		{"", none},
		{"\n\n=\n=1\nREADY\nREADY=0\nREADY=11\nready=1\nWATCHDOG=x\nFDPOLL=1\nX=1\nBUSERROR=a.b\nBARRIER=1", none},
		{"READY=1\r\nSTATUS=a=b c\r\n", with(func(m *message) { m.ready, m.hasStatus, m.status = true, true, []byte("a=b c") })},
		{"STATUS=", with(func(m *message) { m.hasStatus, m.status = true, []byte{} })},
		{"RELOADING=1\nMONOTONIC_USEC=5\nSTOPPING=1", with(func(m *message) { m.renewing, m.leaving = true, true })},
		{"WATCHDOG=1", with(func(m *message) { m.fed = true })},
		{"WATCHDOG=trigger", with(func(m *message) { m.starved = true })},
		{"FDSTORE=1\nFDNAME=x\nFDPOLL=0", with(func(m *message) { m.store, m.name, m.unpolled = true, []byte("x"), true })},
		{"FDSTOREREMOVE=1\nFDNAME=x\x00", with(func(m *message) { m.remove, m.name = true, []byte("x\x00") })},
		{"MAINPID=77\nERRNO=2\nEXTEND_TIMEOUT_USEC=5000000", with(func(m *message) { m.mainPid, m.errno, m.extend = 77, 2, 5e6 })},
		{"MAINPID=-1\nERRNO=x\nEXTEND_TIMEOUT_USEC= 1", with(func(m *message) { m.mainPid, m.errno, m.extend = 0, 0, 0 })},
		{"MAINPID=99999999999999999999\nERRNO=5000\nEXTEND_TIMEOUT_USEC=18446744073709551615",
			with(func(m *message) { m.mainPid, m.errno, m.extend = 1<<30, maxErrno, maxExtendUsec })},
		{"MAINPID=999999999999999999999\nMAINPID=", with(func(m *message) { m.mainPid = 0 })},
	} {
		if got := parseMessage([]byte(c.text)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q gives %+v, want %+v", c.text, got, c.want)
		}
	}
	if maxExtendUsec > math.MaxInt64/1000 {
		t.Error("the longest extension does not fit into nanoseconds")
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=x\nMAINPID=1\nFDNAME=a:b\nERRNO=9\r\nEXTEND_TIMEOUT_USEC=1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := parseMessage(text)
		if m.mainPid > 1<<30 || m.errno > maxErrno || m.extend > maxExtendUsec || m.mainPid < -1 || m.errno < -1 || m.extend < -1 {
			t.Errorf("%q gives %+v", text, m)
		}
		if fdName(string(m.name)) && strings.ContainsAny(string(m.name), ":\n\x00") {
			t.Errorf("%q is no name", m.name)
		}
	})
}

func TestFDName(t *testing.T) {
	for name, want := range map[string]bool{"": false, "a": true, "a b": true, "a:b": false, "a\nb": false, "\x7f": false, "é": false,
		strings.Repeat("x", 255): true, strings.Repeat("x", 256): false} {
		if got := fdName(name); got != want {
			t.Errorf("%.20q: %v", name, got)
		}
	}
}

// speaker makes the test the main process of the first unit.
func speaker(t *testing.T, config string) (in *Init, say func(text string, fds ...int)) {
	t.Helper()
	in = testInit(t, config)
	in.boot(t)
	in.until(t, "it is up", func() bool { return in.world.Status(0).Phase == graph.PhaseMain })
	main := in.units[0].main
	in.units[0].main = int32(os.Getpid())
	t.Cleanup(func() { in.units[0].main = main }) // before the stop of boot
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s) })
	to := &unix.SockaddrUnix{Name: proc.SocketName(int(in.units[0].notify))}
	return in, func(text string, fds ...int) {
		t.Helper()
		var rights []byte
		if len(fds) > 0 {
			rights = unix.UnixRights(fds...)
		}
		if err := unix.Sendmsg(s, []byte(text), rights, to, 0); err != nil {
			t.Fatal(err)
		}
		in.turn()
		in.until(t, "it is taken", func() bool { return in.units[0].taker == 0 })
		in.closeDropped()
	}
}

const speaking = "service a /bin/sleep 1000\n  ready notify\n  watchdog 1h\n  restart never\n"

// A message that says what was said before costs next to nothing.
func TestNotifyStorm(t *testing.T) {
	in, say := speaker(t, speaking)
	say("READY=1\nSTATUS=fine\nWATCHDOG=1")
	if st := in.world.Status(0); st.State != graph.Running || st.Text != "fine" || in.units[0].said == nil || in.units[0].said.fed == 0 {
		t.Fatalf("%+v", st)
	}
	if n := testing.AllocsPerRun(200, func() { say("READY=1\nSTATUS=fine\nWATCHDOG=1") }); n > 20 {
		t.Errorf("%v allocations a message, with its sending", n)
	}
}

func TestNotifyWords(t *testing.T) {
	in, say := speaker(t, speaking)
	say("RELOADING=1\nERRNO=13") // it is starting: there is nothing to reload
	if st := in.world.Status(0); st.Reloading || in.units[0].said.errno != 13 {
		t.Errorf("%+v", st)
	}
	say("READY=1")
	say("RELOADING=1")
	if !in.world.Status(0).Reloading {
		t.Error("it is not reloading")
	}
	fed := in.world.Status(0).FedBy
	say("WATCHDOG=1\nREADY=1")
	if st := in.world.Status(0); st.Reloading || st.FedBy <= fed {
		t.Errorf("%+v", st)
	}
	say("STOPPING=1")
	if st := in.world.Status(0); st.State != graph.Stopping || st.Phase != graph.PhaseLeaving {
		t.Errorf("%+v", st)
	}
	due := in.world.Status(0).Due
	say("EXTEND_TIMEOUT_USEC=99999999999999")
	if st := in.world.Status(0); st.Due <= due {
		t.Errorf("%+v", st)
	}
}

func TestStore(t *testing.T) {
	in, say := speaker(t, speaking)
	count := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	names := func() string {
		var list []string
		for _, f := range in.stored(0) {
			list = append(list, f.name)
		}
		return strings.Join(list, " ")
	}
	fds := make([]int, storeUnit+3)
	for i := range fds {
		var err error
		if fds[i], err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[i])
	}
	before := count()
	say("FDSTORE=1\nFDNAME=one", fds[0])
	say("FDSTORE=1\nFDNAME=two", fds[1], fds[2])
	say("FDSTORE=1\nFDNAME=again", fds[0]) // it is kept already
	say("FDSTORE=1\nFDNAME=a:b", fds[3])
	say("FDSTORE=1", 0)          // the test's stdin
	say("FDNAME=no", fds[4])     // not asked for
	say("FDSTORE=0", fds[4])     // nor this
	say("FDSTORE=1\nFDNAME=bad") // none came
	if got := names(); got != "one two two stored stored" {
		t.Errorf("stored are %q", got)
	}
	say("FDSTOREREMOVE=1\nFDNAME=two")
	say("FDSTOREREMOVE=1\nFDNAME=nobody")
	say("FDSTOREREMOVE=1")
	if got := names(); got != "one stored stored" {
		t.Errorf("stored are %q", got)
	}
	say("FDSTORE=1\nFDNAME=many", fds...)
	say("FDSTORE=1\nFDNAME=more", fds[storeUnit+2])
	if got := len(in.stored(0)); got != storeUnit {
		t.Errorf("%d are stored", got)
	}
	in.dropStored(0)
	in.until(t, "all are closed", func() bool { in.closeDropped(); return in.keeping.count == 0 })
	if now := count(); now > before {
		t.Errorf("%d descriptors before, %d now", before, now)
	}
}

// A main process that its parent reaps, on a kernel that tells nobody of its end.
func TestStrayWithoutPidFD(t *testing.T) {
	in := testInit(t, "service a /bin/sleep 1000\n  restart never\n")
	in.boot(t)
	in.until(t, "it is up", func() bool { return in.world.State(0) == graph.Running })
	old := int(in.units[0].main)
	cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & echo $!; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var buf [16]byte
	n, _ := out.Read(buf[:])
	pid := int(numberOf(buf[:n-1], 1<<30))
	in.apply(graph.Event{Kind: graph.MainPid, Unit: 0, Gen: in.world.Status(0).Gen, Pid: int32(pid)})
	p := in.procs[pid]
	if p == nil || !p.adopted || !p.stray || int(in.units[0].main) != pid {
		t.Fatalf("%+v", p)
	}
	in.unwatch(p)
	p.stray = true
	in.lookForStrays()
	if in.strayAt == 0 || in.procs[pid] == nil {
		t.Error("it lives, and is to be looked at again")
	}
	unix.Kill(pid, unix.SIGKILL)
	in.until(t, "its end is seen", func() bool { in.lookForStrays(); return in.procs[pid] == nil })
	in.until(t, "the one before is gone, too", func() bool { return in.procs[old] == nil })
	if st := in.world.Status(0); st.State != graph.Exited && st.State != graph.Failed || st.ExitSignal == 0 && st.ExitCode != unknownExit {
		t.Errorf("%+v", st)
	}
	unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	cmd.Wait()
}

func TestTextSeeker(t *testing.T) {
	for _, c := range []struct {
		text   string
		chunks []string
		want   bool
	}{
		{"ready", []string{"ready"}, true},
		{"ready", []string{"re", "", "a", "dy"}, true},
		{"ready", []string{"not rea", "d", "\ny"}, false},
		{"aab", []string{"a", "a", "a", "b"}, true},
		{"aab", []string{"ab", "aa", "xb"}, false},
		{"x", []string{"yyy", "zx"}, true},
		{"x", []string{"yyy", ""}, false},
		{strings.Repeat("ab", 128), []string{strings.Repeat("ab", 100), strings.Repeat("ab", 27), "a", "b"}, true},
	} {
		s := textSeeker{text: []byte(c.text)}
		for _, chunk := range c.chunks {
			s.feed([]byte(chunk))
			if len(s.tail) >= len(c.text) {
				t.Errorf("%q: the tail has %d bytes", c.text, len(s.tail))
			}
		}
		if s.found != c.want {
			t.Errorf("%q in %q: %v", c.text, c.chunks, s.found)
		}
	}
}
