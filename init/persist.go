package pid1

import (
	"slices"
	"strconv"
	"strings"

	"mote/graph"
	"mote/proc"
)

// add takes FILE TEXT: units that are on no disk.
func (s *server) add(c *client, args []string) {
	if len(args) != 2 {
		s.fail(c, 2, "add: write add FILE TEXT")
		return
	}
	if s.ending(c) {
		return
	}
	if bad := s.in.addText(args[0], args[1], func(t string) { c.say("note", t) }); bad != "" {
		s.fail(c, 1, bad)
		return
	}
	s.ok(c)
}

// remove stops a unit that was added and forgets it.
func (s *server) remove(c *client, args []string) {
	ids, wait, ok := s.targets(c, "remove", args)
	if !ok {
		return
	}
	if len(ids) != 1 {
		s.fail(c, 2, "remove: one name at a time")
		return
	}
	if wait {
		c.wait = s.in.world.NewWait(graph.WaitStop, 0, ids)
	}
	bad, stays := s.in.removeText(ids[0])
	if bad != "" {
		c.wait = nil
		s.fail(c, 1, bad)
		return
	}
	if stays != "" {
		c.wait = nil
		c.say("note", stays)
	}
	if c.wait == nil {
		s.ok(c)
	}
}

// persist is the init's side of "add --persist" and "remove --persist". It never
// writes: the client does (ctl/persist.go).
func (s *server) persist(c *client, args []string) {
	switch {
	case len(args) < 2:
		s.fail(c, 2, "persist: write persist check FILE TEXT, add NAME, find NAME, or remove NAME")
	case args[0] == "find" || args[0] == "remove":
		s.persistRemove(c, args)
	case s.ending(c):
	case args[0] == "check" && len(args) == 3:
		path, name, bad := s.in.checkText(args[1], args[2], func(t string) { c.say("note", t) })
		s.persistAnswer(c, path, name, bad)
	case args[0] == "add":
		if bad := s.in.addFile(args[1], func(t string) { c.say("note", t) }); bad != "" {
			s.fail(c, 1, bad)
			return
		}
		s.ok(c)
	default:
		s.fail(c, 2, "persist: unknown word "+shown(args[0]))
	}
}

// persistAnswer gives the path of a unit's file as any process sees it.
func (s *server) persistAnswer(c *client, path, name, bad string) {
	if bad != "" {
		s.fail(c, 1, bad)
		return
	}
	if !strings.HasPrefix(path, "/") {
		cwd, _ := proc.Readlink("/proc/self/cwd")
		path = cwd + "/" + path
	}
	c.say("persist", path, name)
	s.ok(c)
}

// persistRemove takes find NAME, and remove NAME once the client has removed the
// file.
func (s *server) persistRemove(c *client, args []string) {
	ids, wait, ok := s.targets(c, "remove", args[1:])
	if !ok {
		return
	}
	name := s.in.name(ids[0])
	path, bad := s.in.ownFile(ids[0])
	switch {
	case bad != "" || args[0] == "find":
		s.persistAnswer(c, path, name, bad)
	case proc.Exists(path):
		s.fail(c, 1, name+": "+path+" is still there")
	default:
		if wait {
			c.wait = s.in.world.NewWait(graph.WaitStop, 0, ids[:1])
		}
		s.in.apply(graph.Event{Kind: graph.AskReload, Plan: []graph.Change{{Kind: graph.UnitRemoved, Name: name}}})
		if !wait {
			s.ok(c)
		}
	}
}

// userFolder is where units of class user are read from.
func (in *Init) userFolder() (path, refused string) {
	file := ""
	for _, r := range Roots(in.opt.Config, in.role == Machine) {
		switch {
		case r.Class != graph.User:
		case proc.IsDir(r.Path) || r.Path == servicesPath && !proc.Exists(r.Path): // the client makes that one
			return r.Path, ""
		default:
			file = r.Path
		}
	}
	return "", "the configuration is the file " + file + ", and --persist needs a folder: write the unit into the file and reload"
}

// unitFile is the path of a unit's own file.
func unitFile(folder, name string) string {
	return strings.TrimSuffix(folder, "/") + "/" + name + ".conf"
}

// checkText tells whether a text is one good unit, and where it is to be kept.
// A file that is there already is left out: it may hold that very text, of a
// client that came no further, and the client sees whether it does.
func (in *Init) checkText(file, text string, say func(string)) (path, name, refused string) {
	folder, refused := in.userFolder()
	if refused != "" {
		return "", "", refused
	}
	added := in.textOf(file, text)
	alone := graph.Load(&source{texts: []runText{added}}, []graph.Root{{Path: added.path, Class: graph.User}})
	for _, u := range alone.Units {
		switch {
		case name == "":
			name = u.Name
		case strings.IndexByte(u.Name, '@') < 0: // else it is an instance that the unit names
			return "", "", "nothing is added: --persist takes one unit a file, and there are " + name + " and " + u.Name + ": add them one by one"
		}
	}
	path = unitFile(folder, name)
	if refused = faultsOf(in.load(append(slices.Clone(in.texts), added), path), added.path, say); refused != "" {
		return "", "", refused
	}
	switch {
	case name == "":
		return "", "", "nothing is added: there is no unit in it"
	case name[0] == '.':
		return "", "", "nothing is added: a file " + name + ".conf is not read: name the unit otherwise"
	}
	return path, name, ""
}

// addFile takes a file that a client has written into the world, and no other
// unit that has changed on the disk.
func (in *Init) addFile(name string, say func(string)) (refused string) {
	folder, refused := in.userFolder()
	if refused != "" {
		return refused
	}
	path := unitFile(folder, name)
	conf := in.load(in.texts, "")
	if refused = faultsOf(conf, path, say); refused != "" {
		return refused
	}
	u := conf.Unit(name)
	if u == nil || u.Pos.File != path {
		return "nothing is added: the init does not see " + name + " in " + path
	}
	plan := in.planOf(conf, path)
	for i := range plan {
		say(plan[i].String())
	}
	in.adopt(conf, plan)
	return ""
}

// ownFile gives the file of a unit that "add --persist" has made, or one like it.
func (in *Init) ownFile(id graph.ID) (path, refused string) {
	folder, refused := in.userFolder()
	u := in.world.Unit(id)
	switch path = unitFile(folder, u.Name); {
	case strings.HasPrefix(u.Pos.File, runPrefix):
		return "", u.Name + ": it is in memory alone: remove it without --persist"
	case refused != "" || u.Pos.File != path:
		return "", u.Name + ": it is in " + u.Pos.String() + ", not in a file of its own: take it out there and reload"
	}
	for other := range in.world.Len() {
		if o := in.world.Unit(graph.ID(other)); graph.ID(other) != id && !in.world.Gone(graph.ID(other)) && o.Pos.File == path {
			return "", u.Name + ": " + path + " has " + o.Name + " too: take it out there and reload"
		}
	}
	return path, in.needed(id)
}

// faultsOf says what is wrong with a file.
func faultsOf(conf *graph.Config, path string, say func(string)) (refused string) {
	for i := range conf.Faults {
		if f := &conf.Faults[i]; f.Pos.File == path && !f.Warning {
			say(f.String())
			refused = "nothing is added: mend the file"
		}
	}
	return refused
}

// planOf gives the units of a file, and the instances they name, that are new.
func (in *Init) planOf(conf *graph.Config, path string) []graph.Change {
	var plan []graph.Change
	for _, c := range in.world.Plan(conf.Units, func(*graph.Unit) bool { return true }) {
		u := conf.Unit(c.Name)
		if c.Kind == graph.UnitAdded && u != nil && (u.Pos.File == path || strings.IndexByte(c.Name, '@') >= 0) {
			plan = append(plan, c)
		}
	}
	return plan
}

// textOf gives a text the name that faults show.
func (in *Init) textOf(file, text string) runText {
	base := file[strings.LastIndexByte(file, '/')+1:]
	if base == "-" || base == "" {
		base = "stdin"
	}
	return runText{path: runPrefix + strconv.Itoa(in.added) + "-" + base, text: text}
}
