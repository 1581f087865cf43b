package accept

import (
	"os"
	"testing"
	"time"
)

// SPEC 9, DESIGN D7: a file on a mount that somebody serves is copied by a child; the
// init waits for nobody.
func TestUpgradeFromFuse(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(moteBin)
	must(t, err)
	dir, _ := fuseMount(t, true, data)
	in := start(t, svc("a"))
	in.settled("a")
	was, files := in.picture(), in.openFiles()
	in.upgrade(dir + "/x")
	in.same(was, in.picture())
	in.upgrade() // what runs is in memory, and has no other file
	in.same(was, in.picture())
	in.noMoreFiles(files)
	in.ok("shutdown")
	if got := in.gone(2 * step); got != 0 {
		t.Errorf("the end is %d", got)
	}
}

// Its server that says nothing hangs a child alone, and what comes of that is told.
func TestUpgradeFromHungMount(t *testing.T) {
	t.Parallel()
	dir, end := hungMount(t, false)
	in := start(t, svc("a"))
	in.settled("a")
	image := in.image()
	up := in.asks("upgrade", dir+"/x")
	for range 20 {
		in.ok("ping")
		time.Sleep(10 * time.Millisecond)
	}
	in.contains(in.must(1, "upgrade"), "another one is under way")
	end()
	in.contains(up.answered(1), "cannot be copied into memory", "the old init goes on")
	in.upgrade()
	if in.image() == image {
		t.Error("it is the old image")
	}
	in.is("a", "running")
}
