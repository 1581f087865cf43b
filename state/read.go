package state

import (
	"errors"
	"strconv"
	"strings"

	"mote/graph/line"
)

// MaxBytes bounds a snapshot: 65,536 units with all that they can have are
// about 60 MB.
const MaxBytes = 128 << 20

// maxLines bounds the records: one takes 48 bytes of memory, whatever its line says.
// Lines that are written have more than 32 bytes on the average.
const maxLines = MaxBytes / 32

// maxUnknown bounds the list of what a reader did not know.
const maxUnknown = 64

// Snapshot is what was read: its records in their order.
type Snapshot struct {
	Version int
	Release string // of the writer
	Sum     string // the digest
	Records []Record
	Unknown []string // "kind key" and "kind": what was written and nobody here knows

	words []string // of the record that is read, and which of them were asked for
	used  []bool
}

// Record is one line of a snapshot.
type Record struct {
	Kind string
	Line int // from 1
	in   *Snapshot
	text string // behind the kind
}

// Read takes a snapshot apart. It is refused as a whole when it has another
// version, is cut, or was damaged; what its records say is looked at in Load.
// The records share the memory of text.
func Read(text string) (*Snapshot, error) {
	if len(text) > MaxBytes {
		return nil, tooLarge(len(text))
	}
	head, rest, ok := strings.Cut(text, "\n")
	s := &Snapshot{}
	if err := s.head(head); err != nil {
		return nil, err
	}
	at := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
	if !ok || at < len(text)-len(rest) || !strings.HasSuffix(text, "\n") {
		return nil, errors.New("it is cut: its last line is missing")
	}
	body, end := text[len(text)-len(rest):at], text[at:]
	lines := 1 + strings.Count(body, "\n")
	if lines > maxLines {
		return nil, errors.New("it has " + strconv.Itoa(lines) + " lines: the limit is " + strconv.Itoa(maxLines))
	}
	sum := newDigest()
	sum.add([]byte(text[:at]))
	s.Sum = sum.String()
	if want := endWord + " lines=" + strconv.Itoa(lines) + " digest=" + s.Sum + "\n"; end != want {
		return nil, errors.New("it is cut or damaged: its last line is " + strconv.QuoteToASCII(end[:min(len(end), 80)]) +
			", and the digest of " + strconv.Itoa(lines) + " lines is " + s.Sum)
	}
	s.split(body)
	return s, nil
}

// Salvage takes apart what can be read of a snapshot that Read refuses.
func Salvage(text string) *Snapshot {
	s := &Snapshot{}
	_, rest, _ := strings.Cut(text[:min(len(text), MaxBytes)], "\n")
	s.split(rest)
	return s
}

// head reads the first line.
func (s *Snapshot) head(text string) error {
	words, err := line.Words(nil, text[:min(len(text), 4096)])
	if err != nil || len(words) < 2 || words[0] != headWord {
		return errors.New("it is no snapshot: it does not begin with " + headWord)
	}
	n, err := strconv.Atoi(words[1])
	if err != nil || n < 0 {
		return errors.New("it is no snapshot: its version is " + strconv.QuoteToASCII(words[1][:min(len(words[1]), 40)]))
	}
	s.Version = n
	for _, w := range words[2:] {
		if r, ok := strings.CutPrefix(w, "release="); ok {
			s.Release = r
		}
	}
	if n < Oldest || n > Version {
		reads := strconv.Itoa(Version)
		if Oldest != Version {
			reads = strconv.Itoa(Oldest) + " to " + reads
		}
		return errors.New("snapshot version " + strconv.Itoa(n) + ", this binary reads " + reads)
	}
	return nil
}

// split makes the records of the lines between the first and the last.
func (s *Snapshot) split(body string) {
	s.Records = make([]Record, 0, min(strings.Count(body, "\n"), maxLines))
	for n := 2; body != "" && n <= maxLines; n++ {
		var text string
		text, body, _ = strings.Cut(body, "\n")
		kind, rest, _ := strings.Cut(text, " ")
		s.Records = append(s.Records, Record{Kind: kind, Line: n, in: s, text: rest})
	}
}

// Load reads the fields of a record by the function that wrote them. A key that
// it does not ask for is noted in the snapshot's Unknown.
func (r *Record) Load(visit func(*Fields)) error {
	words, err := line.Words(r.in.words[:0], r.text)
	if err != nil {
		return r.Wrong(err.Error())
	}
	if len(words) > len(r.in.used) {
		r.in.used = make([]bool, 2*len(words))
	}
	f := Fields{pairs: words, used: r.in.used[:len(words)]}
	r.in.words = words
	clear(f.used)
	visit(&f)
	if f.bad != "" {
		return r.Wrong(f.bad)
	}
	for i, w := range words {
		if !f.used[i] {
			key, _, _ := strings.Cut(w, "=")
			r.in.note(r.Kind + " " + key)
		}
	}
	return nil
}

// Skip notes that nobody here knows this kind of record.
func (r *Record) Skip() { r.in.note(r.Kind) }

// Wrong gives an error that says where it is.
func (r *Record) Wrong(text string) error {
	return errors.New("snapshot:" + strconv.Itoa(r.Line) + ": " + r.Kind + ": " + text)
}

// note adds to what nobody knows, once.
func (s *Snapshot) note(what string) {
	for _, u := range s.Unknown {
		if u == what {
			return
		}
	}
	if len(s.Unknown) < maxUnknown {
		s.Unknown = append(s.Unknown, what)
	}
}

func wrong(text string) error { return errors.New("snapshot: " + text) }

func tooLarge(n int) error {
	return errors.New("it has " + strconv.Itoa(n) + " bytes: the limit is " + strconv.Itoa(MaxBytes))
}
