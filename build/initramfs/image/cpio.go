package image

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write makes the gzipped archive. Sources are relative to dir. Owners are 0,
// times are 0, inode numbers count from 1, and gzip's header holds neither a
// name nor a time: the same input gives the same bytes.
func (im *Image) Write(w io.Writer, dir string) error {
	all, err := im.complete()
	if err != nil {
		return err
	}
	if err := load(all, dir); err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	a := archive{w: z}
	for i, e := range all {
		a.entry(uint32(i+1), e)
	}
	a.trailer()
	if a.err != nil {
		return fmt.Errorf("image: cannot write: %w", a.err)
	}
	return z.Close()
}

// load reads all sources, and reports every one that cannot be read.
func load(all []entry, dir string) error {
	var bad []error
	for i := range all {
		e := &all[i]
		if e.source == "" {
			continue
		}
		src := e.source
		if !filepath.IsAbs(src) {
			src = filepath.Join(dir, src)
		}
		var err error
		if e.data, err = readRegular(src); err != nil {
			bad = append(bad, fmt.Errorf("%s: /%s: %w", or(e.pos, "image"), e.path, err))
		}
	}
	return errors.Join(bad...)
}

// readRegular refuses what would not end or not be the same twice. The limit
// is the format's: a size has eight hexadecimal digits.
func readRegular(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: name one", path)
	}
	if st.Size() > 1<<32-1 {
		return nil, fmt.Errorf("%s has %d bytes: at most 4 GiB fit in a cpio entry", path, st.Size())
	}
	return os.ReadFile(path)
}

// archive writes the "new ASCII" format of cpio, which is what the kernel
// reads (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	w   io.Writer
	n   int // bytes so far, for the padding
	err error
}

// entry writes one header, its name and its bytes, each padded to 4.
func (a *archive) entry(inode uint32, e entry) {
	links := 1
	if e.mode&^0o7777 == typeDir {
		links = 2
	}
	a.print("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		inode, e.mode, 0, 0, links, 0, len(e.data), 0, 0, e.major, e.minor, len(e.path)+1, 0, e.path)
	a.pad(4)
	a.write(e.data)
	a.pad(4)
}

// trailer ends the archive; the padding to a block is what cpio -o writes.
func (a *archive) trailer() {
	a.entry(0, entry{path: "TRAILER!!!"})
	a.pad(512)
}

func (a *archive) print(format string, args ...any) {
	a.write(fmt.Appendf(nil, format, args...))
}

func (a *archive) pad(to int) {
	if over := a.n % to; over != 0 {
		a.write(make([]byte, to-over))
	}
}

func (a *archive) write(p []byte) {
	if a.err != nil {
		return
	}
	var n int
	n, a.err = a.w.Write(p)
	a.n += n
}
