package top

import (
	"strings"

	"github.com/shmq/shmq/internal/cells"
)

// column is a column of a table.
type column struct {
	title   string
	width   int
	atRight bool // its cells stand at the right end of it
}

// table is what the rows of a list have in common.
type table []column

// row returns the texts, one of each column, as a line. Texts beyond the last column are
// left out.
func (t table) row(texts ...string) string {
	var b strings.Builder
	for i, c := range t {
		if i > 0 {
			b.WriteByte(' ')
		}
		if c.atRight {
			b.WriteString(cells.Right(texts[i], c.width))
		} else {
			b.WriteString(cells.Left(texts[i], c.width))
		}
	}
	return b.String()
}

// heading returns the titles as a line.
func (t table) heading() string {
	titles := make([]string, len(t))
	for i, c := range t {
		titles[i] = c.title
	}
	return t.row(titles...)
}
