// Package pid1 is the loop: it owns the process image that is the init, and
// joins the other rooms. What the kernel says (mote/proc) becomes an event, the
// world (mote/graph) answers with effects, and perform carries them out; the
// control socket, the logs, boot, shutdown and the wrapper for one command are
// here too. It must never block outside of Poll.Wait, never exit on a machine,
// and hold no logic that could be pure.
//
// # Memory
//
// Everything that others can make grow has a bound: clients (maxClients, each
// with a request of line.MaxLine and an answer of outHigh and one reply line),
// log rings (as configured, and all together Logs.SetMemory, in a memfd outside
// the heap), the console's backlog (consoleBytes), what waits for the child that
// writes files and for each service that others pipe to (sinkBytes, and the
// kernel's buffer), what the child that reads syslog messages says (sinkBatch,
// and the kernel's buffer), readiness messages a turn (notifyBudget), texts added
// at run time (maxTextBytes), units (graph.MaxUnits), a snapshot (state.MaxBytes),
// events that wait for the world in the degraded mode (maxKept: one of a kind for each
// process), and what a program says in place of mote (maxAnswer).
//
// # Reading order
//
// loop.go, perform.go, output.go and spawn.go for the turn; main.go, boot.go, machine.go and
// ending.go for the life; server.go, client.go, verbs.go, answers.go and reply.go for the client;
// log.go and ring.go for what units print; filer.go and logfile.go for their files;
// syslog.go for what comes from syslog(3); snapshot.go, upgrade.go and resume.go for the
// next image, panic.go, degraded.go and salvage.go for when something is wrong with this one;
// proxy.go for "mote proxy", a process of its own with its own bounds.
package pid1
