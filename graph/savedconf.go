package graph

import (
	"errors"

	"mote/graph/line"
)

// SavedConfig is what a Config has besides its units, as plain values.
type SavedConfig struct {
	Main      string
	Options   Options
	Set       []Var
	Faults    []Fault
	Templates []SavedTemplate // by name
	Full      bool            // MaxUnits was met
}

// SavedTemplate is a template with the lines that each instance is made of.
type SavedTemplate struct {
	Name   string
	Blocks []SavedBlock
}

// SavedBlock is one header of a template and its key lines.
type SavedBlock struct {
	Pos     Pos
	Kind    Kind
	Class   Class
	Extend  bool
	Command []string // the words behind the name
	Raw     []string // of each, which bytes never expand: "01..." as long as the word, or ""
	Keys    []string
	Lines   []int    // of Keys
	Wrong   []string // of Keys: why a line cannot be read, or ""
}

// Save gives what the configuration has besides its units.
func (c *Config) Save() *SavedConfig {
	s := &SavedConfig{Main: c.Main, Options: c.Options, Set: c.Set, Faults: c.Faults, Full: c.full}
	names := make([]string, 0, len(c.templates))
	for name := range c.templates {
		names = append(names, name)
	}
	line.SortWords(names)
	for _, name := range names {
		t := SavedTemplate{Name: name}
		for _, b := range c.templates[name] {
			t.Blocks = append(t.Blocks, b.save())
		}
		s.Templates = append(s.Templates, t)
	}
	return s
}

func (b *block) save() SavedBlock {
	s := SavedBlock{Pos: b.pos, Kind: b.kind, Class: b.class, Extend: b.extend}
	for _, w := range b.command {
		var raw []byte
		for i := range len(w.Text) {
			if w.Raw(i) {
				raw = append(raw, make([]byte, len(w.Text)-len(raw))...)
				raw[i] = 1
			}
		}
		for i := range raw {
			raw[i] += '0'
		}
		s.Command, s.Raw = append(s.Command, w.Text), append(s.Raw, string(raw))
	}
	for _, k := range b.keys {
		s.Keys, s.Lines, s.Wrong = append(s.Keys, k.text), append(s.Lines, k.line), append(s.Wrong, k.wrong)
	}
	return s
}

// Load makes the configuration again, with the units of its world.
func (s *SavedConfig) Load(units []*Unit) (*Config, error) {
	c := newConfig()
	c.Main, c.Options, c.Set, c.Faults, c.full = s.Main, s.Options, s.Set, s.Faults, s.Full
	for _, f := range c.Faults {
		c.seen[faultKey{f.Pos, f.Text}] = true
	}
	for _, t := range s.Templates {
		if CheckName(t.Name) != "" || !isTemplate(t.Name) || len(t.Blocks) == 0 {
			return nil, errors.New("template " + quote(t.Name) + " has no right name, or no lines")
		}
		for i := range t.Blocks {
			b := &t.Blocks[i]
			if b.Kind > Tty || b.Class > System || len(b.Raw) != len(b.Command) || len(b.Lines) != len(b.Keys) || len(b.Wrong) != len(b.Keys) {
				return nil, errors.New("template " + t.Name + " has lines that cannot be")
			}
			bl, ok := b.load()
			if !ok {
				return nil, errors.New("template " + t.Name + " has marks that do not fit its words")
			}
			c.templates[t.Name] = append(c.templates[t.Name], bl)
		}
	}
	for _, u := range units {
		if c.Unit(u.Name) == nil {
			c.put(u)
		}
	}
	return c, nil
}

func (s *SavedBlock) load() (b *block, ok bool) {
	b = &block{pos: s.Pos, kind: s.Kind, class: s.Class, extend: s.Extend}
	for i, text := range s.Command {
		raw := s.Raw[i]
		if raw != "" && len(raw) != len(text) {
			return nil, false
		}
		var marks []bool
		for _, c := range []byte(raw) {
			marks = append(marks, c == '1')
		}
		b.command = append(b.command, line.Marked(text, marks))
	}
	for i, text := range s.Keys {
		b.keys = append(b.keys, keyLine{line: s.Lines[i], text: text, wrong: s.Wrong[i]})
	}
	return b, true
}

// Rebuild makes units again of what Show gave.
type Rebuild struct{ conf *Config }

// Unit makes one, whose header stood at pos. One that had a fault has it again;
// of another one a fault is an error: it was written by a program that knows
// more, or is damaged.
func (r *Rebuild) Unit(lines []string, pos Pos, class Class, fault string) (*Unit, error) {
	if r.conf == nil {
		r.conf = newConfig()
	}
	if len(lines) == 0 {
		return nil, errors.New("a unit has no lines")
	}
	w, err := line.Split(make([]line.Word, 0, 8), lines[0])
	if err != nil {
		return nil, err
	}
	if len(w) < 2 || len(w) > MaxWords || CheckName(w[1].Text) != "" || isTemplate(w[1].Text) {
		return nil, errors.New("a unit has no right header: " + quote(lines[0][:min(len(lines[0]), 100)]))
	}
	kind := Service
	for kind <= Tty && kind.String() != w[0].Text {
		kind++
	}
	if kind > Tty {
		return nil, errors.New("a unit has no right header: " + quote(lines[0][:min(len(lines[0]), 100)]))
	}
	b := &block{pos: pos, kind: kind, class: class, command: w[2:], keys: make([]keyLine, 0, len(lines))}
	for _, l := range lines[1:] {
		b.keys = append(b.keys, keyLine{line: pos.Line, text: l})
	}
	u := r.conf.build(w[1].Text, []*block{b}, forConfig)
	if u.Fault != "" && fault == "" {
		return nil, errors.New("unit " + u.Name + ": " + u.Fault)
	}
	u.Class, u.Fault = class, fault
	r.conf.Faults = r.conf.Faults[:0]
	return u, nil
}
