// # What is kept: the re-exec itself
//
// An upgrade ends with the image that began it, or with the exec: its child has
// been reaped by then, and its clients are told by the next image. What a panic
// has left is mended before another image comes.
//
//	init.Init.salvaged    rebuilt: of an image that has found no state that it could take over
//	init.upgrade.*        rebuilt: none is under way in a new image
//	init.work.*           rebuilt: of one turn
//	init.bugs.text        kept: record panics
//	init.bugs.said        rebuilt: it bounds what is said in one image
//	init.bugs.ends        rebuilt: no image follows in the degraded mode
//	init.bugs.times       kept: record panics; an upgrade that is asked for begins with none
//	init.bugs.degraded    kept: record panics, until an upgrade
//	init.bugs.until       kept: record panics
//	init.bugs.delay       kept: record panics
//	init.bugs.kept        kept: record kept for each
package state
