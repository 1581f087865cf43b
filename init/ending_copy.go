package pid1

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// selfLimit is how long the copy of the program may take. It is mostly in the page
// cache: the disk that it lies on may hang all the same.
const selfLimit = graph.Instant(5 * time.Second)

// copySelf has the program copied into memory, to go on from there (SPEC 8): a
// filesystem on which a deleted file is in use cannot become read-only (Linux,
// fs/namespace.c, sb_prepare_remount_readonly). It is done when the units are down,
// since a child of before would have been ended with what was left of them, and the
// file can be deleted until then.
func (e *ending) copySelf() {
	copied, err := proc.CopyImage("/proc/self/exe")
	if err != nil {
		e.stay(err)
		return
	}
	e.stage, e.copy, e.deadline = copySelf, copied, e.in.now+selfLimit
	e.take(copied.Pid, helpStep)
}

// turn executes the copy at the end of a turn, when it is there or its time is up:
// the next image goes on with the disks.
func (e *ending) turn() {
	in := e.in
	if e.stage != copySelf || e.child != nil && in.now < e.deadline {
		return
	}
	err := e.copyErr
	if e.child != nil {
		err = errors.New("no answer in " + spanText(int64(selfLimit)))
		proc.Kill(e.copy.Pid, int(unix.SIGKILL))
		e.child.forget()
		e.child = nil
	}
	e.stage, e.deadline = lastSteps, in.now
	if err == nil {
		in.logs.Say(MsgInfo, "the file of this program was deleted: it goes on from memory, for its disk to become read-only")
		err = in.execute(e.image, "end")
		e.image.Close()
	}
	e.copy.Close()
	e.copy, e.image, e.copyErr = nil, nil, nil
	e.stay(err)
}

// stay goes on with the disks in this image.
func (e *ending) stay(err error) {
	e.in.logs.Say(MsgWarn, "the file of this program was deleted, and it cannot go on from memory: ", err.Error(),
		": the disk that it was on may not become read-only")
	e.next()
}
