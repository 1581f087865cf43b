// Demo shows mote on a small real system: a system log, a network task, a web
// server, a database with a client, one service that crashes and one that
// ignores TERM, all in namespaces of their own. It checks what it shows, and
// exits 1 when something is not as it should be.
//
//	demo -mote out/mote           show everything and shut down
//	demo -mote out/mote -keep     the same, but stay up with a shell in between
//	demo -mote out/mote -small    use none of this machine's programs
//
// The same file is in the system that it shows: there its first word says what
// it is ("tour", and the programs of small.go).
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		if run, ok := roles[os.Args[1]]; ok {
			if err := run(os.Args[2:]); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
				os.Exit(1)
			}
			return
		}
	}
	mote := flag.String("mote", "out/mote", "the built file")
	keep := flag.Bool("keep", false, "stay up with a shell after the tour")
	small := flag.Bool("small", false, "use only the demo's own programs")
	flag.Parse()
	if err := outside(*mote, *keep, *small); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// roles are what the file can be inside the system.
var roles map[string]func(args []string) error

func init() {
	roles = map[string]func([]string) error{
		"inside":   inside,
		"tour":     tourUnit,
		"syslog":   syslog,
		"netup":    netup,
		"httpd":    httpd,
		"db":       db,
		"dbclient": dbclient,
		"flaky":    flaky,
		"stubborn": stubborn,
	}
}
