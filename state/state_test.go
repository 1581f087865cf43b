package state

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// write gives the text of a snapshot with some records.
func write(t testing.TB, records ...func(*Writer)) string {
	t.Helper()
	var b strings.Builder
	w := NewWriter("9.8", func(p []byte) error { b.Write(p); return nil })
	for _, r := range records {
		r(w)
	}
	sum, err := w.Close()
	if err != nil || !strings.Contains(b.String(), sum) {
		t.Fatal(sum, err)
	}
	return b.String()
}

type sample struct {
	text  string
	list  []string
	bytes []byte
	yes   bool
	a     int8
	b     uint16
	c     int64
	d     uint64
	nums  []int32
}

func (s *sample) fields(f *Fields) {
	f.Text("text", &s.text)
	f.Texts("item", &s.list)
	f.Bytes("bytes", &s.bytes)
	f.Bool("yes", &s.yes)
	Int(f, "a", &s.a)
	Int(f, "b", &s.b)
	Int(f, "c", &s.c)
	Int(f, "d", &s.d)
	Ints(f, "nums", &s.nums)
}

func TestRoundTrip(t *testing.T) {
	for i, s := range []sample{
		{},
		{text: "a b\nc\r\x00\"\\'# =", list: []string{"", "x", "a=b", " "}, bytes: []byte{0, 10, 13, 255}},
		{yes: true, a: math.MinInt8, b: math.MaxUint16, c: math.MinInt64, d: math.MaxUint64, nums: []int32{-1, 0, math.MaxInt32}},
		{c: math.MaxInt64, d: 1, a: 1, text: strings.Repeat("long ", 100000)},
	} {
		text := write(t, func(w *Writer) { w.Put("thing", s.fields) })
		got, err := Read(text)
		if err != nil {
			t.Fatal(i, err)
		}
		var back sample
		if err := got.Records[0].Load(back.fields); err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("%d: %v %+v\nwant %+v", i, err, back, s)
		}
		if len(got.Unknown) > 0 || got.Release != "9.8" || got.Records[0].Kind != "thing" {
			t.Errorf("%d: %+v", i, got)
		}
	}
}

func TestBadFields(t *testing.T) {
	for text, want := range map[string]string{
		"a=128":                        "a 128 is out of range",
		"b=-1":                         "b -1 is out of range",
		"c=9223372036854775808000":     `c "9223372036854775808000" is no number`,
		"a=x":                          `a "x" is no number`,
		"yes=no":                       `yes "no" is unknown: it is yes, or not there`,
		"nums=1,,2":                    `nums "" is no number that fits`,
		"nums=2147483648":              `nums "2147483648" is no number that fits`,
		`text="open`:                   "quote \" is open at the end of the line: close it",
		"a=1 a=2 other=1 more other=2": "",
	} {
		s := &Snapshot{}
		r := Record{Kind: "thing", Line: 3, in: s, text: text}
		var got sample
		err := r.Load(got.fields)
		if want != "" {
			want = "snapshot:3: thing: " + want
		}
		if fmt.Sprint(err) != want && (err != nil || want != "") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if want == "" && fmt.Sprint(s.Unknown) != "[thing a thing other thing more]" {
			t.Errorf("unknown: %q", s.Unknown)
		}
	}
}

// One word that is used does not keep the whole snapshot in memory.
func TestWordsAreCopies(t *testing.T) {
	text := write(t, func(w *Writer) { w.Put("thing", (&sample{text: "word", list: []string{"item"}}).fields) })
	s, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	var got sample
	if err := s.Records[0].Load(got.fields); err != nil {
		t.Fatal(err)
	}
	from := uintptr(unsafe.Pointer(unsafe.StringData(text)))
	for _, word := range []string{got.text, got.list[0]} {
		if at := uintptr(unsafe.Pointer(unsafe.StringData(word))); at >= from && at < from+uintptr(len(text)) {
			t.Errorf("%q is a part of it", word)
		}
	}
}

// Whatever is cut off a snapshot, and whichever bit of it is another, it is
// refused.
func TestDamage(t *testing.T) {
	s := sample{text: "some text", c: 12345}
	text := write(t, func(w *Writer) { w.Put("thing", s.fields) }, func(w *Writer) { w.Put("thing", s.fields) })
	for n := range len(text) {
		if _, err := Read(text[:n]); err == nil {
			t.Errorf("cut at %d: it is read", n)
		}
		for bit := range 8 {
			b := []byte(text)
			b[n] ^= 1 << bit
			if got, err := Read(string(b)); err == nil && string(b[:len(headWord)]) == headWord {
				t.Errorf("bit %d of byte %d: it is read: %q", bit, n, got.Release)
			}
		}
	}
	for text, want := range map[string]string{
		"":                  "it is no snapshot: it does not begin with mote-state",
		"mote-state x\n":    `it is no snapshot: its version is "x"`,
		"mote-state 9\n":    "snapshot version 9, this binary reads 1",
		"mote-state 1\n":    "it is cut: its last line is missing",
		"mote-state 1 a":    "it is cut: its last line is missing",
		"mote-state 1\nx\n": `it is cut or damaged: its last line is "x\n", and the digest of 1 lines is `,
	} {
		if _, err := Read(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// A few MB of lines that say nothing do not take hundreds of MB.
func TestManyLines(t *testing.T) {
	text := sign(strings.Repeat("\n", maxLines))
	if _, err := Read(text); err == nil || !strings.HasPrefix(err.Error(), "it has 4194305 lines: the limit is ") {
		t.Errorf("read: %v", err)
	}
	if n := len(Salvage(text).Records); n != maxLines-1 {
		t.Errorf("salvaged: %d records", n)
	}
}
