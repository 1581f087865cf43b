package graph

// Scope is where a row of the key table stands.
type Scope uint8

const (
	InUnit   Scope = iota // a key line under a unit's header
	InHeader              // the first word of a line that starts in column 0
	InOption              // the word behind "option"
)

// Kinds is a set of unit kinds.
type Kinds uint8

// Has reports whether k is in the set.
func (s Kinds) Has(k Kind) bool { return s&(1<<k) != 0 }

// Key is one row of the table that drives the parser, "ctl help", "mote check"
// and the manual page (SPEC F7).
type Key struct {
	Name    string
	Scope   Scope
	Kinds   Kinds  // of units that may have it; of headers: the kind that it makes
	List    bool   // adds up; otherwise one value
	Args    string // synopsis of the words behind the name
	Default string // as it would be written; empty when there is none
	Help    string // one line
}

// Keys gives the table: headers, then keys, then options.
func Keys() []Key { return nil }

// KeyHelp gives the text of "ctl help KEY", all rows of that name, or false.
func KeyHelp(name string) (string, bool) { return "", false }

// Show gives the lines of a unit in the configuration's format; parsed again
// they make the same unit (SPEC F11).
func Show(u *Unit) []string { return nil }

// ExpandText gives a word with its variables (SPEC F5). lookup gives a
// variable's value; unset is called for each one that has neither value nor
// default, and may be nil.
func ExpandText(t Text, lookup func(string) (string, bool), unset func(name string)) string {
	return ""
}

// SignalNumber gives the number of a signal written as TERM, SIGTERM, 15 or
// RTMIN+n.
func SignalNumber(name string) (int, bool) { return 0, false }

// SignalName gives the name of a signal without "SIG", or its number.
func SignalName(n int) string { return itoa(n) }
