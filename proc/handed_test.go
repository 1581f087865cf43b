package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What the next image makes of a question gives the terminal back as it was before
// the first one asked.
func TestAskingKept(t *testing.T) {
	_, fd := pty(t)
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Ask("/proc/self/fd/"+utoa(uint32(fd)), "a key?")
	if err != nil {
		t.Fatal(err)
	}
	number, old := a.Keep()
	text := string(old)
	again := KeptAsking(number, []byte(text))
	if again == nil || again.FD() != a.FD() || KeptAsking(number, old[1:]) != nil || KeptAsking(number, append(old, 0)) != nil {
		t.Fatalf("%+v", again)
	}
	again.Close()
	if after, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil || *after != *before {
		t.Errorf("%v: %+v, before %+v", err, after, before)
	}
}

// The values of a group that another image took make the same group, and those
// that lead elsewhere are refused.
func TestCgroupsKept(t *testing.T) {
	defer func(is bool) { haveIntoCgroup = is }(haveIntoCgroup)
	haveIntoCgroup = true
	c := &Cgroups{Mode: CgroupV2, Base: "/a", Why: "x", own: "/a/mote-2", lock: 7, left: true}
	k := c.Keep()
	if got := k.Cgroups(); *got != *c || !k.Valid() || !k.Into || !haveIntoCgroup {
		t.Errorf("%+v %+v", got, k)
	}
	if k.Into = false; *k.Cgroups() != *c || haveIntoCgroup {
		t.Error("children begin in groups again")
	}
	for _, own := range []string{"/etc", "/a/mote/../x", "/a/mote-", "/a/mote-x", "/a/mote-1", "/a/motes", "mote"} {
		if k.Own = own; k.Valid() {
			t.Errorf("%q is taken", own)
		}
	}
	for _, k := range []KeptCgroups{{Base: "a"}, {Own: "/mote"}, {Mode: CgroupV2 + 1}} {
		if k.Valid() {
			t.Errorf("%+v is taken", k)
		}
	}
	if k := (&Cgroups{Base: "/a", lock: 7}).Keep(); k.Lock != 0 {
		t.Errorf("a lock that is not held: %+v", k)
	}
	if !new(KeptCgroups).Valid() {
		t.Error("none is refused")
	}
}
