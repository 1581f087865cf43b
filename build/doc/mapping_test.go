package doc

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"mote/ctl"
	"mote/graph"
)

// row is a row of a table of the page.
type row struct {
	line               int
	theirs, mote, note string
}

// tableRows gives the rows of all tables, and looks that each has its columns.
func tableRows(t *testing.T) []row {
	t.Helper()
	var rows []row
	lines := strings.Split(Mapping, "\n")
	for i, l := range lines {
		cells, ok := Cells(l)
		if !ok || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|---") {
			continue
		}
		if len(cells) != 3 {
			t.Errorf("mapping.md:%d: %d columns: want theirs, mote, note", i+1, len(cells))
			continue
		}
		rows = append(rows, row{i + 1, cells[0], cells[1], cells[2]})
	}
	if len(rows) < 300 {
		t.Fatalf("%d rows: tables are missing", len(rows))
	}
	return rows
}

// fences gives the blocks of a language with the line that each begins at.
func fences(page, lang string) (blocks []string, at []int) {
	in, start, text := false, 0, ""
	for i, l := range strings.Split(page, "\n") {
		switch {
		case in && l == "```":
			blocks, at, in = append(blocks, text), append(at, start), false
		case in:
			text += l + "\n"
		case l == "```"+lang:
			in, start, text = true, i+2, ""
		}
	}
	return blocks, at
}

// memory is a configuration in one file.
type memory string

func (m memory) Files(path string) ([]string, error) { return []string{path}, nil }
func (m memory) Glob(string) ([]string, error)       { return nil, nil }
func (m memory) Read(path string) ([]byte, error) {
	if path != "/page.conf" {
		return nil, fs.ErrNotExist
	}
	return []byte(m), nil
}

// check gives everything that "mote check" would say, warnings too.
func check(text string) []graph.Fault {
	return graph.Load(memory(text), []graph.Root{{Path: "/page.conf"}}).Faults
}

// TestExamplesParse reads every block of mote's lines on the pages.
func TestExamplesParse(t *testing.T) {
	recipes, err := os.ReadFile("recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		name, text string
		least      int
	}{{"mapping.md", Mapping, 5}, {"recipes.md", string(recipes), 8}} {
		blocks, at := fences(p.text, "mote")
		if len(blocks) < p.least {
			t.Errorf("%s: %d examples: want %d", p.name, len(blocks), p.least)
		}
		for i, b := range blocks {
			for _, f := range check(b) {
				t.Errorf("%s:%d: %s: %s", p.name, at[i]+f.Pos.Line-1, f.Pos, f.Text)
			}
		}
	}
}

// kernelWords are those of the kernel command line (SPEC 1).
var kernelWords = []string{"mote.config=", "mote.target=", "mote.log=", "mote.watchdog=", "mote.rescue"}

// TestWordsExist looks up every word of the second column, and reads those that
// have values behind them as a line of a unit.
func TestWordsExist(t *testing.T) {
	for _, r := range tableRows(t) {
		spans := Spans(r.mote)
		switch {
		case r.theirs == "":
			t.Errorf("mapping.md:%d: no word of theirs", r.line)
		case r.mote == None && r.note == "":
			t.Errorf("mapping.md:%d: none, and no reason", r.line)
		case r.mote != None && len(spans) == 0:
			t.Errorf("mapping.md:%d: %q is neither none nor a word of mote", r.line, r.mote)
		}
		for _, s := range spans {
			if wrong := wrongSpan(s); wrong != "" {
				t.Errorf("mapping.md:%d: %q: %s", r.line, s, wrong)
			}
		}
	}
}

// TestKeysAreNamed looks that no key, header or option of mote is forgotten.
func TestKeysAreNamed(t *testing.T) {
	named := map[string]bool{}
	for _, r := range tableRows(t) {
		for _, s := range Spans(r.mote) {
			first, rest, _ := strings.Cut(s, " ")
			named[first] = true
			if first == "option" {
				name, _, _ := strings.Cut(rest, " ")
				named["option "+name] = true
			}
		}
	}
	for _, k := range graph.Keys() {
		name := k.Name
		if k.Scope == graph.InOption {
			name = "option " + name
		}
		if !named[name] {
			t.Errorf("no table has %q in its second column", name)
		}
	}
}

// wrongSpan says what is wrong with a word or line of the second column.
func wrongSpan(s string) string {
	words := strings.Fields(s)
	first := words[0]
	switch {
	case first == "motectl":
		if len(words) < 2 || !hasVerb(words[1]) {
			return "the client has no such verb"
		}
		return ""
	case strings.HasPrefix(first, "mote."):
		if !slices.ContainsFunc(kernelWords, func(w string) bool {
			return w == first || strings.HasSuffix(w, "=") && strings.HasPrefix(first, w)
		}) {
			return "the kernel command line has no such word"
		}
		return ""
	case first == "option":
		if len(words) == 1 {
			return ""
		}
		if !hasKey(words[1], graph.InOption) {
			return "there is no such option"
		}
		return wrongLine(words[2:], s+"\n")
	case hasKey(first, graph.InUnit):
		return wrongLine(words[1:], unitWith(first, s))
	case hasKey(first, graph.InHeader):
		return wrongLine(words[1:], s+"\n")
	}
	return "there is no such key"
}

// wrongLine reads a configuration, unless its line has no values to be read.
func wrongLine(values []string, config string) string {
	if len(values) == 0 {
		return ""
	}
	for _, f := range check(config) {
		if !f.Warning {
			return f.Text
		}
	}
	return ""
}

// unitWith is a configuration with the line in a unit that may have it, beside
// the lines that it cannot be without and the unit that it names.
func unitWith(key, line string) string {
	header, extra := "service x /bin/true\n", ""
	switch {
	case key == "exec" || key == "sh":
		header = "service x\n"
	case hasKind(key, graph.Service):
	case hasKind(key, graph.Task):
		header = "task x /bin/true\n"
	default:
		header = "tty x /bin/true\n    tty /dev/console\n"
	}
	switch {
	case key == "on-demand":
		extra = "    listen tcp 127.0.0.1:1\n"
	case line == "ready health":
		extra = "    health tcp 127.0.0.1:1\n"
	}
	if to, ok := strings.CutPrefix(line, "log pipe "); ok {
		extra += "service " + to + " /bin/true\n"
	}
	return header + "    " + line + "\n" + extra
}

func hasKey(name string, scope graph.Scope) bool {
	return slices.ContainsFunc(graph.Keys(), func(k graph.Key) bool { return k.Name == name && k.Scope == scope })
}

func hasKind(name string, kind graph.Kind) bool {
	return slices.ContainsFunc(graph.Keys(), func(k graph.Key) bool {
		return k.Name == name && k.Scope == graph.InUnit && k.Kinds.Has(kind)
	})
}

// hasVerb asks the client's own help.
func hasVerb(name string) bool {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer null.Close()
	return ctl.Main([]string{"help", name}, ctl.Env{
		Name: "motectl", Stdout: int(null.Fd()), Stderr: int(null.Fd()),
		Getenv: func(string) string { return "" },
	}) == 0
}
