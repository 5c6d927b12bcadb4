package top

import "strings"

// style is how a line looks. It says nothing that the text does not say too.
type style uint8

const (
	plain style = iota
	heading
	chosen
	warning
	alarm
)

// line is a line of the screen.
type line struct {
	text  string
	style style
}

// graph draws the last values, of 0 to limit, into lines of n columns. Levels are the
// heights of a character, the lowest is no height.
func graph(values []int, limit, n, height int, ascii bool) []string {
	levels := []rune(" ▁▂▃▄▅▆▇█")
	if ascii {
		levels = []rune(" .:-=+*%#")
	}
	top := len(levels) - 1
	values = values[max(0, len(values)-n):]
	rows := make([]string, height)
	for y := range rows {
		row := []rune(strings.Repeat(" ", n-len(values)))
		for _, v := range values {
			// A value above 0 shows, and only a full one fills the last step.
			h := v * height * top / max(limit, 1)
			if v > 0 {
				h = min(max(h, 1), height*top)
			}
			row = append(row, levels[min(max(h-(height-1-y)*top, 0), top)])
		}
		rows[y] = string(row)
	}
	return rows
}
