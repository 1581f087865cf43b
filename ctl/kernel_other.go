//go:build !mips && !mipsle && !mips64 && !mips64le

package ctl

// The layout of a sigaction for rt_sigaction(2).
const (
	maskBytes   = 8
	handlerWord = 0
)
