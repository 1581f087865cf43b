// Package state owns the snapshot: what an init hands to the image that it
// executes next. It turns a world, its pids and its named descriptors into
// lines of the one codec (mote/graph/line) and back, and refuses what it cannot
// read; it never decides anything, and touches no descriptor itself.
//
// The lines are versioned. A reader passes over keys that it does not know and
// refuses a major version that it cannot read (DESIGN D6). States, phases, kinds and
// the like stand in them as the numbers of their constants: what is new goes to the
// end of its list (TestNumbersInSnapshots).
package state
