package main

import (
	"bytes"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// moodBytes is the length of what is put behind the file.
const moodBytes = 256

// mood is for a copy of this program that is taken for another one, and is started
// with words that it does not know: what it then does stands at the end of its file,
// as "mood NAME". Others have none.
func mood() {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return
	}
	defer f.Close()
	st, err := f.Stat()
	must(err)
	tail := make([]byte, moodBytes)
	_, err = f.ReadAt(tail, st.Size()-int64(len(tail)))
	must(err)
	_, name, ok := bytes.Cut(tail, []byte("mood "))
	if !ok {
		return
	}
	words := strings.Fields(string(name))
	switch words[0] {
	case "hang":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		sleep(nil)
	case "hold": // a child keeps what this has open
		self(nil, "ignore", "TERM,INT,HUP", ",", "sleep")
	case "crash":
		die([]string{"SEGV"})
	case "starved": // it is the first to go when there is too little memory
		if score, err := os.ReadFile("/proc/self/oom_score_adj"); err == nil && string(score) == "1000\n" {
			die([]string{"KILL"})
		}
	case "change": // its check is right, of another file than it was
		exe, err := os.Readlink("/proc/self/exe")
		must(err)
		must(os.Chtimes(exe, time.Time{}, time.Now()))
		must(syscall.Exec(words[1], os.Args, os.Environ()))
	case "silent":
	case "dump": // what it is given, into a file
		data, err := io.ReadAll(io.NewSectionReader(os.Stdin, 0, 1<<30))
		must(err)
		must(os.WriteFile(words[1], data, 0o644))
	case "noise":
		for range 100 {
			os.Stdout.WriteString(strings.Repeat("\x00\xff\x1b noise \n", 1000))
			os.Stderr.WriteString(strings.Repeat("noise\n", 1000))
		}
	case "endless":
		for {
			os.Stdout.WriteString("ok digest=0000000000000000\n")
			time.Sleep(time.Millisecond)
		}
	case "fail":
		os.Stderr.WriteString("a reason of its own\n")
		os.Exit(3)
	}
	os.Exit(0)
}
