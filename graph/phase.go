package graph

// ID names a unit in a World: its place in the configuration's order. It is
// never used again for another unit.
type ID int32

// None is no unit.
const None ID = -1

// Instant is a point on CLOCK_MONOTONIC in nanoseconds; 0 is "never".
// The clock survives an exec (clock_gettime(2)).
type Instant int64

// State is what a unit is (SPEC 5).
type State uint8

const (
	Inactive State = iota // not started, or stopped on request
	Blocked               // wanted up; waits for others
	Waiting               // no process yet: a timer, a key press or a connection will start it
	Starting              // spawned, not ready yet
	Running               // ready; a target: all that it requires is satisfied
	Stopping              // the stop schedule, or what follows an end, is under way
	Backoff               // ended, starts again at a known time
	Exited                // ended cleanly and not to be restarted, or skipped
	Failed                // ended uncleanly and not to be restarted
	stateCount
)

// States is the number of states, for tables of them.
const States = int(stateCount)

var stateNames = [stateCount]string{"inactive", "blocked", "waiting", "starting", "running", "stopping", "backoff", "exited", "failed"}

// String gives the word of SPEC 5.
func (s State) String() string {
	if s < stateCount {
		return stateNames[s]
	}
	return "unknown"
}

// StateByName gives the state of a word of SPEC 5.
func StateByName(name string) (State, bool) {
	for i, n := range stateNames {
		if n == name {
			return State(i), true
		}
	}
	return 0, false
}

// Phase is what is under way within a state.
type Phase uint8

const (
	PhaseNone    Phase = iota
	PhaseCheck         // the "if" lines are being looked at
	PhasePre           // a pre command runs; Status.Step says which
	PhaseExec          // the main process was forked, its exec has not succeeded yet
	PhaseMain          // the main process runs
	PhaseDaemon        // it has ended well, and what it left behind is yet to be found by its pid file
	PhaseLeaving       // stopping: the service said that it does so by itself
	PhaseSignals       // stopping: the schedule's signals; Status.Step says which
	PhaseKilled        // stopping: KILL was sent
	PhaseUndo          // stopping: stop-exec of a task that is done
	PhasePost          // stopping: a post command runs; Status.Step says which
	phaseCount
)

var phaseNames = [phaseCount]string{"none", "check", "pre", "exec", "main", "daemon", "leaving", "signals", "killed", "undo", "post"}

// String gives the phase's word, for tests and `why`.
func (p Phase) String() string {
	if p < phaseCount {
		return phaseNames[p]
	}
	return "unknown"
}

// ReasonKind is the sort of a Reason.
type ReasonKind uint8

const (
	NoReason         ReasonKind = iota
	ReasonExit                  // Code
	ReasonSignal                // Code is the signal
	ReasonPre                   // a pre command: Text is "exit 42", "signal KILL" or "spawn ..."
	ReasonUnready               // ended before it was ready; Text is how
	ReasonTimeout               // start-timeout
	ReasonHealth                // the checks failed; Text is what the last one said
	ReasonWatchdog              // no WATCHDOG=1 in time; Text is set when the service asked for it
	ReasonDependency            // Other failed, or exited
	ReasonSpawn                 // Text is "STAGE ERRNO: words"
	ReasonConfig                // Text is the fault
	ReasonLimit                 // too many restarts
	ReasonSkipped               // Text is the unmet "if" line
	ReasonBug
	ReasonTerminal // askfirst cannot ask: Text is why
	reasonCount
)

// Reason says why a unit is failed, in backoff, or skipped; of a timed task
// that is waiting, how its last run ended.
type Reason struct {
	Kind   ReasonKind
	Exited bool // of ReasonDependency: it did not fail, it exited
	Code   int16
	Other  ID
	Text   string
}

// Status is what a unit is now, and what its next step depends on. It is a
// plain value: step takes one and gives one.
type Status struct {
	State State
	Phase Phase
	Step  uint16 // which pre, post or signal

	// What the operator and the configuration ask for (D4, D8).
	Want  bool // up
	Asked bool // started by name, or at boot
	Held  bool // stopped by the operator: outranks being pulled in

	Restart bool // a restart was asked for and its stop is not over
	Undo    bool // a done task must go back to inactive
	Failing bool // being stopped because of Reason, not on request
	Stuck   bool // KILL was not heeded for 5 s (P3)
	Checked bool // the "if" lines held a moment ago
	Stopped bool // the end under way was asked for
	Fired   bool // waiting is over: it starts as soon as nothing forbids it
	Again   bool // it was started out of waiting: it has not left the satisfied state

	Reloading bool // it said RELOADING=1 and not READY=1 since

	Gen    uint64 // of the process that runs in Phase; 0 = none
	Pid    int32  // for display
	AuxGen uint64 // of the stop-exec or reload-exec process; 0 = none
	AuxPid int32
	Probe  uint64 // of the check that is under way; 0 = none

	Reason     Reason
	HasExit    bool // ExitCode or ExitSignal are of the last end
	ExitCode   int16
	ExitSignal int16 // 0 = it exited

	Since     Instant // of the last change of State
	ReadyAt   Instant // of the running incarnation
	Due       Instant // the phase's deadline or the next start; 0 = none. Starting and running: the earliest of these:
	StartBy   Instant // start-timeout, or that of a reload
	ProbeAt   Instant // the next check, or the deadline of the one under way
	FedBy     Instant // watchdog
	CountAt   Instant // of on-demand: the next look at whether it is used
	UsedAt    Instant // of on-demand: when it was seen used last
	NotBefore Instant // of a start that waits for others after a backoff
	Delay     int64   // the next backoff, ns; 0 = from the start

	Next int64 // of a timed task: its next run; every: ns on CLOCK_BOOTTIME, at: s since 1970
	Ran  int64 // at: what Next was of the last run

	Restarts    uint32 // automatic ones since the last manual start
	WindowCount uint32 // of restart limit
	WindowStart Instant
	Scale       uint16 // thousandths of the stop schedule; 0 = as written
	Failures    uint16 // of checks in a row; starting: the looks there were
	Text        string // STATUS= of sd_notify
}

// process reports whether a process of the unit's sequence is alive.
func (s *Status) process() bool { return s.Gen != 0 || s.AuxGen != 0 }

// up reports whether the unit must go down before what it requires does.
func (s *Status) up() bool {
	return s.State == Starting || s.State == Running || s.State == Stopping
}

// done reports whether the unit is a task that exited 0.
func (s *Status) done(u *Unit) bool {
	return s.State == Exited && u.Kind == Task && !s.skipped() && s.ExitCode == 0 && s.ExitSignal == 0
}

// skipped reports whether an "if" line kept the unit from starting.
func (s *Status) skipped() bool { return s.State == Exited && s.Reason.Kind == ReasonSkipped }

// satisfied is SPEC 5's word, without regard to a stop that is coming.
func (s *Status) satisfied(u *Unit) bool {
	return s.State == Running || s.State == Waiting || s.skipped() || s.done(u) || s.rerun(u)
}

// rerun reports whether a unit that was waiting is being started, or is about to
// wait again: nobody who requires it has to notice.
func (s *Status) rerun(u *Unit) bool {
	return s.Again && (s.State == Starting || s.State == Stopping && !s.Stopped && (u.timed() || u.onDemand() && !s.Failing))
}

// undoable reports whether the unit is a task whose last run exited 0, so that
// there is something for stop-exec to undo.
func (s *Status) undoable(u *Unit) bool {
	return s.done(u) || s.State == Waiting && u.timed() && s.HasExit && s.ExitCode == 0 && s.ExitSignal == 0
}

// stops reports whether a stop of what the unit requires is a stop for it too.
func (s *Status) stops(u *Unit) bool { return s.up() || s.State == Waiting || s.done(u) }

// dead reports whether what requires the unit must fail (D2).
func (s *Status) dead(u *Unit) bool {
	return s.State == Failed || s.State == Exited && !s.satisfied(u)
}
