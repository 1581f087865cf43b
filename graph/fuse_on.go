//go:build mote_inject

package graph

// Fuse is called half-way through each change of a unit, where a test may panic;
// nil is not called. Builds that are shipped do not have it.
var Fuse func(ID)

func fuse(id ID) {
	if Fuse != nil {
		Fuse(id)
	}
}
