package graph

import (
	"reflect"
	"strings"
	"testing"
)

// TestWait tells what a client is answered (SPEC 6), and when: rows are named
// state/event outcome. The last command's lines for the client count.
func TestWait(t *testing.T) {
	one := "service a /bin/a\n    ready notify\n"
	two := one + "service b /bin/b\n    requires a\n"
	for _, c := range []struct{ name, units, script, want string }{
		{"inactive/start running", "service a /bin/a\n    start manual\n", "boot; start a", "ctl start a: exit 0"},
		{"running/start nothing", "service a /bin/a\n", "boot; start a", "ctl start a: exit 0"},
		{"starting/start ready", one, "boot; start a; ready a", "ctl start a: exit 0"},
		{"starting/start ends", one, "boot; start a; exit a 3", "ctl start a: exit 1: a: ended before it was ready: exit 3; next try in 1s"},
		{"starting/start its requirement ends", two, "boot; start b; die a SEGV", "ctl start b: exit 1: a: ended before it was ready: signal SEGV; next try in 1s"},
		{"starting/start time over", one + "    start-timeout 1s\n    restart never\n", "boot; start a; pass 1s", "ctl start a: exit 1: a: start-timeout"},
		{"starting/start stop", one, "boot; start a; stop a", "ctl start a: exit 1: a: stopped meanwhile|ctl stop a: exit 0"},
		{"starting/start its requirement is stopped", two, "boot; start b; stop a", "ctl start b: exit 1: a: stopped meanwhile|ctl stop a: exit 0"},
		{"starting/start shutdown", one, "boot; start a; shutdown exit 8s", "ctl start a: exit 1: a: the init is shutting down"},
		{"starting/start spawn fails", "service a /bin/none\n    restart never\n", "hold a; boot; start a; spawn-fails a 127 exec ENOENT", "ctl start a: exit 1: a: spawn exec ENOENT"},
		{"backoff/start at once", "service a /bin/a\n    restart always delay 5s\n", "boot; exit a 1; start a", "ctl start a: exit 0"},
		{"failed/start again", "task a /bin/a\n", "boot; exit a 1; start a; exit a 0", "ctl start a: exit 0"},
		{"failed/start config", "service a\n", "boot; start a", "ctl start a: exit 1: a: config t.conf:1: service \"a\" has no command: write it behind the name, or a key \"exec\" or \"sh\""},
		{"failed/start of a dependent retries", "task a /bin/a\nservice b /bin/b\n    requires a\n", "boot; exit a 1; start b; exit a 0", "ctl start b: exit 0"},
		{"exited/start task done", "task a /bin/a\n", "boot; exit a 0; start a", "ctl start a: exit 0"},
		{"exited/start service", "service a /bin/a\n    restart never\n", "boot; exit a 0; start a", "ctl start a: exit 0"},
		{"exited/start blocked by an exited service", "service a /bin/a\n    restart never\nservice b /bin/b\n    requires a\n", "boot; exit a 0; start b", "ctl start b: exit 1: b: dependency a (exited)"},
		{"exited/start skipped", "service a /bin/a\n    if exists /a\n", "unmet a if exists /a; boot; start a", "ctl start a: exit 0"},
		{"blocked/start conflict", "service a /bin/a\nservice b /bin/b\n    conflicts a\n", "boot; start b", "ctl start b: exit 1: b: blocked: conflicts with a, which is running"},
		{"blocked/start conflict of a requirement", "service a /bin/a\nservice b /bin/b\n    conflicts a\nservice c /bin/c\n    requires b\n", "boot; start c", "ctl start c: exit 1: b: blocked: conflicts with a, which is running"},
		{"blocked/start conflict comes later", "service a /bin/a\n    start manual\nservice x /bin/x\n    ready notify\nservice b /bin/b\n    conflicts a\n    requires x\n", "boot; start b; start a", "ctl start b: exit 1: b: blocked: conflicts with a, which is starting|ctl start a: exit 0"},
		{"stopping/start runs again", "service a /bin/a\n", "boot; deaf a; stop a; start a; pass 5s", "ctl start a: exit 0"},
		{"running/stop inactive", "service a /bin/a\n", "boot; stop a", "ctl stop a: exit 0"},
		{"inactive/stop nothing", "service a /bin/a\n    start manual\n", "boot; stop a", "ctl stop a: exit 0"},
		{"failed/stop inactive", "task a /bin/a\n", "boot; exit a 1; stop a", "ctl stop a: exit 0"},
		{"failed/stop config", "service a\n", "boot; stop a", "ctl stop a: exit 0"},
		{"stopping/stop start meanwhile", "service a /bin/a\n", "boot; deaf a; stop a; start a", "ctl stop a: exit 1: a: started again meanwhile"},
		{"stopping/stop stuck", "service a /bin/a\n", "boot; stuck a; stop a; pass 10s", "ctl stop a: exit 1: a: pid 1 does not end after KILL"},
		{"running/restart runs anew", "service a /bin/a\n", "boot; restart a", "ctl restart a: exit 0"},
		{"running/restart fails", "service a /bin/a\n    ready notify\n    restart never\n", "boot; ready a; restart a; exit a 1", "ctl restart a: exit 1: a: ended before it was ready: exit 1"},
		{"running/restart unclean end of the old one", "service a /bin/a\n    restart never\n", "boot; deaf a; restart a; exit a 9", "ctl restart a: exit 0"},
		{"running/restart stuck", "service a /bin/a\n", "boot; stuck a; restart a; pass 10s", "ctl restart a: exit 1: a: pid 1 does not end after KILL"},
		{"stopping/start stuck requirement", two, "boot; ready a; stuck a; stop a; pass 10s; start b", "ctl start b: exit 1: a: pid 1 does not end after KILL"},
		{"exited/restart task runs again", "task a /bin/a\n", "boot; exit a 0; restart a; exit a 0", "ctl restart a: exit 0"},
		{"inactive/restart starts", "service a /bin/a\n    start manual\n", "boot; restart a", "ctl restart a: exit 0"},
		{"starting/start several", two, "boot; start a b; ready a", "ctl start a b: exit 0"},
		{"running/wait up several, the first is gone again", two + "service c /bin/c\n    ready notify\n", "boot; ready a; wait up a c; restart a; ready c", ""},
		{"starting/wait up shutdown", one, "boot; wait up a; shutdown exit 8s", "ctl wait up a: exit 1: a: the init is shutting down"},
		{"starting/wait running shutdown", one, "boot; wait running a; shutdown exit 8s", "ctl wait running a: exit 1: a: the init is shutting down"},
		{"running/wait inactive shutdown", "service a /bin/a\n", "boot; wait inactive a; shutdown exit 8s", "ctl wait inactive a: exit 0"},
		{"running/wait failed of one that is removed", "service a /bin/a\n", "boot; wait failed a; reload", "ctl wait failed a: exit 4: a: it was removed"},
		{"running/wait up of one that is removed", one, "boot; wait up a; reload", "ctl wait up a: exit 4: a: it was removed"},
		{"running/wait down of one that is removed", one, "boot; wait down a; reload", "ctl wait down a: exit 0"},
		{"starting/start of one that is removed", one, "boot; start a; reload", "ctl start a: exit 1: a: stopped meanwhile"},
		{"running/stop of one that is removed", one, "boot; ready a; deaf a; reload; stop a; pass 5s", "ctl stop a: exit 0"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			for _, saves := range [...]bool{false, true} {
				p := newPlayer(t)
				p.saves = saves
				p.units(c.units)
				for _, line := range strings.Split(c.script, "; ") {
					p.out = nil
					p.command(line, nil)
					p.drain()
				}
				var got []string
				for _, l := range p.out {
					if strings.HasPrefix(l, "ctl ") {
						got = append(got, l)
					}
				}
				if g := strings.Join(got, "|"); g != c.want {
					t.Errorf("saved at each step: %v: got  %q\nwant %q", saves, g, c.want)
				}
			}
		})
	}
}

// savedWait gives a wait that was saved and loaded.
func savedWait(t *testing.T, w *World, wt *Wait) *Wait {
	t.Helper()
	s := wt.Save()
	back, err := w.LoadWait(&s)
	if err != nil {
		t.Fatal(err)
	}
	if again := back.Save(); !reflect.DeepEqual(again, s) || back.Kind != wt.Kind {
		t.Fatalf("saved %+v, then %+v", s, again)
	}
	return back
}

// Values that no wait can have are refused.
func TestBadSavedWait(t *testing.T) {
	w := NewWorld(loadText("service a /bin/a\nservice b /bin/b\n").Units)
	for _, c := range []struct {
		s    SavedWait
		want string
	}{
		{SavedWait{Names: []ID{0, 1}, At: 1, First: true, Also: []ID{1}}, ""},
		{SavedWait{}, ""},
		{SavedWait{At: 1}, "there is no such wait"},
		{SavedWait{At: -1, Names: []ID{0}}, "there is no such wait"},
		{SavedWait{At: 1, Names: []ID{0}}, "there is no such wait"},
		{SavedWait{Kind: WaitRenew + 1, Names: []ID{0}}, "there is no such wait"},
		{SavedWait{Kind: WaitRenew}, "there is no such wait"},
		{SavedWait{State: stateCount, Names: []ID{0}}, "there is no such wait"},
		{SavedWait{Names: []ID{2}}, "it waits for unit 2, which does not exist"},
		{SavedWait{Names: []ID{-1}}, "it waits for unit -1, which does not exist"},
		{SavedWait{Also: []ID{64}}, "it waits for unit 64, which does not exist"},
	} {
		_, err := w.LoadWait(&c.s)
		if err != nil && err.Error() != c.want || err == nil && c.want != "" {
			t.Errorf("%+v: %v, want %q", c.s, err, c.want)
		}
	}
}
