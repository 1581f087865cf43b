//go:build !386 && !arm && !mips && !mipsle

package proc

// progHeader is Elf64_Phdr (elf(5)).
type progHeader struct {
	Type, Flags                                uint32
	Offset, Vaddr, Paddr, Filesz, Memsz, Align uint64
}

func (h *progHeader) flags() uint32 { return h.Flags }
