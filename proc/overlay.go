//go:build mote_overlay

package proc

import _ "unsafe" // for go:linkname

// overlayMarker comes from the overlay's copy of the runtime's signal table
// (build/overlay). A build with the tag and without the overlay does not link.
//
//go:linkname overlayMarker
func overlayMarker() uint32

// hasOverlay reports whether this file was built with the overlay.
func hasOverlay() bool { return overlayMarker() == 1 }
