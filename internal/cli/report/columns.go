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
	var widths []int
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
	var text strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			text.WriteString(cell)
			if i < len(row)-1 {
				text.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+2))
			}
		}
		text.WriteByte('\n')
	}
	_, err := io.WriteString(out, text.String())
	return exit.Output(err)
}
