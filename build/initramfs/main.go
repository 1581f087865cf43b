// Initramfs packs the first root of a board: a gzipped cpio archive that the
// kernel unpacks before it starts /init. It uses no outside tool and needs no
// root, and the same list and files give the same bytes.
//
//	initramfs -o OUT [-C DIR] LIST...
//
// A LIST is a file ("-" is standard input) with one entry a line, in the words
// and quotes of mote's own configuration:
//
//	file PATH SOURCE MODE             a copy of SOURCE, which is relative to DIR
//	dir  PATH MODE
//	node PATH c|b MAJOR MINOR MODE    a device
//	link PATH TARGET                  a symbolic link
//
// MODE is octal. Folders that nobody lists are made with mode 755, and
// /dev/console is always there: without it the kernel starts /init with no
// standard input, output and error.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"

	"mote/build/initramfs/image"
)

func main() {
	out := flag.String("o", "", "the file to write")
	dir := flag.String("C", ".", "folder that sources are relative to")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "initramfs: write initramfs -o OUT [-C DIR] LIST...")
		os.Exit(2)
	}
	if err := run(*out, *dir, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out, dir string, lists []string) error {
	var im image.Image
	for _, l := range lists {
		text, err := read(l)
		if err != nil {
			return fmt.Errorf("initramfs: cannot read the list: %w", err)
		}
		if err := im.Parse(l, string(text)); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := im.Write(&b, dir); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o666)
}

func read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(path)
}
