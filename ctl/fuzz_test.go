package ctl

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzReply feeds a reply to every verb that makes a picture: no panic, valid
// JSON, and nothing that acts on a terminal.
func FuzzReply(f *testing.F) {
	f.Add(answers()["list"])
	f.Add(answers()["status"])
	f.Add(answers()["status web"])
	f.Add(answers()["why app"])
	f.Add(answers()["events"])
	f.Add(answers()["logs -n 2 web"])
	f.Add(answers()["version"])
	f.Add(hostileUnits() + "ok\n")
	f.Add("unit name a requires a wants a\nunit name a requires \"b b\"\nunit name b requires a\nok\n")
	f.Add("unit since 99999999999999999999 uptime_ms -9223372036854775808 next_ms 9223372036854775807 state backoff\nlog a -1 b\nok\n")
	f.Add("system boot_ms -1 uptime_ms -1 units x\nerr 1 \"")
	f.Fuzz(func(t *testing.T, reply string) {
		if len(reply) > 16<<10 {
			return
		}
		for _, width := range []int{0, 40} {
			for _, asJSON := range []bool{false, true} {
				picture(t, reply, width, asJSON)
			}
		}
	})
}

// picture decodes a reply as every kind of answer and draws it.
func picture(t *testing.T, reply string, width int, asJSON bool) {
	c := &client{env: testEnv(), kernel: noKernel(t), out: out{fd: -1, err: errNone}}
	c.now = c.kernel.now()
	c.json = asJSON
	c.term = term{tty: width > 0, width: width, utf8: true}
	var units []unit
	for _, src := range strings.Split(reply, "\n") {
		words, end, err := decodeReply(nil, src)
		if err != nil && (err.text == "" && src != "err 1 \"\"" && len(words) < 3 || err.code < Failed || err.code > NoInit) {
			t.Errorf("failure %d %q of %q", err.code, err.text, src)
		}
		if end || err != nil {
			continue
		}
		if words[0] == "unit" {
			units = append(units, decodeUnit(words[1:]))
		}
		if l, ok := decodeLog(words); ok {
			c.logLine(&l, false)
			c.blockLogs([]logLine{l})
		}
		if words[0] == "fault" || words[0] == "warning" {
			c.fault(decodeFault(words))
		}
		if words[0] == "system" {
			facts := make(map[string]string)
			pairs(words[1:], func(k, v string) { facts[k] = v })
			c.systemBlock(facts)
		}
		if words[0] == "version" {
			c.out.raw(c.versionLine(words[1:]))
		}
	}
	if asJSON {
		fd, err := unix.MemfdCreate("json", unix.MFD_CLOEXEC) // for what is too long to stay in the buffer
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		c.out = out{fd: fd}
		c.jsonUnits(units)
		c.jsonTree(grow(units, findRoots(units), len(units)+1, true))
		c.jsonGraph(units)
		if err := c.out.flush(); err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile("/proc/self/fd/" + strconv.Itoa(fd))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range strings.Split(strings.TrimSuffix(string(written), "\n"), "\n") {
			if !json.Valid([]byte(text)) {
				t.Fatalf("not JSON: %q", text)
			}
		}
		checkShown(t, "json", string(written), false, false)
		return
	}
	if width == 0 {
		return // a pipe may have anything
	}
	c.table(units)
	for i := range units {
		c.block(&units[i])
	}
	c.drawTree(grow(units, findRoots(units), maxDepth, true))
	checkShown(t, "terminal", string(c.out.buf), false, false)
}
