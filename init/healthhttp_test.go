package pid1

import (
	"strings"
	"testing"

	"mote/graph"
)

func TestRequest(t *testing.T) {
	if got := requestOf(&graph.Health{Kind: graph.HealthTCP}); len(got) != 0 {
		t.Errorf("tcp sends %q", got)
	}
	k := &graph.Health{Kind: graph.HealthHTTP, Path: "/healthz?a=%20b", Addr: graph.Addr{IP: [16]byte{15: 1}, V6: true, Port: 8080}}
	want := "GET /healthz?a=%20b HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: mote\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	if got := string(requestOf(k)); got != want {
		t.Errorf("%q", got)
	}
	k.Addr = graph.Addr{IP: [16]byte{127, 0, 0, 1}, Port: 80}
	if got := string(requestOf(k)); !strings.Contains(got, "\r\nHost: 127.0.0.1:80\r\n") {
		t.Errorf("%q", got)
	}
}

const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"

// What an answer means, and that it means the same in whatever pieces it comes.
func TestHTTPVerdict(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""},
		{"HTTP/1.0 204 No Content\r\n\r\n", ""},
		{"HTTP/1.1 200\r\n\r\n", ""},
		{"HTTP/1.1 200", `not http: "HTTP/1.1 200"`},
		{"HTTP/1.1 302 Found\nLocation: /\n\n", ""},
		{"HTTP/1.1 399 x\r\n", ""},
		{"HTTP/1.1 400 Bad Request\r\n", "http 400"},
		{"HTTP/1.1 404 Not Found\r\n", "http 404"},
		{"HTTP/1.1 503 Service Unavailable\r\n", "http 503"},
		{"HTTP/1.1 599 \r\n", "http 599"},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", "http 101"},
		{interim + "HTTP/1.1 200 OK\r\n\r\n", ""},
		{interim + interim + "HTTP/1.1 500 no\r\n\r\n", "http 500"},
		{interim, "only interim answers in the first 44 bytes"},
		{interim[:20], "only interim answers in the first 20 bytes"},
		{strings.Repeat(interim, 100), "only interim answers in the first 1024 bytes"},
		{"HTTP/1.1 100 " + strings.Repeat("x", 3000), "only interim answers in the first 1024 bytes"},
		{interim + "\x00\x01", `not http: "\x00\x01"`},
		{"", "it hung up without an answer"},
		{"HTTP", `not http: "HTTP"`},
		{"HTTP/1.1 20", `not http: "HTTP/1.1 20"`},
		{"HTTP/1.1 2000 OK\r\n", `not http: "HTTP/1.1 2000 OK\r\n"`},
		{"HTTP/1.1 600 x\r\n", `not http: "HTTP/1.1 600 x\r\n"`},
		{"HTTP/1.1 099 x\r\n", `not http: "HTTP/1.1 099 x\r\n"`},
		{"HTTP/1.1  200 x\r\n", `not http: "HTTP/1.1  200 x\r\n"`},
		{"HTTP/1.1\t200 x\r\n", `not http: "HTTP/1.1\t200 x\r\n"`},
		{"HTTP/1.1 -20 x\r\n", `not http: "HTTP/1.1 -20 x\r\n"`},
		{"http/1.1 200 OK\r\n", `not http: "http/1.1 200 OK\r\n"`},
		{"SSH-2.0-OpenSSH_9.2p1\r\n", `not http: "SSH-2.0-OpenSSH_9.2p1\r\n"`},
		{"\x16\x03\x01\x00", `not http: "\x16\x03\x01\x00"`},
		{strings.Repeat("A", 4000), `not http: "` + strings.Repeat("A", 40) + `"...`},
	} {
		pieces := 0
		check := func(step int) {
			got, over := "", false
			for n := min(step, len(c.answer)); !over; n = min(n+step, len(c.answer)) {
				b := c.answer[:min(n, answerMost)]
				if got, over = httpVerdict([]byte(b), false); !over && n == len(c.answer) {
					got, over = httpVerdict([]byte(b), true)
				}
				pieces++
			}
			// A word that is no answer is shown as far as it has come.
			if a, b, _ := strings.Cut(got, `"`); got != c.want && !(step < len(c.answer) && b != "" && strings.HasPrefix(c.want, a)) {
				t.Errorf("%.60q in pieces of %d: %q, want %q", c.answer, step, got, c.want)
			}
		}
		check(1)
		check(7)
		check(len(c.answer) + 1)
		if pieces == 0 {
			t.Errorf("%.60q was not judged", c.answer)
		}
	}
}

func FuzzHTTPVerdict(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n"), false)
	f.Add([]byte(interim+interim+"HTTP/1.0 404 no"), true)
	f.Fuzz(func(t *testing.T, b []byte, eof bool) {
		b = b[:min(len(b), answerMost)]
		text, over := httpVerdict(b, eof)
		if (eof || len(b) == answerMost) && !over {
			t.Errorf("%q: no verdict at the end", b)
		}
		if over && text == "" && !strings.Contains(string(b), " 2") && !strings.Contains(string(b), " 3") {
			t.Errorf("%q is well", b)
		}
		if len(text) > 250 {
			t.Errorf("%d bytes of text", len(text))
		}
	})
}
