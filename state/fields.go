package state

import (
	"strconv"
	"strings"

	"mote/graph/line"
)

// Fields goes over the fields of one record, to write or to read them: one
// function names each field once, so that the two ways cannot differ. A field
// that has its zero value is not written, and one that is not there is read as
// that. When reading, what is wrong is kept; the first fault counts.
type Fields struct {
	out   *Writer  // nil: reading
	pairs []string // "key=value"
	used  []bool
	next  int // where the next key most likely is
	bad   string
}

// Reading reports whether fields are read.
func (f *Fields) Reading() bool { return f.out == nil }

// Fail says what is wrong with the record; the first one counts.
func (f *Fields) Fail(text string) {
	if f.bad == "" {
		f.bad = text
	}
}

// Text is a string of any bytes; what is read is a copy, or one word would keep
// the whole snapshot in memory.
func (f *Fields) Text(key string, p *string) {
	if f.out != nil {
		if *p != "" {
			f.put(key, *p)
		}
		return
	}
	v, _ := f.take(key)
	*p = strings.Clone(v)
}

// Bytes is a slice of any bytes; what is read is a copy.
func (f *Fields) Bytes(key string, p *[]byte) {
	if f.out != nil {
		if len(*p) > 0 {
			f.put(key, string(*p))
		}
		return
	}
	*p = nil
	if v, ok := f.take(key); ok {
		*p = []byte(v)
	}
}

// Texts is a list of strings: the key stands before each.
func (f *Fields) Texts(key string, p *[]string) {
	if f.out != nil {
		for _, v := range *p {
			f.put(key, v)
		}
		return
	}
	*p = nil
	for {
		v, ok := f.take(key)
		if !ok {
			return
		}
		*p = append(*p, strings.Clone(v))
	}
}

// Bool is "yes", or not there.
func (f *Fields) Bool(key string, p *bool) {
	if f.out != nil {
		if *p {
			f.put(key, "yes")
		}
		return
	}
	v, ok := f.take(key)
	if *p = ok; ok && v != "yes" {
		f.Fail(key + " " + strconv.Quote(v) + " is unknown: it is yes, or not there")
	}
}

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Int is a decimal number that fits its type.
func Int[T integer](f *Fields, key string, p *T) {
	if f.out != nil {
		if *p != 0 {
			f.putInt(key, int64(*p), *p > 0)
		}
		return
	}
	n, ok := f.takeInt(key)
	*p = T(n)
	if ok && int64(*p) != n {
		f.Fail(key + " " + strconv.FormatInt(n, 10) + " is out of range")
		*p = 0
	}
}

// Ints is a list of numbers with commas between them.
func Ints[T integer](f *Fields, key string, p *[]T) {
	if f.out != nil {
		if len(*p) == 0 {
			return
		}
		b := make([]byte, 0, 8*len(*p))
		for i, n := range *p {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(n), 10)
		}
		f.put(key, string(b))
		return
	}
	*p = nil
	v, ok := f.take(key)
	for ok {
		var word string
		word, v, ok = strings.Cut(v, ",")
		n, err := strconv.ParseInt(word, 10, 64)
		if t := T(n); err != nil || int64(t) != n {
			f.Fail(key + " " + strconv.Quote(word) + " is no number that fits")
			return
		}
		*p = append(*p, T(n))
	}
}

// put writes one pair; a value with blanks, quotes or control bytes is quoted
// together with its key.
func (f *Fields) put(key, value string) {
	f.out.buf = line.Append(f.out.buf, key+"="+value)
}

func (f *Fields) putInt(key string, n int64, positive bool) {
	b := append(append(append(f.out.buf, ' '), key...), '=')
	if positive {
		f.out.buf = strconv.AppendUint(b, uint64(n), 10)
	} else {
		f.out.buf = strconv.AppendInt(b, n, 10)
	}
}

// take gives the next value of a key that was not taken. Records are written and
// read by the same function, so it is nearly always the one behind the last.
func (f *Fields) take(key string) (value string, ok bool) {
	if f.next < len(f.pairs) && f.at(f.next, key) {
		return f.takeAt(f.next, key), true
	}
	for i := range f.pairs {
		if f.at(i, key) {
			return f.takeAt(i, key), true
		}
	}
	return "", false
}

// at reports whether a pair is one of key that was not taken.
func (f *Fields) at(i int, key string) bool {
	p := f.pairs[i]
	return !f.used[i] && len(p) > len(key) && p[len(key)] == '=' && p[:len(key)] == key
}

func (f *Fields) takeAt(i int, key string) string {
	f.used[i], f.next = true, i+1
	return f.pairs[i][len(key)+1:]
}

// takeInt reads a number; one above the largest int64 is given as that of its bits.
func (f *Fields) takeInt(key string) (int64, bool) {
	v, ok := f.take(key)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		u, wrong := strconv.ParseUint(v, 10, 64)
		if wrong != nil {
			f.Fail(key + " " + strconv.Quote(v) + " is no number")
			return 0, false
		}
		n = int64(u)
	}
	return n, true
}
