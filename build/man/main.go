// Man writes the manual pages, mdoc(7), into a folder. The sections of keys and
// of verbs come from the tables that the program itself works with, so that
// the pages cannot say anything else; the rest is text beside this file.
//
//	man -o out/man
package main

import (
	"embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mote/graph"
)

//go:embed *.5 *.7 *.8
var text embed.FS

// generated are the marks in the pages and what stands in their place.
var generated = map[string]func() (string, error){
	".\\\" HEADERS": func() (string, error) { return keys(graph.InHeader), nil },
	".\\\" KEYS":    func() (string, error) { return keys(graph.InUnit), nil },
	".\\\" OPTIONS": func() (string, error) { return keys(graph.InOption), nil },
	".\\\" VERBS":   verbs,
	".\\\" MAPPING": mapping,
}

func main() {
	out := flag.String("o", "out/man", "the folder to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	files, err := text.ReadDir(".")
	if err != nil {
		return err
	}
	for _, f := range files {
		page, err := render(f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, f.Name()), []byte(page), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// render gives a page with its generated sections.
func render(name string) (string, error) {
	b, err := text.ReadFile(name)
	if err != nil {
		return "", err
	}
	var page strings.Builder
	for l := range strings.Lines(string(b)) {
		if make, ok := generated[strings.TrimSuffix(l, "\n")]; ok {
			if l, err = make(); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
		}
		page.WriteString(l)
	}
	return page.String(), nil
}

// keys is a tagged list of the rows of one part of the key table.
func keys(scope graph.Scope) string {
	var s strings.Builder
	s.WriteString(".Bl -tag -width Ds\n")
	for _, k := range graph.Keys() {
		if k.Scope != scope {
			continue
		}
		fmt.Fprintf(&s, ".It Ic %s", escape(k.Name))
		if k.Args != "" {
			fmt.Fprintf(&s, " Li %s", quote(k.Args))
		}
		fmt.Fprintf(&s, "\n%s\n", sentence(k.Help))
		if scope == graph.InUnit {
			fmt.Fprintf(&s, ".Pp\nFor %s%s.\n", k.Kinds, map[bool]string{true: "; several lines add up", false: ""}[k.List])
		}
		if k.Default != "" {
			fmt.Fprintf(&s, "Default:\n.Li %s .\n", quote(k.Default))
		}
	}
	s.WriteString(".El\n")
	return s.String()
}

// sentence is text as a line of mdoc; a new sentence begins a new line, as
// mdoc wants it.
func sentence(t string) string {
	return strings.ReplaceAll(escape(t), ". ", ".\n")
}

// quote makes one argument of a macro.
func quote(t string) string {
	return `"` + strings.ReplaceAll(escape(t), `"`, `""`) + `"`
}

// escape keeps roff from reading a backslash, a minus sign, or a dot or quote
// at a line's start as its own.
func escape(t string) string {
	t = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(t)
	if strings.HasPrefix(t, ".") || strings.HasPrefix(t, "'") {
		t = `\&` + t
	}
	return t
}
