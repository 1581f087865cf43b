package line

// Order gives the numbers 0 to n-1 in the order that less asks for, and in
// their own where it asks for none. It stands beside the codec, which all rooms
// may use, because those of package slices are compiled anew for each type,
// and each takes 9 to 13 KB of the file.
func Order(n int, less func(a, b int) bool) []int {
	order, next := make([]int, n), make([]int, n)
	for i := range order {
		order[i] = i
	}
	for width := 1; width < n; width *= 2 { // merge sort, from the bottom up
		for low := 0; low < n; low += 2 * width {
			a, mid, high := low, min(low+width, n), min(low+2*width, n)
			for b, i := mid, low; i < high; i++ {
				if b == high || a < mid && !less(order[b], order[a]) {
					next[i] = order[a]
					a++
				} else {
					next[i] = order[b]
					b++
				}
			}
		}
		order, next = next, order
	}
	return order
}

// SortWords brings words into the order of their bytes.
func SortWords(words []string) {
	was := append([]string(nil), words...)
	for i, from := range Order(len(words), func(a, b int) bool { return was[a] < was[b] }) {
		words[i] = was[from]
	}
}
