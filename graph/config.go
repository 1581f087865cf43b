package graph

import "errors"

// Source is how Load reaches files; the caller does the reading, so that this
// package makes no system call. Every error is a complete text such as
// "cannot read: permission denied".
type Source interface {
	// Files gives the files that a -c path stands for: itself, or its *.conf in
	// byte order without those that begin with "." or end in "~". A path that
	// does not exist gives ErrMissing.
	Files(path string) ([]string, error)
	// Glob gives the files that match an absolute include pattern, in byte order.
	Glob(pattern string) ([]string, error)
	// Read gives a whole regular file and keeps the limits of SPEC F1. A file
	// that does not exist gives ErrMissing.
	Read(path string) ([]byte, error)
}

// ErrMissing is what a Source says of a path that does not exist.
var ErrMissing = errors.New("cannot read: no such file or directory")

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
}

// Load reads, extends, instantiates and links a configuration. It never gives
// up: a unit with a fault is in Units with its Fault set (SPEC F10).
func Load(src Source, roots []Root) *Config {
	return &Config{}
}

// Unit gives the unit of that name, or nil.
func (c *Config) Unit(name string) *Unit {
	for _, u := range c.Units {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// SetMain makes name the main unit (--main NAME), whose default is "restart
// never". It takes the place of a "main" line.
func (c *Config) SetMain(name string) {
	c.Main = name
}

// Instantiate makes the instance of a template that nothing in the
// configuration names ("getty@ttyS1"). It reports false when there is no such
// template. The new unit, and after it the instances that it names in its
// turn, are at the end of Units; all of them are "start manual".
func (c *Config) Instantiate(name string) (*Unit, []Fault, bool) {
	return nil, nil, false
}
