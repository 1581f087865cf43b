package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const vforkFile = "zmote_linux.go"

// vforkSource goes into package syscall, where a call of rawVforkSyscall is a
// direct one. From another package it would go through an ABI wrapper, whose
// frame the child overwrites while the parent sleeps above it.
const vforkSource = `package syscall

import "unsafe"

// moteVfork makes the system call trap, a clone or clone3 with CLONE_VM and
// CLONE_VFORK, and runs child(arg), which never returns, in the new process, on
// this very stack. The parent sleeps until the child has exec'd or ended, and
// returns from this frame at once: it may use no more of it than the return
// address (see forkAndExecInChild1). The caller then calls runtime_AfterFork.
//
//go:linkname moteVfork mote/proc.vfork
//go:noinline
//go:norace
//go:nocheckptr
func moteVfork(trap, a1, a2 uintptr, child func(unsafe.Pointer), arg unsafe.Pointer) (pid uintptr, err1 Errno) {
	runtime_BeforeFork()
	pid, err1 = rawVforkSyscall(trap, a1, a2, 0)
	if err1 != 0 || pid != 0 {
		return
	}
	child(arg)
	for {
		RawSyscall(SYS_EXIT_GROUP, 127, 0, 0)
	}
}
`

// checkVfork fails unless package syscall still forks as vforkSource does.
func checkVfork(src string) error {
	text, err := os.ReadFile(filepath.Join(src, "syscall", "exec_linux.go"))
	if err != nil {
		return err
	}
	for _, line := range []string{
		"\truntime_BeforeFork()\n",
		"\t\t\tpid, err1 = rawVforkSyscall(SYS_CLONE, flags, 0, uintptr(unsafe.Pointer(&pidfd)))\n",
		"\t\t\tpid, err1 = rawVforkSyscall(SYS_CLONE, 0, flags, uintptr(unsafe.Pointer(&pidfd)))\n",
		"\truntime_AfterForkInChild()\n",
	} {
		if strings.Count(string(text), line) != 1 {
			return fmt.Errorf("syscall/exec_linux.go does not have the line %q of go1.26 once", strings.TrimSpace(line))
		}
	}
	return nil
}
