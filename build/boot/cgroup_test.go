package main

import (
	"fmt"
	"strings"
	"testing"
)

// groups is a machine whose units have cgroups, for C13 with real controllers.
const groups = `
service  plain  sleep 1000

service  mem    sleep 1000
    cgroup   memory.max=32M pids.max=20 "cpu.max=50000 100000" nosuch.max=1

service  many   sh -c 'setsid sleep 1001 & setsid sh -c "sleep 1002 & exec sleep 1003" & exec sleep 1004'
    kill     cgroup
    post     sh -c 'echo "many: post in $(grep ^0:: /proc/self/cgroup)"'
    stop     TERM 10s

service  term   sh -c 'setsid sh -c "trap \"echo term: got it; exit 0\" TERM; while :; do sleep 0.1; done" & trap "" TERM; wait; wait; echo term: all ended'
    kill     cgroup
    stop     TERM 30s
    restart  never

service  hog    tail /dev/zero
    cgroup   memory.max=16M
    start    manual
    restart  never

service  forks  sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1005 & done; sleep 1005'
    cgroup   pids.max=4
    start    manual
    restart  never

service  bad    sleep 1000
    cgroup   memory.max=lots
    start    manual
    restart  never

tty      console  sh
    tty      /dev/console
`

// TestCgroups is C13 on a machine whose kernel has every controller: what is set is
// read back, each unit is in its own group, memory and processes are bounded, and
// kill cgroup leaves nobody.
func TestCgroups(t *testing.T) {
	t.Parallel()
	im := withShell(t)
	for _, n := range []string{"setsid", "tail", "wc"} {
		im.Link("bin/"+n, "busybox")
	}
	im.Bytes("etc/mote/services/groups.conf", []byte(groups), 0o644)
	const group = "/sys/fs/cgroup/mote/"
	const left = "ps | grep -c '[s]leep 100[1234]'"
	const all = "n() { wc -l < " + group + "many.unit/cgroup.procs; }; until [ $(n) = 4 ]; do sleep 0.1; done; n"
	looks := []struct{ name, command, want string }{
		{"all is up", "motectl wait plain mem many term && echo up-$((1+1))", "up-2"},
		{"the mode", "motectl status | grep cgroups", "cgroups    v2\n"},
		{"memory.max", "cat " + group + "mem.unit/memory.max", "33554432\n"},
		{"pids.max", "cat " + group + "mem.unit/pids.max", "20\n"},
		{"cpu.max", "cat " + group + "mem.unit/cpu.max", "50000 100000\n"},
		{"its own group", "cat /proc/$(cat " + group + "mem.unit/cgroup.procs)/cgroup", "0::/mote/mem.unit\n"},
		{"every service has one", "ls " + group + " | grep -c plain", "1\n"},
		{"the init has a leaf of its own", "cat /proc/1/cgroup", "0::/mote/init\n"},
		{"all of a unit", all, "4\n"},
		{"memory is counted", "motectl --json status mem", `"oom_kills":0`},
		{"a stop", "motectl stop many; " + left, "0\n"},
		{"its post lived in it", "motectl logs many", "many: post in 0::/mote/many.unit"},
		{"its group is gone", "ls -d " + group + "many.unit", "No such file"},
		{"again", "motectl start many; " + all, "4\n"},
		{"the end of the main process", "motectl kill many KILL; motectl wait --for backoff many; " + left, "0\n"},
		{"a signal to all", "motectl stop term; motectl logs term", "term: all ended"},
		{"out of memory", "motectl start --no-wait hog; motectl wait --for failed hog; motectl status hog", "signal KILL (out of memory)"},
		{"it is counted", "motectl --json status hog", `"oom_kills":1`},
		{"and said", "motectl status hog", "oom kills  1\n"},
		{"processes are bounded", "motectl start forks; motectl wait --for failed forks; motectl logs forks", "fork"},
		{"a bad value", "motectl start bad", "cgroup EINVAL: memory.max: invalid argument"},
		{"the file of all", "cat /sys/fs/cgroup/cgroup.subtree_control", "cpu "},
	}
	for i, c := range looks { // in files: the shell breaks long lines
		im.Bytes(fmt.Sprintf("etc/look/%d", i), []byte(c.command), 0o644)
	}
	m := boot(t, im, "")
	see(t, m, "# ")
	for i, c := range looks {
		if got := ask(t, m, fmt.Sprintf("sh /etc/look/%d 2>&1", i)); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s says %q, want %q in it", c.name, c.command, got, c.want)
		}
	}
	m.send("poweroff\n")
	off(t, m, "Power down")
	if said := string(m.text); !strings.Contains(said, "mem: cgroup: it runs without nosuch.max: ") ||
		!strings.Contains(said, "hog: out of memory: the kernel has killed 1 of its processes") {
		t.Error("the console does not say what is missing, or what was killed")
	}
}
