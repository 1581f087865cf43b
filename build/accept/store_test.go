package accept

import (
	"strings"
	"syscall"
	"testing"
)

// What is stored is there again after a crash, with its name, and gone after a stop.
func TestStoreRoundTrip(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} fdshow {D}/got , fdstore hello FDNAME=greeting , fdstore world , fdstore bad FDNAME=a:b , barrier {D}/b x , notify READY=1 , sleep\n  ready notify\n  restart always delay 0\n")
	in.settled("a")
	in.appears("b", 1)
	if n := in.said("a", "stored_fds"); n != 3.0 {
		t.Errorf("stored_fds is %v", n)
	}
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.appears("b", 2)
	if got := in.lines("got"); got[0] != "n=0 names=" || got[1] != "n=3 names=greeting:stored:stored hello world bad" {
		t.Errorf("got %q", got)
	}
	in.settled("a")
	in.ok("restart", "a")
	in.appears("b", 3)
	if got := in.lines("got")[2]; !strings.HasPrefix(got, "n=6 names=greeting:stored:stored:greeting:stored:stored") {
		t.Errorf("a restart by name keeps them: %q", got)
	}
	before := in.descriptors()
	in.settled("a")
	in.ok("stop", "a")
	in.until("they are closed", func() bool { return in.descriptors() < before-8 })
	in.ok("start", "a")
	in.appears("b", 4)
	if got := in.lines("got")[3]; got != "n=0 names=" {
		t.Errorf("after a stop: %q", got)
	}
}

// The stored ones come after the sockets.
func TestStoreAfterListen(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} fdshow {D}/got , fdstore hello FDNAME=greeting , barrier {D}/b x , notify READY=1 , sleep\n  ready notify\n  restart always delay 0\n  listen unix {D}/s name first\n")
	in.settled("a")
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.appears("b", 2)
	if got := in.lines("got")[1]; !strings.HasPrefix(got, "n=2 names=first:greeting ") || !strings.HasSuffix(got, " hello") {
		t.Errorf("got %q", got)
	}
}

func TestStoreRemoveAndEnd(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} fdshow {D}/got , fdstore one FDNAME=a , fdstore two FDNAME=b , fdstore three FDNAME=a , notify FDSTOREREMOVE=1 FDNAME=a , "+
		"fdsocket FDNAME=gone , fdsocket FDNAME=kept FDPOLL=0 , barrier {D}/b x , notify READY=1 , sleep\n  ready notify\n  restart always delay 0\n")
	in.appears("b", 1)
	in.until("one whose peer is gone is dropped", func() bool { return in.said("a", "stored_fds") == 2.0 })
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.appears("b", 2)
	if got := in.lines("got")[1]; !strings.HasPrefix(got, "n=2 names=b:kept two") {
		t.Errorf("got %q", got)
	}
}

// 64 of a unit, 512 of all; what is too much is closed and said once.
func TestStoreLimits(t *testing.T) {
	t.Parallel()
	conf := "service a {V} fdshow {D}/got , fdmany 200 x , barrier {D}/b a , notify READY=1 , sleep\n  ready notify\n  restart always delay 0\n"
	in := start(t, conf)
	in.appears("b", 1)
	if n := in.said("a", "stored_fds"); n != 64.0 {
		t.Errorf("stored_fds is %v", n)
	}
	if n := strings.Count(in.out.text(), "which is the limit"); n != 1 {
		t.Errorf("said %d times:\n%s", n, in.out.text())
	}
	in.kill(in.unit("a").pid(), syscall.SIGKILL)
	in.appears("b", 2)
	if got := in.lines("got")[1]; !strings.HasPrefix(got, "n=64 names=x:x:") || strings.Count(got, " x") != 64 {
		t.Errorf("it gets back %q", got)
	}
	before := in.descriptors()
	in.ok("stop", "a")
	in.until("all are closed", func() bool { return in.descriptors() <= before-64 })
	conf = ""
	for _, n := range strings.Fields("c d e f g h i j k l") {
		conf += "service " + n + " {V} fdmany 60 x , barrier {D}/b x , notify READY=1 , sleep\n  ready notify\n"
	}
	in.write("w/more.conf", in.expand(conf))
	in.ok("add", in.dir+"/w/more.conf")
	in.ok("start", strings.Fields("c d e f g h i j k l")[0])
	in.ok("start-all")
	in.appears("b", 13)
	total := 0.0
	for _, n := range strings.Fields("a c d e f g h i j k l") {
		if v, ok := in.said(n, "stored_fds").(float64); ok {
			total += v
		}
	}
	if total < 500 || total > 512 {
		t.Errorf("%v are stored, of 664", total)
	}
	in.flat()
}

// A leak would show in 1,000 rounds.
func TestStoreLeaksNothing(t *testing.T) {
	t.Parallel()
	in := start(t, "service a {V} notify READY=1 , waitfile {D}/go , notifyn 1000 2 FDSTORE=1 FDNAME=y , notify FDSTOREREMOVE=1 FDNAME=y , barrier {D}/b x , sleep\n  ready notify\n")
	in.settled("a")
	before := in.descriptors()
	in.touch("go")
	in.appears("b", 1)
	in.until("as many descriptors as before, and the two of the runtime's poller", func() bool { return in.descriptors() <= before+2 })
	in.flat()
}
