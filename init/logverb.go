package pid1

import (
	"slices"
	"strconv"

	"mote/graph"
)

// statusLines is how many log lines a unit's status ends with.
const statusLines = 10

// lastLines sends the newest lines of one unit's ring.
func (s *server) lastLines(c *client, id graph.ID, n int) {
	l := s.in.units[id].log
	if d := l.Dropped(); d > 0 {
		c.say("dropped", l.Name(), strconv.FormatUint(d, 10))
	}
	if l.ring.count == 0 {
		return
	}
	r := s.in.logs.NewReader([]*UnitLog{l}, n, false)
	defer r.Close()
	for {
		item, st := r.Next()
		switch st {
		case LogLine:
			s.logItem(c, &item)
		case LogDone:
			return
		}
	}
}

func (s *server) logItem(c *client, it *LogItem) {
	name := ""
	if it.Log != nil {
		name = it.Log.Name()
	}
	if it.HasLine {
		c.say("log", name, strconv.FormatInt(it.WallNs/1e6, 10), string(it.Text))
		return
	}
	c.say("dropped", name, strconv.FormatUint(it.Lost, 10))
}

// maxElsewhere bounds of how many units logs says where else their lines are.
const maxElsewhere = 16

// logs sends lines, oldest first; with -f it goes on as they come.
func (s *server) logs(c *client, args []string) {
	follow, n := false, -1
	var logs []*UnitLog
	seen := make([]bool, s.in.world.Len())
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-f":
			follow = true
		case "-n":
			if i++; i == len(args) {
				s.fail(c, 2, "logs: -n needs a number of lines: write -n 10")
				return
			}
			v, err := strconv.Atoi(args[i])
			if err != nil || v < 0 {
				s.fail(c, 2, "logs: -n "+shown(args[i])+" is not a number of lines: write -n 10")
				return
			}
			n = v
		case OwnLogName:
			if !slices.Contains(logs, s.in.logs.Own()) {
				logs = append(logs, s.in.logs.Own())
			}
		default:
			id, ok := s.find(c, args[i], false)
			if !ok {
				return
			}
			if !seen[id] { // a name that is written twice is read once
				seen[id] = true
				logs = append(logs, s.in.units[id].log)
			}
		}
	}
	for _, l := range logs {
		if d := l.Dropped(); d > 0 {
			c.say("dropped", l.Name(), strconv.FormatUint(d, 10))
		}
	}
	for _, l := range logs[:min(len(logs), maxElsewhere)] {
		text := l.Elsewhere()
		if text == "" && !l.HasRing() {
			text = "no ring is kept"
		}
		if text != "" {
			c.say("warn", l.Name()+": "+text)
		}
	}
	c.tail = s.in.logs.NewReader(logs, n, follow)
	if c.reply.kind = replyLogs; follow {
		c.reply.kind = replyFollow
	}
}

// logPart sends what the reader has next.
func (s *server) logPart(c *client) LogStatus {
	item, st := c.tail.Next()
	if st == LogLine {
		s.logItem(c, &item)
	}
	return st
}
