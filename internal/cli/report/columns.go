package report

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/shmq/shmq/internal/cli/exit"
)

// wideName is how wide names make the first column at most.
const wideName = 32

// Columns prints rows that start with a name, in columns. A name that is longer than most
// moves the rest of its own row only. The last cell of a row makes no column wider.
func Columns(out io.Writer, rows [][]string) error {
	var text strings.Builder
	widths := Widths(rows)
	for _, row := range rows {
		text.WriteString(widths.Row(row))
	}
	_, err := io.WriteString(out, text.String())
	return exit.Output(err)
}

// ColumnWidths are those of columns but for the last one.
type ColumnWidths []int

// Widths returns the widths that the cells of rows ask for.
func Widths(rows [][]string) (widths ColumnWidths) {
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			n := utf8.RuneCountInString(cell)
			if i == 0 && n > wideName {
				n = 0
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], n)
		}
	}
	return widths
}

// Row returns a row as a line.
func (widths ColumnWidths) Row(row []string) string {
	var text strings.Builder
	for i, cell := range row {
		text.WriteString(cell)
		if i < len(row)-1 {
			text.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+2))
		}
	}
	text.WriteByte('\n')
	return text.String()
}
