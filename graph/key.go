package graph

import (
	"slices"
	"strings"

	"mote/graph/line"
)

// Scope is where the word of a row of the key table stands.
type Scope uint8

const (
	InUnit   Scope = iota // a key line under a unit's header
	InHeader              // the first word of a line that starts in column 0
	InOption              // the word behind "option"
)

// Kinds is a set of unit kinds.
type Kinds uint8

// The sets that the table uses; SPEC 4 writes them "s t y".
const (
	forService Kinds = 1 << Service
	forTask    Kinds = 1 << Task
	forTarget  Kinds = 1 << Target
	forTty     Kinds = 1 << Tty
	forAll           = forService | forTask | forTarget | forTty
	forProcess       = forService | forTask | forTty
)

// Has reports whether k is in the set.
func (s Kinds) Has(k Kind) bool { return s&(1<<k) != 0 }

// String gives the kinds' words, as in "service, task".
func (s Kinds) String() string {
	if s == forAll {
		return "all kinds"
	}
	var names []string
	for k := Service; k <= Tty; k++ {
		if s.Has(k) {
			names = append(names, k.String())
		}
	}
	return strings.Join(names, ", ")
}

// Key is one row of the table that drives the parser, "ctl help", "mote check"
// and the manual page (SPEC F7).
type Key struct {
	Name    string
	Scope   Scope
	Kinds   Kinds  // of units that may have it; of a header, the kind that it makes
	List    bool   // adds up; otherwise it has one value
	Args    string // synopsis of the words behind the name
	Default string // as it would be written; empty when there is none
	Help    string // one line
}

// row is a Key with what the code does for it.
type row struct {
	Key
	least, most int // words behind the name; most 0 = no bound

	set   func(b *builder, w []line.Word) // of an InUnit row: takes the words into b.u
	reset func(u, def *Unit)              // of an InUnit row: back to the default ("!key")
	show  func(s *shower, u *Unit)        // of an InUnit row: writes what is not the default
}

// Keys gives the whole table: headers, then keys, then options.
func Keys() []Key {
	var all []Key
	for _, t := range [...][]row{headerRows, keyRows, optionRows} {
		for i := range t {
			all = append(all, t[i].Key)
		}
	}
	return all
}

// KeyHelp gives the text of "ctl help KEY": every row of that name. It reports
// false for an unknown one.
func KeyHelp(name string) (string, bool) {
	var out strings.Builder
	for _, k := range Keys() {
		if k.Name != name {
			continue
		}
		if k.Scope == InOption {
			out.WriteString("option ")
		}
		out.WriteString(k.usage() + "\n    " + k.about() + "\n    " + k.Help + "\n")
	}
	return out.String(), out.Len() > 0
}

// usage gives the name and the synopsis.
func (k *Key) usage() string {
	if k.Args == "" {
		return k.Name
	}
	return k.Name + " " + k.Args
}

// about says where the row stands, how often, and its default.
func (k *Key) about() string {
	var s string
	switch {
	case k.Scope == InUnit && k.List:
		s = "key of " + k.Kinds.String() + "; adds up"
	case k.Scope == InUnit:
		s = "key of " + k.Kinds.String() + "; once in a unit"
	case k.Scope == InHeader:
		s = "header, starts in column 0"
	default:
		s = "header, once in a configuration"
	}
	if k.Default != "" {
		s += "; default: " + k.Default
	}
	return s
}

// findRow gives the index of a row by its name, or -1.
func findRow(rows []row, name string) int {
	for i := range rows {
		if rows[i].Name == name {
			return i
		}
	}
	return -1
}

// rowNames gives the names of a table in its order.
func rowNames(rows []row) []string {
	list := make([]string, len(rows))
	for i := range rows {
		list[i] = rows[i].Name
	}
	return list
}

// unknownWord says that a word is in no row of a table and which one is
// nearest (SPEC F9).
func unknownWord(what, word string, rows []row) string {
	return unknownName(what, word, rowNames(rows))
}

func unknownName(what, word string, known []string) string {
	name, near := nearest(word, slices.Values(known))
	if near {
		return "unknown " + what + " " + quote(word) + ": write " + quote(name)
	}
	return "unknown " + what + " " + quote(word) + ": the nearest is " + quote(name) + "; remove it or correct it"
}

// headerRows are the words that may start a line in column 0 (SPEC F3).
var headerRows = []row{
	{Key: Key{Name: "service", Scope: InHeader, Kinds: forService, Args: "NAME [CMD ARG...]",
		Help: "A process that is kept running."}},
	{Key: Key{Name: "task", Scope: InHeader, Kinds: forTask, Args: "NAME [CMD ARG...]",
		Help: "A process that runs to its end; it is done when it exits 0."}},
	{Key: Key{Name: "target", Scope: InHeader, Kinds: forTarget, Args: "NAME",
		Help: "A name for what it requires and wants; it has no process."}},
	{Key: Key{Name: "tty", Scope: InHeader, Kinds: forTty, Args: "NAME [CMD ARG...]",
		Help: "A process with a controlling terminal, such as a login."}},
	{Key: Key{Name: "extend", Scope: InHeader, Args: "NAME",
		Help: "Further keys of a unit that is defined before: lists add up, others replace."}},
	{Key: Key{Name: "set", Scope: InHeader, Args: "NAME VALUE", List: true,
		Help: "An environment variable for all units; the last one of a name wins."}},
	{Key: Key{Name: "include", Scope: InHeader, Args: "GLOB", List: true,
		Help: "Reads files here, in byte order; a relative one starts at the folder of this file."}},
	{Key: Key{Name: "main", Scope: InHeader, Args: "NAME",
		Help: "The unit whose end ends the init, except on a machine; it defaults to restart never."}},
	{Key: Key{Name: "option", Scope: InHeader, Args: "NAME VALUE...", List: true,
		Help: "A setting of the init itself."}},
}
