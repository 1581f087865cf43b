package pid1

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"mote/state"
)

// What no init has written is refused, with its line; what there is of clients in
// a snapshot is bounded.
func TestBadClients(t *testing.T) {
	const runs = "logs lines=9\njournal next=2 units=0,1 seq=0,0 at=0,0 line=3,6\n"
	for text, want := range map[string]string{
		"control first=128":                     "control: there is no such socket",
		"control path=/x fd=2":                  "control: there is no such socket",
		"client slot=128 fd=9":                  "client: there is no such client",
		"client slot=-1 fd=9":                   "client: there is no such client",
		"client fd=2":                           "client: there is no such client",
		"client fd=9 reply=7":                   "client: there is no such client",
		"client fd=9 next=-1":                   "client: there is no such client",
		"client fd=9 lost=-1":                   "client: there is no such client",
		"client fd=9 reply=4 ids=0,2":           "client: it asks for a unit that does not exist",
		"client fd=9 reply=4 ids=-1":            "client: it asks for a unit that does not exist",
		"client fd=9 waits=yes at=1":            "client: there is no such wait",
		"client fd=9 waits=yes names=2":         "client: it waits for unit 2, which does not exist",
		"client fd=9\nclient slot=1 fd=9":       "client: descriptor 9 cannot be one that was kept, or is there twice",
		"control path=/x fd=9\nclient fd=9":     "client: descriptor 9 cannot be one that was kept, or is there twice",
		"logs kmsg=9\nclient fd=9":              "logs: a descriptor that cannot be, or is another's",
		"client fd=9\nclient fd=10":             "client: its slot is another's",
		"client fd=9 reply=5 rings=1,2,3":       "client: its reader has a wrong number of places",
		"client fd=9 reply=5 heap=1":            "client: there is no such reader",
		"client fd=9 reply=5 heap=-1":           "client: there is no such reader",
		"client fd=9 reply=5 back=-1":           "client: there is no such reader",
		"client fd=9 reply=5 rings=2,0,0,0,0,0": "client: its reader is in the log of a unit that does not exist",
		"client fd=9 reply=6 idle=-3,0,0,0,0,0": "client: its reader is in the log of a unit that does not exist",
		"client fd=9 reply=5 rings=" + strings.Repeat("0,0,0,0,0,0,", 3) + "0,0,0,0,0,0": "client: its reader has a wrong number of places",
		"client fd=9 reply=6 all=yes":                                                    "client: its reader is where no line is",
		"client fd=9 reply=6 all=yes place=1,0,0,0":                                      "client: its reader is where no line is",
		runs + "client fd=9 reply=6 all=yes place=3,9,0,0":                               "client: its reader is where no line is",
		runs + "client fd=9 reply=6 all=yes place=2,8,0,0":                               "client: its reader is where no line is",
		runs + "client fd=9 reply=6 all=yes place=1,5,0,0":                               "client: its reader is where no line is",
		runs + "client fd=9 reply=6 all=yes place=1,10,0,0":                              "client: its reader is where no line is",
		runs + "client fd=9 reply=6 all=yes place=0,7,0,0":                               "client: its reader is where no line is",
		strings.Replace(runs, "6", "2", 1) + "client fd=9 reply=6 all=yes place=2,9,0,0": "client: its reader is where no line is",
		runs + "client fd=9 reply=6 all=yes place=0,6,0,0":                               "",
		runs + "client fd=9 reply=6 all=yes place=2,9,0,0":                               "",
		"client fd=9 in=" + strings.Repeat("x", 80<<10):                                  "client: there is no such client",
		"client fd=9 slot=127 out=x in=y reply=5 rings=-1,0,0,0,0,0 heap=1":              "",
	} {
		in := testInit(t, "task a /bin/true\ntask b /bin/true\n")
		k := keeper{}
		var b bytes.Buffer
		k.Writer = state.NewWriter("1", func(p []byte) error { b.Write(p); return nil })
		headPart.put(in, &k)
		worldPart.put(in, &k)
		for _, l := range strings.Split(text, "\n") {
			words := strings.Split(l, " ")
			k.Put(words[0], func(f *state.Fields) {
				for _, w := range words[1:] {
					key, value, _ := strings.Cut(w, "=")
					f.Text(key, &value)
				}
			})
		}
		k.Close()
		_, err := readState(b.String())
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.HasSuffix(got, ": "+want) {
			t.Errorf("%.100s: %v, want %s", text, err, want)
		}
	}
}

// A client that has asked for much and reads nothing is hung up rather than let
// grow the snapshot; the others go on.
func TestClientsThatAreTooBig(t *testing.T) {
	in := testInit(t, "task a /bin/true\n")
	var big []*peer
	for range 4 {
		p := connect(t, in)
		p.c.out = bytes.Repeat([]byte("x"), clientsBytes/5)
		big = append(big, p)
	}
	small := connect(t, in)
	in.server.path = ""
	text := textOfState(t, in)
	s, err := readState(text)
	if err != nil || len(s.clients) != 3 || len(text) > clientsBytes || s.clients[2].slot != small.c.slot {
		t.Fatalf("%d bytes with %d clients: %v", len(text), len(s.clients), err)
	}
	for _, p := range big {
		p.c.out = nil
	}
}

// A reader whose places are no lines ends, and breaks nothing: a ring that it finds
// no record in is emptied at worst.
func TestReadersThatLie(t *testing.T) {
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		in := manyUnits(t, 12)
		number := func() int64 {
			return [...]int64{-1, 0, 1, 1 << 62, rnd.Int64N(8), rnd.Int64N(300), int64(rnd.Uint64())}[rnd.IntN(7)]
		}
		list := func() (numbers []int64) {
			for range rnd.IntN(14) {
				numbers = append(numbers, rnd.Int64N(15)-2, number(), number(), number(), number(), number())
			}
			return numbers
		}
		v := savedReader{entries: list(), idle: list(), named: rnd.IntN(2) == 0, back: rnd.IntN(50) * rnd.IntN(2)}
		v.heap = rnd.IntN(len(v.entries)/entryNumbers + 1)
		logs := savedLogs{arena: savedArena{Lines: in.logs.lines}}
		if rnd.IntN(2) == 0 {
			v.all, v.place = true, []int64{0, int64(in.logs.lines), number(), number()}
		}
		if wrong := v.wrong(&logs, in.world.Len()); wrong != "" {
			t.Fatal(seed, wrong)
		}
		r := v.load(in)
		for steps := 0; ; steps++ {
			if _, st := r.Next(); st == LogDone {
				break
			}
			if steps > 2000 {
				t.Fatalf("seed %d: it does not end: %+v", seed, v)
			}
		}
		in.units[3].log.Feed([]byte("more\n"))
		r.Next()
		r.Close()
	}
}
