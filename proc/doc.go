// Package proc owns the kernel's side of the init: signals, epoll, timers,
// spawning, reaping, mounts, users and files. It knows descriptors, pids and
// errnos; it must never know what a unit is, decide what happens next, start a
// goroutine that touches a caller's data, or wait for anything but Poll.Wait.
//
// # One thread
//
// Everything here is called from one goroutine that is locked to the main
// thread. Nothing is safe for concurrent use, and nothing needs to be: no
// mutex, no channel. The one exception is the receiver of the runtime mode of
// Signals, which shares one atomic and an eventfd with it.
//
// # The mask
//
// A signalfd sees a signal only if every thread blocks it, and Go's runtime
// unblocks HUP, INT, QUIT, ABRT, TERM and CHLD on each thread it makes
// (runtime/signal_unix.go, minitSignalMask). So the file is built with an
// overlay (build/overlay) that makes these blockable, Early blocks all
// signals and execs the program once more, and every thread of the second
// image inherits the full mask. Pending signals survive an exec, therefore no
// signal is lost between two images either. Without the overlay, or where the
// exec fails or a CHLD that is sent as a probe does not arrive, the runtime's
// own queue is used: a goroutine receives and writes an eventfd.
//
// Five signals mean a fault and are unblocked in both modes: ILL, TRAP, BUS,
// FPE, SEGV. Those that a process sends are dropped by the runtime's queue;
// those that the program itself causes still panic.
//
// # The reaper
//
// The init is the only waiter: nobody else in the program calls wait4, and
// os/exec is not used. A pid is therefore ours until Reap has returned it,
// and a signal that is sent before that cannot hit a stranger. One CHLD may
// stand for many deaths (signal(7), Queueing), so the caller loops over
// NextExit until it reports none. NextExit only looks (WNOWAIT): the group of
// a dead leader can still be killed before its number is given up.
//
// # The child
//
// Spawn prepares every byte before the fork. In the child only raw system
// calls run, in the order that forked.go documents, and the first that fails
// is reported as a stage and an errno (and which limit or capability) over a close-on-exec pipe, whose end of
// file says that the exec succeeded. A build with the overlay lets the child
// share this process's memory, and sleeps until its exec, where nothing can
// make that long (mayShare); else the child gets a copy and nobody waits.
//
// # The next image
//
// Reexec executes a program file in this process, by the descriptor that OpenImage
// or CopyImage has checked. Children, pending signals that are blocked, timers and
// all descriptors that are not close-on-exec stay (execve(2)); what the caller hands
// on it names, and CloseInherited closes what nobody has taken over. A file that is
// cut would end the process after the point of no return, so its header is read
// first. What the first image of a process was started with goes on in a variable
// that children never see.
//
// # Tests
//
// They run on the real kernel and in both builds:
//
//	go test -count=1 ./proc
//	go run ./build/overlay -o out/overlay
//	go test -count=1 -overlay out/overlay/overlay.json -tags mote_overlay ./proc
//
// With -run NONE -bench Spawn the ways to make a child are compared.
package proc
