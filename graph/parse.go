package graph

import (
	"strings"

	"mote/graph/line"
)

// maxFiles is how many files a configuration may have.
const maxFiles = 4096

// entry is what the files say of one unit or template.
type entry struct {
	name    string
	class   Class // of the root that has its header
	blocks  []*block
	hasHead bool // and not only extensions of a template's instance
	head    Pos
}

// parser reads files into entries, in parse order.
type parser struct {
	c       *Config
	src     Source
	entries map[string]*entry
	order   []*entry
	loose   []*entry      // refused headers, whose keys are checked all the same
	extends []extendFault // extensions of units that were not defined yet

	class    Class
	stack    []string // files that are being read
	pos      Pos
	cur      *block             // that key lines go to; nil = none
	optionAt [maxOptionRows]Pos // where each option was given
	last     string             // the last header's word, which has no keys; "" = skip, "-" = none
	words    []line.Word
}

// extendFault is an "extend" of a name that was unknown when it was read.
type extendFault struct {
	pos  Pos
	name string
}

// root reads all files of a root.
func (p *parser) root(r Root) {
	files, err := p.src.Files(r.Path)
	if err != nil {
		if text, missing := readError(err); !missing || !r.Optional {
			p.c.files[r.Path] = len(p.c.files) + 1
			p.c.add(Fault{Pos: Pos{File: r.Path}, Text: text})
		}
		return
	}
	p.class = r.Class
	for _, f := range files {
		p.pos = Pos{File: f}
		p.file(f, "")
	}
}

// file reads one file; what stands before the error of an included one.
func (p *parser) file(name, what string) {
	if _, ok := p.c.files[name]; !ok {
		if len(p.c.files) == maxFiles {
			p.fault(what + "one file too many: the limit is " + itoa(maxFiles))
			return
		}
		p.c.files[name] = len(p.c.files) + 1
	}
	data, err := p.src.Read(name)
	if err != nil {
		text, _ := readError(err)
		p.fault(what + text)
		return
	}
	p.stack = append(p.stack, name)
	p.cur, p.last = nil, "-"
	r := line.NewReader(string(data))
	for {
		text, number, ok, err := r.Next()
		if !ok {
			break
		}
		p.pos = Pos{name, number}
		p.line(text, err)
	}
	p.stack = p.stack[:len(p.stack)-1]
}

// line takes one logical line.
func (p *parser) line(text string, err error) {
	if text == "" {
		return
	}
	if text[0] == ' ' || text[0] == '\t' {
		p.keyLine(text, err)
		return
	}
	if err == nil && text[0] == '#' {
		return
	}
	w, splitErr := line.Split(p.words[:0], text)
	p.words = w
	if err == nil {
		err = splitErr
	}
	switch {
	case err != nil:
		p.fault(err.Error())
	case len(w) > MaxWords:
		p.fault(tooManyWords(len(w)))
	default:
		p.header(w[0].Text, w[1:])
		return
	}
	p.cur, p.last = nil, ""
}

// keyLine gives a line to the last header's block.
func (p *parser) keyLine(text string, err error) {
	blank := strings.TrimLeft(text, " \t")
	if err == nil && (blank == "" || blank[0] == '#') {
		return
	}
	if p.cur != nil {
		k := keyLine{line: p.pos.Line, text: text}
		if err != nil {
			k.wrong = err.Error()
		}
		p.cur.keys = append(p.cur.keys, k)
		return
	}
	switch {
	case err != nil:
		p.fault(err.Error())
	case p.last == "-":
		p.fault("key line before any header: begin a header in column 0")
	case p.last != "":
		p.fault("key line under " + quote(p.last) + ", which has no keys: move it under a unit's header")
	}
}

// header takes a line that starts in column 0.
func (p *parser) header(word string, w []line.Word) {
	p.cur, p.last = nil, word
	switch word {
	case "service":
		p.unit(Service, w)
	case "task":
		p.unit(Task, w)
	case "target":
		p.unit(Target, w)
	case "tty":
		p.unit(Tty, w)
	case "extend":
		p.extend(w)
	case "set":
		p.set(w)
	case "include":
		if p.counts(w, 1) {
			p.include(percentless(w[0]))
		}
		p.cur, p.last = nil, word
	case "main":
		p.main(w)
	case "option":
		p.option(w)
	default:
		p.last = ""
		if findRow(keyRows, word) >= 0 || strings.HasPrefix(word, "!") {
			p.fault(quote(word) + " is a key, not a header: begin the line with a blank")
		} else {
			p.fault(unknownWord("header", word, headerRows))
		}
	}
}

// percentless gives a word outside a unit, where %% alone means something.
func percentless(w line.Word) line.Word {
	w, _ = percent(w, "", "", true)
	return w
}

// counts reports whether a header has the number of words that it takes.
func (p *parser) counts(w []line.Word, n int) bool {
	if len(w) == n {
		return true
	}
	usage := headerRows[findRow(headerRows, p.last)].usage()
	p.fault(p.last + " takes " + counted(n) + ", not " + itoa(len(w)) + ": write " + quote(usage))
	return false
}

// unit takes the header of a unit or template.
func (p *parser) unit(kind Kind, w []line.Word) {
	b := &block{pos: p.pos, kind: kind, class: p.class}
	p.cur = b
	if len(w) == 0 {
		p.fault(kind.String() + " has no name: write " + quote(kind.String()+" NAME"))
		p.refuse(b, "")
		return
	}
	b.command = append(b.command, w[1:]...)
	name := w[0].Text
	if wrong := CheckName(name); wrong != "" {
		p.fault(wrong)
		p.refuse(b, "")
		return
	}
	e := p.entries[name]
	switch {
	case e == nil:
		e = p.enter(name)
	case e.hasHead:
		if e.class == System && p.class == User {
			p.fault(quote(name) + " is a system unit (" + e.head.String() + "): choose another name")
		} else {
			p.fault(quote(name) + " is defined already (" + e.head.String() + "): remove one, or write " + quote("extend "+name))
		}
		p.refuse(b, name)
		return
	}
	e.hasHead, e.head, e.class = true, p.pos, p.class
	e.blocks = append(e.blocks, b)
}

// refuse keeps a block whose keys are checked, though it makes no unit.
func (p *parser) refuse(b *block, name string) {
	p.loose = append(p.loose, &entry{name: name, blocks: []*block{b}})
}

func (p *parser) enter(name string) *entry {
	e := &entry{name: name}
	p.entries[name] = e
	p.order = append(p.order, e)
	return e
}

// extend takes the header of an extension.
func (p *parser) extend(w []line.Word) {
	if !p.counts(w, 1) {
		p.last = ""
		return
	}
	name := w[0].Text
	e := p.entries[name]
	if e == nil {
		template, _ := splitName(name)
		if p.entries[template] == nil || CheckName(name) != "" {
			p.extends = append(p.extends, extendFault{p.pos, name})
			p.last = ""
			return
		}
		e = p.enter(name)
	}
	p.cur = &block{pos: p.pos, class: p.class, extend: true}
	e.blocks = append(e.blocks, p.cur)
}

// checkExtends says which extensions had nothing to extend.
func (p *parser) checkExtends() {
	for _, x := range p.extends {
		p.pos = x.pos
		template, _ := splitName(x.name)
		later := p.entries[x.name]
		if later == nil {
			later = p.entries[template]
		}
		if later != nil {
			p.fault("extend of " + quote(x.name) + ", which is defined later (" + later.blocks[0].pos.String() +
				"): move it behind that")
		} else {
			p.fault("extend of " + quote(x.name) + ", which does not exist" + p.c.mend(x.name))
		}
	}
}

// set takes a variable for all units.
func (p *parser) set(w []line.Word) {
	if !p.counts(w, 2) {
		return
	}
	if !isEnvName(w[0].Text) {
		p.fault("set " + quote(w[0].Text) + " has no right name: use letters, digits and _")
		return
	}
	p.c.setVar(w[0].Text, percentless(w[1]))
}

// main takes the name of the main unit.
func (p *parser) main(w []line.Word) {
	switch {
	case !p.counts(w, 1):
	case p.c.Main != "":
		p.fault("main is " + quote(p.c.Main) + " already (" + p.c.mainPos.String() + "): remove one")
	case CheckName(w[0].Text) != "":
		p.fault("main: " + CheckName(w[0].Text))
	case isTemplate(w[0].Text):
		p.fault("main " + quote(w[0].Text) + " is a template: name an instance of it, such as " + quote(w[0].Text+"x"))
	default:
		p.c.Main, p.c.mainPos = w[0].Text, p.pos
	}
}

// fault says what is wrong at p.pos and fails no unit.
func (p *parser) fault(text string) { p.c.add(Fault{Pos: p.pos, Text: text}) }
