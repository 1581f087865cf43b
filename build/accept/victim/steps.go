package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// appendLine adds one line to a file in one write, so that lines of many
// processes keep their order (open(2), O_APPEND).
func appendLine(path, text string) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	must(err)
	_, err = f.WriteString(text + "\n")
	must(err)
	must(f.Close())
}

func appendText(a []string) { appendLine(a[0], strings.Join(a[1:], " ")) }
func appendPid(a []string)  { appendLine(a[0], strconv.Itoa(os.Getpid())) }
func stamp(a []string)      { appendLine(a[0], strconv.FormatInt(time.Now().UnixNano(), 10)) }
func print(a []string)      { fmt.Println(strings.Join(a, " ")) }
func printErr(a []string)   { fmt.Fprintln(os.Stderr, strings.Join(a, " ")) }

// appendArgs adds its arguments, each in Go's quotes.
func appendArgs(a []string) {
	text := strconv.Itoa(len(a) - 1)
	for _, s := range a[1:] {
		text += " " + strconv.Quote(s)
	}
	appendLine(a[0], text)
}

// appendEnv adds NAME=VALUE of each name, or "NAME unset".
func appendEnv(a []string) {
	var words []string
	for _, name := range a[1:] {
		if v, ok := os.LookupEnv(name); ok {
			words = append(words, name+"="+v)
		} else {
			words = append(words, name+" unset")
		}
	}
	appendLine(a[0], strings.Join(words, "|"))
}

// listDir adds the names of a folder: FILE DIR.
func listDir(a []string) {
	entries, err := os.ReadDir(a[1])
	must(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	appendLine(a[0], strings.Join(names, " "))
}

// cat adds what it reads from its standard input to a file, to the end.
func cat(a []string) {
	f, err := os.OpenFile(a[0], os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	must(err)
	_, err = io.Copy(f, os.Stdin)
	must(err)
}

// copyFile writes the bytes of FROM to TO, in one step for who looks.
func copyFile(a []string) {
	data, err := os.ReadFile(a[0])
	must(err)
	must(os.WriteFile(a[1]+".tmp", data, 0o644))
	must(os.Rename(a[1]+".tmp", a[1]))
}

// sleep waits for a duration, without one for ever.
func sleep(a []string) {
	if len(a) == 0 {
		for {
			time.Sleep(time.Hour)
		}
	}
	d, err := time.ParseDuration(a[0])
	must(err)
	time.Sleep(d)
}

func exit(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	os.Exit(n)
}

// failUntil counts its runs in a file and exits 1 before run N: FILE N.
func failUntil(a []string) {
	appendLine(a[0], "run")
	data, err := os.ReadFile(a[0])
	must(err)
	n, err := strconv.Atoi(a[1])
	must(err)
	if strings.Count(string(data), "run\n") < n {
		os.Exit(1)
	}
}

// waitFile waits until a path exists. Who waits long looks less often: a hundred of
// these must leave a machine its processors.
func waitFile(a []string) {
	for pause := 2 * time.Millisecond; !exists(a[0]); pause = min(pause*5/4, 30*time.Millisecond) {
		time.Sleep(pause)
	}
}

// ready writes a newline to a descriptor.
func ready(a []string) {
	fd, err := strconv.Atoi(a[0])
	must(err)
	_, err = syscall.Write(fd, []byte("\n"))
	must(err)
}

// notify sends one sd_notify(3) datagram; each word is a line of it.
func notify(a []string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		fatal("NOTIFY_SOCKET is not set")
	}
	c, err := net.Dial("unixgram", name)
	must(err)
	_, err = c.Write([]byte(strings.Join(a, "\n")))
	must(err)
	must(c.Close())
}

// echo listens on a Unix socket and sends back what comes, for ever.
func echo(a []string) {
	os.Remove(a[0])
	l, err := net.Listen("unix", a[0])
	must(err)
	for {
		c, err := l.Accept()
		must(err)
		go func() {
			io.Copy(c, c)
			c.Close()
		}()
	}
}

// printBytes prints bytes given in hexadecimal.
func printBytes(a []string) {
	b, err := hex.DecodeString(a[0])
	must(err)
	os.Stdout.Write(b)
}

// bigLine prints one line of N bytes.
func bigLine(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	os.Stdout.WriteString(strings.Repeat("x", n) + "\n")
}

// lines prints N numbered lines of WIDTH bytes, newline included.
func lines(a []string) {
	n, err := strconv.Atoi(a[0])
	must(err)
	width, err := strconv.Atoi(a[1])
	must(err)
	var buf strings.Builder
	for i := 1; i <= n; i++ {
		s := fmt.Sprintf("line %07d ", i)
		buf.WriteString(s + strings.Repeat("=", max(width-len(s)-1, 0)) + "\n")
		if buf.Len() > 32<<10 || i == n {
			os.Stdout.WriteString(buf.String())
			buf.Reset()
		}
	}
}

// flood prints as fast as it can.
func flood([]string) {
	for i := 0; ; i++ {
		fmt.Println("flood", i, strings.Repeat("~", 80))
	}
}

// signalOf gives the number of TERM, SIGTERM or 15.
func signalOf(word string) syscall.Signal {
	if n, err := strconv.Atoi(word); err == nil {
		return syscall.Signal(n)
	}
	for n := syscall.Signal(1); n < 32; n++ {
		if signalName(n) == strings.TrimPrefix(word, "SIG") {
			return n
		}
	}
	fatal("no signal %q", word)
	return 0
}

var signalNames = [...]string{"", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
	"ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"}

func signalName(n syscall.Signal) string {
	if int(n) < len(signalNames) {
		return signalNames[n]
	}
	return strconv.Itoa(int(n))
}

func signalsOf(list string) []os.Signal {
	var all []os.Signal
	for _, w := range strings.Split(list, ",") {
		all = append(all, signalOf(w))
	}
	return all
}

// die ends the program by a signal in its default disposition; Go's runtime
// would drop most of them.
func die(a []string) {
	n := signalOf(a[0])
	var zero [64]byte // SIG_DFL, no flags, an empty mask
	var none syscall.Rlimit
	syscall.Setrlimit(syscall.RLIMIT_CORE, &none)
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&zero)), 0, 8, 0, 0)
	must(syscall.Kill(os.Getpid(), n))
	time.Sleep(time.Second)
	fatal("still alive after signal %v", n)
}

func ignore(a []string) { signal.Ignore(signalsOf(a[0])...) }

// trap says on a file which signal came and exits 0: FILE SIG,SIG.
func trap(a []string) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, signalsOf(a[1])...)
	go func() {
		s := <-c
		appendLine(a[0], "got "+signalName(s.(syscall.Signal)))
		os.Exit(0)
	}()
}

// trapStay says on a file which signals came and goes on: FILE SIG,SIG.
func trapStay(a []string) {
	c := make(chan os.Signal, 64)
	signal.Notify(c, signalsOf(a[1])...)
	go func() {
		for s := range c {
			appendLine(a[0], "got "+signalName(s.(syscall.Signal)))
		}
	}()
}

// unit is an orderly service: FILE NAME [FD]. It appends +NAME when it is up
// and -NAME when TERM ends it, so that the file shows the order.
func unit(a []string) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	appendLine(a[0], "+"+a[1])
	if len(a) > 2 {
		ready(a[2:])
	}
	<-c
	appendLine(a[0], "-"+a[1])
	os.Exit(0)
}

func killPid(a []string) {
	pid, err := strconv.Atoi(a[0])
	must(err)
	must(syscall.Kill(pid, signalOf(a[1])))
}

// killEnv signals the process whose pid a variable holds: NAME SIG.
func killEnv(a []string) { killPid([]string{os.Getenv(a[0]), a[1]}) }
