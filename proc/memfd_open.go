package proc

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Span is a part of an arena.
type Span struct{ Off, Size int }

// Chunks gives the sizes of the arena's chunks, in the order of their offsets:
// what OpenArena needs besides the file.
func (a *Arena) Chunks() []int64 {
	sizes := make([]int64, len(a.chunks))
	for i := range a.chunks {
		sizes[i] = int64(a.chunks[i].size)
	}
	return sizes
}

// OpenArena takes over the file of an arena from the image before, with the
// parts of it that Alloc had given; the rest is free. The descriptor is the
// arena's then; where there is an error it stays the caller's.
func OpenArena(fd int, chunks []int64, used []Span) (*Arena, error) {
	a := &Arena{fd: fd, page: unix.Getpagesize()}
	err := a.lay(chunks, used)
	if err == nil {
		err = a.checkFile()
	}
	for i := 0; i < len(a.chunks) && err == nil; i++ {
		err = a.mapChunk(&a.chunks[i])
	}
	if err != nil {
		a.fd = -1
		a.Close()
		return nil, cannot("take over the arena", err)
	}
	return a, nil
}

// CheckArena says what OpenArena would find wrong, without the file.
func CheckArena(chunks []int64, used []Span) error {
	a := Arena{page: unix.Getpagesize()}
	return a.lay(chunks, used)
}

// lay places the chunks and finds what of them is free. The numbers are from
// another image and may be anything.
func (a *Arena) lay(chunks []int64, used []Span) error {
	for _, bytes := range chunks {
		size := int(min(max(bytes, 0), maxArena+1))
		if size < arenaChunk || size != a.round(size) || size > maxArena-a.size {
			return reason("a chunk has " + strconv.FormatInt(bytes, 10) + " bytes behind " + strconv.Itoa(a.size) +
				": it must be whole pages, " + strconv.Itoa(arenaChunk) + " at least, and " + strconv.Itoa(maxArena) + " for all")
		}
		a.chunks = append(a.chunks, arenaSpan{off: a.size, size: size, base: a.size})
		a.size += size
	}
	taken := make([]bool, a.size/a.page)
	for _, u := range used {
		where := strconv.Itoa(u.Size) + " bytes at " + strconv.Itoa(u.Off)
		if u.Off < 0 || u.Off >= a.size || u.Off != a.round(u.Off) || u.Size <= 0 {
			return reason(where + ": the arena has pages up to " + strconv.Itoa(a.size))
		}
		if c := a.chunk(u.Off); u.Size > c.off+c.size-u.Off {
			return reason(where + ": no chunk has them all")
		}
		for p := u.Off / a.page; p < (u.Off+a.round(u.Size))/a.page; p++ {
			if taken[p] {
				return reason(where + ": another one has them")
			}
			taken[p] = true
		}
	}
	for _, c := range a.chunks {
		begin := c.off
		for off := c.off; off <= c.off+c.size; off += a.page {
			if off < c.off+c.size && !taken[off/a.page] {
				continue
			}
			if off > begin {
				a.free = append(a.free, arenaSpan{off: begin, size: off - begin, base: c.base})
			}
			begin = off + a.page
		}
	}
	return nil
}

// checkFile makes sure that the file is as NewArena makes it: memory that has
// no name, long enough that reading it is no SIGBUS, and whether its blocks must
// be reserved. A file of a tmpfs has the one seal that a memfd open to seals has
// not (fcntl(2), F_SEAL_SEAL), others have none.
func (a *Arena) checkFile() error {
	var st unix.Stat_t
	if err := unix.Fstat(a.fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 0 || st.Size < int64(a.size) {
		return reason("descriptor " + strconv.Itoa(a.fd) + " is no file without a name of " + strconv.Itoa(a.size) + " bytes")
	}
	seals, err := unix.FcntlInt(uintptr(a.fd), unix.F_GET_SEALS, 0)
	a.backed = err != nil || seals&unix.F_SEAL_SEAL != 0
	return nil
}
