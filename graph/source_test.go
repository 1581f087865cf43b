package graph

import (
	"path"
	"slices"
	"strings"
)

// memory is a Source whose files are text by path.
type memory map[string]string

func (m memory) Files(p string) ([]string, error) {
	if _, ok := m[p]; ok {
		return []string{p}, nil
	}
	var files []string
	found := false
	for f := range m {
		if path.Dir(f) != p {
			continue
		}
		found = true
		if b := path.Base(f); strings.HasSuffix(b, ".conf") && b[0] != '.' {
			files = append(files, f)
		}
	}
	if !found {
		return nil, ErrMissing
	}
	slices.Sort(files)
	return files, nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var files []string
	for f := range m {
		if ok, err := path.Match(pattern, f); err != nil {
			return nil, err
		} else if ok {
			files = append(files, f)
		}
	}
	slices.Sort(files)
	return files, nil
}

func (m memory) Read(p string) ([]byte, error) {
	text, ok := m[p]
	if !ok {
		return nil, ErrMissing
	}
	return []byte(text), nil
}

// load reads one file, /c/a.conf.
func load(text string) *Config { return loadFiles(memory{"/c/a.conf": text}) }

// loadFiles reads the folder /c, and /s as the system's if there is one.
func loadFiles(m memory) *Config {
	return Load(m, []Root{{Path: "/s", Class: System, Optional: true}, {Path: "/c"}})
}

// faults gives a configuration's faults and warnings as text.
func faults(c *Config) []string {
	var all []string
	for _, f := range c.Faults {
		s := f.String()
		if f.Warning {
			s = "warning: " + s
		}
		all = append(all, s)
	}
	return all
}
