package pid1

import (
	"bytes"
	"strconv"

	"mote/graph"
)

// answerMost bounds what is read of a server's answer, in bytes: the first line,
// and what interim answers (RFC 9110, 15.2) have in front of it.
const answerMost = 1024

// requestOf makes the one request of a check, none where the connection is
// enough. It is HTTP/1.1, since some servers refuse 1.0 (426), and asks for the
// end of the connection, so that those that wait for another request do not keep
// it.
func requestOf(k *graph.Health) []byte {
	if k.Kind != graph.HealthHTTP {
		return nil
	}
	text := "GET " + k.Path + " HTTP/1.1\r\nHost: " + k.Addr.String() +
		"\r\nUser-Agent: mote\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	return []byte(text)
}

// httpVerdict reads the status of an answer (RFC 9112, 4) as soon as enough of it
// has come; over reports that. 2xx and 3xx are well and have an empty text.
// Interim answers are skipped with their headers. eof says that no more comes.
func httpVerdict(b []byte, eof bool) (text string, over bool) {
	full := eof || len(b) >= answerMost
	if len(b) == 0 {
		return "it hung up without an answer", eof
	}
	for rest := b; ; {
		code, known := statusOf(rest)
		switch {
		case !known && full && len(rest) < len(b):
			return "only interim answers in the first " + strconv.Itoa(len(b)) + " bytes", true
		case !known && full || code < 0:
			return "not http: " + quoteSome(rest), true
		case !known:
			return "", false
		case code >= 200 && code < 400:
			return "", true
		case code >= 200 || code == 101: // a switch to what nobody has asked for
			return "http " + strconv.Itoa(code), true
		}
		end := bytes.Index(rest, []byte("\r\n\r\n"))
		if end < 0 {
			if full {
				return "only interim answers in the first " + strconv.Itoa(len(b)) + " bytes", true
			}
			return "", false
		}
		rest = rest[end+4:]
	}
}

// statusOf gives the code of a status line, -1 when it is none, and whether
// enough of it is there to tell.
func statusOf(b []byte) (code int, known bool) {
	const name = "HTTP/"
	n := min(len(b), len(name))
	if string(b[:n]) != name[:n] {
		return -1, true
	}
	// HTTP/1.1 200: a digit, a dot, a digit, a blank, three digits, and then no more.
	const form = "0.0 000"
	for i := range len(form) {
		if n+i >= len(b) {
			return 0, false
		}
		c := b[n+i]
		switch {
		case form[i] != '0' && c != form[i], form[i] == '0' && (c < '0' || c > '9'):
			return -1, true
		case i >= 4:
			code = code*10 + int(c-'0')
		}
	}
	n += len(form)
	switch {
	case code < 100 || code > 599:
		return -1, true
	case n == len(b):
		return 0, false
	case b[n] != ' ' && b[n] != '\r' && b[n] != '\n':
		return -1, true
	}
	return code, true
}

// quoteSome gives the beginning of what a stranger has sent.
func quoteSome(b []byte) string {
	const most = 40
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "..."
	}
	return strconv.Quote(string(b))
}
