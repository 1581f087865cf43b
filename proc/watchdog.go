package proc

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Watchdog is an open watchdog device. From the open on the machine is reset
// unless it is fed.
type Watchdog struct {
	FD      int
	Name    string // what the driver calls itself
	Seconds int    // until the reset
	Reset   bool   // it has ended the boot before this one
}

// OpenWatchdog opens a watchdog device and asks for a time of so many seconds; a
// driver that cannot have it says what it has. Only a character device is
// opened, and one that does not answer as a watchdog is closed again.
func OpenWatchdog(path string, seconds int) (*Watchdog, error) {
	w, err := openWatchdog(path, seconds)
	if err != nil {
		return nil, cannot("open the watchdog "+shown(path), err)
	}
	return w, nil
}

func openWatchdog(path string, seconds int) (*Watchdog, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return nil, reason("it is no character device")
	}
	fd, err := openFile(path, unix.O_WRONLY)
	if err != nil {
		return nil, err
	}
	w, err := askWatchdog(fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	w.Seconds = seconds
	unix.IoctlSetPointerInt(fd, unix.WDIOC_SETTIMEOUT, seconds)
	w.askTime()
	status, err := unix.IoctlGetInt(fd, unix.WDIOC_GETBOOTSTATUS)
	w.Reset = err == nil && status&unix.WDIOF_CARDRESET != 0
	return w, nil
}

// askWatchdog makes an open device a watchdog, if it answers as one.
func askWatchdog(fd int) (*Watchdog, error) {
	info, err := unix.IoctlGetWatchdogInfo(fd)
	if err != nil {
		return nil, reason("it is no watchdog: " + err.Error())
	}
	name, _, _ := bytes.Cut(info.Identity[:], []byte{0})
	return &Watchdog{FD: fd, Name: shown(string(name))}, nil
}

// askTime asks the driver for its time, which may be another than was asked for.
func (w *Watchdog) askTime() {
	if n, err := unix.IoctlGetInt(w.FD, unix.WDIOC_GETTIMEOUT); err == nil && n > 0 {
		w.Seconds = n
	}
}

// leastTime is taken for the time of a driver that does not tell it.
const leastTime = 2

// TakeWatchdog takes over a watchdog that another image has opened. The descriptor
// is not closed when it is none.
func TakeWatchdog(fd int) (*Watchdog, error) {
	w, err := askWatchdog(fd)
	if err != nil {
		return nil, err
	}
	w.Seconds = leastTime
	w.askTime()
	return w, nil
}

// Feed begins the time anew.
func (w *Watchdog) Feed() error {
	return cannot("feed the watchdog", unix.IoctlWatchdogKeepalive(w.FD))
}

// Stop switches the watchdog off, if its driver can be ("nowayout"): a "V" before
// the close says that it is meant (watchdog-api.rst, "Magic Close feature").
func (w *Watchdog) Stop() {
	unix.Write(w.FD, []byte{'V'})
	unix.Close(w.FD)
}
