package pid1

// maxLineBytes is the longest line that a ring, a sink or a partial keeps;
// what is longer is split there (SPEC L1, CASES E9).
const maxLineBytes = 4096

// A record in a ring is 8 bytes of wall time (ns since 1970), 2 bytes of
// length, the text, and the length again. The second length lets a reader walk
// back from the newest line, and betrays bytes that are not a record.
const (
	ringHeadBytes   = 8 + 2
	ringTailBytes   = 2
	ringRecordBytes = ringHeadBytes + ringTailBytes
)

// minRingBytes is the smallest ring: a smaller one would split every line.
const minRingBytes = 256

// Ring holds the newest lines of a unit in a region that it does not own: part
// of the memfd that is mapped outside the heap and handed over a re-exec
// (DESIGN D5). It counts bytes, drops whole oldest lines, and knows how many.
//
// The region comes from another incarnation and is never trusted: a record
// whose lengths do not fit empties the ring, and its lines count as dropped.
//
// At all times lines appended = lines held + lines dropped.
type Ring struct {
	mem     []byte
	scratch *[maxLineBytes]byte // where a line that wraps is put together

	head  int    // where the oldest record begins in mem
	used  int    // bytes that hold records
	count int    // lines held
	start uint64 // bytes ever dropped: the oldest record's place in the stream
	total uint64 // lines ever appended
}

// RingState is a Ring without its bytes, for the snapshot.
type RingState struct {
	Head, Used, Count int
	Start, Total      uint64
}

// ringLineLimit gives the longest text that a ring of sizeBytes takes: never
// more than half of it with its record, so that two lines always fit.
func ringLineLimit(sizeBytes int) int {
	if sizeBytes <= 0 {
		return maxLineBytes
	}
	return max(1, min(maxLineBytes, sizeBytes/2-ringRecordBytes))
}

// Append adds one line and never allocates. A ring without a region counts it
// as dropped. A text over the line limit is cut; the splitter sends none.
func (r *Ring) Append(wallNs int64, text []byte) {
	r.total++
	size := len(r.mem)
	if size < minRingBytes {
		return
	}
	if limit := ringLineLimit(size); len(text) > limit {
		text = text[:limit]
	}
	n := ringRecordBytes + len(text)
	for size-r.used < n {
		r.dropOldest()
	}
	at := r.wrap(r.head + r.used)
	r.used += n
	r.count++
	if at+n <= size {
		b := r.mem[at : at+n]
		putHead(b, wallNs, len(text))
		copy(b[ringHeadBytes:], text)
		put16(b[n-ringTailBytes:], len(text))
		return
	}
	var head [ringHeadBytes]byte
	var tail [ringTailBytes]byte
	putHead(head[:], wallNs, len(text))
	put16(tail[:], len(text))
	at = r.put(at, head[:])
	at = r.put(at, text)
	r.put(at, tail[:])
}

// dropOldest makes room; it frees at least one byte or empties the ring.
func (r *Ring) dropOldest() {
	text, _, ok := r.record(r.head, r.used)
	n := ringRecordBytes + text
	if !ok || (r.count == 1) != (n == r.used) {
		r.discard()
		return
	}
	r.head = r.wrap(r.head + n)
	r.used -= n
	r.start += uint64(n)
	r.count--
}

// discard drops every line. Cursors learn of it as of any other loss.
func (r *Ring) discard() {
	r.start += uint64(r.used)
	r.head, r.used, r.count = 0, 0, 0
}

// record reads the lengths and the time of the record at place at, of which at
// most avail bytes are the ring's; ok reports whether it is one.
func (r *Ring) record(at, avail int) (text int, wallNs int64, ok bool) {
	size := len(r.mem)
	if avail < ringRecordBytes || avail > size {
		return 0, 0, false
	}
	if at+ringHeadBytes <= size {
		b := r.mem[at : at+ringHeadBytes]
		wallNs, text = get64(b), get16(b[8:])
	} else {
		var head [ringHeadBytes]byte
		r.get(head[:], at)
		wallNs, text = get64(head[:]), get16(head[8:])
	}
	if text > maxLineBytes || text > avail-ringRecordBytes {
		return 0, 0, false
	}
	return text, wallNs, r.length(r.wrap(at+ringHeadBytes+text)) == text
}

// length reads the two bytes at place at.
func (r *Ring) length(at int) int {
	return int(r.mem[at]) | int(r.mem[r.wrap(at+1)])<<8
}

// Count gives the lines held, Total the lines ever appended, Dropped the rest.
func (r *Ring) Count() int      { return r.count }
func (r *Ring) Total() uint64   { return r.total }
func (r *Ring) Dropped() uint64 { return r.total - uint64(r.count) }

// Resize moves the newest lines that fit into mem, another region, and leaves
// the old one to its owner. Cursors stay right: they count bytes of the stream.
func (r *Ring) Resize(mem []byte) {
	if len(mem) < minRingBytes {
		r.discard()
		r.mem = nil
		return
	}
	for r.used > len(mem) {
		r.dropOldest()
	}
	r.get(mem[:r.used], r.head)
	r.mem, r.head = mem, 0
}

// State gives what a snapshot needs besides the region.
func (r *Ring) State() RingState {
	return RingState{r.head, r.used, r.count, r.start, r.total}
}

// restore takes over a region with its state and reports whether the numbers
// can be true; if not, the ring is empty and its lines count as dropped.
func (r *Ring) restore(mem []byte, s RingState) bool {
	r.mem, r.start, r.total = mem, s.Start, s.Total
	r.head, r.used, r.count = 0, 0, 0
	if len(mem) < minRingBytes {
		r.mem = nil
		return s.Used == 0 && s.Count == 0
	}
	ok := s.possible(len(mem))
	if ok {
		r.head, r.used, r.count = s.Head, s.Used, s.Count
	}
	return ok
}

// possible reports whether a ring of a size can have such numbers.
func (s *RingState) possible(size int) bool {
	return s.Head >= 0 && s.Head < size && s.Used >= 0 && s.Used <= size &&
		s.Count >= 0 && s.Count <= s.Used/ringRecordBytes && (s.Count > 0) == (s.Used > 0) && uint64(s.Count) <= s.Total && s.Start < 1<<62
}

// wrap brings a place that is less than two rings on back into the ring.
func (r *Ring) wrap(at int) int {
	if at >= len(r.mem) {
		return at - len(r.mem)
	}
	return at
}

// put copies p to place at, around the end, and gives the place after it.
func (r *Ring) put(at int, p []byte) int {
	n := copy(r.mem[at:], p)
	copy(r.mem, p[n:])
	return r.wrap(at + len(p))
}

// get fills p from place at on, around the end.
func (r *Ring) get(p []byte, at int) {
	if len(p) == 0 {
		return
	}
	n := copy(p, r.mem[at:])
	copy(p[n:], r.mem)
}

func putHead(b []byte, wallNs int64, text int) {
	t := uint64(wallNs)
	b[0], b[1], b[2], b[3] = byte(t), byte(t>>8), byte(t>>16), byte(t>>24)
	b[4], b[5], b[6], b[7] = byte(t>>32), byte(t>>40), byte(t>>48), byte(t>>56)
	put16(b[8:], text)
}

func put16(b []byte, n int) { b[0], b[1] = byte(n), byte(n>>8) }

func get16(b []byte) int { return int(b[0]) | int(b[1])<<8 }

func get64(b []byte) int64 {
	return int64(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
}
