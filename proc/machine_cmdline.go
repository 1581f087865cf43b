package proc

import "strings"

// maxCmdline bounds what is read of /proc/cmdline, in bytes; kernels keep 256
// to 4096.
const maxCmdline = 64 << 10

// Cmdline is what the kernel command line asks of the init (SPEC 1).
type Cmdline struct {
	Words    []string // all words, unquoted, for a condition on one of them
	Config   []string // mote.config=, each of them
	Target   string   // mote.target=, the last one
	Log      string   // mote.log=: debug, info, quiet, or ""
	Watchdog string   // mote.watchdog=PATH[,D], as it is
	Rescue   bool     // mote.rescue single rescue S 1
	Bad      []string // words of ours whose value is of no use
}

// ReadCmdline reads /proc/cmdline.
func ReadCmdline() (Cmdline, error) {
	text, err := ReadSmall("/proc/cmdline", maxCmdline)
	return ParseCmdline(string(text)), err
}

// ParseCmdline splits as the kernel does (lib/cmdline.c, next_arg): at blanks
// outside of double quotes, which may stand around the word or the value.
// Whatever is not for us is left alone.
func ParseCmdline(text string) Cmdline {
	var c Cmdline
	for {
		word, rest, ok := nextCmdlineWord(text)
		if !ok {
			return c
		}
		text = rest
		if word == "" {
			continue
		}
		c.Words = append(c.Words, word)
		c.take(word)
	}
}

// RescueWord reports whether a word of the command line, or of the init's
// arguments, which the kernel takes from there, asks for the rescue shell.
func RescueWord(word string) bool {
	switch word {
	case "single", "rescue", "S", "1", "mote.rescue":
		return true
	}
	return false
}

func (c *Cmdline) take(word string) {
	if RescueWord(word) {
		c.Rescue = true
		return
	}
	if !strings.HasPrefix(word, "mote.") {
		return
	}
	key, value, _ := strings.Cut(word, "=")
	switch {
	case value == "":
		c.Bad = append(c.Bad, word)
	case key == "mote.config":
		c.Config = append(c.Config, value)
	case key == "mote.target":
		c.Target = value
	case key == "mote.log" && (value == "debug" || value == "info" || value == "quiet"):
		c.Log = value
	case key == "mote.watchdog":
		c.Watchdog = value
	default:
		c.Bad = append(c.Bad, word)
	}
}

func cmdlineBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' || c == 0 }

// nextCmdlineWord cuts the first word off; quotes never end up in it.
func nextCmdlineWord(text string) (word, rest string, ok bool) {
	i := 0
	for i < len(text) && cmdlineBlank(text[i]) {
		i++
	}
	if i == len(text) {
		return "", "", false
	}
	quoted := false
	var out []byte
	for ; i < len(text); i++ {
		c := text[i]
		if c == '"' {
			quoted = !quoted
		} else if !quoted && cmdlineBlank(c) {
			break
		} else {
			out = append(out, c)
		}
	}
	return string(out), text[i:], true
}
