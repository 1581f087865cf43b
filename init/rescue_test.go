package pid1

import (
	"testing"

	"mote/graph"
)

// What the build has fixed is so, whatever the option says.
func TestRescueFixed(t *testing.T) {
	defer func() { Rescue = "" }()
	in := testInit(t, "option rescue login\nservice rescue x\n  start manual\n")
	for _, c := range []struct {
		fixed string
		want  graph.Rescue
	}{{"", graph.RescueLogin}, {"shell", graph.RescueShell}, {"off", graph.RescueOff}, {"of", graph.RescueOff}} {
		Rescue = c.fixed
		if got := in.rescueKind(); got != c.want {
			t.Errorf("%q: %s, want %s", c.fixed, got, c.want)
		}
		if _, ok := in.rescueUnit(); ok != (c.want != graph.RescueOff) {
			t.Errorf("%q: a unit %v", c.fixed, ok)
		}
	}
}
