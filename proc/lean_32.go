//go:build 386 || arm || mips || mipsle

package proc

// progHeader is Elf32_Phdr (elf(5)).
type progHeader struct {
	Type, Offset, Vaddr, Paddr, Filesz, Memsz, Flags, Align uint32
}

func (h *progHeader) flags() uint32 { return h.Flags }
