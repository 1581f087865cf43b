package pid1

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"mote/graph"
)

// ProxyUsage is the help of "mote proxy".
const ProxyUsage = `usage: mote proxy [idle D] [max N] [start UNIT] tcp A:P | unix PATH
  tcp A:P     where connections go: 127.0.0.1:8080, [::1]:8080
  unix PATH   the same, a socket's path ("@NAME": an abstract name)
  idle D      end after so long without a connection (0, never)
  max N       connections at once, 1 to 10000; more wait (256)
  start UNIT  ask the init to start UNIT first, and to stop it after idle D
It takes the sockets that the key listen hands over (LISTEN_FDS). TERM lets what is
open come to its end, a second TERM does not; USR1 prints the counts.
`

// Limits of the words.
const (
	defaultPairs = 256
	maxPairs     = 10000
	maxListeners = 64
	firstListen  = 3   // SD_LISTEN_FDS_START of sd_listen_fds(3)
	maxSunPath   = 107 // bytes of sun_path less its NUL (unix(7))
)

// proxyOptions are the words behind "proxy".
type proxyOptions struct {
	idle   time.Duration // 0 = it never ends by itself
	max    int           // connections at once
	unit   string        // to be started first; empty = none
	to     unix.Sockaddr
	family int
	name   string // of to, for messages
}

// parse reads the words; wrong is empty, or what is wrong with them.
func (o *proxyOptions) parse(args []string) (wrong string) {
	o.max, o.family = defaultPairs, unix.AF_UNIX
	for i := 0; i < len(args) && o.to == nil; i += 2 {
		value := ""
		if i+1 < len(args) {
			value = args[i+1]
		}
		switch args[i] {
		case "idle":
			o.idle, wrong = graph.ParseDuration(value)
		case "max":
			n, err := strconv.Atoi(value)
			if o.max = n; err != nil || n < 1 || n > maxPairs {
				wrong = "is no number from 1 to 10000: correct it"
			}
		case "start":
			if o.unit = value; value == "" {
				wrong = "is no unit: write its name"
			}
		case "tcp":
			var a graph.Addr
			if a, wrong = graph.ParseAddr(value); a.V6 {
				o.family, o.to = unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port), Addr: a.IP}
			} else {
				o.family, o.to = unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port), Addr: [4]byte(a.IP[:4])}
			}
		case "unix":
			if len(value) < 2 || len(value) > maxSunPath || value[0] != '/' && value[0] != '@' {
				wrong = "is no path of 2 to 107 bytes that begins with / or @: correct it"
			}
			o.to = &unix.SockaddrUnix{Name: value}
		default:
			wrong = "is unknown: see mote proxy --help"
		}
		if o.name = value; o.to != nil && wrong == "" && i+2 < len(args) {
			value, wrong = args[i+2], "comes behind the end: remove it"
		}
		if wrong != "" {
			return args[i] + " " + shown(value) + " " + wrong
		}
	}
	if o.to == nil {
		return "where to: write tcp A:P or unix PATH: see mote proxy --help"
	}
	return ""
}

// inheritedListeners gives the sockets that were handed over (sd_listen_fds(3)),
// made non-blocking: another process may take the connection that woke this one.
func inheritedListeners() (fds []int, wrong string) {
	pid, _ := unix.Getenv("LISTEN_PID")
	count, _ := unix.Getenv("LISTEN_FDS")
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || pid != strconv.Itoa(unix.Getpid()) {
		return nil, "no socket was handed over (LISTEN_FDS): give its unit the key listen"
	}
	if n > maxListeners {
		return nil, "over 64 sockets were handed over: give its unit fewer of them"
	}
	for fd := firstListen; fd < firstListen+n; fd++ {
		kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		listens := 0
		if err == nil {
			listens, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		}
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
		if err != nil || kind != unix.SOCK_STREAM || listens == 0 {
			return nil, "descriptor " + strconv.Itoa(fd) + " takes no connections: give its unit listen tcp or listen unix alone"
		}
		unix.CloseOnExec(fd)
		fds = append(fds, fd)
	}
	return fds, ""
}
