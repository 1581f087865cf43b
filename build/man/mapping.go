package main

import (
	"fmt"
	"strings"

	"mote/build/doc"
)

// mapping makes mdoc of the page that maps other inits' words to ours. It knows
// as much of Markdown as that page has: headings, paragraphs, lists, tables of
// three columns, fenced blocks and backquotes.
func mapping() (string, error) {
	p := page{afterHeading: true}
	for i, l := range strings.Split(doc.Mapping, "\n") {
		if err := p.line(l); err != nil {
			return "", fmt.Errorf("mapping.md:%d: %w", i+1, err)
		}
	}
	if p.block != noBlock {
		return "", fmt.Errorf("mapping.md: a block is open at its end")
	}
	return p.out.String(), nil
}

// block is what a line of the page stands in.
type block uint8

const (
	noBlock block = iota
	inText
	inList
	inTable
	inCode
)

// page is a page under construction.
type page struct {
	out          strings.Builder
	block        block
	afterHeading bool // where mdoc wants no .Pp
}

func (p *page) line(l string) error {
	cells, isRow := doc.Cells(l)
	switch {
	case l == "```" && p.block == inCode:
		p.out.WriteString(".Ed\n")
		p.block = noBlock
	case p.block == inCode:
		p.out.WriteString(escape(l) + "\n")
	case strings.HasPrefix(l, "```"):
		p.to(inCode, ".Bd -literal -offset indent\n")
	case l == "":
		p.to(noBlock, "")
	case strings.HasPrefix(l, "# "):
		p.to(noBlock, "") // the title is the page's NAME
	case strings.HasPrefix(l, "### "):
		p.heading(".Ss " + escape(l[4:]))
	case strings.HasPrefix(l, "## "):
		p.heading(".Sh " + escape(strings.ToUpper(l[3:])))
	case strings.HasPrefix(l, "|---"):
	case isRow && p.block != inTable:
		p.to(inTable, ".Bl -tag -width Ds\n") // this row is the names of the columns
	case isRow && len(cells) != 3:
		return fmt.Errorf("%d columns: want three", len(cells))
	case isRow:
		p.row(cells[0], cells[1], cells[2])
	case strings.HasPrefix(l, "- "):
		p.to(inList, ".Bl -bullet\n")
		p.out.WriteString(".It\n" + inline(l[2:]) + "\n")
	case p.block == inList && strings.HasPrefix(l, "  "):
		p.out.WriteString(inline(l[2:]) + "\n")
	default:
		p.text(l)
	}
	return nil
}

// to ends the block and begins another one with its first macro.
func (p *page) to(b block, begin string) {
	if p.block == b {
		return
	}
	if p.block == inList || p.block == inTable {
		p.out.WriteString(".El\n")
	}
	if p.block = b; b != noBlock {
		p.afterHeading = false
	}
	p.out.WriteString(begin)
}

func (p *page) heading(macro string) {
	p.to(noBlock, "")
	p.out.WriteString(macro + "\n")
	p.afterHeading = true
}

// text is a line of a paragraph.
func (p *page) text(l string) {
	begin := ".Pp\n"
	if p.afterHeading {
		begin = ""
	}
	p.to(inText, begin)
	p.out.WriteString(inline(l) + "\n")
}

// row is an entry of a tagged list: their word, and under it ours and the note.
func (p *page) row(theirs, ours, note string) {
	p.out.WriteString(".It \"" + strings.ReplaceAll(fonts(theirs), `"`, `""`) + "\"\n")
	p.out.WriteString(`\(-> ` + fonts(ours) + "\n")
	if note != "" {
		p.out.WriteString(".br\n" + inline(note) + "\n")
	}
}

// inline is text with a new line for each sentence, as mdoc wants it.
func inline(t string) string { return strings.ReplaceAll(fonts(t), ". ", ".\n") }

// fonts is text whose words in backquotes are bold.
func fonts(t string) string {
	var s strings.Builder
	for i, part := range strings.Split(t, "`") {
		if i%2 == 1 {
			s.WriteString(`\fB` + strings.TrimPrefix(escape(part), `\&`) + `\fR`)
		} else if i > 0 {
			s.WriteString(strings.TrimPrefix(escape(part), `\&`))
		} else {
			s.WriteString(escape(part))
		}
	}
	return s.String()
}
