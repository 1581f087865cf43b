package proc

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel's answer and its tables say the same.
func TestDiagInUse(t *testing.T) {
	limit := maxNetTable
	defer func() { maxNetTable = limit }()
	maxNetTable = 64 << 20 // whatever else this machine does
	e := loopback(t)
	listenTCP(t, e)
	used, known := diagInUse(&e)
	if !known {
		t.Skip("no sock_diag(7) here")
	}
	other := e
	other.Port++
	if tables := inetInUse("/proc/net/tcp", []Endpoint{e}); used || tables {
		t.Fatalf("used at first: %v, by the table %v", used, tables)
	}
	client := connectTo(t, e)
	defer unix.Close(client)
	used, known = diagInUse(&e)
	if tables := inetInUse("/proc/net/tcp", []Endpoint{e}); !used || !known || !tables {
		t.Errorf("used %v %v, by the table %v", used, known, tables)
	}
	if used, _ := diagInUse(&other); used {
		t.Error("another port is used")
	}
}

// An answer that is cut or made up ends the look and does no harm.
func TestDiagAnswerOfGarbage(t *testing.T) {
	e := Endpoint{Port: 80}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		b := make([]byte, r.IntN(120))
		for i := range b {
			if b[i] = byte(r.IntN(256)); r.IntN(2) == 0 {
				b[i] = 0
			}
		}
		diagAnswer(b, &e)
	}
	if _, _, ok := diagAnswer([]byte{200, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, &e); ok {
		t.Error("a message that is longer than the answer")
	}
}
