package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// counts are the numbers of idle services of which the memory is taken; the
// difference gives the price of one more.
var counts = []int{100, 300}

// memory starts an init in the supervisor role with idle services that hold
// no logs, and compares its proportional set size with the budgets "pss" and
// "pss-each". The services are sleep processes of this machine.
func memory(w io.Writer, mote string, limits map[string]int64) (over bool, err error) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		return false, fmt.Errorf("no sleep on this machine: %w", err)
	}
	var pss []int64
	for _, n := range counts {
		k, err := pssOf(mote, sleep, n)
		if err != nil {
			return false, fmt.Errorf("memory with %d services: %w", n, err)
		}
		pss = append(pss, k)
	}
	over = row(w, fmt.Sprintf("PSS, %d idle services", counts[0]), pss[0], limits["pss"])
	each := (pss[1] - pss[0]) / int64(counts[1]-counts[0])
	return row(w, "PSS, each further one", each, limits["pss-each"]) || over, nil
}

// settled is how long after the last start an init is idle: it gives memory back
// that only the start needed 3 s after that began (trimAfter in init/boot.go).
const settled = 4 * time.Second

// pssOf gives the bytes of an init with n services, once all of them live.
func pssOf(mote, sleep string, n int) (int64, error) {
	dir, err := os.MkdirTemp("", "mote-size")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var conf strings.Builder
	for i := range n {
		fmt.Fprintf(&conf, "service s%d %s 1000000\n    log null\n", i, sleep)
	}
	file := filepath.Join(dir, "size.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o666); err != nil {
		return 0, err
	}
	mote, err = filepath.Abs(mote)
	if err != nil {
		return 0, err
	}
	c := exec.Command(mote, "init", "-c", file, "-s", filepath.Join(dir, "sock"))
	var said bytes.Buffer // a line for each start and stop: shown only when it ends by itself
	c.Stderr = &said
	if err := c.Start(); err != nil {
		return 0, err
	}
	gone := make(chan error, 1)
	go func() { gone <- c.Wait() }()
	defer end(c.Process, gone)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		live := children(c.Process.Pid, sleep)
		if live == n {
			break
		}
		select {
		case err := <-gone:
			gone <- err
			return 0, fmt.Errorf("the init ended: %v: %s", err, said.String())
		default:
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("only %d of them live after 20s", live)
		}
	}
	time.Sleep(settled)
	return proportional(c.Process.Pid)
}

// end asks an init to go, and makes it.
func end(p *os.Process, gone <-chan error) {
	p.Signal(syscall.SIGTERM)
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		p.Kill()
		<-gone
	}
}

// children counts the children of pid that have become the program.
func children(pid int, program string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	program, err = filepath.EvalSymlinks(program)
	if err != nil {
		return 0
	}
	n := 0
	for _, c := range strings.Fields(string(text)) {
		if exe, err := os.Readlink("/proc/" + c + "/exe"); err == nil && exe == program {
			n++
		}
	}
	return n
}

// proportional reads Pss of proc_pid_smaps_rollup(5), in bytes.
func proportional(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for _, l := range strings.Split(string(text), "\n") {
		w := strings.Fields(l)
		if len(w) == 3 && w[0] == "Pss:" {
			n, err := strconv.ParseInt(w[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("no Pss line in smaps_rollup")
}
