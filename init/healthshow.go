package pid1

import "mote/graph"

// freshStart begins the account of a unit's checks anew: only what the last
// failure was is kept.
func (in *Init) freshStart(id graph.ID) {
	if h := in.units[id].health; h != nil {
		h.at, h.row = 0, 0
	}
}

// lastCheck gives what the log has to say behind the reason of a change.
func (in *Init) lastCheck(e *graph.Effect) string {
	switch e.Reason.Kind {
	case graph.ReasonHealth, graph.ReasonWatchdog:
		if e.Reason.Text != "" {
			return ": " + e.Reason.Text
		}
	case graph.ReasonTimeout:
		if h := in.units[e.Unit].health; h != nil && h.row > 0 {
			return ": health: " + h.text
		}
	}
	return ""
}

// unitHealth is what the checks of a unit have found; one that has none gives
// no key of it.
func (s *server) unitHealth(c *client, id graph.ID, u *graph.Unit, st *graph.Status) {
	if u.Duties().Health == nil {
		return
	}
	h := s.in.units[id].health
	known := h != nil && h.at > 0 && (st.State == graph.Running || st.State == graph.Starting)
	switch {
	case !known:
		c.put("health", "none")
	case h.row > 0:
		c.put("health", "failing")
	default:
		c.put("health", "ok")
	}
	if known {
		c.putInt("health_ms", int64(h.took)/1e6)
		c.putInt("health_age_ms", int64(s.in.now-h.at)/1e6)
		c.putInt("health_failures", int64(h.row))
	}
	if h != nil && h.failed > 0 {
		c.put("health_error", h.text)
		c.putInt("health_error_age_ms", int64(s.in.now-h.failed)/1e6)
	}
}

// whyUnhealthy says what a unit's last check has found, if that was not well.
func (s *server) whyUnhealthy(c *client, id graph.ID, st *graph.Status) {
	h := s.in.units[id].health
	if h == nil || h.row == 0 || st.State != graph.Running && st.State != graph.Starting {
		return
	}
	c.say("cause", "its health check failed "+spanText(int64(s.in.now-h.failed))+" ago: "+h.text)
}
