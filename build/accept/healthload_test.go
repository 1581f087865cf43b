package accept

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// Two thousand checks a second, some of which never answer, and the init has
// time for everybody.
func TestH1_ManyChecks(t *testing.T) {
	t.Parallel()
	good := listening(t, "tcp", "127.0.0.1:0", replying("HTTP/1.1 200 OK\r\n\r\n"))
	mute := listening(t, "tcp", "127.0.0.1:0", nil)
	text := ""
	for i := range 200 {
		kind := "http " + good
		switch i % 10 {
		case 1, 2:
			kind = "http " + mute
		case 3, 4, 5:
			kind = "tcp " + good
		case 6:
			kind = "exec {V} exit 0"
		}
		text += checkedService(fmt.Sprintf("s%d", i), kind+" every 100ms timeout 5s fails 1000", "restart never")
	}
	in := start(t, text)
	for range 20 {
		in.ok("ping")
		in.ok("status")
		in.unit("s1")
	}
	for _, name := range []string{"s0", "s3", "s6", "s199"} {
		in.when(name, "is well", func(u Unit) bool { s, _ := u.health(); return s == "ok" && u.State == "running" })
	}
	in.ok("stop-all")
}

// A socket on a mount whose server never answers hangs a child, and one at a time;
// the init answers everybody.
func TestH1_DeadMount(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no FUSE here: ", err)
	}
	dead := fmt.Sprintf("%s/dead%d", base, serial.Add(1))
	must(t, os.Mkdir(dead, 0o755))
	t.Cleanup(func() { syscall.Unmount(dead, syscall.MNT_DETACH); dev.Close() })
	if err := syscall.Mount("test", dead, "fuse.test", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", dev.Fd())); err != nil {
		t.Skip("cannot mount FUSE here: ", err)
	}
	in := start(t, checkedService("a", "unix "+dead+"/s every 100ms timeout 200ms fails 3", "restart never")+
		checkedService("b", "unix "+dead+"/s every 100ms timeout 1h"))
	if u := in.state("a", "failed"); u.HealthError == nil || *u.HealthError != "no answer within 200ms" {
		t.Errorf("%+v", u)
	}
	in.is("b", "running")
	in.ok("stop", "b")
	in.ok("shutdown")
	in.until("the init is gone", in.over)
}
