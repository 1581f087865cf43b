package graph

import (
	"strings"

	"mote/graph/line"
)

// maxIncludeDepth is how deep files may include one another (SPEC F3).
const maxIncludeDepth = 8

// include reads the files of a pattern here.
func (p *parser) include(w line.Word) {
	pos, what := p.pos, "include "+quote(w.Text)+": "
	pattern := joinPath(p.pos.File, w.Text)
	if len(p.stack) > maxIncludeDepth {
		p.fault(what + "deeper than " + itoa(maxIncludeDepth) + " files: include fewer in one another")
		return
	}
	files := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		var err error
		if files, err = p.src.Glob(pattern); err != nil {
			p.fault(what + err.Error())
			return
		}
	}
	for _, f := range files {
		p.pos = pos
		if at := indexOf(p.stack, f); at >= 0 {
			p.fault(what + "loop " + strings.Join(append(p.stack[at:len(p.stack):len(p.stack)], f), " -> ") + ": remove one include")
			continue
		}
		p.file(f, what)
	}
	p.pos = pos
}

func indexOf(list []string, s string) int {
	for i := range list {
		if list[i] == s {
			return i
		}
	}
	return -1
}

// joinPath gives a path that is relative to the folder of a file, without "."
// and "..", so that one file has one name.
func joinPath(file, path string) string {
	if !strings.HasPrefix(path, "/") {
		path = file[:strings.LastIndexByte(file, '/')+1] + path
	}
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "" || part == ".":
		case part == ".." && len(parts) > 0 && parts[len(parts)-1] != "..":
			parts = parts[:len(parts)-1]
		case part == ".." && strings.HasPrefix(path, "/"):
		default:
			parts = append(parts, part)
		}
	}
	joined := strings.Join(parts, "/")
	if strings.HasPrefix(path, "/") {
		return "/" + joined
	}
	return joined
}
