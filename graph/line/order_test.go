package line

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestOrder(t *testing.T) {
	for n := range 70 {
		list := make([]int, n)
		for i := range list {
			list[i] = rand.IntN(10)
		}
		want := make([]int, n)
		for i := range want {
			want[i] = i
		}
		slices.SortStableFunc(want, func(a, b int) int { return list[a] - list[b] })
		if got := Order(n, func(a, b int) bool { return list[a] < list[b] }); !slices.Equal(got, want) {
			t.Fatalf("%v: %v, want %v", list, got, want)
		}
	}
}

func TestSortWords(t *testing.T) {
	words := []string{"b", "", "a10", "a", "B", "\xff", "a2"}
	want := slices.Sorted(slices.Values(words))
	if SortWords(words); !slices.Equal(words, want) {
		t.Errorf("%q, want %q", words, want)
	}
}
