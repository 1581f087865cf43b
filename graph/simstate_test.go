package graph_test

import (
	"strings"

	"mote/graph"
	"mote/state"
)

// The worlds of TestSimReexec go through the lines of a snapshot.
func init() {
	graph.SetSimReexec(func(w *graph.World) (*graph.World, error) {
		var b strings.Builder
		out := state.NewWriter("test", func(p []byte) error { b.Write(p); return nil })
		state.PutWorld(out, w)
		if _, err := out.Close(); err != nil {
			return nil, err
		}
		s, err := state.Read(b.String())
		if err != nil {
			return nil, err
		}
		var l state.World
		for i := range s.Records {
			if _, err := l.Take(&s.Records[i]); err != nil {
				return nil, err
			}
		}
		return l.Load()
	})
}
