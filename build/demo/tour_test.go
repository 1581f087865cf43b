package main

import (
	"strings"
	"testing"
)

// TestOrdered holds the check of the shutdown's order to three stories.
func TestOrdered(t *testing.T) {
	tests := []struct{ name, events, want string }{
		{"in order", "online.inactive web.stopping db.stopping web.inactive db.inactive syslogd.stopping syslogd.inactive", ""},
		{"web late", "online.inactive web.stopping db.inactive syslogd.stopping web.inactive syslogd.inactive",
			"web should be down before syslogd stops: the events say otherwise"},
		{"nothing seen", "", "online should be down before web stops: the events say otherwise"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var all []change
			for _, e := range strings.Fields(tt.events) {
				name, to, _ := strings.Cut(e, ".")
				all = append(all, change{name: name, to: to})
			}
			got := ""
			if err := ordered(all); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestStates names every unit that is not as it should be.
func TestStates(t *testing.T) {
	units := map[string]unit{}
	for name, state := range wantStates {
		units[name] = unit{Name: name, State: state}
	}
	if err := states(units); err != nil {
		t.Errorf("all as wanted: %v", err)
	}
	units["web"] = unit{Name: "web", State: "backoff"}
	if err := states(units); err == nil || err.Error() != `web is "backoff": it should be running` {
		t.Errorf("web in backoff: got %v", err)
	}
}
