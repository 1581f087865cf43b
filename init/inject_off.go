//go:build !mote_inject

package pid1

import "mote/graph"

// injecting is what a build for tests has: panics where it is told to.
const injecting = false

func (in *Init) injectEvent(ev *graph.Event) {}

func (in *Init) inject(what, word string, unit graph.ID) {}
