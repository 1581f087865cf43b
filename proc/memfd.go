package proc

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// NewMemfd makes an empty file in memory, close-on-exec and open to seals. A
// kernel that has the flag (Linux 6.3) is told that nobody will execute it:
// with vm.memfd_noexec=2 it refuses else, and without the flag it complains.
func NewMemfd(name string) (fd int, err error) {
	for _, flags := range [...]int{
		unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING | unix.MFD_NOEXEC_SEAL,
		unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING,
		unix.MFD_CLOEXEC,
	} {
		if fd, err = unix.MemfdCreate(name, flags); err != unix.EINVAL {
			break
		}
	}
	if err != nil {
		return -1, cannot("make the memory file "+name, err)
	}
	return fd, nil
}

// arenaChunk is how much the arena grows at least. Every chunk is a mapping of
// its own, on 64 bits too: there is no limit to reserve for, and one way to
// test.
const arenaChunk = 1 << 20

// maxArena bounds an arena: what 32-bit offsets of files and lengths bear.
const maxArena = 1 << 30

// Arena is memory outside of Go's heap, in a file without a name: forks do not
// copy its page tables (MADV_DONTFORK), the collector never looks at it, and
// the descriptor can be handed to the next image. It grows by chunks that
// never move.
type Arena struct {
	fd     int // -1: there is no file, the memory is lost at an exec
	page   int
	size   int
	chunks []arenaSpan // in the order of their offsets
	free   []arenaSpan // sorted by offset, neighbours in one chunk are joined
	backed bool        // a disk or a bounded tmpfs holds it: reserve its blocks
}

type arenaSpan struct {
	off, size int
	mem       []byte // of the chunk that holds it
	base      int    // the chunk's offset
}

// NewArena makes an empty arena: a memfd; on kernels without one (before 3.17)
// an unlinked file in /run, /dev/shm or /tmp; where nothing can be written,
// anonymous memory.
func NewArena() *Arena {
	a := &Arena{fd: -1, page: unix.Getpagesize()}
	if fd, err := NewMemfd("mote-arena"); err == nil {
		a.fd = fd
	} else if fd, err := unlinkedFile(); err == nil {
		a.fd, a.backed = fd, true
	}
	return a
}

// unlinkedFile makes a file that has no name, in a place that is in memory as
// a rule. O_TMPFILE (Linux 3.11) never gives it one; else the name is gone at
// once.
func unlinkedFile() (fd int, err error) {
	for _, dir := range [...]string{"/run", "/dev/shm", "/tmp"} {
		fd, err = unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		if err == nil {
			return fd, nil
		}
		name := dir + "/.mote-arena-" + strconv.Itoa(unix.Getpid())
		fd, err = unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
		if err == nil {
			unix.Unlink(name)
			return fd, nil
		}
	}
	return -1, err
}

// FD is the descriptor of the file, or -1.
func (a *Arena) FD() int { return a.fd }

// Size is how many bytes the arena spans, used and free ones. Memory is only
// behind those that were written since their Alloc.
func (a *Arena) Size() int { return a.size }

// Alloc gives the offset of size bytes (rounded up to pages), all zero.
func (a *Arena) Alloc(size int) (off int, err error) {
	if size <= 0 || size > maxArena {
		return 0, cannot("allocate "+strconv.Itoa(size)+" bytes", reason("the limit is "+strconv.Itoa(maxArena)))
	}
	size = a.round(size)
	i := slices.IndexFunc(a.free, func(s arenaSpan) bool { return s.size >= size })
	if i < 0 {
		if i, err = a.grow(size); err != nil {
			return 0, cannot("allocate "+strconv.Itoa(size)+" bytes", err)
		}
	}
	s := &a.free[i]
	off = s.off
	if a.backed {
		// A page that the filesystem has no room for would be a SIGBUS later.
		if err := unix.Fallocate(a.fd, 0, int64(off), int64(size)); err != nil && err != unix.EOPNOTSUPP {
			return 0, cannot("allocate "+strconv.Itoa(size)+" bytes", err)
		}
	}
	s.off, s.size = s.off+size, s.size-size
	if s.size == 0 {
		a.free = append(a.free[:i], a.free[i+1:]...)
	}
	return off, nil
}

func (a *Arena) round(size int) int { return (size + a.page - 1) &^ (a.page - 1) }

// grow adds a chunk and gives the index of its free span.
func (a *Arena) grow(size int) (int, error) {
	size = max(size, a.round(arenaChunk))
	if a.size+size > maxArena {
		return 0, reason("the arena has " + strconv.Itoa(a.size) + " bytes: the limit is " + strconv.Itoa(maxArena))
	}
	if a.fd >= 0 {
		if err := unix.Ftruncate(a.fd, int64(a.size+size)); err != nil {
			return 0, err
		}
	}
	s := arenaSpan{off: a.size, size: size, base: a.size}
	if err := a.mapChunk(&s); err != nil {
		return 0, err
	}
	a.chunks = append(a.chunks, s)
	a.free = append(a.free, s)
	a.size += size
	return len(a.free) - 1, nil
}

// mapChunk gives a chunk its memory.
func (a *Arena) mapChunk(s *arenaSpan) (err error) {
	flags, at := unix.MAP_SHARED, int64(s.off)
	if a.fd < 0 {
		flags, at = flags|unix.MAP_ANONYMOUS, 0
	}
	if s.mem, err = unix.Mmap(a.fd, at, s.size, unix.PROT_READ|unix.PROT_WRITE, flags); err == nil {
		// A kernel without the advice only forks more slowly.
		unix.Madvise(s.mem, unix.MADV_DONTFORK)
	}
	return err
}

// Free gives back what Alloc gave; size is the one of that Alloc. The memory
// returns to the kernel at once.
func (a *Arena) Free(off, size int) {
	mem := a.Bytes(off, a.round(size))
	// MADV_REMOVE punches a hole in the file behind the mapping (madvise(2)),
	// for a memfd, a tmpfs file and anonymous shared memory alike.
	if unix.Madvise(mem, unix.MADV_REMOVE) != nil {
		clear(mem)
	}
	c := a.chunk(off)
	s := arenaSpan{off: off, size: len(mem), mem: c.mem, base: c.base}
	i := 0
	for i < len(a.free) && a.free[i].off < off {
		i++
	}
	if i < len(a.free) && a.free[i].off == s.off+s.size && a.free[i].base == s.base {
		s.size += a.free[i].size
		a.free = append(a.free[:i], a.free[i+1:]...)
	}
	if i > 0 && a.free[i-1].off+a.free[i-1].size == s.off && a.free[i-1].base == s.base {
		a.free[i-1].size += s.size
		return
	}
	a.free = append(a.free, s)
	copy(a.free[i+1:], a.free[i:])
	a.free[i] = s
}

// Bytes gives n bytes at off, which must lie within one allocation. The slice
// is good until Close.
func (a *Arena) Bytes(off, n int) []byte {
	c := a.chunk(off)
	at := off - c.base
	return c.mem[at : at+n : at+n]
}

// chunk finds the chunk of an offset; an offset that is in none panics, as an
// index out of range does.
func (a *Arena) chunk(off int) *arenaSpan {
	i, end := 0, len(a.chunks) // the last one whose base is not above off
	for i+1 < end {
		if m := (i + end) / 2; a.chunks[m].base <= off {
			i = m
		} else {
			end = m
		}
	}
	return &a.chunks[i]
}

// Close gives all of it up; slices of Bytes must not be used any more.
func (a *Arena) Close() {
	for _, c := range a.chunks {
		unix.Munmap(c.mem)
	}
	a.chunks, a.free, a.size = nil, nil, 0
	if a.fd >= 0 {
		unix.Close(a.fd)
		a.fd = -1
	}
}
