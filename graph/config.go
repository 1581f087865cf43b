package graph

import (
	"errors"
	"io/fs"
	"slices"

	"mote/graph/line"
)

// Source is how Load reaches files; the caller does the reading, so that this
// package makes no system call. Every error is a complete text such as
// "cannot read: permission denied"; one that is ErrMissing or fs.ErrNotExist says
// that there is no such path.
type Source interface {
	// Files gives the files that a -c path stands for: itself, or its *.conf in
	// byte order without those that begin with "." or end in "~".
	Files(path string) ([]string, error)
	// Glob gives the files that match an absolute include pattern, in byte order.
	Glob(pattern string) ([]string, error)
	// Read gives a whole regular file and keeps the limits of SPEC F1.
	Read(path string) ([]byte, error)
}

// ErrMissing is what a Source may say of a path that does not exist; any error
// that is fs.ErrNotExist, as an errno can be, says the same.
var ErrMissing = errors.New("cannot read: no such file or directory")

// readError gives the end of a fault about a path, and whether it is missing.
func readError(err error) (text string, missing bool) {
	if errors.Is(err, ErrMissing) || errors.Is(err, fs.ErrNotExist) {
		return err.Error() + ": correct the path", true
	}
	return err.Error(), false
}

// Root is one place that units are read from.
type Root struct {
	Path     string
	Class    Class // of the units in it, unless their key "class" says otherwise
	Optional bool  // a missing path is no fault
}

// Config is a configuration that was read, with everything that is wrong in it.
type Config struct {
	Units   []*Unit // in parse order; instances that are only named by others come last
	Set     []Var   // "set" lines, literal values, one entry a name
	Main    string  // the unit whose end ends the init; empty = none
	Options Options
	Faults  []Fault // faults and warnings, in file order

	mainPos   Pos
	index     map[string]int32    // Units by name
	templates map[string][]*block // by name, "getty@"
	files     map[string]int      // the order in which files were first read
	seen      map[faultKey]bool   // faults that are in Faults
	full      bool                // MaxUnits was met and said
	builder   *builder            // of build
	compared  int                 // names that mend looked at
}

// faultKey tells faults apart: the instances of a template share its faults.
type faultKey struct {
	pos  Pos
	text string
}

func newConfig() *Config {
	return &Config{index: map[string]int32{}, templates: map[string][]*block{},
		files: map[string]int{}, seen: map[faultKey]bool{}}
}

// Load reads, extends, instantiates and links a configuration. It never gives
// up: a unit with a fault is in Units with its Fault set (SPEC F10).
func Load(src Source, roots []Root) *Config {
	c := newConfig()
	p := parser{c: c, src: src, entries: map[string]*entry{}}
	for _, r := range roots {
		p.root(r)
	}
	for _, e := range p.order {
		if isTemplate(e.name) {
			c.templates[e.name] = e.blocks
		}
	}
	for _, e := range p.order {
		if !isTemplate(e.name) {
			of, _ := splitName(e.name)
			c.put(c.build(e.name, append(c.templates[of][:len(c.templates[of]):len(c.templates[of])], e.blocks...), forConfig))
		}
	}
	for _, e := range p.loose {
		c.build(e.name, e.blocks, forRefused)
	}
	c.instantiateRefs(0)
	c.checkTemplates(p.order)
	p.checkExtends()
	c.link(0)
	if c.Main != "" {
		c.useMain(c.mainPos)
	}
	c.sortFaults()
	return c
}

// Unit gives the unit of that name, or nil.
func (c *Config) Unit(name string) *Unit {
	if i, ok := c.index[name]; ok {
		return c.Units[i]
	}
	return nil
}

// HasFaults reports whether anything is wrong; warnings are not.
func (c *Config) HasFaults() bool {
	return slices.ContainsFunc(c.Faults, func(f Fault) bool { return !f.Warning })
}

// SetMain makes name the main unit (--main NAME), whose default is "restart
// never". It takes the place of a "main" line, and can make an instance. A name
// that does not exist is a further fault; an empty one, as on a machine, where
// no unit ends the init, is no main unit.
func (c *Config) SetMain(name string) {
	if u := c.Unit(c.Main); u != nil && !u.restartSet && u.Kind != Task && u.Kind != Target {
		u.Restart.Policy = Always
	}
	if c.Main = name; name != "" {
		c.useMain(Pos{})
	}
}

// useMain applies what it means to be the main unit.
func (c *Config) useMain(pos Pos) {
	u := c.Unit(c.Main)
	if u == nil {
		if wrong := CheckName(c.Main); wrong != "" || isTemplate(c.Main) || !c.instantiate(c.Main, false) {
			c.add(Fault{Pos: pos, Text: "main " + quote(c.Main) + ", which does not exist" + c.mend(c.Main)})
			return
		}
		u = c.Unit(c.Main)
	}
	if !u.restartSet {
		u.Restart.Policy = Never
	}
}

// Instantiate makes the instance of a template that nothing in the
// configuration names ("getty@ttyS1"). It reports false when there is no such
// template, when the unit exists, and when it would be one too many. The new
// unit, and after it the instances that it names in its turn, are at the end
// of Units; all of them are "start manual". The faults are those that it
// brought.
func (c *Config) Instantiate(name string) (*Unit, []Fault, bool) {
	before := len(c.Faults)
	if !c.instantiate(name, true) {
		return nil, nil, false
	}
	return c.Unit(name), slices.Clone(c.Faults[before:]), true
}

// instantiate is Instantiate, with faults in Faults alone. What no header
// names is not started at boot by itself: that is manual.
func (c *Config) instantiate(name string, manual bool) bool {
	first := len(c.Units)
	if !c.makeInstance(name, manual) {
		return false
	}
	c.instantiateRefs(first)
	c.link(first)
	return true
}

// makeInstance builds one instance of a template. It reports whether it did.
func (c *Config) makeInstance(name string, manual bool) bool {
	of, _ := splitName(name)
	blocks := c.templates[of]
	if len(blocks) == 0 || c.full || c.Unit(name) != nil || CheckName(name) != "" {
		return false
	}
	u := c.build(name, blocks, forConfig)
	u.Manual = u.Manual || manual
	return c.put(u)
}

// instantiateRefs makes the instances that units from first on name, and those
// that these name.
func (c *Config) instantiateRefs(first int) {
	for i := first; i < len(c.Units); i++ {
		for r := range relationCount {
			for _, ref := range *c.Units[i].refs(r) {
				if _, ok := c.index[ref.Name]; !ok {
					c.makeInstance(ref.Name, true)
				}
			}
		}
		if to := c.Units[i].pipeTo(); to != "" && c.Unit(to) == nil {
			c.makeInstance(to, true)
		}
	}
}

// put adds a unit, if there is room.
func (c *Config) put(u *Unit) bool {
	if len(c.Units) >= MaxUnits {
		if !c.full {
			c.full = true
			c.add(Fault{Pos: u.Pos, Text: "unit " + quote(u.Name) + " is one too many: the limit is " + itoa(MaxUnits) + " units"})
		}
		return false
	}
	c.index[u.Name] = int32(len(c.Units))
	c.Units = append(c.Units, u)
	return true
}

// checkTemplates finds the faults of templates that have no instance.
func (c *Config) checkTemplates(order []*entry) {
	used := map[string]bool{}
	for _, u := range c.Units {
		of, _ := splitName(u.Name)
		used[of] = true
	}
	for _, e := range order {
		if isTemplate(e.name) && !used[e.name] {
			c.build(e.name+"1", e.blocks, forTemplate) // "1" is right wherever a name or a number is
		}
	}
}

// add notes a fault once.
func (c *Config) add(f Fault) {
	k := faultKey{f.Pos, f.Text}
	if !c.seen[k] {
		c.seen[k] = true
		c.Faults = append(c.Faults, f)
	}
}

// sortFaults brings faults into file order.
func (c *Config) sortFaults() {
	was := c.Faults
	c.Faults = make([]Fault, len(was))
	for i, from := range line.Order(len(was), func(a, b int) bool { return c.before(was[a].Pos, was[b].Pos) }) {
		c.Faults[i] = was[from]
	}
}

// before reports whether a place comes before another in the order of reading.
func (c *Config) before(a, b Pos) bool {
	if x, y := c.files[a.File], c.files[b.File]; x != y {
		return x < y
	}
	return a.Line < b.Line
}

// setVar takes a "set" line; the last value of a name wins.
func (c *Config) setVar(name string, value line.Word) {
	v := Var{name, literal(value.Text)}
	for i := range c.Set {
		if c.Set[i].Name == name {
			c.Set[i] = v
			return
		}
	}
	c.Set = append(c.Set, v)
}
