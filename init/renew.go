package pid1

import "mote/graph"

// renew has a service read its own configuration again. What is refused is
// told at once, and to those who do not wait too.
func (s *server) renew(c *client, name string, wait bool) {
	id, ok := s.find(c, name, false)
	if !ok {
		return
	}
	c.wait = s.in.world.NewWait(graph.WaitRenew, 0, []graph.ID{id})
	s.in.apply(graph.Event{Kind: graph.AskRenew, Unit: id})
	if c.wait != nil && !wait {
		c.wait = nil
		s.ok(c)
	}
}

// renewed tells of the end of "reload NAME".
func (in *Init) renewed(e *graph.Effect) {
	level, what := MsgInfo, "reloaded"
	if e.Text != "" {
		level, what = MsgWarn, "reload failed: "+e.Text
	}
	in.logs.Say(level, in.name(e.Unit), ": ", what)
}
