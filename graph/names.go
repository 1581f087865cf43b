package graph

import "strings"

// Nearest gives the unit whose name is most like a name that no unit has.
func (w *World) Nearest(name string) (string, bool) {
	return nearest(name, func(yield func(string) bool) {
		for i := range w.nodes {
			if !w.nodes[i].gone && !yield(w.nodes[i].unit.Name) {
				return
			}
		}
	})
}

// StateList gives the words of SPEC 5, for messages.
func StateList() string { return strings.Join(stateNames[:], ", ") }
