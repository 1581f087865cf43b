package doc

import "strings"

// None is the second column of a row that says that there is no such thing.
const None = "none"

// Cells gives the cells of a table's line; false for any other line. A bar
// that is not to end a cell is written \|.
func Cells(line string) ([]string, bool) {
	body, ok := strings.CutPrefix(line, "| ")
	if !ok {
		return nil, false
	}
	body = strings.TrimSuffix(body, "|")
	body = strings.ReplaceAll(body, `\|`, "\x00")
	cells := strings.Split(body, "|")
	for i := range cells {
		cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "\x00", "|")
	}
	return cells, true
}

// Spans gives what stands between backquotes.
func Spans(text string) []string {
	var spans []string
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			spans = append(spans, part)
		}
	}
	return spans
}
