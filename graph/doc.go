// Package graph is the pure half of mote: units, the configuration format that
// says what they are, the dependencies between them, and the state machine that
// decides what happens to them. It must never make a system call, read a clock
// or know a file descriptor: values go in and values come out, so that all of
// it can be tested and simulated by the million.
//
// The configuration goes Load -> Config (parse.go reads lines into blocks,
// build.go makes units of blocks by the table in keyrows.go, link.go and
// cycle.go check what units say of one another); Show is the way back.
//
// The world goes Apply(now, Event) -> []Effect. Read phase.go for the words,
// step.go (with stop.go and finish.go) for the life of one unit, the stories in
// testdata/*.script, then settle.go and touch.go for what neighbours have to do
// with it, request.go for what an operator asks and ending.go for the shutdown.
package graph
