package graph

import (
	"slices"
	"strings"
	"time"

	"mote/graph/line"
)

// MaxWords is how many words a line may have.
const MaxWords = 4096

// block is a header and the key lines under it. Templates are built again for
// each instance, so that the lines are kept, not what they mean.
type block struct {
	pos     Pos
	kind    Kind
	class   Class
	extend  bool
	command []line.Word // of the header
	keys    []keyLine
}

// keyLine is a logical line under a header.
type keyLine struct {
	line  int
	text  string
	wrong string // why it cannot be read, if so
}

// builder makes a unit of its blocks.
type builder struct {
	c       *Config
	u       *Unit
	purpose purpose
	def     Unit // the defaults, for "!key"

	pos      Pos
	key      *Key
	given    [maxRows]int // by row, in this block: the line that gave the scalar
	stdinSet bool
	tried    uint64 // a bit for each row: it was written, right or wrong
	asked    bool   // %i was warned of
	bytes    int    // of all lines
	words    []line.Word
}

// purpose is what a unit is built for.
type purpose uint8

const (
	forConfig   purpose = iota // to be kept: its faults make it fail
	forTemplate                // for the faults of a template that has no instance
	forRefused                 // for the faults of the key lines under a refused header
)

// maxRows bounds keyRows.
const maxRows = 64 // the bits of builder.tried

// build makes a unit of its blocks, the first of which says the kind.
func (c *Config) build(name string, blocks []*block, why purpose) *Unit {
	first := blocks[0]
	if c.builder == nil {
		c.builder = new(builder) // once, because it is larger than a unit
	}
	b, u := c.builder, newUnit(name, first.kind, first.class)
	*b = builder{c: c, u: &u, purpose: why, def: u, words: b.words[:0]}
	u.Pos = first.pos
	for _, bl := range blocks {
		if !bl.extend {
			u.Pos = bl.pos
		}
		b.block(bl)
	}
	b.pos = u.Pos
	b.finish()
	return &u
}

// block takes one header and its key lines.
func (b *builder) block(bl *block) {
	b.given = [maxRows]int{}
	b.pos = bl.pos
	if !bl.extend && bl.kind != b.u.Kind {
		b.fault(quote(b.u.Name) + " is a " + b.u.Kind.String() + " by its template: write " +
			quote(b.u.Kind.String()+" "+b.u.Name))
	}
	if len(bl.command) > 0 {
		if b.u.Kind == Target {
			b.fault("a target takes no command: remove " + quote(bl.command[0].Text))
		} else {
			// A copy, because the header's words serve other instances too.
			b.apply(0, b.expand(slices.Clone(bl.command)))
		}
		for _, w := range bl.command {
			b.bytes += len(w.Text)
		}
	}
	for _, k := range bl.keys {
		b.pos.Line = k.line
		b.bytes += len(k.text)
		b.keyLine(k)
	}
}

// keyLine takes one key line.
func (b *builder) keyLine(k keyLine) {
	if k.wrong != "" {
		b.fault(k.wrong)
		return
	}
	w, err := line.Split(b.words[:0], k.text)
	b.words = w
	switch {
	case err != nil:
		b.fault(err.Error())
		return
	case len(w) == 0:
		return
	case len(w) > MaxWords:
		b.fault(tooManyWords(len(w)))
		return
	}
	name, empty := strings.CutPrefix(w[0].Text, "!")
	if strings.HasPrefix(name, "x-") {
		return
	}
	i := findRow(keyRows, name)
	if i < 0 {
		b.unknownKey(name)
		return
	}
	r := &keyRows[i]
	switch {
	case !r.Kinds.Has(b.u.Kind):
		b.fault("key " + quote(name) + " is for " + r.Kinds.String() + ", not for " + b.u.Kind.String() + ": remove it")
	case empty && len(w) > 1:
		b.fault("!" + name + " takes no words: remove " + quote(w[1].Text))
	case empty:
		r.reset(b.u, &b.def)
		b.given[slot(i)] = 0
		b.tried &^= 1 << slot(i)
		if name == "stdin" {
			b.stdinSet = false
		}
	default:
		b.apply(i, b.expand(w[1:]))
	}
}

// unknownKey says that there is no such key, and which is nearest.
func (b *builder) unknownKey(name string) {
	if findRow(headerRows, name) >= 0 {
		b.fault(quote(name) + " is a header, not a key: begin the line in column 0")
		return
	}
	b.fault(unknownWord("key", name, keyRows))
}

// apply takes the words of a key, after it counted them.
func (b *builder) apply(i int, w []line.Word) {
	r := &keyRows[i]
	b.tried |= 1 << slot(i)
	if wrong := r.count(len(w)); wrong != "" {
		b.fault(wrong)
		return
	}
	if at := &b.given[slot(i)]; !r.List {
		if *at != 0 {
			what := quote(r.Name) + " is given twice"
			if slot(i) == 0 {
				what = "there are two commands"
			}
			b.fault(what + " (first at line " + itoa(*at) + "): remove one")
			return
		}
		*at = b.pos.Line
	}
	b.key = &r.Key
	r.set(b, w)
}

// slot gives the row that remembers whether a scalar was given: exec and sh,
// the first two rows, are two ways to say one thing.
func slot(i int) int {
	if i == 1 {
		return 0
	}
	return i
}

// count gives what is wrong with the number of words behind a row's name.
func (r *row) count(n int) string {
	var wrong string
	switch {
	case n < r.least:
		wrong = r.Name + " has too few words"
	case r.most > 0 && n > r.most:
		wrong = r.Name + " takes " + atMost(r.least, r.most) + ", " + itoa(n) + " are given"
	default:
		return ""
	}
	if r.Scope == InOption {
		return wrong + ": write \"option " + r.usage() + "\""
	}
	return wrong + ": write \"" + r.usage() + "\""
}

func atMost(least, most int) string {
	if least == most {
		return counted(most)
	}
	return "at most " + counted(most)
}

// counted gives "no word", "1 word", "2 words".
func counted(n int) string {
	switch n {
	case 0:
		return "no word"
	case 1:
		return "1 word"
	}
	return itoa(n) + " words"
}

func tooManyWords(n int) string {
	return "line of " + itoa(n) + " words: the limit is " + itoa(MaxWords) + ": split it"
}

// expand replaces %i, %n and %% in place.
func (b *builder) expand(w []line.Word) []line.Word {
	for i := range w {
		word, asked := percent(w[i], b.u.Name, b.u.Instance, false)
		if asked && b.u.Instance == "" && b.purpose == forConfig && !b.asked {
			b.asked = true
			b.c.add(Fault{Pos: b.pos, Unit: b.u.Name, Warning: true, Text: "%i is empty, because " + quote(b.u.Name) +
				` is no instance: write "%%i" if that was meant`})
		}
		w[i] = word
	}
	return w
}

// fault says what is wrong at b.pos.
func (b *builder) fault(text string) {
	f := Fault{Pos: b.pos, Text: text}
	if b.purpose == forConfig {
		f.Unit = b.u.Name
	}
	b.c.add(f)
	if b.u.Fault == "" {
		b.u.Fault = f.String()
	}
}

// value reports whether a value is right, and says what is wrong with it.
func (b *builder) value(what string, w line.Word, wrong string) bool {
	if wrong == "" {
		return true
	}
	b.fault(what + " " + quote(w.Text) + " " + wrong)
	return false
}

// choice gives the index of a word among the known ones, or says that it is
// none of them and gives -1.
func (b *builder) choice(w line.Word, known ...string) int {
	for i, k := range known {
		if w.Text == k {
			return i
		}
	}
	list := quote(known[0])
	for i, k := range known[1:] {
		if i == len(known)-2 {
			list += " or " + quote(k)
		} else {
			list += ", " + quote(k)
		}
	}
	b.fault(b.key.Name + " " + quote(w.Text) + " is unknown: write " + list)
	return -1
}

// absolute reports whether a path begins at the root and is no longer than the
// kernel takes, and says so if not: the init's own folder means nothing to a
// reader of the configuration.
func (b *builder) absolute(what, path string) bool {
	wrong := ""
	switch {
	case !strings.HasPrefix(path, "/"):
		wrong = `is no absolute path: begin it with "/"`
	case len(path) > maxPath:
		wrong = tooLong(path, maxPath)
	}
	return b.value(what, line.Plain(path), wrong)
}

// finish settles what depends on more than one key.
func (b *builder) finish() {
	u := b.u
	for r := range relationCount {
		list := u.refs(r)
		*list = uniqueRefs(*list)
	}
	u.Env = lastOfEach(u.Env)
	if len(u.Log) == 0 {
		u.Log = defaultLog
	}
	if u.Context != nil && *u.Context == noContext {
		u.Context = nil // a key with the value that it has anyway
	}
	if !b.stdinSet {
		u.Stdin = Input{Kind: defaultStdin(u)}
	}
	if u.Critical != NotCritical && u.Kind == Service && !u.limitSet {
		u.Restart.Limit, u.Restart.Within = criticalLimit, criticalWithin
	}
	if u.Kind != Target && len(u.Exec) == 0 && !b.wrote("exec") && b.purpose != forRefused {
		b.fault(u.Kind.String() + " " + quote(u.Name) + ` has no command: write it behind the name, or a key "exec" or "sh"`)
	}
	if u.Stdin.Kind == InputTty && u.Tty == "" {
		b.fault(`stdin tty has no terminal: write a key "tty" with its path`)
	}
	b.checkTimers()
	b.checkDuty()
	b.checkLength()
}

// wrote reports whether a key was written: a wrong line of it has its fault.
func (b *builder) wrote(key string) bool { return b.tried>>findRow(keyRows, key)&1 != 0 }

const (
	criticalLimit  = 5
	criticalWithin = time.Minute
)

// defaultStdin is the terminal for a unit that names one.
func defaultStdin(u *Unit) InputKind {
	if u.Tty != "" {
		return InputTty
	}
	return InputNull
}

// lastOfEach keeps the last value of each name, in the place of the first: two
// variables of one name are undefined for a program (environ(7)).
func lastOfEach(vars []Var) []Var {
	if len(vars) < 2 {
		return vars
	}
	at := make(map[string]int, len(vars))
	kept := vars[:0]
	for _, v := range vars {
		if i, ok := at[v.Name]; ok {
			kept[i] = v
			continue
		}
		at[v.Name] = len(kept)
		kept = append(kept, v)
	}
	return kept
}

// checkLength sees to it that Show can write each line of the unit. Only %i
// and %n make a line longer than it was, MaxName bytes for two.
func (b *builder) checkLength() {
	if b.bytes < line.MaxLine/MaxName {
		return
	}
	for _, l := range Show(b.u) {
		if len(l) > line.MaxLine {
			b.fault("expanded line of " + itoa(len(l)) + " bytes: the limit is " + itoa(line.MaxLine) + ": shorten it")
			return
		}
	}
}
