package graph

import (
	"strconv"
	"time"
)

// Kind is what a unit is: the word of its header.
type Kind uint8

const (
	Service Kind = iota // a process that is kept running
	Task                // a process that runs to its end
	Target              // no process: a name for what it requires and wants
	Tty                 // a process with a controlling terminal
)

// String gives the header's word.
func (k Kind) String() string {
	switch k {
	case Service:
		return "service"
	case Task:
		return "task"
	case Target:
		return "target"
	}
	return "tty"
}

// Class says which bulk verbs reach a unit (SPEC 4, class).
type Class uint8

const (
	User Class = iota
	System
)

// String gives the configuration's word.
func (c Class) String() string {
	if c == System {
		return "system"
	}
	return "user"
}

// Pos is a place in the configuration; Line counts from 1, 0 means the whole file.
type Pos struct {
	File string
	Line int
}

// String gives FILE:LINE as faults show it.
func (p Pos) String() string {
	if p.File == "" {
		return ""
	}
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + itoa(p.Line)
}

// Ref is a name that a unit gives for another one, and where it stands.
type Ref struct {
	Name string
	Pos  Pos
}

// Part is a piece of a Text: literal bytes, or one variable.
type Part struct {
	Lit    string // literal bytes, when Var is empty
	Var    string // the name in ${NAME}
	Def    string // the word in ${NAME:-word}
	HasDef bool   // ":-" was written
}

// Text is one word whose variables are expanded at each start (SPEC F5). An
// expansion never makes two words of one.
type Text []Part

// Var is an environment variable with a value yet to be expanded.
type Var struct {
	Name  string
	Value Text
}

// EnvFile is a file of NAME=VALUE lines; Optional says that it may be missing.
type EnvFile struct {
	Path     Text
	Optional bool
}

// CondKind is the test of an "if" line.
type CondKind uint8

const (
	CondExists CondKind = iota
	CondCmdline
	CondFileHas
	CondContainer
)

// Cond is one "if" line; all of a unit's must hold (SPEC F8).
type Cond struct {
	Not  bool
	Kind CondKind
	Path string // exists, file-has
	Word string // cmdline, file-has
}

// ReadyKind is how a service shows that it is ready.
type ReadyKind uint8

const (
	ReadySpawn ReadyKind = iota
	ReadyNotify
	ReadyFD
	ReadyPidfile // Arg names a file with the pid of the daemon, which is adopted
	ReadyPath    // Arg is a path that comes into being
	ReadyLog     // Arg is in a line of its output
	ReadyHealth  // the first check that passes
)

// Ready is the "ready" key; FD is the descriptor number of ReadyFD.
type Ready struct {
	Kind ReadyKind
	FD   int
	Arg  string
}

// Policy says after which ends a service starts again (SPEC P2).
type Policy uint8

const (
	Always Policy = iota
	OnFailure
	Never
)

// Restart is the "restart" key. Limit 0 is no limit; Within 0 counts since the
// last manual start.
type Restart struct {
	Policy Policy
	Delay  time.Duration // the first delay; it doubles
	Max    time.Duration // where the doubling ends
	Reset  time.Duration // so long up, and the delay is Delay again
	Limit  int
	Within time.Duration
}

// StopStep is one signal of the stop schedule and how long to wait after it.
type StopStep struct {
	Signal int
	Wait   time.Duration
}

// KillMode is what the stop schedule signals.
type KillMode uint8

const (
	KillGroup KillMode = iota
	KillProcess
	KillCgroup // all processes of the unit, by its cgroup; without one, the group
)

// Critical is what happens when a unit fails for good.
type Critical uint8

const (
	NotCritical Critical = iota
	CriticalShell
	CriticalReboot
	CriticalPoweroff
)

// InputKind is where a unit's standard input comes from.
type InputKind uint8

const (
	InputNull InputKind = iota
	InputPath
	InputTty
)

// Input is the "stdin" key.
type Input struct {
	Kind InputKind
	Path string
}

// SinkKind is where a unit's output goes.
type SinkKind uint8

const (
	SinkRing SinkKind = iota
	SinkConsole
	SinkKmsg
	SinkNull
	SinkFile
	SinkPipe
)

// Sink is one "log" line.
type Sink struct {
	Kind      SinkKind
	SizeBytes int    // of a ring; of a file, where it is rotated
	Path      string // of a file
	Files     int    // how many files there are at most: PATH, PATH.1, ...
	Stamp     bool   // a file's lines begin with the time
	To        string // the service that a pipe leads to
}

// DefaultRingBytes is the ring of a unit without a "log" line.
const DefaultRingBytes = 16 << 10

// DefaultFileBytes and DefaultFiles are those of a "log file" that says none.
const (
	DefaultFileBytes = 256 << 10
	DefaultFiles     = 4
)

// Unit is what the configuration says of one unit. It is not changed once it
// is in a World.
type Unit struct {
	Name        string
	Instance    string // what follows the "@", if anything
	Kind        Kind
	Class       Class
	Manual      bool // start manual
	Pos         Pos  // its header
	Description string

	Requires, Wants, After, Before, Conflicts []Ref

	Exec     []Text // the command; with Sh, one word: the line for /bin/sh -c
	Sh       bool
	Pre      [][]Text
	Post     [][]Text
	StopExec []Text

	If        []Cond
	Dir       Text
	Umask     int // permission bits to clear; default 022
	Env       []Var
	EnvFiles  []EnvFile
	User      string
	Group     string
	Groups    []string // with GroupsSet, in place of the user's own
	GroupsSet bool
	Context   *Context // nil asks for nothing
	Duty      *Duty    // nil asks for nothing
	Stdin     Input
	Tty       string // path of the controlling terminal
	Log       []Sink // never empty: the default is one ring

	Ready        Ready
	StartTimeout time.Duration // 0 = none
	Restart      Restart
	Stop         []StopStep // never empty; the final KILL is not a step
	KillMode     KillMode
	Critical     Critical
	Every        time.Duration // of a task: from start to start; 0 = none
	At           *Cron         // of a task: nil = none; not with Every
	AskFirst     bool          // of a tty: a key press starts it
	AskText      string        // what it is asked with; empty = the usual text

	restartSet bool // "restart" is written
	limitSet   bool // and so is its limit
	pipePos    Pos  // of the line "log pipe"

	// Fault, when not empty, is the unit's first configuration fault as
	// "FILE:LINE: what: how to mend it": the unit is failed with it (SPEC F10).
	Fault string
}

// timed reports whether the unit is a task that runs again on time.
func (u *Unit) timed() bool { return u.Every > 0 || u.At != nil }

// Fault is one thing wrong in the configuration.
type Fault struct {
	Pos     Pos
	Text    string // "what: how to mend it"
	Unit    string // the unit that it makes fail; empty when it fails none
	Warning bool   // worth saying, fails nothing
}

// String gives the fault as it is shown: FILE:LINE: what: how to mend it.
func (f Fault) String() string {
	if f.Pos.File == "" {
		return f.Text
	}
	return f.Pos.String() + ": " + f.Text
}

func itoa(n int) string { return strconv.Itoa(n) }
