package graph

// EventKind is what happened.
type EventKind uint8

const (
	// Of one process: Unit and Gen name it (P1).
	Spawned     EventKind = iota // the fork succeeded; Pid
	SpawnFailed                  // Text is "STAGE ERRNO: words"; Code is the exit status of SPEC 1 (127, 126, 1)
	Executed                     // the exec succeeded
	BecameReady                  // it said that it is ready
	Ended                        // it was reaped; Code or Sig
	Checked                      // Text is the unmet "if" line; empty when all hold
	Probed                       // Gen is the check's; Text is what was wrong; Pid is whose number a pid file holds; Code 1: it could not be made
	MainPid                      // Pid is the main process from now on
	Fed                          // WATCHDOG=1
	Starved                      // WATCHDOG=trigger: as if it had been silent
	Extended                     // Wait more is asked for, from now on
	Leaving                      // STOPPING=1
	Renewing                     // RELOADING=1
	// Of one unit.
	Due       // its deadline passed
	KeyPress  // it is waiting for one
	NoAsking  // its terminal cannot be asked on; Text is why
	Connected // it is waiting for one
	NoSockets // they cannot be opened; Text is "listen ERRNO: words"
	Counted   // Code is 1 when it is used, 0 when not
	// Requests.
	Boot        // start what starts by itself; Unit is the only root, or None
	AskStart    // IDs
	AskStop     // IDs
	AskRestart  // IDs
	AskStartAll // class user, start auto
	AskStopAll  // class user
	AskSignal   // IDs, Sig: the kill verb
	AskRenew    // Unit: the verb reload NAME
	AskShutdown // Halt says how; Sig tells nothing
	AskReload   // Plan
	StatusSet   // Text is STATUS=
	Tick        // nothing but the time
	ClockSet    // Boot and Wall
	Bug         // the unit's last event broke the init
	eventCount
)

var eventNames = [eventCount]string{"Spawned", "SpawnFailed", "Executed", "BecameReady", "Ended", "Checked",
	"Probed", "MainPid", "Fed", "Starved", "Extended", "Leaving", "Renewing", "Due", "KeyPress", "NoAsking", "Connected", "NoSockets", "Counted",
	"Boot", "AskStart", "AskStop", "AskRestart", "AskStartAll", "AskStopAll", "AskSignal", "AskRenew", "AskShutdown", "AskReload", "StatusSet", "Tick", "ClockSet", "Bug"}

// String gives the kind's name, for tests and logs.
func (k EventKind) String() string {
	if k < eventCount {
		return eventNames[k]
	}
	return "unknown"
}

// Event is one thing that happened. Which fields count depends on Kind.
type Event struct {
	Kind EventKind
	Unit ID
	Gen  uint64
	Pid  int32
	Code int16 // exit status
	Sig  int16 // signal, 0 = none
	Text string
	IDs  []ID
	Halt *Halt // of AskShutdown
	Plan []Change
	Wait Instant // of Extended: ns
	Boot Instant // CLOCK_BOOTTIME less CLOCK_MONOTONIC: how long the machine was suspended
	Wall Instant // CLOCK_REALTIME less CLOCK_MONOTONIC
}

// Halt is how the init ends.
type Halt struct {
	Kind    HaltKind
	Code    int     // exit status in the container and supervisor roles
	Timeout Instant // the deadline, ns from now
	Arg     string  // of reboot(2)
}

// HaltKind is a power verb.
type HaltKind uint8

const (
	HaltNone HaltKind = iota
	HaltExit          // the container and supervisor roles
	HaltPoweroff
	HaltReboot
	HaltHalt
)

var haltNames = [...]string{"none", "shutdown", "poweroff", "reboot", "halt"}

// String gives the verb.
func (h HaltKind) String() string { return haltNames[h] }

// Role is which of a unit's commands a process runs.
type Role uint8

const (
	RoleMain Role = iota
	RolePre
	RolePost
	RoleStop   // stop-exec
	RoleReload // reload-exec
	RoleHealth // the command of health
)

var roleNames = [...]string{"main", "pre", "post", "stop-exec", "reload-exec", "health"}

// String gives the key of the command.
func (r Role) String() string { return roleNames[r] }

// EffectKind is what the loop has to do.
type EffectKind uint8

const (
	Spawn    EffectKind = iota // run Role's command number Step as generation Gen; answer Spawned or SpawnFailed, then Executed
	Check                      // look at the "if" lines; answer Checked
	Kill                       // Sig to the process Gen; Group: to its process group; All: to its cgroup, where it has one
	Changed                    // the unit went From one state To another
	Also                       // a stop or restart by name takes this unit down too
	StuckAt                    // KILL was not heeded for 5 s; Pid
	Escalate                   // Critical: the unit failed for good
	End                        // all is down, or the deadline passed: Halt says how
	Trouble                    // Text is a "bug:" line for the log
	Joined                     // the unit is new (reload)
	Replaced                   // the unit has its new form
	Left                       // the unit is gone; Text was its name
	Ask                        // write the unit's question to its terminal; answer KeyPress or NoAsking
	Unask                      // nobody waits for the answer any more
	Open                       // open the unit's sockets and wait for a connection; answer Connected or NoSockets
	Unopen                     // nobody waits for one any more; the sockets stay
	Probe                      // check the unit's health; answer Probed
	Look                       // look at the file that says that it is ready; answer Probed
	Unprobe                    // nobody waits for the answer Gen any more: a process that is to give it is killed; Text: it took too long
	Adopt                      // Pid is the main process Gen from now on
	Strew                      // KILL to what the ended main process has left in its group: it has no pid file
	Count                      // see whether anybody uses the unit's sockets; answer Counted
	Renewed                    // reload NAME is over; Text is what went wrong
	effectCount
)

var effectNames = [effectCount]string{"Spawn", "Check", "Kill", "Changed", "Also", "StuckAt", "Escalate", "End", "Trouble", "Joined", "Replaced", "Left", "Ask", "Unask", "Open", "Unopen", "Probe", "Look", "Unprobe", "Adopt", "Strew", "Count", "Renewed"}

// String gives the kind's name.
func (k EffectKind) String() string {
	if k < effectCount {
		return effectNames[k]
	}
	return "unknown"
}

// Effect is one thing to be done, in order.
type Effect struct {
	Kind     EffectKind
	Role     Role
	Group    bool
	All      bool
	From, To State
	Unit     ID
	Step     uint16
	Sig      int16
	Pid      int32
	Gen      uint64
	Reason   Reason   // of Changed: the unit's reason at that moment
	Critical Critical // of Escalate
	Halt     *Halt    // of End
	Text     string
	// Of Spawn with RolePost: MOTE_RESULT and MOTE_CODE.
	Result string
	Code   int16
}
