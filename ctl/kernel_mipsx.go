//go:build mips || mipsle || mips64 || mips64le

package ctl

// On mips the flags come before the handler in a sigaction, and there are 128
// signals (arch/mips/include/uapi/asm/signal.h).
const (
	maskBytes   = 16
	handlerWord = 1
)
