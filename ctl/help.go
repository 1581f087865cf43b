package ctl

import (
	"runtime"
	"strconv"
	"strings"
)

// doHelp shows all verbs, or one verb and one key of the configuration.
func (c *client) doHelp() *failure {
	if len(c.args) > 0 {
		return c.helpWord(c.args[0])
	}
	if c.json {
		var j jsonWriter
		j.open('{')
		j.key("verbs").open('[')
		for i := range verbs {
			verbs[i].json(&j)
		}
		j.close(']')
		j.key("keys").open('[')
		for i := range c.env.Keys {
			c.env.Keys[i].json(&j)
		}
		j.close(']')
		j.close('}')
		c.out.json(&j)
		return nil
	}
	c.out.raw("usage: " + c.env.Name + " [-s SOCKET] [--json] [-t DURATION] VERB...\n")
	for g, name := range groupNames {
		c.out.raw("\n" + name + "\n")
		for i := range verbs {
			if v := &verbs[i]; v.group == g {
				c.out.raw("  " + v.name + blanks(12-len(v.name)) + v.help + "\n")
			}
		}
	}
	c.out.raw("\n  -s SOCKET    the init's socket, or @NAME; else MOTE_SOCKET, else the usual one\n" +
		"  --json       JSON on stdout\n" +
		"  -t DURATION  give up after so long (200ms, 5s, 2m, 1h), exit status 3\n" +
		"  --no-wait    start, stop, restart: do not wait until it is so\n" +
		"\nhelp VERB or help KEY tells more. Exit status: 0 done, 1 refused or failed,\n" +
		"2 wrong words, 3 timed out, 4 no such unit, 5 no init answers.\n")
	return nil
}

// helpWord shows what is known of a word: it may be a verb, a key, or both.
func (c *client) helpWord(word string) *failure {
	v := verbNamed(word)
	var keys []*Key
	for i := range c.env.Keys {
		if c.env.Keys[i].Name == word {
			keys = append(keys, &c.env.Keys[i])
		}
	}
	if v == nil && len(keys) == 0 {
		names := verbNames()
		for i := range c.env.Keys {
			names = append(names, c.env.Keys[i].Name)
		}
		text := "no verb and no key " + quote(word) + ": see \"help\""
		if near := nearest(word, names); near != "" {
			text = "no verb and no key " + quote(word) + ": did you mean " + quote(near) + "?"
		}
		return fail(Usage, text)
	}
	if c.json {
		var j jsonWriter
		j.open('{')
		j.key("verb")
		if v == nil {
			j.null()
		} else {
			v.json(&j)
		}
		j.key("keys").open('[')
		for _, k := range keys {
			k.json(&j)
		}
		j.close(']')
		j.close('}')
		c.out.json(&j)
		return nil
	}
	if v != nil {
		name := c.env.Name
		if v.group == groupRoles {
			name = "mote"
		}
		c.out.raw("verb " + v.name + ": " + v.help + "\n    " + name + " " + v.usage() + "\n")
		if v.more != "" {
			c.out.raw("    " + strings.ReplaceAll(v.more, "\n", "\n    ") + "\n")
		}
	}
	for i, k := range keys {
		if v != nil || i > 0 {
			c.out.newline()
		}
		c.helpKey(k)
	}
	return nil
}

func (c *client) helpKey(k *Key) {
	c.out.raw("key " + k.Name + ": " + k.Help + "\n    " + k.Synopsis + "\n")
	if k.Kinds != "" {
		c.out.raw("    for: " + k.Kinds + "\n")
	}
	if k.Default != "" {
		c.out.raw("    default: " + k.Default + "\n")
	}
}

func (v *verb) json(j *jsonWriter) {
	j.open('{')
	j.key("name").str(v.name)
	j.key("group").str(groupNames[v.group])
	j.key("synopsis").str(v.usage())
	j.key("help").str(v.help)
	j.close('}')
}

func (k *Key) json(j *jsonWriter) {
	j.open('{')
	j.key("name").str(k.Name)
	j.key("kinds").text(k.Kinds)
	j.key("synopsis").str(k.Synopsis)
	j.key("default").text(k.Default)
	j.key("help").str(k.Help)
	j.close('}')
}

// doCheck reads a configuration without an init and shows every fault.
func (c *client) doCheck() (int, *failure) {
	faults, units := c.env.Check(c.args)
	wrong := 0
	for i := range faults {
		if !faults[i].Warning {
			wrong++
		}
	}
	code := OK
	if wrong > 0 {
		code = Failed
	}
	if c.json {
		var j jsonWriter
		j.open('{')
		j.key("ok").boolean(wrong == 0)
		j.key("units").num(int64(units))
		j.key("faults").open('[')
		for i := range faults {
			faults[i].json(&j)
		}
		j.close(']')
		j.close('}')
		c.out.json(&j)
		return code, nil
	}
	for _, f := range faults {
		c.fault(f)
	}
	sum := count(units, "unit") + ", "
	if n := len(faults) - wrong; n > 0 {
		sum += count(n, "warning") + ", "
	}
	if wrong == 0 {
		c.out.raw(sum + "no fault\n")
	} else {
		c.out.raw(sum + count(wrong, "fault") + "\n")
	}
	return code, nil
}

// fault writes FILE:LINE: what: how, as compilers do.
func (c *client) fault(f Fault) {
	text := ""
	if f.File != "" {
		text = f.File + ": "
		if f.Line > 0 {
			text = f.File + ":" + strconv.Itoa(f.Line) + ": "
		}
	}
	if f.Warning {
		text += "warning: "
	}
	c.out.text(c.term, text+f.Text)
	c.out.newline()
}

func (f *Fault) json(j *jsonWriter) {
	j.open('{')
	j.key("file").text(f.File)
	line := number{int64(f.Line), f.Line > 0}
	j.key("line").opt(line)
	j.key("text").str(f.Text)
	j.key("warning").boolean(f.Warning)
	j.close('}')
}

// decodeFault reads a fault or warning line of the wire.
func decodeFault(w []string) Fault {
	f := Fault{Warning: w[0] == "warning"}
	if len(w) > 1 {
		f.File = w[1]
	}
	if len(w) > 2 {
		f.Line = int(parseNumber(w[2]).n)
	}
	if len(w) > 3 {
		f.Text = w[3]
	}
	return f
}

// doVersion shows the version of this file, and of the init if one answers;
// that none does is exit status 5, except with --version, which asks nobody.
func (c *client) doVersion() *failure {
	own := []string{"version", c.env.Version, "go", runtime.Version(), "arch", runtime.GOARCH}
	var theirs []string
	var err *failure
	if !c.bare {
		if err = c.connect(); err == nil {
			err = c.ask([]string{"version"}, func(w []string) *failure {
				if w[0] == "version" {
					theirs = append(theirs[:0], w[1:]...)
				}
				return nil
			})
		}
	}
	if err != nil && c.json {
		return err
	}
	if c.json {
		var j jsonWriter
		j.open('{')
		j.key("client").pairs(own)
		j.key("init")
		if len(theirs) < 2 {
			j.null()
		} else {
			j.pairs(theirs)
		}
		j.close('}')
		c.out.json(&j)
		return nil
	}
	c.out.raw("client " + c.versionLine(own) + "\n")
	if len(theirs) > 1 {
		c.out.raw("init   " + c.versionLine(theirs) + "\n")
	}
	return err
}

// versionLine gives "mote 0.1 go go1.26.8 arch amd64 ...".
func (c *client) versionLine(words []string) string {
	text := "mote"
	pairs(words, func(key, value string) {
		switch key {
		case "version":
			text += " " + c.term.safe(value)
		case "go", "arch":
			text += " " + c.term.safe(value)
		default:
			text += " " + c.term.safe(key) + ": " + c.term.safe(value)
		}
	})
	return text
}

// pairs writes KEY VALUE words as an object; of equal keys the first counts.
func (j *jsonWriter) pairs(words []string) {
	j.open('{')
	seen := make(map[string]bool)
	pairs(words, func(key, value string) {
		switch {
		case seen[key]:
		case key == "pid":
			j.key(key).opt(parseNumber(value))
		default:
			j.key(key).text(value)
		}
		seen[key] = true
	})
	j.close('}')
}
