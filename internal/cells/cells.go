// Package cells writes text into the columns of a terminal.
package cells

import (
	"fmt"
	"math"
	"strings"
	"unicode"
)

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

// Width returns how many columns s takes.
func Width(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// Clean keeps a name, which others chose, from driving the terminal.
func Clean(s string, ascii bool) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar || ascii && r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s)
}

// Cut returns as much of s as fits into n columns.
func Cut(s string, n int) string {
	for i, r := range s {
		if n -= runeColumns(r); n < 0 {
			return s[:i]
		}
	}
	return s
}

// Left fills a column of n, with s at its left end; a + says that something was cut off.
func Left(s string, n int) string {
	if w := Width(s); w > n {
		s = Cut(s, n-1) + "+"
	}
	return s + strings.Repeat(" ", max(0, n-Width(s)))
}

// Right is Left with s at the right end.
func Right(s string, n int) string {
	if Width(s) > n {
		return Left(s, n)
	}
	return strings.Repeat(" ", n-Width(s)) + s
}

// Ends puts a at the left and b at the right end of n columns.
func Ends(a, b string, n int) string {
	return Left(a, max(0, n-Width(b)-1)) + " " + b
}

// Wrap breaks a text between words into lines of n columns, later ones indented.
func Wrap(s string, n int) (lines []string) {
	now := ""
	for _, word := range strings.Fields(s) {
		if now != "" && Width(now)+1+Width(word) > n {
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

// Short prints a number in at most six columns.
func Short(v float64) string {
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
