package stage

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mote/build/initramfs/image"
)

// libraryDirs are where the loader looks when nobody says otherwise (ld.so(8));
// Debian keeps its libraries in a folder named after the machine.
var libraryDirs = []string{"lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib"}

// AddProgram adds the program source as path, with its loader and the
// libraries that it and they need, each where it is on this machine.
func AddProgram(im *image.Image, path, source string) error {
	source, err := filepath.EvalSymlinks(source)
	if err != nil {
		return err
	}
	if source, err = filepath.Abs(source); err != nil {
		return err
	}
	im.File(path, source, 0o755)
	return addLibraries(im, source)
}

// addLibraries adds what an ELF file needs at run time.
func addLibraries(im *image.Image, source string) error {
	queue := []string{source}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		f, err := elf.Open(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		need, err := f.ImportedLibraries()
		loader := interpreter(f)
		machine := f.Machine
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if loader != "" && addOnce(im, loader) {
			queue = append(queue, loader)
		}
		for _, n := range need {
			lib, err := findLibrary(n, machine)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if addOnce(im, lib) {
				queue = append(queue, lib)
			}
		}
	}
	return nil
}

// addOnce adds a library under its own path, unless it is there.
func addOnce(im *image.Image, path string) bool {
	if im.Has(path) {
		return false
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path // the error shows when it is read
	}
	im.File(path, real, 0o755)
	return true
}

// interpreter gives the loader that the kernel starts for f, if any.
func interpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err == nil {
				return strings.TrimRight(string(b), "\x00")
			}
		}
	}
	return ""
}

// findLibrary gives the path of a library for the machine. Debian's folder has
// the machine in its name (lib/x86_64-linux-gnu).
func findLibrary(name string, machine elf.Machine) (string, error) {
	var dirs []string
	for _, d := range libraryDirs {
		multi, err := filepath.Glob("/" + d + "/*-linux-gnu*")
		if err != nil {
			return "", err
		}
		dirs = append(append(dirs, multi...), "/"+d)
	}
	for _, d := range dirs {
		path := filepath.Join(d, name)
		f, err := elf.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		f.Close()
		if f.Machine == machine {
			return path, nil
		}
	}
	return "", fmt.Errorf("library %s is in none of the usual folders", name)
}
