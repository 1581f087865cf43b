package line

import (
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string
		err       error
	}{
		{"empty", "", nil, nil},
		{"blanks only", " \t ", nil, nil},
		{"plain", "start web db", []string{"start", "web", "db"}, nil},
		{"blanks around", "  start\t\tweb  ", []string{"start", "web"}, nil},
		{"comment", "start web # not me", []string{"start", "web"}, nil},
		{"comment alone", "# start", nil, nil},
		{"hash in a word", "a#b c#", []string{"a#b", "c#"}, nil},
		{"hash behind an empty quote", `""# x`, []string{"#", "x"}, nil},
		{"hash in quotes", `"# a" '#' \#`, []string{"# a", "#", "#"}, nil},
		{"double", `"a b" "" "a	b"`, []string{"a b", "", "a\tb"}, nil},
		{"double escapes", `"\"\\\$\n\t"`, []string{"\"\\$\n\t"}, nil},
		{"double, other escapes stay", `"\.\d\'"`, []string{`\.\d\'`}, nil},
		{"single is raw", `'\n "$" #'`, []string{`\n "$" #`}, nil},
		{"quotes inside a word", `A="b c"'d "e'f`, []string{`A=b cd "ef`}, nil},
		{"backslash outside", `a\ b \" \n \\`, []string{"a b", `"`, "n", `\`}, nil},
		{"backslash at the end", `a\`, []string{`a\`}, nil},
		{"other bytes", "\xff\xfe \x01\x00\x7f é", []string{"\xff\xfe", "\x01\x00\x7f", "é"}, nil},
		{"carriage return inside", "a\rb", []string{"a\rb"}, nil},
		{"open double", `a "b c`, []string{"a"}, ErrOpenDouble},
		{"open double, escaped end", `a "b\"`, []string{"a"}, ErrOpenDouble},
		{"open double, backslash last", `"b\`, nil, ErrOpenDouble},
		{"open single", `a 'b c\'d'`, []string{"a"}, ErrOpenSingle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Words(nil, tt.src)
			if !slices.Equal(got, tt.want) || err != tt.err {
				t.Errorf("Words(%q) = %q, %v; want %q, %v", tt.src, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestSplitMarksRawBytes(t *testing.T) {
	tests := []struct{ src, text, mask string }{
		{`a$b`, `a$b`, "..."},
		{`\$a`, `$a`, "r."},
		{`'$a'$b`, `$a$b`, "rr.."},
		{`"\$$\n"`, "$$\n", "r.r"},
		{`"a\b"`, `a\b`, "..."},
		{`"$a"`, `$a`, ".."},
	}
	for _, tt := range tests {
		words, err := Split(nil, tt.src)
		if err != nil || len(words) != 1 {
			t.Fatalf("Split(%q) = %v, %v", tt.src, words, err)
		}
		w, mask := words[0], ""
		for i := range w.Text {
			if w.Raw(i) {
				mask += "r"
			} else {
				mask += "."
			}
		}
		if w.Text != tt.text || mask != tt.mask {
			t.Errorf("Split(%q) = %q %q, want %q %q", tt.src, w.Text, mask, tt.text, tt.mask)
		}
		if s := w.Slice(1, len(w.Text)); s.Text != w.Text[1:] || s.Raw(0) != w.Raw(1) {
			t.Errorf("Slice(%q) = %q raw %v", tt.src, s.Text, s.Raw(0))
		}
	}
}

func TestAppend(t *testing.T) {
	tests := []struct {
		dst   string
		words []string
		want  string
	}{
		{"", nil, ""},
		{"", []string{"unit", "web"}, "unit web"},
		{"", []string{""}, `""`},
		{"", []string{"a b", "#c", "d#"}, `"a b" "#c" d#`},
		{"", []string{"a\nb\tc\r", `q"\'`}, "\"a\\nb\\tc\r\" \"q\\\"\\\\'\""},
		{"ok\n", []string{"a"}, "ok\na"},
		{"unit", []string{"a"}, "unit a"},
		{"unit ", []string{"a"}, "unit a"},
	}
	for _, tt := range tests {
		if got := string(Append([]byte(tt.dst), tt.words...)); got != tt.want {
			t.Errorf("Append(%q, %q) = %q, want %q", tt.dst, tt.words, got, tt.want)
		}
	}
}

func TestReader(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	tests := []struct {
		name, src string
		want      []string // NUMBER:TEXT, or NUMBER!ERROR
	}{
		{"empty", "", nil},
		{"one", "a\n", []string{"1:a"}},
		{"no last newline", "a\nb", []string{"1:a", "2:b"}},
		{"CRLF", "a\r\n\r\nb\r", []string{"1:a", "2:", "3:b"}},
		{"only the last CR goes", "a\r\r\n", []string{"1:a\r"}},
		{"joined", "a \\\n b\\\nc\nd\n", []string{"1:a  bc", "4:d"}},
		{"joined CRLF", "a\\\r\nb\r\n", []string{"1:ab"}},
		{"even backslashes end the line", "a\\\\\nb\n", []string{`1:a\\`, "2:b"}},
		{"three backslashes join", "a\\\\\\\nb\n", []string{`1:a\\b`}},
		{"a comment joins too", "# a\\\nb\n", []string{"1:# ab"}},
		{"joins the end of the file", "a\\", []string{"1:a"}},
		{"joins the end of the file behind a newline", "a\\\n", []string{"1:a"}},
		{"NUL", "a\nb\x00c\nd\n", []string{"1:a", "2!NUL byte in the line: remove it", "3:d"}},
		{"not UTF-8", "\xff\xfe\n", []string{"1:\xff\xfe"}},
		{"64 KiB", long + "\r\n", []string{"1:" + long}},
		{"over 64 KiB", long + "y\nb\n", []string{"1!line of 65537 bytes: the limit is 65536: split it", "2:b"}},
		{"over 64 KiB when joined", long + "\\\ny\nb\n", []string{"1!line of 65537 bytes: the limit is 65536: split it", "3:b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := readAll(tt.src); !slices.Equal(got, tt.want) {
				t.Errorf("%q gives %q, want %q", tt.src, got, tt.want)
			}
		})
	}
}

func readAll(src string) []string {
	var all []string
	r := NewReader(src)
	for {
		text, number, ok, err := r.Next()
		if !ok {
			return all
		}
		n := string(rune('0' + number))
		if err != nil {
			all = append(all, n+"!"+err.Error())
		} else {
			all = append(all, n+":"+text)
		}
	}
}

func TestWordsAllocatesNothingForPlainWords(t *testing.T) {
	dst := make([]string, 0, 8)
	if n := testing.AllocsPerRun(100, func() { dst, _ = Words(dst[:0], "status web db syslogd") }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzAppend: Words gives back what Append took, whatever the bytes are.
func FuzzAppend(f *testing.F) {
	f.Add("a", "b c", "")
	f.Add("#", "\x00\n\t\r", `\"'$`)
	f.Add("\xff\xfe", "a\\", "é\x7f\x1b[0m")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		want := []string{a, b, c}
		enc := string(Append(nil, want...))
		if strings.ContainsRune(enc, '\n') || strings.HasSuffix(enc, "\r") {
			t.Fatalf("Append(%q) = %q does not fit on a line", want, enc)
		}
		if got, err := Words(nil, enc); err != nil || !slices.Equal(got, want) {
			t.Fatalf("Words(%q) = %q, %v; want %q", enc, got, err, want)
		}
		if strings.IndexByte(enc, 0) >= 0 || len(enc) > MaxLine {
			return
		}
		if got := readAll(enc + "\n"); len(got) != 1 || got[0] != "1:"+enc {
			t.Fatalf("the reader makes %q of %q", got, enc)
		}
	})
}

// FuzzSplit: no input panics, Split and Words agree, masks fit their words, and
// what was read once is written and read again to the same words.
func FuzzSplit(f *testing.F) {
	f.Add(`service web /bin/sh -c "echo \$HOME" # x`)
	f.Add("a\\\nb\r\n'open\n\"open\\\n")
	f.Add("\x00\xff \\")
	f.Fuzz(func(t *testing.T, src string) {
		r := NewReader(src)
		for last := 0; ; {
			text, number, ok, _ := r.Next()
			if !ok {
				break
			}
			if number <= last || len(text) > MaxLine {
				t.Fatalf("line %d behind %d, %d bytes", number, last, len(text))
			}
			last = number
			words, err := Split(nil, text)
			plain, err2 := Words(nil, text)
			if err != err2 || len(words) != len(plain) {
				t.Fatalf("Split %v %v, Words %v %v", words, err, plain, err2)
			}
			for i, w := range words {
				if w.Text != plain[i] || w.raw != nil && len(w.raw) != len(w.Text) {
					t.Fatalf("word %d: %q with %d marks, %q", i, w.Text, len(w.raw), plain[i])
				}
			}
			if again, err := Words(nil, string(Append(nil, plain...))); err != nil || !slices.Equal(again, plain) {
				t.Fatalf("%q was written and read as %q, %v", plain, again, err)
			}
		}
	})
}

func BenchmarkWords(b *testing.B) {
	b.ReportAllocs()
	dst := make([]string, 0, 8)
	for b.Loop() {
		dst, _ = Words(dst[:0], "status web db syslogd")
	}
}
