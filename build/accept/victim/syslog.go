package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// sendLog sends each further argument as a datagram to the socket a[0].
func sendLog(a []string) {
	c, err := net.Dial("unixgram", a[0])
	try("dial", err)
	for _, text := range a[1:] {
		_, err = c.Write([]byte(strings.ReplaceAll(text, `\n`, "\n")))
		try("send", err)
	}
	try("close", c.Close())
}

// floodLog sends a[1] numbered messages to the socket a[0], as fast as it takes
// them.
func floodLog(a []string) {
	n, err := strconv.Atoi(a[1])
	must(err)
	c, err := net.Dial("unixgram", a[0])
	try("dial", err)
	for i := range n {
		_, err = fmt.Fprintf(c, "<13>Oct 11 22:14:15 flood: line %07d", i+1)
		try("send", err)
	}
	try("close", c.Close())
}

// childLog does sendLog in a child that then sleeps.
func childLog(a []string) { self(nil, append(append([]string{"sendlog"}, a...), ",", "sleep")...) }
