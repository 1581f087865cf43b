package pid1

import (
	"testing"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// The words of the configuration stand in the order of the kernel's numbers.
func TestContextNames(t *testing.T) {
	for number, want := range map[int]string{
		unix.CAP_CHOWN: "chown", unix.CAP_SETPCAP: "setpcap", unix.CAP_NET_BIND_SERVICE: "net_bind_service", unix.CAP_NET_RAW: "net_raw",
		unix.CAP_SYS_ADMIN: "sys_admin", unix.CAP_SYS_TIME: "sys_time", unix.CAP_MKNOD: "mknod", unix.CAP_SETFCAP: "setfcap",
		unix.CAP_SYSLOG: "syslog", unix.CAP_AUDIT_READ: "audit_read", unix.CAP_BPF: "bpf", unix.CAP_LAST_CAP: "checkpoint_restore",
		41: "41", 63: "63",
	} {
		if got := graph.CapName(number); got != want {
			t.Errorf("capability %d is %s, expected %s", number, got, want)
		}
	}
	// The numbers that are the same on all machines; proc's tests see the others.
	for number, want := range map[int]string{
		unix.RLIMIT_CPU: "cpu", unix.RLIMIT_FSIZE: "fsize", unix.RLIMIT_DATA: "data", unix.RLIMIT_STACK: "stack", unix.RLIMIT_CORE: "core",
		unix.RLIMIT_LOCKS: "locks", unix.RLIMIT_SIGPENDING: "sigpending", unix.RLIMIT_MSGQUEUE: "msgqueue", unix.RLIMIT_NICE: "nice",
		unix.RLIMIT_RTPRIO: "rtprio", unix.RLIMIT_RTTIME: "rttime", 5: "rss", 6: "nproc", 7: "nofile", 8: "memlock", 9: "as", 16: "16",
	} {
		if got := graph.LimitName(number); got != want {
			t.Errorf("limit %d is %s, expected %s", number, got, want)
		}
	}
}
