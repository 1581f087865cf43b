package main

import (
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// linger says on a file which signal came, waits until a path exists, and exits 0:
// FILE SIG,SIG PATH.
func linger(a []string) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, signalsOf(a[1])...)
	go func() {
		s := <-c
		appendLine(a[0], "got "+signalName(s.(syscall.Signal)))
		waitFile(a[2:])
		os.Exit(0)
	}()
}

// life is one life of a service that ends again and again: DIR NAME notify|fd|spawn.
// What it does it first writes to the file DIR/NAME.facts, so that who reads that
// knows what the init must have seen:
//
//	start PID       it lives
//	lines N         it prints N lines more: "NAME 0000001 xxx", counted through all lives
//	end exit 7      or "end signal KILL"
//
// While the file DIR/calm exists it lives on, and after each end the next one does.
func life(a []string) {
	dir, name := a[0], a[1]
	facts := dir + "/" + name + ".facts"
	lives, printed := lived(facts)
	appendLine(facts, "start "+strconv.Itoa(os.Getpid()))
	switch a[2] {
	case "notify":
		say(fmt.Sprintf("READY=1\nSTATUS=life %d", lives+1))
	case "fd":
		ready([]string{"3"})
	}
	for exists(dir + "/calm") {
		time.Sleep(10 * time.Millisecond)
	}
	h := fnv.New32()
	h.Write([]byte(name))
	luck := int(h.Sum32()%1000) + lives*5

	n := 3 + luck%9
	appendLine(facts, "lines "+strconv.Itoa(n))
	for i := range n {
		line := fmt.Sprintf("%s %07d %s\n", name, printed+i+1, strings.Repeat("x", (luck+i*13)%100))
		if i%3 == 0 { // in two halves, which belong to one line
			os.Stdout.WriteString(line[:len(line)/2])
			time.Sleep(time.Millisecond)
			line = line[len(line)/2:]
		}
		os.Stdout.WriteString(line)
	}
	time.Sleep(time.Duration(100+luck*31%300) * time.Millisecond)
	switch how := luck % 7; how {
	case 0, 1, 2:
		code := []string{"0", "1", "77"}[how]
		appendLine(facts, "end exit "+code)
		exit([]string{code})
	default:
		sig := []string{"KILL", "TERM", "USR1", "ABRT"}[how-3]
		appendLine(facts, "end signal "+sig)
		die([]string{sig})
	}
}

// lived counts the lives before this one, and the lines that they printed.
func lived(facts string) (lives, printed int) {
	data, _ := os.ReadFile(facts)
	for _, l := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(l, "start ") {
			lives++
		}
		if n, ok := strings.CutPrefix(l, "lines "); ok {
			more, err := strconv.Atoi(n)
			must(err)
			printed += more
		}
	}
	return lives, printed
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// count prints a numbered line every D until a path exists: NAME D PATH. Its last
// line is "NAME end".
func count(a []string) {
	d, err := time.ParseDuration(a[1])
	must(err)
	for i := 1; !exists(a[2]); i++ {
		fmt.Printf("%s %07d\n", a[0], i)
		time.Sleep(d)
	}
	fmt.Printf("%s end\n", a[0])
}

// serveMany answers N connections of the first socket with the pid, one after the
// other, and goes on to the next step. A connection that it has not accepted is the
// next process's.
func serveMany(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	l, err := net.FileListener(passed()[0])
	must(err)
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	for range n {
		c, err := l.Accept()
		must(err)
		fmt.Fprintln(c, os.Getpid())
		c.Close()
	}
}
