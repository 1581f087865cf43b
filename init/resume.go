package pid1

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
	"mote/state"
)

// inheritState gives what the image before has left: its state; with it, or where it
// cannot be read, what of it can; and what is wrong. Anybody can set a variable (a
// kernel hands its init what stands on its command line): it is believed only of a
// file that nobody can change any more.
func inheritState() (s *saved, old *state.Snapshot, why string) {
	word, there := unix.Getenv(stateVar)
	fd, err := strconv.Atoi(word)
	if !there || err != nil || fd <= 2 {
		return nil, nil, ""
	}
	text, err := proc.ReadSealed(fd, state.MaxBytes)
	if err != nil {
		return nil, nil, stateVar + ": " + err.Error() + ": a new start"
	}
	unix.Close(fd)
	s, err = tryState(text)
	if err != nil {
		return nil, state.Salvage(text), "the state cannot be read: " + err.Error() + ": a new start"
	}
	if err = s.whose(unix.Getpid()); err != nil {
		if old = s.snap; s.Pid != unix.Getpid() {
			old = nil
		} // else the processes that it names may be there, and are looked for
		return nil, old, stateVar + ": " + err.Error() + ": a new start"
	}
	s.text = text
	return s, s.snap, ""
}

// tryState is readState, whose own faults are faults of the state.
func tryState(text string) (s *saved, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			s, err = nil, errors.New("it cannot be read: a bug")
		}
	}()
	return readState(text)
}

// sealedState reads the state in a memory file.
func sealedState(fd int) (*saved, error) {
	text, err := proc.ReadSealed(fd, state.MaxBytes)
	if err != nil {
		return nil, err
	}
	return tryState(text)
}

// whose says why the state is not that of the process pid: of another boot, or of
// a process that had the number before.
func (h *savedHead) whose(pid int) error {
	tick, _ := proc.StartTick(pid)
	boot, _ := proc.BootID()
	switch {
	case h.Pid != pid:
		return errors.New("it is the state of pid " + strconv.Itoa(h.Pid) + ", not of " + strconv.Itoa(pid))
	case h.Boot != boot:
		return errors.New("it is the state of another boot")
	case h.Role == Machine && pid != 1:
		return errors.New("it is the state of a machine's init, which is pid 1")
	case h.Tick != tick:
		return errors.New("it is the state of an earlier process with this pid")
	}
	return nil
}

// CheckState is "mote --check-state": it reads the state of its parent and says
// whether this program can go on with it. It gives the exit status.
func CheckState() int {
	s, err := sealedState(0)
	if err == nil {
		err = s.whose(unix.Getppid())
	}
	if err != nil {
		unix.Write(1, []byte(refusalWord+err.Error()+"\n"))
		return 1
	}
	unix.Write(1, []byte(answerWord+strconv.Itoa(s.snap.Version)+" "+s.snap.Sum+"\n"))
	return 0
}

// resume goes on where the image before has stopped: each part takes over what is its
// own. Nothing of the boot is done again. Afterwards there is no world if there is none
// to go on with.
func (in *Init) resume(s *saved) {
	for i := range savedParts {
		p := &savedParts[i]
		if p.attach != nil && !in.guarded(func() {
			if injecting {
				in.inject("attach", p.kinds[0].name, graph.None)
			}
			p.attach(in, s)
		}) {
			in.anew(s)
		}
		if i > 0 && in.world == nil { // the first two parts are what all others need
			return
		}
	}
	in.work, in.busy, s.text = work{}, false, "" // of a part that has panicked
	for id := len(in.units); id < in.world.Len(); id++ {
		in.openUnit(graph.ID(id))
	}
	if closed := proc.CloseInherited(s.has); len(closed) > 0 {
		in.logs.Say(MsgWarn, "re-exec: ", numbers(closed), ": nobody has taken them over: closed")
	}
	if u := s.snap.Unknown; len(u) > 0 {
		in.logs.Say(MsgWarn, "re-exec: ", s.snap.Release, " knew what ", Version, " does not, and it is lost: ", strings.Join(u, ", "))
	}
	in.signaled, in.again = true, true
	if !in.guarded(in.drain) {
		in.guarded(in.mend)
	}
	in.clock()
	text := "re-executed: " + s.snap.Release + " -> " + Version + ", " + strconv.Itoa(in.world.Len()) + " units, " + spanText(int64(in.now-s.At))
	in.logs.Say(MsgInfo, text)
	in.server.answerUpgrade(text[len("re-executed: "):], 0)
}

// anew is for a part that has panicked: units without processes, say, are no state to
// go on with. Another image of this program salvages what it finds, in memory that is
// whole. It returns only if that cannot be: then the other parts go on.
func (in *Init) anew(s *saved) {
	img, err := proc.OpenImage(selfExe)
	var text *proc.Sealed
	if err == nil {
		text, err = proc.NewSealed("mote-state")
	}
	if err == nil {
		err = text.Write([]byte(s.text[:strings.LastIndexByte(s.text[:len(s.text)-1], '\n')+1])) // without its end it is salvaged
	}
	if err == nil {
		if err = text.Seal(); err == nil {
			err = proc.Reexec(img, proc.Args(), stateEnviron(text.FD()), append(s.all(), text.FD()))
		}
	}
	if img != nil {
		img.Close()
	}
	if text != nil {
		text.Close()
	}
	in.logs.Say(MsgWarn, "cannot start anew: ", err.Error(), ": this init goes on without a part of its state")
}

// numbers lists descriptors.
func numbers(fds []int) string {
	text := "descriptors"
	for i, fd := range fds {
		if i == 20 {
			return text + " ..."
		}
		text += " " + strconv.Itoa(fd)
	}
	return text
}
