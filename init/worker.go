package pid1

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mote/graph"
	"mote/proc"
)

// A worker is started again after its end with a delay that doubles, and is the
// first again when it was up for workerReset.
const (
	workerFirst = graph.Instant(200 * time.Millisecond)
	workerMost  = graph.Instant(30 * time.Second)
	workerReset = graph.Instant(10 * time.Second)
)

// worker is one child of the init, "mote log WORD", that does for it what PID 1
// must not do itself. It is kept running until the init is done with it.
type worker struct {
	in    *Init
	what  string   // for messages
	word  string   // behind "mote log"
	whose helper   // that its child is
	stdin int      // what the child gets as 0
	out   int      // and as 1 and 2; kept for the next child; 0 = none
	child *process // nil = none is running
	since graph.Instant
	delay graph.Instant
	retry graph.Instant // when to start the next one; 0 = never
	over  bool          // it has all that it will get
}

// start forks the child. It is in a session and group of its own.
func (w *worker) start() {
	in := w.in
	w.retry = 0
	spec := proc.NewSpec(selfPaths(), []string{"mote", "log", w.word}, append(slices.Clone(in.env), "GOMAXPROCS=1"))
	spec.Dir, spec.Stdin, spec.Out, spec.Umask = "/", w.stdin, w.out, 0o022
	child, err := proc.Spawn(spec)
	if err != nil {
		w.again("cannot start: " + err.Error())
		return
	}
	w.child, w.since = &process{helper: w.whose}, in.now
	in.help(&child, w.child)
}

// adopt makes a process the child: one that was just started, or that the image
// before has left, which is started anew if it has not.
func (w *worker) adopt(p *process) {
	w.child, w.retry = p, 0
}

// selfPaths gives the files that are this program.
func selfPaths() []string {
	paths := []string{"/proc/self/exe"}
	if name := proc.ExecFn(); strings.HasPrefix(name, "/") {
		paths = append(paths, name) // there may be no /proc
	}
	return paths
}

// ended starts the next child after a while.
func (w *worker) ended(p *process, ex proc.Exit) {
	if w.child != p {
		return
	}
	w.child = nil
	if w.over || w.stdin == 0 {
		return
	}
	why := "the child ended with exit code " + strconv.Itoa(ex.Code)
	if ex.Signal != 0 {
		why = "the child was ended by " + graph.SignalName(ex.Signal)
	}
	if p.fail != nil {
		why = "cannot start: " + p.fail.Error()
	}
	w.again(why)
}

func (w *worker) again(why string) {
	in := w.in
	w.delay = min(max(2*w.delay, workerFirst), workerMost)
	if w.since != 0 && in.now-w.since >= workerReset {
		w.delay = workerFirst
	}
	w.retry = in.now + w.delay
	in.logs.Say(MsgWarn, w.what, ": ", why, "; next try in ", spanText(int64(w.delay)))
}

// tick starts the next child when it is time.
func (w *worker) tick() {
	if w.retry != 0 && w.retry <= w.in.now && w.child == nil {
		w.start()
	}
}
