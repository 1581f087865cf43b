package graph

import (
	"fmt"
	"testing"
	"time"
)

// memSource is a configuration that is only in memory.
type memSource map[string]string

func (m memSource) Files(path string) ([]string, error) {
	if _, ok := m[path]; !ok {
		return nil, ErrMissing
	}
	return []string{path}, nil
}

func (m memSource) Glob(string) ([]string, error) { return nil, nil }

func (m memSource) Read(path string) ([]byte, error) {
	s, ok := m[path]
	if !ok {
		return nil, ErrMissing
	}
	return []byte(s), nil
}

// loadText reads a configuration from a string.
func loadText(text string) *Config {
	return Load(memSource{"t.conf": text}, []Root{{Path: "t.conf"}})
}

// mustWorld makes a world of a configuration without faults.
func mustWorld(t testing.TB, text string) *World {
	t.Helper()
	c := loadText(text)
	for _, f := range c.Faults {
		t.Errorf("%s", f)
	}
	return NewWorld(c.Units)
}

func mustFind(t testing.TB, w *World, name string) ID {
	t.Helper()
	id, ok := w.Find(name)
	if !ok {
		t.Fatalf("no unit %q", name)
	}
	return id
}

// epoch is where the tests' clock begins: 0 means "never".
const epoch = Instant(time.Second)

// effectText gives an effect in the words of the golden files; empty for those
// that are of no interest there.
func effectText(w *World, e *Effect) string {
	name := w.name(e.Unit)
	switch e.Kind {
	case Spawn:
		t := name + ": spawn " + e.Role.String()
		if e.Role == RolePre || e.Role == RolePost {
			t += " " + itoa(int(e.Step))
		}
		if e.Role == RolePost {
			t += fmt.Sprintf(" (MOTE_RESULT=%s MOTE_CODE=%d)", e.Result, e.Code)
		}
		return t
	case Check:
		return name + ": look at its if lines"
	case Kill:
		t := name + ": " + SignalName(int(e.Sig))
		if e.Group {
			t += " to its group"
		}
		if e.All {
			t += " and cgroup"
		}
		return t
	case Changed:
		t := name + ": " + e.From.String() + " -> " + e.To.String()
		if r := w.ReasonText(e.Reason); r != "" {
			t += " (" + r + ")"
		}
		return t
	case Also:
		return name + ": stops too"
	case StuckAt:
		return name + ": does not end after KILL"
	case Escalate:
		return name + ": critical " + [...]string{"", "shell", "reboot", "poweroff"}[e.Critical]
	case End:
		return fmt.Sprintf("end: %s, code %d", e.Halt.Kind, e.Halt.Code)
	case Trouble:
		return name + ": " + e.Text
	}
	switch e.Kind {
	case Joined:
		return w.name(e.Unit) + ": joined"
	case Replaced:
		return w.name(e.Unit) + ": has its new form"
	case Left:
		return e.Text + ": left"
	case Ask:
		return w.name(e.Unit) + ": asks"
	case Unask:
		return w.name(e.Unit) + ": asks no more"
	}
	return name + ": " + watchText(e)
}

func watchText(e *Effect) string {
	switch e.Kind {
	case Open:
		return "its sockets are open"
	case Unopen:
		return "no connection is waited for"
	case Probe:
		return "health check"
	case Look:
		return "look whether it is ready"
	case Unprobe:
		return "give the check up" + withReason(e.Text)
	case Adopt:
		return "its main process is " + itoa(int(e.Pid))
	case Strew:
		return "KILL to what its first process left"
	case Count:
		return "is it used?"
	case Renewed:
		if e.Text != "" {
			return "not reloaded: " + e.Text
		}
		return "reloaded"
	}
	return "unknown effect"
}

// span gives a time since the epoch for the golden files.
func span(at Instant) string { return time.Duration(at - epoch).String() }
