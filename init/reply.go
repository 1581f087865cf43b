package pid1

import (
	"strconv"

	"mote/graph"
)

// reply is the rest of a long answer. It is made of plain values, so that it can
// go into a snapshot and the next image goes on with it. It holds at most a number
// for each word of the request and for each unit in its relations to one (why), or
// the lines of one unit (show).
type reply struct {
	kind   replyKind
	next   int           // the first that was not given yet
	ids    []graph.ID    // the units that were asked for, or those of why
	wants  int           // where in ids those begin that want it
	stop   int           // and those that a stop would take down
	faults []graph.Fault // as they were when they were asked for
	text   []string
}

// replyKind says what the rest is. Snapshots have the numbers: add at the end.
type replyKind uint8

const (
	replyNone     replyKind = iota
	replyEnd                // nothing but the end
	replyUnits              // all units
	replyTroubled           // units that are not well
	replyStatus             // units and their last lines
	replyLogs               // what the client's reader has
	replyFollow             // and what comes
	replyFaults
	replySystem // faults, then units that are not well
	replyWhy
	replyShow
)

// What a turn may give of one client's reply, and what a part of it takes of that:
// a page is 64 units, 256 log lines or 1,024 other lines.
const (
	replyBudget = 1024
	unitCost    = 16
	logCost     = 4
)

// goOn adds what has room to a long answer, within the turn's share, and ends it.
func (s *server) goOn(c *client) {
	for left := replyBudget; left > 0 && len(c.out) < outLow && c.reply.kind != replyNone; {
		left -= s.replyPart(c)
	}
}

// replyPart gives the next part of an answer and what it takes of the turn's share.
func (s *server) replyPart(c *client) (cost int) {
	r := &c.reply
	i := r.next
	r.next++
	switch r.kind {
	case replyUnits, replyTroubled:
		if id := graph.ID(i); i < s.in.world.Len() {
			if !s.in.world.Gone(id) && (r.kind == replyUnits || s.troubled(id)) {
				s.unitLine(c, id)
			}
			return unitCost
		}
	case replyStatus:
		if i < len(r.ids) {
			s.unitLine(c, r.ids[i])
			s.lastLines(c, r.ids[i], statusLines)
			return unitCost
		}
	case replyLogs, replyFollow:
		if st := s.logPart(c); st != LogDone {
			if st == LogBusy {
				return replyBudget
			}
			return logCost
		}
		if r.kind == replyFollow {
			c.idle = true
			return replyBudget
		}
		c.tail.Close()
		c.tail = nil
	default:
		if s.replyLine(c, i) {
			return 1
		}
		if r.kind == replySystem {
			*r = reply{kind: replyTroubled}
			return 1
		}
	}
	c.reply = reply{}
	s.ok(c)
	return 1
}

// replyLine gives line i of an answer whose lines are known since it was asked for,
// and reports whether there is one.
func (s *server) replyLine(c *client, i int) bool {
	r := &c.reply
	switch {
	case i < min(len(r.faults), maxFaultLines+1):
		s.faultLine(c, r.faults, i)
	case i < len(r.text):
		c.say("text", r.text[i])
	case r.kind != replyWhy || i >= len(r.ids):
		return false
	case i < r.wants:
		c.say("wanted-by", s.in.name(r.ids[i]), "requires")
	case i < r.stop:
		c.say("wanted-by", s.in.name(r.ids[i]), "wants")
	default:
		c.say("would-stop", s.in.name(r.ids[i]))
	}
	return true
}

func (s *server) troubled(id graph.ID) bool {
	switch s.in.world.State(id) {
	case graph.Failed, graph.Blocked, graph.Backoff:
		return true
	}
	return false
}

// maxFaultLines bounds how many faults a reply has.
const maxFaultLines = 500

// faultLine gives the one line of each fault, and for the first that is too many
// how many are left.
func (s *server) faultLine(c *client, all []graph.Fault, i int) {
	if i == maxFaultLines {
		c.say("fault", "", "0", strconv.Itoa(len(all)-i)+" more: see mote check")
		return
	}
	f, tag := &all[i], "fault"
	if f.Warning {
		tag = "warning"
	}
	c.say(tag, f.Pos.File, strconv.Itoa(f.Pos.Line), f.Text)
}
