package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// machine is a QEMU that runs, seen through its serial line.
type machine struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	echo  io.Writer     // gets the serial line as it comes; may be nil
	began time.Time     // the start of QEMU
	gone  chan struct{} // closed when QEMU has ended

	mu   sync.Mutex
	text []byte        // all of the serial line
	seen int           // what expect has consumed
	more chan struct{} // closed, and made anew, when text grows
}

// limitBytes bounds what is kept of a serial line; a kernel in a loop of
// messages would fill the memory otherwise.
const limitBytes = 16 << 20

// arguments are QEMU's: a PC without network or screen, plain emulation, so
// that it runs alike everywhere. With -no-reboot a reboot ends it too, and so
// does a panic (panic=-1).
func arguments(kernel, initrd, words string) []string {
	return []string{
		"-machine", "q35", "-accel", "tcg", "-m", "512", "-display", "none", "-no-reboot", "-net", "none",
		"-kernel", kernel, "-initrd", initrd,
		"-append", strings.TrimSpace("console=ttyS0 panic=-1 loglevel=4 " + words),
	}
}

// start boots the kernel with the initrd; words are added to its command line,
// and devices to QEMU's.
func start(kernel, initrd, words string, echo io.Writer, devices ...string) (*machine, error) {
	m := &machine{echo: echo, began: time.Now(), gone: make(chan struct{}), more: make(chan struct{})}
	devices = append(devices, "-serial", "stdio", "-monitor", "none")
	m.cmd = exec.Command("qemu-system-x86_64", append(arguments(kernel, initrd, words), devices...)...)
	var err error
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	m.cmd.Stdout = writer(m.took)
	m.cmd.Stderr = m.cmd.Stdout
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		m.cmd.Wait() // its exit status says nothing of the guest
		close(m.gone)
	}()
	return m, nil
}

// writer makes a function an io.Writer.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// took adds to the text and wakes whoever waits for it.
func (m *machine) took(p []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.echo != nil {
		m.echo.Write(p)
	}
	if len(m.text) < limitBytes {
		m.text = append(m.text, p...)
	}
	close(m.more)
	m.more = make(chan struct{})
}

var errPanic = errors.New("the kernel panicked")

// look consumes the text up to the end of the first of the wanted strings, and
// gives its index, or -1; more is closed when it is worth looking again.
func (m *machine) look(wants []string) (which int, more chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, which := -1, -1
	for i, s := range wants {
		if j := bytes.Index(m.text[m.seen:], []byte(s)); j >= 0 && (at < 0 || j < at) {
			at, which = j, i
		}
	}
	if which >= 0 {
		m.seen += at + len(wants[which])
		return which, nil, nil
	}
	if bytes.Contains(m.text, []byte("Kernel panic")) {
		return -1, nil, errPanic
	}
	return -1, m.more, nil
}

// expect waits until one of the wanted strings comes over the serial line, after
// what was expected before, and gives its index. A kernel panic, the end of
// QEMU and the deadline are errors, with the end of the serial line in them.
func (m *machine) expect(within time.Duration, wants ...string) (int, error) {
	late := time.After(within)
	for ended := false; ; {
		which, more, err := m.look(wants)
		if err != nil {
			return -1, m.failure(fmt.Sprintf("%v while waiting for %q", err, wants))
		}
		if which >= 0 {
			return which, nil
		}
		if ended {
			return -1, m.failure(fmt.Sprintf("QEMU ended before %q", wants))
		}
		select {
		case <-more:
		case <-m.gone:
			ended = true // look once more: its last words may be what is wanted
		case <-late:
			return -1, m.failure(fmt.Sprintf("no %q within %s", wants, within))
		}
	}
}

// failure is an error that shows the last lines of the serial line.
func (m *machine) failure(what string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tail := m.text
	if len(tail) > 4000 {
		tail = tail[len(tail)-4000:]
	}
	return fmt.Errorf("%s; the serial line ends with:\n%s", what, tail)
}

// send types on the serial line.
func (m *machine) send(s string) error {
	_, err := io.WriteString(m.in, s)
	return err
}

// wait waits for QEMU to end by itself.
func (m *machine) wait(within time.Duration) error {
	select {
	case <-m.gone:
		return nil
	case <-time.After(within):
		return m.failure(fmt.Sprintf("QEMU still runs after %s", within))
	}
}

// alive reports whether QEMU runs and the kernel has not panicked.
func (m *machine) alive() bool {
	select {
	case <-m.gone:
		return false
	default:
	}
	_, _, err := m.look(nil)
	return err == nil
}

// stop ends QEMU, whatever it does.
func (m *machine) stop() {
	m.cmd.Process.Kill()
	<-m.gone
}
