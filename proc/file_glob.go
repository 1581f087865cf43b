package proc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph/line"
)

// maxGlobDirs bounds the directories that one pattern may list.
const maxGlobDirs = 256

// Glob gives the existing paths that match a pattern, in byte order; a relative
// one begins at the working directory, and so do its results.
// `*`, `?` and `[a-z]` (`[!a-z]`) match within one element, never a leading
// "." and never a name that ends in "~" unless the pattern does; `\` takes the
// next byte as it is. Nothing that matches is no error.
func Glob(pattern string) ([]string, error) {
	root := "/"
	if !strings.HasPrefix(pattern, "/") {
		root = "./"
	}
	elements := strings.Split(pattern, "/")
	found := []string{root}
	listed := 0
	for _, element := range elements {
		if element == "" {
			continue
		}
		var next []string
		for _, dir := range found {
			if !hasMeta(element) {
				next = append(next, joinPath(dir, unescapeGlob(element)))
				continue
			}
			if listed++; listed > maxGlobDirs {
				return nil, cannot("expand "+shown(pattern), reason("more than "+strconv.Itoa(maxGlobDirs)+" directories to look through, which is the limit"))
			}
			names, err := listDir(dir)
			switch {
			case err == unix.ENOENT || err == unix.ENOTDIR:
				continue
			case err != nil:
				return nil, cannot("list "+shown(dir), err)
			}
			next = appendMatches(next, dir, element, names)
		}
		if found = next; len(found) > maxFiles {
			return nil, cannot("expand "+shown(pattern), reason("more than "+strconv.Itoa(maxFiles)+" files, which is the limit"))
		}
	}
	all := found
	found = nil
	for _, path := range all {
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil {
			found = append(found, strings.TrimPrefix(path, "./"))
		}
	}
	line.SortWords(found)
	return found, nil
}

func appendMatches(dst []string, dir, element string, names []string) []string {
	for _, name := range names {
		if name[0] == '.' && element[0] != '.' {
			continue
		}
		if strings.HasSuffix(name, "~") && !strings.HasSuffix(element, "~") {
			continue
		}
		if matchName(element, name) {
			dst = append(dst, joinPath(dir, name))
		}
	}
	return dst
}

func hasMeta(element string) bool {
	for i := 0; i < len(element); i++ {
		switch element[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

func unescapeGlob(element string) string {
	if strings.IndexByte(element, '\\') < 0 {
		return element
	}
	out := make([]byte, 0, len(element))
	for i := 0; i < len(element); i++ {
		if element[i] == '\\' && i+1 < len(element) {
			i++
		}
		out = append(out, element[i])
	}
	return string(out)
}

// matchName matches one path element byte by byte. A failure goes back to the
// last star alone, which is enough, and keeps the work below
// len(pattern) * len(name).
func matchName(pattern, name string) bool {
	p, n := 0, 0
	star, mark := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, n
			p++
			continue
		}
		if width, ok := matchByte(pattern[p:], name[n]); ok {
			p += width
			n++
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		p, n = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchByte matches c with the first token of pattern and gives its width.
func matchByte(pattern string, c byte) (width int, ok bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	case '[':
		if width, ok, closed := matchSet(pattern, c); closed {
			return width, ok
		}
	}
	return 1, pattern[0] == c
}

// matchSet matches a set such as [a-z_]; closed is false if it has no end, and
// then the bracket is an ordinary byte.
func matchSet(pattern string, c byte) (width int, ok, closed bool) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, ok != negated, true
		}
		lo, hi := pattern[i], pattern[i]
		i++
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			hi = pattern[i+1]
			i += 2
		}
		ok = ok || lo <= c && c <= hi
	}
	return 0, false, false
}
