package top

import (
	"fmt"
	"math"
	"strings"
	"unicode"
)

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

// wide has the runes that take two columns, roughly: East Asian ones and pictures.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x2e80, Hi: 0xa4cf, Stride: 1}, {Lo: 0xac00, Hi: 0xd7a3, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, {Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, {Lo: 0xff00, Hi: 0xff60, Stride: 1}, {Lo: 0xffe0, Hi: 0xffe6, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x1f300, Hi: 0x1faff, Stride: 1}, {Lo: 0x20000, Hi: 0x3fffd, Stride: 1}},
}

func runeColumns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

func width(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// clean keeps a name, which others chose, from driving the terminal.
func clean(s string, ascii bool) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar || ascii && r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s)
}

// cut returns as much of s as fits into n columns.
func cut(s string, n int) string {
	for i, r := range s {
		if n -= runeColumns(r); n < 0 {
			return s[:i]
		}
	}
	return s
}

// left and right fill a column of n; a + at the end says that something was cut off.
func left(s string, n int) string {
	if w := width(s); w > n {
		s = cut(s, n-1) + "+"
	}
	return s + strings.Repeat(" ", max(0, n-width(s)))
}

func right(s string, n int) string {
	if width(s) > n {
		return left(s, n)
	}
	return strings.Repeat(" ", n-width(s)) + s
}

// ends puts a at the left and b at the right end of n columns.
func ends(a, b string, n int) string {
	return left(a, max(0, n-width(b)-1)) + " " + b
}

// wrap breaks a text between words into lines of n columns, later ones indented.
func wrap(s string, n int) (lines []string) {
	now := ""
	for _, word := range strings.Fields(s) {
		if now != "" && width(now)+1+width(word) > n {
			lines = append(lines, now)
			now = "  "
		}
		if strings.TrimSpace(now) != "" {
			now += " "
		}
		now += word
	}
	return append(lines, now)
}

// short prints a number in at most six columns.
func short(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 9.95 && v != math.Trunc(v):
		return fmt.Sprintf("%.1f", max(v, 0.1))
	case v < 9999.5:
		return fmt.Sprintf("%.0f", v)
	}
	i := -1
	for ; v >= 999.5 && i < 5; i++ {
		v /= 1000
	}
	if v < 99.5 {
		return fmt.Sprintf("%.1f%c", v, "kMGTPE"[i])
	}
	return fmt.Sprintf("%.0f%c", v, "kMGTPE"[i])
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
