// Package image is the content of an initramfs: a list of entries, from text or
// from a program, and the archive that is made of them.
package image

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"mote/graph/line"
)

// The file types of stat(2), as they stand in an archive's mode.
const (
	typeDir   = 0o040000
	typeChar  = 0o020000
	typeBlock = 0o060000
	typeFile  = 0o100000
	typeLink  = 0o120000
)

// entry is one name in the archive.
type entry struct {
	path         string // without a leading slash
	mode         uint32 // type and permission bits
	major, minor uint32 // of a device
	source       string // file on this machine whose bytes it gets
	data         []byte // bytes, when source is empty; a link's target
	pos          string // "LIST:LINE", for errors; empty when a program made it
}

// Image is what will be in the archive, in the order in which it was listed.
type Image struct {
	entries []entry
}

// File adds a copy of the file source.
func (im *Image) File(path, source string, mode uint32) {
	im.add(entry{path: path, mode: typeFile | mode, source: source})
}

// Bytes adds a file with the given content.
func (im *Image) Bytes(path string, data []byte, mode uint32) {
	im.add(entry{path: path, mode: typeFile | mode, data: data})
}

// Dir adds a folder.
func (im *Image) Dir(path string, mode uint32) {
	im.add(entry{path: path, mode: typeDir | mode})
}

// Link adds a symbolic link.
func (im *Image) Link(path, target string) {
	im.add(entry{path: path, mode: typeLink | 0o777, data: []byte(target)})
}

func (im *Image) add(e entry) {
	e.path = clean(e.path)
	im.entries = append(im.entries, e)
}

// clean gives a path as the archive holds it.
func clean(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/") }

// Parse adds the entries of a list's text; name is the list's name in errors.
// All that is wrong is reported, in the order of the lines.
func (im *Image) Parse(name, text string) error {
	var bad []error
	for i, l := range strings.Split(text, "\n") {
		pos := name + ":" + strconv.Itoa(i+1)
		words, err := line.Words(nil, strings.TrimSuffix(l, "\r"))
		if err == nil && len(words) > 0 {
			var e entry
			if e, err = parseEntry(words); err == nil {
				e.pos = pos
				im.add(e)
			}
		}
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", pos, err))
		}
	}
	return errors.Join(bad...)
}

// shapes are the forms of a line, for the message when one has too few words.
var shapes = map[string]string{
	"file": "file PATH SOURCE MODE",
	"dir":  "dir PATH MODE",
	"node": "node PATH c|b MAJOR MINOR MODE",
	"link": "link PATH TARGET",
}

func parseEntry(w []string) (entry, error) {
	shape, known := shapes[w[0]]
	if !known {
		return entry{}, fmt.Errorf("unknown entry %q: write file, dir, node or link", w[0])
	}
	if len(w) != len(strings.Fields(shape)) {
		return entry{}, fmt.Errorf("%d words: write %s", len(w), shape)
	}
	e := entry{path: w[1]}
	if p := clean(w[1]); p == "" || strings.IndexByte(p, 0) >= 0 {
		return e, fmt.Errorf("%q is no path below the root: write one such as /bin/sh", w[1])
	}
	var err error
	switch w[0] {
	case "file":
		e.source = w[2]
		e.mode, err = parseMode(w[3], typeFile)
	case "dir":
		e.mode, err = parseMode(w[2], typeDir)
	case "link":
		e.mode, e.data = typeLink|0o777, []byte(w[2])
		if w[2] == "" {
			err = errors.New("the link's target is empty: write where it leads")
		}
	case "node":
		err = e.parseNode(w)
	}
	return e, err
}

func (e *entry) parseNode(w []string) error {
	kinds := map[string]uint32{"c": typeChar, "b": typeBlock}
	kind, known := kinds[w[2]]
	if !known {
		return fmt.Errorf("kind of device %q: write c or b", w[2])
	}
	major, err := strconv.ParseUint(w[3], 10, 12)
	if err != nil {
		return fmt.Errorf("major %q: write a number from 0 to 4095", w[3])
	}
	minor, err := strconv.ParseUint(w[4], 10, 20)
	if err != nil {
		return fmt.Errorf("minor %q: write a number from 0 to 1048575", w[4])
	}
	e.major, e.minor = uint32(major), uint32(minor)
	e.mode, err = parseMode(w[5], kind)
	return err
}

func parseMode(s string, kind uint32) (uint32, error) {
	n, err := strconv.ParseUint(s, 8, 12)
	if err != nil {
		return 0, fmt.Errorf("mode %q: write octal digits, at most 7777", s)
	}
	return kind | uint32(n), nil
}

// complete gives the entries with what the list need not say: /dev/console and
// the folders above each entry, each before what is in it. A path that is
// listed twice is an error, except that a folder may be listed again.
func (im *Image) complete() ([]entry, error) {
	var all []entry
	var bad []error
	seen := map[string]uint32{}
	var put func(e entry)
	put = func(e entry) {
		parent := path.Dir(e.path)
		if _, ok := seen[parent]; !ok && parent != "." {
			mode := uint32(0o755)
			if i := slices.IndexFunc(im.entries, func(o entry) bool { return o.path == parent }); i >= 0 && im.entries[i].mode&^0o7777 == typeDir {
				mode = im.entries[i].mode & 0o7777 // listed later
			}
			put(entry{path: parent, mode: typeDir | mode})
		}
		old, twice := seen[e.path]
		switch {
		case twice && old&^0o7777 == typeDir && e.mode&^0o7777 == typeDir:
			return
		case twice:
			bad = append(bad, fmt.Errorf("%s: /%s is there already: drop one of them", or(e.pos, "image"), e.path))
			return
		}
		if m := seen[parent]; parent != "." && m&^0o7777 != typeDir {
			bad = append(bad, fmt.Errorf("%s: /%s is no folder: /%s cannot be in it", or(e.pos, "image"), parent, e.path))
			return
		}
		seen[e.path] = e.mode
		all = append(all, e)
	}
	for _, e := range im.entries {
		put(e)
	}
	if _, ok := seen["dev/console"]; !ok {
		put(entry{path: "dev/console", mode: typeChar | 0o600, major: 5, minor: 1})
	}
	return all, errors.Join(bad...)
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
