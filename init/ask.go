package pid1

import (
	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// ask writes a unit's question to its terminal (SPEC 4, askfirst). A terminal
// that cannot be asked on is told of once, and tried again when the world says.
func (in *Init) ask(id graph.ID) {
	in.unask(id)
	u := in.world.Unit(id)
	a, err := proc.Ask(u.Tty, u.Question())
	if err == nil {
		if err = in.poll.Add(a.FD(), unix.EPOLLIN, tokAsk|uint64(id)); err != nil {
			a.Close()
		}
	}
	if err != nil {
		in.noAsking(id, err)
		return
	}
	delete(in.mute, id)
	in.asks[id] = a
}

// unask gives a terminal back.
func (in *Init) unask(id graph.ID) {
	if a := in.asks[id]; a != nil {
		in.poll.Remove(a.FD())
		a.Close()
		delete(in.asks, id)
	}
}

// noAsking tells the world why the terminal cannot be asked on, and the log
// when that is news.
func (in *Init) noAsking(id graph.ID, err error) {
	u := in.world.Unit(id)
	text := err.Error()
	if f, ok := err.(*proc.Failure); ok {
		text = f.Stage.String() + " " + unix.ErrnoName(f.Errno) + ": " + u.Tty + ": " + f.Errno.Error()
	}
	if in.mute[id] != text {
		in.mute[id] = text
		in.logs.Say(MsgWarn, u.Name, ": askfirst: ", text, ": tried again until it goes")
	}
	in.apply(graph.Event{Kind: graph.NoAsking, Unit: id, Text: text})
}

// readKey takes the answer. The terminal is given back before the process that
// gets it is started.
func (in *Init) readKey(id graph.ID) {
	a := in.asks[id]
	if a == nil {
		return
	}
	pressed, err := a.Pressed()
	if !pressed && err == nil {
		return
	}
	in.unask(id)
	if err != nil {
		in.noAsking(id, err)
		return
	}
	in.apply(graph.Event{Kind: graph.KeyPress, Unit: id})
}
