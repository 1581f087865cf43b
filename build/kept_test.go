package build

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// keptStructs are those whose fields make up the state of a running init: each
// field is in a snapshot, or made again. The table of both is the package
// documentation of mote/state.
var keptStructs = map[string][]string{
	"graph": {"World", "node", "Status", "Reason", "Halt", "Unit", "Config", "Options", "block", "keyLine", "BootCheck", "Effect", "Listen", "Wait"},
	"proc":  {"Arena", "End", "Step", "Watchdog", "Asking", "Cgroups", "Socket"},
	"init": {"Init", "unitIO", "process", "said", "storedFD", "passedFD", "sockets", "unitSocket", "health", "keeping", "portUser", "cgroups",
		"clocks", "Options", "runText", "reexecs", "ending", "critical", "bootCheck", "watchdog", "upgrade", "work", "bugs",
		"Logs", "UnitLog", "Ring", "splitter", "textSeeker", "share", "logJournal", "logRun", "consoleSink", "kmsgSink",
		"backlog", "feed", "filer", "worker", "syslog", "endedProcess",
		"server", "client", "reply", "LogReader", "mergeEntry", "ringCursor", "logFollow"},
}

var keptRow = regexp.MustCompile(`^//\t([a-zA-Z0-9]+)\.([a-zA-Z0-9]+)\.([a-zA-Z0-9]+|\*)\s+(kept|rebuilt): \S`)

// TestKept fails for a field that the table does not have, and for a row of the
// table that no field has.
func TestKept(t *testing.T) {
	rows := map[string]bool{} // and whether a field has it
	files, err := os.ReadDir("../state")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "doc") {
			continue
		}
		text, err := os.ReadFile("../state/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for n, l := range strings.Split(string(text), "\n") {
			if !strings.HasPrefix(l, "//\t") {
				continue
			}
			m := keptRow.FindStringSubmatch(l)
			if m == nil {
				t.Errorf("%s:%d: %q is no row: write PACKAGE.TYPE.FIELD kept: HOW, or rebuilt: HOW", f.Name(), n+1, l)
				continue
			}
			key := m[1] + "." + m[2] + "." + m[3]
			if _, twice := rows[key]; twice {
				t.Errorf("%s:%d: %s is in the table twice", f.Name(), n+1, key)
			}
			rows[key] = false
		}
	}
	for _, room := range slices.Sorted(maps.Keys(keptStructs)) {
		structs := structsOf(t, "../"+room)
		for _, s := range keptStructs[room] {
			fields, ok := structs[s]
			if !ok {
				t.Errorf("%s has no struct %s", room, s)
			}
			for _, f := range fields {
				key := room + "." + s + "." + f
				if _, ok := rows[key]; !ok {
					key = room + "." + s + ".*"
				}
				if _, ok := rows[key]; !ok {
					t.Errorf("%s.%s.%s is neither kept over a re-exec nor made again: say which in the package documentation of mote/state", room, s, f)
				}
				rows[key] = true
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if !rows[key] {
			t.Errorf("%s: no such field, or its struct is not in keptStructs", key)
		}
	}
}

// structsOf gives the fields of the structs of a package.
func structsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range st.Fields.List {
				for _, name := range field.Names {
					out[spec.Name.Name] = append(out[spec.Name.Name], name.Name)
				}
				if len(field.Names) == 0 {
					if id, ok := field.Type.(*ast.Ident); ok {
						out[spec.Name.Name] = append(out[spec.Name.Name], id.Name)
					}
				}
			}
			return true
		})
	}
	return out
}
