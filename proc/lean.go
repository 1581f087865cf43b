package proc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The runtime pushes these names to package runtime/debug, which brings more
// with it than the init has otherwise.
//
//go:linkname setGCPercent runtime/debug.setGCPercent
func setGCPercent(percent int32) int32

//go:linkname freeOSMemory runtime/debug.freeOSMemory
func freeOSMemory()

// startPoller makes the runtime's own epoll set, with the eventfd that wakes it.
//
//go:linkname startPoller internal/poll.runtime_pollServerInit
func startPoller()

// gcPercent lets the heap grow by a half between two collections. The
// runtime's first goal is 4 MB times this over 100 (runtime/mgcpacer.go,
// heapMinimum): 2 MB. Not less, because the first collection costs 450 kB of
// marks and work buffers that are never given back: more than all the garbage
// of an init with 100 units, whose heap does not come that far.
const gcPercent = 50

// Lean keeps the heap small from now on. The first collection has a timer, and the
// first timer needs the runtime's poller: with no descriptor left it would end the
// program there (runtime/netpoll_epoll.go, netpollinit), so it is made now.
func Lean() {
	startPoller()
	setGCPercent(gcPercent)
}

// roomyPercent lets it grow to 16 MB before the first collection: a state of 1,000
// units is taken over without any.
const roomyPercent = 400

// Roomy is for a time in which nearly all that is made is soon garbage, and which is
// to be short: until Lean.
func Roomy() {
	startPoller() // see Lean
	setGCPercent(roomyPercent)
}

// Trim gives memory back once the start is over: the clean pages of the program
// file, of which the kernel maps almost all around each fault, and with collect
// the heap's garbage. What is needed again comes from the page cache, so that
// this is best called just before a sleep.
func Trim(collect bool) {
	if collect {
		freeOSMemory()
	}
	phdr, size, count := uintptr(0), uintptr(0), uintptr(0)
	auxv := runtimeAuxv()
	for i := 0; i+1 < len(auxv); i += 2 {
		switch auxv[i] {
		case 3: // AT_PHDR, AT_PHENT, AT_PHNUM: getauxval(3)
			phdr = auxv[i+1]
		case 4:
			size = auxv[i+1]
		case 5:
			count = auxv[i+1]
		}
	}
	if phdr == 0 || size < unsafe.Sizeof(progHeader{}) || count > 64 {
		return
	}
	page := uintptr(unix.Getpagesize())
	for i := range count {
		h := (*progHeader)(pointerTo(phdr + i*size))
		// PT_LOAD, and not PF_W (elf(5)). The program is not position
		// independent: an address in the file is one in memory.
		if h.Type != 1 || h.flags()&2 != 0 {
			continue
		}
		from := (uintptr(h.Vaddr) + page - 1) &^ (page - 1)
		to := uintptr(h.Vaddr+h.Filesz) &^ (page - 1)
		if from < to {
			// Raw: the scheduler's part of a call would come back at once.
			unix.RawSyscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}

// pointerTo is an address of the program's own image as a pointer.
func pointerTo(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }
