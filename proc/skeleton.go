package proc

import "syscall"

func Spawn(s *Spec) (Process, error) { return Process{}, &Failure{StageFork, syscall.ENOSYS} }

// ReadResult reads a Result. It reports false while the child has neither
// exec'd nor failed; then done, with the failure if it is one.
func ReadResult(fd int) (done bool, fail *Failure) { return false, nil }

func Early()            {}
func Environ() []string { return syscall.Environ() }

type Signal struct {
	Number, Pid, Uid int
	FromKernel       bool
}
type Signals struct{}

func OpenSignals() (*Signals, error)    { return nil, syscall.ENOSYS }
func (s *Signals) FD() int              { return -1 }
func (s *Signals) Mode() string         { return "runtime" }
func (s *Signals) Next() (Signal, bool) { return Signal{}, false }
func DefaultSignals()                   {}

type OpKind uint8

const (
	OpSync     OpKind = iota
	OpUmount          // umount2 of Paths with Flags, in order
	OpReadOnly        // remount Paths read-only
	OpKillAll         // kill(-1, Signal)
	OpReboot          // reboot(Cmd), with Arg for RESTART2
)

type Op struct {
	Kind   OpKind
	Paths  []string
	Flags  int
	Signal int
	Cmd    int
	Arg    string
}

// Child forks a process that performs op and exits 0, or with the errno of the last step that failed.
func Child(op Op) (pid int, err error) { return 0, syscall.ENOSYS }
