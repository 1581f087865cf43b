package graph

import "strings"

// MaxName is the longest name of a unit in bytes (SPEC F6).
const MaxName = 64

// CheckName gives what is wrong with a unit's name and how to mend it, or
// nothing. A template's name, which ends in "@", is right.
func CheckName(name string) string {
	if len(name) > MaxName {
		return "name " + quote(name) + " has " + itoa(len(name)) + " bytes: the limit is " + itoa(MaxName)
	}
	ats := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-':
		case c == '@':
			ats++
		default:
			return "name " + quote(name) + " has " + quote(firstRune(name[i:])) +
				`: use letters, digits, "-", "_", "." and at most one "@"`
		}
	}
	switch {
	case name == "":
		return "the name is empty: write one"
	case ats > 1:
		return "name " + quote(name) + ` has more than one "@": remove one`
	case name[0] == '@':
		return "name " + quote(name) + ` has nothing before the "@": write NAME@INSTANCE`
	case name[0] == '-' || name == "." || name == "..":
		return "name " + quote(name) + ": begin it with a letter or a digit"
	}
	return ""
}

// firstRune gives the bytes of the first character, or one byte that is none.
func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// isTemplate reports whether a right name is that of a template.
func isTemplate(name string) bool { return strings.HasSuffix(name, "@") }

// splitName gives the template of an instance ("getty@") and the instance
// ("ttyS0"); both are empty for other names.
func splitName(name string) (template, instance string) {
	if i := strings.IndexByte(name, '@'); i >= 0 && i+1 < len(name) {
		return name[:i+1], name[i+1:]
	}
	return "", ""
}

// nearest gives the known word that is nearest to an unknown one, and whether
// it is so near that the unknown one is likely a slip of the finger. Of equally
// near ones the first is taken.
func nearest(word string, known func(yield func(string) bool)) (name string, near bool) {
	if len(word) > MaxName {
		word = word[:MaxName]
	}
	best := 1 << 30
	for k := range known {
		if d := len(k) - len(word); max(d, -d) >= best {
			continue
		}
		if d := distance(word, k); d < best {
			name, best = k, d
		}
	}
	return name, best <= 2 && best*3 <= len(word)
}

// distance counts the letters to add, remove, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	var rows [3][MaxName + 1]int
	if len(b) > MaxName {
		b = b[:MaxName]
	}
	before, last, this := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		this[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(b)]
}
