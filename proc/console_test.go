package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// pty opens a pseudoterminal: its master and its terminal.
func pty(t *testing.T) (master, terminal int) {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pseudoterminals here:", err)
	}
	t.Cleanup(func() { unix.Close(master) })
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = openFile("/dev/pts/"+utoa(uint32(n)), unix.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(terminal) })
	return master, terminal
}

func TestSaneTTY(t *testing.T) {
	_, fd := pty(t)
	insane, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	insane.Lflag, insane.Iflag, insane.Oflag = 0, unix.IGNCR|unix.INLCR, 0
	insane.Cflag = insane.Cflag&^unix.CBAUD | unix.B9600 | unix.CSTOPB
	insane.Cc[unix.VINTR] = 'x'
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, insane); err != nil {
		t.Fatal(err)
	}
	if err := SaneTTY(fd); err != nil {
		t.Fatal(err)
	}
	got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if got.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != unix.ICANON|unix.ECHO|unix.ISIG || got.Iflag&unix.ICRNL == 0 ||
		got.Iflag&unix.IGNCR != 0 || got.Oflag&unix.ONLCR == 0 || got.Cc[unix.VINTR] != 3 || got.Cc[unix.VEOF] != 4 {
		t.Errorf("%+v", got)
	}
	if got.Cflag&unix.CBAUD != unix.B9600 || got.Cflag&unix.CSTOPB == 0 || got.Cflag&unix.CREAD == 0 {
		t.Errorf("speed or framing changed: %o", got.Cflag)
	}
	if err := SaneTTY(0x7fff); text(err) != "cannot set the terminal: bad file descriptor" {
		t.Error(err)
	}
}
