package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// What a token of the epoll set stands for: its upper bits; the lower 56 name
// the one that is meant.
const (
	tokSignals uint64 = iota << 56
	tokTimer
	tokListen
	tokConsole
	tokClient // slot
	tokResult // pid
	tokLog    // unit
	tokNotify // unit
	tokReady  // unit
	tokSink   // slot: 0 is the child that writes files
	tokAsk    // unit
	tokSyslog
	tokBoot
	tokSocket        // unit
	tokHealth        // unit, generation
	tokStray         // pid
	tokStored        // unit << 32 | descriptor
	tokMask   uint64 = 0xff << 56
)

// What each source may take of one turn, so that none starves the rest.
const (
	reapBudget   = 512      // exits
	signalBudget = 64       // signals
	acceptBudget = 16       // connections
	logBudget    = 64 << 10 // bytes of one unit's pipe
	readBatch    = 64       // descriptors that are ready
	spawnBudget  = graph.Instant(10e6)
)

// sweepEvery is how long dead children can be overlooked whose CHLD got lost, as
// long as something else wakes the loop.
const sweepEvery = graph.Instant(1e9)

// collectFrom is the number of units from which the garbage of the start is
// more than what its collection costs (proc.Lean).
const collectFrom = 500

// keepEvents is how long a queue of events may be to be used again; a boot
// makes one that is longer.
const keepEvents = 64

// Init is the init in all roles but the wrapper's. Everything in it belongs
// to the one goroutine that runs loop.
type Init struct {
	opt  Options
	role Role
	pid  int
	uid  int

	poll  *proc.Poll
	timer *proc.Timer
	sigs  *proc.Signals
	logs  *Logs
	arena *proc.Arena

	now      graph.Instant // of this turn
	wall     int64         // ns since 1970, of this turn
	armed    graph.Instant // what the timer is set to
	swept    graph.Instant // when reap was called last
	signaled bool          // there was a signal, CHLD or another
	again    bool          // something was left over: do not sleep
	born     graph.Instant

	conf    *graph.Config
	world   *graph.World
	units   []unitIO // by graph.ID
	procs   map[int]*process
	clocks  clocks
	cgroups cgroups
	asks    map[graph.ID]*proc.Asking // terminals on which a key is waited for
	mute    map[graph.ID]string       // what was said of those that cannot be asked on

	env   []string  // for children, as the init was started with
	texts []runText // units that were added at run time
	added int       // how many texts ever

	// Of the spawn that is being prepared; the memory is used again.
	spec     proc.Spec
	spawnEnv environ

	note    [maxNote]byte // the message that is being read
	looks   int           // at senders, in this turn
	keeping keeping       // what services have given into it
	strayAt graph.Instant // the next look at main processes that are no children; 0 = none

	queue  []graph.Event
	busy   bool
	spawns []graph.Effect // that did not fit into their turn
	checks []graph.Effect // of them the commands of health, and what a re-exec has to begin again
	lost   []int          // pids that were no children any more when this image began
	ports  []portUser
	also   []graph.ID // what a stop by name takes down too

	server   server
	end      ending
	filer    filer
	syslog   syslog
	critical critical
	dog      watchdog
	booted   bootCheck
	upgrade  upgrade
	bugs     bugs
	work     work
	ready    [readBatch]proc.Ready

	trimAt   graph.Instant // give back what the start needed; 0 = done
	trim     bool          // now, before the next sleep
	rescuing bool          // the boot waits for the end of the rescue shell
	salvaged bool          // processes of an image before may live, whose state could not be taken over
	reexecs  reexecs
}

// unitIO is what the loop keeps open for a unit; 0 is none, since the init's
// own 0 is never one of them.
type unitIO struct {
	log    *UnitLog
	pipeR  int32 // the log pipe: it outlives the unit's processes (L1)
	pipeW  int32
	notify int32
	ready  int32 // read end of ready fd
	gen    uint64
	fed    bool   // the main process has the pipe of others' logs as its stdin
	main   int32  // pid of the main process
	uid    uint32 // of the main process
	renew  int32  // pid of the last reload-exec
	taker  int32  // pid of takeAside's child; 0 = none
	socks  *sockets
	health *health // of one that is checked
	sid    int32   // its session
	// Of "ready pidfile": who has ended and left the daemon behind; 0 = none.
	starter int32
	said    *said // nil: nothing

	cgroup   uint8  // bits, see cgroup.go
	removals uint8  // tries to remove it since it is at rest
	oomSeen  uint32 // kills for want of memory that its present group has counted
	oomKills uint32 // and all since the init began
}

// process is a child that the init forked.
type process struct {
	unit  graph.ID // None: one of the init's own
	gen   uint64
	role  graph.Role
	group bool // its group dies with it (P4)
	// Of a main process that another one has started, or that was one: adopt.go.
	adopted, former, stray bool

	watch  int // of a stray one: its pidfd; 0 = none
	result int // its exec-result pipe, -1 when read
	fail   *proc.Failure
	what   string // what could not be executed, for the message

	helper helper   // who is told of its end, of one of the init's own
	of     graph.ID // the unit that it works for
	fds    []int    // what it closes
}

// loop runs until the process ends.
func (in *Init) loop() {
	for {
		if !in.guarded(in.turns) {
			in.afterPanic()
		}
	}
}

// turns goes on until a panic, of which only what has led to it is given up: the
// services live on, and a machine whose PID 1 ends is dead. It sleeps only in
// Poll.Wait.
func (in *Init) turns() {
	for {
		n := in.wait()
		in.clock()
		if injecting {
			in.inject("turn", "", graph.None)
		}
		in.readClocks(false)
		in.turnOf(n)
	}
}

// turnOf does all that a turn has to do, with n descriptors that are ready.
func (in *Init) turnOf(n int) {
	for _, r := range in.ready[:n] {
		in.part(func() {
			in.work.token = r.Token
			in.dispatch(r)
		})
	}
	in.work.token = 0
	if in.signaled || in.now-in.swept >= sweepEvery {
		in.part(in.reap)
	}
	in.part(in.tick)
	in.part(in.catchUp)
	in.part(in.server.serve)
	in.part(in.lookAfterConsole)
	in.part(in.closeDropped)
	in.part(in.upgrade.turn)
	in.part(in.end.turn)
	in.part(in.arm)
}

// wait sleeps until something is ready. An error of epoll_wait other than
// EINTR cannot happen with a valid set; the loop goes on with a sweep.
func (in *Init) wait() int {
	var n int
	var err error
	if in.again {
		in.again = false
		n, err = in.poll.Peek(in.ready[:])
	} else {
		if in.trim {
			in.trim = false
			proc.Trim(in.world.Len() >= collectFrom)
		}
		n, err = in.poll.Wait(in.ready[:])
	}
	if err != nil {
		in.logs.Say(MsgWarn, "bug: epoll_wait: ", err.Error())
		unix.Nanosleep(&unix.Timespec{Nsec: 100e6}, nil)
		return 0
	}
	return n
}

func (in *Init) clock() {
	in.now, in.wall, in.looks = graph.Instant(proc.Now()), proc.Wall(), 0
	in.logs.SetClock(in.wall, in.now)
}

func (in *Init) dispatch(r proc.Ready) {
	n := r.Token &^ tokMask
	switch r.Token & tokMask {
	case tokSignals:
		in.signaled = true
		in.takeSignals()
	case tokTimer:
		if in.timer.Drain() {
			in.armed = 0
		}
		in.clocks.drain()
	case tokListen:
		in.server.accept()
	case tokConsole:
		in.logs.FlushConsole()
	case tokClient:
		in.server.ready(int(n), r.Events)
	case tokResult:
		in.readResult(int(n))
	case tokLog:
		in.readLog(graph.ID(n))
	case tokNotify:
		in.readNotify(graph.ID(n))
	case tokReady:
		in.readReady(graph.ID(n))
	case tokSink:
		in.sinkReady(int(n))
	case tokAsk:
		in.readKey(graph.ID(n))
	case tokSyslog:
		in.syslog.ready()
	case tokBoot:
		in.booted.read()
	case tokSocket:
		in.connected(graph.ID(n))
	case tokHealth:
		in.checkReady(n)
	case tokStray:
		in.strayEnded(int(n))
	case tokStored:
		in.storedEnd(graph.ID(n>>32), int(uint32(n)))
	}
}

// tick fires the deadlines that have passed.
func (in *Init) tick() {
	if in.bugs.degraded {
		in.tickDegraded()
	} else if at := in.world.Next(); at != 0 && at <= in.now {
		in.apply(graph.Event{Kind: graph.Tick})
	}
	in.upgrade.tick()
	in.critical.tick()
	in.dog.tick()
	in.booted.tick()
	if in.strayAt != 0 && in.strayAt <= in.now {
		in.lookForStrays()
	}
	if in.trimAt != 0 && in.trimAt <= in.now {
		in.trimAt, in.trim = 0, true
	}
	in.logs.Expire(in.now)
	in.server.tick()
	in.filer.tick()
	in.syslog.tick()
	in.end.tick()
	in.tickCgroups()
}

// arm sets the timer to the nearest deadline.
func (in *Init) arm() {
	at := in.bugs.until
	if !in.bugs.degraded {
		at = in.world.Next()
	}
	for _, d := range [...]graph.Instant{in.upgrade.until, in.logs.Deadline(), in.end.deadline, in.critical.deadline(), in.dog.next,
		in.booted.deadline(), in.trimAt, in.server.retryAt, in.filer.retry, in.syslog.retry, in.strayAt, in.cgroups.at} {
		if d != 0 && (at == 0 || d < at) {
			at = d
		}
	}
	if at != in.armed {
		in.armed = at
		in.timer.Arm(int64(at))
	}
	in.clocks.arm(at)
}

// lookAfterConsole polls the console only while it has to be waited for.
func (in *Init) lookAfterConsole() {
	in.logs.FlushConsole()
	fd, want := in.logs.ConsoleFD()
	if want == in.server.consolePolled {
		return
	}
	in.server.consolePolled = want
	if want {
		if in.poll.Add(fd, unix.EPOLLOUT, tokConsole) != nil {
			in.server.consolePolled = false
		}
		return
	}
	in.poll.Remove(fd)
}
