package state

import (
	"fmt"
	"strings"
	"testing"

	"mote/graph"
)

type oneFile string

func (o oneFile) Files(path string) ([]string, error) { return []string{path}, nil }
func (o oneFile) Glob(string) ([]string, error)       { return nil, nil }
func (o oneFile) Read(string) ([]byte, error)         { return []byte(o), nil }

// booted gives a world of services of which each runs.
func booted(n int) *graph.World {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "service s%d /bin/s%d -x --name \"a b\"\n after s%d\n env A=1 B=2\n restart always delay 100ms\n", i, i, max(i-1, 0))
	}
	conf := graph.Load(oneFile(b.String()), []graph.Root{{Path: "/etc/x.conf"}})
	w := graph.NewWorld(conf.Units)
	queue := []graph.Event{{Kind: graph.Boot, Unit: graph.None}}
	pid := int32(100)
	for len(queue) > 0 {
		ev := queue[0]
		queue = queue[1:]
		for _, e := range w.Apply(1e9, ev) {
			if e.Kind == graph.Spawn {
				pid++
				queue = append(queue, graph.Event{Kind: graph.Spawned, Unit: e.Unit, Gen: e.Gen, Pid: pid},
					graph.Event{Kind: graph.Executed, Unit: e.Unit, Gen: e.Gen})
			}
		}
	}
	return w
}

// What a re-exec pays for 100 units: about half each way.
func BenchmarkWorld(b *testing.B) {
	w := booted(100)
	var text string
	put := func() {
		var out strings.Builder
		wr := NewWriter("x", func(p []byte) error { out.Write(p); return nil })
		PutWorld(wr, w)
		wr.Close()
		text = out.String()
	}
	b.Run("put", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			put()
		}
	})
	put()
	b.Logf("%d bytes a unit", len(text)/100)
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := loadWorld(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
