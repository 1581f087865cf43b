package graph

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// waitsFor gives, by unit, the units that it waits for: requires, after, and
// before the other way round, as written (all) or among units without fault.
func waitsFor(c *Config, all bool) map[string][]string {
	g := map[string][]string{}
	add := func(from, to string) {
		a, b := c.Unit(from), c.Unit(to)
		if a != nil && b != nil && (all || a.Fault == "" && b.Fault == "") {
			g[from] = append(g[from], to)
		}
	}
	for _, u := range c.Units {
		for _, r := range slices.Concat(u.Requires, u.After) {
			add(u.Name, r.Name)
		}
		for _, r := range u.Before {
			add(r.Name, u.Name)
		}
	}
	return g
}

// reaches reports whether there is a way from one unit to another.
func reaches(g map[string][]string, from, to string) bool {
	seen := map[string]bool{}
	stack := slices.Clone(g[from])
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v == to {
			return true
		}
		if !seen[v] {
			seen[v] = true
			stack = append(stack, g[v]...)
		}
	}
	return false
}

// TestRandomGraphs: what Load leaves has no cycle; only members of a cycle with
// a "requires" and units with a conflict fail; each knot of order alone starts
// whole.
func TestRandomGraphs(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 1500 {
		n := 2 + rnd.IntN(12)
		edges := rnd.IntN(2 * n)
		var text strings.Builder
		words := [...]string{"requires", "after", "before", "wants", "conflicts"}
		kinds := 1 + rnd.IntN(5)
		lines := make([]string, n)
		for range edges {
			i, j := rnd.IntN(n), rnd.IntN(n)
			if i != j {
				lines[i] += "    " + words[rnd.IntN(kinds)] + " u" + itoa(j) + "\n"
			}
		}
		for i := range n {
			text.WriteString("target u" + itoa(i) + "\n" + lines[i])
		}
		c := load(text.String())
		checkGraph(t, c, text.String())
		if t.Failed() {
			return
		}
	}
}

func checkGraph(t *testing.T, c *Config, text string) {
	t.Helper()
	left := waitsFor(c, false)
	for _, u := range c.Units {
		if reaches(left, u.Name, u.Name) {
			t.Errorf("%s is still on a cycle\n%s%q", u.Name, text, faults(c))
		}
	}
	// As written, with dropped edges in it.
	plain := &Config{index: c.index}
	requires := map[string][]string{}
	for b := range strings.SplitSeq(text, "target ") {
		name, rest, _ := strings.Cut(b, "\n")
		if name == "" {
			continue
		}
		u := &Unit{Name: name}
		for l := range strings.Lines(rest) {
			f := strings.Fields(l)
			switch ref := []Ref{{Name: f[1]}}; f[0] {
			case "requires":
				u.Requires = append(u.Requires, ref...)
				requires[name] = append(requires[name], f[1])
			case "after":
				u.After = append(u.After, ref...)
			case "before":
				u.Before = append(u.Before, ref...)
			}
		}
		plain.Units = append(plain.Units, u)
	}
	written := waitsFor(plain, true)
	for _, u := range plain.Units {
		for _, r := range u.Requires {
			onCycle := reaches(written, r.Name, u.Name)
			if onCycle && c.Unit(u.Name).Fault == "" {
				t.Errorf("%s requires %s on a cycle and does not fail\n%s", u.Name, r.Name, text)
			}
		}
	}
	for _, u := range c.Units {
		_, what, _ := strings.Cut(u.Fault, ": ")
		switch {
		case strings.HasPrefix(what, "cycle "):
			if !strings.Contains(what, u.Name) || !reaches(written, u.Name, u.Name) {
				t.Errorf("%s is on no cycle: %s\n%s", u.Name, u.Fault, text)
			}
		case u.Fault != "" && !strings.Contains(what, "the two conflict"):
			t.Errorf("%s: %s", u.Name, u.Fault)
		}
		if u.Fault == "" {
			for _, r := range u.Conflicts {
				if reaches(requires, u.Name, r.Name) && reachesSound(c, requires, u.Name, r.Name) {
					t.Errorf("%s requires and conflicts %s and does not fail\n%s", u.Name, r.Name, text)
				}
			}
		}
	}
}

// reachesSound is reaches along units that no cycle failed.
func reachesSound(c *Config, g map[string][]string, from, to string) bool {
	sound := map[string][]string{}
	for name, list := range g {
		for _, other := range list {
			if !strings.Contains(c.Unit(name).Fault, "cycle") && !strings.Contains(c.Unit(other).Fault, "cycle") {
				sound[name] = append(sound[name], other)
			}
		}
	}
	return reaches(sound, from, to)
}

// TestBigKnots: knots that are far from ordinary end soon too.
func TestBigKnots(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	ring := func(key string, n, step int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("target u" + itoa(i) + "\n    " + key + " u" + itoa((i+step+n)%n) + "\n")
		}
		return b.String()
	}
	random := func(n, edges int, keys ...string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("target u" + itoa(i) + "\n")
			for range edges {
				b.WriteString("    " + keys[rnd.IntN(len(keys))] + " u" + itoa(rnd.IntN(n)) + "\n")
			}
		}
		return b.String()
	}
	var pairs strings.Builder // a knot of after in which everything is in a cycle of two
	for i := range 10000 {
		pairs.WriteString("target u" + itoa(i) + "\n    after u" + itoa((i+1)%10000) + "\n    requires u" + itoa(i^1) + "\n")
	}
	conflicts := bigConfig(10000)
	conflicts = strings.ReplaceAll(conflicts, "x-was ", "conflicts other-")
	conflicts += "target other-100\n    requires unit-50\ntarget other-2000\n"
	tests := []struct {
		name, text string
		failed     int
	}{
		{"ring of requires", ring("requires", 10000, 1), 10000},
		{"ring of requires, backwards", ring("requires", 10000, -1), 10000},
		{"ring of after", ring("after", 10000, 1), 0},
		{"ring of after, backwards", ring("after", 10000, -1), 0},
		{"ring of before", ring("before", 10000, 7), 0},
		{"random order", random(5000, 4, "after", "before"), 0},
		{"random requires", random(5000, 4, "requires"), -1},
		{"random all", random(5000, 3, "requires", "after", "before"), -1},
		{"pairs", pairs.String(), 10000},
		{"conflicts", conflicts, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := used(t)
			c := load(tt.text)
			d := used(t) - start
			t.Logf("%v, %d faults", d, len(c.Faults))
			failed := 0
			for _, u := range c.Units {
				if u.Fault != "" && !strings.Contains(u.Fault, "itself") {
					failed++
				}
				if len(u.Fault) > 16<<10 {
					t.Fatalf("a fault of %d bytes", len(u.Fault))
				}
			}
			if tt.failed >= 0 && failed != tt.failed {
				t.Errorf("%d units fail, want %d", failed, tt.failed)
			}
			if d > 20*time.Second {
				t.Errorf("took %v", d)
			}
			if l := newLinker(c, 0); len(l.components(sound(c, l))) > 0 {
				t.Error("a cycle is left")
			}
		})
	}
}

// sound marks the failed units for a linker and gives all units.
func sound(c *Config, l *linker) []int32 {
	var all []int32
	for i, u := range c.Units {
		l.failed[i] = u.Fault != ""
		all = append(all, int32(i))
	}
	return all
}

func TestInstantiate(t *testing.T) {
	c := load(`
service web@ webd %i
    requires db@%i net
    after log
    before old
service db@ dbd %i
    start auto
service bad@ x
    usr %i
service loop@ x
    requires old
    before old2
target old
    wants fixed
    requires old2
target old2
service net netd
service fixed x
`)
	expectFaults(t, c, `/c/a.conf:9: unknown key "usr": write "user"`)
	n := len(c.Units)
	u, f, ok := c.Instantiate("web@1")
	if !ok || u.Name != "web@1" || !u.Manual || u.Instance != "1" || c.Units[n] != u {
		t.Fatalf("%+v %v", u, ok)
	}
	if len(f) != 1 || f[0].String() != `/c/a.conf:4: after "log", which does not exist: define it or remove the name` || !f[0].Warning {
		t.Errorf("faults %v", f)
	}
	if len(c.Units) != n+2 || c.Units[n+1].Name != "db@1" || !c.Units[n+1].Manual || ExpandText(c.Units[n+1].Exec[1], nil, nil) != "1" {
		t.Errorf("%s", unitNames(c))
	}
	for _, name := range []string{"web@1", "web", "web@", "none@1", "net", "web@a/b", "@x", ""} {
		if u, _, ok := c.Instantiate(name); ok {
			t.Errorf("Instantiate(%q) gave %+v", name, u)
		}
	}
	if u, _, ok := c.Instantiate("bad@1"); !ok || u.Fault != `/c/a.conf:9: unknown key "usr": write "user"` {
		t.Errorf("bad@1 fails with %q, %v", u.Fault, ok)
	}
	// loop@1 -> old -> old2 -> loop@1: what is in force stays.
	u, f, ok = c.Instantiate("loop@1")
	want := `/c/a.conf:11: cycle old -> old2 -> loop@1 -> old: drop one "requires" or "before" (a.conf:15, a.conf:12, a.conf:11)`
	if !ok || len(f) != 1 || !strings.Contains(u.Fault, "cycle old -> old2 -> loop@1 -> old") {
		t.Errorf("loop@1: %v, %v, want %q", u.Fault, f, want)
	}
	if c.Unit("old").Fault != "" || c.Unit("old2").Fault != "" {
		t.Error("a unit in force was failed")
	}
}

func TestMainUnit(t *testing.T) {
	c := load("main web\nservice web x\nservice db x\nservice own x\n    restart always\nservice i@ x\ntask t x\n")
	policy := func(name string) Policy { return c.Unit(name).Restart.Policy }
	if policy("web") != Never || policy("db") != Always {
		t.Error("main web: restart is not never, or db's is not always")
	}
	c.SetMain("db")
	if policy("web") != Always || policy("db") != Never || c.Main != "db" {
		t.Error("SetMain did not take the place of main")
	}
	c.SetMain("own")
	if policy("db") != Always || policy("own") != Always {
		t.Error("a written restart did not stay")
	}
	c.SetMain("i@1")
	if u := c.Unit("i@1"); u == nil || u.Manual || u.Restart.Policy != Never {
		t.Errorf("i@1: %+v", u)
	}
	c.SetMain("t")
	expectFaults(t, c)
	c.SetMain("")
	if policy("i@1") != Always || c.Main != "" {
		t.Error("SetMain of nothing left a main unit")
	}
	c.SetMain("wbe")
	expectFaults(t, c, `main "wbe", which does not exist: write "web"`)
	if !c.HasFaults() || c.Main != "wbe" {
		t.Error("the missing main unit is forgotten")
	}
}

func TestLoadOrderAndClasses(t *testing.T) {
	c := loadFiles(memory{
		"/s/b.conf": "service b x\nset A 1\n", "/s/a.conf": "service a x\n    class user\ninclude sub/*\n",
		"/s/sub/x": "task sub x\nset B 2\n", "/s/.hidden.conf": "service no x\n", "/s/readme": "service no x\n",
		"/c/c.conf": "service c x\n    class system\n    wants late@2 late@1\nset A 3%%i\nextend b\n    user root\n",
		"/c/d.conf": "service late@ x\nservice late@0\noption shutdown-timeout 2m\noption ctl-group wheel\noption ctl-read all\n",
	})
	expectFaults(t, c)
	var got []string
	for _, u := range c.Units {
		got = append(got, u.Name+":"+u.Class.String())
	}
	if s := strings.Join(got, " "); s != "a:user sub:system b:system c:system late@0:user late@2:user late@1:user" {
		t.Error(s)
	}
	if c.Unit("b").User != "root" || c.Unit("late@0").Manual || !c.Unit("late@1").Manual {
		t.Error("extend of a system unit, or start of instances")
	}
	if len(c.Set) != 2 || c.Set[0].Name != "B" || c.Set[1].Name != "A" || ExpandText(c.Set[1].Value, nil, nil) != "3%i" {
		t.Errorf("set %+v", c.Set)
	}
	if c.Options != (Options{ShutdownTimeout: 2 * time.Minute, CtlGroup: "wheel", CtlReadAll: true}) {
		t.Errorf("%+v", c.Options)
	}
}
