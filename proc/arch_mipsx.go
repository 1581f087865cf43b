//go:build mips || mipsle || mips64 || mips64le

package proc

const (
	// sigactHandler is the word of the kernel's struct sigaction that holds
	// the handler: on mips the flags come first. SIG_DFL and SIG_IGN need
	// neither flags nor mask, so nothing else of its shape matters here.
	sigactHandler = 1
	signalMax     = 128 // _NSIG
)
