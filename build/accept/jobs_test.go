package accept

import (
	"os"
	"strings"
	"testing"
	"time"
)

// every with a program of Debian: old files go, new ones stay, again and again;
// the next run is shown.
func TestJobs_Tidy(t *testing.T) {
	t.Parallel()
	in := prepareDebian(t, recipe(t, "task tidy", "/usr/bin/find", "find", "/var/tmp", "{D}/tmp", "at            15 3 * * *", "every 200ms",
		"/var/backups", "{D}", "-C /etc", "-C {D}/tmp", "every         6h", "every 1h"), "find", "tar")
	in.mkdir("w/tmp")
	in.write("w/tmp/new", "x\n")
	in.launchDebian()
	for i := range 3 {
		in.write("w/tmp/old", "x\n")
		long := time.Now().Add(-20 * 24 * time.Hour)
		must(t, os.Chtimes(in.dir+"/w/tmp/old", long, long))
		in.until("the old file is gone", func() bool {
			_, err := os.Stat(in.dir + "/w/tmp/old")
			return os.IsNotExist(err)
		})
		if len(in.lines("tmp/new")) != 1 {
			t.Fatalf("the new file is gone too, in round %d", i)
		}
	}
	in.state("backup", "waiting")
	in.contains(in.ok("why", "backup"), "runs in 59m")
	in.contains(in.ok("list"), "next run in 59m")
	names, err := os.ReadDir(in.dir + "/w")
	must(t, err)
	archive := ""
	for _, n := range names {
		if strings.HasSuffix(n.Name(), ".tar.gz") {
			archive = in.dir + "/w/" + n.Name()
		}
	}
	if r := in.run("tar", "-tzf", archive); !strings.Contains(r.out, "new") {
		t.Errorf("the archive %q has %q", archive, r.all())
	}
	in.ok("stop", "tidy")
	in.is("tidy", "inactive")
}

// A run that takes longer than its period is not overtaken: flock would say so.
func TestJobs_NoOverlap(t *testing.T) {
	t.Parallel()
	in := withDebian(t, "task slow flock -n -E 99 {D}/lock {V} append {D}/runs run , sleep 450ms\n    every 100ms\n", "flock")
	in.appears("runs", 4)
	u := in.unit("slow")
	if u.exitCode() > 0 || strings.Contains(u.reason(), "99") {
		t.Errorf("runs overlap: %+v", u)
	}
	in.ok("stop", "slow")
}

// at: a minute of its own is waited for, and shown; restart runs it now, and the
// program's failure is seen without stopping later runs.
func TestJobs_At(t *testing.T) {
	t.Parallel()
	in := withDebian(t, "task day find {D}/none\n    at 15 3 * * *\ntask night find {D} -maxdepth 0\n    at */10 1-3 * * mon-fri\n", "find")
	for _, n := range []string{"day", "night"} {
		if u := in.is(n, "waiting"); u.exitCode() != -1 || u.pid() != 0 {
			t.Errorf("%s is %+v, expected no run yet", n, u)
		}
		in.contains(in.ok("why", n), "runs in")
	}
	in.contains(in.must(1, "restart", "day"), "exit 1")
	in.contains(in.ok("list"), "exit 1; next run in")
	in.contains(in.ok("logs", "day"), "No such file")
	in.ok("restart", "night")
	if u := in.is("night", "waiting"); u.exitCode() != 0 {
		t.Errorf("night is %+v, expected exit 0", u)
	}
}

// option syslog: what logger(1) sends is in the log of the unit that ran it,
// with old and new headers, from a command that is gone at once, and from a pipe.
func TestJobs_Logger(t *testing.T) {
	t.Parallel()
	in := withDebian(t, recipe(t, "service disk", "option   syslog", "option syslog {D}/log", "logger", "logger -u {D}/log -i", "/var/log", "{D}")+
		`task once logger -u {D}/log -t prog -p daemon.warn 'said once'
task new logger -u {D}/log --rfc5424 -t prog -i 'said anew'
service piped
  sh '{ for i in 1 2 3; do echo "line $i"; done; exec sleep 1000; } | logger -u {D}/log -t piped -i'
  pre logger -u {D}/log --rfc3164 -t prog 'said before'
`, "logger")
	for unit, words := range map[string][]string{"once": {"prog: said once"}, "new": {"]: said anew"},
		"disk": {"]: Filesystem"}, "piped": {"prog: said before", "]: line 1", "]: line 2", "]: line 3"}} {
		for _, w := range words {
			in.until(unit+" has "+w, func() bool { return strings.Contains(in.ok("logs", unit), w) })
		}
	}
	in.until("the file has the table", func() bool { return strings.Contains(strings.Join(in.lines("disk.log"), " "), "]: Filesystem") })
	if text := in.ok("logs", "mote"); strings.Contains(text, "said") || strings.Contains(text, "line 1") {
		t.Errorf("the init's own log has what is another's:\n%s", text)
	}
}

// option syslog, with the path that every program knows: a server that knows
// syslog(3) alone has its words, and those of its sessions, in its own log.
func TestJobs_SyslogOfServer(t *testing.T) {
	t.Parallel()
	s := dropbear(t, " -E", "", "service  dropbear", "option   syslog\n\nservice  dropbear")
	s.says("id")
	for _, w := range []string{"Not backgrounding", "Pubkey auth succeeded"} {
		s.until("the log has "+w, func() bool { return strings.Contains(s.ok("logs", "dropbear"), w) })
	}
}
