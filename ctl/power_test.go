package ctl

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// powerKernel notes what is done to the machine in place of doing it.
func powerKernel(t *testing.T, uid int, mote bool, log *[]string) kernel {
	k := noKernel(t)
	k.euid = func() int { return uid }
	k.kill = func(pid int, s unix.Signal) error {
		*log = append(*log, "kill "+strconv.Itoa(pid)+" "+unix.SignalName(s))
		return nil
	}
	k.sync = func() { *log = append(*log, "sync") }
	k.reboot = func(command uint32, arg string) error {
		*log = append(*log, "reboot "+strconv.FormatUint(uint64(command), 16)+" "+arg)
		if uid != 0 {
			return unix.EPERM
		}
		return nil
	}
	k.mote = func() (bool, string) { return mote, "/sbin/other" }
	return k
}

func TestPowerWithoutSocket(t *testing.T) {
	const nobody = "motectl: cannot connect to /run/mote/ctl.sock: no such file or directory: is mote running? name its socket with -s or MOTE_SOCKET"
	const user = "motectl: cannot connect to /nowhere/mote/ctl.sock: no such file or directory: is mote running? name its socket with -s or MOTE_SOCKET\n"
	for _, c := range []struct {
		args   string
		vars   string
		uid    int
		mote   bool
		code   int
		did    string
		errOut string
	}{
		{"poweroff", "", 0, true, OK, "kill 1 SIGUSR2", ""},
		{"reboot", "", 0, true, OK, "kill 1 SIGTERM", ""},
		{"halt", "", 0, true, OK, "kill 1 SIGUSR1", ""},
		{"reboot fastboot", "", 0, true, OK, "kill 1 SIGTERM", "motectl: no init answers, process 1 got a signal: \"fastboot\" could not be passed on\n"},
		{"poweroff", "", 0, false, NoInit, "", nobody + "; process 1 is not mote (/sbin/other), so it gets no signal: -f asks the kernel\n"},
		{"poweroff", "XDG_RUNTIME_DIR=/nowhere", 1000, true, NoInit, "", user},
		{"shutdown", "", 0, true, NoInit, "", nobody + "\n"},
		{"poweroff -s /nowhere", "", 0, true, NoInit, "", "motectl: cannot connect to /nowhere: no such file or directory: is mote running there?\n"},
		{"poweroff", "MOTE_SOCKET=/nowhere", 0, true, NoInit, "", "motectl: cannot connect to /nowhere: no such file or directory: is mote running there?\n"},
		{"poweroff -f", "", 0, false, OK, "sync reboot 4321fedc ", ""},
		{"reboot -fn", "", 0, true, OK, "reboot 1234567 ", ""},
		{"reboot -f recovery", "", 0, true, OK, "sync reboot 1234567 recovery", ""},
		{"halt -n -f", "", 0, true, OK, "reboot cdef0123 ", ""},
		{"halt -f -n", "", 7, true, Failed, "reboot cdef0123 ", "motectl: cannot halt: operation not permitted\n"},
	} {
		var did []string
		k := powerKernel(t, c.uid, c.mote, &did)
		r := runClient(t, k, testEnv(c.vars), strings.Fields(c.args)...)
		if got := strings.Join(did, " "); got != c.did || r.code != c.code || r.errOut != c.errOut {
			t.Errorf("%s: exit %d, did %q, stderr %q", c.args, r.code, got, r.errOut)
		}
	}
}

func TestMoteName(t *testing.T) {
	for exe, want := range map[string]bool{
		"/sbin/mote": true, "/mote": true, "/usr/bin/mote (deleted)": true,
		"/memfd:mote (deleted)": true, "/memfd:mote": true,
		"/sbin/init": false, "/sbin/remote": false, "mote": false, "": false,
		" (deleted)": false, "/memfd:x/mote (deleted)": false, "/mote/x": false,
	} {
		if got := moteName(exe); got != want {
			t.Errorf("%q: %v", exe, got)
		}
	}
}

// TestProcessOne: what runs as process 1 here is some other program.
func TestProcessOne(t *testing.T) {
	if yes, exe := processOne(); yes {
		t.Errorf("process 1 of this machine is taken for mote: %q", exe)
	}
}
