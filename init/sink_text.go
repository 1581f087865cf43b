package pid1

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// cleanStep gives the length of the next character of text and whether it may
// be shown as it is. Control bytes, the C1 controls of ISO 6429 (an 8-bit
// terminal takes 0x9b for ESC [) and bytes that are not UTF-8 may not: a
// service must not be able to move the cursor or silence a serial console.
func cleanStep(text []byte) (n int, plain bool) {
	b := text[0]
	if b < utf8.RuneSelf {
		return 1, b >= ' ' && b != 0x7f || b == '\t'
	}
	r, n := utf8.DecodeRune(text)
	if r == utf8.RuneError && n == 1 {
		return 1, false
	}
	return n, r > 0x9f
}

// cleanLen gives the number of bytes that appendClean adds.
func cleanLen(text []byte) int {
	size := 0
	for len(text) > 0 {
		n, plain := cleanStep(text)
		if size += n; !plain {
			size += 3 * n
		}
		text = text[n:]
	}
	return size
}

// appendClean adds text with what a terminal would obey as \xHH, at most max
// bytes of it and no part of a character; whole reports whether all fitted.
func appendClean(dst, text []byte, max int) (out []byte, whole bool) {
	for len(text) > 0 {
		n, plain := cleanStep(text)
		need := n
		if !plain {
			need = 4 * n
		}
		if need > max {
			return dst, false
		}
		max -= need
		if plain {
			dst = append(dst, text[:n]...)
		} else {
			for _, b := range text[:n] {
				dst = append(dst, '\\', 'x', hexDigits[b>>4], hexDigits[b&15])
			}
		}
		text = text[n:]
	}
	return dst, true
}
