package pid1

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// Bounds of an upgrade's steps: no one of them keeps the loop waiting.
const (
	copyLimit  = graph.Instant(30 * time.Second) // a file on a slow mount is read
	checkLimit = graph.Instant(10 * time.Second) // the new program reads the state
	maxAnswer  = 4096                            // bytes that it may say
)

// CheckWord starts the program as the check of an upgrade (SPEC 9): the state is
// its descriptor 0. What it understands it answers with answerWord, the version
// and the digest, what it does not with refusalWord and the reason.
const (
	CheckWord   = "--check-state"
	answerWord  = "mote-state "
	refusalWord = "mote-state: "
)

// upgradeStage is how far an upgrade is.
type upgradeStage uint8

const (
	noUpgrade upgradeStage = iota
	copying                // a child copies the file into memory
	checking               // the new program reads the state
	agreed                 // it is executed at the end of this turn
)

// upgrade is the way to the next image (SPEC 9): a file is opened, run as a child
// that reads the very state, and only then executed in this process, by the same
// descriptor. Until then everything is as if nobody had asked.
type upgrade struct {
	in     *Init
	stage  upgradeStage
	path   string
	copy   *proc.ImageCopy // on its way; nil = the file itself is opened
	image  *proc.Image
	pid    int           // of the child; 0 = none
	child  *process      // that it is
	answer int           // the pipe with what it says; 0 = none
	sum    string        // digest of what it reads
	until  graph.Instant // when the stage is given up; 0 = never
}

// asked reports whether somebody has asked for the re-exec that is under way: then
// another program comes, and what broke this one counts no longer.
func (u *upgrade) asked() bool { return u.stage != noUpgrade }

// begin opens the file and has it checked. No path is that of the file that this
// program was started from, and where that is no program any more, what runs.
func (u *upgrade) begin(path string) error {
	in := u.in
	again := path == ""
	if u.stage != noUpgrade {
		return errors.New("another one is under way: wait for it")
	}
	if h := in.ending(); h.Kind != graph.HaltNone {
		return errors.New(h.Kind.String() + " is under way")
	}
	if again {
		path = proc.SelfPath()
	}
	if path[0] != '/' {
		return errors.New(cleaned(path) + " is no absolute path: write the whole path")
	}
	u.path = path
	var err error
	if proc.OnNetworkOrFuse(path) {
		err = u.fetch()
	} else {
		if u.image, err = proc.OpenImage(path); err != nil && again {
			in.logs.Say(MsgWarn, "upgrade: ", err.Error(), ": what runs is executed again")
			u.path = selfExe
			u.image, err = proc.OpenImage(selfExe)
		}
		if err == nil {
			err = u.check()
		}
	}
	if err != nil {
		u.clear()
		return err
	}
	return nil
}

// fetch has a child copy the file from where it may take for ever to come.
func (u *upgrade) fetch() error {
	c, err := proc.CopyImage(u.path)
	if err != nil {
		return err
	}
	u.copy = c
	u.await(&proc.Process{Pid: c.Pid, Result: -1}, copying, copyLimit)
	return nil
}

// await makes a child that of the stage. What is left of its group goes with it: a
// program that is not mote may do anything.
func (u *upgrade) await(child *proc.Process, stage upgradeStage, limit graph.Instant) {
	u.pid, u.child, u.stage, u.until = child.Pid, &process{helper: helpUpgrade, group: true}, stage, u.in.now+limit
	u.in.help(child, u.child)
}

// ended takes the end of that child.
func (u *upgrade) ended(p *process, ex proc.Exit) {
	if u.child != p {
		return
	}
	u.pid, u.child, u.until = 0, nil, 0
	if u.stage == checking {
		u.checked(p, ex)
		return
	}
	var err error
	if u.image, err = u.copy.Image(ex); err == nil {
		err = u.check()
	}
	if err != nil {
		u.refuse(err.Error())
	}
}

// check runs the file as a child that reads the state.
func (u *upgrade) check() error {
	in := u.in
	text, sum, _, err := in.sealState()
	if err != nil {
		return err
	}
	defer text.Close()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(pipe[1])
	u.answer, u.sum = pipe[0], sum
	unix.SetNonblock(u.answer, true)
	const place = firstFD
	spec := proc.NewSpec([]string{"/proc/self/fd/" + strconv.Itoa(place)}, []string{"mote", CheckWord}, []string{"GOMAXPROCS=1"})
	spec.Dir, spec.Stdin, spec.Out = "/", text.FD(), pipe[1]
	spec.Fds = []proc.FD{{From: u.image.FD(), To: place}}
	// It needs as much memory as this process: where there is not enough, it is the
	// one that the kernel ends (proc_pid_oom_score_adj(5)).
	if unix.Access("/proc/self/oom_score_adj", unix.W_OK) == nil {
		spec.Context = &proc.Context{OOMSet: true, OOM: 1000}
	}
	child, err := proc.Spawn(spec)
	if err != nil {
		return err
	}
	u.await(&child, checking, checkLimit)
	return nil
}

// checked takes the answer of the new program.
func (u *upgrade) checked(p *process, ex proc.Exit) {
	var buf [maxAnswer]byte
	n, _ := unix.Read(u.answer, buf[:])
	text := string(buf[:max(n, 0)])
	reason, its := strings.CutPrefix(text, refusalWord)
	switch {
	case p.fail != nil:
		u.refuse(u.name() + ": cannot be executed: " + p.fail.Error())
	case ex.Signal == 0 && ex.Code == 0 && text == answerWord+strconv.Itoa(state.Version)+" "+u.sum+"\n":
		u.stage = agreed
	case ex.Signal == 0 && ex.Code == 1 && its:
		u.refuse(cleaned(reason))
	case ex.Signal == int(unix.SIGKILL):
		u.refuse(u.name() + ": its check was ended by KILL: there may be too little memory for both: free some")
	default:
		u.refuse(u.name() + " is not mote, or does not understand this state: " + outcome(ex, text))
	}
}

// outcome says how a program ended that should have answered, and what it said.
func outcome(ex proc.Exit, text string) string {
	how := "it ended with exit code " + strconv.Itoa(ex.Code)
	if ex.Signal != 0 {
		how = "it was ended by " + graph.SignalName(ex.Signal)
	}
	if text = cleaned(text); text == "" {
		return how + " and said nothing"
	}
	return how + " and said " + strconv.Quote(text)
}

// cleaned is the beginning of what a program said, on one line.
func cleaned(text string) string {
	const most = 300
	more := ""
	if text = strings.TrimSpace(text); len(text) > most {
		text, more = text[:most], "..."
	}
	clean := func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return '?'
		}
		return r
	}
	return strings.Map(clean, strings.ToValidUTF8(text, "?")) + more
}

// tick gives up what takes too long, and at the beginning of the end. The child may
// hang in the kernel, and is not waited for.
func (u *upgrade) tick() {
	if u.stage == noUpgrade {
		return
	}
	// The check would be ended with all else, and be taken for one that has failed.
	if h := u.in.ending(); h.Kind != graph.HaltNone {
		u.refuse(h.Kind.String() + " is under way")
		return
	}
	if u.until == 0 || u.in.now < u.until {
		return
	}
	if u.stage == copying {
		u.refuse(u.name() + ": cannot be read in " + spanText(int64(copyLimit)))
		return
	}
	u.refuse(u.name() + ": its check gave no answer in " + spanText(int64(checkLimit)))
}

// refuse gives the upgrade up: all is as before.
func (u *upgrade) refuse(why string) {
	text := "upgrade: " + why + ": the old init goes on"
	u.in.logs.Say(MsgWarn, text)
	u.in.server.answerUpgrade(text, 1)
	u.in.again = true // after an exec that failed it is too late for this turn to write the answer
	u.clear()
}

// selfExe is the running program, whatever its file has become.
const selfExe = "/proc/self/exe"

// name is the file's for messages.
func (u *upgrade) name() string { return cleaned(u.path) }

// clear forgets it.
func (u *upgrade) clear() {
	if u.pid > 0 {
		killAll(u.pid)
		u.child.forget()
	}
	if u.copy != nil {
		u.copy.Close()
	}
	if u.answer > 0 {
		unix.Close(u.answer)
	}
	if u.image != nil {
		u.image.Close()
	}
	*u = upgrade{in: u.in}
}

// turn is the end of a turn: nothing is half done, and the next image goes on here.
func (u *upgrade) turn() {
	if u.stage != agreed {
		return
	}
	u.in.takeSignals()                     // what the runtime's queue has would be lost
	u.in.signaled, u.in.again = true, true // a CHLD was among them, maybe
	if h := u.in.ending(); h.Kind != graph.HaltNone {
		u.refuse(h.Kind.String() + " is under way")
		return
	}
	u.in.logs.Say(MsgDebug, "upgrade: ", u.name())
	u.refuse(u.in.execute(u.image, "upgrade").Error())
}

// renew executes this very program again, whatever its file has become: what a
// panic has left in memory is gone with it. It returns only if that cannot be.
func (u *upgrade) renew() {
	img, err := proc.OpenImage(selfExe)
	if err == nil {
		err = u.in.execute(img, "panic")
		img.Close()
	}
	u.in.logs.Say(MsgWarn, "cannot start over: ", err.Error(), ": this init goes on in place")
}

// sealState writes the state into a memory file, with its digest and the
// descriptors that go with it.
func (in *Init) sealState() (text *proc.Sealed, sum string, fds []int, err error) {
	if text, err = proc.NewSealed("mote-state"); err == nil {
		sum, fds, err = "", nil, errors.New("the state cannot be written: a bug")
		if in.guarded(func() { sum, fds, err = in.putState(text.Write) }) && err == nil {
			err = text.Seal()
		}
	}
	if err != nil {
		if text != nil {
			text.Close()
		}
		err = errors.New("memfd: " + err.Error())
	}
	return text, sum, fds, err
}

// stateVar tells an image which descriptor has the state of the one before.
const stateVar = "MOTE_STATE"

// execute executes a program in this process, which goes on with the whole state: a
// re-exec, and what it is for. It returns only with the reason why it cannot be, and
// with everything as it was.
func (in *Init) execute(img *proc.Image, what string) error {
	if u := &in.upgrade; u.asked() && what != "upgrade" {
		u.refuse("this init has to go on as another image: ask again")
	}
	before := in.reexecs
	in.reexecs = reexecs{before.Count + 1, what, in.now}
	text, _, fds, err := in.sealState()
	in.reexecs = before
	if err != nil {
		return err
	}
	defer text.Close()
	if what != "upgrade" { // no child has tried it: a state that a bug has spoiled would be lost
		if _, err := sealedState(text.FD()); err != nil {
			return err
		}
	}
	return proc.Reexec(img, proc.Args(), stateEnviron(text.FD()), append(fds, text.FD()))
}

// stateEnviron is the environment of an image that finds the state in a descriptor.
func stateEnviron(fd int) []string {
	env := make([]string, 0, 64)
	for _, kv := range proc.Environ() {
		if !strings.HasPrefix(kv, stateVar+"=") {
			env = append(env, kv)
		}
	}
	return append(env, stateVar+"="+strconv.Itoa(fd))
}

// upgradeTo is the verb "upgrade [PATH]". Its answer comes from the next image.
func (s *server) upgradeTo(c *client, args []string) {
	path := ""
	switch {
	case len(args) > 1:
		s.fail(c, 2, "upgrade: write upgrade [PATH]")
		return
	case len(args) == 1:
		path = args[0]
	}
	if err := s.in.upgrade.begin(path); err != nil {
		s.fail(c, 1, "upgrade: "+err.Error()+": the old init goes on")
		return
	}
	c.upgrade = true
}
