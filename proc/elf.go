package proc

import (
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What a program file says of itself in its first bytes (elf(5)). It is looked at
// before an exec: much of this the kernel finds out only when the old program is
// gone, and then it kills (fs/binfmt_elf.c, load_elf_binary after begin_new_exec).

// elfHead is what counts of the file header.
type elfHead struct {
	wide    bool // 64 bits
	big     bool // the order of the bytes
	kind    uint64
	machine uint64
	table   uint64 // where the program headers are
	each    int    // the bytes of one of them
	count   int
}

const (
	elfHeadBytes = 64       // of 64 bits; 52 of 32
	maxElfTable  = 64 << 10 // bytes of program headers that the kernel takes (load_elf_phdrs)

	elfExec, elfDyn    = 2, 3 // ET_EXEC, ET_DYN
	elfLoad, elfInterp = 1, 3 // PT_LOAD, PT_INTERP
)

// number reads size bytes in the file's order.
func (h *elfHead) number(b []byte, size int) (n uint64) {
	for i := range size {
		if h.big {
			n = n<<8 | uint64(b[i])
		} else {
			n |= uint64(b[i]) << (8 * i)
		}
	}
	return n
}

// parseElf takes the beginning of a file, all of it or elfHeadBytes; false: it is no
// ELF file. need is how many bytes the header has: with fewer h is not filled in.
func parseElf(b []byte) (h elfHead, need int, ok bool) {
	if len(b) < 16 || string(b[:4]) != "\x7fELF" || b[4]-1 > 1 || b[5]-1 > 1 {
		return h, 0, false
	}
	h.wide, h.big, need, h.each = b[4] == 2, b[5] == 2, 52, 32
	at, word := 28, 4 // e_phoff
	if h.wide {
		need, h.each, at, word = elfHeadBytes, 56, 32, 8
	}
	if len(b) < need {
		return h, need, true
	}
	h.kind, h.machine = h.number(b[16:], 2), h.number(b[18:], 2)
	h.table, h.count = h.number(b[at:], word), int(h.number(b[need-8:], 2))
	if int(h.number(b[need-10:], 2)) != h.each { // e_phentsize
		h.count = 0
	}
	return h, need, true
}

// same reports whether programs of both run on one machine.
func (h *elfHead) same(o *elfHead) bool {
	return h.wide == o.wide && h.big == o.big && h.machine == o.machine
}

// name is what such a machine is called: e_machine with its width and order where
// there are several.
func (h *elfHead) name() string {
	name, wide, little := "", "", ""
	switch h.machine {
	case 3:
		name = "386"
	case 8:
		name, wide, little = "mips", "64", "le"
	case 20, 21:
		name, wide, little = "ppc", "64", "le"
	case 22:
		name, little = "s390x", "le"
	case 40:
		name = "arm"
	case 62:
		name = "x86-64"
	case 183:
		name = "aarch64"
	case 243:
		name, wide = "riscv", "64"
	case 258:
		name, wide = "loong", "64"
	default:
		name = "machine " + strconv.Itoa(int(h.machine))
	}
	if h.wide {
		name += wide
	}
	if !h.big {
		name += little
	} else if little == "" {
		name += "be"
	}
	return name
}

// segment is one program header.
type segment struct{ kind, offset, size uint64 }

func (h *elfHead) segment(b []byte) segment {
	if h.wide {
		return segment{h.number(b, 4), h.number(b[8:], 8), h.number(b[32:], 8)}
	}
	return segment{h.number(b, 4), h.number(b[4:], 4), h.number(b[16:], 4)}
}

// end is the first byte behind it, or the largest number.
func (s *segment) end() uint64 {
	if e := s.offset + s.size; e >= s.offset {
		return e
	}
	return ^uint64(0)
}

// checkELF says what keeps the open file of size bytes from being a program of the
// machine own; the answer begins behind the file's name.
func checkELF(fd int, size int64, own *elfHead) error {
	head, err := preadAll(fd, 0, int(min(size, elfHeadBytes)))
	if err != nil {
		return err
	}
	h, need, ok := parseElf(head)
	switch {
	case !ok:
		return reason("is not a program: name an ELF file")
	case len(head) < need:
		return isCut(size, uint64(need))
	case !h.same(own):
		return reason("is for " + h.name() + ", this machine runs " + own.name() + " programs: build it with GOARCH=" + runtime.GOARCH)
	case h.kind != elfExec && h.kind != elfDyn:
		return reason("is an ELF file and not a program: link it")
	case h.count == 0 || h.count*h.each > maxElfTable:
		return reason("is not a program: its header says nothing to load")
	}
	table := segment{offset: h.table, size: uint64(h.count * h.each)}
	if table.end() > uint64(size) {
		return isCut(size, table.end())
	}
	b, err := preadAll(fd, int64(h.table), h.count*h.each)
	if err != nil {
		return err
	}
	return h.checkSegments(fd, size, b)
}

func (h *elfHead) checkSegments(fd int, size int64, table []byte) error {
	loads, interp, last := 0, segment{}, uint64(0)
	for ; len(table) > 0; table = table[h.each:] {
		s := h.segment(table)
		if s.kind == elfLoad {
			loads++
		} else if s.kind == elfInterp {
			interp = s
		}
		if s.size > 0 && s.kind != 0 { // PT_NULL says nothing
			last = max(last, s.end())
		}
	}
	if last > uint64(size) {
		return isCut(size, last)
	}
	if loads == 0 {
		return reason("is not a program: its header says nothing to load")
	}
	if interp.size == 0 {
		return nil
	}
	b, err := preadAll(fd, int64(interp.offset), int(min(interp.size, unix.PathMax)))
	if err != nil {
		return err
	}
	loader, _, _ := strings.Cut(string(b), "\x00")
	if OnNetworkOrFuse(loader) || !Exists(loader) {
		return reason("needs the loader " + shown(loader) + ", which is not there: link it statically (CGO_ENABLED=0)")
	}
	return nil
}

func isCut(size int64, need uint64) error {
	return reason("is cut: it has " + strconv.FormatInt(size, 10) + " bytes and needs " + utoa64(need) + ": copy it again")
}

// preadAll gives n bytes at an offset; fewer are an error.
func preadAll(fd int, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	for have := 0; have < n; {
		got, err := unix.Pread(fd, b[have:], at+int64(have))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, reason("cannot be read: " + err.Error())
		}
		if got == 0 {
			return nil, reason("became shorter while it was read")
		}
		have += got
	}
	return b, nil
}
