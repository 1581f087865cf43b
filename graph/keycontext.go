package graph

import (
	"math/bits"
	"strconv"
	"strings"

	"mote/graph/line"
)

// The keys of a unit's Context: set, as in keyset.go, then show.

func setChroot(b *builder, w []line.Word) {
	if b.absolute("chroot", w[0].Text) {
		b.u.context().Chroot = w[0].Text
	}
}

func setCaps(b *builder, w []line.Word) {
	var caps uint64
	for _, word := range w {
		name := strings.TrimPrefix(lower(word.Text), "cap_")
		n := capNames.number(name)
		switch {
		case name == noCapability && len(w) > 1:
			b.fault("caps none stands beside others: write it alone, or remove it")
			return
		case name == noCapability:
		case n < 0:
			b.fault(unknownName("capability", name, capNames.list()))
			return
		default:
			caps |= 1 << n
		}
	}
	c := b.u.context()
	c.Caps, c.CapsSet = c.Caps|caps, true
}

// upper gives text with the letters a to z as capitals, and no other changed.
func upper(text string) string {
	s := []byte(text)
	for i, c := range s {
		if c >= 'a' && c <= 'z' {
			s[i] = c - 'a' + 'A'
		}
	}
	return string(s)
}

// lower gives text with the letters A to Z as small ones, and no other changed.
func lower(text string) string {
	s := []byte(text)
	for i, c := range s {
		if c >= 'A' && c <= 'Z' {
			s[i] = c + 'a' - 'A'
		}
	}
	return string(s)
}

func setNoNewPrivs(b *builder, w []line.Word) {
	if i := b.choice(w[0], "yes", "no"); i >= 0 {
		b.u.context().NoNewPrivs = i == 0
	}
}

func setSecurebits(b *builder, w []line.Word) {
	var set uint8
	for _, word := range w {
		n := secureNames.number(word.Text)
		if n < 0 {
			b.fault(unknownName("securebits word", word.Text, secureNames.list()))
			return
		}
		set |= 1 << n
	}
	b.u.context().Securebits = set
}

func setLimit(b *builder, w []line.Word) {
	name := lower(w[0].Text)
	n := limitNames.number(name)
	if n < 0 {
		b.fault(unknownName("limit", name, limitNames.list()))
		return
	}
	softText, hardText, both := strings.Cut(w[1].Text, ":")
	soft, wrong := parseLimit(n, softText)
	hard := soft
	if wrong == "" && both {
		hard, wrong = parseLimit(n, hardText)
	}
	if wrong == "" && soft > hard {
		wrong = "has a soft limit over the hard one: exchange them"
	}
	if b.value("limit "+name, w[1], wrong) {
		c := b.u.context()
		c.Limits[n], c.LimitsSet = Limit{soft, hard}, c.LimitsSet|1<<n
	}
}

// parseLimit reads one half of a limit's value.
func parseLimit(n int, s string) (value uint64, wrong string) {
	const most = 1 << 59 // times ten it is still an int64
	shift, sized := 0, limitInBytes>>n&1 != 0
	number := s
	if sized && s != "" {
		if i := strings.IndexByte("KMG", s[len(s)-1]); i >= 0 {
			number, shift = s[:len(s)-1], 10*(i+1)
		}
	}
	v, ok := digits(number, most>>shift)
	switch {
	case s == "infinity":
		return Infinity, ""
	case !ok && sized:
		return 0, `is no limit: write a size such as "64K" or "1M", or "infinity"`
	case !ok:
		return 0, `is no limit: write a whole number, or "infinity"`
	case v > most>>shift:
		return 0, "is over the limit of " + itoa64(most) + `: lower it, or write "infinity"`
	}
	return uint64(v) << shift, ""
}

func setNice(b *builder, w []line.Word) {
	if n, ok := b.signed(w[0], -20, 19); ok {
		c := b.u.context()
		c.Nice, c.NiceSet = int8(n), true
	}
}

func setOOM(b *builder, w []line.Word) {
	if n, ok := b.signed(w[0], -1000, 1000); ok {
		c := b.u.context()
		c.OOM, c.OOMSet = int16(n), true
	}
}

// signed takes a whole number that may have a sign in front.
func (b *builder) signed(w line.Word, least, most int) (n int, ok bool) {
	n, err := strconv.Atoi(w.Text)
	if err != nil || n < least || n > most {
		return 0, b.value(b.key.Name, w, noNumber(least, most))
	}
	return n, true
}

// schedPolicies are the kernel's numbers of schedNames. The last two, from
// schedRealtime, have a priority.
var schedPolicies = [...]uint8{0, 3, 5, 1, 2}

const schedRealtime = 3

func setSched(b *builder, w []line.Word) {
	i := b.choice(w[0], schedNames.list()...)
	if i < 0 {
		return
	}
	what, priority := "sched "+w[0].Text, 0
	switch {
	case i < schedRealtime && len(w) > 1:
		b.fault(what + " takes no further word: remove " + quote(w[1].Text))
		return
	case i >= schedRealtime && len(w) == 1:
		b.fault(what + " has no priority: write " + quote(what+" 10"))
		return
	case i >= schedRealtime:
		var wrong string
		if priority, wrong = parseNumber(w[1].Text, 1, 99); !b.value(what, w[1], wrong) {
			return
		}
	}
	c := b.u.context()
	c.SchedSet, c.SchedPolicy, c.SchedPriority = true, schedPolicies[i], uint8(priority)
}

func setCPUs(b *builder, w []line.Word) {
	if _, ok := CPUMask(w[0].Text); !ok {
		b.value("cpus", w[0], "is no list of processors from 0 to "+itoa(maxCPUs-1)+`: write one such as "0-3,5"`)
		return
	}
	b.u.context().CPUs = w[0].Text
}

// ioniceLevel is the level of a class without one, the kernel's own
// (include/linux/ioprio.h, IOPRIO_BE_NORM).
const ioniceLevel = 4

func setIonice(b *builder, w []line.Word) {
	class, level, hasLevel := strings.Cut(w[0].Text, ":")
	i := b.choice(line.Word{Text: class}, ioniceNames.list()...)
	if i < 0 {
		return
	}
	n := ioniceLevel
	if hasLevel {
		var wrong string
		if n, wrong = parseNumber(level, 0, 7); !b.value("ionice "+class, line.Word{Text: level}, wrong) {
			return
		}
	}
	b.u.context().IOPrio = uint16((i+1)<<13 | n)
}

func showCaps(s *shower, u *Unit) {
	c := u.asked()
	switch {
	case c.CapsSet && c.Caps == 0:
		s.line("caps", noCapability)
	case c.CapsSet:
		s.list("caps", maskNames(capNames, c.Caps))
	}
}

func showSecurebits(s *shower, u *Unit) {
	if set := u.asked().Securebits; set != 0 {
		s.line("securebits", maskNames(secureNames, uint64(set))...)
	}
}

// maskNames gives the words of the bits of a mask.
func maskNames(n names, mask uint64) (words []string) {
	for ; mask != 0; mask &= mask - 1 {
		words = append(words, n.at(bits.TrailingZeros64(mask)))
	}
	return words
}

func showLimit(s *shower, u *Unit) {
	c := u.asked()
	for n, l := range c.Limits {
		if c.LimitsSet>>n&1 == 0 {
			continue
		}
		value := formatLimit(n, l.Soft)
		if l.Hard != l.Soft {
			value += ":" + formatLimit(n, l.Hard)
		}
		s.line("limit", limitNames.at(n), value)
	}
}

// formatLimit gives one half of a limit's value as parseLimit reads it.
func formatLimit(n int, v uint64) string {
	if v == Infinity {
		return "infinity"
	}
	unit := ""
	for i := 0; i < 3 && v != 0 && v%1024 == 0 && limitInBytes>>n&1 != 0; i++ {
		v, unit = v/1024, "KMG"[i:i+1]
	}
	return strconv.FormatUint(v, 10) + unit
}

func showNice(s *shower, u *Unit) {
	c := u.asked()
	s.flag("nice", itoa(int(c.Nice)), c.NiceSet)
}

func showOOM(s *shower, u *Unit) {
	c := u.asked()
	s.flag("oom", itoa(int(c.OOM)), c.OOMSet)
}

func showSched(s *shower, u *Unit) {
	c := u.asked()
	for i, policy := range schedPolicies {
		if !c.SchedSet || policy != c.SchedPolicy {
			continue
		}
		words := []string{schedNames.at(i), itoa(int(c.SchedPriority))}
		if i < schedRealtime {
			words = words[:1]
		}
		s.line("sched", words...)
	}
}

func showIonice(s *shower, u *Unit) {
	p := int(u.asked().IOPrio)
	if p == 0 {
		return
	}
	word := ioniceNames.at(p>>13 - 1)
	if level := p & 7; level != ioniceLevel {
		word += ":" + itoa(level)
	}
	s.line("ionice", word)
}
