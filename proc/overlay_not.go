//go:build !mote_overlay

package proc

// hasOverlay reports whether this file was built with the overlay.
func hasOverlay() bool { return false }
