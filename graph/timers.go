package graph

// timers is a binary heap of one deadline for each unit, with each unit's
// place in it, so that a deadline that moves leaves nothing behind.
type timers struct {
	heap []timer
	pos  []int32 // of each unit: its place in heap + 1; 0 = none
}

type timer struct {
	at Instant
	id ID
}

// first is the earliest deadline; 0 when there is none.
func (t *timers) first() Instant {
	if len(t.heap) == 0 {
		return 0
	}
	return t.heap[0].at
}

// arm sets a unit's deadline; 0 takes it away.
func (t *timers) arm(id ID, at Instant) {
	for int(id) >= len(t.pos) {
		t.pos = append(t.pos, 0)
	}
	i := int(t.pos[id]) - 1
	switch {
	case at == 0 && i < 0:
		return
	case at == 0:
		t.remove(i)
		return
	case i < 0:
		i = len(t.heap)
		t.heap = append(t.heap, timer{at, id})
		t.pos[id] = int32(i) + 1
	case t.heap[i].at == at:
		return
	default:
		t.heap[i].at = at
	}
	t.down(t.rise(i))
}

func (t *timers) remove(i int) {
	last := len(t.heap) - 1
	t.pos[t.heap[i].id] = 0
	if i != last {
		t.heap[i] = t.heap[last]
		t.pos[t.heap[i].id] = int32(i) + 1
	}
	t.heap = t.heap[:last]
	if i != last {
		t.down(t.rise(i))
	}
}

func (t *timers) less(i, j int) bool {
	a, b := t.heap[i], t.heap[j]
	return a.at < b.at || a.at == b.at && a.id < b.id
}

func (t *timers) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.pos[t.heap[i].id], t.pos[t.heap[j].id] = int32(i)+1, int32(j)+1
}

func (t *timers) rise(i int) int {
	for i > 0 && t.less(i, (i-1)/2) {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

func (t *timers) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(t.heap) {
			return
		}
		if c+1 < len(t.heap) && t.less(c+1, c) {
			c++
		}
		if !t.less(c, i) {
			return
		}
		t.swap(c, i)
		i = c
	}
}
