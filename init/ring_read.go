package pid1

// ringCursor is a reader's place: the line it wants next and where in the
// stream of records that line begins. It needs no upkeep by the ring: a cursor
// that fell behind learns how many lines it lost when it is next used.
type ringCursor struct {
	seq uint64 // the line, counted from the first ever appended
	at  uint64 // the byte, counted from the first ever appended
}

// First is the oldest line's cursor, End that of the line to come.
func (r *Ring) First() ringCursor { return ringCursor{r.total - uint64(r.count), r.start} }
func (r *Ring) End() ringCursor   { return ringCursor{r.total, r.start + uint64(r.used)} }

// catchUp moves a cursor whose line is gone to the oldest line and gives the
// number of lines in between. A cursor that cannot be this ring's goes to the
// end.
func (r *Ring) catchUp(c *ringCursor) (lost uint64) {
	first, end := r.First(), r.End()
	switch {
	case c.seq < first.seq:
		lost = first.seq - c.seq
		*c = first
	case c.seq >= end.seq:
		*c = end
	case c.at < first.at || c.at > end.at:
		lost = end.seq - c.seq
		*c = end
	}
	return lost
}

// place gives where the cursor's byte is in the region, and the bytes from
// there to the newest line's end.
func (r *Ring) place(c ringCursor) (at, avail int) {
	skip := int(c.at - r.start)
	return r.wrap(r.head + skip), r.used - skip
}

// Next reads the cursor's line and moves it on. The text is valid until the
// next Append or Next of any ring of the same Logs. ok is false at the end;
// lost lines are reported either way.
func (r *Ring) Next(c *ringCursor) (wallNs int64, text []byte, lost uint64, ok bool) {
	lost = r.catchUp(c)
	if c.seq == r.total {
		return 0, nil, lost, false
	}
	at, avail := r.place(*c)
	n, wallNs, ok := r.record(at, avail)
	// Only the newest record may end where the records end.
	if !ok || (c.seq+1 == r.total) != (n+ringRecordBytes == avail) {
		lost += r.total - c.seq
		r.discard()
		*c = r.End()
		return 0, nil, lost, false
	}
	c.seq++
	c.at += uint64(n + ringRecordBytes)
	at = r.wrap(at + ringHeadBytes)
	if at+n <= len(r.mem) {
		return wallNs, r.mem[at : at+n : at+n], lost, true
	}
	text = r.scratch[:n]
	r.get(text, at)
	return wallNs, text, lost, true
}

// Peek gives the time of the cursor's line, if there is one.
func (r *Ring) Peek(c ringCursor) (wallNs int64, ok bool) {
	r.catchUp(&c)
	if c.seq == r.total {
		return 0, false
	}
	_, wallNs, ok = r.record(r.place(c))
	return wallNs, ok
}

// Prev moves the cursor one line back and gives that line's time; ok is false,
// and the cursor stays, when there is none.
func (r *Ring) Prev(c *ringCursor) (wallNs int64, ok bool) {
	r.catchUp(c)
	first := r.First()
	room := c.at - first.at
	if c.seq <= first.seq || room < ringRecordBytes {
		return 0, false
	}
	end, _ := r.place(*c)
	back := end - ringTailBytes
	if back < 0 {
		back += len(r.mem)
	}
	n := uint64(r.length(back) + ringRecordBytes)
	if n > room {
		return 0, false
	}
	p := ringCursor{c.seq - 1, c.at - n}
	text, wallNs, ok := r.record(r.place(p))
	if !ok || uint64(text+ringRecordBytes) != n {
		return 0, false
	}
	*c = p
	return wallNs, true
}

// Tail gives the cursor of the nth newest line, or of the oldest when there
// are fewer; n below 0 asks for all.
func (r *Ring) Tail(n int) ringCursor {
	if n < 0 || n >= r.count {
		return r.First()
	}
	c := r.End()
	for ; n > 0; n-- {
		if _, ok := r.Prev(&c); !ok {
			break
		}
	}
	return c
}
