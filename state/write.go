package state

import (
	"strconv"

	"mote/graph/line"
)

// Version is what a Writer writes; a reader takes Oldest to Version. A new key
// or kind of record needs no new version: who does not know it passes it over.
// What means something else than before does.
const (
	Version = 1
	Oldest  = 1
)

// The first and the last line of a snapshot.
const (
	headWord = "mote-state"
	endWord  = "end"
)

// writeBytes is how much a Writer collects for one call of its sink.
const writeBytes = 32 << 10

// Writer makes the lines of a snapshot and gives them to a sink piece by piece:
// its memory does not grow with the number of units.
type Writer struct {
	sink   func([]byte) error
	buf    []byte
	done   int // bytes of buf that digest has
	digest digest
	lines  int
	size   int
	err    error
	fields Fields // used again
}

// NewWriter begins a snapshot. release is the writer's own version, for
// messages. What sink gives back ends the writing, and is the error of Close.
func NewWriter(release string, sink func([]byte) error) *Writer {
	w := &Writer{sink: sink, digest: newDigest()}
	w.buf = line.Append(w.buf, headWord, strconv.Itoa(Version), "release="+release)
	w.endLine()
	return w
}

// Put writes one record: what its fields are is said by visit, which also reads
// them (Record.Load).
func (w *Writer) Put(kind string, visit func(*Fields)) {
	w.buf = append(w.buf, kind...)
	w.fields = Fields{out: w}
	visit(&w.fields)
	w.endLine()
}

func (w *Writer) endLine() {
	w.buf = append(w.buf, '\n')
	w.lines++
	if len(w.buf) >= writeBytes {
		w.flush()
	}
}

func (w *Writer) flush() {
	w.digest.add(w.buf)
	w.size += len(w.buf)
	if w.err == nil && w.size > MaxBytes {
		w.err = tooLarge(w.size)
	}
	if w.err == nil {
		w.err = w.sink(w.buf)
	}
	w.buf = w.buf[:0]
}

// Close writes the last line, with the number of lines and the digest of all
// that stands before it, which it also gives.
func (w *Writer) Close() (sum string, err error) {
	w.flush()
	sum = w.digest.String()
	w.buf = line.Append(w.buf, endWord, "lines="+strconv.Itoa(w.lines), "digest="+sum)
	w.buf = append(w.buf, '\n')
	if w.err == nil {
		w.err = w.sink(w.buf)
	}
	return sum, w.err
}

// digest is FNV-1a of 64 bits (Fowler, Noll, Vo): it finds what was cut or
// damaged by chance, and is no proof against a liar.
type digest uint64

func newDigest() digest { return 14695981039346656037 }

func (d *digest) add(b []byte) {
	h := uint64(*d)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	*d = digest(h)
}

// String gives 16 hexadecimal digits.
func (d digest) String() string {
	s := strconv.FormatUint(uint64(d), 16)
	return "0000000000000000"[len(s):] + s
}
