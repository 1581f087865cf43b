package graph

import "slices"

// reload reads a configuration in which some units have other keys, some are
// gone, and some are back before they have left. The edges between those that stay
// are the same: a new one could make a cycle, which the linker would have found.
func (m *sim) reload() {
	w := m.w
	required := map[string]bool{}
	var units []*Unit
	for id := range w.nodes {
		n := &w.nodes[id]
		if !w.inUse(ID(id)) || n.gone && m.r.IntN(2) == 0 { // one that is about to leave may be back
			continue
		}
		u := n.latest()
		if m.r.IntN(5) == 0 {
			other := simUnit(m.r, u.Name)
			other.Requires, other.Wants, other.After, other.Before, other.Conflicts = u.Requires, u.Wants, u.After, u.Before, u.Conflicts
			if n.s.State == Stopping { // else nobody could tell whether the command's signal is still owed
				other.StopExec = u.StopExec
			}
			if m.r.IntN(3) > 0 { // most changes are of one key
				one := *u
				one.Description, one.Manual, one.Pre, one.Stop, one.StartTimeout = "other", other.Manual, other.Pre, u.Stop, other.StartTimeout
				if u.Kind == Service && u.Duties().Health != nil {
					d := *u.Duty
					h := *d.Health
					h.Fails, h.Every = 1+m.r.IntN(4), h.Every+simSpan(m.r)
					d.Health = &h
					one.Duty = &d
				}
				if u.Kind == Target || u.Kind == Tty {
					one.Pre, one.StartTimeout = nil, 0
				}
				other = &one
			}
			u = other
		}
		for _, r := range u.Requires {
			required[r.Name] = true
		}
		units = append(units, u)
	}
	kept := units[:0]
	for _, u := range units {
		if m.r.IntN(12) > 0 || required[u.Name] && m.r.IntN(4) > 0 {
			kept = append(kept, u)
		}
	}
	for i, u := range kept { // D7, as the linker has it
		for _, r := range u.Requires {
			if !slices.ContainsFunc(kept, func(o *Unit) bool { return o.Name == r.Name }) {
				one := *u
				one.Fault = "t.conf:1: it requires a unit that is not there: write it"
				kept[i] = &one
			}
		}
	}
	plan := w.Plan(kept, func(*Unit) bool { return false })
	for i := range plan {
		m.note("plan: " + plan[i].String())
	}
	m.apply(Event{Kind: AskReload, Plan: plan})
}
