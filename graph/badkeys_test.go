package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mote/graph/line"
)

// rightWords has, for each row of the key table, words that are right behind
// it. TestBadKeys puts what is wrong in the place of each. A bar stands between
// the forms of a key; a further line that the key needs stands in front, before a
// newline.
var rightWords = map[string]string{
	"service": "a x", "task": "a x", "target": "a", "extend": "before", "set": "A b", "include": "no*.conf",
	"main": "before", "option": "ctl-read all",

	"option shutdown-timeout": "5s", "option ctl-group": "wheel", "option ctl-read": "all",
	"option watchdog-device": "/dev/watchdog 5s", "option rescue": "login", "option boot-good": "x y", "option boot-bad": "x y",
	"option log-memory": "1M", "option syslog": "/dev/log",

	"exec": "x y", "sh": "x", "description": "x", "requires": "before", "wants": "before", "after": "before", "before": "behind",
	"conflicts": "before", "start": "manual", "class": "system", "critical": "shell", "if": "not file-has /a b | exists /a | cmdline a | container", "dir": "/x",
	"chroot": "/x", "umask": "077", "env": "A=b", "env-file": "-/x", "user": "www", "group": "www", "groups": "www", "caps": "chown kill",
	"no-new-privs": "yes", "securebits": "noroot", "limit": "nofile 10:20 | as 1M", "nice": "5", "oom": "5", "sched": "rr 5 | idle", "cpus": "0-3,5",
	"ionice": "idle:5", "cgroup": "memory.max=64M pids.max=5", "tty": "/dev/x", "stdin": "/x | null", "pre": "x y", "post": "x y", "ready": "fd 5 | pidfile /x | path /x | log x | notify", "start-timeout": "5s",
	"restart": "always delay 1s max 2s reset 3s limit 4 within 5s", "stop": "HUP 1s TERM 2s KILL", "stop-exec": "x y", "kill": "process | cgroup",
	"every": "5s", "at": "1 2 3 4 5", "askfirst": "tty /dev/x\nx", "log": "file /x 64K x2 stamp | ring 4K | pipe behind | null",

	"health": "http 127.0.0.1:80/ every 5s timeout 1s fails 2 grace 1s | tcp 127.0.0.1:80 | unix /x | exec x y fails 5", "watchdog": "5s",
	"listen": "unix /x mode 600 user www name x | tcp [::1]:80 name x | udp :80", "on-demand": "listen tcp :80\nidle 5s", "ports": "80 81",
	"reload-signal": "HUP", "reload-exec": "x y",
}

// hostile are values that nobody means well.
var hostile = []struct{ name, value string }{
	{"control", "\x01\x1b[2J\x7f"}, {"newline", "a\nb"}, {"bytes", "\xff\xfe"}, {"long", strings.Repeat("x", 60<<10)}, {"huge", strings.Repeat("9", 40)},
	{"negative", "-1"}, {"digits", "１２"}, {"empty", ""}, {"variable", "${A"}, {"shell", "$(reboot)"}, {"percent", "%s%d%"}, {"path", "/../.."},
	{"long path", "/" + strings.Repeat("x", 60<<10)},
}

// rowID names a row of the table; "tty" is a header and a key.
func rowID(k *Key) string {
	if k.Scope == InOption {
		return "option " + k.Name
	}
	return k.Name
}

// TestBadKeys writes out what is said of words that are missing, too many or
// hostile, for every row of the key table: read the diff of
// testdata/badkeys.txt. Whatever they are, the fault has its place and fits on
// a line, the units beside are as they were, and what is taken is shown so that
// it is taken again.
func TestBadKeys(t *testing.T) {
	var out strings.Builder
	seen := map[string]bool{}
	for _, k := range Keys() {
		id := rowID(&k)
		right, ok := rightWords[id]
		if k.Name == "tty" && k.Scope == InHeader {
			right = "a x"
		}
		if !ok {
			t.Errorf("%s has no row in rightWords: write one", id)
			continue
		}
		seen[id] = true
		b := badKey{t: t, k: &k, id: id}
		if with, rest, ok := strings.Cut(right, "\n"); ok {
			b.with, right = "    "+with+"\n", rest
		}
		for i, form := range strings.Split(right, " | ") {
			out.WriteString("\n" + id + " " + form + "\n")
			if b.words = strings.Fields(form); i == 0 {
				b.run(&out)
			}
			b.each(&out)
		}
	}
	for id := range rightWords {
		if !seen[id] {
			t.Errorf("%s is no row of the key table: remove it from rightWords", id)
		}
	}
	golden(t, "testdata/badkeys.txt", strings.TrimLeft(out.String(), "\n"))
}

// badKey is one row in TestBadKeys.
type badKey struct {
	t     *testing.T
	k     *Key
	id    string
	with  string
	words []string
}

// kind is the first one that may have the key.
func (b *badKey) kind() Kind {
	for k := Service; k < Tty; k++ {
		if b.k.Kinds.Has(k) {
			return k
		}
	}
	return Tty
}

// text gives a configuration with the line and two units beside it.
func (b *badKey) text(lines ...string) string {
	all := "target before\n"
	if b.k.Scope == InUnit {
		command := " x"
		if k := b.kind(); k == Target || b.k.Name == "exec" || b.k.Name == "sh" {
			command = ""
		}
		all += b.kind().String() + " a" + command + "\n" + b.with
	}
	for _, l := range lines {
		if b.k.Scope == InUnit {
			all += "    "
		}
		all += l + "\n"
	}
	return all + "service behind x\n"
}

// line gives the row's line with these words.
func (b *badKey) line(words ...string) string {
	return b.id + string(line.Append([]byte(" "), words...))
}

// each puts what is hostile in the place of each word.
func (b *badKey) each(out *strings.Builder) {
	if said := b.said(b.text(b.line(b.words...))); said != "taken" {
		b.t.Errorf("%s %q: the right words are wrong: %s", b.id, b.words, said)
	}
	for i := range b.words {
		out.WriteString("  word " + itoa(i+1) + "\n")
		b.hostile(out, i)
	}
}

// run tries everything else on the row.
func (b *badKey) run(out *strings.Builder) {
	fmt.Fprintf(out, "  none: %s\n", b.said(b.text(b.line())))
	fmt.Fprintf(out, "  more: %s\n", b.said(b.text(b.line(append(slices.Clone(b.words), "more")...))))
	fmt.Fprintf(out, "  twice: %s\n", b.said(b.text(b.line(b.words...), b.line(b.words...))))
	for _, tt := range []struct{ what, word, want string }{
		{"NUL", "a\x00b", "NUL byte in the line: remove it"},
		{"64 KiB", strings.Repeat("x", line.MaxLine), " bytes: the limit is 65536: split it"},
	} {
		if said := b.said(b.text(b.line(tt.word))); !strings.HasSuffix(said, tt.want) {
			b.t.Errorf("%s with %s: %q", b.id, tt.what, said)
		}
	}
	if b.k.Scope == InUnit {
		b.empty()
		b.kinds()
	}
}

// hostile puts each hostile value in the place of one word. Those of which the
// same is said are on one line.
func (b *badKey) hostile(out *strings.Builder, i int) {
	type group struct{ names, said string }
	var groups []group
	for _, h := range hostile {
		words := slices.Clone(b.words)
		words[i] = h.value
		said := strings.ReplaceAll(b.said(b.text(b.line(words...))), quote(h.value), "VALUE")
		if at := slices.IndexFunc(groups, func(g group) bool { return g.said == said }); at >= 0 {
			groups[at].names += ", " + h.name
		} else {
			groups = append(groups, group{h.name, said})
		}
	}
	for _, g := range groups {
		if len(groups) == 1 {
			g.names = "all"
		}
		fmt.Fprintf(out, "    %s: %s\n", g.names, g.said)
	}
}

// said loads a configuration and gives what is said of it, without the places.
// It fails when something has no place, is too long, or harms other units.
func (b *badKey) said(text string) string {
	c := load(text)
	var all []string
	for _, f := range c.Faults {
		s := f.String()
		rest, ok := strings.CutPrefix(s, "/c/a.conf:")
		_, said, cut := strings.Cut(rest, ": ")
		if !ok || !cut || f.Pos.Line < 2 || f.Pos.Line > 5 {
			b.t.Errorf("%s: %q has no place", b.id, s)
		}
		if len(s) > 800 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			b.t.Errorf("%s: %q does not fit on a line", b.id, s)
		}
		if f.Warning {
			said = "warning: " + said
		}
		all = append(all, said)
	}
	for _, name := range []string{"before", "behind"} {
		if u := c.Unit(name); u == nil || u.Fault != "" {
			b.t.Errorf("%s: %q harms %s: %+v", b.id, all, name, u)
		}
	}
	if b.k.Scope == InUnit {
		if u := c.Unit("a"); u == nil || (u.Fault != "") != c.HasFaults() {
			b.t.Errorf("%s: %q, but the unit says otherwise: %+v", b.id, all, u)
		}
	}
	for _, u := range c.Units {
		checkShow(b.t, u)
	}
	if len(all) == 0 {
		return "taken"
	}
	return strings.Join(all, "; ")
}

// empty looks that "!key" takes no words, and brings the default back.
func (b *badKey) empty() {
	want := "!" + b.k.Name + ` takes no words: remove "x"`
	if said := b.said(b.text("!" + b.k.Name + " x")); !strings.Contains(said, want) {
		b.t.Errorf("!%s x: %q, want %q", b.k.Name, said, want)
	}
	if b.k.Name == "exec" || b.k.Name == "sh" {
		return // the unit would have no command
	}
	plain := load(b.text()).Unit("a")
	again := load(b.text(b.line(b.words...), "!"+b.k.Name)).Unit("a")
	if got, want := strings.Join(Show(again), "\n"), strings.Join(Show(plain), "\n"); got != want || again.Fault != "" {
		b.t.Errorf("!%s leaves\n%s\n%s", b.k.Name, got, again.Fault)
	}
}

// kinds looks that the kinds that cannot have the key are told so.
func (b *badKey) kinds() {
	for k := Service; k <= Tty; k++ {
		if b.k.Kinds.Has(k) {
			continue
		}
		header := k.String() + " a"
		if k != Target {
			header += " x"
		}
		c := load("target before\n" + header + "\n    " + b.line(b.words...) + "\ntarget behind\n")
		expectFaults(b.t, c, "/c/a.conf:3: key "+quote(b.k.Name)+" is for "+b.k.Kinds.String()+", not for "+k.String()+": remove it")
		if got := unitNames(c); got != "before a! behind" {
			b.t.Errorf("%s in a %s: units %s", b.k.Name, k, got)
		}
	}
}
