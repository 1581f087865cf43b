package pid1

import (
	"slices"
	"strconv"
	"strings"

	"mote/graph"
	"mote/proc"
)

// runPrefix begins the file names of units that were added at run time.
const runPrefix = "(run-time)/"

// Bounds of what is kept of "add".
const (
	maxTexts     = 256
	maxTextBytes = 1 << 20 // all together
)

// runText is one "add": its units are read again with each reload.
type runText struct {
	path string // runPrefix and a name
	text string
}

// source is the disk, and what was added at run time.
type source struct {
	disk  proc.Files
	texts []runText
	less  string // a file that is left out
}

// Files gives the files that a root stands for.
func (s *source) Files(path string) ([]string, error) {
	if strings.HasPrefix(path, runPrefix) {
		return []string{path}, nil
	}
	files, err := s.disk.Files(path)
	for i := range files {
		if files[i] == s.less {
			return append(files[:i], files[i+1:]...), err
		}
	}
	return files, err
}

// Glob gives what an include pattern stands for.
func (s *source) Glob(pattern string) ([]string, error) { return s.disk.Glob(pattern) }

// Read gives a whole file.
func (s *source) Read(path string) ([]byte, error) {
	for i := range s.texts {
		if s.texts[i].path == path {
			return []byte(s.texts[i].text), nil
		}
	}
	return s.disk.Read(path)
}

// load reads the configuration less one file, and the given texts beside it.
func (in *Init) load(texts []runText, less string) *graph.Config {
	if injecting {
		in.inject("load", "", graph.None)
	}
	roots := Roots(in.opt.Config, in.role == Machine)
	for i := range texts {
		roots = append(roots, graph.Root{Path: texts[i].path, Class: graph.User})
	}
	conf := graph.Load(&source{texts: texts, less: less}, roots)
	in.settleMain(conf)
	return conf
}

// settleMain gives the configuration the main unit that the role asks for.
func (in *Init) settleMain(conf *graph.Config) {
	switch {
	case in.role == Machine:
		conf.SetMain("") // a machine has none, and its unit restarts as any
	case in.opt.Main != "":
		conf.SetMain(in.opt.Main)
	}
}

// reread loads the configuration again and plans what to do. Instances that
// were made at run time are made again from the new templates.
func (in *Init) reread() (*graph.Config, []graph.Change) {
	conf := in.load(in.texts, "")
	for id := 0; id < in.world.Len(); id++ {
		if in.world.Gone(graph.ID(id)) {
			continue
		}
		if name := in.name(graph.ID(id)); strings.IndexByte(name, '@') > 0 && conf.Unit(name) == nil {
			conf.Instantiate(name)
		}
	}
	plan := in.world.Plan(conf.Units, func(u *graph.Unit) bool { return u.Class == graph.System })
	return conf, plan
}

// reload reads the configuration again (SPEC 6, 7). say gets each line of what
// is, or would be, done; a fault changes nothing without force, and a dry run
// is refused then as the reload would be.
func (in *Init) reload(dry, force bool, say func(string)) (refused string) {
	conf, plan := in.reread()
	faults := 0
	for i := range conf.Faults {
		if !conf.Faults[i].Warning {
			faults++
			say(conf.Faults[i].String())
		}
	}
	refused = faultyText(faults, force)
	if refused != "" && !dry {
		return "nothing is changed: " + refused
	}
	for i := range plan {
		say(plan[i].String())
	}
	changed := in.optionsChanged(conf, say)
	if len(plan) == 0 && !changed {
		say("nothing has changed")
	}
	switch {
	case !dry:
		in.adopt(conf, plan)
	case refused != "":
		return "a reload would change nothing: " + refused
	}
	return ""
}

// faultyText says why a configuration with faults is not taken; "" is that it is.
func faultyText(faults int, force bool) string {
	switch {
	case faults == 0 || force:
		return ""
	case faults == 1:
		return "the configuration has 1 fault: mend it, or use --force"
	}
	return "the configuration has " + strconv.Itoa(faults) + " faults: mend it, or use --force"
}

// optionsChanged says what is another than before of the options.
func (in *Init) optionsChanged(conf *graph.Config, say func(string)) bool {
	names := conf.Options.Changed(&in.conf.Options)
	for _, name := range names {
		say("option " + name + ": changed")
	}
	return len(names) > 0
}

// adopt makes a configuration the one in force.
func (in *Init) adopt(conf *graph.Config, plan []graph.Change) {
	old := in.conf.Options
	in.conf = conf
	in.setOptions()
	if conf.Options != old {
		in.server.permitAgain()
	}
	in.syslog.listen(conf.Options.Syslog)
	in.clocks.zone = nil // its file may be another, too
	in.readClocks(true)
	in.apply(graph.Event{Kind: graph.AskReload, Plan: plan})
	if conf.Options.Rescue != old.Rescue {
		in.rescueAgain()
	}
	in.findTimed()
}

// setOptions gives the world the deadline of a shutdown: the option's, or the
// role's (SPEC 8), the logs their bound, and the machine its watchdog.
func (in *Init) setOptions() {
	in.logs.SetMemory(in.conf.Options.LogMemory)
	in.dog.option(in.conf.Options.WatchdogDevice, in.conf.Options.WatchdogTime)
	timeout := in.conf.Options.ShutdownTimeout
	if timeout == 0 {
		timeout = otherTimeout
		if in.role == Machine {
			timeout = machineTimeout
		}
	}
	in.world.ShutdownTimeout = timeout
}

// addText takes units into the world that are on no disk. Names that exist
// already are faults: the first stays in force (SPEC F8).
func (in *Init) addText(name, text string, say func(string)) (refused string) {
	size := len(text)
	for i := range in.texts {
		size += len(in.texts[i].text)
	}
	if len(in.texts) >= maxTexts || size > maxTextBytes {
		return "no room for more: at most " + strconv.Itoa(maxTexts) + " files of " + strconv.Itoa(maxTextBytes) +
			" bytes together can be added: put them into the configuration"
	}
	in.added++
	added := in.textOf(name, text)
	texts := append(slices.Clone(in.texts), added)
	conf := in.load(texts, "")
	if refused = faultsOf(conf, added.path, say); refused != "" {
		return refused
	}
	plan := in.planOf(conf, added.path)
	if len(plan) == 0 {
		return "nothing is added: there is no unit in it"
	}
	for i := range plan {
		say(plan[i].String())
	}
	in.texts = texts
	in.adopt(conf, plan)
	return ""
}

// removeText takes a unit away that was added at run time. What is left of its
// file is kept as the units that are in force. Where a file of the configuration
// has a unit of the same name by now, that one stays.
func (in *Init) removeText(id graph.ID) (refused, stays string) {
	u := in.world.Unit(id)
	if to := in.conf.Unit(u.Name); to != nil { // the old one may still be stopping
		u = to
	}
	path := u.Pos.File
	hidden := in.hidden(u.Name)
	if hidden >= 0 {
		path = in.conf.Faults[hidden].Pos.File
	}
	i := slices.IndexFunc(in.texts, func(t runText) bool { return t.path == path })
	if i < 0 {
		return u.Name + ": it is in " + u.Pos.String() + ": take it out there and reload", ""
	}
	if refused = in.needed(id); hidden < 0 && refused != "" {
		return refused, ""
	}
	var rest []string
	for other := 0; other < in.world.Len(); other++ {
		o := in.world.Unit(graph.ID(other))
		if graph.ID(other) != id && !in.world.Gone(graph.ID(other)) && o.Pos.File == path {
			rest = append(rest, graph.Show(o)...)
		}
	}
	in.texts = slices.Clone(in.texts)
	if in.texts[i].text = strings.Join(rest, "\n"); len(rest) == 0 {
		in.texts = append(in.texts[:i], in.texts[i+1:]...)
	}
	if hidden >= 0 {
		in.conf.Faults = append(in.conf.Faults[:hidden], in.conf.Faults[hidden+1:]...)
		return "", u.Name + ": that of " + u.Pos.String() + " stays"
	}
	in.apply(graph.Event{Kind: graph.AskReload, Plan: []graph.Change{{Kind: graph.UnitRemoved, Name: u.Name}}})
	return "", ""
}

// hidden finds the fault of a unit added at run time whose name a file has taken;
// -1 is none.
func (in *Init) hidden(name string) int {
	for i := range in.conf.Faults {
		f := &in.conf.Faults[i]
		if strings.HasPrefix(f.Pos.File, runPrefix) && strings.HasPrefix(f.Text, `"`+name+`" is `) {
			return i
		}
	}
	return -1
}

// needed says who keeps a unit from being taken away: what requires it could
// never start again.
func (in *Init) needed(id graph.ID) (refused string) {
	name := in.name(id)
	for other := range in.world.Len() {
		o := in.world.Unit(graph.ID(other))
		if graph.ID(other) == id || o.Fault != "" || in.world.Gone(graph.ID(other)) {
			continue
		}
		for _, r := range o.Requires {
			if r.Name == name {
				return name + ": " + o.Name + " requires it: remove that first"
			}
		}
	}
	return ""
}

// joined, replaced and left keep the loop's side of the units in step.
func (in *Init) joined(id graph.ID) { in.openUnit(id) }

func (in *Init) replaced(id graph.ID) {
	u := in.world.Unit(id)
	in.units[id].log.SetSinks(u.Log)
	if h := in.units[id].health; h != nil && u.Duties().Health == nil {
		in.procs[int(h.pid)].forget()
		in.units[id].health = nil
	}
	in.units[id].cgroup &^= cgroupSaid
	in.checkFed(id)
}

// checkFed tells of a service that runs already, without the pipe as its stdin,
// when a unit's lines begin to go there.
func (in *Init) checkFed(id graph.ID) {
	for _, s := range in.world.Unit(id).Log {
		if s.Kind != graph.SinkPipe {
			continue
		}
		to, ok := in.world.Find(s.To)
		if ok && int(to) < len(in.units) && in.units[to].main != 0 && !in.units[to].fed {
			in.logs.Say(MsgWarn, s.To, ": the lines of ", in.name(id), " reach it after a restart of it")
		}
	}
}

func (in *Init) left(id graph.ID) {
	u := &in.units[id]
	in.restLog(id)
	in.closeSockets(id)
	if u.pipeR > 0 {
		in.closeLog(u)
	}
	in.closeReady(u)
	u.health = nil
	in.dropStored(id)
	in.closeNotify(u)
	u.log.Close()
}
