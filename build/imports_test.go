// Package build tests the house rules that the compiler cannot: who may import
// whom (STYLE.md, Rooms), and what process 1 may not use at all.
package build

import (
	"debug/elf"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows says which of our packages each room may import; the key is the
// folder, "." is main.go. Everyone may import the line codec. Folders below a
// room belong to it, except graph/line, which is a room of its own.
var arrows = map[string][]string{
	".":          {"mote/init", "mote/graph", "mote/proc", "mote/state", "mote/ctl", "mote/graph/line"},
	"init":       {"mote/graph", "mote/proc", "mote/state", "mote/ctl", "mote/graph/line"},
	"state":      {"mote/graph", "mote/graph/line"},
	"graph":      {"mote/graph/line"},
	"graph/line": {},
	"proc":       {"mote/graph/line", "mote/proc/first"},
	"ctl":        {"mote/graph/line"},
}

// banned packages are in no room: they bring reflection, threads, a resolver,
// or a second place that forks and waits.
var banned = []string{
	"fmt", "net", "os/exec", "encoding/json", "reflect", "regexp", "text/template", "html/template",
	"log", "log/slog", "flag", "sort", "path/filepath", "bufio", "sync", "context", "plugin", "C",
}

// allowedIn limits a package to some rooms; a package that is not here and not
// banned may be used anywhere.
var allowedIn = map[string][]string{
	"os":                       {"."},
	"os/signal":                {"proc", "init"},
	"syscall":                  {"init", "proc", "state", "ctl", "."},
	"golang.org/x/sys/unix":    {"init", "proc", "state", "ctl", "."},
	"unsafe":                   {"init", "proc", "state", "ctl"},
	"runtime":                  {"init", "proc", "ctl", "."},
	"runtime/debug":            {"init", "proc", "."},
	"mote/graph":               {"init", "state", "."},
	"golang.org/x/sys/cpu":     {},
	"golang.org/x/sys/plan9":   {},
	"golang.org/x/sys/execabs": {},
}

// units are what "time" may be used for outside the client, besides the clock in
// proc; the timers of package time may be used nowhere (DESIGN D1).
var (
	units  = []string{"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}
	timers = []string{"After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep", "Timer", "Ticker"}
)

// roomOf gives the room of a folder.
func roomOf(dir string) string {
	dir = filepath.ToSlash(dir)
	if dir == "graph/line" {
		return dir
	}
	top, _, _ := strings.Cut(dir, "/")
	return top
}

// faults gives what a file of a room does that the rules do not allow.
func faults(room string, f *ast.File, set *token.FileSet) []string {
	var bad []string
	add := func(p token.Pos, text string) { bad = append(bad, set.Position(p).String()+": "+text) }
	may, known := arrows[room]
	if !known {
		add(f.Pos(), "folder "+strconv.Quote(room)+" is no room: move the file or add the room to STYLE.md and here")
	}
	for _, im := range f.Imports {
		path, _ := strconv.Unquote(im.Path.Value)
		rooms, limited := allowedIn[path]
		switch {
		case path == "mote" || strings.HasPrefix(path, "mote/"):
			if !slices.Contains(may, path) {
				add(im.Pos(), room+" imports "+path+": no such arrow in STYLE.md")
			}
		case slices.Contains(banned, path) || strings.HasPrefix(path, "net/"):
			add(im.Pos(), room+" imports "+path+": banned from process 1")
		case limited && !slices.Contains(rooms, room):
			add(im.Pos(), room+" imports "+path+": not allowed in this room")
		case strings.Contains(path, ".") && !strings.HasPrefix(path, "golang.org/x/sys/"):
			add(im.Pos(), room+" imports "+path+": golang.org/x/sys is the only module")
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && x.Obj == nil {
			if slices.Contains(timers, sel.Sel.Name) {
				add(sel.Pos(), "time."+sel.Sel.Name+": the loop's one timerfd does this")
			} else if room != "ctl" && !slices.Contains(units, sel.Sel.Name) && !(room == "proc" && sel.Sel.Name == "Now") {
				add(sel.Pos(), "time."+sel.Sel.Name+": only durations are allowed here")
			}
		}
		return true
	})
	return bad
}

// TestImports walks every Go file that can be in the binary.
func TestImports(t *testing.T) {
	files := 0
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (path == "build" || path == "out" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, filepath.Join("..", path), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		for _, s := range faults(roomOf(filepath.Dir(path)), f, set) {
			t.Error(s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no Go file found: is this the source tree?")
	}
}

// TestImportsCatches proves that the rules can fail at all.
func TestImportsCatches(t *testing.T) {
	tests := []struct{ name, room, src, want string }{
		{"arrow", "ctl", `import "mote/graph"`, "ctl imports mote/graph: no such arrow in STYLE.md"},
		{"arrow up", "graph/line", `import "mote/graph"`, "graph/line imports mote/graph: no such arrow in STYLE.md"},
		{"kernel in graph", "graph", `import "golang.org/x/sys/unix"`, "graph imports golang.org/x/sys/unix: not allowed in this room"},
		{"banned", "init", `import "fmt"`, "init imports fmt: banned from process 1"},
		{"below net", "ctl", `import "net/url"`, "ctl imports net/url: banned from process 1"},
		{"os outside main", "proc", `import "os"`, "proc imports os: not allowed in this room"},
		{"module", "proc", `import "example.org/x"`, "proc imports example.org/x: golang.org/x/sys is the only module"},
		{"timer", "ctl", "import \"time\"\nvar x = time.After(1)", "time.After: the loop's one timerfd does this"},
		{"clock", "graph", "import \"time\"\nvar x = time.Now()", "time.Now: only durations are allowed here"},
		{"clock in proc", "proc", "import \"time\"\nvar x = time.Now()", ""},
		{"duration", "graph", "import \"time\"\nvar x time.Duration = time.Second", ""},
		{"codec", "proc", `import "mote/graph/line"`, ""},
		{"below a room", roomOf("proc/first"), `import "unsafe"`, ""},
		{"room", "helper", "", "folder \"helper\" is no room: move the file or add the room to STYLE.md and here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, "x.go", "package x\n"+tt.src, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(faults(tt.room, f, set), "\n")
			if tt.want == "" && got != "" || !strings.HasSuffix(got, tt.want) {
				t.Errorf("got %q, want it to end with %q", got, tt.want)
			}
		})
	}
}

// TestLinked looks at the symbols of the built file: a package that nobody
// imports by name can still come in through another one. That reflect is
// compiled for x/sys costs nothing as long as no function of it is linked but
// its initialization.
func TestLinked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mote")
	build := exec.Command("go", "build", "-o", file, ".")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"fmt", "net", "os/exec", "encoding/json", "reflect", "regexp", "text/template", "context"} {
		i := slices.IndexFunc(symbols, func(s elf.Symbol) bool {
			return elf.ST_TYPE(s.Info) == elf.STT_FUNC && strings.HasPrefix(s.Name, p+".") && !strings.HasPrefix(s.Name, p+".init")
		})
		if i >= 0 {
			t.Errorf("%s is linked into mote, with %s: find who calls it with go build -ldflags=-dumpdep", p, symbols[i].Name)
		}
	}
}

// TestModules holds go.mod to the one module of STYLE.md.
func TestModules(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(text), "\n") {
		w := strings.Fields(strings.TrimPrefix(l, "require"))
		if len(w) >= 2 && strings.Contains(w[0], ".") && w[0] != "golang.org/x/sys" {
			t.Errorf("go.mod names %s: golang.org/x/sys is the only module", w[0])
		}
	}
}
