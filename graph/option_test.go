package graph

import "testing"

// Each option that a line sets is one that Changed names.
func TestOptionsChanged(t *testing.T) {
	if len(optionRows) > maxOptionRows {
		t.Fatalf("%d options", len(optionRows))
	}
	for _, r := range optionRows {
		right := rightWords["option "+r.Name]
		c := load("option " + r.Name + " " + right + "\n")
		if len(c.Faults) > 0 {
			t.Errorf("%s: %v", r.Name, c.Faults)
		}
		if got := c.Options.Changed(&Options{}); len(got) != 1 || got[0] != r.Name {
			t.Errorf("option %s: changed %q", r.Name, got)
		}
		if got := c.Options.Changed(&c.Options); len(got) != 0 {
			t.Errorf("option %s: the same is changed: %q", r.Name, got)
		}
	}
}
