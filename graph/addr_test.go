package graph

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddrs(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:1": "0.0.0.0:1", "255.255.255.255:65535": "255.255.255.255:65535",
		"localhost:8080": "127.0.0.1:8080", ":80": "[::]:80", "*:80": "[::]:80", "[::]:080": "[::]:80", "[::1]:80": "[::1]:80",
		"[1::]:9": "[1::]:9", "[1:2:3:4:5:6:7:8]:9": "[1:2:3:4:5:6:7:8]:9", "[FE80::00aB]:9": "[fe80::ab]:9",
		"[0:0:1:0:0:0:1:0]:9": "[0:0:1::1:0]:9", "[1:0:0:2:0:0:3:4]:9": "[1::2:0:0:3:4]:9", "[1:0:2:3:4:5:6:7]:9": "[1:0:2:3:4:5:6:7]:9",
		"[1::3:4:5:6:7:8]:9": "[1:0:3:4:5:6:7:8]:9", "[::2:3:4:5:6:7:8]:9": "[0:2:3:4:5:6:7:8]:9", "[1:2:3:4:5:6:7::]:9": "[1:2:3:4:5:6:7:0]:9",
		"[::ffff:7f00:1]:9": "[::ffff:7f00:1]:9", "[1:2:3:4:5:6::]:9": "[1:2:3:4:5:6::]:9",
	} {
		a, wrong := ParseAddr(in)
		if wrong != "" || a.String() != want {
			t.Errorf("%s is %s %q, want %s", in, a, wrong, want)
		}
		if again, wrong := ParseAddr(want); again != a || wrong != "" {
			t.Errorf("%s is %v %q, want %v", want, again, wrong, a)
		}
	}
	for in, want := range map[string]string{
		"": noAddr, "80": noAddr, "127.0.0.1": noAddr, "web:80": noAddr, "::1:80": noAddr, "[::1:80": noAddr, "::1]:80": noAddr,
		"[]:80": noAddr, "[:80": noAddr, "[:]:80": noAddr, "[:::]:80": noAddr, "[1::2::3]:80": noAddr, "[1:2:3:4:5:6:7]:80": noAddr,
		"[1:2:3:4:5:6:7:8:9]:80": noAddr, "[1:2:3:4:5:6:7:8::]:80": noAddr, "[1::2:3:4:5:6:7:8]:80": noAddr, "[12345::]:80": noAddr,
		"[1:]:80": noAddr, "[:1]:80": noAddr, "[::1:]:80": noAddr, "[::g]:80": noAddr, "[fe80::1%eth0]:80": noAddr, "[::127.0.0.1]:80": noAddr,
		"1.2.3:80": noAddr, "1.2.3.4.5:80": noAddr, "1.2.3.4.:80": noAddr, "1.2.3.256:80": noAddr, "01.2.3.4:80": noAddr, "1..3.4:80": noAddr,
		"+1.2.3.4:80": noAddr, "1.2.3.٤:80": noAddr, "Localhost:80": noAddr, "http://1.2.3.4:80": noAddr, "[1.2.3.4]:80": noAddr,
		"1.2.3.4:": noPort, "1.2.3.4:0": noPort, "1.2.3.4:65536": noPort, "1.2.3.4:-1": noPort, "1.2.3.4:http": noPort, "[::1]:": noPort,
		":99999999999999999999": noPort, ":８０": noPort, "[::1]": noAddr, "1.2.3.4:80 ": noPort,
	} {
		if a, wrong := ParseAddr(in); wrong != want || a != (Addr{}) {
			t.Errorf("%q is %v %q, want %q", in, a, wrong, want)
		}
	}
}

func TestAddrsThatMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"1.2.3.4:1", "1.2.3.4:1", true}, {"1.2.3.4:1", "1.2.3.4:2", false}, {"1.2.3.4:1", "1.2.3.5:1", false},
		{"0.0.0.0:1", "1.2.3.4:1", true}, {"0.0.0.0:1", "[::1]:1", false}, {":1", "1.2.3.4:1", true}, {":1", "[::1]:1", true},
		{":1", "0.0.0.0:1", true}, {":1", ":2", false}, {"[::1]:1", "[::1]:1", true}, {"[::1]:1", "[::2]:1", false},
		{"[::1]:1", "127.0.0.1:1", false},
	} {
		a, _ := ParseAddr(tt.a)
		b, _ := ParseAddr(tt.b)
		if a.meets(b) != tt.want || b.meets(a) != tt.want {
			t.Errorf("%s and %s: want %v", tt.a, tt.b, tt.want)
		}
	}
}

// FuzzAddr: what is read is written so that it is read again, and it is what
// net/netip reads, which process 1 goes without.
func FuzzAddr(f *testing.F) {
	for _, s := range []string{"127.0.0.1:80", "[::1]:80", ":80", "*:1", "localhost:65535", "[1:0:0:2:0:0:3:4]:9", "[1:2:3:4:5:6:7::]:9", "[fe80::1%a]:1", "[::ffff:1.2.3.4]:5", "[", ":"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, wrong := ParseAddr(s)
		p, err := netip.ParseAddrPort(s)
		if wrong != "" {
			// The forms that are left out on purpose: zones, dotted ends, port 0.
			if err == nil && p.Port() != 0 && p.Addr().Zone() == "" && !(p.Addr().Is6() && strings.Contains(s, ".")) {
				t.Fatalf("%q is refused: %s", s, wrong)
			}
			return
		}
		if again, wrong := ParseAddr(a.String()); again != a || wrong != "" {
			t.Fatalf("%q is %v, written %s, which is %v %q", s, a, a, again, wrong)
		}
		host, _, _ := strings.Cut(s, ":")
		if err != nil && (host == "" || host == "*" || host == "localhost") {
			return
		}
		if i := strings.LastIndexByte(s, ':'); err != nil && strings.TrimLeft(s[i+1:], "0") != s[i+1:] {
			return // a port with zeros in front
		}
		switch {
		case err != nil:
			t.Fatalf("%q is %v, but %v", s, a, err)
		case a.Port != p.Port() || a.V6 != p.Addr().Is6():
			t.Fatalf("%q is %v, want %v", s, a, p)
		case a.V6 && a.IP != p.Addr().As16():
			t.Fatalf("%q is %v, want %v", s, a, p)
		case !a.V6 && [4]byte(a.IP[:4]) != p.Addr().As4():
			t.Fatalf("%q is %v, want %v", s, a, p)
		}
	})
}
