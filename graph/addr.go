package graph

import (
	"strconv"
	"strings"
)

// What is wrong with an address, to be put behind the word.
const (
	noAddr = `is no address with its port: write one such as "127.0.0.1:80" or "[::1]:80"`
	noPort = `has no port from 1 to 65535 at its end: write one such as "127.0.0.1:80"`
)

// ParseAddr reads HOST:PORT. HOST is an IPv4 address, an IPv6 address in
// brackets, or "localhost", which is 127.0.0.1; nothing and "*" are the IPv6
// address of any, [::]. wrong is as for ParseDuration.
func ParseAddr(s string) (a Addr, wrong string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return a, noAddr
	}
	host, ok := s[:i], true
	switch {
	case host == "" || host == "*":
		a.V6 = true
	case host == "localhost":
		a.IP = [16]byte{127, 0, 0, 1}
	case host[0] == '[' && host[len(host)-1] == ']':
		a.V6 = true
		a.IP, ok = parseIPv6(host[1 : len(host)-1])
	default:
		a.IP, ok = parseIPv4(host)
	}
	if !ok {
		return Addr{}, noAddr
	}
	port, ok := digits(s[i+1:], maxPort)
	if !ok || port < 1 || port > maxPort {
		return Addr{}, noPort
	}
	a.Port = uint16(port)
	return a, ""
}

const maxPort = 1<<16 - 1

// parseIPv4 reads four decimal numbers. A leading zero is refused: for
// inet_aton(3) it makes a number octal.
func parseIPv4(s string) (ip [16]byte, ok bool) {
	for i := range 4 {
		part, rest, more := strings.Cut(s, ".")
		n, ok := digits(part, 255)
		if !ok || n > 255 || len(part) > 1 && part[0] == '0' || more != (i < 3) {
			return ip, false
		}
		ip[i], s = byte(n), rest
	}
	return ip, true
}

// parseIPv6 reads eight groups of hexadecimal digits; one "::" stands for one
// group of zeros or more (RFC 4291, 2.2). The form with a dotted end and zones are
// not known.
func parseIPv6(s string) (ip [16]byte, ok bool) {
	gap, n := -1, 0 // where "::" is; bytes so far
	if rest, ok := strings.CutPrefix(s, "::"); ok {
		gap, s = 0, rest
	}
	for s != "" {
		value, i := 0, 0
		for i < len(s) && i < 5 && hexDigit(s[i]) >= 0 {
			value, i = value<<4|hexDigit(s[i]), i+1
		}
		if i == 0 || i == 5 || n == 16 {
			return ip, false
		}
		ip[n], ip[n+1], n = byte(value>>8), byte(value), n+2
		if s = s[i:]; s == "" {
			break
		}
		if s[0] != ':' || len(s) == 1 {
			return ip, false
		}
		if s = s[1:]; s[0] == ':' {
			if gap >= 0 {
				return ip, false
			}
			gap, s = n, s[1:]
		}
	}
	if gap < 0 || n == 16 {
		return ip, gap < 0 && n == 16
	}
	behind := n - gap
	copy(ip[16-behind:], ip[gap:n])
	clear(ip[gap : 16-behind])
	return ip, true
}

// hexDigit gives the value of a hexadecimal digit, -1 of anything else.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// String gives the address as ParseAddr reads it, of IPv6 in the form of
// RFC 5952.
func (a Addr) String() string {
	var b []byte
	if a.V6 {
		b = append(appendIPv6(append(b, '['), a.IP), ']')
	} else {
		for i, n := range a.IP[:4] {
			if i > 0 {
				b = append(b, '.')
			}
			b = strconv.AppendUint(b, uint64(n), 10)
		}
	}
	return string(strconv.AppendUint(append(b, ':'), uint64(a.Port), 10))
}

func appendIPv6(b []byte, ip [16]byte) []byte {
	from, to := longestZeros(ip)
	for i := 0; i < 16; i += 2 {
		if i == from {
			b = append(b, "::"...)
			if i = to; i == 16 {
				break
			}
		} else if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(ip[i])<<8|uint64(ip[i+1]), 16)
	}
	return b
}

// longestZeros gives the longest run of two groups of zeros or more, the first
// of equally long ones, as bytes from and to; -1 when there is none.
func longestZeros(ip [16]byte) (from, to int) {
	from, to = -1, 1 // a run of one group, 2 bytes, is not longer
	for i := 0; i < 16; i += 2 {
		j := i
		for j < 16 && ip[j] == 0 && ip[j+1] == 0 {
			j += 2
		}
		if j-i > to-from {
			from, to = i, j
		}
		i = max(i, j-2)
	}
	return from, to
}

// isAny reports whether it stands for every address of the machine: 0.0.0.0 of
// IPv4, [::] of both (ipv6(7), IPV6_V6ONLY).
func (a Addr) isAny() bool { return a.IP == [16]byte{} }

// meets reports whether two sockets cannot have both addresses: bind(2) gives
// EADDRINUSE to the second.
func (a Addr) meets(b Addr) bool {
	switch {
	case a.Port != b.Port:
		return false
	case a.V6 && a.isAny() || b.V6 && b.isAny():
		return true
	case a.V6 != b.V6:
		return false
	}
	return a.IP == b.IP || a.isAny() || b.isAny()
}
