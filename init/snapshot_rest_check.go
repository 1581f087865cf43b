package pid1

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"mote/graph"
)

// saveFar is more than any deadline of these parts lies ahead.
const saveFar = graph.Instant(time.Hour)

// checkRest refuses what no init can have written.
func checkRest(s *saved) error {
	for _, what := range [...]struct {
		kind  string
		wrong string
	}{
		{"env", wrongEnv(s.env)},
		{"text", wrongTexts(s.texts)},
		{"self", s.self.wrong()},
		{"end", s.end.wrong(s)},
		{"critical", s.critical.wrong(s)},
		{"boot-check", s.booted.wrong(s)},
		{"watchdog", s.dog.wrong(s)},
	} {
		if what.wrong != "" {
			return errors.New("snapshot: " + what.kind + ": " + what.wrong)
		}
	}
	return nil
}

// wrongTime says that a deadline lies before the boot, or further ahead than any.
// One that has passed is due.
func (s *saved) wrongTime(list ...graph.Instant) string {
	for _, at := range list {
		if at < 0 || at > s.At+saveFar {
			return "its deadline " + strconv.FormatInt(int64(at), 10) + " is none: it was written at " + strconv.FormatInt(int64(s.At), 10)
		}
	}
	return ""
}

func wrongEnv(list []string) string {
	for _, kv := range list {
		if strings.IndexByte(kv, 0) >= 0 || len(inherited([]string{kv})) == 0 {
			return strconv.QuoteToASCII(kv[:min(len(kv), 80)]) + " is no variable that units get"
		}
	}
	return ""
}

func wrongTexts(texts []runText) string {
	size := 0
	for i, t := range texts {
		size += len(t.text)
		if !strings.HasPrefix(t.path, runPrefix) || slices.ContainsFunc(texts[:i], func(o runText) bool { return o.path == t.path }) {
			return strconv.QuoteToASCII(t.path[:min(len(t.path), 80)]) + " is no name of units that were added, or there twice"
		}
		if i >= maxTexts || size > maxTextBytes {
			return "more than " + strconv.Itoa(maxTexts) + " files of " + strconv.Itoa(maxTextBytes) + " bytes together"
		}
	}
	return ""
}

func (s *savedSelf) wrong() string {
	if r := &s.Reexecs; s.Added < 0 || r.Count < 0 || r.At < 0 || r.Last != "" && !slices.Contains(reexecWords[:], r.Last) {
		return "its count or its last re-exec cannot be"
	}
	return ""
}

func (e *ending) wrong(s *saved) string {
	machine := e.stage > killLeft
	switch {
	case e.stage == notEnding && e.steps == nil:
		return ""
	case e.stage == notEnding || e.stage > over || e.halt.Kind == graph.HaltNone || e.halt.Kind > graph.HaltHalt || machine && s.Role != Machine:
		return "there is no such end"
	case e.stage != over && e.deadline == 0:
		return "it would never go on"
	}
	if wrong := e.steps.Wrong(); wrong != "" {
		return wrong
	}
	return s.wrongTime(e.deadline, e.until, graph.Instant(e.steps.Deadline))
}

func (c *critical) wrong(s *saved) string {
	if c.unit < 0 || int(c.unit) >= s.world.Len() && c.dueAt|c.until != 0 {
		return "there is no unit " + strconv.Itoa(int(c.unit))
	}
	return s.wrongTime(c.dueAt, c.goodAt, c.until)
}

func (b *bootCheck) wrong(s *saved) string {
	switch {
	case b.name != "" && b.name != goodName && b.name != badName:
		return "its command is neither " + goodName + " nor " + badName
	case b.until != 0 && b.pid <= 1 || len(b.text) > bootCommandBytes || b.taken < 0 || b.taken > bootCommandBytes:
		return "its process, or what it has printed, cannot be"
	}
	if wrong := s.wrongFD(b.out); wrong != "" {
		return wrong
	}
	return s.wrongTime(b.check.Limit, b.check.Since, b.until)
}

func (d *watchdog) wrong(s *saved) string {
	fd := s.device.FD
	if d.path == "" {
		return ""
	}
	if _, _, wrong := graph.ParseWatchdog([]string{d.path}); wrong != "" {
		return wrong
	}
	if d.limit < 0 || d.limit > time.Duration(saveFar) || d.wait < 0 || d.wait > dogMost ||
		fd != 0 && (s.device.Seconds <= 0 || s.device.Seconds > maxDogSeconds) {
		return "its times cannot be"
	}
	if wrong := s.wrongFD(fd); wrong != "" {
		return wrong
	}
	at := d.next
	if at > 0 { // a driver's time can be days
		at = max(at-graph.Instant(s.device.Seconds)*graph.Instant(time.Second), 0)
	}
	return s.wrongTime(at)
}
