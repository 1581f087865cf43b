package pid1

import (
	"strings"

	"golang.org/x/sys/unix"

	"mote/graph"
	"mote/proc"
)

// LogUsage is the help of "mote log".
const LogUsage = `usage: COMMAND | mote log file PATH [SIZE] [xN] [stamp]
  PATH   the file, made with its folders; a full one becomes PATH.1, and so on
  SIZE   bytes of one file, 8K to 1G (256K)
  xN     how many files there are at most (x4)
  stamp  begin each line with the time in UTC
It goes on until its input ends, whatever signals ask it to stop. The init runs
"mote log files" to write the files of all units, and "mote log syslog" to read
what option syslog takes.
`

// Log is the role that touches disks for the init (SPEC L1). It returns the
// exit status: 1 when lines were lost.
func Log(args []string) int {
	proc.IgnoreStops() // the last words come after the signal that stops all
	proc.Lean()
	switch {
	case len(args) == 1 && args[0] == "files":
		return logForInit()
	case len(args) == 1 && args[0] == "syslog":
		return syslogForInit()
	case len(args) == 0 || args[0] != "file":
		complain("log: " + "write mote log file PATH [SIZE] [xN] [stamp]: see mote log --help")
		return 2
	}
	s, wrong := graph.ParseLogFile(args[1:])
	if wrong != "" {
		complain("log file " + wrong)
		return 2
	}
	return logInput(&s)
}

// logForInit takes messages from the socket on 0 until the init closes it. A
// message is taken off the socket only when its lines are in the file: what a
// child had in hand when it was killed comes again to the next one.
func logForInit() int {
	say := func(parts ...string) {
		unix.SendmsgN(1, []byte(strings.Join(parts, "")), nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}
	files := logFiles{say: say}
	buf := make([]byte, 4*sinkBatch)
	for trimmed := false; ; {
		n, _, err := unix.Recvfrom(0, buf, unix.MSG_PEEK)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		files.message(buf[:n], proc.Now())
		unix.Read(0, buf[:1]) // the rest of a message goes with it (unix(7))
		if !trimmed {
			trimmed = true
			proc.Trim(false)
		}
	}
	for _, f := range files.all {
		f.end()
	}
	return 0
}

// logInput writes the lines of the standard input to one file.
func logInput(s *graph.Sink) int {
	f := newLogFile(s, func(parts ...string) { complain("log: " + strings.Join(parts, "")) })
	var split splitter
	var pool partPool
	var stamp, out []byte
	add := func(line []byte) {
		out = append(append(append(out, stamp...), line...), '\n')
	}
	buf := make([]byte, logReadBytes)
	total := uint64(0)
	for {
		n, err := unix.Read(0, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			unix.Poll([]unix.PollFd{{Fd: 0, Events: unix.POLLIN}}, -1)
			continue
		}
		if s.Stamp {
			stamp = appendStamp(stamp[:0], proc.Wall())
		}
		out = out[:0]
		for rest := buf[:max(n, 0)]; ; {
			line, more, ok := split.next(rest, maxLineBytes, &pool)
			if !ok {
				break
			}
			add(line)
			rest = more
		}
		ends := err != nil || n <= 0
		for ends {
			line, ok := split.flush(maxLineBytes, &pool)
			if !ok {
				break
			}
			add(line)
		}
		before := f.lost
		f.put(out, proc.Now())
		total += f.lost - min(before, f.lost)
		if ends {
			break
		}
	}
	f.end()
	if total > 0 {
		return 1
	}
	return 0
}
