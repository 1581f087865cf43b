//go:build !mips && !mipsle && !mips64 && !mips64le

package proc

const (
	// sigactHandler is the word of the kernel's struct sigaction that holds
	// the handler. SIG_DFL and SIG_IGN need neither flags nor mask nor
	// restorer, so nothing else of its shape, which differs, matters here.
	sigactHandler = 0
	signalMax     = 64 // _NSIG
)
