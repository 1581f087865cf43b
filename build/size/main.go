// Size shows what the built file costs, beside the budgets of DESIGN D8: bytes
// of the file, plain and gzipped, where they are, and the memory of an init
// with 100 idle services.
//
//	size          everything, to be read
//	size -check   the file alone; exits 1 when a ceiling of build/size.txt is passed
package main

import (
	"compress/gzip"
	"debug/elf"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	check := flag.Bool("check", false, "compare the file's size with its budgets and do nothing else")
	path := flag.String("mote", "out/mote", "the file to measure")
	budget := flag.String("budget", "build/size.txt", "file of the budgets")
	flag.Parse()
	text, err := os.ReadFile(*budget)
	if err != nil {
		die(err)
	}
	limits, err := parse(*budget, string(text))
	if err != nil {
		die(err)
	}
	over, err := measureFile(os.Stdout, *path, limits)
	if err != nil {
		die(err)
	}
	if !*check {
		if err := sections(os.Stdout, *path); err != nil {
			die(err)
		}
		if _, err := memory(os.Stdout, *path, limits); err != nil {
			die(err)
		}
	}
	if over && *check {
		fmt.Println("size: over its ceiling: find what grew (go tool nm -size -sort size), or say in DESIGN D8 why it must")
		os.Exit(1)
	}
}

func die(err error) {
	fmt.Fprintf(os.Stderr, "size: %v\n", err)
	os.Exit(1)
}

// parse reads lines "NAME BYTES"; "#" begins a comment.
func parse(name, text string) (map[string]int64, error) {
	limits := map[string]int64{}
	for i, l := range strings.Split(text, "\n") {
		l, _, _ = strings.Cut(l, "#")
		w := strings.Fields(l)
		if len(w) == 0 {
			continue
		}
		if len(w) != 2 {
			return nil, fmt.Errorf("%s:%d: %d words: write NAME BYTES", name, i+1, len(w))
		}
		n, err := strconv.ParseInt(w[1], 10, 64)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("%s:%d: %q is no number of bytes: write digits", name, i+1, w[1])
		}
		limits[w[0]] = n
	}
	return limits, nil
}

// row prints one figure beside its budget, which may be missing, and reports
// whether it is over.
func row(w io.Writer, what string, n, limit int64) bool {
	if limit == 0 {
		fmt.Fprintf(w, "%-28s %9d\n", what, n)
		return false
	}
	verdict := "ok"
	if n > limit {
		verdict = "OVER"
	}
	fmt.Fprintf(w, "%-28s %9d of %9d  %3d%%  %s\n", what, n, limit, n*100/limit, verdict)
	return n > limit
}

// measureFile compares the file with the budgets "file" and "gzip", and reports
// whether it is over the ceilings, which are what it has reached so far.
func measureFile(w io.Writer, path string, limits map[string]int64) (over bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	var zipped counter
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return false, err
	}
	if _, err := z.Write(data); err != nil {
		return false, err
	}
	if err := z.Close(); err != nil {
		return false, err
	}
	row(w, "file, bytes", int64(len(data)), limits["file"])
	row(w, "file, gzip -9", int64(zipped), limits["gzip"])
	over = row(w, "ceiling, bytes", int64(len(data)), limits["file-ceiling"])
	return row(w, "ceiling, gzip -9", int64(zipped), limits["gzip-ceiling"]) || over, nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// sections shows the parts of the file that are worth looking at.
func sections(w io.Writer, path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, s := range f.Sections {
		if s.Size >= 4096 {
			row(w, "  section "+s.Name, int64(s.Size), 0)
		}
	}
	return nil
}
