// Package doc holds the pages of documentation that are no manual pages
// themselves. They are read by people here, and by build/man, which makes
// manual pages of them: there is one source.
package doc

import _ "embed"

// Mapping is the page that maps the words of other inits to mote's keys.
//
//go:embed mapping.md
var Mapping string
