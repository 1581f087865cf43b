package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"mote/graph/line"
)

// patience is how long any one answer may take.
const patience = 15 * time.Second

// motectl runs the client, and gives what it printed and its exit status.
func motectl(args ...string) (out string, code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "/bin/motectl", args...)
	b, err := c.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return string(b), exit.ExitCode(), nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer in %s", patience)
	}
	return string(b), 0, err
}

// unit is what the tour looks at, from the stable keys of --json.
type unit struct {
	Name     string
	State    string
	Pid      *int
	Restarts int
	Reason   *string
}

// list asks for all units.
func list() (map[string]unit, error) {
	out, code, err := motectl("--json", "list")
	if err != nil || code != 0 {
		return nil, fmt.Errorf("motectl --json list: exit %d, %v: %s", code, err, out)
	}
	var all []unit
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return nil, fmt.Errorf("motectl --json list: %v: %s", err, out)
	}
	units := map[string]unit{}
	for _, u := range all {
		units[u.Name] = u
	}
	return units, nil
}

// until asks again and again until ok says yes of the unit's row.
func until(name, what string, ok func(unit) bool) (unit, error) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		units, err := list()
		if err != nil {
			return unit{}, err
		}
		u, found := units[name]
		if !found {
			return unit{}, fmt.Errorf("no unit %q in the list", name)
		}
		if ok(u) {
			return u, nil
		}
		if time.Now().After(end) {
			return u, fmt.Errorf("%s is %s after %s: it should be %s", name, u.State, patience, what)
		}
	}
}

// change is one transition, as the init reports it.
type change struct {
	at             time.Time
	name, from, to string
}

// watch collects every transition from now on until the init closes the
// connection; the channel then gives them all.
func watch(socket string) (<-chan []change, error) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte("events\n")); err != nil {
		c.Close()
		return nil, err
	}
	done := make(chan []change, 1)
	go func() {
		defer c.Close()
		var all []change
		for lines := bufio.NewScanner(c); lines.Scan(); {
			w, err := line.Words(nil, lines.Text())
			if err == nil && len(w) >= 5 && w[0] == "event" {
				all = append(all, change{time.Now(), w[2], w[3], w[4]})
			}
		}
		done <- all
	}()
	return done, nil
}

// lines is the prompt of a system without a shell.
func lines() {
	fmt.Print("motectl> ")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); fmt.Print("motectl> ") {
		w := strings.Fields(in.Text())
		if len(w) == 0 {
			continue
		}
		if w[0] == "exit" {
			return
		}
		if w[0] == "motectl" {
			w = w[1:]
		}
		out, _, err := motectl(w...)
		if err != nil {
			out += err.Error() + "\n"
		}
		fmt.Print(out)
	}
}
