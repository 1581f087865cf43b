package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const socket = "/run/mote/ctl.sock"

// inside is process 1 of the namespaces: it starts mote in the supervisor role,
// shows the tour, has it shut down, and looks that nothing was left behind.
func inside(args []string) error {
	keep := len(args) > 0 && args[0] == "-keep"
	if err := enter(args[len(args)-1]); err != nil {
		return err
	}
	os.Clearenv()
	os.Setenv("PATH", "/bin:/sbin")
	os.Setenv("HOME", "/root")
	os.Setenv("PS1", "demo# ")
	os.Setenv("MOTE_SOCKET", socket)
	began := time.Now()
	c := exec.Command("/bin/mote", "init", "-c", "/etc/mote/services", "-s", socket)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- c.Wait() }()

	t := newTour(os.Stdout)
	err := t.start(began, gone)
	if err == nil {
		err = t.show()
	}
	if keep && t.up {
		prompt()
		if stopping() { // the user has asked for it
			select {
			case e := <-gone:
				return errors.Join(err, e)
			case <-time.After(patience):
				return fmt.Errorf("the init still lives %s after the shutdown", patience)
			}
		}
	}
	if t.up {
		err = errors.Join(err, t.shutdown(gone))
	} else {
		c.Process.Kill()
		<-gone
	}
	if left := others(); len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("left alive after the shutdown: %v", left))
	}
	if err != nil {
		return err
	}
	t.closing()
	return nil
}

// prompt gives the terminal to a shell; where there is none, each line that is
// typed is a command of the client.
func prompt() {
	fmt.Println(`
The system is up. "motectl list" and the other verbs of "motectl help" are at hand;
"exit" shuts it down.`)
	if _, err := os.Stat("/bin/sh"); err != nil {
		lines()
		return
	}
	c := exec.Command("/bin/sh")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Run() // its exit is whatever the user typed last
}

// stopping reports whether the init is shutting down, or is gone.
func stopping() bool {
	out, code, err := motectl("status")
	first, _, _ := strings.Cut(out, "\n")
	return err != nil || code != 0 || strings.Contains(first, " - stopping ")
}

// others names the processes of this pid namespace besides this one.
func others() []string {
	dir, err := os.ReadDir("/proc")
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	for _, d := range dir {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		name, err := os.ReadFile("/proc/" + d.Name() + "/cmdline")
		if err == nil && len(name) > 0 { // a zombie has no words; it waits for us alone
			names = append(names, fmt.Sprintf("%d %q", pid, name))
		}
	}
	return names
}
