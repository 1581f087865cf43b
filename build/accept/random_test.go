package accept

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// edge says that the unit from stands on the unit to.
type edge struct {
	from, to int
	hard     bool // requires
}

// randomGraph gives the text of n tasks with random edges, and the edges.
func randomGraph(r *rand.Rand, n int) (string, []edge) {
	var edges []edge
	keys := make([][]string, n)
	rank := r.Perm(n) // file order is not start order
	at := make([]int, n)
	for i, x := range rank {
		at[x] = i
	}
	name := func(i int) string { return "u" + strconv.Itoa(i) }
	for k := 1; k < n; k++ {
		from := rank[k]
		for range r.IntN(4) {
			to := rank[r.IntN(k)]
			switch r.IntN(4) {
			case 0, 1:
				keys[from] = append(keys[from], "requires "+name(to))
				edges = append(edges, edge{from, to, true})
			case 2:
				keys[from] = append(keys[from], "after "+name(to))
				edges = append(edges, edge{from, to, false})
			case 3:
				keys[to] = append(keys[to], "before "+name(from))
				edges = append(edges, edge{from, to, false})
			}
		}
	}
	var b strings.Builder
	b.WriteString("option shutdown-timeout 120s\n")
	for i := range n {
		if i%50 == 7 { // some live on
			fmt.Fprintf(&b, "service u%d {V} unit {D}/order u%d 3\n  ready fd 3\n  stop TERM 60s\n", i, i)
		} else {
			fmt.Fprintf(&b, "task u%d {V} append {D}/order +u%d\n  stop-exec {V} append {D}/order -u%d\n  stop TERM 60s\n", i, i, i)
		}
		for _, k := range keys[i] {
			b.WriteString("  " + k + "\n")
		}
	}
	return b.String(), edges
}

// D9: the orders of 1,000 units respect every edge, up and down.
func TestA25_RandomGraph(t *testing.T) {
	const n = 1000
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MOTE_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("seed %d", seed)
	text, edges := randomGraph(rand.New(rand.NewPCG(seed, 1)), n)
	in := start(t, text)
	end := time.Now().Add(20 * step)
	for len(in.order()) < n && time.Now().Before(end) {
		time.Sleep(50 * time.Millisecond)
	}
	checkOrder(t, in.order(), "+", n, edges)
	in.until("all are satisfied", func() bool {
		for _, u := range in.units() {
			if u.State != "exited" && u.State != "running" {
				return false
			}
		}
		return true
	})
	in.clearOrder()
	in.ok("shutdown")
	in.gone(20 * step)
	for i := range edges { // on the way down the other one goes first
		edges[i].from, edges[i].to = edges[i].to, edges[i].from
	}
	checkOrder(t, in.order(), "-", n, edges)
}

// checkOrder fails unless each unit is there once, and each after what it
// stands on.
func checkOrder(t *testing.T, lines []string, sign string, n int, edges []edge) {
	t.Helper()
	at := map[string]int{}
	for i, l := range lines {
		if _, twice := at[l]; twice {
			t.Errorf("%s is there twice", l)
		}
		at[l] = i
	}
	if len(at) != n {
		t.Fatalf("%d units of %d", len(at), n)
	}
	for _, e := range edges {
		from, to := sign+"u"+strconv.Itoa(e.from), sign+"u"+strconv.Itoa(e.to)
		if at[from] < at[to] {
			t.Errorf("%s is before %s, although it stands on it (requires: %v)", from, to, e.hard)
		}
	}
}
